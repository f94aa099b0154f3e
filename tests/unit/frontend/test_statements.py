"""Statements: one test a sentence of the grammar, and how they end."""

import pytest

from tests.unit.frontend.tree_text import errors, statements

PRELUDE = "struct P { u64 x } type Word = u64 "


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("u64 x", "Declare(u64, x, None)"),
        ("float x = 1", "Declare(float, x, 1)"),
        ("Word x = 1", "Declare(Word, x, 1)"),
        ("P p", "Declare(P, p, None)"),
        ("P p = q", "Declare(P, p, q)"),
        ("u8[4] a", "DeclareArray(u8, 4, a)"),
        ("u8[SIZE] a", "DeclareArray(u8, SIZE, a)"),
        ("P[4] ps", "DeclareArray(P, 4, ps)"),
        ("Word[N] ws", "DeclareArray(Word, N, ws)"),
        ("(u64 a, i32 b) = f()", "DeclareTuple([u64 a, i32 b], Call(f, [], []))"),
        ("(u64 a, i32 b, Word c) = f", "DeclareTuple([u64 a, i32 b, Word c], f)"),
        ("return", "Return([])"),
        ("return;", "Return([])"),
        ("return 1", "Return([1])"),
        ("return (1)", "Return([1])"),
        ("return (1) + 2", "Return([(1 + 2)])"),
        ("return (1, 2)", "Return([1, 2])"),
        ("return (1, 2, a + b)", "Return([1, 2, (a + b)])"),
        ("if a { b }", "If(a, {b}, None)"),
        ("if a { } else { c }", "If(a, {}, {c})"),
        ("if a { } else if b { } else { c }", "If(a, {}, {If(b, {}, {c})})"),
        ("while a < b { }", "While((a < b), {})"),
        ("loop { break }", "Loop({Break()})"),
        ("for i in 0..10 { continue }", "For(i, 0, 10, False, {Continue()})"),
        ("for i a..=b + 1 { }", "For(i, a, (b + 1), True, {})"),
        ("for i in (a)..(b) { }", "For(i, a, b, False, {})"),
        ("match a { }", "Match(a, [])"),
        ("match a { 1 => { b } }", "Match(a, [MatchArm([ValuePattern(1)], {b})])"),
        (
            "match a { 1, M.F => { } _ => { } }",
            "Match(a, [MatchArm([ValuePattern(1), ValuePattern(Member(M, F))], {}), "
            "MatchArm([WildcardPattern()], {})])",
        ),
        (
            "match a { 1..2, 3..=x => { } }",
            "Match(a, [MatchArm([RangePattern(1, 2, False), RangePattern(3, x, True)], {})])",
        ),
        (
            "match a { 1 => { } -1 => { } }",
            "Match(a, [MatchArm([ValuePattern(1)], {}), MatchArm([ValuePattern(-1)], {})])",
        ),
        ("defer { f() }", "Defer({Call(f, [], [])})"),
        ("unsafe { *(a + 1 as u8) -> b }", "PointerLoad(False, (a + 1), u8, b)"),
        ("volatile { *(a as Word) -> b; }", "PointerLoad(True, a, Word, b)"),
        ("unsafe { *(P as u64) = b + 1 }", "PointerStore(False, P, u64, (b + 1))"),
        ("volatile { *(a as f32) = 1.5f }", "PointerStore(True, a, f32, FloatLiteral(1.5, True))"),
        ('asm("cli")', "Asm([StringLiteral(b'cli')], [])"),
        ("asm { }", "Asm([], [])"),
        (
            'asm { "a" // why\n"b"; "c" } in(x -> rax, y -> rcx) out(rdx -> z) clobbers(rbx r8)',
            "Asm([StringLiteral(b'a'), StringLiteral(b'b'), StringLiteral(b'c')], "
            "[AsmConstraint(in, rax, x), AsmConstraint(in, rcx, y), AsmConstraint(out, rdx, z), "
            "AsmConstraint(clobbers, rbx, None), AsmConstraint(clobbers, r8, None)])",
        ),
        ("f(x)", "Call(f, [], [x])"),
        ("a = 1", "Assign(a, None, 1)"),
        ("a[1].f = 2", "Assign(Member(Index(a, 1), f), None, 2)"),
        ("5 = 6", "Assign(5, None, 6)"),
    ],
)
def test_statement(text: str, tree: str) -> None:
    assert statements(text, PRELUDE) == [tree]


@pytest.mark.parametrize("operator", ["+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>"])
def test_compound_assignment(operator: str) -> None:
    assert statements(f"a.b {operator}= c") == [f"Assign(Member(a, b), {operator}, c)"]


@pytest.mark.parametrize(
    ("text", "trees"),
    [
        # Language.md 8.1: newlines mean nothing.
        ("u64 a = 5\n-3", ["Declare(u64, a, (5 - 3))"]),
        ("x = a\n(b)", ["Assign(x, None, Call(a, [], [b]))"]),
        ("x = a;\n(b)", ["Assign(x, None, a)", "b"]),
        ("x = 5\n(b)", ["Assign(x, None, 5)", "b"]),
        (
            "x = (a)\n(u64 q, u64 r) = f()",
            ["Assign(x, None, a)", "DeclareTuple([u64 q, u64 r], Call(f, [], []))"],
        ),
        (
            "x = a[1] (u64 q, u64 r) = f()",
            ["Assign(x, None, Index(a, 1))", "DeclareTuple([u64 q, u64 r], Call(f, [], []))"],
        ),
        (
            "a = 1 b = 2 f() g()",
            ["Assign(a, None, 1)", "Assign(b, None, 2)", "Call(f, [], [])", "Call(g, [], [])"],
        ),
        ("x = a !b", ["Assign(x, None, a)", "!b"]),
        ("x = a ~b", ["Assign(x, None, a)", "~b"]),
        ("x = a P p x = p", ["Assign(x, None, a)", "Declare(P, p, None)", "Assign(x, None, p)"]),
        ("return x y = 2", ["Return([x])", "Assign(y, None, 2)"]),
        ("return; y = 2", ["Return([])", "Assign(y, None, 2)"]),
        ("return u64 y = 2", ["Return([])", "Declare(u64, y, 2)"]),
        (";;; f();;", ["Call(f, [], [])"]),
        ("1f", ["1", "f"]),
        ("if a { } (b)", ["If(a, {}, None)", "b"]),
        ('asm("nop") out (3)', []),
    ],
)
def test_where_statements_end(text: str, trees: list[str]) -> None:
    if trees:
        assert statements(text, PRELUDE) == trees
    else:
        assert errors(f"fn f() {{ {text} }}")


def test_constraint_words_are_ordinary_names_elsewhere() -> None:
    assert statements("out(1) clobbers(2) u64 out = 3") == [
        "Call(out, [], [1])",
        "Call(clobbers, [], [2])",
        "Declare(u64, out, 3)",
    ]


def test_patterns_beside_a_wildcard_are_dead() -> None:
    (message,) = errors("fn f() { match a { _, 5 => { } } }")
    assert message.startswith("1:20 W03")
