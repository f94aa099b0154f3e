"""Threads of programs that call C: the C library makes them, so its functions work in them."""

from pathlib import Path

import pytest

from mlrift.targets import LINUX_ARM64, LINUX_X86_64, WINDOWS_X86_64, Target
from tests.extern.elf_file import bound_symbols
from tests.extern.programs import compile_for
from tests.extern.test_linux import run_on
from tests.objects.toolchains import LEVELS, c_file, link
from tests.objects.toolchains import compile_object as compile_for_gcc
from tests.support.engines import engine_named
from tests.support.results import RunResult

THREADS = """
extern fn malloc(u64 size) -> u64
extern fn free(u64 block)
extern fn strtoul(u64 text, u64 end, i32 base) -> u64
static u64[1] total
fn work(u64 n) -> u64 {
    store64(os_thread_local(0), n)
    for i in 0..100 {
        u64 text = malloc(64)
        memcpy(text, "12", 3)
        atomic_add(total, strtoul(text, 0, 10))
        free(text)
    }
    return load64(os_thread_local(0))
}
fn main() {
    u64[4] threads
    store64(os_thread_local(0), 7)
    for i in 0..4 { threads[i] = os_thread_start(fn_addr("work"), i + 1, 0) }
    u64 sum = load64(os_thread_local(0))
    for i in 0..4 { sum = sum * 10 + os_thread_join(threads[i]) }
    os_thread_detach(os_thread_start(fn_addr("work"), 1, 100000))
    while atomic_load(total) < 6000 { os_yield() }
    println(sum, total[0])
}
"""
OUTPUT = b"71234 6000\n"
FROM_C = """
#include <pthread.h>
#include <stdio.h>
unsigned long own(unsigned long);
static void *run(void *n) { own((unsigned long)n); return (void *)own(1); }
int main(void) {
    pthread_t a, b;
    void *x, *y;
    pthread_create(&a, 0, run, (void *)10);
    pthread_create(&b, 0, run, (void *)20);
    pthread_join(a, &x);
    pthread_join(b, &y);
    printf("%lu %lu %lu\\n", (unsigned long)x, (unsigned long)y, own(0));
    return 0;
}
"""


@pytest.mark.parametrize("level", [*LEVELS, "-g"])
@pytest.mark.parametrize("target", [LINUX_X86_64, LINUX_ARM64], ids=lambda row: row.name)
def test_threads_call_the_c_library(tmp_path: Path, target: Target, level: str) -> None:
    program = compile_for(tmp_path, THREADS, target, level)
    assert "pthread_create" in bound_symbols(program)
    assert run_on(target, program) == RunResult(OUTPUT, b"", 0)


def test_threads_call_the_c_library_of_windows(tmp_path: Path) -> None:
    engine = engine_named("win-x64:wine")
    missing = engine.missing()
    if missing is not None:
        pytest.skip(missing)
    program = compile_for(tmp_path, THREADS, WINDOWS_X86_64)
    assert engine.run(program.read_bytes()) == RunResult(OUTPUT, b"", 0)


@pytest.mark.parametrize("level", LEVELS)
def test_objects_make_threads(tmp_path: Path, level: str) -> None:
    program = link(tmp_path, compile_for_gcc(tmp_path, THREADS, level))
    assert run_on(LINUX_X86_64, program) == RunResult(OUTPUT, b"", 0)


def test_threads_that_c_made_have_words_of_their_own(tmp_path: Path) -> None:
    text = """
    @export fn own(u64 n) -> u64 {
        u64 word = os_thread_local(3)
        store64(word, load64(word) + n)
        return load64(word)
    }
    """
    made = compile_for_gcc(tmp_path, text, name="library")
    program = link(tmp_path, c_file(tmp_path, FROM_C), made, "-pthread")
    assert run_on(LINUX_X86_64, program) == RunResult(b"11 21 0\n", b"", 0)
