"""Inline assembly in objects: blocks, and naked functions that C calls."""

from pathlib import Path

import pytest

from tests.objects.toolchains import LEVELS, Run, c_file, compile_object, link, run

TEXT = """
static u64 kept
@export @naked fn sum(u64 a, u64 b) -> u64 { asm { "0x48 0x8D 0x04 0x37" "ret" } }
@export fn vendor(u64 text) -> u64 {
    u64 zero = 0
    u64 a = 0
    u64 b = 0
    u64 c = 0
    asm("cpuid") in(zero -> rax, zero -> rcx) out(rax -> kept, rbx -> a, rdx -> b, rcx -> c)
    store32(text, a)
    store32(text + 4, b)
    store32(text + 8, c)
    store8(text + 12, 0)
    return kept
}
"""
CALLER = """
#include <stdio.h>
#include <string.h>
unsigned long sum(unsigned long a, unsigned long b);
unsigned long vendor(char *text);
int main(void) {
    char text[16];
    unsigned long highest = vendor(text);
    printf("%lu %zu %d\\n", sum(40, 2), strlen(text), highest > 0);
    return 0;
}
"""


@pytest.mark.parametrize("level", LEVELS)
def test_c_calls_functions_with_assembly(tmp_path: Path, level: str) -> None:
    made = compile_object(tmp_path, TEXT, level, "--arch=x86_64")
    program = link(tmp_path, c_file(tmp_path, CALLER), made)
    assert run(program) == Run("42 12 1\n", 0)
