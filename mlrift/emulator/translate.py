"""Chunks of code to LLVM functions.

    define i32 @chunk7(ptr %wave, ptr %context)

A chunk is a run of instructions that is entered at its first and left at its last: a basic block,
or a piece of a long one. It does its work on the wave's state and returns the number of the chunk
that follows, or a `Status`. Invariant: what cannot be decoded or is not known becomes a chunk that
faults when it is executed, not an error of the translation.
"""

from enum import Enum, unique

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa import DecodeError, decode
from mlrift.backends.amdgcn.isa.instruction import Immediate, Instruction, OperandKind, Unit
from mlrift.emulator.code import Code
from mlrift.emulator.float_mode import FloatMode
from mlrift.emulator.layout import ContextOffset, FaultCode, SegmentOffset, WaveOffset
from mlrift.emulator.semantics import semantics_of
from mlrift.emulator.semantics.control import ENDS
from mlrift.emulator.semantics.lanes import apply_dpp
from mlrift.emulator.step import NoSemantics, Step
from mlrift.emulator.wave_registers import WaveRegisters
from mlrift.emulator.written_registers import (
    WrittenRegisters,
    changes_exec,
    must_be_written,
    sources_of,
)
from mlrift.values import record, value

_LONGEST_CHUNK = 48
_MEMORY_UNITS = frozenset((Unit.SMEM, Unit.LDS, Unit.GLOBAL, Unit.FLAT, Unit.SCRATCH, Unit.BUFFER))


@value
class Site:
    """Where a fault or a memory access is: an offset in the code; `note` explains a fault."""

    offset: int
    note: str = ""


@record
class Segment:
    """Instructions of a chunk that run with one EXEC; counted together."""

    offsets: list[int]


class CodeImage:
    """The code of a program, decoded where it is asked for. Offsets count from its first byte."""

    def __init__(self, data: bytes, address: int, generation: Generation) -> None:
        self.data = data
        self.address = address
        self.generation = generation
        self._decoded: dict[int, tuple[Instruction, int]] = {}

    def at(self, offset: int) -> tuple[Instruction, int]:
        """Return the instruction at an offset and its size; raises DecodeError."""
        found = self._decoded.get(offset)
        if found is None:
            if not 0 <= offset < len(self.data):
                raise DecodeError("there is no code")
            found = self._decoded[offset] = decode(self.data, offset, self.generation)
        return found

    def branch_target(self, offset: int) -> int | None:
        """Return where the instruction branches to, None if it is no relative branch."""
        instruction, size = self.at(offset)
        for spec, operand in zip(instruction.row.operands, instruction.operands, strict=True):
            if spec.kind is OperandKind.BRANCH_TARGET and isinstance(operand, Immediate):
                return offset + size + 4 * operand.number
        return None

    def leaders(self, entry: int) -> set[int]:
        """Return the offsets that branches reach from an entry, and the entry."""
        leaders, pending, seen = {entry}, [entry], set[int]()
        while pending:
            offset = pending.pop()
            while offset not in seen:
                seen.add(offset)
                try:
                    instruction, size = self.at(offset)
                except DecodeError:
                    break
                target = self.branch_target(offset)
                if target is not None:
                    leaders.add(target)
                    pending.append(target)
                if instruction.row.operation in _LEAVING:
                    break
                offset += size
                if instruction.row.operation in ENDS:
                    leaders.add(offset)
        return leaders


@unique
class Tracking(Enum):
    """Whether the use of registers that were never written is found."""

    OFF = "off"
    WRITTEN_REGISTERS = "written registers"


_LEAVING = frozenset(
    ("s_branch", "s_endpgm", "s_endpgm_saved", "s_setpc_b64", "s_code_end", "s_trap")
)


class Translator:
    """The chunks of a program: numbers, and the code of those that are new."""

    def __init__(
        self, image: CodeImage, allocated_registers: int, tracking: Tracking = Tracking.OFF
    ) -> None:
        self.image = image
        self.allocated_registers = allocated_registers
        self.tracking = tracking
        self.sites: list[Site] = []
        self.segments: list[Segment] = []
        self.chunks: list[tuple[int, FloatMode]] = []
        self._numbers: dict[tuple[int, FloatMode], int] = {}
        self._pending: list[int] = []
        self._leaders: set[int] = set()

    def number_of(self, offset: int, mode: FloatMode) -> int:
        """Return the number of a chunk; it is translated by the next `translate`."""
        key = (offset, mode)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.chunks)
            self.chunks.append(key)
            self._pending.append(number)
        return number

    def enter(self, offset: int, mode: FloatMode) -> int:
        """Return the number of the chunk at a place that is not reached by branches seen so far."""
        if offset not in self._leaders:
            self._leaders |= self.image.leaders(offset)
        return self.number_of(offset, mode)

    def translate(self) -> tuple[dict[int, str], set[str], set[str]]:
        """Return the text of all new chunks by number, the helpers and declarations they need."""
        texts: dict[int, str] = {}
        helpers: set[str] = set()
        declarations: set[str] = set()
        while self._pending:
            number = self._pending.pop()
            code = self._chunk(number)
            body = "\n  ".join(code.lines)
            texts[number] = (
                f"define i32 @chunk{number}(ptr %wave, ptr %context) {{\nentry:\n  {body}\n}}\n"
            )
            helpers |= code.helpers
            declarations |= code.declarations
        return texts, helpers, declarations

    def _chunk(self, number: int) -> Code:
        offset, mode = self.chunks[number]
        chunk = _Chunk(self, offset, mode)
        chunk.run()
        return chunk.code

    def is_leader(self, offset: int) -> bool:
        """Whether a branch goes there."""
        return offset in self._leaders

    def site(self, site: Site) -> int:
        """Return the number of a new site."""
        self.sites.append(site)
        return len(self.sites) - 1


class _Chunk:
    """One chunk under construction."""

    def __init__(self, translator: Translator, offset: int, mode: FloatMode) -> None:
        self.translator = translator
        self.image = translator.image
        self.offset = offset
        self.mode = mode
        self.code = Code()
        self.registers = WaveRegisters(self.code, translator.allocated_registers)
        self.written: WrittenRegisters | None = None
        if translator.tracking is Tracking.WRITTEN_REGISTERS:
            self.written = WrittenRegisters(self.code)
            self.registers.before_leaving.append(self.written.flush)
        self.count = 0
        self.segment: Segment | None = None
        self.has_ended = False

    def run(self) -> None:
        """Translate instructions up to the end of the chunk."""
        place = len(self.code.lines)
        first = self.offset
        while not self.has_ended:
            self._one()
            at_limit = self.count >= _LONGEST_CHUNK or self.translator.is_leader(self.offset)
            if not self.has_ended and at_limit:
                self.registers.flush()
                self.code.do(f"ret i32 {self.translator.number_of(self.offset, self.mode)}")
                self.has_ended = True
        if self.offset == first and self.count == 0:
            return
        self.code.lines[place:place] = self._accounting()

    def _accounting(self) -> list[str]:
        """Return what takes the instructions from the quantum and adds them to the clock."""
        lines = []
        for name, base, offset, operation in (
            ("quantum", "wave", WaveOffset.QUANTUM, "sub"),
            ("clock", "context", ContextOffset.CLOCK, "add"),
        ):
            lines += [
                f"%{name}.p = getelementptr i8, ptr %{base}, i64 {offset:d}",
                f"%{name}.old = load i64, ptr %{name}.p, align 8",
                f"%{name}.new = {operation} i64 %{name}.old, {self.count}",
                f"store i64 %{name}.new, ptr %{name}.p, align 8",
            ]
        return lines

    def _one(self) -> None:
        """Translate one instruction."""
        self.count += 1
        try:
            instruction, size = self.image.at(self.offset)
        except DecodeError as error:
            self._fault(Site(self.offset, str(error)), FaultCode.NOT_CODE)
            return
        self._count(self.offset)
        step = self._step(instruction, size)
        semantics = semantics_of(instruction.row.operation)
        before = self.registers.exec_name
        try:
            if semantics is None:
                raise NoSemantics(f"`{instruction.row.name}` is not executed by the emulator")
            if "dpp8" in instruction.row.modifiers or "dpp_ctrl" in instruction.row.modifiers:
                apply_dpp(step)
            if self.written is not None:
                self._track(self.written, instruction)
            semantics(step)
        except NoSemantics as error:
            self._fault(Site(self.offset, str(error)), FaultCode.NO_SEMANTICS)
            return
        self.mode = step.mode
        self.offset += size
        self.has_ended = step.has_ended
        if self.registers.exec_name != before:
            self.segment = None

    def _track(self, written: WrittenRegisters, instruction: Instruction) -> None:
        """Fault if a source has to be written and is not; note what the results will be."""
        active = self.registers.exec
        if must_be_written(instruction):
            for name, lanes in written.named(sources_of(instruction)):
                self._check_written(name, lanes, active)
        lanes = written.result_lanes(instruction, self.registers)
        if changes_exec(instruction):
            whole = lanes
            if instruction.row.operation.startswith("v_"):
                inactive = self.code.binary("xor", "i32", active, "-1")
                whole = self.code.binary("or", "i32", lanes, inactive)
            self._check_written("a source of EXEC", whole, "-1")
        written.record(instruction, lanes, active)

    def _check_written(self, name: str, lanes: str, active: str) -> None:
        code = self.code
        missing = code.binary("and", "i32", active, code.binary("xor", "i32", lanes, "-1"))
        bad, fine = code.fresh("unwritten"), code.fresh("written")
        code.branch_if(code.binary("icmp ne", "i32", missing, "0"), bad, fine)
        code.start(bad)
        lane = code.call("i32", "llvm.cttz.i32", f"i32 {missing}", "i1 true")
        site = self.translator.site(Site(self.offset, f"{name} is used before it is written"))
        number = FaultCode.UNWRITTEN_REGISTER
        arguments = ("ptr %context", f"i32 {number:d}", f"i32 {site}", f"i32 {lane}", "i64 0")
        code.call_void("fault.set", *arguments, "i64 0", "i32 0")
        code.do("ret i32 -1")
        code.start(fine)

    def _step(self, instruction: Instruction, size: int) -> Step:
        step = Step(instruction, self.registers, self.image.generation, self.mode)
        site = 0
        uses_memory = instruction.row.unit in _MEMORY_UNITS
        if uses_memory or instruction.row.operation in ENDS:
            site = self.translator.site(Site(self.offset))
        step.place(self.translator, self.offset, size, site, self.image.address)
        return step

    def _fault(self, site: Site, code: FaultCode) -> None:
        registers = WaveRegisters(self.code, self.translator.allocated_registers)
        number = self.translator.site(site)
        arguments = ("ptr %context", f"i32 {code:d}", f"i32 {number}", "i32 0", "i64 0", "i64 0")
        self.code.call_void("fault.set", *arguments, "i32 0")
        self.code.do("ret i32 -1")
        self.registers = registers
        self.has_ended = True

    def _count(self, offset: int) -> None:
        """Count the instruction with its segment; begin one if EXEC has changed."""
        if self.segment is None:
            self.segment = Segment([])
            number = len(self.translator.segments)
            self.translator.segments.append(self.segment)
            self._count_segment(number)
        self.segment.offsets.append(offset)

    def _count_segment(self, number: int) -> None:
        code = self.code
        table = code.load("ptr", code.address("%context", ContextOffset.SEGMENTS), 8)
        lanes = code.call("i32", "llvm.ctpop.i32", f"i32 {self.registers.exec}")
        wide = code.convert("zext", "i32", lanes, "i64")
        for field, amount in ((SegmentOffset.EXECUTIONS, "1"), (SegmentOffset.LANES, wide)):
            place = code.address(table, SegmentOffset.ROW * number + field)
            total = code.binary("add", "i64", code.load("i64", place, 8), amount)
            code.store("i64", total, place, 8)
