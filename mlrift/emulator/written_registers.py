"""Which registers have been written: a bit a lane of vector registers, one a scalar register.

A result is written where all its sources are; a value that is not may be moved and computed with,
but not be an address, be stored, decide a branch or become EXEC: that is a fault. What lanes get
from other lanes counts as written.
"""

from mlrift.backends.amdgcn.isa.instruction import Access, Effects, Instruction, Unit
from mlrift.backends.amdgcn.isa.registers import EXEC, GENERAL_SGPRS, SCC, VCC, Register, RegisterFile
from mlrift.emulator.code import Code
from mlrift.emulator.layout import WaveOffset
from mlrift.values import value

_READS_OLD = ("v_fmac", "v_pk_fmac", "v_dot", "v_swap", "v_dual", "s_")
"""Operations of which a target that is also a source is really read; of others, kept in part."""

_CROSSES_LANES = ("v_readlane", "v_readfirstlane", "v_writelane", "v_permlane", "v_movrel", "ds_")
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


def _uses(operands: list[object]) -> Uses:
    registers = [operand for operand in operands if isinstance(operand, Register)]
    vectors = [row for row in registers if row.file is RegisterFile.VECTOR]
    scalars = [row for row in registers if row.file is RegisterFile.SCALAR]
    tracked = GENERAL_SGPRS + _SPECIAL_SCALARS
    return Uses(
        tuple(number for row in vectors for number in row.dwords()),
        tuple(number for row in scalars for number in row.dwords() if number < tracked),
        SCC in registers,
    )


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
        """Return -1 if a scalar register is written, else 0, an i32."""
        return self._get(self._scalars, WaveOffset.SGPR_WRITTEN, number)

    def _get(self, known: dict[int, str], base: int, number: int) -> str:
        if number not in known:
            known[number] = self.code.load("i32", self.code.address("%wave", base + 4 * number))
        return known[number]

    def all_of(self, uses: Uses) -> str:
        """Return the lanes in which all of some registers are written."""
        found = [self.vector(number) for number in uses.vectors]
        found += [self.scalar(number) for number in uses.scalars]
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

    def set_scalar(self, number: int, lanes: str) -> None:
        """Say that a register is written if all lanes' sources were."""
        whole = self.code.binary("icmp eq", "i32", lanes, "-1")
        self._scalars[number] = self.code.convert("sext", "i1", whole, "i32")
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

    def record(self, instruction: Instruction, lanes: str, active: str) -> None:
        """Note the results of an instruction whose sources are written in some lanes."""
        results = results_of(instruction)
        for number in results.vectors:
            self.set_vector(number, lanes, active)
        inactive = self.code.binary("xor", "i32", active, "-1")
        by_lane = instruction.row.operation.startswith("v_")
        whole = self.code.binary("or", "i32", lanes, inactive) if by_lane else lanes
        for number in results.scalars:
            self.set_scalar(number, whole)
        if results.has_scc:
            self.set_scalar(_SCC, whole)


_SCC = 128
"""SCC's bit comes after those of the scalar registers."""


def _scalar_name(number: int) -> str:
    if number < GENERAL_SGPRS:
        return f"s{number}"
    return "vcc_lo" if number == VCC.first else "vcc_hi"


def has_free_result(instruction: Instruction) -> bool:
    """Whether the result counts as written whatever the sources are: loads, exchange of lanes."""
    row = instruction.row
    if row.operation.startswith(_CROSSES_LANES) or row.unit in (Unit.MATRIX, Unit.SMEM):
        return True
    if "dpp_ctrl" in row.modifiers or "dpp8" in row.modifiers:
        return True
    return bool(row.effects & Effects.LOADS)


def must_be_written(instruction: Instruction) -> bool:
    """Whether the sources have to be written: addresses, data stored, conditions, a new EXEC."""
    row = instruction.row
    if row.unit in _USES or row.effects & Effects.WRITES_EXEC:
        return True
    return any(
        isinstance(operand, Register) and operand.first == EXEC.first
        for spec, operand in zip(row.operands, instruction.operands, strict=True)
        if spec.access is not Access.READ
    )
