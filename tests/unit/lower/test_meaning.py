"""What lowered programs do, on the interpreter: one behaviour of reference.md each."""

import pytest

from mlrift.frontend.lower import RuntimeChecks
from tests.unit.lower.programs import main_output, output, run


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("println(2 && 3, 0 && 3, 0 || 7, 7 || 0)", "3 0 7 1\n"),
        ("u64 a = 2 u64 b = 3 println(a && b, a || b, !a, a && a < b)", "3 1 0 1\n"),
        ("i64 n = -7 println(n, n / 2, n % 2, n >> 1)", "-7 -3 -1 -4\n"),
        ("u64 n = 7 println(-n)", "18446744073709551609\n"),
        (
            "f64 x = 2.0 println(sqrt(x), -x, x / 0.0, 0.0 / (x - x))",
            "1.414213 -2.000000 big nan\n",
        ),
        ("bool b = true char c = 'x' println(b, c, !b)", "true x 0\n"),
        ('u64 a = 5 println(f"<{a}|{f"{a}"}|{"s"}>")', "<5|5|s>\n"),
        ('u64 t = f"a{1 + 1}b" println_str(t)', "a2b\n"),
        ('print("a", 1) print() println()', "a 1\n"),
        ('println("a\\0b", 3)', "a 3\n"),
        ("for i in 0..3 { if i == 1 { continue } println(i) } println(i)", "0\n2\n3\n"),
        ("for i in 1..=3 { print(i) } println()", "123\n"),
        ("u64 i = 0 loop { i += 1 if i > 4 { break } } println(i)", "5\n"),
        ('defer { print("1") } defer { print("2") } print("0")', "021"),
        ("u64[3] a a[1] = 7 a[1] += 2 println(a[0], a[1], a[2])", "0 9 0\n"),
        ("i8[2] a a[0] = -1 println(a[0])", "255\n"),
        ("f32[2] a a[1] = 1.5 println(a[1])", "1.500000\n"),
        ("u64 x = 8 x = x << 65 println(x, bit_range(x, 4, 64), bit_get(x, 4))", "16 0 1\n"),
        ("u8[32] b u64 n = fmt_uint(b, 1234567) println(n) println_str(b)", "7\n1234567\n"),
        ('println(str_len("abc"), str_eq("ab", "ab"), str_eq("ab", "a"))', "3 1 0\n"),
        ("u64 p = alloc(16) store64(p + 8, 9) println(load64(p + 8), load64(p - 8))", "9 16\n"),
        ("f64 z = 0.0 println(-0.0, z * -1.0, f32_to_f16(1.0f))", "0.000000 -0.000000 15360\n"),
    ],
)
def test_statements(body: str, expected: str) -> None:
    assert main_output(body) == expected


def test_match_takes_the_first_arm_that_hits() -> None:
    text = """
    fn name(u64 code) { match code {
        1, 2 => { print("low ") } 10..20 => { print("ten ") } 20..=29 => { print("twenty ") }
        _ => { print("else ") } } }
    fn main() { name(2) name(19) name(20) name(29) name(30) }"""
    assert output(text) == "low ten twenty twenty else "


def test_tuples_give_all_results() -> None:
    text = """
    fn pair(u64 a) -> u64 { return (a, a + 1, a + 2) }
    fn main() { (u64 x, u64 y, i64 z) = pair(4) println(x, y, z, pair(8)) }"""
    assert output(text) == "4 5 6 8\n"


def test_defer_runs_after_the_result_is_computed() -> None:
    text = """
    static u64 log
    fn f(u64 a) -> u64 { defer { a = 100 log = log * 10 + 1 } if a == 0 { return a }
        defer { log = log * 10 + 2 } return a + 1 }
    fn main() { println(f(0), log) log = 0 println(f(5), log) }"""
    assert output(text) == "0 1\n6 21\n"


def test_a_declared_struct_copies_and_an_assigned_one_aliases() -> None:
    text = """
    struct P { u8 x u64 y }
    fn change(P p) { p.y = 99 }
    fn P.bump(P self) { self.y += 1 }
    fn main() { P a = P { 300, 2 } P b = a b.y = 5 P c c = a c.y = 7 change(a) a.bump()
        println(a.x, a.y, b.y, c.y, a == b, a == c) }"""
    assert output(text) == "44 8 5 8 0 1\n"


def test_struct_storage_is_fresh_at_each_execution() -> None:
    text = """
    struct N { u64 value u64 next }
    fn main() { u64 head = 0
        for i in 0..3 { N n n.value = i n.next = head head = n }
        N first = N { 0, head }
        u64 c = head while c != 0 { print(load64(c), "") c = load64(c + 8) }
        println(first.next == head) }"""
    assert output(text) == "2 1 0 1\n"


def test_evaluation_order_of_assignments() -> None:
    text = """
    static u64[4] a
    fn say(u64 n) -> u64 { print(n, "") return n }
    fn main() { a[say(1)] = say(2) a[say(3)] += say(0) println(a[1], a[3]) }"""
    assert output(text) == "2 1 0 3 2 0\n"


def test_printing_evaluates_arguments_first() -> None:
    text = 'fn f() -> u64 { print("f") return 1 } fn main() { println("a", f()) }'
    assert output(text) == "fa 1\n"


def test_functions_are_called_through_addresses() -> None:
    text = """
    fn half(f64 x) -> f64 { return x / 2.0 }
    fn main() { f64 y = call_ptr(fn_addr("half"), 5.0) println(y) }"""
    assert output(text) == "2.500000\n"


def test_the_status_is_the_result_of_main() -> None:
    assert run("fn main() -> u64 { return 300 }").status == 300 % 256
    assert run("fn main() { exit(7) }").status == 7


def test_long_lines_have_no_limit() -> None:
    text = "x" * 5000
    assert main_output(f'u64 a = 1 println("{text}", a)') == f"{text} 1\n"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("u8[4] a u64 i = 4 println(a[i])", "index out of bounds of `a` (index 4, length 4)"),
        ("i64 a = 7 i64 b = 0 println(a / b)", "division by zero (7 / 0)"),
        ("u64 p = 0 println(load8(p))", "null address in load8 (address 0)"),
        ("u64 p = 0 unsafe { *(p as u8) = 1 }", "null address in pointer store (address 0)"),
        (
            "i64 a = 9223372036854775807 println(a + 1)",
            "signed overflow (9223372036854775807 + 1)",
        ),
    ],
)
def test_debug_checks_report_and_exit_with_1(body: str, message: str) -> None:
    result = run(f"fn main() {{ {body} }}", RuntimeChecks.DEBUG)
    assert result.status == 1
    assert result.stderr.decode().startswith("test.mlr:1:")
    assert result.stderr.decode().endswith(f": {message}\n")


def test_unsigned_arithmetic_wraps_under_debug() -> None:
    result = run("fn main() { u64 a = 0 println(a - 1) }", RuntimeChecks.DEBUG)
    assert result.stdout == b"18446744073709551615\n"


def test_a_failed_exec_leaves_its_error() -> None:
    text = """
    static u64 exec_errno
    fn main() { u64 r = exec_process("/nowhere/at/all") println(r == exec_errno, r > 1 << 63) }"""
    assert output(text) == "1 1\n"
