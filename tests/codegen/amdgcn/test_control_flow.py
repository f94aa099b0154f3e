"""Kernels whose lanes go different ways, executed: every lane does what it would do alone."""

import numpy as np
import pytest

from tests.codegen.amdgcn.execution import run_everywhere

_NESTED = """
@kernel
fn k(uint64 out, uint64 n) {
    assume_group_size(64, 1, 1)
    uint64 i = tid_x()
    uint64 a = 0
    while a < i {
        uint64 b = 0
        while b < n {
            if (a * b + i) % 7 == 3 { if b > 4 { return } break }
            if (a + b) % 5 == 1 { b = b + 2; continue }
            uint64 c = 0
            while c < b { if c * i > 77 { break } c = c + i + 1 }
            b = b + c + 1
        }
        a = a + b + 1
    }
    unsafe { *((out + i * 8) as uint64) = a + 1 }
}
"""

_UNIFORM_AND_DIVERGENT = """
@kernel
fn k(uint64 out, uint64 n) {
    assume_group_size(64, 1, 1)
    uint64 i = tid_x()
    uint64 kept = 0
    uint64 turn = 0
    f32 last = 0.5f
    while turn < 12 {
        if turn > n { break }
        if i == turn * 3 {
            kept = turn * 100 + n
            if i > 20 { break }
            last = last + turn as f32
        } else {
            if turn == 7 { last = last * 2.0f }
        }
        turn = turn + 1
    }
    uint64 where = out + i * 16
    unsafe { *(where as uint64) = kept * 64 + turn }
    unsafe { *((where + 8) as f32) = last }
}
"""

_VALUES_THAT_LEAVE = """
@kernel
fn k(uint64 out, uint64 n) {
    assume_group_size(64, 1, 1)
    uint64 i = tid_x()
    uint64 sum = 0
    uint64 found = 0
    bool hit = false
    uint64 t = 0
    while t < 40 {
        sum = sum + t * n
        if (i + t) % 11 == 0 { found = t; hit = t > 5; break }
        if sum > i * 50 { found = sum; break }
        t = t + 1
    }
    if hit { found = found + 1000 }
    unsafe { *((out + i * 8) as uint64) = found * 65536 + t }
}
"""


@pytest.mark.parametrize("n", [0, 1, 9])
@pytest.mark.parametrize("source", [_NESTED, _UNIFORM_AND_DIVERGENT, _VALUES_THAT_LEAVE])
def test_lanes_part_and_meet(source: str, n: int) -> None:
    run_everywhere(source, (2, 1, 1), (64, 1, 1), [np.zeros(256, np.uint64), np.uint64(n)])


_A_LOOP_HANDS_ON_WHAT_IT_HAD = """
@kernel
fn k(uint64 out, uint64 n) {
    assume_group_size(64, 1, 1)
    uint64 i = tid_x()
    f64 before = 1.5
    f64 now = 1.5
    uint64 t = 0
    while t < (i & 7) {
        before = now
        now = 100.0 - now * 3.0
        t = t + 1
    }
    unsafe { *((out + i * 16) as f64) = before }
    unsafe { *((out + i * 16 + 8) as uint64) = t + n }
}
"""


def test_lanes_that_left_a_loop_keep_the_value_before_the_last() -> None:
    source = _A_LOOP_HANDS_ON_WHAT_IT_HAD
    run_everywhere(source, (2, 1, 1), (64, 1, 1), [np.zeros(256, np.uint64), np.uint64(3)])
