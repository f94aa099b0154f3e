"""Conversions at typed destinations (reference.md 7.5, Q29)."""

import pytest

from tests.unit.check.dump import body_lines, expression_text

PRELUDE = """
fn word() -> u64 { return 5 }
fn truth() -> bool { return true }
fn wide() -> f64 { return 1.5 }
fn take(f32 a, u64 b) -> i32 { return b }
static f32 kept
struct S { f32 x u32 y }
"""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("7", "7.0:f64"),
        ("-7", "-7.0:f64"),
        ("0xFFFFFFFFFFFFFFFF", "-1.0:f64"),
        ("0x7FFFFFFFFFFFFFFF", "<int to f64>(9223372036854775807:u64)"),
        ("n", "<int to f64>(n:u64)"),
        ("n + 1", "<int to f64>(add(n:u64, 1:u64):u64)"),
        ("1.5f", "<f32 to f64>(1.5:f32)"),
        ("load64(n)", "<bits to f64>(load64(n:u64):u64)"),
        ("vload64(n)", "<bits to f64>(vload64(n:u64):u64)"),
        ("atomic_load(n)", "<bits to f64>(atomic_load(n:u64):u64)"),
        ("call_ptr(n)", "<bits to f64>(call_ptr(n:u64))"),
        ("word()", "<bits to f64>(word():u64)"),
        ("str_len(n)", "<int to f64>(str_len(n:u64):u64)"),
        ("wide()", "wide():f64"),
        ("bytes[0]", "<int to f64>(load(element(bytes:u8[4], 0:u64, u8, 4)):u8)"),
    ],
)
def test_what_initialises_an_f64(value: str, expected: str) -> None:
    lines = body_lines(f"{PRELUDE} fn main() {{ u64 n = 8; u8[4] bytes; f64 x = {value} }}")
    assert lines[-1] == f"f64 x = {expected}"


def test_a_large_literal_is_rounded_once_to_f32() -> None:
    lines = body_lines("fn main() { f32 a = 16777216; f32 b = 16777217 }")
    assert lines == ["f32 a = 16777216.0:f32", "f32 b = <int to f32>(16777217:u64)"]


def test_floats_at_integer_destinations_keep_their_bits() -> None:
    text = PRELUDE + "fn main() { u64 a = 2.5; a = 1.5f; store32(a, 1.5); S s; s.y = 2.5 }"
    assert body_lines(text) == [
        "u64 a = <f64 to bits>(2.5:f64)",
        "a = <f32 to bits>(1.5:f32)",
        "store32(a:u64, <f64 to bits>(1.5:f64)):u64",
        "S s",
        "u32 at field(s:S, 4) early = <f64 to bits>(2.5:f64)",
    ]


def test_arguments_convert_to_parameter_types() -> None:
    assert expression_text("take(1.5, 2.5)", "", PRELUDE) == (
        "take(<f64 to f32>(1.5:f64), <f64 to bits>(2.5:f64)):i32"
    )
    assert expression_text("sqrt(4)") == "sqrt(4.0:f64):f64"


def test_statics_fields_elements_and_pointers_convert() -> None:
    text = (
        PRELUDE
        + """fn main() {
        f32[2] a
        S s = S { 1.5, 3 }
        kept = 2
        s.x = 3
        a[1] = 1.5
        unsafe { *(s as f32) = 2.5 }
        unsafe { *(s as u64) = 2.5 }
    }"""
    )
    assert body_lines(text)[1:] == [
        "S s = S{0=<f64 to f32>(1.5:f64), 4=3:u64}",
        "kept = 2.0:f32",
        "f32 at field(s:S, 0) early = 3.0:f32",
        "f32 at element(a:f32[2], 1:u64, f32, 2) late = <f64 to f32>(1.5:f64)",
        "f32 s:S <- <f64 to f32>(2.5:f64)",
        "u64 s:S <- <f64 to bits>(2.5:f64)",
    ]


def test_pointer_loads_keep_the_declared_type() -> None:
    text = """static u64 total
    fn main() {
        f64 d = 0.0; u64 u = 8
        unsafe { *(u as f32) -> d }
        unsafe { *(u as u64) -> d }
        unsafe { *(u as f64) -> u }
        volatile { *(u as i8) -> total }
    }"""
    assert body_lines(text)[2:] == [
        "f32 u:u64 -> d f32 to f64",
        "u64 u:u64 -> d bits to f64",
        "f64 u:u64 -> u f64 to bits",
        "volatile i8 u:u64 -> total -",
    ]


def test_returns_convert_integers_and_tuples_carry_words() -> None:
    text = "fn f(u64 n) -> f64 { return (n, 2.5) } fn main() { (f32 a, f64 b) = f(1) }"
    assert body_lines(text, "f") == ["return <int to f64>(n:u64), <f64 to bits>(2.5:f64)"]
    assert body_lines(text) == ["(a f64 to f32, b bits to f64) = f(1:u64):f64"]


def test_compound_assignment_in_mixed_float_kinds_computes_in_f64() -> None:
    text = """struct S { f32 x }
    fn main() { f32 a = 1; f64 d = 2; S s; d += a; a += 0.1; s.x *= d }"""
    assert body_lines(text)[3:] == [
        "d fadd= <f32 to f64>(a:f32)",
        "a = <f64 to f32>(fadd(<f32 to f64>(a:f32), 0.1:f64):f64)",
        "u64 <kept> = field(s:S, 0)",
        "f32 at <kept>:u64 early = "
        "<f64 to f32>(fmul(<f32 to f64>(load(<kept>:u64):f32), d:f64):f64)",
    ]
