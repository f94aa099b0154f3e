"""What `mlrc fmt` does to a program, construct by construct (docs/cli.md 1.6)."""

from pathlib import Path

import pytest

from mlrift.driver.formatting import format_source


def formatted(text: str) -> str:
    """Return a formatted file, after a check that formatting it again changes nothing."""
    once = format_source(text, "a.mlr", [])
    assert format_source(once, "a.mlr", []) == once
    return once


def body(text: str) -> str:
    """Return formatted statements, without the function around them."""
    lines = formatted(f"fn f() {{\n{text}\n}}\n").splitlines()
    assert (lines[0], lines[-1]) == ("fn f() {", "}")
    return "\n".join(line.removeprefix("    ") for line in lines[1:-1])


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x=1", "x = 1"),
        ("x+=1 y>>=2", "x += 1\ny >>= 2"),
        ("u64 x=a+b*-c", "u64 x = a + b * -c"),
        ("x = ! ( a&&b )", "x = !(a && b)"),
        ("x = a [ i + 1 ] . b . c ( d , e )", "x = a[i + 1].b.c(d, e)"),
        ("f ( )", "f()"),
        ("x = max < u64 , i8 > ( a , b )", "x = max<u64, i8>(a, b)"),
        ("x = sizeof ( u64 )", "x = sizeof(u64)"),
        ("u8 [ 16 ] row", "u8[16] row"),
        ("( u64 a , i64 b ) = pair( )", "(u64 a, i64 b) = pair()"),
        ("return( a , b )", "return (a, b)"),
        ("return(a)", "return (a)"),
        ("return", "return"),
        ("x = 0xFF_00  y = 1e3f  z = 'a'", "x = 0xFF_00\ny = 1e3f\nz = 'a'"),
        ('s = "a\\x00  b"  t = f"{x+1}  {{"', 's = "a\\x00  b"\nt = f"{x+1}  {{"'),
        ("unsafe{*(p+4 as u32)->x}", "unsafe { *(p + 4 as u32) -> x }"),
        ("volatile { * ( p as u8 ) = 1 ; }", "volatile { *(p as u8) = 1; }"),
    ],
)
def test_blanks_in_a_line(source: str, expected: str) -> None:
    assert body(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("if a{b()}", "if a { b() }"),
        ("if a{\nb()}", "if a {\n    b()\n}"),
        ("if a { b() c() }", "if a {\n    b()\n    c()\n}"),
        ("if a { }", "if a { }"),
        ("if a {\n\n}", "if a { }"),
        ("if a { } else {\nb() }", "if a {\n} else {\n    b()\n}"),
        ("if a { b() } else { c() }", "if a { b() } else { c() }"),
        ("if a { b() }\nelse { c() }", "if a { b() } else { c() }"),
        ("if a { b() } else {\nc() }", "if a {\n    b()\n} else {\n    c()\n}"),
        ("if a { b() } else if c { d() }", "if a { b() } else if c { d() }"),
        ("while a { if b { c() } }", "while a {\n    if b { c() }\n}"),
        ("loop{break}", "loop { break }"),
        ("for i in 0 .. n+1 { f(i) }", "for i in 0..n + 1 { f(i) }"),
        ("for i 0 ..= n { f(i) }", "for i 0..=n { f(i) }"),
        ("defer { f() }", "defer { f() }"),
        (
            "match x { 1,2=>{ a() } 3 ..= 4 => { b() c() } _=>{} }",
            "match x {\n    1, 2 => { a() }\n    3..=4 => {\n        b()\n        c()\n    }\n"
            "    _ => { }\n}",
        ),
        (f"if {'a' * 60} {{ {'b' * 40}() }}", f"if {'a' * 60} {{\n    {'b' * 40}()\n}}"),
    ],
)
def test_blocks(source: str, expected: str) -> None:
    assert body(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a=1;b=2", "a = 1;\nb = 2"),
        (";;a=1;;", ";;\na = 1;;"),
        ("a = 1\n;\nb = 2", "a = 1;\nb = 2"),
        ("a = 1\n\n\n\nb = 2", "a = 1\n\nb = 2"),
        ("\n\na = 1\n\n", "a = 1"),
        ("x = a\n- b", "x = a - b"),
    ],
)
def test_statements_have_lines_of_their_own(source: str, expected: str) -> None:
    assert body(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('asm("nop")', 'asm("nop")'),
        ('asm { "nop" ; "ret" }', 'asm { "nop"; "ret" }'),
        ('asm {\n"nop" ; "ret" }', 'asm {\n    "nop";\n    "ret"\n}'),
        ('asm {\n"nop" }\nin(a->rax)', 'asm {\n    "nop"\n} in(a -> rax)'),
        (
            f'asm("nop") in({"a" * 40}->rax)out(rax->{"b" * 40})',
            f'asm("nop") in({"a" * 40} -> rax)\n    out(rax -> {"b" * 40})',
        ),
        (
            'asm("nop") in(a->rax,b->rcx)out( rdx -> c )clobbers(rdi,rsi)',
            'asm("nop") in(a -> rax, b -> rcx) out(rdx -> c) clobbers(rdi, rsi)',
        ),
    ],
)
def test_assembly(source: str, expected: str) -> None:
    assert body(source) == expected


LONG = "a" * 20, "b" * 20, "c" * 20


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "some_function({0}1, {1}2, {2}3, {0}4)",
            "some_function(\n    {0}1, {1}2, {2}3, {0}4\n)",
        ),
        (
            "some_function({0}1, {1}2, {2}3, {0}4, {1}5)",
            "some_function(\n    {0}1, {1}2, {2}3, {0}4,\n    {1}5\n)",
        ),
        (
            "x = {0}1 + {1}2 + {2}3 + {0}4 + {1}5",
            "x = {0}1 + {1}2 + {2}3\n    + {0}4 + {1}5",
        ),
        (
            "return {0}1 && {1}2 && {2}3 || {0}4 && {1}5",
            "return {0}1 && {1}2 && {2}3\n    || {0}4 && {1}5",
        ),
        (
            "x = {0}1 && {1}2 && {2}3 && {0}4 && {1}5",
            "x = {0}1\n    && {1}2\n    && {2}3\n    && {0}4\n    && {1}5",
        ),
        (
            "if {0}1 && {1}2 && {2}3 && {0}4 && {1}5 {{ f() }}",
            "if {0}1\n        && {1}2\n        && {2}3\n        && {0}4\n        && {1}5 {{\n"
            "    f()\n}}",
        ),
    ],
)
def test_long_lines_are_wrapped(source: str, expected: str) -> None:
    assert body(source.format(*LONG)) == expected.format(*LONG)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("const   u64 A=1", "const u64 A = 1\n"),
        ("static u8[ 4 ] a=[1,2,\n3]", "static u8[4] a = [1, 2, 3]\n"),
        ("static Point p", "static Point p\n"),
        ("type  A=u64", "type A = u64\n"),
        ('import "a.mlr" ;import"b.mlr"', 'import "a.mlr";\nimport "b.mlr"\n'),
        ("#lang stable  \nfn f() {}", "#lang stable\n\nfn f() { }\n"),
        ("fn f<T,U>(T a,[ u8 ] b)->T{return a}", "fn f<T, U>(T a, [u8] b) -> T { return a }\n"),
        ("fn P . f(P self){}", "fn P.f(P self) { }\n"),
        ("fn f(u64 a u64 b,) {}", "fn f(u64 a u64 b,) { }\n"),
        ("extern fn f(u64 a)->i32 ;", "extern fn f(u64 a) -> i32;\n"),
        ("@export @naked fn f() {}", "@export @naked fn f() { }\n"),
        ('@section(".x")\n\nfn f() {}', '@section(".x")\nfn f() { }\n'),
        ("struct P{u64 x;u64 y}", "struct P { u64 x; u64 y }\n"),
        ("struct P{u64 x u64 y}", "struct P {\n    u64 x\n    u64 y\n}\n"),
        ("struct P {\nu64 x,u64 y }", "struct P {\n    u64 x,\n    u64 y\n}\n"),
        ("enum E{A,B=0x10,}", "enum E { A, B = 0x10, }\n"),
        (
            "device d at 0x10{A at 0:u32 rw;B at 4:u8}",
            "device d at 0x10 { A at 0 : u32 rw; B at 4 : u8 }\n",
        ),
        (
            "device d at 0x10{A at 0:u32 rw B at 4:u8}",
            "device d at 0x10 {\n    A at 0 : u32 rw\n    B at 4 : u8\n}\n",
        ),
    ],
)
def test_items(source: str, expected: str) -> None:
    assert formatted(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("fn f() {\na()\n}\nfn g() {\nb()\n}", "fn f() {\n    a()\n}\n\nfn g() {\n    b()\n}\n"),
        ("fn f() { a() }\nfn g() { b() }", "fn f() { a() }\nfn g() { b() }\n"),
        ("static u64 a\nstatic u64 b\nfn f() { }", "static u64 a\nstatic u64 b\n\nfn f() { }\n"),
        ("static u64 a\n\n\n\nstatic u64 b", "static u64 a\n\nstatic u64 b\n"),
        ("fn f() { }\n// About g.\nfn g() {\na()\n}", None),
        ("// About f.\nfn f() { }", "// About f.\nfn f() { }\n"),
        ("// About the file.\n\n\nfn f() { }", "// About the file.\n\nfn f() { }\n"),
        ("\n\n\nfn f() { }\n\n\n", "fn f() { }\n"),
    ],
)
def test_empty_lines(source: str, expected: str | None) -> None:
    if expected is None:
        expected = "fn f() { }\n\n// About g.\nfn g() {\n    a()\n}\n"
    assert formatted(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a = 1// c", "a = 1  // c"),
        ("a = 1 // c\nlonger = 2 // d", "a = 1       // c\nlonger = 2  // d"),
        ("a = 1 // c\n\nlonger = 2 // d", "a = 1  // c\n\nlonger = 2  // d"),
        ("// c   \na = 1", "// c\na = 1"),
        ("a = 1\n// c", "a = 1\n// c"),
        ("a = 1\n\n// c\n\nb = 2", "a = 1\n\n// c\n\nb = 2"),
        ("if a { // c\nb()\n}", "if a {  // c\n    b()\n}"),
        ("if a {\n// c\n}", "if a {\n    // c\n}"),
        ("if a { /* c */ }", "if a { /* c */ }"),
        ("if a {\nb()\n// c\n}\n// d\nelse {\ne()\n}", None),
        ("f(a /* c */, /* d */ b)", "f(a /* c */, /* d */ b)"),
        ("f(a, // c\nb)", "f(\n    a,  // c\n    b\n)"),
        ("f(\n// c\na\n// d\n)", "f(\n    // c\n    a\n    // d\n)"),
        ("x = // c\n1", "x =  // c\n    1"),
        ("x = a && // c\nb", "x = a\n    &&  // c\n        b"),
        ("x = /* c */ 1", "x = /* c */ 1"),
        ("/* a\n      * b\n*/\nx = 1", "/* a\n * b\n */\nx = 1"),
        ("/* c */ x = 1 /* d */\ny = 2", "/* c */ x = 1  /* d */\ny = 2"),
        ("a = 1 /* c */ // d\nb = 2", "a = 1  /* c */ // d\nb = 2"),
    ],
)
def test_comments(source: str, expected: str | None) -> None:
    if expected is None:
        expected = "if a {\n    b()\n    // c\n}\n// d\nelse {\n    e()\n}"
    assert body(source) == expected


def test_comments_that_would_leave_the_line_are_not_aligned() -> None:
    comment = "// " + "c" * 60
    source = f"{'a' * 40} = 1 {comment}\nb = 1 {comment}"
    assert body(source) == f"{'a' * 40} = 1  {comment}\nb = 1  {comment}"


def test_a_string_over_lines_stays() -> None:
    assert formatted('fn f() {\nprint("a \n   b", x  )\n}') == (
        'fn f() {\n    print("a \n   b", x)\n}\n'
    )


def test_strings_in_f_strings_are_strings() -> None:
    text = 'fn f() {\n    print(f"{g("}  \n  {")} \n x")\n}\n'
    assert formatted(text) == text


def test_a_comment_at_the_end_needs_no_line_end() -> None:
    assert formatted("fn f() { }\n// c") == "fn f() { }\n// c\n"
    assert formatted("// c") == "// c\n"


def test_the_example_of_the_documentation() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "cli.md").read_text()
    example = page.split("### 1.6 `mlrc fmt`")[1].split("```mlr\n")[1].split("```")[0]
    assert formatted(example) == example
