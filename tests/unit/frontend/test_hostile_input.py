"""Bad, huge and deep input: a diagnostic, quickly, and never an exception."""

import random
import time

import pytest

from mlrift.diagnostics.render import render_json, render_report
from tests.unit.frontend.tree_text import errors, parse_text, parse_valid

SECONDS_LIMIT = 10.0  # generous: a shared machine; quadratic behaviour takes minutes

CORPUS = """
#lang stable
import "std/x.mlr";
@export @section("a)b") fn Point<T>.scale(Point self, [u8] data, T k) -> u64 {
    u8[4] small  Point p = Point { x: 1, 2 }  (u64 a, i32 b) = f<u64>(1, 2)
    for i in 0..=10 { p.x += i << 3 & ~4; if i == 3 && !a { continue }
        else if b { break } else { } }
    match a { 1, 2..5 => { defer { g() } } _ => { return (a, b) } }
    unsafe { *(a + 8 as u32) -> b } volatile { *(a as f64) = 1.5e3f }
    asm { "nop"; "0x90" } in(a -> rax) out(rdx -> b) clobbers(rbx)
    println(f"x {a + 1} {{}} {f("q", 'c')} {f"{b}"}", "s\\n", '\\x41', 0xFF, sizeof(Point), true)
    while a[1].f.g(2) >= 0b11 { loop { return; } }  return -a
}
struct Point { u64 x; u64 y }  enum Mode { A, B = 0x10 }  type Word = u64
device UART at 0x1000 { DATA at 0 : u32 rw  STAT at 4 : u8 }
const f64 K = 1.0 / 3.0  static u64[4] table = { 1, 2 }  @dynamic extern fn puts(u64 s) -> i32
"""
FRAGMENTS = [
    *"{}()[]<>;:,.@#\"'\\/*-=!~&|%^?$\0\u00e9",
    *[
        'f"',
        "//",
        "/*",
        "*/",
        "..",
        "..=",
        "=>",
        "->",
        "0x",
        "1e",
        "fn ",
        "struct ",
        "if ",
        "else ",
    ],
    *["import ", "return ", "match ", "asm ", "u64 ", "Point ", "as ", "type ", "@a(", "{{", "\n"],
]


def nested(opening: str, middle: str, closing: str, count: int) -> str:
    return opening * count + middle + closing * count


@pytest.mark.parametrize(
    "body",
    [
        "x = " + nested("(", "1", ")", 1001),
        nested("if a {", "b()", "}", 1001),
        "x = " + nested("a[", "1", "]", 10_000),
        "x = " + nested("f(", "1", ")", 10_000),
        "x = " + "(" * 100_000,
        "x = " + "-" * 10_000 + "1",
        "x = " + "!~" * 5000 + "1",
        "x = " + "1 + " * 10_000 + "1",
        "x = a" + ".b" * 10_000,
        "x = a" + ".b()" * 10_000,
        "x = a" + "[1]" * 10_000,
        "if a { }" + " else if a { }" * 10_000,
        "x = " + 'f"{' * 100 + "1" + '}"' * 100,
    ],
)
def test_too_deep(body: str) -> None:
    (message,) = errors(f"fn f() {{ {body} }}")
    assert " E0217 " in message


@pytest.mark.parametrize(
    "body",
    [
        "x = " + nested("(", "1", ")", 900),
        nested("if a {", "b()", "}", 900),
        "x = " + "1 + " * 900 + "1",
        "if a { }" + " else if a { }" * 900,
        "x = " + 'f"{' * 15 + "1" + '}"' * 15,
    ],
)
def test_deep_enough_for_everybody(body: str) -> None:
    parse_valid(f"fn f() {{ {body} }}")


@pytest.mark.parametrize(
    "text",
    [
        '"' + "a" * 10_000_000 + '"',
        "/*" + "*" * 10_000_000 + "/",
        "// " + "x" * 10_000_000,
        "fn f() { " + "a" * 10_000_000 + " }",
        "fn f() { x = " + "9" * 2_000_000 + " }",
        "fn f() { x = 1." + "9" * 2_000_000 + " }",
        'fn f() { x = "' + "\\n" * 2_000_000 + '" }',
        '"' + "\\" * 3_000_000,
        'f"' + "{" * 1_000_000,
        "'" * 1_000_000,
        "@" * 200_000,
        "}" * 500_000,
        "\0" * 500_000,
        "fn f() { x = " + "1+" * 500_000 + "1 }",
        "fn f() {" + "x=1;" * 50_000 + "}",
        "fn f() {" + "x = ] " * 50_000 + "}",
        "a<b," * 100_000,
    ],
    ids=range(17),
)
def test_huge_input_is_quick(text: str) -> None:
    start = time.process_time()
    _, sink = parse_text(text)
    render_report(sink)
    assert time.process_time() - start < SECONDS_LIMIT


def test_nul_byte() -> None:
    assert errors("fn f() { \0 }") == ["1:10 E0214 unexpected NUL byte in source"]


def test_unterminated_text_gives_one_error() -> None:
    for begin, code in (('"', "E0205"), ('f"', "E0208"), ("/*", "E0206"), ('f"{ "', "E0208")):
        (message,) = errors(f"fn f() {{ g({begin} abc\n }}\n\n")
        assert code in message
        assert message.startswith("1:12 ")


def test_mutated_programs_never_raise() -> None:
    chance = random.Random(20261121)
    for _ in range(1500):
        text = mutate(CORPUS, chance)
        try:
            _, sink = parse_text(text)
            render_report(sink)
            render_json(sink)
        except Exception as error:
            raise AssertionError(f"{error!r} on:\n{text}") from error


def test_every_prefix_of_a_program_is_handled() -> None:
    for end in range(0, len(CORPUS), 3):
        parse_text(CORPUS[:end])


def mutate(text: str, chance: random.Random) -> str:
    for _ in range(chance.randint(1, 8)):
        place = chance.randrange(len(text) + 1)
        match chance.randrange(4):
            case 0:
                text = text[:place] + text[place + chance.randint(1, 12) :]
            case 1:
                text = text[:place] + chance.choice(FRAGMENTS) + text[place:]
            case 2:
                start = chance.randrange(len(text) + 1)
                text = text[:place] + text[start : start + chance.randint(1, 60)] + text[place:]
            case _:
                text = text[:place] + chance.choice(FRAGMENTS) + text[place + 1 :]
    return text


def test_the_corpus_itself_is_valid() -> None:
    module = parse_valid(CORPUS.lstrip())
    assert len(module.items) == 8
    assert module.language_profile == "stable"
