"""Structs, arrays, slices and methods: copies, addresses, element sizes (reference.md 10)."""

from tests.unit.check.dump import body_lines, check_valid, expression_text, function

STRUCTS = """
struct In { u8 a i16 b }
struct Out { u64 x In inner bool flag }
fn Out.touch(Out self, u64 k) { self.x = k }
fn by_value(Out o) -> u64 { return o.x }
fn word(u64 o) -> u64 { return o }
fn make() -> Out { return Out { 1 } }
"""


def test_layout_has_no_padding() -> None:
    assert expression_text("sizeof(Out)", "", STRUCTS) == "12:u64"
    assert expression_text("o.inner.b", "Out o", STRUCTS) == "load(field(o:Out, 9)):i16"
    assert expression_text("o.flag", "Out o", STRUCTS) == "load(field(o:Out, 11)):bool"


def test_declaring_copies_assigning_repoints() -> None:
    lines = body_lines(STRUCTS + "fn main() { Out p; Out q = p; q = p; Out r = alloc(9); r = 0 }")
    assert lines == [
        "Out p",
        "Out q = p:Out",
        "q = p:Out",
        "Out r = alloc(9:u64):u64",
        "r = 0:u64",
    ]


def test_struct_arguments_are_copied() -> None:
    prelude = "Out p; Out[2] ps"
    for source, expected in [
        ("by_value(p)", "by_value(copy(p:Out)):u64"),
        ("by_value(ps[1])", "by_value(copy(element(ps:Out[2], 1:u64, Out, 2))):u64"),
        ("by_value(alloc(8))", "by_value(alloc(8:u64):u64):u64"),
        ("by_value(Out { 1 })", "by_value(Out{0=1:u64}):u64"),
        ("by_value(make())", "by_value(copy(make():Out)):u64"),
        ("p.by_value()", "by_value(copy(p:Out)):u64"),
        ("load64(p)", "load64(p:Out):u64"),
    ]:
        assert expression_text(source, prelude, STRUCTS) == expected


def test_receivers_are_passed_by_address() -> None:
    text = STRUCTS + "fn main() { Out p; Out[2] ps; p.touch(1); touch(p, 2); ps[1].touch(3) }"
    assert body_lines(text)[2:] == [
        "touch(p:Out, 1:u64):void",
        "touch(p:Out, 2:u64):void",
        "touch(element(ps:Out[2], 1:u64, Out, 2), 3:u64):void",
    ]


def test_whole_structs_are_stored_by_copying_bytes() -> None:
    text = STRUCTS + "fn main() { Out p; In i; Out[2] ps; p.inner = i; ps[0] = p; p.x = i }"
    assert body_lines(text)[3:] == [
        "In at field(p:Out, 8) early = i:In",
        "Out at element(ps:Out[2], 0:u64, Out, 2) late = p:Out",
        "u64 at field(p:Out, 0) early = i:In",
    ]


def test_only_struct_variables_compare_by_content() -> None:
    prelude = "Out p; Out q; Out[2] ps"
    assert expression_text("p == q", prelude, STRUCTS) == "bytes(p:Out == q:Out)"
    assert expression_text("p != q", prelude, STRUCTS) == "bytes(p:Out != q:Out)"
    assert expression_text("p != 0", prelude, STRUCTS) == "ne(p:Out, 0:u64):u64"
    assert expression_text("p == make()", prelude, STRUCTS) == "eq(p:Out, make():Out):u64"


def test_indexing_scales_by_the_declared_element() -> None:
    prelude = "i32[4] a; u64 p = 8; i64 i = 1"
    for source, expected in [
        ("a[i]", "load(element(a:i32[4], i:i64, i32, 4)):i32"),
        ("p[i]", "load(element(p:u64, i:i64, u8, None)):u8"),
        ("table[1]", "load(element(&table:f32[3], 1:u64, f32, 3)):f32"),
        ("many[1].b", "load(field(element(&many:In[2], 1:u64, In, 2), 1)):i16"),
        ("kept.a", "load(field(&kept:In, 0)):u8"),
    ]:
        statics = STRUCTS + "static f32[3] table  static In[2] many  static In kept"
        assert expression_text(source, prelude, statics) == expected


def test_slices_scale_and_know_their_length() -> None:
    text = "fn f([u32] data) -> u64 { data[2] = 1 ; return data[1] + data.len }"
    program = check_valid(text)
    parameters = function(program, "f").parameters
    assert [row.name for row in parameters] == ["data", "data.len"]
    assert parameters[0].slice_length is parameters[1]
    assert body_lines(text, "f") == [
        "u32 at element(data:[u32], 2:u64, u32, None) late = 1:u64",
        "return add(load(element(data:[u32], 1:u64, u32, None)):u32, data.len:u64):u64",
    ]


def test_aliases_are_exact_synonyms() -> None:
    text = "struct P { i8 x }  type Same = P  type Word = Other  type Other = i32 "
    assert body_lines(text + "fn main() { Same p; Word w = 1; println(p.x, w) }") == [
        "P p",
        "i32 w = 1:u64",
        "println(load(field(p:P, 0)):i8, w:i32)",
    ]


def test_a_field_of_its_own_struct_holds_an_address() -> None:
    text = "struct Node { u64 value Node next } fn main() { Node n; n.next = n; n = n.next }"
    assert body_lines(text)[1:] == [
        "u64 at field(n:Node, 8) early = n:Node",
        "n = load(field(n:Node, 8)):u64",
    ]


def test_devices_and_enums() -> None:
    text = """device UART at 0x1000 { DATA at 4 : u16 rw }
    enum Mode { A, B = 7, C }
    fn main() { UART.DATA = Mode.C; UART.DATA |= 1; println(UART.DATA) }"""
    assert body_lines(text) == [
        "device 0x1004 u16 = 8:u64",
        "device 0x1004 u16 or= 1:u64",
        "println(device(0x1004):u16)",
    ]
