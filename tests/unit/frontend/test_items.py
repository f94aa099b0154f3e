"""Top-level items: one test a sentence of the grammar."""

import pytest

from tests.unit.frontend.tree_text import items, parse_text, parse_valid


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("fn f() { }", "Function([], None, f, [], [], None, {}, [])"),
        (
            "fn f(u64 a, P b) -> u8 { }",
            "Function([], None, f, [], [Parameter(u64, False, a), "
            "Parameter(P, False, b)], u8, {}, [])",
        ),
        (
            "fn f(u64 a u8 b,) { }",
            "Function([], None, f, [], [Parameter(u64, False, a), "
            "Parameter(u8, False, b)], None, {}, [])",
        ),
        (
            "fn f([u8] data) -> P { }",
            "Function([], None, f, [], [Parameter(u8, True, data)], P, {}, [])",
        ),
        (
            "fn f<T>(T a) -> T { }",
            "Function([], None, f, [T], [Parameter(T, False, a)], T, {}, [])",
        ),
        ("fn f() -> (u8, P) { }", "Function([], None, f, [], [], u8, {}, [P])"),
        ("fn f<T, U>() { }", "Function([], None, f, [T, U], [], None, {}, [])"),
        ("fn P.m(P self) { }", "Function([], P, m, [], [Parameter(P, False, self)], None, {}, [])"),
        ("fn P<T>.m() { }", "Function([], P, m, [T], [], None, {}, [])"),
        (
            "@export fn f() { }",
            "Function([Annotation('export', None)], None, f, [], [], None, {}, [])",
        ),
        (
            '@section("x)") @a(b, c) fn f() { }',
            "Function([Annotation('section', '\"x)\"'), "
            "Annotation('a', 'b, c')], None, f, [], [], None, {}, [])",
        ),
        ("extern fn puts(u64 s) -> i32;", "Extern([], puts, [Parameter(u64, False, s)], i32)"),
        ("@dynamic extern fn f()", "Extern([Annotation('dynamic', None)], f, [], None)"),
        ("const u64 A = 1", "Const(u64, A, 1)"),
        ("const u64 A = 1 + B * sizeof(u8)", "Const(u64, A, (1 + (B * SizeOf(u8))))"),
        ("const f64 A", "Const(f64, A, None)"),
        ("static i32 a = -1", "Static(i32, None, a, -1)"),
        ("static P p", "Static(P, None, p, None)"),
        ("static u8[16] a", "Static(u8, 16, a, None)"),
        ("static P[N] a", "Static(P, N, a, None)"),
        ("struct P { }", "Struct([], P, [])"),
        (
            "@packed struct P { u64 x; u8 y, Q z }",
            "Struct([Annotation('packed', None)], P, [Field(u64, x), Field(u8, y), Field(Q, z)])",
        ),
        ("enum E { }", "EnumDeclaration(E, [])"),
        (
            "enum E { A B = 0x10, C }",
            "EnumDeclaration(E, [EnumMember(A, None), EnumMember(B, 16), EnumMember(C, None)])",
        ),
        ("type A = u8", "Alias(A, u8)"),
        ("type A = B", "Alias(A, B)"),
        ("device D at 0x10 { }", "Device(D, 16, [])"),
        (
            "device D at 1 { A at 0 : u32 B at 4 : u8 ro; C at 8 : P rw, }",
            "Device(D, 1, "
            "[Register(A, 0, u32, None), Register(B, 4, u8, 'ro'), Register(C, 8, P, 'rw')])",
        ),
    ],
)
def test_item(text: str, tree: str) -> None:
    assert items(text) == [tree]


def test_stray_semicolons_are_allowed() -> None:
    assert items(";; fn f() { };\n; const u64 A = 1;") == [
        "Function([], None, f, [], [], None, {}, [])",
        "Const(u64, A, 1)",
    ]


def test_imports_anywhere_at_top_level() -> None:
    module = parse_valid(
        '#lang stable\n/* c */ import "a.mlr"; import "b/\\x63.mlr" fn f() { } import "d.mlr"'
    )
    assert [entry.path for entry in module.imports] == ["a.mlr", "b/c.mlr", "d.mlr"]
    assert module.language_profile == "stable"


def test_keyword_after_constant_begins_the_next_item() -> None:
    texts = items("const u64 A = B const u64 C = 2 static u64 d = 3 device E at 0 { }")
    assert len(texts) == 4


def test_initializer_list_of_static_array_is_ignored_with_a_warning() -> None:
    module, sink = parse_text(
        'static u8[4] a = { 1, {2}, [3], } static u8[2] b = [] static u8[3] c = "ab" fn f() { }'
    )
    assert len(module.items) == 4
    assert [entry.code for entry in sink.diagnostics()] == ["W0307"] * 3
    assert not sink.has_errors


def test_empty_file() -> None:
    for text in ("", " \n\t", "// only a comment", "/* a */", "\ufeff"):
        assert parse_valid(text).items == []
