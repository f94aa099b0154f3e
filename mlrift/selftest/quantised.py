"""Quantised weights as GGUF files have them: random bytes, and the numbers that they mean.

Each maker gives the bytes of m rows of k weights and the weights in double precision; it is written
from the description of the format, byte by byte, not from the kernels.
"""

from collections.abc import Callable

import numpy as np

from mlrift.selftest.case import Array

Maker = Callable[[int, int], tuple[Array, Array]]


def _random_blocks(m: int, k: int, block: int, size_bytes: int) -> Array:
    generator = np.random.default_rng(k * 31 + m)
    return generator.integers(0, 256, (m, k // block, size_bytes)).astype(np.uint8)


def _half(generator_seed: int, shape: tuple[int, ...]) -> Array:
    generator = np.random.default_rng(generator_seed)
    return generator.uniform(0.01, 0.1, shape).astype(np.float16)


def _put_half(raw: Array, offset: int, halves: Array) -> None:
    raw[..., offset : offset + 2] = halves[..., None].view(np.uint8)


def _q8_0(m: int, k: int) -> tuple[Array, Array]:
    raw = _random_blocks(m, k, 32, 34)
    scale = _half(1, raw.shape[:2])
    _put_half(raw, 0, scale)
    numbers = raw[..., 2:].view(np.int8).astype(np.float64) * scale[..., None].astype(np.float64)
    return raw, numbers.reshape(m, k)


def _q4_0(m: int, k: int) -> tuple[Array, Array]:
    raw = _random_blocks(m, k, 32, 18)
    scale = _half(2, raw.shape[:2])
    _put_half(raw, 0, scale)
    quants = np.concatenate([raw[..., 2:] & 15, raw[..., 2:] >> 4], axis=-1)
    numbers = (quants.astype(np.float64) - 8) * scale[..., None].astype(np.float64)
    return raw, numbers.reshape(m, k)


def _q4_k(m: int, k: int) -> tuple[Array, Array]:
    raw = _random_blocks(m, k, 256, 144)
    d, least = _half(3, raw.shape[:2]), _half(4, raw.shape[:2])
    _put_half(raw, 0, d)
    _put_half(raw, 2, least)
    packed = raw[..., 4:16].astype(np.int64)
    numbers = np.zeros((*raw.shape[:2], 256))
    for part in range(8):
        if part < 4:
            scale, minimum = packed[..., part] & 63, packed[..., part + 4] & 63
        else:
            scale = (packed[..., part + 4] & 15) | ((packed[..., part - 4] >> 6) << 4)
            minimum = (packed[..., part + 4] >> 4) | ((packed[..., part] >> 6) << 4)
        start = 16 + part // 2 * 32
        quants = (raw[..., start : start + 32] >> (part % 2 * 4)) & 15
        factor = d.astype(np.float64) * scale
        less = least.astype(np.float64) * minimum
        values = factor[..., None] * quants - less[..., None]
        numbers[..., part * 32 : part * 32 + 32] = values
    return raw, numbers.reshape(m, k)


def _q6_k(m: int, k: int) -> tuple[Array, Array]:
    raw = _random_blocks(m, k, 256, 210)
    d = _half(5, raw.shape[:2])
    _put_half(raw, 208, d)
    low, high = raw[..., :128].astype(np.int64), raw[..., 128:192].astype(np.int64)
    scales = raw[..., 192:208].view(np.int8).astype(np.float64)
    numbers = np.zeros((*raw.shape[:2], 256))
    for element in range(256):
        half, inside = divmod(element, 128)
        quarter, place = divmod(inside, 32)
        nibble = low[..., half * 64 + quarter % 2 * 32 + place] >> (quarter // 2 * 4) & 15
        upper = high[..., half * 32 + place] >> (quarter * 2) & 3
        scale = scales[..., half * 8 + quarter * 2 + place // 16]
        numbers[..., element] = d * scale * ((nibble | upper << 4) - 32)
    return raw, numbers.reshape(m, k)


FORMATS: dict[str, tuple[int, Maker]] = {
    "q8_0": (32, _q8_0),
    "q4_0": (32, _q4_0),
    "q4_k": (256, _q4_k),
    "q6_k": (256, _q6_k),
}
