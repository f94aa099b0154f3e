"""Typing of operators: which operation, which result type (reference.md 7.3 to 7.6, Q24, Q63)."""

import pytest

from tests.unit.check.dump import expression_text

LOCALS = "u64 u = 1; i64 s = 2; i8 t = 3; bool b = true; char c = 'c'; f64 d = 1.5; f32 f = 2.5f"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("u + u", "add(u:u64, u:u64):u64"),
        ("s + u", "add!(s:i64, u:u64):i64"),
        ("u - t", "sub!(u:u64, t:i8):i64"),
        ("u * 3", "mul(u:u64, 3:u64):u64"),
        ("u / u", "udiv(u:u64, u:u64):u64"),
        ("u / s", "sdiv(u:u64, s:i64):i64"),
        ("s % u", "srem(s:i64, u:u64):i64"),
        ("u % u", "urem(u:u64, u:u64):u64"),
        ("s << u", "shl(s:i64, u:u64):i64"),
        ("u >> u", "lshr(u:u64, u:u64):u64"),
        ("u >> s", "ashr(u:u64, s:i64):i64"),
        ("s >> 1", "ashr(s:i64, 1:u64):i64"),
        ("s & u", "and(s:i64, u:u64):i64"),
        ("u < s", "slt(u:u64, s:i64):u64"),
        ("u < u", "ult(u:u64, u:u64):u64"),
        ("s >= u", "sge(s:i64, u:u64):u64"),
        ("s == u", "eq(s:i64, u:u64):u64"),
    ],
)
def test_either_signed_operand_makes_the_operation_signed(source: str, expected: str) -> None:
    assert expression_text(source, LOCALS) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("c + 1", "add(c:char, 1:u64):char"),
        ("c - s", "sub!(c:char, s:i64):char"),
        ("c - c", "sub(c:char, c:char):u64"),
        ("1 + c", "add(1:u64, c:char):u64"),
        ("c * 2", "mul(c:char, 2:u64):u64"),
        ("c & 0xDF", "and(c:char, 223:u64):u64"),
        ("b + 1", "add(b:bool, 1:u64):u64"),
        ("b == b", "eq(b:bool, b:bool):u64"),
        ("c < 'd'", "ult(c:char, 100:char):u64"),
    ],
)
def test_bool_and_char_compute_as_integers(source: str, expected: str) -> None:
    assert expression_text(source, LOCALS) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("d + d", "fadd(d:f64, d:f64):f64"),
        ("f * f", "fmul(f:f32, f:f32):f32"),
        ("f - d", "fsub(<f32 to f64>(f:f32), d:f64):f64"),
        ("d / f", "fdiv(d:f64, <f32 to f64>(f:f32)):f64"),
        ("f < 1.0", "flt(<f32 to f64>(f:f32), 1.0:f64):u64"),
        ("d == d", "feq(d:f64, d:f64):u64"),
        ("-d", "(0.0 -d:f64):f64"),
        ("-1.5", "-1.5:f64"),
        ("-0.0", "0.0:f64"),
    ],
)
def test_floats_widen_to_the_wider_kind(source: str, expected: str) -> None:
    assert expression_text(source, LOCALS) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("-s", "(-s:i64):i64"),
        ("~t", "(~t:i8):i64"),
        ("-u", "(-u:u64):u64"),
        ("!s", "(!s:i64):u64"),
        ("-5", "18446744073709551611:u64"),
        ("~0", "18446744073709551615:u64"),
        ("-c", "(-c:char):u64"),
        ("!d", "(!<f64 to bits>(d:f64)):u64"),
    ],
)
def test_unary_operators_keep_the_sign(source: str, expected: str) -> None:
    assert expression_text(source, LOCALS) == expected


def test_logical_operators_work_on_words() -> None:
    assert expression_text("u && d", LOCALS) == "(u:u64 && <f64 to bits>(d:f64))"
    assert expression_text("0 || 7", LOCALS) == "(0:u64 || 7:u64)"
