"""What kernels need and cost: registers, memory, occupancy, waits, bytes, operations, a roofline.

A code object and a card in, text out. All is counted in the machine code, so it is true of code by
any compiler; how often a loop goes round is not known.
"""

from mlrift.backends.amdgcn.chips import Chip
from mlrift.backends.amdgcn.codeobject.model import CodeObject, KernelImage
from mlrift.backends.amdgcn.isa.instruction import Unit
from mlrift.backends.amdgcn.listing.cards import Card, card_of_chip
from mlrift.backends.amdgcn.listing.decoded import Decoded, decode_kernel
from mlrift.backends.amdgcn.listing.mix import Counts, Loop, Mix, mix_of
from mlrift.backends.amdgcn.listing.occupancy import (
    ASSUMED_GROUP,
    LIMITED_BY_LDS,
    occupancy_of,
)

_PICOSECONDS = 1000.0


def explain(made: CodeObject, card: Card | None) -> str:
    """Return the report; without a card, for the fastest one with this chip."""
    chosen = card or card_of_chip(made.chip.name)
    return "".join(_kernel(row, made.chip, chosen) for row in made.kernels)


def _kernel(kernel: KernelImage, chip: Chip, card: Card | None) -> str:
    decoded = decode_kernel(kernel, chip.generation)
    mix = mix_of(decoded)
    lines = [
        f"{_place(decoded)}{kernel.name} for {chip.name}",
        _groups(kernel),
        _registers(kernel, chip),
        f"memory: {_amount(kernel.lds_bytes)} of LDS a group, "
        f"{_amount(kernel.scratch_bytes)} of private memory a work item, "
        f"{_amount(kernel.kernarg_bytes)} of arguments",
        _occupancy(kernel, chip),
        _instructions(kernel, mix),
        _counted("each work item" if not mix.loops else "outside of loops", mix.outside),
        *(_loop(row, decoded) for row in mix.loops if _is_worth_telling(row.counts)),
        *_roofline(mix, card),
    ]
    return "\n    ".join(lines) + "\n"


def _place(decoded: Decoded) -> str:
    return f"{decoded.lines[0].path}:{decoded.lines[0].line}: " if decoded.lines else ""


def _groups(kernel: KernelImage) -> str:
    if kernel.required_group is None:
        return "groups of any size up to 1024 work items"
    x, y, z = kernel.required_group
    return f"groups of {x} x {y} x {z} work items"


def _registers(kernel: KernelImage, chip: Chip) -> str:
    found = occupancy_of(kernel, chip)
    spilled = [
        f"{count} {name}"
        for count, name in (
            (kernel.spilled_vector, "VGPRs to private memory"),
            (kernel.spilled_scalar, "SGPRs to VGPRs"),
        )
        if count
    ]
    text = (
        f"registers: {kernel.registers_vector} VGPRs ({found.vector_registers} allocated), "
        f"{kernel.registers_scalar} SGPRs"
    )
    return f"{text}; spilled: {', '.join(spilled)}" if spilled else f"{text}; none spilled"


def _occupancy(kernel: KernelImage, chip: Chip) -> str:
    found = occupancy_of(kernel, chip)
    text = f"occupancy: {found.waves} of {chip.waves_per_simd} waves a SIMD"
    if found.waves == chip.waves_per_simd:
        return text
    is_assumed = kernel.required_group is None and found.limit == LIMITED_BY_LDS
    size = f" (in groups of {ASSUMED_GROUP})" if is_assumed else ""
    return f"{text}, limited by {found.limit}{size}"


def _instructions(kernel: KernelImage, mix: Mix) -> str:
    totals = [(mix.total(unit), unit) for unit in Unit]
    count = sum(number for number, _ in totals)
    ranked = sorted(totals, key=lambda row: -row[0])
    shown = ", ".join(f"{number} {_UNITS[unit]}" for number, unit in ranked if number)
    return f"code: {len(kernel.code)} bytes, {count} instructions: {shown}"


_UNITS = {
    Unit.SALU: "scalar",
    Unit.SMEM: "scalar loads",
    Unit.VALU: "vector",
    Unit.TRANSCENDENTAL: "transcendental",
    Unit.MATRIX: "matrix",
    Unit.LDS: "LDS",
    Unit.GLOBAL: "global",
    Unit.FLAT: "flat",
    Unit.SCRATCH: "private",
    Unit.BUFFER: "buffer",
    Unit.CACHE: "cache control",
    Unit.BRANCH: "branches",
    Unit.WAIT: "waits",
    Unit.BARRIER: "barriers",
    Unit.MESSAGE: "hints",
    Unit.END: "end",
}


def _is_worth_telling(counts: Counts) -> bool:
    """Return whether a loop is more than branches that its layout has made."""
    return counts.instructions > 2


def _loop(loop: Loop, decoded: Decoded) -> str:
    inside = "" if loop.depth == 1 else f" ({loop.depth} deep)"
    counts = loop.counts
    waits = counts.units.get(Unit.WAIT, 0)
    shown = f"{_number(counts.instructions, 'instruction')}, {_number(waits, 'wait')}"
    return f"loop {_lines(loop, decoded)}{inside}: {shown}; {_counted('each round', counts)}"


def _lines(loop: Loop, decoded: Decoded) -> str:
    """Return the lines of a loop, in the file of the kernel or in the one that it begins in."""
    first = decoded.line_at(loop.start)
    if first is None:
        return f"at {loop.start:#06x}"
    inside = [row for row in decoded.lines if loop.start <= row.offset < loop.end]
    own = decoded.lines[0].path
    path = own if any(row.path == own for row in inside) else first.path
    found = [row.line for row in (first, *inside) if row.path == path]
    low, high = min(found), max(found)
    place = "" if path == own else f" of {path}"
    return f"of line {low}{place}" if low == high else f"of lines {low} to {high}{place}"


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _counted(what: str, counts: Counts) -> str:
    parts = [
        f"{_amount(size)} {name}"
        for size, name in (
            (counts.loaded_bytes, "loaded"),
            (counts.stored_bytes, "stored"),
            (counts.lds_bytes, "by LDS"),
            (counts.private_bytes, "by private memory"),
        )
        if size
    ]
    if counts.float_operations:
        parts.append(f"{counts.float_operations} operations on floats")
    return f"{what}: {', '.join(parts) or 'no bytes, no operations on floats'}"


def _amount(size: float) -> str:
    text = f"{size:.3g}" if size != int(size) else f"{int(size)}"
    return f"{text} byte" if text == "1" else f"{text} bytes"


def _weight(loop: Loop) -> tuple[int, float]:
    counts = loop.counts
    return loop.depth, counts.float_operations + counts.loaded_bytes + counts.stored_bytes


def _roofline(mix: Mix, card: Card | None) -> list[str]:
    """Return what the card allows, for a round of the innermost loop or for a work item."""
    if card is None:
        return []
    inner = max(mix.loops, key=_weight, default=None)
    counts = inner.counts if inner is not None else mix.outside
    size = counts.loaded_bytes + counts.stored_bytes
    what = "a round of the hottest loop" if inner is not None else "a work item"
    figures = f"{card.gigabytes_per_second:g} GB/s, {card.tera_operations:g} TFLOP/s"
    lines = [f"{card.name} ({figures}, balanced at {card.operations_per_byte:.3g} per byte):"]
    if size:
        by_memory = size * _PICOSECONDS / card.gigabytes_per_second
        by_units = counts.float_operations / card.tera_operations
        bound = "memory" if by_memory >= by_units else "arithmetic"
        lines.append(
            f"    {counts.float_operations / size:.3g} operations per byte: {bound} limits; "
            f"{what} not below {max(by_memory, by_units):.3g} ps"
        )
    elif counts.float_operations:
        least = counts.float_operations / card.tera_operations
        lines.append(f"    no bytes from memory: {what} not below {least:.3g} ps")
    return ["\n    ".join(lines)] if len(lines) > 1 else []
