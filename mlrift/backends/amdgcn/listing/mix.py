"""What the instructions of a kernel are: units, bytes and operations, inside loops and outside.

Decoded code in, counts out. A loop is a branch back and what lies between; its counts are for one
round. All are static: both sides of a condition count, and every lane is taken to be there.
"""

from mlrift.backends.amdgcn.isa.instruction import Effects, Instruction, Unit
from mlrift.backends.amdgcn.listing.decoded import Decoded, Step, target_of
from mlrift.values import field, record

_LANES = 32
_MEMORY_UNITS = (Unit.GLOBAL, Unit.FLAT, Unit.BUFFER)
_FUSED = ("fma", "fmac", "mad", "mac", "fmaak", "fmamk")
_SINGLE = ("add", "sub", "subrev", "mul", "max", "min", "med3", "maximum", "minimum")
_PAIRS = 2
_MATRIX_OPERATIONS = 2 * 16 * 16 * 16 // _LANES
_DOT_LANES = {"dot2": 2, "dot2c": 2, "dot4": 4, "dot4c": 4, "dot8": 8}


@record
class Counts:
    """Instructions by unit; bytes and operations for each work item."""

    units: dict[Unit, int] = field(default_factory=dict)
    loaded_bytes: float = 0
    stored_bytes: float = 0
    lds_bytes: float = 0
    private_bytes: float = 0
    float_operations: int = 0

    @property
    def instructions(self) -> int:
        """All of them."""
        return sum(self.units.values())

    def add(self, made: Instruction) -> None:
        """Count an instruction."""
        row = made.row
        self.units[row.unit] = self.units.get(row.unit, 0) + 1
        self.float_operations += float_operations(row.operation, row.unit)
        size = row.access_bytes
        if row.unit is Unit.SMEM:
            self.loaded_bytes += size / _LANES
        elif row.unit is Unit.LDS:
            self.lds_bytes += size
        elif row.unit is Unit.SCRATCH:
            self.private_bytes += size
        elif row.unit in _MEMORY_UNITS:
            is_store = Effects.STORES in row.effects and Effects.LOADS not in row.effects
            if is_store or Effects.ATOMIC in row.effects:
                self.stored_bytes += size
            if not is_store:
                self.loaded_bytes += size


@record
class Loop:
    """Offsets of the first instruction and of what follows the last; `depth` 1 is outermost."""

    start: int
    end: int
    depth: int
    counts: Counts


@record
class Mix:
    """The counts of a kernel: `outside` of all loops, and of each loop without those inside it."""

    outside: Counts
    loops: list[Loop]

    def total(self, unit: Unit) -> int:
        """Return how many instructions of a unit there are in the code."""
        parts = [self.outside, *(row.counts for row in self.loops)]
        return sum(row.units.get(unit, 0) for row in parts)


def mix_of(decoded: Decoded) -> Mix:
    """Return the counts of a kernel."""
    loops = _loops(decoded.steps)
    outside = Counts()
    for step in decoded.steps:
        if step.instruction is None:
            continue
        around = [row for row in loops if row.start <= step.offset < row.end]
        inner = max(around, key=lambda row: row.depth, default=None)
        (inner.counts if inner is not None else outside).add(step.instruction)
    return Mix(outside, loops)


def _loops(steps: list[Step]) -> list[Loop]:
    """Return the loops in the order of their starts; branches back to one place are one loop."""
    ends: dict[int, int] = {}
    for step in steps:
        target = target_of(step)
        if target is not None and target <= step.offset:
            ends[target] = max(ends.get(target, 0), step.end)
    found: list[Loop] = []
    for start, end in sorted(ends.items(), key=lambda row: (row[0], -row[1])):
        depth = sum(1 for row in found if row.start <= start and end <= row.end)
        found.append(Loop(start, end, depth + 1, Counts()))
    return found


def float_operations(operation: str, unit: Unit) -> int:
    """Return how many operations on floats an instruction is for each work item."""
    if unit is Unit.MATRIX:
        return _MATRIX_OPERATIONS
    if unit is Unit.TRANSCENDENTAL:
        return 1
    if unit is not Unit.VALU:
        return 0
    if "::" in operation or operation.startswith("v_dual_"):
        parts = operation.replace(" ", "").split("::")
        return sum(_of_name(part.replace("v_dual_", "v_")) for part in parts)
    return _of_name(operation)


def _of_name(operation: str) -> int:
    words = operation.removeprefix("v_").split("_")
    is_packed = words[0] == "pk"
    name = words[1] if is_packed and len(words) > 1 else words[0]
    if name in _DOT_LANES:
        return 2 * _DOT_LANES[name]
    if not any(word.startswith(("f16", "f32", "f64", "bf16")) for word in words):
        return 0
    factor = _PAIRS if is_packed else 1
    if name in _FUSED:
        return 2 * factor
    return factor if name in _SINGLE else 0
