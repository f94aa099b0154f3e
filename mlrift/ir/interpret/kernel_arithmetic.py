"""Ops that compute, over the values of many work items at once: arrays in, an array out.

Words are uint64, truth values bool. What has no rule here is evaluated item by item by the op's own
`evaluate`. Hardware functions are computed in double precision and rounded, so they are nearer to
the truth than a device's.
"""

from collections.abc import Callable

import numpy as np

from mlrift.ir import numbers
from mlrift.ir.interpret.kernel_memory import Array, KernelFault
from mlrift.ir.op import Op
from mlrift.ir.ops import arith, compare, convert, device
from mlrift.ir.ops.compare import FloatPredicate, IntegerPredicate
from mlrift.ir.ops.device import DeviceFunction
from mlrift.static_types import Any
from mlrift.typesystem import F32, F64, I1, I64, ValueType

Rule = Callable[..., Array]

NUMPY_TYPES: dict[ValueType, type] = {
    I64: np.uint64,
    I1: np.bool_,
    F32: np.float32,
    F64: np.float64,
}
_SHIFT_MASK = np.uint64(63)
_LOW_HALF = np.uint64(0xFFFFFFFF)
_INTEGER_COMPARISONS: dict[IntegerPredicate, tuple[Callable[..., Array], type]] = {
    IntegerPredicate.EQ: (np.equal, np.uint64),
    IntegerPredicate.NE: (np.not_equal, np.uint64),
    IntegerPredicate.ULT: (np.less, np.uint64),
    IntegerPredicate.ULE: (np.less_equal, np.uint64),
    IntegerPredicate.UGT: (np.greater, np.uint64),
    IntegerPredicate.UGE: (np.greater_equal, np.uint64),
    IntegerPredicate.SLT: (np.less, np.int64),
    IntegerPredicate.SLE: (np.less_equal, np.int64),
    IntegerPredicate.SGT: (np.greater, np.int64),
    IntegerPredicate.SGE: (np.greater_equal, np.int64),
}
_FLOAT_COMPARISONS: dict[FloatPredicate, Callable[..., Array]] = {
    FloatPredicate.EQ: np.equal,
    FloatPredicate.NE: np.not_equal,
    FloatPredicate.LT: np.less,
    FloatPredicate.LE: np.less_equal,
    FloatPredicate.GT: np.greater,
    FloatPredicate.GE: np.greater_equal,
}
_FUNCTIONS: dict[DeviceFunction, Callable[[Array], Array]] = {
    DeviceFunction.EXP2: np.exp2,
    DeviceFunction.LOG2: np.log2,
    DeviceFunction.RECIPROCAL: lambda x: 1.0 / x,
    DeviceFunction.RECIPROCAL_ROOT: lambda x: 1.0 / np.sqrt(x),
    DeviceFunction.ROOT: np.sqrt,
    DeviceFunction.SINE: lambda x: np.sin(2.0 * np.pi * np.fmod(x, 1.0)),
    DeviceFunction.COSINE: lambda x: np.cos(2.0 * np.pi * np.fmod(x, 1.0)),
}


def fused_single(factor: Array, other: Array, addend: Array) -> Array:
    """Return factor * other + addend, rounded once: the sum in double, rounded to odd."""
    product = factor.astype(np.float64) * other.astype(np.float64)
    wide = addend.astype(np.float64)
    total = product + wide
    back = total - product
    error = (product - (total - back)) + (wide - back)
    bits = total.view(np.int64)
    moves = (error != 0) & (bits & 1 == 0) & np.isfinite(total) & np.isfinite(error)
    step = np.where((error > 0) == (total > 0), 1, -1)
    return np.where(moves, bits + step, bits).view(np.float64).astype(np.float32)


def evaluate(made: Op, operands: list[Array]) -> Array:
    """Return the values of a pure op."""
    rule = RULES.get(type(made))
    if rule is not None:
        return rule(made, *operands)
    return _each(made, *operands)


def _each(made: Op, *operands: Array) -> Array:
    """Evaluate item by item."""
    rows = zip(*(row.tolist() for row in operands), strict=True)
    found = [made.evaluate(*row) for row in rows]  # type: ignore[attr-defined]
    return np.array(found, NUMPY_TYPES[made.type])


def _plain(function: Callable[..., Array]) -> Rule:
    return lambda _made, *operands: function(*operands)


def _division(signed: Callable[[int, int], int] | None, unsigned: Callable[..., Array]) -> Rule:
    def rule(made: Op, lhs: Array, rhs: Array) -> Array:
        if not rhs.all():
            raise KernelFault("divides by zero", made.span)
        if signed is None:
            return unsigned(lhs, rhs)
        rows = zip(lhs.view(np.int64).tolist(), rhs.view(np.int64).tolist(), strict=True)
        return np.array([signed(a, b) & arith.WORD_MASK for a, b in rows], np.uint64)

    return rule


def _quotient(lhs: int, rhs: int) -> int:
    found = abs(lhs) // abs(rhs)
    return found if (lhs < 0) == (rhs < 0) else -found


def _remainder(lhs: int, rhs: int) -> int:
    return lhs - rhs * _quotient(lhs, rhs)


def _compare_integers(made: Any, lhs: Array, rhs: Array) -> Array:
    function, kind = _INTEGER_COMPARISONS[made.predicate]
    return function(lhs.view(kind), rhs.view(kind)) if lhs.dtype != bool else function(lhs, rhs)


def _compare_floats(made: Any, lhs: Array, rhs: Array) -> Array:
    return _FLOAT_COMPARISONS[made.predicate](lhs, rhs)


def _select(_made: Op, condition: Array, first: Array, second: Array) -> Array:
    return np.where(condition, first, second)


def _signed_to_float(made: Any, operand: Array) -> Array:
    return operand.view(np.int64).astype(NUMPY_TYPES[made.to])


def _float_to_signed(_made: Op, operand: Array) -> Array:
    wide = operand.astype(np.float64)
    inside = np.abs(wide) < 2.0**63
    whole = np.where(inside, wide, 0.0).astype(np.int64)
    limits = np.where(wide > 0, np.int64(2**63 - 1), np.int64(-(2**63)))
    limits = np.where(np.isnan(wide), np.int64(0), limits)
    return np.where(inside, whole, limits).view(np.uint64)


def _bits_to_float(made: Any, operand: Array) -> Array:
    if made.to is F32:
        return operand.astype(np.uint32).view(np.float32)
    return operand.view(np.float64)


def _float_to_bits(_made: Op, operand: Array) -> Array:
    if operand.dtype == np.float32:
        return operand.view(np.uint32).astype(np.uint64)
    return operand.view(np.uint64)


def _half_to_single(_made: Op, operand: Array) -> Array:
    return operand.astype(np.uint16).view(np.float16).astype(np.float32)


def _single_to_half(_made: Op, operand: Array) -> Array:
    return operand.astype(np.float16).view(np.uint16).astype(np.uint64)


def _arithmetic_shift(_made: Op, lhs: Array, rhs: Array) -> Array:
    return (lhs.view(np.int64) >> (rhs & _SHIFT_MASK).view(np.int64)).view(np.uint64)


def _fused(made: Op, factor: Array, other: Array, addend: Array) -> Array:
    if factor.dtype == np.float32:
        return fused_single(factor, other, addend)
    rows = zip(factor.tolist(), other.tolist(), addend.tolist(), strict=True)
    return np.array([numbers.fused_double(*row) for row in rows], np.float64)


def _hardware_function(made: Any, operand: Array) -> Array:
    return _FUNCTIONS[made.function](operand.astype(np.float64)).astype(np.float32)


def _dot2(_made: Op, lhs: Array, rhs: Array, addend: Array) -> Array:
    left = lhs.astype(np.uint32).view(np.float16).reshape(-1, 2).astype(np.float64)
    right = rhs.astype(np.uint32).view(np.float16).reshape(-1, 2).astype(np.float64)
    return np.asarray((left * right).sum(axis=1) + addend, np.float32)


def _dot4(_made: Op, lhs: Array, rhs: Array, addend: Array) -> Array:
    left = lhs.astype(np.uint32).view(np.int8).reshape(-1, 4).astype(np.int64)
    right = rhs.astype(np.uint32).view(np.int8).reshape(-1, 4).astype(np.int64)
    total: Array = (left * right).sum(axis=1) + addend.view(np.int64)
    return total.astype(np.int32).astype(np.int64).view(np.uint64)


RULES: dict[type[Op], Rule] = {
    arith.Add: _plain(np.add),
    arith.Sub: _plain(np.subtract),
    arith.Mul: _plain(np.multiply),
    arith.Udiv: _division(None, np.floor_divide),
    arith.Urem: _division(None, np.remainder),
    arith.Sdiv: _division(_quotient, np.floor_divide),
    arith.Srem: _division(_remainder, np.remainder),
    arith.And: _plain(np.bitwise_and),
    arith.Or: _plain(np.bitwise_or),
    arith.Xor: _plain(np.bitwise_xor),
    arith.Shl: lambda _made, lhs, rhs: lhs << (rhs & _SHIFT_MASK),
    arith.Lshr: lambda _made, lhs, rhs: lhs >> (rhs & _SHIFT_MASK),
    arith.Ashr: _arithmetic_shift,
    arith.FAdd: _plain(np.add),
    arith.FSub: _plain(np.subtract),
    arith.FMul: _plain(np.multiply),
    arith.FDiv: _plain(np.divide),
    arith.FSqrt: _plain(np.sqrt),
    arith.FMultiplyAdd: _fused,
    arith.Select: _select,
    compare.CompareInteger: _compare_integers,
    compare.CompareFloat: _compare_floats,
    convert.TruthToWord: lambda _made, operand: operand.astype(np.uint64),
    convert.SignedToFloat: _signed_to_float,
    convert.FloatToSigned: _float_to_signed,
    convert.Widen: lambda _made, operand: operand.astype(np.float64),
    convert.Narrow: lambda _made, operand: operand.astype(np.float32),
    convert.BitsToFloat: _bits_to_float,
    convert.FloatToBits: _float_to_bits,
    convert.HalfToSingle: _half_to_single,
    convert.SingleToHalf: _single_to_half,
    device.HardwareFunction: _hardware_function,
    device.ContractedProduct: _fused,
    device.Dot2Half: _dot2,
    device.Dot4Signed: _dot4,
}
