"""The hazards of gpu.md 4.5 that our code can meet, each as a state that walks along the code.

A rule sees every instruction before it is placed (`fix` says what must stand in front of it) and
after (`note`). States of several edges join to the more dangerous. What LLVM's passes insert for
hand-made code (`post-RA-hazard-rec`, `amdgpu-wait-sgpr-hazards`) is the reference.
"""

from mlrift.backends.amdgcn.allocation.units import FIRST_VECTOR_UNIT
from mlrift.backends.amdgcn.isa.instruction import Access, Unit
from mlrift.backends.amdgcn.isa.registers import VCC, vgpr
from mlrift.backends.amdgcn.mir import MachineInstruction
from mlrift.static_types import TYPE_CHECKING
from mlrift.values import record

if TYPE_CHECKING:
    from typing import Protocol
else:
    Protocol = object

_VECTOR_PIPES = frozenset({Unit.VALU, Unit.TRANSCENDENTAL, Unit.MATRIX})
_SCALAR_PIPES = frozenset({Unit.SALU, Unit.BRANCH})
_MEMORY_UNITS = frozenset({Unit.LDS, Unit.GLOBAL, Unit.FLAT, Unit.SCRATCH, Unit.BUFFER, Unit.CACHE})

_NO_WAIT = 0xFF9F
_VA_VDST = 0x0F9F
_VA_SDST = 0xF19F
_VA_VCC = 0xFF9D
_SA_SDST = 0xFF9E

_TRANSCENDENTAL_VALUS = 5
_TRANSCENDENTAL_OTHERS = 1


@record
class HazardStep:
    """An instruction as hazards see it; registers are units (`allocation.units`)."""

    operation: str
    unit: Unit
    reads: list[int]
    writes: list[int]
    matrix_sources: list[int]
    """Units of A and B of a matrix instruction."""

    @property
    def is_vector(self) -> bool:
        """Whether a vector pipe executes it."""
        return self.unit in _VECTOR_PIPES


class HazardRule(Protocol):
    """One hazard's state."""

    def fix(self, step: HazardStep) -> list[MachineInstruction]:
        """Return what must stand before an instruction; the state is as after it."""

    def note(self, step: HazardStep) -> None:
        """Move over an instruction."""

    def copy(self) -> "HazardRule":
        """Return a state that changes on its own."""

    def join(self, other: "HazardRule") -> bool:
        """Add the dangers of another edge; whether that changed anything."""


def _wait_for_pipes(mask: int) -> list[MachineInstruction]:
    return [MachineInstruction("s_waitcnt_depctr", [mask], (Access.READ,))]


def _do_nothing() -> list[MachineInstruction]:
    return [MachineInstruction("v_nop", [], ())]


class TranscendentalUse:
    """gfx1100 to gfx1103: a transcendental result read by a vector instruction too early. Vector
    memory instructions in between wait for it, too.
    """

    __slots__ = ("ages",)

    def __init__(self) -> None:
        self.ages: dict[int, tuple[int, int]] = {}
        """Vector and transcendental instructions since a register was written."""

    def fix(self, step: HazardStep) -> list[MachineInstruction]:
        """Return what must stand before an instruction."""
        if not self.ages or not step.is_vector:
            return []
        if self.ages.keys().isdisjoint(step.reads):
            return []
        self.ages = {}
        return _wait_for_pipes(_VA_VDST)

    def note(self, step: HazardStep) -> None:
        """Move over an instruction."""
        if step.unit in _MEMORY_UNITS:
            self.ages = {}
        if not step.is_vector:
            return
        transcendental = 1 if step.unit is Unit.TRANSCENDENTAL else 0
        if self.ages:
            aged = {
                unit: (valus + 1, others + transcendental)
                for unit, (valus, others) in self.ages.items()
            }
            self.ages = {
                unit: row
                for unit, row in aged.items()
                if row[0] <= _TRANSCENDENTAL_VALUS and row[1] <= _TRANSCENDENTAL_OTHERS
            }
        if transcendental:
            self.ages.update(dict.fromkeys(step.writes, (0, 0)))

    def copy(self) -> "TranscendentalUse":
        """Return a state that changes on its own."""
        made = TranscendentalUse()
        made.ages = dict(self.ages)
        return made

    def join(self, other: HazardRule) -> bool:
        """Add the dangers of another edge."""
        assert isinstance(other, TranscendentalUse)
        changed = False
        for unit, row in other.ages.items():
            known = self.ages.get(unit)
            younger = row if known is None else (min(row[0], known[0]), min(row[1], known[1]))
            if younger != known:
                self.ages[unit] = younger
                changed = True
        return changed


class MatrixOverlap:
    """A matrix result that is A or B of the next matrix instruction: a vector instruction between
    them is needed.
    """

    __slots__ = ("results",)

    def __init__(self) -> None:
        self.results: frozenset[int] = frozenset()

    def fix(self, step: HazardStep) -> list[MachineInstruction]:
        """Return what must stand before an instruction."""
        if step.unit is not Unit.MATRIX or self.results.isdisjoint(step.matrix_sources):
            return []
        return _do_nothing()

    def note(self, step: HazardStep) -> None:
        """Move over an instruction."""
        if step.unit is Unit.MATRIX:
            self.results = frozenset(step.writes)
        elif step.is_vector:
            self.results = frozenset()

    def copy(self) -> "MatrixOverlap":
        """Return a state that changes on its own."""
        made = MatrixOverlap()
        made.results = self.results
        return made

    def join(self, other: HazardRule) -> bool:
        """Add the dangers of another edge."""
        assert isinstance(other, MatrixOverlap)
        changed = not other.results <= self.results
        self.results |= other.results
        return changed


class CompareThenPermute:
    """v_cmpx followed by v_permlane*: a vector instruction must stand between them."""

    __slots__ = ("fresh",)

    def __init__(self) -> None:
        self.fresh = False

    def fix(self, step: HazardStep) -> list[MachineInstruction]:
        """Return what must stand before an instruction."""
        if not self.fresh or not step.operation.startswith("v_permlane"):
            return []
        self.fresh = False
        return [_move_to_itself(step.reads)]

    def note(self, step: HazardStep) -> None:
        """Move over an instruction."""
        if step.is_vector:
            self.fresh = step.operation.startswith("v_cmpx")

    def copy(self) -> "CompareThenPermute":
        """Return a state that changes on its own."""
        made = CompareThenPermute()
        made.fresh = self.fresh
        return made

    def join(self, other: HazardRule) -> bool:
        """Add the dangers of another edge."""
        assert isinstance(other, CompareThenPermute)
        changed = other.fresh and not self.fresh
        self.fresh |= other.fresh
        return changed


class ScalarForwarding:
    """gfx12: a scalar register of a pair that a vector instruction has read is written and read
    again. Scalar memory waits for everything, a scalar reader for what vector instructions have
    written to the pair. Bits of the integers are units.
    """

    __slots__ = ("by_scalar", "by_vector", "seen")

    def __init__(self) -> None:
        self.seen = 0
        self.by_scalar = 0
        self.by_vector = 0

    def fix(self, step: HazardStep) -> list[MachineInstruction]:
        """Return what must stand before an instruction."""
        mask = self._needed(step)
        if mask == _NO_WAIT:
            return []
        if mask & _SA_SDST == mask:
            self.by_scalar = 0
        if mask & _VA_SDST == mask:
            self.by_vector &= _VCC_BIT
        if mask & _VA_VCC == mask:
            self.by_vector &= ~_VCC_BIT
        return _wait_for_pipes(mask)

    def _needed(self, step: HazardStep) -> int:
        mask = _NO_WAIT
        if not self.by_scalar | self.by_vector:
            return mask
        if not step.is_vector and step.unit not in _SCALAR_PIPES:
            return mask
        read = _scalar_bits(step.reads)
        if read & self.by_scalar:
            mask &= _SA_SDST
        if step.is_vector and read & self.by_vector & ~_VCC_BIT:
            mask &= _VA_SDST
        if step.is_vector and read & self.by_vector & _VCC_BIT:
            mask &= _VA_VCC
        return mask

    def note(self, step: HazardStep) -> None:
        """Move over an instruction."""
        written = _scalar_bits(step.writes)
        if step.is_vector:
            self.seen |= _pairs(_scalar_bits(step.reads))
            self.by_vector |= written & self.seen
        elif step.unit in _SCALAR_PIPES:
            self.by_vector &= ~_pairs(_scalar_bits(step.reads))
            self.by_scalar |= written & self.seen
        elif step.unit is Unit.SMEM:
            self.by_scalar = self.by_vector = 0
        else:
            self.by_scalar &= ~written
            self.by_vector &= ~written

    def copy(self) -> "ScalarForwarding":
        """Return a state that changes on its own."""
        made = ScalarForwarding()
        made.seen, made.by_scalar, made.by_vector = self.seen, self.by_scalar, self.by_vector
        return made

    def join(self, other: HazardRule) -> bool:
        """Add the dangers of another edge."""
        assert isinstance(other, ScalarForwarding)
        before = (self.seen, self.by_scalar, self.by_vector)
        self.seen |= other.seen
        self.by_scalar |= other.by_scalar
        self.by_vector |= other.by_vector
        return before != (self.seen, self.by_scalar, self.by_vector)


_VCC_BIT = 1 << VCC.first
_EVEN = sum(1 << unit for unit in range(0, 108, 2))
_GENERAL = (1 << 108) - 1


def _scalar_bits(units: list[int]) -> int:
    bits = 0
    for unit in units:
        if unit < FIRST_VECTOR_UNIT:
            bits |= 1 << unit
    return bits & _GENERAL


def _pairs(bits: int) -> int:
    low = (bits | bits >> 1) & _EVEN
    return low | low << 1


def _move_to_itself(reads: list[int]) -> MachineInstruction:
    number = next(unit for unit in reads if unit >= FIRST_VECTOR_UNIT) - FIRST_VECTOR_UNIT
    operands = [vgpr(number), vgpr(number)]
    return MachineInstruction("v_mov_b32", list(operands), (Access.WRITE, Access.READ))
