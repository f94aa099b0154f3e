"""Element-wise ops of tensors in numpy: what `passes/expand_tensors/elements` makes code for."""

from collections.abc import Callable

import numpy as np

from mlrift.ir.interpret.tensor_values import (
    DTYPES,
    Array,
    Tensor,
    TensorFailure,
    computed,
    from_scalars,
    is_signed,
    made,
    to_scalar,
)
from mlrift.ir.numbers import WORD_MASK, to_single
from mlrift.ir.ops.tensor_map import BinaryKind, ComparePredicate, UnaryKind
from mlrift.ir.ops.tensor_types import ELEMENT_BYTES, FLOATS
from mlrift.ir.passes.expand_tensors import single_functions as single
from mlrift.static_types import Any
from mlrift.typesystem import ElementKind

# A function of the core library by its name; it may not be there.
Library = Callable[[str], Callable[..., Any] | None]

_ELEMENTARY: dict[UnaryKind, tuple[str, str, Any]] = {
    UnaryKind.EXP: ("core.math_float_exp", "core.math_single_exp", np.exp),
    UnaryKind.LOG: ("core.math_float_log", "core.math_single_log", np.log),
    UnaryKind.TANH: ("core.math_float_tanh", "core.math_single_tanh", np.tanh),
    UnaryKind.SIN: ("core.math_float_sin", "core.math_wide_sin", np.sin),
    UnaryKind.COS: ("core.math_float_cos", "core.math_wide_cos", np.cos),
}


def elementary(library: Library, kind: UnaryKind, found: Array) -> Array:
    """Apply a function of std to computed floats; numpy's where the program has no std."""
    double, narrow, other = _ELEMENTARY[kind]
    is_double = found.dtype == np.float64
    if kind in _IN_SINGLE and not is_double:
        return _IN_SINGLE[kind](found)
    function = library(double if is_double else narrow)
    if function is None:
        return np.asarray(other(found.astype(np.float64))).astype(found.dtype)
    values = [function(float(row)) for row in found.ravel()]
    if not is_double:
        values = [to_single(row) for row in values]
    return np.array(values, dtype=found.dtype).reshape(found.shape)


def single_exp(found: Array) -> Array:
    """Return exp of f32 as `passes/expand_tensors/single_functions` computes it."""
    number = np.float32
    with np.errstate(all="ignore"):
        value = np.where(found > number(single.HIGHEST), number(single.HIGHEST), found)
        value = np.where(value < number(single.LOWEST), number(single.LOWEST), value)
        shifted = np.asarray(value * number(single.LOG2_E) + number(single.ROUNDER))
        whole = shifted - number(single.ROUNDER)
        power = shifted.view(np.int32) - np.int32(single.ROUNDER_BITS)
        rest = (value - whole * number(single.LN2_HIGH)) - whole * number(single.LN2_LOW)
        curve = np.full_like(rest, single.CURVE[0])
        for factor in single.CURVE[1:]:
            curve = curve * rest + number(factor)
        total = (curve * (rest * rest) + rest) + number(1)
        half = np.asarray(whole * number(0.5) + number(single.ROUNDER)).view(np.int32)
        half = half - np.int32(single.ROUNDER_BITS)
        return np.asarray(total * _power_of_two(half) * _power_of_two(power - half))


def single_tanh(found: Array) -> Array:
    """Return tanh of f32 as `passes/expand_tensors/single_functions` computes it."""
    number = np.float32
    with np.errstate(all="ignore"):
        size = np.abs(found)
        far = number(1) - number(2) / (single_exp(np.asarray(size + size)) + number(1))
        square = found * found
        curve = np.full_like(size, single.TANH_CURVE[0])
        for factor in single.TANH_CURVE[1:]:
            curve = curve * square + number(factor)
        near = (curve * square) * size + size
        return np.copysign(np.where(size >= number(single.TANH_BORDER), far, near), found)


_IN_SINGLE: dict[UnaryKind, Callable[[Array], Array]] = {
    UnaryKind.EXP: single_exp,
    UnaryKind.TANH: single_tanh,
}


def _power_of_two(exponent: Array) -> Array:
    biased = np.asarray(exponent + np.int32(single.EXPONENT_BIAS), dtype=np.int32)
    powers: Array = (biased << np.int32(single.FRACTION_BITS)).view(np.float32)
    return powers


def unary(library: Library, kind: UnaryKind, tensor: Tensor) -> Tensor:
    """Compute a function of each element."""
    found = computed(tensor)
    with np.errstate(all="ignore"):
        if tensor.kind in FLOATS:
            return made(tensor.kind, _float_unary(library, kind, found))
        return made(tensor.kind, _word_unary(kind, found, tensor.kind))


def _word_unary(kind: UnaryKind, found: Array, element: ElementKind) -> Array:
    if kind is UnaryKind.NEG:
        return np.asarray(np.zeros_like(found) - found)
    if kind is UnaryKind.NOT:
        return np.asarray(~found)
    if not is_signed(element):
        return found
    below = found < 0
    return np.where(below, -found if kind is UnaryKind.ABS else 0, found)


def _float_unary(library: Library, kind: UnaryKind, found: Array) -> Array:
    if kind in _ELEMENTARY:
        return elementary(library, kind, found)
    return np.asarray(_FLOAT_UNARY[kind](library, found))


def _sigmoid(library: Library, found: Array) -> Array:
    one = found.dtype.type(1)
    return np.asarray(one / (one + elementary(library, UnaryKind.EXP, -found)))


def _gelu(library: Library, found: Array) -> Array:
    number = found.dtype.type
    bent = found + number(0.044715) * (found * found * found)
    curve = elementary(library, UnaryKind.TANH, np.asarray(number(0.7978845608) * bent))
    return np.asarray((number(0.5) * found) * (number(1) + curve))


_FLOAT_UNARY: dict[UnaryKind, Callable[[Library, Array], Any]] = {
    UnaryKind.NEG: lambda library, found: -found,
    UnaryKind.ABS: lambda library, found: np.abs(found),
    UnaryKind.SQRT: lambda library, found: np.sqrt(found),
    UnaryKind.RSQRT: lambda library, found: found.dtype.type(1) / np.sqrt(found),
    UnaryKind.SIGMOID: _sigmoid,
    UnaryKind.RELU: lambda library, found: np.where(found < 0, found.dtype.type(0), found),
    UnaryKind.SILU: lambda library, found: found * _sigmoid(library, found),
    UnaryKind.GELU: _gelu,
    UnaryKind.FLOOR: lambda library, found: np.floor(found),
    UnaryKind.CEIL: lambda library, found: np.ceil(found),
    UnaryKind.ROUND: lambda library, found: np.rint(found),
}


def binary(kind: BinaryKind, left: Tensor, right: Tensor) -> Tensor:
    """Compute a function of each pair of elements."""
    one, two = computed(left), computed(right)
    with np.errstate(all="ignore"):
        if left.kind in FLOATS:
            return made(left.kind, _float_binary(kind, one, two))
        return made(left.kind, _word_binary(kind, one, two, left.kind))


def _float_binary(kind: BinaryKind, one: Array, two: Array) -> Array:
    if kind in _ARITHMETIC:
        return np.asarray(_ARITHMETIC[kind](one, two))
    if kind is BinaryKind.DIV:
        return np.asarray(one / two)
    is_max = kind is BinaryKind.MAX
    whole = np.uint64 if one.dtype == np.float64 else np.uint32
    one, two = np.broadcast_arrays(one, two)
    bits: Array = np.array(one).view(whole)
    other: Array = np.array(two).view(whole)
    same = (bits & other if is_max else bits | other).view(one.dtype)
    rest = np.where(one == two, same, one + two)
    wins, loses = (one > two, two > one) if is_max else (one < two, two < one)
    return np.where(wins, one, np.where(loses, two, rest))


_ARITHMETIC: dict[BinaryKind, Callable[[Any, Any], Any]] = {
    BinaryKind.ADD: lambda one, two: one + two,
    BinaryKind.SUB: lambda one, two: one - two,
    BinaryKind.MUL: lambda one, two: one * two,
    BinaryKind.AND: lambda one, two: one & two,
    BinaryKind.OR: lambda one, two: one | two,
    BinaryKind.XOR: lambda one, two: one ^ two,
}


def _word_binary(kind: BinaryKind, one: Array, two: Array, element: ElementKind) -> Array:
    simple = _ARITHMETIC.get(kind)
    if simple is not None:
        return np.asarray(simple(one, two))
    if kind in (BinaryKind.MIN, BinaryKind.MAX):
        return np.asarray(np.minimum(one, two) if kind is BinaryKind.MIN else np.maximum(one, two))
    if kind in (BinaryKind.SHL, BinaryKind.SHR):
        count = two & DTYPES[element](ELEMENT_BYTES[element] * 8 - 1)
        return np.asarray(one << count if kind is BinaryKind.SHL else one >> count)
    return _divided(kind, one, two, element)


def _divided(kind: BinaryKind, one: Array, two: Array, element: ElementKind) -> Array:
    one, two = np.broadcast_arrays(one, two)
    words = []
    for left, right in zip(one.ravel(), two.ravel(), strict=True):
        dividend, divisor = int(left), int(right)
        quotient = abs(dividend) // abs(divisor)
        if (dividend < 0) != (divisor < 0):
            quotient = -quotient
        if element is ElementKind.I64 and quotient >> 63 == 1:
            raise ZeroDivisionError
        rest = dividend - quotient * divisor
        words.append((quotient if kind is BinaryKind.DIV else rest) & WORD_MASK)
    return from_scalars(element, words, one.shape)


_COMPARED: dict[ComparePredicate, Callable[[Any, Any], Any]] = {
    ComparePredicate.EQ: lambda one, two: one == two,
    ComparePredicate.NE: lambda one, two: one != two,
    ComparePredicate.LT: lambda one, two: one < two,
    ComparePredicate.LE: lambda one, two: one <= two,
    ComparePredicate.GT: lambda one, two: one > two,
    ComparePredicate.GE: lambda one, two: one >= two,
}


def compare(predicate: ComparePredicate, left: Tensor, right: Tensor) -> Tensor:
    """Compare each pair of elements."""
    return made(ElementKind.BOOL, _COMPARED[predicate](computed(left), computed(right)))


def select(condition: Tensor, if_true: Tensor, if_false: Tensor) -> Tensor:
    """Choose one of two elements each."""
    chosen = np.where(condition.array, if_true.array, if_false.array)
    return Tensor(if_true.kind, chosen)


def apply_body(
    body: Callable[..., Any], tensors: list[Tensor], shape: tuple[int, ...], kind: ElementKind
) -> Tensor:
    """Call a function of the program for every element, with its number last."""
    spread = [np.broadcast_to(computed(row), shape).ravel() for row in tensors]
    count = int(np.prod(shape, dtype=np.int64))
    values = []
    for number in range(count):
        elements = [to_scalar(row.kind, spread[i][number]) for i, row in enumerate(tensors)]
        values.append(body(*elements, number))
    return made(kind, from_scalars(kind, values, shape))


def check_shapes(tensors: list[Tensor], literal: list[tuple[bool, ...]]) -> tuple[int, ...]:
    """Return the shape of an element-wise result; `literal` says which extents may stretch."""
    rank = max(row.array.ndim for row in tensors)
    shape: list[int] = []
    for axis in range(rank):
        found: Tensor | None = None
        extent = 1
        for row, stretches in zip(tensors, literal, strict=True):
            own = axis - (rank - row.array.ndim)
            if own < 0 or stretches[own]:
                continue
            if found is None:
                found, extent = row, row.array.shape[own]
            elif row.array.shape[own] != extent:
                raise misfit(found, row, " do not fit")
        shape.append(extent)
    return tuple(shape)


def misfit(left: Tensor, right: Tensor, text: str) -> TensorFailure:
    """Return the failure of two shapes."""
    return TensorFailure(f"shapes {list(left.array.shape)} and {list(right.array.shape)}{text}")
