"""Expressions: precedence, postfix chains, calls, literals of structs, spans."""

import pytest

from mlrift.frontend import ast
from tests.unit.frontend.tree_text import errors, expression, parse_valid, statements


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        # The examples of reference.md 7.1: not C's order.
        ("1 + 1 << 3", "(1 + (1 << 3))"),
        ("6 & 3 == 2", "((6 & 3) == 2)"),
        ("8 | 7 & 3", "((8 | 7) & 3)"),
        ("1 | 2 + 4", "((1 | 2) + 4)"),
        # Every pair of neighbouring levels, looser operator first and last.
        ("a || b && c", "(a || (b && c))"),
        ("a && b || c", "((a && b) || c)"),
        ("a && b == c", "(a && (b == c))"),
        ("a != b && c", "((a != b) && c)"),
        ("a == b < c", "(a == (b < c))"),
        ("a >= b != c", "((a >= b) != c)"),
        ("a <= b + c", "(a <= (b + c))"),
        ("a - b > c", "((a - b) > c)"),
        ("a + b * c", "(a + (b * c))"),
        ("a / b - c", "((a / b) - c)"),
        ("a % b << c", "(a % (b << c))"),
        ("a >> b * c", "((a >> b) * c)"),
        ("a << b ^ c", "(a << (b ^ c))"),
        ("a & b >> c", "((a & b) >> c)"),
        ("-a & ~b", "(-a & ~b)"),
        ("!-~a", "!-~a"),
        # All binary operators are left-associative.
        ("a - b - c", "((a - b) - c)"),
        ("a / b * c", "((a / b) * c)"),
        ("a << b >> c", "((a << b) >> c)"),
        ("a ^ b & c", "((a ^ b) & c)"),
        ("a < b < c", "((a < b) < c)"),
        ("a == b == c", "((a == b) == c)"),
        ("a && b && c", "((a && b) && c)"),
        ("a || b || c", "((a || b) || c)"),
        ("(a - (b - c))", "(a - (b - c))"),
        ("-a[1]", "-Index(a, 1)"),
        ("-1", "-1"),
    ],
)
def test_precedence(text: str, tree: str) -> None:
    assert expression(text) == tree


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("f()", "Call(f, [], [])"),
        ("f(a, b + 1)", "Call(f, [], [a, (b + 1)])"),
        ("f<u64>(a)", "Call(f, [u64], [a])"),
        ("f<T, u8>(a)", "Call(f, [T, u8], [a])"),
        ("x.y", "Member(x, y)"),
        ("x.y.z", "Member(Member(x, y), z)"),
        ("x.m(1).n()", "MethodCall(MethodCall(x, m, [1]), n, [])"),
        ("a[i]", "Index(a, i)"),
        ("a[i].f", "Member(Index(a, i), f)"),
        ("a[i].m(1)", "MethodCall(Index(a, i), m, [1])"),
        # Chains that 1.1 refused (Q11).
        ("f(x).y", "Member(Call(f, [], [x]), y)"),
        ("(p).x", "Member(p, x)"),
        ("a[i].f.g", "Member(Member(Index(a, i), f), g)"),
        ("a[i][j]", "Index(Index(a, i), j)"),
        ("p.arr[i]", "Index(Member(p, arr), i)"),
        ("f(x)[1].m()[2]", "Index(MethodCall(Index(Call(f, [], [x]), 1), m, []), 2)"),
        ("Mode.Fast", "Member(Mode, Fast)"),
        ("sizeof(u64)", "SizeOf(u64)"),
        ("sizeof(Point)", "SizeOf(Point)"),
        ("true", "BoolLiteral(True)"),
        ("'a'", "CharLiteral(97)"),
        ('"hi"', "StringLiteral(b'hi')"),
        ("1.5f", "FloatLiteral(1.5, True)"),
        ("byte + addr + as + out + rw", "((((byte + addr) + as) + out) + rw)"),
    ],
)
def test_primary_and_postfix(text: str, tree: str) -> None:
    assert expression(text) == tree


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a < b > (c)", "Call(a, [b], [c])"),
        ("f(a < b, c > (d))", "Call(f, [], [Call(a, [b, c], [d])])"),
        ("a < b > c", "((a < b) > c)"),
        ("a < 5 > (c)", "((a < 5) > c)"),
        ("a < b + 1 > (c)", "((a < (b + 1)) > c)"),
        ("a() < b > (c)", "((Call(a, [], []) < b) > c)"),
        ("a < b", "(a < b)"),
        ("f(a < b, c)", "Call(f, [], [(a < b), c])"),
    ],
)
def test_generic_call_needs_names_and_a_parenthesis(text: str, tree: str) -> None:
    assert expression(text) == tree


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("P { }", "StructLiteral(P, [])"),
        ("P { 1, 2 }", "StructLiteral(P, [LiteralField(None, 1), LiteralField(None, 2)])"),
        ("P { 1 2, }", "StructLiteral(P, [LiteralField(None, 1), LiteralField(None, 2)])"),
        (
            "P { x: Q { 1 } }",
            "StructLiteral(P, [LiteralField(x, StructLiteral(Q, [LiteralField(None, 1)]))])",
        ),
        ("P { y: 5 x: 6 }", "StructLiteral(P, [LiteralField(y, 5), LiteralField(x, 6)])"),
        (
            "Q { P { 1 } }",
            "StructLiteral(Q, [LiteralField(None, StructLiteral(P, [LiteralField(None, 1)]))])",
        ),
    ],
)
def test_struct_literal(text: str, tree: str) -> None:
    assert expression(text, "struct P { u64 x u64 y } type Q = P") == tree


def test_brace_after_another_name_is_no_literal() -> None:
    assert statements("while i < n { } if Point { }") == [
        "While((i < n), {})",
        "If(Point, {}, None)",
    ]


def test_struct_declared_later_in_the_file_is_known() -> None:
    module = parse_valid("fn f() -> P { P p = P { 1 } return p } struct P { u64 x }")
    assert len(module.items) == 2


def test_span_of_operator_and_operands() -> None:
    function = parse_valid("fn f() { x = (a + b) * cc }").items[0]
    assert isinstance(function, ast.Function)
    assign = function.body.statements[0]
    assert isinstance(assign, ast.Assign)
    assert isinstance(assign.value, ast.Binary)
    assert assign.span.text == "x = (a + b) * cc"
    assert assign.value.operator_span.text == "*"
    assert assign.value.left.span.text == "(a + b)"
    assert assign.value.right.span.text == "cc"
    assert function.span.text == "fn f()"


def test_call_needs_a_name() -> None:
    assert statements("x = f(a)(b)") == ["Assign(x, None, Call(f, [], [a]))", "b"]
    assert errors("fn f() { g(1)(u64) }")
