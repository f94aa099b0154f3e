"""A library of kernels written in .mlr, called with numpy arrays.

Enters: a source in `parts/` whose `@export` functions take words. Leaves: `Kernels`, which compiles
it once and calls by name. An array is given by its address, a float as an array of one number.
"""

import ctypes
import functools
import struct
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tests.harness.compiler import run_mlrc

PARTS = Path(__file__).parent / "parts"
F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
Words = int | npt.NDArray[np.generic]


class Kernels:
    """A compiled library; the file is gone when the process ends."""

    def __init__(self, source: str, *flags: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="kernels")
        made = Path(self._folder.name) / "kernels.so"
        words = ["--emit=lib", *flags, str(PARTS / source), "-o", str(made)]
        status, _, messages = run_mlrc(words)
        assert status == 0, messages
        self._library = ctypes.CDLL(str(made))

    def call(self, name: str, *arguments: Words) -> int:
        """Call an exported function; an array is its address."""
        function = getattr(self._library, name)
        function.restype = ctypes.c_uint64
        words = [a if isinstance(a, int) else a.ctypes.data for a in arguments]
        return int(function(*[ctypes.c_uint64(word) for word in words]))


@functools.cache
def library(source: str, *flags: str) -> Kernels:
    """Return a library, compiled once with each set of flags."""
    return Kernels(source, *flags)


def float_kernels() -> Kernels:
    """Return norms, rotations, activations and the delta-net."""
    return library("float_kernels.mlr")


def attention_kernels(*flags: str) -> Kernels:
    """Return the cache and attention."""
    return library("attention_kernels.mlr", *flags)


def product_kernels(*flags: str) -> Kernels:
    """Return products with float weights."""
    return library("product_kernels.mlr", *flags)


def drawn(seed: int, *shape: int) -> F32:
    """Return normal numbers that are the same in every run."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def record(layout: str, *fields: float) -> npt.NDArray[np.uint8]:
    """Return a record of std/llm: packed, little-endian."""
    return np.frombuffer(struct.pack("<" + layout, *fields), np.uint8).copy()


def single(number: float) -> F32:
    """Return one f32, to be given by its address."""
    return np.array([number], np.float32)


def double(*numbers: float) -> F64:
    """Return f64 numbers, to be given by their address."""
    return np.array(numbers, np.float64)


def zeros_aligned(size: int) -> npt.NDArray[np.uint8]:
    """Return zeroed bytes whose address is a multiple of 64."""
    memory = np.zeros(size + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + size]


def same_bits(left: F32, right: F32) -> bool:
    """Say whether two arrays of f32 are equal bit for bit."""
    return bool(np.array_equal(left.view(np.uint32), right.view(np.uint32)))


def units_off(found: F32, exact: F64) -> float:
    """Return the largest error in units in the last place."""
    unit = np.spacing(np.abs(exact.astype(np.float32))).astype(np.float64)
    return float(np.max(np.abs(found.astype(np.float64) - exact) / unit))
