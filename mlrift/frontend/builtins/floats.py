"""Builtins of reference.md 13.6: conversions, square roots and the twice-rounding multiply-add."""

from mlrift.frontend.builtins.declaration import Builtin
from mlrift.ir.builder import Builder
from mlrift.ir.core import Value
from mlrift.ir.ops.arith import FAdd, FMul, FMultiplyAdd, FSqrt
from mlrift.ir.ops.convert import (
    FloatToSigned,
    HalfToSingle,
    Narrow,
    SignedToFloat,
    SingleToHalf,
    Widen,
)
from mlrift.typesystem import DOUBLE, F32, F64, S64, SINGLE, U64


def _int_to_f64(builder: Builder, arguments: list[Value]) -> Value:
    return builder.emit(SignedToFloat(arguments[0], F64))


def _int_to_f32(builder: Builder, arguments: list[Value]) -> Value:
    return builder.emit(SignedToFloat(arguments[0], F32))


def _f64_to_int(builder: Builder, arguments: list[Value]) -> Value:
    return builder.emit(FloatToSigned(arguments[0]))


def _f32_to_int(builder: Builder, arguments: list[Value]) -> Value:
    return builder.emit(FloatToSigned(builder.emit(Widen(arguments[0]))))


def _f32_to_f64(builder: Builder, arguments: list[Value]) -> Value:
    return builder.emit(Widen(arguments[0]))


def _f64_to_f32(builder: Builder, arguments: list[Value]) -> Value:
    return builder.emit(Narrow(arguments[0]))


def _f32_to_f16(builder: Builder, arguments: list[Value]) -> Value:
    return builder.emit(SingleToHalf(arguments[0]))


def _f16_to_f32(builder: Builder, arguments: list[Value]) -> Value:
    return builder.emit(HalfToSingle(arguments[0]))


def _sqrt(builder: Builder, arguments: list[Value]) -> Value:
    return builder.emit(FSqrt(arguments[0]))


def _fma_f64(builder: Builder, arguments: list[Value]) -> Value:
    product = builder.emit(FMul(arguments[0], arguments[1]))
    return builder.emit(FAdd(product, arguments[2]))


def _fma_fused(builder: Builder, arguments: list[Value]) -> Value:
    return builder.emit(FMultiplyAdd(arguments[0], arguments[1], arguments[2]))


FLOATS = (
    Builtin("int_to_f64", (U64,), DOUBLE, _int_to_f64, "a signed word to the nearest f64"),
    Builtin("int_to_f32", (U64,), SINGLE, _int_to_f32, "a signed word to the nearest f32"),
    Builtin("f64_to_int", (DOUBLE,), S64, _f64_to_int, "truncate, saturating; a NaN gives 0"),
    Builtin("f32_to_int", (SINGLE,), S64, _f32_to_int, "truncate, saturating; a NaN gives 0"),
    Builtin("f32_to_f64", (SINGLE,), DOUBLE, _f32_to_f64, "widen, exactly"),
    Builtin("f64_to_f32", (DOUBLE,), SINGLE, _f64_to_f32, "narrow to the nearest f32"),
    Builtin("f32_to_f16", (SINGLE,), U64, _f32_to_f16, "the bits of the nearest half"),
    Builtin("f16_to_f32", (U64,), SINGLE, _f16_to_f32, "a half's bits as f32"),
    Builtin("sqrt", (DOUBLE,), DOUBLE, _sqrt, "square root"),
    Builtin("sqrt_f64", (DOUBLE,), DOUBLE, _sqrt, "square root"),
    Builtin("sqrt_f32", (SINGLE,), SINGLE, _sqrt, "square root in single precision"),
    Builtin("fma_f64", (DOUBLE,) * 3, DOUBLE, _fma_f64, "a * b + c, rounded twice"),
    Builtin("fma_fused_f64", (DOUBLE,) * 3, DOUBLE, _fma_fused, "a * b + c, rounded once"),
    Builtin("fma_fused_f32", (SINGLE,) * 3, SINGLE, _fma_fused, "a * b + c, rounded once"),
)
