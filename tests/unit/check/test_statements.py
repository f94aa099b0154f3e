"""Statements: scopes, `for`, `defer`, `match`, constants, reachability."""

from mlrift.frontend.check import MainRequirement
from tests.unit.check.dump import body_lines, check_text, check_valid, function


def test_inner_declarations_shadow() -> None:
    program = check_valid("fn main() { u64 a = 1; if a { i64 a = 2; println(a) } println(a) }")
    body = function(program, "main").body
    assert body is not None
    assert [
        row.split("(")[0]
        for row in body_lines("fn main() { u64 a = 1; if a { i64 a = a; println(a) } println(a) }")
    ] == ["u64 a = 1:u64", "if a:u64 {i64 a = a:u64; println", "println"]


def test_the_loop_variable_stays_visible_and_takes_its_sign_from_the_start() -> None:
    text = """fn main() {
        i64 low = -3
        for i in low..3 { println(i) }
        println(i)
        for j in 0..=low { }
        for low in 0..5 { }
    }"""
    assert body_lines(text)[1:] == [
        "for i low:i64 slt 3:u64 {println(i:i64)}",
        "println(i:i64)",
        "for j 0:u64 sle low:i64 {}",
        "for low 0:u64 slt 5:u64 {}",
    ]


def test_defers_run_at_later_returns_last_first() -> None:
    text = """fn f(u64 n) -> u64 {
        if n { return 1 }
        defer { print(1) }
        if n { defer { print(2) } return 2 }
        defer { print(3) }
        return 3
    }"""
    lines = body_lines(text, "f")
    assert lines[0] == "if n:u64 {return 1:u64}"
    assert lines[1] == "if n:u64 {return 2:u64 defer {print(2:u64)} defer {print(1:u64)}}"
    assert lines[2] == (
        "return 3:u64 defer {print(3:u64)} defer {print(2:u64)} defer {print(1:u64)}"
    )
    assert len(function(check_valid(text), "f").end_defers) == 3


def test_ranges_in_patterns_are_signed_by_scrutinee_or_bound() -> None:
    text = "fn main() { i8 s = 1; match s { 1, 2..5 => { } 7..=9 => { } _ => { } } }"
    assert body_lines(text)[1] == (
        "match s:i8 [1:u64 | 2:u64 sle..slt 5:u64 {}, 7:u64 sle..sle 9:u64 {}, _ {}]"
    )


def test_constants_have_their_declared_type_and_may_come_later() -> None:
    text = """const i32 A = B * -2   const u64 B = 3 + sizeof(u16)
    const f32 C = 0.1   const bool D = A < 0 && 7
    static f32 single = -0.5   static f64 wide = C   static u8[B] bytes   static i64 minus = -1
    fn main() { println(A, C, D) }"""
    program = check_valid(text)
    assert body_lines(text) == [
        "println(18446744073709551606:i32, 0.10000000149011612:f32, 7:bool)"
    ]
    assert program.statics["single"].initial_word == 0xBF000000
    assert program.statics["wide"].initial_word == 0x3FB99999A0000000
    assert program.statics["minus"].initial_word == (1 << 64) - 1
    assert program.statics["bytes"].type.name == "u8[5]"


def test_only_reachable_functions_are_kept() -> None:
    text = """fn a() { b() } fn b() { } fn c() { } @export fn d() { }
    fn e() { } fn main() { a() println(fn_addr("e")) }"""
    program = check_valid(text, MainRequirement.EXECUTABLE)
    assert [row.name for row in program.functions] == ["a", "b", "d", "e", "main"]
    assert program.roots == ["d", "main"]
    assert len(check_valid(text, MainRequirement.OBJECT).functions) == 6


def test_shadowing_builtins_and_externs() -> None:
    text = 'fn str_len(u64 a) -> u64 { return 1 } fn main() { println(str_len("a")) }'
    assert body_lines(text) == ["println(str_len('a'):u64)"]
    program = check_valid(text, MainRequirement.EXECUTABLE)
    assert [row.name for row in program.functions] == ["main"]
    program = check_valid("extern fn exit(i32 code) fn main() { exit(1) }")
    assert [row.name for row in program.functions] == ["exit", "main"]


def test_tuples_need_matching_counts() -> None:
    program = check_valid("fn f() -> u64 { return (1, 2, 3) } fn main() { println(f()) }")
    assert function(program, "f").result_count == 3


def test_errors_do_not_cascade() -> None:
    text = "fn main() { f64 x = nope + 1; if nope { x = nope * 2.5 } nope.a = 1; nope[2] += x }"
    _, sink = check_text(text)
    assert [row.code for row in sink.diagnostics()] == ["E0501"]


def test_checking_a_library_warns_about_alloc_in_critical_regions() -> None:
    text = """fn acquire(u64 lock) { } fn release(u64 lock) { }
    fn work() { acquire(1) alloc(8) if true { alloc(8) } release(1) alloc(8) }"""
    _, sink = check_text(text, MainRequirement.LIBRARY)
    assert [row.code for row in sink.diagnostics()] == ["W0308"]
    _, sink = check_text(text, MainRequirement.OBJECT)
    assert not sink.diagnostics()


def test_annotations_reach_the_symbol() -> None:
    text = """@section(".boot") @naked fn start() { }
    @kernel fn k() { } @export @noreturn fn e() { } fn main() { }"""
    program = check_valid(text)
    assert function(program, "start").section == ".boot"
    assert function(program, "start").is_naked
    assert function(program, "k").is_kernel
    assert function(program, "e").is_export


def test_a_type_parameter_hides_a_struct_of_its_name() -> None:
    text = "struct T { u8 a } fn f<T>(T a) -> T { return a + sizeof(T) } fn main() { f(1) }"
    assert body_lines(text, "f") == ["return add(a:u64, 8:u64):u64"]


def test_assembly_moves_words_and_keeps_declared_types() -> None:
    text = """fn main() { f64 x = 1.5 u8 y = 0
    asm { "nop" } out(RDX -> x, rax -> y) in(x -> rcx, y -> RBX) }"""
    inputs = "'rcx = <f64 to bits>(x:f64)', 'rbx = y:u8'"
    assert body_lines(text)[-1] == f"asm [{inputs}, 'nop', 'x = rdx bits to f64', 'y = rax']"
