"""Kernels compiled by clang from our C++ and by our own back end do the same, bit for bit.

Both run in the emulator on the same buffers.
"""

import functools
from pathlib import Path
from typing import Any

import numpy
import pytest

from mlrift.backends.amdgcn.chips import chip_named
from mlrift.backends.amdgcn.codeobject.write import write
from mlrift.backends.amdgcn.compile import compile_kernels
from mlrift.backends.hip.source import print_hip
from mlrift.driver.device.named_kernels import library_kernels
from mlrift.driver.kernels import kernels_of
from mlrift.emulator import Device
from mlrift.ir.passes.device_pipeline import prepare_kernels
from tests.support.hip import compile_hip

CHIPS = ("gfx1100", "gfx1030", "gfx1201")
FLOW = """@kernel
fn flow(uint64 out, uint64 n) {
    uint64 i = block_idx_x() * 64 + tid_local_x()
    uint64 sum = 0
    uint64 j = 0
    while j < i + n {
        j = j + 1
        if j % 3 == 0 { continue }
        uint64 k = i
        while true {
            if k > 40 && j < 20 { break }
            if k * j > 3000 { break }
            if k == 77 { unsafe { *((out + i * 8) as uint64) = 1000000 + sum }  return }
            k = k * 2 + j
            sum = sum + (k ^ j) - (k >> 2)
        }
        if sum % 1000 == 13 { break }
    }
    unsafe { *((out + i * 8) as uint64) = sum }
}
@kernel
fn lanes(uint64 out) {
    uint64 i = tid_local_x()
    f32 x = int_to_f32(i) * 0.37f - 3.0f
    f32 total = wave_sum_f32(x)
    f32 highest = lds_reduce_max_f32(x * x)
    uint64 other = wave_shuffle_xor_u32(i * 7, 5)
    uint64 bits = ballot(i % 3 == 1)
    unsafe { *((out + i * 32) as f32) = total }
    unsafe { *((out + i * 32 + 4) as f32) = highest }
    unsafe { *((out + i * 32 + 8) as uint64) = other }
    unsafe { *((out + i * 32 + 16) as uint64) = bits }
    unsafe { *((out + i * 32 + 24) as f32) = x / total }
}
@kernel
fn group(uint64 out) {
    uint64 i = tid_local_x()
    f32 x = int_to_f32(i * i % 71) * 0.37f - 3.0f
    f32 total = lds_reduce_sum_f32(x)
    f32 highest = lds_reduce_max_f32(0.0f - x)
    unsafe { *((out + i * 8) as f32) = total }
    unsafe { *((out + i * 8 + 4) as f32) = highest }
}
@kernel
fn words(uint64 out, uint64 a, uint64 b) {
    uint64 i = tid_local_x()
    uint64 x = a * (i + 1) + b
    uint64 y = b ^ (i * 12345)
    unsafe { *((out + i * 64) as uint64) = x / (y | 1) }
    unsafe { *((out + i * 64 + 8) as uint64) = x % (y | 1) }
    unsafe { *((out + i * 64 + 16) as uint64) = x << (i & 63) }
    unsafe { *((out + i * 64 + 24) as uint64) = x >> (y & 63) }
    unsafe { *((out + i * 64 + 32) as f64) = int_to_f64(x) / int_to_f64(y) }
    unsafe { *((out + i * 64 + 40) as f32) = int_to_f32(x) }
    unsafe { *((out + i * 64 + 48) as uint16) = x }
    unsafe { *((out + i * 64 + 56) as uint64) = atomic_add_u64(out + i * 64 + 56, x) + 1 }
}
@kernel
fn memory(uint64 out) {
    uint64 p = out + tid_local_x() * 64
    uint64 old = atomic_add(p, 5) + atomic_sub(p + 8, 3) + atomic_xor(p + 16, 255)
    old = old + atomic_cas(p + 24, 3, 9) * 1000 + atomic_cas_u32(p + 32, 4, 77)
    vstore16(p + 40, old)
    dmb()
    old = old + vload8(p + 41) + atomic_load(p + 48)
    atomic_store(p + 48, atomic_and(p, 6) + atomic_or(p + 8, 1))
    uint64[4] kept
    kept[old % 4] = old
    memcpy(p + 56, p + 48, 4)
    unsafe { *((p + 16) as uint64) = kept[old % 4] + old }
}
"""


@functools.cache
def both(source: str | Path, chip_name: str) -> tuple[Any, Any]:
    """Return the programs that our back end and clang make of kernels."""
    chip = chip_named(chip_name)
    assert chip is not None
    text = print_hip(kernels_of(source))
    ours = write(compile_kernels(prepare_kernels(kernels_of(source)), chip))
    device = Device(chip_name)
    return device.load(ours), device.load(compile_hip(text, chip_name))


def agree(
    source: str | Path,
    name: str,
    shape: tuple[int, int],
    arguments: list[Any],
    chip_name: str = CHIPS[0],
) -> None:
    """Run a kernel both ways, on groups of work items, and compare all buffers."""
    results = []
    grid, block = shape
    for program in both(source, chip_name):
        copies = [row.copy() if isinstance(row, numpy.ndarray) else row for row in arguments]
        program[name].launch(grid=grid, block=block, args=copies)
        results.append([row.tobytes() for row in copies if isinstance(row, numpy.ndarray)])
    assert results[0] == results[1]


@pytest.mark.parametrize("chip", CHIPS)
def test_control_flow(chip: str) -> None:
    agree(FLOW, "flow", (2, 64), [numpy.zeros(128, numpy.uint64), numpy.uint64(9)], chip)


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("block", [32, 96])
def test_whole_waves(chip: str, block: int) -> None:
    agree(FLOW, "lanes", (1, block), [numpy.zeros(block * 4, numpy.uint64)], chip)


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("block", [1, 6, 32, 70, 1000])
def test_groups_of_any_size(chip: str, block: int) -> None:
    agree(FLOW, "group", (1, block), [numpy.zeros(block, numpy.uint64)], chip)


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize(("a", "b"), [(3, 5), (0xFEDCBA9876543210, 0x123456789), (1 << 40, 0)])
def test_words_and_numbers(chip: str, a: int, b: int) -> None:
    buffer = numpy.arange(64 * 8, dtype=numpy.uint64)
    agree(FLOW, "words", (1, 64), [buffer, numpy.uint64(a), numpy.uint64(b)], chip)


@pytest.mark.parametrize("chip", CHIPS)
def test_atomics_volatile_accesses_and_private_arrays(chip: str) -> None:
    agree(FLOW, "memory", (1, 40), [numpy.arange(40 * 8, dtype=numpy.uint64)], chip)


def floats(*shape: int) -> Any:
    return numpy.random.default_rng(7).standard_normal(shape).astype(numpy.float32)


@pytest.mark.parametrize(
    ("name", "grid", "block", "arguments"),
    [
        ("silu_mul_f32", 2, 256, [floats(300), floats(300), floats(300), numpy.uint64(300)]),
        (
            "rmsnorm_f32",
            3,
            64,
            [floats(3, 100), floats(3, 100), floats(100), numpy.uint64(3), numpy.uint64(100)],
        ),
        (
            "softmax_causal_f32",
            5,
            64,
            [floats(5, 33), floats(5, 33), numpy.uint64(5), numpy.uint64(33)],
        ),
        (
            "gemv_coop_f32",
            4,
            32,
            [floats(4, 96), floats(96), floats(4), numpy.uint64(4), numpy.uint64(96)],
        ),
    ],
)
def test_kernels_of_the_library(name: str, grid: int, block: int, arguments: list[Any]) -> None:
    agree(library_kernels()[name], name, (grid, block), arguments)
