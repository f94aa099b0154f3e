"""Reductions, matrix products, convolutions and ops on rows, in numpy with the order defined."""

from collections.abc import Callable

import numpy as np

from mlrift.ir.interpret.tensor_arithmetic import elementary, misfit
from mlrift.ir.interpret.tensor_scope import Scope
from mlrift.ir.interpret.tensor_values import (
    DTYPES,
    Array,
    Tensor,
    TensorFailure,
    computed,
    halves,
    lowest_keys,
    made,
    multiply_add,
    order_keys,
    row_sums,
    summed,
)
from mlrift.ir.op import Op
from mlrift.ir.ops import tensor_linear, tensor_reduce, tensor_rows
from mlrift.ir.ops.tensor_map import UnaryKind
from mlrift.ir.ops.tensor_reduce import (
    PARTIAL_SUMS,
    ReducedAxis,
    ReducedPart,
    ReduceKind,
    reduced_element,
)
from mlrift.ir.ops.tensor_rows import SortedPart, SortOrder
from mlrift.ir.ops.tensor_types import FLOATS, product_kind, sum_kind, tensor_of
from mlrift.static_types import Any
from mlrift.typesystem import ElementKind, TensorType

_LOWEST = (ReduceKind.MIN, ReduceKind.ARGMIN)
_PLACES = (ReduceKind.ARGMIN, ReduceKind.ARGMAX)
_SUMS = (ReduceKind.SUM, ReduceKind.MEAN)


# ---- reductions ----


def _reduce(on: Scope, operand: Tensor) -> Tensor:
    op = on.op
    assert isinstance(op, tensor_reduce.Reduce)
    is_last = op.axis == operand.array.ndim - 1
    moved = Tensor(operand.kind, np.moveaxis(operand.array, op.axis, -1))
    reduced = _reduced(op.kind, moved, row_sums if is_last else _column_sums)
    if op.kept is ReducedAxis.KEPT:
        reduced = Tensor(reduced.kind, np.expand_dims(reduced.array, op.axis))
    return reduced


def _reduce_all(on: Scope, operand: Tensor) -> Tensor:
    assert isinstance(on.op, tensor_reduce.ReduceAll)
    return _reduced(on.op.kind, Tensor(operand.kind, operand.array.ravel()), row_sums)


def _map_reduce(on: Scope, tensors: list[Tensor], scalars: list[Any]) -> Tensor:
    from mlrift.ir.interpret.tensor_rules import map_elements  # noqa: PLC0415 - they need this

    op = on.op
    assert isinstance(op, tensor_reduce.MapReduce)
    mapped = map_elements(on, tensors, scalars, [], op.element)
    if op.part is ReducedPart.ALL:
        return _reduced(op.kind, Tensor(mapped.kind, mapped.array.ravel()), row_sums)
    reduced = _reduced(op.kind, mapped, row_sums)
    if op.part is ReducedPart.LAST_KEPT:
        reduced = Tensor(reduced.kind, np.expand_dims(reduced.array, -1))
    return reduced


def _column_sums(found: Array) -> Array:
    total = np.zeros(found.shape[:-1], dtype=found.dtype)
    for number in range(found.shape[-1]):
        total = total + found[..., number]
    return total


def _reduced(kind: ReduceKind, operand: Tensor, add: Callable[[Array], Array]) -> Tensor:
    """Reduce the last axis."""
    element = reduced_element(kind, operand.kind)
    count = operand.array.shape[-1]
    with np.errstate(all="ignore"):
        if kind in _SUMS:
            total = np.asarray(add(summed(operand)))
            if kind is ReduceKind.MEAN:
                wide = DTYPES[element]
                total = np.asarray(total.astype(wide) / wide(count))
            return made(element, total)
    if kind in (ReduceKind.ANY, ReduceKind.ALL):
        logical = np.any if kind is ReduceKind.ANY else np.all
        return made(element, np.asarray(logical(operand.array, axis=-1)))
    if count == 0 and operand.array.shape[:-1].count(0) == 0:
        raise TensorFailure("there are no elements")
    if operand.array.size == 0:
        return Tensor(element, np.zeros(operand.array.shape[:-1], dtype=DTYPES[element]))
    keys = (lowest_keys if kind in _LOWEST else order_keys)(operand.kind, computed(operand))
    places = np.argmax(keys, axis=-1)
    if kind in _PLACES:
        return made(element, places)
    chosen = np.take_along_axis(operand.array, np.expand_dims(places, -1), axis=-1)
    return Tensor(element, np.asarray(chosen[..., 0]))


# ---- products ----


def product(left: Array, right: Array, accumulator: ElementKind) -> Array:
    """Multiply matrices of computed elements, k ascending; one column has 16 chains."""
    wide = DTYPES[accumulator]
    rows, columns, depth = left.shape[-2], right.shape[-1], left.shape[-1]
    batch = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    lanes = PARTIAL_SUMS if columns == 1 else 1
    sums = np.zeros((lanes, *batch, rows, columns), dtype=wide)
    with np.errstate(all="ignore"):
        for k in range(depth):
            factor, other = left[..., :, k, None], right[..., None, k, :]
            lane = k % lanes
            sums[lane] = multiply_add(
                factor.astype(wide), other.astype(wide), np.asarray(sums[lane])
            )
        return halves(np.moveaxis(sums, 0, -1))


def _multiply(on: Scope, left: Tensor, right: Tensor) -> Tensor:
    op = on.op
    assert isinstance(op, tensor_linear.MatrixProduct)
    return multiplied(left, right, tensor_of(op.lhs), tensor_of(op.rhs))


def multiplied(
    left: Tensor, right: Tensor, left_type: TensorType, right_type: TensorType
) -> Tensor:
    """Return the matrix product of tensors of these types."""
    one, two = computed(left), computed(right)
    if one.ndim == 1:
        one = one[None, :]
    if two.ndim == 1:
        two = two[:, None]
    if one.shape[-1] != two.shape[-2] or not _batches_fit(left_type, right_type, one, two):
        raise misfit(left, right, " do not multiply")
    kind = product_kind(left.kind)
    found = product(one, two, kind)
    if right.array.ndim == 1:
        found = found[..., 0]
    if left.array.ndim == 1:
        found = found[..., 0, :] if right.array.ndim > 1 else found[..., 0]
    return made(kind, found)


def _batches_fit(left_type: TensorType, right_type: TensorType, one: Array, two: Array) -> bool:
    left, right = left_type.extents[:-2], right_type.extents[:-2]
    pairs = zip(reversed(one.shape[:-2]), reversed(two.shape[:-2]), strict=False)
    types = zip(reversed(left), reversed(right), strict=False)
    return all(
        extent == other or known == 1 or also == 1
        for (extent, other), (known, also) in zip(pairs, types, strict=False)
    )


def _convolve(on: Scope, image: Tensor, kernel: Tensor) -> Tensor:
    op = on.op
    assert isinstance(op, tensor_linear.Convolution)
    if image.array.shape[1] != kernel.array.shape[1]:
        raise misfit(image, kernel, " have different numbers of channels")
    found, filters = computed(image), computed(kernel)
    padding = [(0, 0), (0, 0), *[(row, row) for row in op.paddings]]
    padded = np.pad(found, padding)
    sides = filters.shape[2:]
    places = [
        max((extent - side) // stride + 1, 0) if extent >= side else 0
        for extent, side, stride in zip(padded.shape[2:], sides, op.strides, strict=True)
    ]
    windows = np.zeros((found.shape[0], found.shape[1], *sides, *places), dtype=found.dtype)
    for place in np.ndindex(*sides):
        ranges = tuple(
            slice(at, at + stride * count, stride)
            for at, stride, count in zip(place, op.strides, places, strict=True)
        )
        cut = padded[(slice(None), slice(None), *ranges)]
        windows[(slice(None), slice(None), *place)] = cut[
            (slice(None), slice(None), *[slice(0, count) for count in places])
        ]
    count = int(np.prod(places, dtype=np.int64))
    depth = int(np.prod(filters.shape[1:], dtype=np.int64))
    # A second column, for a product with a single one has another order.
    unrolled = np.zeros((found.shape[0], depth, count + 1), dtype=found.dtype)
    unrolled[:, :, :count] = windows.reshape((found.shape[0], depth, count))
    kind = product_kind(image.kind)
    made_rows = product(filters.reshape((1, filters.shape[0], depth)), unrolled, kind)[:, :, :count]
    return made(kind, made_rows.reshape((found.shape[0], filters.shape[0], *places)))


# ---- rows ----


def softmax(on: Scope, operand: Tensor) -> Tensor:
    """Return the softmax of each row."""
    if operand.array.size == 0:
        return operand
    found = summed(operand)
    kind = sum_kind(operand.kind)
    keys = order_keys(kind, found)
    most = np.take_along_axis(found, np.expand_dims(np.argmax(keys, axis=-1), -1), axis=-1)
    with np.errstate(all="ignore"):
        powers = elementary(on.library, UnaryKind.EXP, np.asarray(found - most))
        factor = found.dtype.type(1) / row_sums(powers)[..., None]
        return made(operand.kind, powers * factor)


def _inverse_deviation(square: Array, epsilon: float) -> Array:
    wide = square.dtype.type
    count = np.asarray(square + wide(epsilon))
    return np.asarray(wide(1) / np.sqrt(count))


def _mean(found: Array) -> Array:
    return np.asarray(row_sums(found) / found.dtype.type(found.shape[-1]))


def _check_factor(operand: Tensor, factor: Tensor) -> None:
    if factor.array.shape[0] != operand.array.shape[-1]:
        raise misfit(operand, factor, " do not fit")


def layer_norm(on: Scope, operand: Tensor, scale: Tensor, shift: Tensor, epsilon: float) -> Tensor:
    """Return the layer norm of each row."""
    _check_factor(operand, scale)
    _check_factor(operand, shift)
    found = summed(operand)
    with np.errstate(all="ignore"):
        off = found - _mean(found)[..., None]
        factor = _inverse_deviation(_mean(off * off), epsilon)[..., None]
        return made(operand.kind, off * factor * computed(scale) + computed(shift))


def rms_norm(on: Scope, operand: Tensor, scale: Tensor, epsilon: float) -> Tensor:
    """Return the RMS norm of each row."""
    _check_factor(operand, scale)
    found = summed(operand)
    with np.errstate(all="ignore"):
        factor = _inverse_deviation(_mean(found * found), epsilon)[..., None]
        return made(operand.kind, found * factor * computed(scale))


def _sorted(op: tensor_rows.Sort | tensor_rows.Top, operand: Tensor, count: int) -> Tensor:
    found = computed(operand)
    if operand.kind in FLOATS:
        found = np.where(found == 0, found.dtype.type(0), found)
    keys = order_keys(operand.kind, found)
    if op.order is SortOrder.DESCENDING:
        keys = ~keys
    places = np.argsort(keys, axis=-1, kind="stable")[..., :count]
    if op.part is SortedPart.PLACES:
        return made(ElementKind.U64, places)
    return Tensor(operand.kind, np.take_along_axis(operand.array, places, axis=-1))


def _sort(on: Scope, operand: Tensor) -> Tensor:
    assert isinstance(on.op, tensor_rows.Sort)
    return _sorted(on.op, operand, operand.array.shape[-1])


def _top(on: Scope, operand: Tensor, count: int) -> Tensor:
    assert isinstance(on.op, tensor_rows.Top)
    if count > operand.array.shape[-1]:
        extent = operand.array.shape[-1]
        raise TensorFailure(f"the first {count} elements of rows of {extent}")
    return _sorted(on.op, operand, count)


REDUCTIONS: dict[type[Op], Callable[..., Any]] = {
    tensor_reduce.Reduce: _reduce,
    tensor_reduce.ReduceAll: _reduce_all,
    tensor_reduce.MapReduce: _map_reduce,
    tensor_linear.MatrixProduct: _multiply,
    tensor_linear.Convolution: _convolve,
    tensor_rows.Softmax: softmax,
    tensor_rows.LayerNorm: layer_norm,
    tensor_rows.RmsNorm: rms_norm,
    tensor_rows.Sort: _sort,
    tensor_rows.Top: _top,
}
