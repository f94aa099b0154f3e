"""Advice for what is written in other languages: it stands in notes and helps of errors."""

from pathlib import Path

import pytest

from tests.harness.compiler import run_mlrc

IN_MAIN = [
    ("if 1 == 2 and 3 == 4 { }", "`and` is written `&&`"),
    ("if not 1 { }", "`not` is written `!`"),
    ("if 1 { } elif 2 { }", "help: else if"),
    ("switch 1 { case 2: println(1) }", "values are compared by `match`"),
    ("do { println(1) } while 1", "help: loop { ... if done { break } }"),
    ("for i in 0..3 println(i)", "the body of a statement is a block in braces"),
    ("match 1 { 1: { println(1) } }", "help: 1, 2 => { ... }"),
    ("match 1 { 1 => println(1) }", "help: 1, 2 => { ... }"),
    ("if 1 println(1)", "the body of a statement is a block in braces"),
    ("for (u64 i = 0; i < 3; i += 1) { }", "help: for i in 0..count { ... }"),
    ("u64[3] a for x in a { println(x) }", "`for` counts"),
    ("u64 a[3]", "help: u64[N] a"),
    ("u64[3] a = [1, 2, 3]", "an array has no initial value: assign its elements"),
    ("u64 x, y", "a declaration has one name"),
    ("return 1, 2", "help: return (a, b)"),
    ("u64 x = 1 u64 p = &x", "a struct and an array are their addresses"),
    ("u64* p = 8", "there are no pointer types"),
    ("println(*8)", "help: load64(address)"),
    ("u64 n = (u64) 1.5", "there are no casts"),
    ("u64 f = fn(u64 x) { }", 'help: fn_addr("name")'),
    ("u64 p = 1 p->x = 3", "a field is reached by a dot"),
    ("u64 x = 1 ? 2 : 3", "there is no operator `?`: use `if`"),
    ("u64 p = null", "help: 0"),
    ('print "x"', "help: print(...)"),
    ("println('hello')", 'help: "hello"'),
]
AT_TOP_LEVEL = [
    ("def f() { }", "help: fn name(u64 a) -> u64 { ... }"),
    ("int f() { return 1 }", "a function begins with `fn`"),
    ("pub fn f() { }", "all names are public: leave this word out"),
    ("use std", 'help: import "path.mlr"'),
    ("#include <stdio.h>", "comments begin with `//`"),
    ("class P { }", "types are made by `struct`"),
    ("u64 count = 0", "a variable begins with `static`"),
    ("struct Node { Node* next }", "help: u64 name"),
    ("struct Node { u64* next }", "there are no pointer types"),
    ("int count = 0", "a variable begins with `static`"),
    ("struct P { x: u64 }", "the type stands before the name"),
    ("fn f(a: u64) { }", "the type stands before the name"),
    ("fn f() : u64 { return 1 }", "help: -> u64"),
    ("fn f() -> void { }", "`void` is no type: leave `-> void` out"),
]


@pytest.mark.parametrize(("statement", "advice"), IN_MAIN)
def test_advice_inside_functions(tmp_path: Path, statement: str, advice: str) -> None:
    assert advice in messages_of(tmp_path, f"fn main() {{\n    {statement}\n}}\n")


@pytest.mark.parametrize(("item", "advice"), AT_TOP_LEVEL)
def test_advice_at_top_level(tmp_path: Path, item: str, advice: str) -> None:
    assert advice in messages_of(tmp_path, f"{item}\nfn main() {{ }}\n")


def messages_of(folder: Path, text: str) -> str:
    source = folder / "a.mlr"
    source.write_text(text, encoding="utf-8")
    status, _, messages = run_mlrc(["--arch=x86_64", str(source), "-o", str(folder / "a")])
    assert status == 1
    return messages
