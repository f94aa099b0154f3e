"""Ops on vectors in parts that a processor's registers hold.

The operands of an op enter, what one part of them gives is asked for, the whole result leaves.
"""

from collections.abc import Callable, Sequence

from mlrift.backends.llvm.lower.vector_text import chosen, lanes_text
from mlrift.backends.llvm.text import FunctionText
from mlrift.backends.llvm.types import VALUE_TYPE, padded_lanes
from mlrift.typesystem import VectorType, vec

# Gives the result of some lanes of every operand; the number is that of the lanes of the result.
Part = Callable[[FunctionText, int, list[str]], str]


def in_parts(
    out: FunctionText,
    operands: Sequence[tuple[VectorType, str]],
    made: VectorType,
    most: int,
    part: Part,
) -> str:
    """Return the name of what `part` gives for all lanes, at most `most` of the result at a time.

    An operand with more lanes than the result gives as many times more to every part.
    """
    whole = padded_lanes(made.lanes)
    lanes = min(most, whole)
    if lanes == whole:
        return part(out, lanes, [name for _, name in operands])
    parts = []
    for start in range(0, whole, lanes):
        taken = []
        for row, name in operands:
            scale = padded_lanes(row.lanes) // whole
            places = list(range(start * scale, (start + lanes) * scale))
            padded = vec(row.element, whole * scale)
            taken.append(out.temporary(chosen(out, padded, name, places)))
        parts.append(part(out, lanes, taken))
    return joined(out, parts, vec(made.element, lanes))


def joined(out: FunctionText, parts: list[str], row: VectorType) -> str:
    """Put vectors of one type behind each other: neighbours in pairs, of a power of two of them."""
    while len(parts) > 1:
        kind, both = VALUE_TYPE[row], lanes_text(list(range(2 * row.lanes)))
        parts = [
            out.temporary(f"shufflevector {kind} {low}, {kind} {high}, {both}")
            for low, high in zip(parts[::2], parts[1::2], strict=True)
        ]
        row = vec(row.element, 2 * row.lanes)
    return parts[0]
