"""Tensors as the interpreter has them: arrays of numpy with the element kind they stand for.

bf16 is kept as its 16 bits. Conversions, comparisons and sums are those that the ops define, which
are not always numpy's.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from mlrift.ir.numbers import WORD_MASK, float_to_signed, fused_double
from mlrift.ir.ops.tensor_reduce import PARTIAL_SUMS, SUM_BLOCK
from mlrift.ir.ops.tensor_types import FLOATS, SIGNED, scalar_of, sum_kind
from mlrift.static_types import Any
from mlrift.typesystem import F32, I64, ElementKind
from mlrift.values import record

Array = NDArray[Any]

DTYPES: dict[ElementKind, type[np.generic]] = {
    ElementKind.U8: np.uint8,
    ElementKind.U16: np.uint16,
    ElementKind.U32: np.uint32,
    ElementKind.U64: np.uint64,
    ElementKind.I8: np.int8,
    ElementKind.I16: np.int16,
    ElementKind.I32: np.int32,
    ElementKind.I64: np.int64,
    ElementKind.F16: np.float16,
    ElementKind.BF16: np.uint16,
    ElementKind.F32: np.float32,
    ElementKind.F64: np.float64,
    ElementKind.BOOL: np.bool_,
}
_HALF_ROUND = 0x7FFF
_QUIET = 0x40


@record
class Tensor:
    """A tensor; the array may be changed only by ops that use a tensor up, in a copy."""

    kind: ElementKind
    array: Array


class TensorFailure(Exception):
    """What ends the program with a message."""


def computed(tensor: Tensor) -> Array:
    """Return the elements in the type they are computed in: halves as f32."""
    if tensor.kind is ElementKind.BF16:
        return (tensor.array.astype(np.uint32) << 16).view(np.float32)
    if tensor.kind is ElementKind.F16:
        return tensor.array.astype(np.float32)
    return tensor.array


def made(kind: ElementKind, array: Array) -> Tensor:
    """Return a tensor of computed elements, rounded to the kind."""
    array = np.asarray(array)
    with np.errstate(all="ignore"):
        if kind is ElementKind.BF16:
            return Tensor(kind, to_bf16(array.astype(np.float32)))
        if kind is ElementKind.F16:
            return Tensor(kind, np.asarray(array.astype(np.float32).astype(np.float16)))
        return Tensor(kind, np.asarray(array.astype(DTYPES[kind])))


def to_bf16(array: Array) -> Array:
    """Round f32 to the bits of bf16, ties to even."""
    bits = np.ascontiguousarray(array).view(np.uint32).reshape(array.shape)
    rounded = (bits + _HALF_ROUND + ((bits >> 16) & 1)) >> 16
    return np.where(np.isnan(array), (bits >> 16) | _QUIET, rounded).astype(np.uint16)


def in_kind(kind: ElementKind, array: Array) -> Array:
    """Return computed elements rounded to a kind, still as they are computed."""
    return computed(made(kind, array))


def to_scalar(kind: ElementKind, element: object) -> int | float:
    """Return a computed element as a scalar of the IR."""
    if kind in FLOATS:
        return float(element)  # type: ignore[arg-type]  # an element of a float array
    return int(element) & WORD_MASK  # type: ignore[call-overload,no-any-return]  # a whole number


def from_scalars(kind: ElementKind, values: Sequence[int | float], shape: Sequence[int]) -> Array:
    """Return scalars of the IR as computed elements, rounded to the kind."""
    scalar = scalar_of(kind)
    if scalar is I64:
        array: Array = np.array([int(row) & WORD_MASK for row in values], dtype=np.uint64)
        if kind is ElementKind.BOOL:
            array = array & 1
    else:
        array = np.array(values, dtype=np.float32 if scalar is F32 else np.float64)
    return in_kind(kind, array.reshape(shape))


def cast(kind: ElementKind, tensor: Tensor) -> Tensor:
    """Return the tensor with elements of another kind."""
    found = computed(tensor)
    if kind is tensor.kind:
        return tensor
    if kind is ElementKind.BOOL:
        return made(kind, found != 0)
    if tensor.kind in FLOATS and kind not in FLOATS:
        words = [float_to_signed(float(row)) for row in found.ravel()]
        return made(kind, from_scalars(kind, words, found.shape))
    if kind is not ElementKind.F64 and kind in FLOATS:
        found = found.astype(np.float32)
    return made(kind, found)


# ---- order: keys as in passes/expand_tensors/reduce_kernels ----


def order_keys(kind: ElementKind, found: Array) -> Array:
    """Return signed words in the order of the elements; NaNs are above everything."""
    if kind not in FLOATS:
        if kind is ElementKind.U64:
            flipped: Array = (found ^ np.uint64(1 << 63)).view(np.int64)
            return flipped
        return found.astype(np.int64)
    whole = np.int64 if kind is ElementKind.F64 else np.int32
    bits: Array = np.ascontiguousarray(found).view(whole).reshape(found.shape)
    most = np.iinfo(whole).max
    keys = np.where(bits < 0, bits ^ most, bits)
    return np.where(np.isnan(found), most, keys).astype(np.int64)


def lowest_keys(kind: ElementKind, found: Array) -> Array:
    """Return signed words in the opposite order, NaNs above everything all the same."""
    keys = ~order_keys(kind, found)
    if kind in FLOATS:
        whole = np.int64 if kind is ElementKind.F64 else np.int32
        keys = np.where(np.isnan(found), np.iinfo(whole).max, keys)
    return keys


# ---- sums ----


def row_sums(found: Array) -> Array:
    """Sum along the last axis in the order of `tensor.reduce`."""
    total = np.zeros(found.shape[:-1], dtype=found.dtype)
    for first in range(0, found.shape[-1], SUM_BLOCK):
        total = total + _block_sums(found[..., first : first + SUM_BLOCK])
    return total


def _block_sums(block: Array) -> Array:
    missing = -block.shape[-1] % PARTIAL_SUMS
    padding = [(0, 0)] * (block.ndim - 1) + [(0, missing)]
    padded = np.pad(block, padding)
    groups = padded.reshape(*block.shape[:-1], -1, PARTIAL_SUMS)
    sums = np.zeros((*block.shape[:-1], PARTIAL_SUMS), dtype=block.dtype)
    for number in range(groups.shape[-2]):
        sums = sums + groups[..., number, :]
    return halves(sums)


def halves(sums: Array) -> Array:
    """Add the lanes of the last axis in halves."""
    while sums.shape[-1] > 1:
        middle = sums.shape[-1] // 2
        sums = sums[..., :middle] + sums[..., middle:]
    total: Array = sums[..., 0]
    return total


def summed(tensor: Tensor) -> Array:
    """Return the elements in the kind in which they are summed."""
    return computed(tensor).astype(DTYPES[sum_kind(tensor.kind)])


# ---- fused multiply-add ----


def multiply_add(factor: Array, other: Array, addend: Array) -> Array:
    """Multiply and add with one rounding; whole numbers wrap."""
    if addend.dtype == np.float64:
        return np.asarray(_fused_doubles(factor, other, addend), dtype=np.float64)
    if addend.dtype != np.float32:
        wrapped: Array = addend + factor.astype(addend.dtype) * other.astype(addend.dtype)
        return wrapped
    product = factor.astype(np.float64) * other.astype(np.float64)
    wide = addend.astype(np.float64)
    total = product + wide
    # The exact sum is total + lost: make total odd when it is not exact, then round once more.
    part = total - product
    lost = (product - (total - part)) + (wide - part)
    bits = total.view(np.int64) if total.ndim else np.asarray(total).view(np.int64)
    inexact = np.isfinite(total) & (lost != 0) & ((bits & 1) == 0)
    towards = np.where(lost > 0, np.inf, -np.inf)
    return np.where(inexact, np.nextafter(total, towards), total).astype(np.float32)


_fused_doubles: Callable[..., Any] = np.vectorize(fused_double, otypes=[np.float64])


def is_signed(kind: ElementKind) -> bool:
    """Whether elements are signed whole numbers."""
    return kind in SIGNED
