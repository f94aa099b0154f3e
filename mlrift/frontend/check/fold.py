"""Folding: a typed expression in, the constant it always has out.

Only what constant initialisers may contain is folded: constants, operators and conversions. The
arithmetic is that of the running program: 64-bit words, IEEE floats, f32 rounded at every step.
"""

import math
import operator
import struct
from collections.abc import Callable

from mlrift.frontend import typed
from mlrift.frontend.check.conversions import signed_value
from mlrift.frontend.typed import BinaryKind, ConversionKind, LogicalKind, UnaryKind
from mlrift.source import Span
from mlrift.typesystem import SINGLE, Tag

Constant = typed.IntegerConstant | typed.FloatConstant

_MASK = (1 << 64) - 1


class NotConstantError(Exception):
    """An expression has no value at compile time; `reason` says why, `span` where."""

    def __init__(self, reason: str, span: Span) -> None:
        super().__init__(reason)
        self.reason = reason
        self.span = span


class DivisionByZeroError(NotConstantError):
    """An integer division or remainder by a constant zero."""


def fold(value: typed.Expression) -> Constant:
    """Return the constant that `value` is; raise NotConstantError for anything else."""
    kind = type(value)
    if kind is typed.IntegerConstant or kind is typed.FloatConstant:
        return value  # type: ignore[return-value]  # narrowed by the exact class
    if type(value) is typed.Unary:
        return _fold_unary(value)
    if type(value) is typed.Binary:
        return _fold_binary(value)
    if type(value) is typed.Logical:
        return _fold_logical(value)
    if type(value) is typed.Convert:
        return _fold_conversion(value)
    raise NotConstantError(_describe(value), value.span)


def round_to_single(value: float) -> float:
    """Return the nearest f32 value as a float."""
    try:
        rounded: float = struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)
    return rounded


def bits_of(constant: Constant) -> int:
    """Return the 8-byte word that holds a constant: an f32 in the low half."""
    if type(constant) is typed.IntegerConstant:
        return constant.value
    if constant.type.tag is Tag.F32:
        return int.from_bytes(struct.pack("<f", constant.value), "little")
    return int.from_bytes(struct.pack("<d", constant.value), "little")


def _fold_unary(value: typed.Unary) -> Constant:
    operand = fold(value.operand)
    if value.kind is UnaryKind.FLOAT_NEGATE:
        assert type(operand) is typed.FloatConstant
        return typed.FloatConstant(0.0 - operand.value, operand.type, value.span)
    word = bits_of(operand)
    if value.kind is UnaryKind.LOGICAL_NOT:
        result = int(word == 0)
    elif value.kind is UnaryKind.NEGATE:
        result = -word & _MASK
    else:
        result = ~word & _MASK
    return typed.IntegerConstant(result, value.type, value.span)


def _fold_binary(value: typed.Binary) -> Constant:
    left, right = fold(value.left), fold(value.right)
    if type(left) is typed.FloatConstant and type(right) is typed.FloatConstant:
        return _fold_float(value, left, right)
    first, second = bits_of(left), bits_of(right)
    if value.kind in _DIVISIONS and second == 0:
        raise DivisionByZeroError("division by zero", value.span)
    result = _WORD_OPERATIONS[value.kind](first, second) & _MASK
    return typed.IntegerConstant(result, value.type, value.span)


def _fold_float(
    value: typed.Binary, left: typed.FloatConstant, right: typed.FloatConstant
) -> Constant:
    comparison = _FLOAT_COMPARISONS.get(value.kind)
    if comparison is not None:
        return typed.IntegerConstant(
            int(comparison(left.value, right.value)), value.type, value.span
        )
    result = _FLOAT_OPERATIONS[value.kind](left.value, right.value)
    if left.type is SINGLE:
        result = round_to_single(result)
    return typed.FloatConstant(result, left.type, value.span)


def _fold_logical(value: typed.Logical) -> Constant:
    left = bits_of(fold(value.left))
    right = bits_of(fold(value.right))
    is_and = value.kind is LogicalKind.AND
    decided = 0 if is_and else 1
    result = right if bool(left) is is_and else decided
    return typed.IntegerConstant(result, value.type, value.span)


def _fold_conversion(value: typed.Convert) -> Constant:
    operand = fold(value.operand)
    kind, target, span = value.kind, value.type, value.span
    if kind is ConversionKind.RETAG:
        return typed.IntegerConstant(bits_of(operand), target, span)
    if kind is ConversionKind.F64_TO_BITS or kind is ConversionKind.F32_TO_BITS:
        return typed.IntegerConstant(bits_of(operand), target, span)
    if kind is ConversionKind.BITS_TO_F64 or kind is ConversionKind.BITS_TO_F32:
        raise NotConstantError("bits of a word", span)
    number = _number(operand)
    result = float(number) if kind is not ConversionKind.INT_TO_F32 else _nearest_single(number)
    if kind is ConversionKind.F64_TO_F32:
        result = round_to_single(result)
    assert target.is_float
    return typed.FloatConstant(result, target, span)  # type: ignore[arg-type]  # a float type


def _number(constant: Constant) -> int | float:
    if type(constant) is typed.FloatConstant:
        return constant.value
    return signed_value(bits_of(constant))


def _nearest_single(number: int | float) -> float:
    """Round once, from the exact integer: through f64 would round twice."""
    if isinstance(number, float):
        return round_to_single(number)
    shift = max(abs(number).bit_length() - 24, 0)
    if shift == 0:
        return float(number)
    kept, lost = divmod(abs(number), 1 << shift)
    half = 1 << (shift - 1)
    if lost > half or (lost == half and kept & 1):
        kept += 1
    return math.copysign(float(kept << shift), number)


def _divide_float(left: float, right: float) -> float:
    if right != 0.0 or math.isnan(left):
        return left / right if right != 0.0 else left
    if left == 0.0:
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def _divide_signed(left: int, right: int) -> int:
    quotient = abs(signed_value(left)) // abs(signed_value(right))
    return quotient if (left ^ right) >> 63 == 0 else -quotient


def _remainder_signed(left: int, right: int) -> int:
    remainder = abs(signed_value(left)) % abs(signed_value(right))
    return remainder if left >> 63 == 0 else -remainder


_DIVISIONS = frozenset((BinaryKind.UDIV, BinaryKind.SDIV, BinaryKind.UREM, BinaryKind.SREM))

_WORD_OPERATIONS: dict[BinaryKind, Callable[[int, int], int]] = {
    BinaryKind.ADD: operator.add,
    BinaryKind.SUB: operator.sub,
    BinaryKind.MUL: operator.mul,
    BinaryKind.UDIV: operator.floordiv,
    BinaryKind.SDIV: _divide_signed,
    BinaryKind.UREM: operator.mod,
    BinaryKind.SREM: _remainder_signed,
    BinaryKind.AND: operator.and_,
    BinaryKind.OR: operator.or_,
    BinaryKind.XOR: operator.xor,
    BinaryKind.SHL: lambda left, right: left << (right & 63),
    BinaryKind.LSHR: lambda left, right: left >> (right & 63),
    BinaryKind.ASHR: lambda left, right: signed_value(left) >> (right & 63),
    BinaryKind.EQ: operator.eq,
    BinaryKind.NE: operator.ne,
    BinaryKind.ULT: operator.lt,
    BinaryKind.ULE: operator.le,
    BinaryKind.UGT: operator.gt,
    BinaryKind.UGE: operator.ge,
    BinaryKind.SLT: lambda left, right: signed_value(left) < signed_value(right),
    BinaryKind.SLE: lambda left, right: signed_value(left) <= signed_value(right),
    BinaryKind.SGT: lambda left, right: signed_value(left) > signed_value(right),
    BinaryKind.SGE: lambda left, right: signed_value(left) >= signed_value(right),
}

_FLOAT_OPERATIONS: dict[BinaryKind, Callable[[float, float], float]] = {
    BinaryKind.FADD: operator.add,
    BinaryKind.FSUB: operator.sub,
    BinaryKind.FMUL: operator.mul,
    BinaryKind.FDIV: _divide_float,
}

_FLOAT_COMPARISONS: dict[BinaryKind, Callable[[float, float], bool]] = {
    BinaryKind.FEQ: operator.eq,
    BinaryKind.FNE: operator.ne,
    BinaryKind.FLT: operator.lt,
    BinaryKind.FLE: operator.le,
    BinaryKind.FGT: operator.gt,
    BinaryKind.FGE: operator.ge,
}

_DESCRIPTIONS: dict[type, str] = {
    typed.StaticRead: "a static is read",
    typed.StaticAddress: "the address of a static is not known",
    typed.StringConstant: "the address of a string is not known",
    typed.FormatString: "an f-string is built at run time",
    typed.Call: "a function is called",
    typed.BuiltinCall: "a builtin is called",
    typed.CallPointer: "a function is called",
    typed.Print: "a builtin is called",
    typed.FunctionAddress: "the address of a function is not known",
    typed.StructValue: "a struct is built at run time",
    typed.Load: "memory is read",
    typed.ElementAddress: "memory is read",
    typed.DeviceRead: "a device register is read",
}


def _describe(value: typed.Expression) -> str:
    return _DESCRIPTIONS.get(type(value), "it is known only at run time")
