"""Libraries whose functions take and give tensors: from Python with numpy, and from C."""

import ctypes
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mlrift.bind.command import run as bind
from mlrift.targets import LINUX_X86_64
from tests.library.building import STRICT_C, STRICT_CPP, build_text
from tests.library.test_bindings import load
from tests.objects.toolchains import host_gcc

SOURCE = """\
/// A layer with relu.
@export fn layer(tensor f32[B, D] x, tensor f32[D, H] w, tensor f32[H] bias) -> tensor f32[B, H] {
    return relu(x @ w + bias)
}

@export fn weighed(tensor f64[_, 3] x, f64 factor) -> f64 { return sum(x) * factor }
@export fn halves(u64 n) -> tensor f16[n] { return fill(0.5f, n) as f16 }
@export fn positive(tensor i32[N] x) -> tensor bool[N] { return x > 0 }
@export fn brain(tensor bf16[N] x) -> tensor bf16[N] { return x + x }

static tensor i64[3] count
@export fn counted(tensor u8[N] places) -> tensor i64[3] {
    count[places] += 1
    return count
}

struct Range { u64 first u64 end }
@export fn moments(tensor f64[N] x) -> (tensor f64[N], f64, f32, u8, bool, tensor f64[1], Range) {
    Range whole = Range { 0, N }
    return (x - mean(x), mean(x), 2.5f, 300, mean(x) > 1.0, x[0..1], whole)
}
@export struct Layer { u8 kind tensor f32[2, 3] w tensor bf16[4] halves u64 steps }
@export static Layer model
@export fn total(Layer l) -> f32 { return sum(l.w) + (l.kind as f32) }
@export fn train(u64 address) {
    Layer layer
    layer = address
    layer.w[0, 1] = 5.0
    layer.halves = 2.0
    layer.steps += 1
}
struct Lif { f64 v f64 drive u32 spikes }
dynamics Lif by euler {
    d v = (drive - v) / 10ms
    spike v >= 1.0 { v = 0.0 spikes += 1 }
}
static Lif[3] net
@export fn advance(tensor f64[3] drive, u64 steps) -> tensor u32[3] {
    net.drive = drive
    for t in 0..steps { net.step(0.1ms) }
    return net.spikes
}
@export fn simulated(tensor f64[N] drive, u64 steps) -> (tensor u32[N], tensor f64[N]) {
    Lif[N] own
    own.drive = drive
    for t in 0..steps { own.step(0.1ms) }
    return (own.spikes, own.v)
}
@export fn where_to(u64 n) -> (u64, tensor u64[n]) { return (n / 2, iota(n)) }
"""
IN_C = """\
#include "libdemo.h"
#include <stdio.h>

int main(void) {
    float x[2] = {1.0f, 2.0f}, w[2] = {3.0f, 4.0f}, bias[1] = {0.5f};
    uint64_t x_layout[4] = {1, 2, 2, 1}, w_layout[4] = {2, 1, 1, 1}, bias_layout[2] = {1, 1};
    const mlrift_tensor *y = layer(x, x_layout, w, w_layout, bias, bias_layout);
    const float *numbers = (const float *)y->data;
    printf("%g %d %d\\n", (double)numbers[0], (int)y->rank, (int)y->layout[1]);
    layer_release(y);
    return 0;
}
"""
Array = npt.NDArray[Any]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Any:
    host_gcc()
    folder = tmp_path_factory.mktemp("tensors")
    made = build_text(folder, SOURCE, LINUX_X86_64, "libdemo.so")
    assert bind([str(made), "-o", str(folder / "demo.py")]) == 0
    return load(folder / "demo.py")


def operands() -> tuple[Array, Array, Array]:
    random = np.random.default_rng(1)
    x, w = random.random((4, 3), np.float32), random.random((3, 5), np.float32)
    return x - 0.5, w, random.random(5, np.float32)


def test_arrays_of_numpy_go_in_and_come_out(library: Any) -> None:
    x, w, bias = operands()
    found = library.layer(x, w, bias)
    np.testing.assert_allclose(found, np.maximum(x @ w + bias, 0), atol=1e-6)
    assert (found.dtype, found.shape) == (np.float32, (4, 5))
    assert library.weighed(np.ones((4, 3)), 0.5) == 6.0


def test_other_kinds_of_elements(library: Any) -> None:
    halves = library.halves(3)
    assert (halves.dtype, halves.tolist()) == (np.float16, [0.5, 0.5, 0.5])
    positive = library.positive(np.array([3, 0, -3], np.int32))
    assert (positive.dtype, positive.tolist()) == (np.bool_, [True, False, False])
    one_in_bf16 = np.array([0x3F80], np.uint16)
    assert library.brain(one_in_bf16).tolist() == [0x4000]


@pytest.mark.parametrize(
    "change",
    [
        lambda row: row[::-1],
        np.asfortranarray,
        lambda row: np.repeat(row, 2, axis=0)[::2],
        lambda row: np.lib.stride_tricks.as_strided(row, row.shape, row.strides, writeable=False),
    ],
    ids=["backwards", "columns", "every other", "read only"],
)
def test_arrays_with_gaps_are_taken_as_they_are(
    library: Any, change: Callable[[Array], Array]
) -> None:
    x, w, bias = operands()
    np.testing.assert_array_equal(
        library.layer(change(x), change(w), bias),
        library.layer(np.ascontiguousarray(change(x)), np.ascontiguousarray(change(w)), bias),
    )


def test_results_are_arrays_of_their_own(library: Any) -> None:
    first = library.counted(np.array([0, 2, 2], np.uint8))
    first[0] = 100
    assert library.counted(np.zeros(0, np.uint8)).tolist() == [1, 0, 2]
    kept = [library.halves(100_000)[5:] for _ in range(50)]
    assert all(row.sum() == 0.5 * 99_995 for row in kept[::10])


def test_several_results_are_a_tuple(library: Any) -> None:
    centred, middle, number, byte, is_more, first, whole = library.moments(np.array([1.0, 2, 6]))
    assert (centred.tolist(), middle, number) == ([-2.0, -1.0, 3.0], 3.0, 2.5)
    assert (byte, is_more, first.tolist(), whole.end) == (44, True, [1.0], 3)
    half, numbers = library.where_to(5)
    assert (half, numbers.tolist()) == (2, [0, 1, 2, 3, 4])


def test_networks_keep_their_state_between_calls(library: Any) -> None:
    drive = np.array([0.5, 1.5, 2.0])
    first = library.advance(drive, 500)
    assert first.tolist() == [0, 4, 7]
    assert library.advance(drive, 500).tolist() == [0, 9, 14]
    spikes, values = library.simulated(drive[::-1], 500)
    assert (spikes.tolist(), first.tolist()) == ([7, 4, 0], [0, 4, 7])
    assert 0.49 < values[2] < 0.5
    with pytest.raises(ValueError, match="drive: axis 0 has 2 elements, not 3"):
        library.advance(drive[:2], 1)


def test_fields_of_structs_are_arrays(library: Any) -> None:
    layer = library.Layer(kind=1, steps=4)
    weights = np.ctypeslib.as_array(layer.w)
    weights[1] = 2.0
    library.train(ctypes.addressof(layer))
    assert weights.tolist() == [[0.0, 5.0, 0.0], [2.0, 2.0, 2.0]]
    assert (library.total(layer), list(layer.halves), layer.steps) == (12.0, [0x4000] * 4, 5)
    assert (library.Layer.w.offset, ctypes.sizeof(layer), library.model.w[1][2]) == (4, 44, 0.0)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda row, x, w, b: row.layer(x, w.T, b), ValueError, "w: axis 0 has 5 elements, not 3"),
        (lambda row, x, w, b: row.layer(x[0], w, b), ValueError, "x: 2 axes are wanted, not 3"),
        (lambda row, x, w, b: row.weighed(x.astype(float)[:, :2], 1.0), ValueError, "not 3 "),
        (lambda row, x, w, b: row.layer(x, w.astype(float), b), TypeError, "w: elements of f32"),
        (lambda row, x, w, b: row.layer(x, w.astype(">f4"), b), TypeError, "not of format '>f'"),
        (lambda row, x, w, b: row.layer(x, w, 3), TypeError, "bias: an array is wanted, not int"),
        (lambda row, x, w, b: row.layer(x, w, [1.0]), TypeError, "an array is wanted, not list"),
    ],
)
def test_other_shapes_and_kinds_are_refused(
    library: Any, call: Callable[..., object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call(library, *operands())


def test_c_uses_the_header(tmp_path: Path) -> None:
    gcc = host_gcc()
    build_text(tmp_path, SOURCE, LINUX_X86_64, "libdemo.so")
    (tmp_path / "main.c").write_text(IN_C, encoding="ascii")
    words = ["main.c", "-o", "main", "-L.", "-ldemo", "-Wl,-rpath,."]
    for flags in (STRICT_CPP, STRICT_C):
        subprocess.run([gcc, *flags, *words], cwd=tmp_path, check=True)
    found = subprocess.run(["./main"], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert found.stdout == "11.5 2 1\n"
