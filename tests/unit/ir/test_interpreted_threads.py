"""Threads on the interpreter: a fixed order of turns, deadlocks, traps, the end of the program."""

from pathlib import Path

import pytest

from mlrift.ir.interpret import ProgramResult, run_program
from tests.harness.compiler import compile_ir

ORDER = """
static u64[1] turns
fn work(u64 n) -> u64 {
    for i in 0..3 {
        print(n, "")
        os_yield()
    }
    return 0
}
fn main() {
    u64[3] threads
    for i in 0..3 { threads[i] = os_thread_start(fn_addr("work"), i, 0) }
    for i in 0..3 { os_thread_join(threads[i]) }
}
"""


def run(folder: Path, text: str) -> ProgramResult:
    source = folder / "program.mlr"
    source.write_text(text, encoding="utf-8")
    return run_program(compile_ir(source, []))


def test_turns_go_round(tmp_path: Path) -> None:
    assert run(tmp_path, ORDER).stdout == b"0 1 2 0 1 2 0 1 2 "


def test_a_thread_that_spins_on_an_atomic_word_makes_way(tmp_path: Path) -> None:
    text = """
    static u64[1] word
    fn set(u64 p) -> u64 { return atomic_add(p, 1) }
    fn main() {
        u64 thread = os_thread_start(fn_addr("set"), word, 0)
        while atomic_load(word) == 0 {}
        println(os_thread_join(thread))
    }
    """
    assert run(tmp_path, text).stdout == b"0\n"


@pytest.mark.parametrize("waits", ["main", "thread"])
def test_deadlocks_are_found(tmp_path: Path, waits: str) -> None:
    forever = "os_wait_word(word, 0, 0xFFFFFFFFFFFFFFFF)"
    text = f"""
    static u64[1] word
    fn work(u64 n) -> u64 {{ {forever if waits == "thread" else ""} return n }}
    fn main() {{
        u64 thread = os_thread_start(fn_addr("work"), 1, 0)
        {forever if waits == "main" else ""}
        os_thread_join(thread)
    }}
    """
    result = run(tmp_path, text)
    assert result.status == 124
    assert "wait" in result.note


def test_a_fault_in_a_thread_is_the_programs(tmp_path: Path) -> None:
    text = """
    fn work(u64 n) -> u64 { return load64(n) }
    fn main() { os_thread_join(os_thread_start(fn_addr("work"), 8, 0)) }
    """
    result = run(tmp_path, text)
    assert result.status == 139
    assert "@work" in result.note


@pytest.mark.parametrize("call", ["os_thread_join(5)", "os_thread_detach(0)"])
def test_what_is_no_handle_is_a_fault(tmp_path: Path, call: str) -> None:
    assert run(tmp_path, f"fn main() {{ {call} }}").status == 139
