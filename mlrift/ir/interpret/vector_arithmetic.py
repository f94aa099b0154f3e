"""Arithmetic on vectors, lane by lane, with numpy.

`ARITHMETIC` has a row for every op, which gives the function of its operands.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from mlrift.ir import numbers
from mlrift.ir.interpret.statements import signed_quotient, signed_remainder
from mlrift.ir.interpret.vector_arrays import DTYPES, Array, array_of, signed, type_of, unsigned
from mlrift.ir.numbers import WORD_MASK
from mlrift.ir.op import Op
from mlrift.ir.ops import vector_arith
from mlrift.ir.ops.compare import FloatPredicate, IntegerPredicate
from mlrift.ir.ops.vector_arith import BinaryKind, ConvertKind, DivideKind, UnaryKind
from mlrift.ir.ops.vector_types import FLOATS, LANE_BITS
from mlrift.typesystem import BF16, F16, F32, I1, MachineType

Evaluation = Callable[..., Any]


def _absolute(lanes: Array) -> Array:
    if lanes.dtype.kind == "f":
        return np.abs(lanes)
    return unsigned(np.abs(signed(lanes)))


_UNARY: dict[UnaryKind, Evaluation] = {
    UnaryKind.NEG: lambda lanes: -lanes,
    UnaryKind.ABS: _absolute,
    UnaryKind.NOT: lambda lanes: ~lanes,
    UnaryKind.SQRT: np.sqrt,
    UnaryKind.FLOOR: np.floor,
    UnaryKind.CEIL: np.ceil,
    UnaryKind.TRUNC: np.trunc,
    UnaryKind.ROUND: np.rint,
}


def _count(lanes: Array) -> Array:
    return lanes & (lanes.dtype.itemsize * 8 - 1)


BINARY: dict[BinaryKind, Evaluation] = {
    BinaryKind.ADD: lambda lhs, rhs: lhs + rhs,
    BinaryKind.SUB: lambda lhs, rhs: lhs - rhs,
    BinaryKind.MUL: lambda lhs, rhs: lhs * rhs,
    BinaryKind.DIV: lambda lhs, rhs: lhs / rhs,
    BinaryKind.MIN: lambda lhs, rhs: np.where(lhs < rhs, lhs, rhs),
    BinaryKind.MAX: lambda lhs, rhs: np.where(lhs > rhs, lhs, rhs),
    BinaryKind.SMIN: lambda lhs, rhs: unsigned(np.minimum(signed(lhs), signed(rhs))),
    BinaryKind.SMAX: lambda lhs, rhs: unsigned(np.maximum(signed(lhs), signed(rhs))),
    BinaryKind.UMIN: np.minimum,
    BinaryKind.UMAX: np.maximum,
    BinaryKind.AND: lambda lhs, rhs: lhs & rhs,
    BinaryKind.OR: lambda lhs, rhs: lhs | rhs,
    BinaryKind.XOR: lambda lhs, rhs: lhs ^ rhs,
    BinaryKind.SHL: lambda lhs, rhs: lhs << _count(rhs),
    BinaryKind.LSHR: lambda lhs, rhs: lhs >> _count(rhs),
    BinaryKind.ASHR: lambda lhs, rhs: unsigned(signed(lhs) >> signed(_count(rhs))),
}


def _word(lane: Any, bits: int) -> int:
    """Return a lane sign-extended to a word."""
    sign = 1 << (bits - 1)
    return ((int(lane) ^ sign) - sign) & WORD_MASK


_DIVISIONS: dict[DivideKind, Callable[[int, int], int]] = {
    DivideKind.UDIV: lambda lhs, rhs: lhs // rhs,
    DivideKind.UREM: lambda lhs, rhs: lhs % rhs,
    DivideKind.SDIV: signed_quotient,
    DivideKind.SREM: signed_remainder,
}


def _divide(made: vector_arith.Divide) -> Evaluation:
    """Divide as words; the machine's overflow is that of the lane, not of the word."""
    row = type_of(made)
    bits = LANE_BITS[row.element]
    is_signed = made.kind in (DivideKind.SDIV, DivideKind.SREM)
    ones, least = (1 << bits) - 1, 1 << (bits - 1)

    def divided(lhs: int, rhs: int) -> int:
        if is_signed and rhs == ones and lhs == least:
            raise ZeroDivisionError
        if is_signed:
            lhs, rhs = _word(lhs, bits), _word(rhs, bits)
        return _DIVISIONS[made.kind](lhs, rhs)

    def evaluate(lhs: Array, rhs: Array) -> Array:
        pairs = zip(lhs.tolist(), rhs.tolist(), strict=True)
        return array_of([divided(*pair) for pair in pairs], row)

    return evaluate


def _multiply_add(made: vector_arith.MultiplyAdd) -> Evaluation:
    row = type_of(made)
    fused = numbers.fused_single if row.element is F32 else numbers.fused_double

    def evaluate(factor: Array, other: Array, addend: Array) -> Array:
        lanes = zip(factor.tolist(), other.tolist(), addend.tolist(), strict=True)
        return array_of([fused(*lane) for lane in lanes], row)

    return evaluate


_ORDERS: dict[str, Evaluation] = {
    "eq": lambda lhs, rhs: lhs == rhs,
    "ne": lambda lhs, rhs: lhs != rhs,
    "lt": lambda lhs, rhs: lhs < rhs,
    "le": lambda lhs, rhs: lhs <= rhs,
    "gt": lambda lhs, rhs: lhs > rhs,
    "ge": lambda lhs, rhs: lhs >= rhs,
}


def _compare(
    made: vector_arith.CompareIntegers | vector_arith.CompareFloats,
) -> Evaluation:
    predicate: IntegerPredicate | FloatPredicate = made.predicate
    name = predicate.value
    order = _ORDERS[name[-2:]]
    if isinstance(predicate, IntegerPredicate) and name[0] == "s":
        return lambda lhs, rhs: order(signed(lhs), signed(rhs))
    return order


def _select(_made: vector_arith.SelectLanes) -> Evaluation:
    return np.where


def _saturated(value: float, kind: ConvertKind, bits: int) -> int:
    if math.isnan(value):
        return 0
    is_signed = kind is ConvertKind.TO_SIGNED
    least = -(1 << (bits - 1)) if is_signed else 0
    greatest = (1 << (bits - 1)) - 1 if is_signed else (1 << bits) - 1
    if math.isinf(value):
        return greatest if value > 0 else least
    return max(least, min(greatest, math.trunc(value)))


def _single_to_bfloat(value: float) -> int:
    bits = numbers.single_to_bits(value)
    if math.isnan(value):
        return bits >> 16 | 0x40
    return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16


def _lane_conversion(kind: ConvertKind, source: MachineType, target: MachineType) -> Evaluation:
    """Return the function from one lane, as a Python number, to another."""
    bits = LANE_BITS[source]
    match kind:
        case ConvertKind.SEXT if source is I1:
            return lambda lane: -int(lane)
        case ConvertKind.SEXT:
            return lambda lane: _word(lane, bits)
        case ConvertKind.ZEXT | ConvertKind.TRUNC:
            return int
        case ConvertKind.TO_SIGNED | ConvertKind.TO_UNSIGNED:
            return lambda lane: _saturated(lane, kind, LANE_BITS[target])
        case ConvertKind.WIDEN if source is F16:
            return numbers.half_to_single
        case ConvertKind.WIDEN if source is BF16:
            return lambda lane: numbers.bits_to_single(lane << 16)
        case ConvertKind.NARROW if target is F16:
            return numbers.single_to_half
        case ConvertKind.NARROW if target is BF16:
            return _single_to_bfloat
    raise AssertionError(f"numpy converts {source.value} to {target.value}")


def _convert(made: vector_arith.Convert) -> Evaluation:
    source, target, kind = type_of(made.operand), made.vector_type, made.kind
    dtype = DTYPES[target.element]
    if kind is ConvertKind.FROM_SIGNED:
        return lambda lanes: signed(lanes).astype(dtype)
    is_plain = source.element in FLOATS and target.element in FLOATS
    if kind is ConvertKind.FROM_UNSIGNED or is_plain:
        return lambda lanes: lanes.astype(dtype)
    convert = _lane_conversion(kind, source.element, target.element)
    return lambda lanes: array_of([convert(lane) for lane in lanes.tolist()], target)


ARITHMETIC: dict[type[Op], Callable[[Any], Evaluation]] = {
    vector_arith.Unary: lambda made: _UNARY[made.kind],
    vector_arith.Binary: lambda made: BINARY[made.kind],
    vector_arith.Divide: _divide,
    vector_arith.MultiplyAdd: _multiply_add,
    vector_arith.CompareIntegers: _compare,
    vector_arith.CompareFloats: _compare,
    vector_arith.SelectLanes: _select,
    vector_arith.Convert: _convert,
}
