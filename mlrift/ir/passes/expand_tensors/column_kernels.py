"""Kernels of reductions along an axis that is not the last: rows are added up column by column.

See std/core/tensorcolumns.mlr for the calls.
"""

from collections.abc import Sequence

from mlrift.ir.core import Value
from mlrift.ir.ops.arith import FAdd, Xor
from mlrift.ir.ops.compare import IntegerPredicate
from mlrift.ir.ops.convert import BitsToFloat, FloatToBits
from mlrift.ir.ops.loop import Vectorising
from mlrift.ir.ops.memory import Load, Store
from mlrift.ir.ops.tensor_map import BinaryKind, ComparePredicate
from mlrift.ir.ops.tensor_reduce import ReduceKind, reduced_element
from mlrift.ir.ops.tensor_types import FLOATS, scalar_of, sum_kind
from mlrift.ir.passes.expand_tensors.elements import (
    binary,
    cast,
    compare,
    element_shift,
    in_kind,
    load_element,
    select,
    store_element,
)
from mlrift.ir.passes.expand_tensors.emit import Emitter
from mlrift.ir.passes.expand_tensors.reduce_kernels import ARGUMENTS, SUMS, mean_of
from mlrift.typesystem import F32, I64, ElementKind


def column_kind(kind: ReduceKind, element: ElementKind) -> ElementKind:
    """Return the kind of what is kept for each column while rows are gone through."""
    return sum_kind(element) if kind in SUMS else element


def emit_columns(out: Emitter, kind: ReduceKind, element: ElementKind) -> None:
    """Emit `columns(values, places, elements, count, number)`: one more row for all columns."""
    values, places, elements, count, number = out.function.parameters
    kept = column_kind(kind, element)
    is_first = out.compare(IntegerPredicate.EQ, number, out.word(0))
    # Two loops, each entered with its own count.
    none = out.word(0)
    starting = out.select(is_first, count, none)
    going_on = out.select(is_first, none, count)

    def start(index: Value, carried: list[Value]) -> Sequence[Value]:
        found = load_element(out, out.element(elements, index, element_shift(element)), element)
        first = cast(out, found, element, kept)
        if kind in SUMS and kept in FLOATS:
            zero = out.emit(BitsToFloat(out.word(0), scalar_of(kept)))
            first = out.emit(FAdd(zero, first))
        store_element(out, out.element(values, index, element_shift(kept)), first, kept)
        if kind in ARGUMENTS:
            out.emit(Store(out.element(places, index, 3), number, I64))
        return []

    def go_on(index: Value, carried: list[Value]) -> Sequence[Value]:
        found = load_element(out, out.element(elements, index, element_shift(element)), element)
        place = out.element(values, index, element_shift(kept))
        old = load_element(out, place, kept)
        if kind in ARGUMENTS:
            better = _is_better(out, kind, found, old, element)
            at = out.element(places, index, 3)
            before = out.emit(Load(at, I64))
            out.emit(Store(at, select(out, better, number, before), I64))
            store_element(out, place, select(out, better, found, old), kept)
            return []
        store_element(out, place, _combined(out, kind, old, found, element), kept)
        return []

    out.loop(starting, start, vectorising=Vectorising.AUTOMATIC)
    out.loop(going_on, go_on, vectorising=Vectorising.AUTOMATIC)
    out.give()


def _combined(
    out: Emitter, kind: ReduceKind, old: Value, found: Value, element: ElementKind
) -> Value:
    if kind in SUMS:
        kept = sum_kind(element)
        return binary(out, BinaryKind.ADD, old, cast(out, found, element, kept), kept)
    if element is ElementKind.BOOL:
        joined = BinaryKind.OR if kind is ReduceKind.ANY else BinaryKind.AND
        return binary(out, joined, old, found, element)
    extreme = BinaryKind.MIN if kind is ReduceKind.MIN else BinaryKind.MAX
    return binary(out, extreme, old, found, element)


def _is_better(
    out: Emitter, kind: ReduceKind, found: Value, old: Value, element: ElementKind
) -> Value:
    """Emit whether a later element takes the place of an earlier one: 0 or 1."""
    lowest = kind is ReduceKind.ARGMIN
    predicate = ComparePredicate.LT if lowest else ComparePredicate.GT
    better = compare(out, predicate, found, old, element)
    if element not in FLOATS:
        return better
    # A NaN is better than a number, -0 and +0 are not alike.
    found_is_nan = compare(out, ComparePredicate.NE, found, found, element)
    old_is_number = compare(out, ComparePredicate.EQ, old, old, element)
    equal = compare(out, ComparePredicate.EQ, found, old, element)
    below = out.emit(Xor(_sign(out, found), out.word(1))) if not lowest else _sign(out, found)
    above = _sign(out, old) if not lowest else out.emit(Xor(_sign(out, old), out.word(1)))
    zeros = out.bit_and(equal, out.bit_and(below, above))
    return out.bit_or(out.bit_or(better, out.bit_and(found_is_nan, old_is_number)), zeros)


def _sign(out: Emitter, found: Value) -> Value:
    bits = out.emit(FloatToBits(found))
    return out.shifted_right(bits, 31 if found.type is F32 else 63)


def emit_columns_end(out: Emitter, kind: ReduceKind, element: ElementKind) -> None:
    """Emit `finish(values, count, rows)`: means of sums, in place."""
    values, count, rows = out.function.parameters
    if kind is ReduceKind.MEAN:
        kept = sum_kind(element)
        result = reduced_element(kind, element)

        def divide(index: Value, carried: list[Value]) -> Sequence[Value]:
            place = out.element(values, index, element_shift(kept))
            mean = mean_of(out, load_element(out, place, kept), rows, element)
            store_element(out, place, in_kind(out, mean, result), result)
            return []

        out.loop(count, divide, vectorising=Vectorising.AUTOMATIC)
    out.give()
