"""Which registers have been written: a bit a lane of vector registers, of scalar ones each bit.

Compilers keep masks in scalar registers of which only the bits of active lanes count.

A result is written where all its sources are; a value that is not may be moved and computed with,
but not be an address, be stored, decide a branch or become EXEC: that is a fault. What lanes get
from other lanes counts as written.
"""

import re
from collections.abc import Sequence

from mlrift.backends.amdgcn.isa.instruction import (
    Access,
    Effects,
    ElementType,
    Inline,
    Instruction,
    Literal,
    OperandKind,
    Unit,
)
from mlrift.backends.amdgcn.isa.registers import (
    EXEC,
    GENERAL_SGPRS,
    SCC,
    VCC,
    Register,
    RegisterFile,
    sgpr,
)
from mlrift.emulator.code import Code
from mlrift.emulator.elements import constant_bits, signed
from mlrift.emulator.layout import WaveOffset
from mlrift.emulator.wave_registers import WaveRegisters
from mlrift.values import replace, value

_READS_OLD = ("v_fmac", "v_pk_fmac", "v_dot", "v_swap", "v_dual", "s_")
"""Operations of which a target that is also a source is really read; of others, kept in part."""

_CROSSES_LANES = ("v_readlane", "v_readfirstlane", "v_writelane", "v_permlane", "v_movrel", "ds_")
_LOW_FROM_LOW = frozenset(("v_mad_u64_u32", "v_mad_i64_i32", "v_lshlrev_b64"))
"""The low dword does not depend on high dwords, which compilers leave as they are."""

_BITWISE = re.compile(r"s_(and|or|xor|nand|nor|xnor)(_not[01])?(_saveexec|_wrexec)?_b32$")
_USES = frozenset((Unit.GLOBAL, Unit.FLAT, Unit.SCRATCH, Unit.LDS, Unit.SMEM, Unit.BRANCH))
_SPECIAL_SCALARS = 2
"""VCC and its high half: scalar registers beyond the general ones that begin unwritten."""


@value
class Uses:
    """Registers that an instruction reads or writes."""

    vectors: tuple[int, ...]
    scalars: tuple[int, ...]
    has_scc: bool


def sources_of(instruction: Instruction) -> Uses:
    """Return the registers that an instruction's result depends on."""
    row = instruction.row
    reads_old = row.operation.startswith(_READS_OLD)
    found = [
        operand
        for spec, operand in zip(row.operands, instruction.operands, strict=True)
        if spec.access is Access.READ or (spec.access is Access.BOTH and reads_old)
    ]
    return _uses([*found, *row.reads])


def results_of(instruction: Instruction) -> Uses:
    """Return the registers that an instruction writes."""
    row = instruction.row
    found = [
        operand
        for spec, operand in zip(row.operands, instruction.operands, strict=True)
        if spec.access is not Access.READ
    ]
    return _uses([*found, *row.writes])


def _uses(operands: Sequence[object]) -> Uses:
    registers = [operand for operand in operands if isinstance(operand, Register)]
    vectors = [row for row in registers if row.file is RegisterFile.VECTOR]
    scalars = [row for row in registers if row.file is RegisterFile.SCALAR]
    tracked = GENERAL_SGPRS + _SPECIAL_SCALARS
    return Uses(
        tuple(number for row in vectors for number in row.dwords()),
        tuple(number for row in scalars for number in row.dwords() if number < tracked),
        SCC in registers,
    )


def _low_sources(instruction: Instruction) -> Uses:
    """Return the registers that the low dword of a 64-bit result depends on."""
    found = [
        replace(operand, count=1) if isinstance(operand, Register) else operand
        for spec, operand in zip(instruction.row.operands, instruction.operands, strict=True)
        if spec.access is Access.READ
    ]
    return _uses(found)


class WrittenRegisters:
    """The bits as one chunk of code sees them, like `WaveRegisters` for the values."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self._vectors: dict[int, str] = {}
        self._scalars: dict[int, str] = {}
        self._dirty_vectors: set[int] = set()
        self._dirty_scalars: set[int] = set()

    def vector(self, number: int) -> str:
        """Return the lanes of a vector register that are written, an i32."""
        return self._get(self._vectors, WaveOffset.VGPR_WRITTEN, number)

    def scalar(self, number: int) -> str:
        """Return the bits of a scalar register that are written, an i32."""
        return self._get(self._scalars, WaveOffset.SGPR_WRITTEN, number)

    def _get(self, known: dict[int, str], base: int, number: int) -> str:
        if number not in known:
            known[number] = self.code.load("i32", self.code.address("%wave", base + 4 * number))
        return known[number]

    def all_of(self, uses: Uses) -> str:
        """Return the lanes in which all of some registers are written."""
        found = [self.vector(number) for number in uses.vectors]
        found += [self._whole(self.scalar(number)) for number in uses.scalars]
        if uses.has_scc:
            found.append(self.scalar(_SCC))
        total = "-1"
        for each in found:
            total = self.code.binary("and", "i32", total, each)
        return total

    def set_vector(self, number: int, lanes: str, active: str) -> None:
        """Say in which of the active lanes a register is written now."""
        code = self.code
        inactive = code.binary("xor", "i32", active, "-1")
        kept = code.binary("and", "i32", self.vector(number), inactive)
        made = code.binary("and", "i32", lanes, active)
        self._vectors[number] = code.binary("or", "i32", kept, made)
        self._dirty_vectors.add(number)

    def _whole(self, bits: str) -> str:
        """Return -1 if all bits are set, else 0."""
        whole = self.code.binary("icmp eq", "i32", bits, "-1")
        return self.code.convert("sext", "i1", whole, "i32")

    def set_scalar(self, number: int, bits: str) -> None:
        """Say which bits of a scalar register are written now."""
        self._scalars[number] = bits
        self._dirty_scalars.add(number)

    def flush(self) -> None:
        """Write the bits back to the wave's state."""
        code = self.code
        for dirty, known, base in (
            (self._dirty_vectors, self._vectors, WaveOffset.VGPR_WRITTEN),
            (self._dirty_scalars, self._scalars, WaveOffset.SGPR_WRITTEN),
        ):
            for number in sorted(dirty):
                code.store("i32", known[number], code.address("%wave", base + 4 * number))
            dirty.clear()

    # -- an instruction --

    def named(self, uses: Uses) -> list[tuple[str, str]]:
        """Return the name of each register and the lanes in which it is written."""
        found = [(f"v{number}", self.vector(number)) for number in uses.vectors]
        found += [(_scalar_name(number), self.scalar(number)) for number in uses.scalars]
        if uses.has_scc:
            found.append(("scc", self.scalar(_SCC)))
        return found

    def result_lanes(self, instruction: Instruction, registers: WaveRegisters) -> str:
        """Return the lanes in which an instruction's results will count as written."""
        if has_free_result(instruction):
            return "-1"
        combination = _combination_of(instruction)
        if combination is not None:
            return self._combined(instruction, registers, *combination)
        if instruction.row.operation.startswith("v_cndmask"):
            return self._selected(instruction, registers)
        return self.all_of(sources_of(instruction))

    def _combined(
        self, instruction: Instruction, registers: WaveRegisters, operation: str, inverts: bool
    ) -> str:
        """Bit by bit: a 0 decides an and, a 1 an or, whatever the other bit is."""
        code, pairs = self.code, []
        operands = [
            operand
            for spec, operand in zip(instruction.row.operands, instruction.operands, strict=True)
            if spec.access is Access.READ
        ]
        for operand in [*operands, EXEC][:2]:
            if isinstance(operand, Inline | Literal):
                bits = constant_bits(operand, ElementType.B32)
                pairs.append((str(signed(bits, 32)), "-1"))
                continue
            if not isinstance(operand, Register) or operand.file is not RegisterFile.SCALAR:
                return self.all_of(sources_of(instruction))
            number = operand.first
            is_tracked = number < GENERAL_SGPRS + _SPECIAL_SCALARS
            written = self.scalar(number) if is_tracked else "-1"
            pairs.append((registers.scalar(number), written))
        place = 0 if "not0" in instruction.row.operation else 1
        if inverts:
            found, written = pairs[place]
            pairs[place] = (code.binary("xor", "i32", found, "-1"), written)
        (a, a_written), (b, b_written) = pairs
        if operation == "and":
            a, b = (code.binary("xor", "i32", found, "-1") for found in (a, b))
        total = code.binary("and", "i32", a_written, b_written)
        if operation == "xor":
            return total
        for found, written in ((a, a_written), (b, b_written)):
            decided = code.binary("and", "i32", found, written)
            total = code.binary("or", "i32", total, decided)
        return total

    def _selected(self, instruction: Instruction, registers: WaveRegisters) -> str:
        """Only the source that a lane selects has to be written."""
        code = self.code
        operands = dict(
            zip((spec.kind for spec in instruction.row.operands), instruction.operands, strict=True)
        )
        mask = operands.get(OperandKind.MASK_SOURCE, VCC)
        number = mask.first if isinstance(mask, Register) else VCC.first
        chosen = registers.scalar(number)
        places = [
            operand
            for spec, operand in zip(instruction.row.operands, instruction.operands, strict=True)
            if spec.access is Access.READ and spec.kind is not OperandKind.MASK_SOURCE
        ]
        first, second = (self.all_of(_uses([place])) for place in places[:2])
        inverse = code.binary("xor", "i32", chosen, "-1")
        either = code.binary(
            "or",
            "i32",
            code.binary("and", "i32", chosen, second),
            code.binary("and", "i32", inverse, first),
        )
        return code.binary("and", "i32", either, self.all_of(_uses([sgpr(number)])))

    def record(self, instruction: Instruction, lanes: str, active: str) -> None:
        """Note the results of an instruction whose sources are written in some lanes."""
        results = results_of(instruction)
        low = lanes
        if instruction.row.operation in _LOW_FROM_LOW:
            low = self.all_of(_low_sources(instruction))
        for place, number in enumerate(results.vectors):
            self.set_vector(number, lanes if place else low, active)
        inactive = self.code.binary("xor", "i32", active, "-1")
        by_lane = instruction.row.operation.startswith("v_")
        bits = self.code.binary("or", "i32", lanes, inactive) if by_lane else lanes
        if instruction.row.operation.startswith("v_readfirst"):
            bits = lanes
        saves_exec = "saveexec" in instruction.row.operation
        for number in results.scalars:
            self.set_scalar(number, "-1" if saves_exec else bits)
        if results.has_scc:
            self.set_scalar(_SCC, self._whole(bits))


_SCC = 128
"""SCC's bit comes after those of the scalar registers."""


def _scalar_name(number: int) -> str:
    if number < GENERAL_SGPRS:
        return f"s{number}"
    return "vcc_lo" if number == VCC.first else "vcc_hi"


def _combination_of(instruction: Instruction) -> tuple[str, bool] | None:
    """Return what a scalar operation on 32 single bits does, and if it inverts a source."""
    match = _BITWISE.match(instruction.row.operation)
    if match is None:
        return None
    names = {"nand": "and", "nor": "or", "xnor": "xor"}
    return names.get(match[1], match[1]), bool(match[2])


def has_free_result(instruction: Instruction) -> bool:
    """Whether the result counts as written whatever the sources are: loads, exchange of lanes."""
    row = instruction.row
    if row.operation.startswith(_CROSSES_LANES) or row.unit in (Unit.MATRIX, Unit.SMEM):
        return True
    if "dpp_ctrl" in row.modifiers or "dpp8" in row.modifiers:
        return True
    return bool(row.effects & Effects.LOADS)


def changes_exec(instruction: Instruction) -> bool:
    """Whether the instruction writes EXEC."""
    row = instruction.row
    return bool(row.effects & Effects.WRITES_EXEC) or any(
        isinstance(operand, Register) and operand.first == EXEC.first
        for spec, operand in zip(row.operands, instruction.operands, strict=True)
        if spec.access is not Access.READ
    )


def must_be_written(instruction: Instruction) -> bool:
    """Whether the sources have to be written: addresses, data stored, conditions."""
    return instruction.row.unit in _USES
