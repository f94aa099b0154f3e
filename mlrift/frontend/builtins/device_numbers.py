"""Device builtins for f32 functions and dot products.

What the hardware computes with about 1 ulp is an op; the rest is made of these, so that hosts and
devices do the same steps.
"""

from collections.abc import Callable
from math import e, inf, log, log2, pi

from mlrift.frontend.builtins.declaration import Builtin
from mlrift.ir.builder import Builder
from mlrift.ir.core import Value
from mlrift.ir.numbers import to_single
from mlrift.ir.ops.arith import And, Constant, FAdd, FMul, Select
from mlrift.ir.ops.compare import CompareFloat, CompareInteger, FloatPredicate, IntegerPredicate
from mlrift.ir.ops.convert import BitsToFloat, FloatToBits
from mlrift.ir.ops.device import DeviceFunction, Dot2Half, Dot4Signed, HardwareFunction
from mlrift.typesystem import F32, S64, SINGLE, U64

Lowering = Callable[[Builder, list[Value]], Value]

LOG2_E = to_single(log2(e))
LOG_2 = to_single(log(2.0))
TURN = to_single(0.5 / pi)
_MAGNITUDE = 0x7FFFFFFF


def _number(builder: Builder, value: float) -> Value:
    return builder.emit(Constant(value, F32))


def _function(builder: Builder, function: DeviceFunction, operand: Value) -> Value:
    return builder.emit(HardwareFunction(function, operand))


def _plain(function: DeviceFunction) -> Lowering:
    def lower(builder: Builder, arguments: list[Value]) -> Value:
        return _function(builder, function, arguments[0])

    return lower


def _of_scaled(function: DeviceFunction, factor: float) -> Lowering:
    """Return the function of the operand times a factor."""

    def lower(builder: Builder, arguments: list[Value]) -> Value:
        scaled = builder.emit(FMul(arguments[0], _number(builder, factor)))
        return _function(builder, function, scaled)

    return lower


def _log(builder: Builder, arguments: list[Value]) -> Value:
    binary = _function(builder, DeviceFunction.LOG2, arguments[0])
    return builder.emit(FMul(binary, _number(builder, LOG_2)))


def _sigmoid(builder: Builder, arguments: list[Value]) -> Value:
    power = builder.emit(FMul(arguments[0], _number(builder, -LOG2_E)))
    decayed = _function(builder, DeviceFunction.EXP2, power)
    below = builder.emit(FAdd(decayed, _number(builder, 1.0)))
    return _function(builder, DeviceFunction.RECIPROCAL, below)


def _silu(builder: Builder, arguments: list[Value]) -> Value:
    return builder.emit(FMul(arguments[0], _sigmoid(builder, arguments)))


def _chosen(predicate: FloatPredicate) -> Lowering:
    """Return the first operand where the comparison holds, else the second."""

    def lower(builder: Builder, arguments: list[Value]) -> Value:
        first, second = arguments
        holds = builder.emit(CompareFloat(predicate, first, second))
        return builder.emit(Select(holds, first, second))

    return lower


def _relu(builder: Builder, arguments: list[Value]) -> Value:
    zero = _number(builder, 0.0)
    holds = builder.emit(CompareFloat(FloatPredicate.GT, arguments[0], zero))
    return builder.emit(Select(holds, arguments[0], zero))


def _absolute(builder: Builder, arguments: list[Value]) -> Value:
    bits = builder.emit(FloatToBits(arguments[0]))
    kept = builder.emit(And(bits, builder.word(_MAGNITUDE)))
    return builder.emit(BitsToFloat(kept, F32))


def _causal_mask(builder: Builder, arguments: list[Value]) -> Value:
    number, lane, row = arguments
    kept = builder.emit(CompareInteger(IntegerPredicate.ULE, lane, row))
    return builder.emit(Select(kept, number, _number(builder, -inf)))


def _dot2(builder: Builder, arguments: list[Value]) -> Value:
    return builder.emit(Dot2Half(*arguments))


def _dot4(builder: Builder, arguments: list[Value]) -> Value:
    return builder.emit(Dot4Signed(*arguments))


_EXP = _of_scaled(DeviceFunction.EXP2, LOG2_E)
_ONE, _TWO = (SINGLE,), (SINGLE, SINGLE)

NUMBERS = (
    Builtin("exp_f32", _ONE, SINGLE, _EXP, "e to a power: 2 to the power times 1.442695"),
    Builtin("exp2_f32", _ONE, SINGLE, _plain(DeviceFunction.EXP2), "2 to a power"),
    Builtin("log_f32", _ONE, SINGLE, _log, "natural logarithm: the binary one times 0.693147"),
    Builtin("log2_f32", _ONE, SINGLE, _plain(DeviceFunction.LOG2), "binary logarithm"),
    Builtin("rcp_f32", _ONE, SINGLE, _plain(DeviceFunction.RECIPROCAL), "1 over a number"),
    Builtin(
        "rsqrt_f32", _ONE, SINGLE, _plain(DeviceFunction.RECIPROCAL_ROOT), "1 over a square root"
    ),
    Builtin(
        "rsq_f32", _ONE, SINGLE, _plain(DeviceFunction.RECIPROCAL_ROOT), "1 over a square root"
    ),
    Builtin("fast_sqrt_f32", _ONE, SINGLE, _plain(DeviceFunction.ROOT), "square root, to 1 ulp"),
    Builtin("sin_f32", _ONE, SINGLE, _of_scaled(DeviceFunction.SINE, TURN), "sine of radians"),
    Builtin("cos_f32", _ONE, SINGLE, _of_scaled(DeviceFunction.COSINE, TURN), "cosine of radians"),
    Builtin("sigmoid_f32", _ONE, SINGLE, _sigmoid, "1 / (1 + exp(-x))"),
    Builtin("silu_f32", _ONE, SINGLE, _silu, "x times its sigmoid"),
    Builtin("silu", _ONE, SINGLE, _silu, "`silu_f32`"),
    Builtin("relu_f32", _ONE, SINGLE, _relu, "x where it is above 0, else 0"),
    Builtin("abs_f32", _ONE, SINGLE, _absolute, "the magnitude"),
    Builtin("max_f32", _TWO, SINGLE, _chosen(FloatPredicate.GT), "x where x > y, else y"),
    Builtin("min_f32", _TWO, SINGLE, _chosen(FloatPredicate.LT), "x where x < y, else y"),
    Builtin(
        "causal_mask_f32",
        (SINGLE, U64, U64),
        SINGLE,
        _causal_mask,
        "x where lane <= row, else minus infinity",
    ),
    Builtin(
        "dot2_f16",
        (U64, U64, SINGLE),
        SINGLE,
        _dot2,
        "the sum of two products of halves, each pair in 32 bits, and an f32",
    ),
    Builtin(
        "dot4_i8",
        (U64, U64, U64),
        S64,
        _dot4,
        "the sum of four products of signed bytes, each four in 32 bits, and a 32-bit addend",
    ),
)
