"""A kernel, its arguments and what should come out: one row of the table that every engine runs."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mlrift.driver.resources import standard_library_root
from mlrift.values import value

Array = npt.NDArray[Any]
KERNELS = standard_library_root() / "std" / "kernels"
Place = Callable[[Array, str], int]


@value
class Pointer:
    """The address of an array, to be put into a buffer of bytes before the kernel starts."""

    argument: int
    offset_bytes: int
    target: Array


@value
class KernelCase:
    """One launch. `expected` gives the arguments that are compared, by position.

    Arrays in `arguments` are buffers; `inner` are those that buffers point to, with what is
    expected of them. `tolerance` is relative to the largest number expected; 0 asks for the bits.
    """

    source: str
    kernel: str
    label: str
    grid: tuple[int, ...]
    group: tuple[int, ...]
    arguments: Sequence[Any]
    expected: dict[int, Array]
    tolerance: float = 0.0
    pointers: tuple[Pointer, ...] = ()
    inner: tuple[tuple[Array, Array], ...] = ()

    @property
    def name(self) -> str:
        """What the test is called."""
        return f"{self.kernel}-{self.label}"

    @property
    def path(self) -> Path:
        """The file of the kernel: of the library, or any by its absolute path."""
        return KERNELS / f"{self.source}.mlr"

    def check(self) -> None:
        """Compare what the arguments hold now with what is expected."""
        for position, wanted in self.expected.items():
            compare(self.arguments[position], wanted, self.tolerance, f"argument {position}")
        for found, wanted in self.inner:
            compare(found, wanted, self.tolerance, "an array that a buffer points to")

    def link(self, place: Place) -> None:
        """Put the addresses of inner arrays into their buffers."""
        known: dict[int, int] = {}
        for row in self.pointers:
            if id(row.target) not in known:
                known[id(row.target)] = place(row.target, "an inner array")
            raw = np.array([known[id(row.target)]], np.uint64).view(np.uint8)
            buffer = self.arguments[row.argument].reshape(-1).view(np.uint8)
            buffer[row.offset_bytes : row.offset_bytes + 8] = raw


def compare(found: Array, wanted: Array, tolerance: float, what: str) -> None:
    """Fail with the first differing element."""
    found, wanted = found.reshape(-1), wanted.reshape(-1)
    assert found.shape == wanted.shape, (what, found.shape, wanted.shape)
    if tolerance == 0.0:
        same = found.view(np.uint8) == wanted.astype(found.dtype).view(np.uint8)
        bad = np.nonzero(~same.reshape(len(found), -1).all(axis=1))[0]
    else:
        limit = tolerance * max(1e-30, float(np.abs(wanted).max(initial=0.0)))
        bad = np.nonzero(~(np.abs(found.astype(np.float64) - wanted) <= limit))[0]
    if len(bad):
        first = bad[0]
        shown = f"{what}: element {first} is {found[first]!r}, not {wanted[first]!r}"
        raise AssertionError(f"{shown}; {len(bad)} of {len(found)} differ")


def blocks(count: int, size: int) -> int:
    """Return how many groups of a size it takes."""
    return -(-count // size)


def bf16_bits(numbers: Array) -> Array:
    """Return f32 numbers cut to bf16."""
    return (numbers.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)


def bf16_numbers(bits: Array) -> Array:
    """Return the numbers of bf16 bits, in double precision."""
    return (bits.astype(np.uint32) << 16).view(np.float32).astype(np.float64)


def random_f32(seed: int, *shape: int) -> Array:
    """Return numbers around 0."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
