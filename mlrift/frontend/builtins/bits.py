"""Builtins of reference.md 13.4 on the bits and the sign of words."""

from collections.abc import Callable

from mlrift.frontend.builtins.declaration import Builtin
from mlrift.ir.builder import Builder
from mlrift.ir.core import Value
from mlrift.ir.ops.arith import WORD_MASK, And, Lshr, Or, Shl, Sub, Xor
from mlrift.ir.ops.compare import CompareInteger, IntegerPredicate
from mlrift.typesystem import U64


def _bit(builder: Builder, number: Value) -> Value:
    return builder.emit(Shl(builder.word(1), number))


def _complement(builder: Builder, value: Value) -> Value:
    return builder.emit(Xor(value, builder.word(WORD_MASK)))


def _low_mask(builder: Builder, width: Value) -> Value:
    """Return `width` ones; a width of 64 gives 0 as shift counts are modulo 64."""
    return builder.emit(Sub(_bit(builder, width), builder.word(1)))


def _bit_get(builder: Builder, arguments: list[Value]) -> Value:
    value, number = arguments
    return builder.emit(And(builder.emit(Lshr(value, number)), builder.word(1)))


def _bit_set(builder: Builder, arguments: list[Value]) -> Value:
    value, number = arguments
    return builder.emit(Or(value, _bit(builder, number)))


def _bit_clear(builder: Builder, arguments: list[Value]) -> Value:
    value, number = arguments
    return builder.emit(And(value, _complement(builder, _bit(builder, number))))


def _bit_toggle(builder: Builder, arguments: list[Value]) -> Value:
    value, number = arguments
    return builder.emit(Xor(value, _bit(builder, number)))


def _bit_range(builder: Builder, arguments: list[Value]) -> Value:
    value, start, width = arguments
    return builder.emit(And(builder.emit(Lshr(value, start)), _low_mask(builder, width)))


def _bit_insert(builder: Builder, arguments: list[Value]) -> Value:
    value, start, width, bits = arguments
    mask = builder.emit(Shl(_low_mask(builder, width), start))
    placed = builder.emit(And(builder.emit(Shl(bits, start)), mask))
    kept = builder.emit(And(value, _complement(builder, mask)))
    return builder.emit(Or(kept, placed))


def _signed_comparison(predicate: IntegerPredicate) -> Callable[[Builder, list[Value]], Value]:
    def lower(builder: Builder, arguments: list[Value]) -> Value:
        return builder.as_word(builder.emit(CompareInteger(predicate, arguments[0], arguments[1])))

    return lower


BITS = (
    Builtin("bit_get", (U64, U64), U64, _bit_get, "bit n of a word"),
    Builtin("bit_set", (U64, U64), U64, _bit_set, "the word with bit n set"),
    Builtin("bit_clear", (U64, U64), U64, _bit_clear, "the word with bit n cleared"),
    Builtin("bit_toggle", (U64, U64), U64, _bit_toggle, "the word with bit n inverted"),
    Builtin("bit_range", (U64, U64, U64), U64, _bit_range, "`width` bits from bit `start`"),
    Builtin("bit_insert", (U64, U64, U64, U64), U64, _bit_insert, "the word with a field replaced"),
    *(
        Builtin(
            f"signed_{predicate.value[1:]}",
            (U64, U64),
            U64,
            _signed_comparison(predicate),
            f"signed comparison `{sign}`",
        )
        for predicate, sign in (
            (IntegerPredicate.SLT, "<"),
            (IntegerPredicate.SGT, ">"),
            (IntegerPredicate.SLE, "<="),
            (IntegerPredicate.SGE, ">="),
        )
    ),
)
