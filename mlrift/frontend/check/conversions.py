"""Conversions at typed destinations: a typed expression in, one of the wanted machine type out.

Language.md 7.5 with FIX Q29: floats convert numerically between kinds, integers to floats
numerically (signed), except that words which are bits by nature (`load*`, `atomic_*`, `call_ptr`,
results of integer functions) are reinterpreted; a float at an integer destination keeps its bits.
"""

from mlrift.frontend import typed
from mlrift.frontend.typed import ConversionKind
from mlrift.ir.numbers import to_single
from mlrift.typesystem import DOUBLE, ERROR, SINGLE, U64, Tag, Type

_EXACT_IN_SINGLE = 1 << 24
_EXACT_IN_DOUBLE = 1 << 53
_SIGN_BIT = 1 << 63


def coerce(value: typed.Expression, target: Type) -> typed.Expression:
    """Return `value` as the machine type of `target` wants it."""
    source = value.type
    if source is target:
        return value
    if target.is_float:
        return _to_float(value, target)
    return to_word(value) if source.is_float else value


def to_word(value: typed.Expression) -> typed.Expression:
    """Return a value as a 64-bit word: floats as their bits."""
    tag = value.type.tag
    if tag is Tag.F64:
        return typed.Convert(ConversionKind.F64_TO_BITS, value, U64, value.span)
    if tag is Tag.F32:
        return typed.Convert(ConversionKind.F32_TO_BITS, value, U64, value.span)
    return value


def poison(value: typed.Expression) -> typed.Expression:
    """Return a value marked as already reported: a word whose type causes no other message."""
    if value.type is ERROR:
        return value
    word = to_word(value)
    return typed.Convert(ConversionKind.RETAG, word, ERROR, value.span)


def widen_pair(
    left: typed.Expression, right: typed.Expression
) -> tuple[typed.Expression, typed.Expression]:
    """Return two float operands with the f32 side widened where the kinds differ."""
    if left.type.tag is not right.type.tag:
        if left.type.tag is Tag.F32:
            left = typed.Convert(ConversionKind.F32_TO_F64, left, DOUBLE, left.span)
        else:
            right = typed.Convert(ConversionKind.F32_TO_F64, right, DOUBLE, right.span)
    return left, right


def narrow_constants(
    left: typed.Expression, right: typed.Expression
) -> tuple[typed.Expression, typed.Expression]:
    """Return two float operands, a constant beside an f32 as f32: kernels do not widen."""
    if left.type.tag is Tag.F32 and type(right) is typed.FloatConstant:
        right = typed.FloatConstant(to_single(right.value), SINGLE, right.span)
    elif right.type.tag is Tag.F32 and type(left) is typed.FloatConstant:
        left = typed.FloatConstant(to_single(left.value), SINGLE, left.span)
    return left, right


def bit_conversion(source: Type, target: Type) -> ConversionKind | None:
    """Return the conversion that a loaded or returned word needs, if any.

    Floats convert between kinds; between integers and floats the bits are kept.
    """
    if source.tag is target.tag:
        return None
    if target.tag is Tag.F64:
        return ConversionKind.F32_TO_F64 if source.is_float else ConversionKind.BITS_TO_F64
    if target.tag is Tag.F32:
        return ConversionKind.F64_TO_F32 if source.is_float else ConversionKind.BITS_TO_F32
    if source.is_float:
        is_double = source.tag is Tag.F64
        return ConversionKind.F64_TO_BITS if is_double else ConversionKind.F32_TO_BITS
    return None


def signed_value(word: int) -> int:
    """Return a 64-bit word read as a signed integer."""
    return word - ((word & _SIGN_BIT) << 1)


def _to_float(value: typed.Expression, target: Type) -> typed.Expression:
    is_double = target.tag is Tag.F64
    kind_type = DOUBLE if is_double else SINGLE
    if value.type.is_float:
        if value.type.tag is target.tag:
            return value
        kind = ConversionKind.F32_TO_F64 if is_double else ConversionKind.F64_TO_F32
    elif _is_raw_bits(value):
        kind = ConversionKind.BITS_TO_F64 if is_double else ConversionKind.BITS_TO_F32
    else:
        if type(value) is typed.IntegerConstant:
            number = signed_value(value.value)
            if abs(number) <= (_EXACT_IN_DOUBLE if is_double else _EXACT_IN_SINGLE):
                return typed.FloatConstant(float(number), kind_type, value.span)
        kind = ConversionKind.INT_TO_F64 if is_double else ConversionKind.INT_TO_F32
    return typed.Convert(kind, value, kind_type, value.span)


def _is_raw_bits(value: typed.Expression) -> bool:
    if type(value) is typed.BuiltinCall:
        return value.builtin.is_raw_bits
    kind = type(value)
    return kind is typed.Call or kind is typed.CallPointer or value.type is ERROR
