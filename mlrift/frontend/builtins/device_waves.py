"""Device builtins for the lanes of a wave, and reductions over the group."""

from collections.abc import Callable

from mlrift.frontend.builtins.declaration import Builtin
from mlrift.ir.builder import Builder
from mlrift.ir.core import Value
from mlrift.ir.ops.arith import And, Constant
from mlrift.ir.ops.device import (
    Ballot,
    GroupReduce,
    Lane,
    Reduction,
    Shuffle,
    ShuffleXor,
    WaveReduce,
)
from mlrift.typesystem import SINGLE, U64

Lowering = Callable[[Builder, list[Value]], Value]

_LOW_HALF = 0xFFFFFFFF
_LAST_LANE = 31


def _lane(builder: Builder, arguments: list[Value]) -> Value:
    return builder.emit(Lane())


def _wave(reduction: Reduction) -> Lowering:
    def lower(builder: Builder, arguments: list[Value]) -> Value:
        return builder.emit(WaveReduce(reduction, arguments[0]))

    return lower


def _group(reduction: Reduction) -> Lowering:
    def lower(builder: Builder, arguments: list[Value]) -> Value:
        return builder.emit(GroupReduce(reduction, arguments[0]))

    return lower


def _low(builder: Builder, word: Value) -> Value:
    return builder.emit(And(word, builder.word(_LOW_HALF)))


def _shuffle(builder: Builder, arguments: list[Value]) -> Value:
    return builder.emit(Shuffle(arguments[0], arguments[1]))


def _shuffle_low(builder: Builder, arguments: list[Value]) -> Value:
    return builder.emit(Shuffle(_low(builder, arguments[0]), arguments[1]))


def _shuffle_xor(builder: Builder, arguments: list[Value]) -> Value:
    mask = arguments[1]
    assert isinstance(mask, Constant)  # the checker saw to it
    return builder.emit(ShuffleXor(arguments[0], int(mask.value) & _LAST_LANE))


def _shuffle_xor_low(builder: Builder, arguments: list[Value]) -> Value:
    return _shuffle_xor(builder, [_low(builder, arguments[0]), arguments[1]])


def _ballot(builder: Builder, arguments: list[Value]) -> Value:
    return builder.emit(Ballot(builder.truth(arguments[0])))


_ONE = (SINGLE,)
_SUM, _MAX = Reduction.SUM, Reduction.MAXIMUM

WAVES = (
    Builtin("lane_id", (), U64, _lane, "the work item's index in its wave, 0 to 31"),
    Builtin("wave_sum_f32", _ONE, SINGLE, _wave(_SUM), "the sum over the 32 lanes, in each"),
    Builtin("wave_max_f32", _ONE, SINGLE, _wave(_MAX), "the maximum over the 32 lanes, in each"),
    Builtin(
        "wave_min_f32",
        _ONE,
        SINGLE,
        _wave(Reduction.MINIMUM),
        "the minimum over the 32 lanes, in each",
    ),
    Builtin("wave_shuffle_f32", (SINGLE, U64), SINGLE, _shuffle, "the number that a lane has"),
    Builtin("wave_shuffle_u32", (U64, U64), U64, _shuffle_low, "the low 32 bits that a lane has"),
    Builtin(
        "wave_shuffle_xor_f32",
        (SINGLE, U64),
        SINGLE,
        _shuffle_xor,
        "the number that lane (own lane ^ mask) has; the mask is a constant",
    ),
    Builtin(
        "wave_shuffle_xor_u32",
        (U64, U64),
        U64,
        _shuffle_xor_low,
        "the low 32 bits that lane (own lane ^ mask) has; the mask is a constant",
    ),
    Builtin("ballot", (U64,), U64, _ballot, "bit l is set where lane l is here and has not 0"),
    Builtin(
        "lds_reduce_sum_f32", _ONE, SINGLE, _group(_SUM), "the sum over the group, in each item"
    ),
    Builtin(
        "lds_reduce_max_f32", _ONE, SINGLE, _group(_MAX), "the maximum over the group, in each item"
    ),
    Builtin("group_sum_f32", _ONE, SINGLE, _group(_SUM), "`lds_reduce_sum_f32`"),
    Builtin("group_max_f32", _ONE, SINGLE, _group(_MAX), "`lds_reduce_max_f32`"),
)
