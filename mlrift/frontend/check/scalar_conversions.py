"""Numeric conversions between scalars, as `as` makes them: the number stays, as far as it can.

A float becomes the integer towards zero; one that i64 does not hold its nearest end, a NaN 0. An
integer keeps the bits that the narrower type has. An integer becomes a float as a signed word does,
as at every typed destination. bool is whether the number is not 0.
"""

from mlrift.frontend import typed
from mlrift.frontend.builtins.floats import FLOATS
from mlrift.frontend.check.conversions import coerce, signed_value
from mlrift.frontend.typed import BinaryKind, ConversionKind
from mlrift.source import Span
from mlrift.typesystem import BOOL, U64, ScalarType, Tag

_TO_INTEGER = {row.name: row for row in FLOATS if row.name in ("f64_to_int", "f32_to_int")}
_WORD_BITS = 64


def converted(value: typed.Expression, target: ScalarType) -> typed.Expression:
    """Return a scalar's number as `target`, another scalar type that has numbers."""
    if value.type is target:
        return value
    if target.is_float:
        return coerce(value, target)
    if target is BOOL:
        return _truth(value)
    word = value
    if value.type.is_float:
        builtin = _TO_INTEGER["f64_to_int" if value.type.tag is Tag.F64 else "f32_to_int"]
        word = typed.BuiltinCall(builtin, [value], builtin.result, value.span)
    return narrowed(word, target)


def narrowed(word: typed.Expression, target: ScalarType) -> typed.Expression:
    """Return a word with the bits that `target` has, extended to a word again."""
    span = word.span
    bits = 8 * target.size_bytes
    if type(word) is typed.IntegerConstant:
        value = word.value & ((1 << bits) - 1)
        if target.tag is Tag.SIGNED:
            value = signed_value(value << (_WORD_BITS - bits)) >> (_WORD_BITS - bits)
        return typed.IntegerConstant(value & ((1 << _WORD_BITS) - 1), target, span)
    if bits == _WORD_BITS or _fits(word, target):
        return typed.Convert(ConversionKind.RETAG, word, target, span)
    if target.tag is Tag.SIGNED:
        unused = _constant(_WORD_BITS - bits, span)
        high = typed.Binary(BinaryKind.SHL, word, unused, U64, span)
        return typed.Binary(BinaryKind.ASHR, high, unused, target, span)
    mask = _constant((1 << bits) - 1, span)
    return typed.Binary(BinaryKind.AND, word, mask, target, span)


def _fits(word: typed.Expression, target: ScalarType) -> bool:
    """Whether a load makes sure that a word has no more bits."""
    return (
        type(word) is typed.Load
        and target.tag is not Tag.SIGNED
        and word.type.size_bytes <= target.size_bytes
    )


def _truth(value: typed.Expression) -> typed.Expression:
    span = value.span
    if value.type.is_float:
        zero = typed.FloatConstant(0.0, value.type, span)  # type: ignore[arg-type]  # a float type
        return typed.Binary(BinaryKind.FNE, value, zero, BOOL, span)
    if type(value) is typed.IntegerConstant:
        return typed.IntegerConstant(int(value.value != 0), BOOL, span)
    return typed.Binary(BinaryKind.NE, value, _constant(0, span), BOOL, span)


def _constant(value: int, span: Span) -> typed.Expression:
    return typed.IntegerConstant(value, U64, span)
