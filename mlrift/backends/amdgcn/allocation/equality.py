"""Where the two registers of a copy hold the same: copies enter, points of the code leave.

    block 1    %5 = copy %3         equal from here,
               s_cbranch_scc0 @3
    block 2    %6 = v_add %3, 1     in this block up to the next line,
               %5 = copy %6
    block 3    v_mul %5, %5         but not here: on one of the two ways %5 has changed

A copy counts at a point if all ways to the point come by it and write neither register afterwards.
"""

from mlrift.backends.amdgcn.allocation.liveness import Liveness, bits_of
from mlrift.backends.amdgcn.allocation.units import InstructionUnits
from mlrift.backends.amdgcn.mir import MachineBlock
from mlrift.values import record


@record
class CopyPlace:
    """A copy: its block and instruction (indices) and the units of both registers."""

    block: int
    index: int
    targets: range
    sources: range


def equal_points(
    copies: list[CopyPlace],
    blocks: list[MachineBlock],
    accesses: list[list[InstructionUnits]],
    liveness: Liveness,
) -> list[int]:
    """Return for each copy the points (a bit each, as in `Liveness.lives`) at which it counts."""
    by_unit: dict[int, int] = {}
    for number, copy in enumerate(copies):
        for unit in (*copy.targets, *copy.sources):
            by_unit[unit] = by_unit.get(unit, 0) | 1 << number
    writes = [_write_indices(rows, by_unit) for rows in accesses]
    equal = [0] * len(copies)
    made = [0] * len(blocks)
    for number, copy in enumerate(copies):
        end = _next_write(copy, writes[copy.block], copy.index)
        length = len(accesses[copy.block])
        if end == copy.index:
            continue
        start = 2 * (liveness.starts[copy.block] + copy.index) + 1
        equal[number] = _points(start, liveness.starts[copy.block], end, length)
        if end >= length:
            made[copy.block] |= 1 << number
    ended = [_touched(by_unit, rows) for rows in writes]
    entered = _available(blocks, made, ended, (1 << len(copies)) - 1)
    for block, available in enumerate(entered):
        for number in bits_of(available):
            end = _next_write(copies[number], writes[block], -1)
            start = 2 * liveness.starts[block]
            equal[number] |= _points(start, liveness.starts[block], end, len(accesses[block]))
    return equal


def _touched(by_unit: dict[int, int], writes: dict[int, list[int]]) -> int:
    """Return the copies that have a unit which is written."""
    mask = 0
    for unit in writes:
        mask |= by_unit[unit]
    return mask


def _write_indices(rows: list[InstructionUnits], by_unit: dict[int, int]) -> dict[int, list[int]]:
    """Return the instructions of a block that write each unit of a copy."""
    found: dict[int, list[int]] = {}
    for index, row in enumerate(rows):
        for unit in row.writes:
            if unit in by_unit:
                found.setdefault(unit, []).append(index)
    return found


def _next_write(copy: CopyPlace, writes: dict[int, list[int]], after: int) -> int:
    """Return the first instruction behind one (the copy itself, or -1) that writes a unit of a
    copy; the copy itself if it writes its source, too; a large number if there is none.
    """
    first = _NEVER
    for unit in copy.targets:
        for index in writes.get(unit, ()):
            if after < index < first:
                first = index
    for unit in copy.sources:
        for index in writes.get(unit, ()):
            if max(after, 0) <= index < first:
                first = index
    return first


_NEVER = 1 << 40


def _points(start: int, block_start: int, end: int, length: int) -> int:
    """Return the points from `start` up to the write of instruction `end` of a block."""
    stop = 2 * (block_start + length) if end >= length else 2 * (block_start + end) + 1
    return (1 << stop) - (1 << start) if stop > start else 0


def _available(
    blocks: list[MachineBlock], made: list[int], ended: list[int], everything: int
) -> list[int]:
    """Return the copies that count at the start of each block."""
    position = {block.number: index for index, block in enumerate(blocks)}
    entered = [everything] * len(blocks)
    if blocks:
        entered[0] = 0
    changed = True
    while changed:
        changed = False
        for index, block in enumerate(blocks):
            after = entered[index] & ~ended[index] | made[index]
            for number in block.successors:
                target = position[number]
                if entered[target] & ~after:
                    entered[target] &= after
                    changed = True
    return entered
