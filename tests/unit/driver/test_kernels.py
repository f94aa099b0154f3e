"""Matrix products and convolutions of compiled programs against a chain in numpy, bit for bit."""

import ctypes
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mlrift.targets import LINUX_X86_64
from tests.harness.compiler import run_mlrc
from tests.objects.toolchains import flags_of

Floats = NDArray[np.float32]

PRODUCT = "u64 m, u64 n, u64 k, u64 a, u64 ar, u64 ac, u64 b, u64 br, u64 bc, u64 c, u64 cr"
IMAGE = "u64 i, u64 ch, u64 h, u64 w, u64 f, u64 kh, u64 kw, u64 sy, u64 sx, u64 by, u64 bx"
LIBRARY = f"""
@export
fn product({PRODUCT}) {{ os_matmul_f32(m, n, k, a, ar, ac, b, br, bc, c, cr) }}
@export
fn convolution({IMAGE}, u64 x, u64 y, u64 z) {{
    os_conv_f32(i, ch, h, w, f, kh, kw, sy, sx, by, bx, x, y, z)
}}
@export
fn use_threads(u64 n) {{ os_parallel_set_threads(n) }}
"""
RUN = Path(__file__).parents[2] / "run" / "matrix"
FIRST_OF_EVERY_LEVEL = ("Nehalem", "Haswell")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """Return a library with a product, a convolution and the number of threads."""
    folder = tmp_path_factory.mktemp("kernels")
    source, made = folder / "kernels.mlr", folder / "libkernels.so"
    source.write_text(LIBRARY, encoding="utf-8")
    words = ["--emit=lib", *flags_of(LINUX_X86_64), str(source), "-o", str(made)]
    status, _, messages = run_mlrc(words)
    assert status == 0, messages
    return ctypes.CDLL(str(made))


def call(function: Callable[..., object], *arguments: int | Floats) -> None:
    """Call a function with words and the addresses of arrays."""
    function(
        *(ctypes.c_uint64(row if isinstance(row, int) else row.ctypes.data) for row in arguments)
    )


def fused(a: Floats, b: Floats, c: Floats) -> Floats:
    """Return a * b + c with one rounding: the sum in f64 is rounded to odd first."""
    product = a.astype(np.float64) * b.astype(np.float64)
    addend = c.astype(np.float64)
    total = product + addend
    part = total - product
    lost = (product - (total - part)) + (addend - part)
    bits = total.view(np.int64)
    step = np.where((lost > 0) == (bits >= 0), 1, -1)
    is_right = (lost == 0) | (bits & 1 != 0)
    return np.where(is_right, bits, bits + step).view(np.float64).astype(np.float32)


def chain(a: Floats, b: Floats) -> Floats:
    """Return a product with one chain an element."""
    total = np.zeros((a.shape[0], b.shape[1]), np.float32)
    for step in range(a.shape[1]):
        left, right = np.broadcast_arrays(a[:, step : step + 1], b[step])
        total = fused(left, right, total)
    return total


def sixteen_chains(a: Floats, x: Floats) -> Floats:
    """Return a product with one column."""
    totals = np.zeros((a.shape[0], 16), np.float32)
    for step in range(a.shape[1]):
        lane = step % 16
        factor = np.full(a.shape[0], x[step, 0], np.float32)
        totals[:, lane] = fused(a[:, step], factor, totals[:, lane])
    for half in (8, 4, 2, 1):
        totals = totals[:, :half] + totals[:, half:]
    return totals


def columns(
    image: Floats, kernel: tuple[int, int], stride: tuple[int, int], border: tuple[int, int]
) -> Floats:
    """Return the pieces of an image that a kernel lies on, side by side."""
    padded = np.pad(image, ((0, 0), (border[0],) * 2, (border[1],) * 2))
    height = (padded.shape[1] - kernel[0]) // stride[0] + 1
    width = (padded.shape[2] - kernel[1]) // stride[1] + 1
    rows = [
        channel[y : y + height * stride[0] : stride[0], x : x + width * stride[1] : stride[1]]
        for channel in padded
        for y in range(kernel[0])
        for x in range(kernel[1])
    ]
    return np.stack([row[:height, :width].reshape(-1) for row in rows])


def laid_out(matrix: Floats, random: np.random.Generator) -> Floats:
    """Return the same matrix in one of several layouts."""
    match int(random.integers(4)):
        case 0:
            return np.asfortranarray(matrix)
        case 1:
            return np.repeat(np.repeat(matrix, 2, axis=1), 3, axis=0)[::3, ::2]
        case _:
            return matrix


def numbers(random: np.random.Generator, *shape: int) -> Floats:
    """Return random numbers."""
    return random.standard_normal(shape).astype(np.float32)


def shapes(random: np.random.Generator, count: int) -> Iterator[tuple[int, int, int]]:
    """Yield m, n and k: small ones, and some of each that are large."""
    for index in range(count):
        m, n, k = (int(row) for row in random.integers(1, 70, 3))
        yield (
            300 if index % 7 == 0 else m,
            1 if index % 5 == 0 else n,
            int(random.integers(200, 600)) if index % 9 == 0 else k,
        )


def test_products_are_chains(library: ctypes.CDLL) -> None:
    random = np.random.default_rng(5)
    for m, n, k in shapes(random, 60):
        call(library.use_threads, int(random.integers(1, 4)))
        a, b = laid_out(numbers(random, m, k), random), laid_out(numbers(random, k, n), random)
        found = np.full((m, n), np.nan, np.float32)
        distances = [row // 4 for row in (*a.strides, *b.strides)]
        call(library.product, m, n, k, a, *distances[:2], b, *distances[2:], found, n)
        expected = sixteen_chains(a, b) if n == 1 else chain(a, b)
        assert found.tobytes() == expected.tobytes(), (m, n, k, distances)


def test_convolutions_are_chains(library: ctypes.CDLL) -> None:
    random = np.random.default_rng(6)
    for index in range(40):
        call(library.use_threads, int(random.integers(1, 4)))
        images, channels, filters = (int(row) for row in random.integers(1, (3, 5, 40)))
        size = (int(random.integers(4, 20)), 90 if index % 8 == 0 else int(random.integers(4, 20)))
        kernel, stride, border = (
            (int(random.integers(low, high)), int(random.integers(low, high)))
            for low, high in ((1, 5), (1, 4), (0, 3))
        )
        image = numbers(random, images, channels, *size)
        weights = numbers(random, filters, channels, *kernel)
        expected = np.stack(
            [
                chain(weights.reshape(filters, -1), columns(row, kernel, stride, border))
                for row in image
            ]
        )
        found = np.full(expected.shape, np.nan, np.float32)
        shape = (images, channels, *size, filters, *kernel, *stride, *border)
        call(library.convolution, *shape, image, weights, found)
        assert found.tobytes() == expected.tobytes(), shape


@pytest.mark.skipif(shutil.which("qemu-x86_64") is None, reason="needs qemu-x86_64")
@pytest.mark.parametrize("model", FIRST_OF_EVERY_LEVEL)
@pytest.mark.parametrize("source", sorted(RUN.glob("*.mlr")), ids=lambda row: row.stem)
def test_every_level_of_x86_64_computes_the_same(source: Path, model: str, tmp_path: Path) -> None:
    program = tmp_path / "program"
    words = [*flags_of(LINUX_X86_64), str(source), "-o", str(program)]
    status, _, messages = run_mlrc(words)
    assert status == 0, messages
    command = ["qemu-x86_64", "-cpu", model, str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    lines = [row.partition("expect: ")[2] for row in source.read_text().splitlines()]
    assert done.stdout.splitlines() == [row for row in lines if row]
