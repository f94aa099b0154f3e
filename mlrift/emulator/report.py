"""What a launch counted: instructions by unit, bytes, cache lines, bank conflicts, active lanes.

`LaunchReport` holds sums for the kernel and per instruction; `str()` prints the table.
"""

from mlrift.backends.amdgcn.isa.instruction import Effects, Instruction, Unit
from mlrift.emulator.code import LANES
from mlrift.emulator.layout import CounterOffset, SegmentOffset
from mlrift.emulator.translate import CodeImage, Translator
from mlrift.static_types import Any
from mlrift.values import field, record

LINE_BYTES = 128
_LANE_UNITS = frozenset(
    (
        Unit.VALU,
        Unit.TRANSCENDENTAL,
        Unit.MATRIX,
        Unit.LDS,
        Unit.GLOBAL,
        Unit.FLAT,
        Unit.SCRATCH,
        Unit.BUFFER,
    )
)
_OUTER_MEMORY = frozenset((Unit.GLOBAL, Unit.FLAT, Unit.SMEM, Unit.BUFFER))


@record
class InstructionCounts:
    """Sums of one instruction. `lines` are cache lines, or of LDS the cycles lost to conflicts."""

    offset: int
    text: str
    unit: Unit
    executions: int = 0
    lanes: int = 0
    """Work items for which it ran."""
    bytes_moved: int = 0
    lines: int = 0
    source_line: int = 0
    path: str = ""
    loads: bool = False
    stores: bool = False


@record
class LaunchReport:
    """Sums of a launch. `seconds` are of executing, without `compile_seconds` of translation."""

    kernel: str
    groups: int
    waves: int
    instructions: int
    seconds: float
    compile_seconds: float
    most_active_groups: int
    counts: list[InstructionCounts] = field(default_factory=list)

    def by_unit(self) -> dict[Unit, int]:
        """Return wave-instructions by unit."""
        found: dict[Unit, int] = {}
        for row in self.counts:
            found[row.unit] = found.get(row.unit, 0) + row.executions
        return found

    @property
    def bytes_loaded(self) -> int:
        """Bytes that lanes loaded from global memory (scalar loads once a wave)."""
        return sum(row.bytes_moved for row in self._outer() if row.loads)

    @property
    def bytes_stored(self) -> int:
        """Bytes that lanes stored to global memory; an atomic counts in both."""
        return sum(row.bytes_moved for row in self._outer() if row.stores)

    @property
    def cache_lines(self) -> int:
        """Lines of 128 bytes touched by global accesses, counted per wave-instruction."""
        return sum(row.lines for row in self._outer())

    @property
    def bank_conflict_cycles(self) -> int:
        """Extra LDS cycles because lanes needed different dwords of one bank."""
        return sum(row.lines for row in self.counts if row.unit is Unit.LDS)

    @property
    def active_lanes(self) -> float:
        """Mean number of active lanes of the instructions that work by lane, 0 to 32."""
        rows = [row for row in self.counts if row.unit in _LANE_UNITS]
        executions = sum(row.executions for row in rows)
        return sum(row.lanes for row in rows) / executions if executions else 0.0

    def by_line(self) -> dict[tuple[str, int], int]:
        """Return wave-instructions by source line; line 0 is unknown."""
        found: dict[tuple[str, int], int] = {}
        for row in self.counts:
            key = (row.path, row.source_line)
            found[key] = found.get(key, 0) + row.executions
        return dict(sorted(found.items()))

    def line_table(self, limit: int = 20) -> str:
        """Return the source lines that ran most, with their share of the instructions."""
        lines = sorted(self.by_line().items(), key=lambda row: -row[1])[:limit]
        total = max(1, sum(row.executions for row in self.counts))
        rows = [f"{'instructions':>14}  share  line"]
        for (path, line), count in lines:
            place = f"{path}:{line}" if line else "unknown"
            rows.append(f"{count:>14}  {count / total:>5.1%}  {place}")
        return "\n".join(rows)

    def _outer(self) -> list[InstructionCounts]:
        return [row for row in self.counts if row.unit in _OUTER_MEMORY]

    def __str__(self) -> str:
        rate = self.instructions / self.seconds / 1e6 if self.seconds else 0.0
        rows = [
            f"kernel {self.kernel}: {self.groups} groups, {self.waves} waves,"
            f" {self.instructions} wave-instructions",
            f"  time            {self.seconds:.3f} s ({rate:.1f} M/s),"
            f" translation {self.compile_seconds:.3f} s",
        ]
        for unit, count in sorted(self.by_unit().items(), key=lambda row: -row[1]):
            rows.append(f"  {unit.value:<28}{count:>14}")
        ideal = (self.bytes_loaded + self.bytes_stored) / LINE_BYTES
        rows += [
            f"  bytes loaded                {self.bytes_loaded:>14}",
            f"  bytes stored                {self.bytes_stored:>14}",
            f"  cache lines touched         {self.cache_lines:>14}  (bytes need {ideal:.0f})",
            f"  LDS bank conflict cycles    {self.bank_conflict_cycles:>14}",
            f"  mean active lanes           {self.active_lanes:>14.1f}  of {LANES}",
        ]
        return "\n".join(rows)


def counts_of(
    image: CodeImage, translator: Translator, segments: Any, counters: Any | None
) -> list[InstructionCounts]:
    """Return the counts per instruction from the tables of a launch."""
    found: dict[int, InstructionCounts] = {}
    for number, segment in enumerate(translator.segments):
        executions = int(segments[number, SegmentOffset.EXECUTIONS // 8])
        if not executions:
            continue
        lanes = int(segments[number, SegmentOffset.LANES // 8])
        for offset in segment.offsets:
            row = _row(found, image, offset)
            row.executions += executions
            row.lanes += lanes
    if counters is not None:
        for number, site in enumerate(translator.sites):
            if site.offset in found:
                row = found[site.offset]
                row.bytes_moved += int(counters[number, CounterOffset.BYTES // 8])
                row.lines += int(counters[number, CounterOffset.LINES // 8])
    return [found[offset] for offset in sorted(found)]


def _row(found: dict[int, InstructionCounts], image: CodeImage, offset: int) -> InstructionCounts:
    row = found.get(offset)
    if row is None:
        instruction: Instruction = image.at(offset)[0]
        effects = instruction.row.effects
        row = found[offset] = InstructionCounts(
            offset,
            instruction.row.name,
            instruction.row.unit,
            loads=bool(effects & Effects.LOADS),
            stores=bool(effects & Effects.STORES),
        )
    return row
