"""What the twin kernels are run on: for each a launch, with the same contents on both sides.

Sizes are small, odd where the kernel allows it, and such that loops run several times.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Argument = NDArray[np.generic] | np.generic
_LENGTH = 1000
_ROW = 700
_VOCABULARY = 3000


@dataclass(frozen=True)
class LaunchInput:
    """Groups, work items of a group, and arguments, of which arrays are changed by the kernel."""

    grid: tuple[int, int]
    block: tuple[int, int]
    arguments: list[Argument]


class Numbers:
    """Arrays of random numbers."""

    def __init__(self, seed: int) -> None:
        self._generator = np.random.default_rng(seed)

    def f32(self, *shape: int) -> NDArray[np.float32]:
        """Return normal numbers."""
        return self._generator.standard_normal(shape).astype(np.float32)

    def f16(self, *shape: int) -> NDArray[np.float16]:
        """Return normal numbers."""
        return self._generator.standard_normal(shape).astype(np.float16)

    def f64(self, *shape: int) -> NDArray[np.float64]:
        """Return normal numbers."""
        return self._generator.standard_normal(shape)

    def u64(self, most: int, *shape: int) -> NDArray[np.uint64]:
        """Return numbers below a limit."""
        return self._generator.integers(0, most, shape, np.uint64)

    def u8(self, *shape: int) -> NDArray[np.uint8]:
        """Return bytes."""
        return self._generator.integers(0, 256, shape, np.uint8)


def input_of(name: str) -> LaunchInput:
    """Return the launch of a kernel; every call makes new arrays with the same contents."""
    return _INPUTS[name](Numbers(sum(name.encode())))


def _count(number: int) -> np.uint64:
    return np.uint64(number)


def _f32(number: float) -> np.float32:
    return np.float32(number)


def _f64(number: float) -> np.float64:
    return np.float64(number)


def _pointwise(arguments: list[Argument]) -> LaunchInput:
    return LaunchInput((4, 1), (256, 1), arguments)


def _rows(arguments: list[Argument]) -> LaunchInput:
    return LaunchInput((3, 1), (256, 1), arguments)


def _saxpy(it: Numbers) -> LaunchInput:
    return _pointwise([it.f32(_LENGTH), it.f32(_LENGTH), _count(_LENGTH), _f32(1.5)])


def _relu(it: Numbers) -> LaunchInput:
    return _pointwise([it.f32(_LENGTH), _count(_LENGTH)])


def _silu_mul(it: Numbers) -> LaunchInput:
    return _pointwise([it.f32(_LENGTH), it.f32(_LENGTH), it.f32(_LENGTH), _count(_LENGTH)])


def _rmsnorm(it: Numbers) -> LaunchInput:
    return _rows([it.f32(3, _ROW), it.f32(3, _ROW), it.f32(_ROW), _count(_ROW)])


def _row(it: Numbers) -> LaunchInput:
    return _rows([it.f32(3, _ROW), it.f32(3, _ROW), _count(_ROW)])


def _rope(it: Numbers) -> LaunchInput:
    arguments: list[Argument] = [
        it.f32(5, 128),
        it.f32(5, 128),
        it.f32(5, 64),
        it.f32(5, 64),
        _count(5),
    ]
    return LaunchInput((5, 1), (64, 1), arguments)


def _gemv(it: Numbers) -> LaunchInput:
    arguments: list[Argument] = [it.f32(5, _ROW), it.f32(_ROW), it.f32(5), _count(5), _count(_ROW)]
    return LaunchInput((5, 1), (32, 1), arguments)


def _gemv_bf16(it: Numbers) -> LaunchInput:
    halves = (it.f32(5, _ROW).view(np.uint32) >> 16).astype(np.uint16)
    arguments: list[Argument] = [halves, it.f32(_ROW), it.f32(5), _count(5), _count(_ROW)]
    return LaunchInput((5, 1), (32, 1), arguments)


def _gemv_q4_0(it: Numbers) -> LaunchInput:
    blocks = it.u8(5, 40, 18)
    blocks[:, :, :2] = it.f16(5, 40, 1).view(np.uint8)
    arguments: list[Argument] = [blocks, it.f32(1280), it.f32(5), _count(5), _count(1280)]
    return LaunchInput((5, 1), (32, 1), arguments)


def _gemm(it: Numbers) -> LaunchInput:
    sizes = [_count(19), _count(21), _count(37)]
    return LaunchInput((2, 2), (16, 16), [it.f32(19, 37), it.f32(37, 21), it.f32(19, 21), *sizes])


def _transpose(it: Numbers) -> LaunchInput:
    return LaunchInput((2, 2), (16, 16), [it.f32(19, 21), it.f32(21, 19), _count(19), _count(21)])


def _attention(it: Numbers) -> LaunchInput:
    keys, values = it.f32(50, 2, 128), it.f32(50, 2, 128)
    arguments: list[Argument] = [
        it.f32(4, 128),
        keys,
        values,
        it.f32(4, 128),
        _count(50),
        _count(2),
        _f32(0.0884),
    ]
    return LaunchInput((4, 1), (32, 1), arguments)


def _argmax(it: Numbers) -> LaunchInput:
    arguments: list[Argument] = [it.f32(_VOCABULARY), np.zeros(1, np.uint32), _count(_VOCABULARY)]
    return LaunchInput((1, 1), (32, 1), arguments)


def _histogram(it: Numbers) -> LaunchInput:
    arguments: list[Argument] = [it.u8(_VOCABULARY), np.zeros(256, np.uint32), _count(_VOCABULARY)]
    return LaunchInput((1, 1), (256, 1), arguments)


def _lif(it: Numbers) -> LaunchInput:
    arguments: list[Argument] = [
        it.f64(_LENGTH),
        it.u64(3, _LENGTH),
        it.f64(_LENGTH),
        it.u64(9, _LENGTH),
    ]
    constants = [_count(_LENGTH), _f64(0.1), _f64(-0.65), _f64(0.1), _f64(20.0)]
    return _pointwise([*arguments, *constants])


def _csr(it: Numbers) -> LaunchInput:
    counts = it.u64(5, _LENGTH)
    rows = np.concatenate([np.zeros(1, np.uint64), np.cumsum(counts, dtype=np.uint64)])
    edges = int(rows[-1])
    arguments: list[Argument] = [rows, it.u64(50, edges), np.ones(edges), np.zeros(50)]
    return _pointwise([*arguments, _count(_LENGTH), _f64(0.5)])


def _adamw(it: Numbers) -> LaunchInput:
    buffers: list[Argument] = [
        it.f32(_LENGTH),
        it.f32(_LENGTH),
        it.f32(_LENGTH),
        abs(it.f32(_LENGTH)),
    ]
    rates = [_f32(number) for number in (0.001, 0.9, 0.999, 0.99, 1e-8)]
    return _pointwise([*buffers, _count(_LENGTH), *rates])


def _divide(it: Numbers) -> LaunchInput:
    divisors = (it.u64(1 << 63, _LENGTH) >> it.u64(62, _LENGTH)) | np.uint64(1)
    arguments: list[Argument] = [
        it.u64(1 << 63, _LENGTH),
        divisors,
        it.u64(2, _LENGTH),
        _count(_LENGTH),
    ]
    return _pointwise(arguments)


def _gemm_matrix(it: Numbers) -> LaunchInput:
    arguments: list[Argument] = [
        it.f16(32, 64),
        it.f16(48, 64),
        it.f32(32, 48),
        _count(48),
        _count(64),
    ]
    return LaunchInput((3, 2), (32, 1), arguments)


_INPUTS: dict[str, Callable[[Numbers], LaunchInput]] = {
    "saxpy": _saxpy,
    "relu": _relu,
    "silu_mul": _silu_mul,
    "rmsnorm_row": _rmsnorm,
    "softmax_row": _row,
    "layernorm_row": _row,
    "rope": _rope,
    "gemv_f32": _gemv,
    "gemv_bf16": _gemv_bf16,
    "gemv_q4_0": _gemv_q4_0,
    "gemm_naive": _gemm,
    "gemm_tiled": _gemm,
    "transpose": _transpose,
    "attention_decode": _attention,
    "argmax": _argmax,
    "histogram": _histogram,
    "lif_step": _lif,
    "csr_scatter": _csr,
    "adamw": _adamw,
    "divide_u64": _divide,
    "gemm_matrix": _gemm_matrix,
}

NAMES = tuple(_INPUTS)
