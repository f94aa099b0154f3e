"""Literals: values exactly as reference.md 2.2 says."""

import struct

import pytest

from tests.unit.frontend.tree_text import errors, expression, statements


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("007", 7),
        ("18446744073709551615", 2**64 - 1),
        ("18446744073709551616", 0),
        ("36893488147419103233", 1),
        ("9" * 5000, (10**5000 - 1) % 2**64),
        ("0x0", 0),
        ("0xfF", 255),
        ("0XfF", 255),
        ("0x1FFFFFFFFFFFFFFFF", 2**64 - 1),
        ("0x" + "0" * 20_000 + "12", 0x12),
        ("0b1011", 11),
        ("0o17", 15),
        ("1_000_000", 1_000_000),
        ("0xFF_FF", 65535),
    ],
)
def test_integer(text: str, value: int) -> None:
    assert expression(text) == str(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.0", 0.0),
        ("1.5", 1.5),
        ("0.1", 0.0 + 1.0 / 10.0),
        ("3.14159", 3.0 + 14159.0 / 100000.0),
        # Fraction digits after the fifteenth do not count, and the sum is rounded once.
        ("3.141592653589793238", 3.0 + 141592653589793.0 / 1e15),
        ("0.1234567890123459", 123456789012345.0 / 1e15),
        ("2.718281828459045", 2.0 + 718281828459045.0 / 1e15),
        ("1e5", 1e5),
        ("1E5", 1e5),
        ("1.5e-3", 1.5 / 1e3),
        ("1.1e-5", (1.0 + 1.0 / 10.0) / 1e5),
        ("2.5e+18", 2.5 * 1e18),
        ("1.23e-18", (1.0 + 23.0 / 100.0) / 1e18),
        # Beyond 1.1's limits: correctly rounded.
        ("1.1e19", 1.1e19),
        ("1.7976931348623157e308", 1.7976931348623157e308),
        ("5e-324", 5e-324),
        ("1e-400", 0.0),
        ("9223372036854775808.0", 9223372036854775808.0),
        ("123456789012345678901234.5", 123456789012345678901234.5),
        ("9" * 5000 + "e-4999", 10.0),
        ("1_0.5", 10.5),
    ],
)
def test_float(text: str, value: float) -> None:
    assert expression(text) == f"FloatLiteral({value!r}, False)"


@pytest.mark.parametrize("text", ["1.1", "0.3", "1e10", "3.4e38", "1e-45", "16777217.0"])
def test_single_precision_suffix_rounds(text: str) -> None:
    (rounded,) = struct.unpack("<f", struct.pack("<f", float(text)))
    assert expression(f"{text}f") == f"FloatLiteral({rounded!r}, True)"


def test_suffix_needs_a_fraction_or_exponent() -> None:
    assert statements("x = 1f") == ["Assign(x, None, 1)", "f"]
    assert expression("1e2f") == "FloatLiteral(100.0, True)"


def test_range_is_not_a_fraction() -> None:
    assert statements("for i in 0..5 { }") == ["For(i, 0, 5, False, {})"]
    assert statements("for i in 0..=5 { }") == ["For(i, 0, 5, True, {})"]


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("", b""),
        ("plain", b"plain"),
        ("two\nlines", b"two\nlines"),
        ("\\n\\t\\r\\0\\\\\\\"\\'", b"\n\t\r\0\\\"'"),
        ("\\a\\b\\f\\v\\e", b"\x07\x08\x0c\x0b\x1b"),
        ("\\x41\\xff\\xFf", b"A\xff\xff"),
        ("\\q\\u{41}", b"qu{41}"),
        ("// no comment /*", b"// no comment /*"),
        ("caf\u00e9 \\\u00e9", "caf\u00e9 \u00e9".encode()),
        ("{not} a format", b"{not} a format"),
    ],
)
def test_string(text: str, data: bytes) -> None:
    assert expression(f'"{text}"') == f"StringLiteral({data!r})"


@pytest.mark.parametrize(
    ("text", "value"), [("a", 97), ("\\n", 10), ("\\'", 39), ('"', 34), ("\\xFF", 255), (" ", 32)]
)
def test_char(text: str, value: int) -> None:
    assert expression(f"'{text}'") == f"CharLiteral({value})"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("''", "1:12 E0209 empty char literal"),
        ("'ab'", "1:12 E0210 char literal holds 2 bytes, expected one"),
        ("'\u00e9'", "1:12 E0210 char literal holds 2 bytes, expected one"),
        ("0x", "1:12 E0211 number '0x' has no digits after its prefix"),
        ("0b", "1:12 E0211 number '0b' has no digits after its prefix"),
        ("0b102", "1:16 E0212 invalid digit '2' in binary number"),
        ("0o8", "1:14 E0212 invalid digit '8' in octal number"),
        ('"a\\x4"', "1:14 E0215 `\\x` needs two hex digits"),
        ("1e999", "1:12 E0229 float exponent too large: '1e999' does not fit f64"),
        ("'a", "1:12 E0207 unterminated char literal"),
    ],
)
def test_malformed_literal(text: str, message: str) -> None:
    assert errors(f"fn f() {{ x={text} }}")[0] == message


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", "[]"),
        ("plain", "[b'plain']"),
        ("{a}", "[a]"),
        ("x {a + 1}, {b}", "[b'x ', (a + 1), b', ', b]"),
        ("{{a}} {{{a}}}", "[b'{a} {', a, b'}']"),
        ("lone } brace", "[b'lone } brace']"),
        ('\\n\\"\\x41\\{a}', "[b'\\n\"A{a}']"),
        ('{f("q", "}")}', "[Call(f, [], [StringLiteral(b'q'), StringLiteral(b'}')])]"),
        ("{'}'}", "[CharLiteral(125)]"),
        ('{f"in {b}"}', "[FormatString([b'in ', b])]"),
        ('{f"{f"{f"{c}"}"}"} d', "[FormatString([FormatString([FormatString([c])])]), b' d']"),
        ("{P { 1 }}", "[StructLiteral(P, [LiteralField(None, 1)])]"),
        ("two\n{a}\nlines", "[b'two\\n', a, b'\\nlines']"),
    ],
)
def test_format_string(text: str, parts: str) -> None:
    assert expression(f'f"{text}"', "struct P { u64 x }") == f"FormatString({parts})"


def test_format_string_positions() -> None:
    text = 'fn f() {\n  x = f"ab {1 + } {y'
    assert errors(text) == ["2:7 E0208 unterminated f-string"]
    assert errors('fn f() {\n  x = f"ab {1 + } {y z} {}"\n}') == [
        "2:17 E0201 expected an expression, got end of f-string",
        "2:22 E0201 expected the end of the expression, got identifier 'z'",
        "2:25 E0216 empty expression in f-string",
    ]


def test_names_ending_in_f_are_no_format_strings() -> None:
    assert statements('xf "a" if"b" { }') == [
        "xf",
        "StringLiteral(b'a')",
        "If(StringLiteral(b'b'), {}, None)",
    ]
