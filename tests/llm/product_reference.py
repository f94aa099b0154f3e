"""What products of weights and activations are, in NumPy: blocks taken apart, and chains of f32.

Enters: the bytes of rows of blocks and f32 activations. Leaves: whole numbers, scales and minima of
the parts of each row, and products whose every bit is that of std/llm/product_plain.mlr.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

F32, F16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K, BF16 = (
    0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 30,
)  # fmt: skip
QUANTISED = (Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K)
ELEMENTS = {Q4_K: 256, Q5_K: 256, Q6_K: 256}
BLOCK_BYTES = {
    Q4_0: 18, Q4_1: 20, Q5_0: 22, Q5_1: 24, Q8_0: 34, Q4_K: 144, Q5_K: 176, Q6_K: 210,
}  # fmt: skip
_LEAST = np.float32(2.0**-100)


@dataclass(frozen=True, slots=True)
class Parts:
    """Rows of weights: numbers [row][part][element], scales and minima [row][part]."""

    numbers: Integers
    scales: Floats
    minima: Floats | None

    def dequantised(self) -> Floats:
        """Return the weights as f32."""
        rows = self.scales[..., None] * self.numbers.astype(np.float32)
        if self.minima is not None:
            rows = rows + self.minima[..., None]
        return rows.reshape(len(rows), -1)


def row_bytes(kind: int, columns: int) -> int:
    """Return the bytes of a row of blocks."""
    return columns // ELEMENTS.get(kind, 32) * BLOCK_BYTES[kind]


def _half(blocks: Bytes, at: int) -> Floats:
    return np.ascontiguousarray(blocks[..., at : at + 2]).view(np.float16).astype(np.float32)


def _nibbles(quants: Bytes) -> Integers:
    return np.concatenate([quants & 15, quants >> 4], axis=-1).astype(np.int64)


def _fifths(mask: Bytes) -> Integers:
    bits = np.unpackbits(np.ascontiguousarray(mask), axis=-1, bitorder="little")
    return bits.astype(np.int64) << 4


def _simple(kind: int, blocks: Bytes) -> Parts:
    """Blocks of 32 with a scale in front, and perhaps a minimum."""
    minima = _half(blocks, 2)[..., 0] if kind in (Q4_1, Q5_1) else None
    start = 4 if kind in (Q4_1, Q5_1) else 2
    if kind == Q8_0:
        numbers = np.ascontiguousarray(blocks[..., 2:]).view(np.int8).astype(np.int64)
    elif kind in (Q4_0, Q4_1):
        numbers = _nibbles(blocks[..., start:])
    else:
        numbers = _nibbles(blocks[..., start + 4 :]) + _fifths(blocks[..., start : start + 4])
    offset = {Q4_0: 8, Q5_0: 16}.get(kind, 0)
    return Parts(numbers - offset, _half(blocks, 0)[..., 0], minima)


def _six_bits(packed: Bytes) -> tuple[Integers, Integers]:
    """Eight scales and eight minima in twelve bytes."""
    low, middle, high = packed[..., :4], packed[..., 4:8], packed[..., 8:]
    scales = np.concatenate([low & 63, (high & 15) | ((low >> 6) << 4)], axis=-1)
    minima = np.concatenate([middle & 63, (high >> 4) | ((middle >> 6) << 4)], axis=-1)
    return scales.astype(np.int64), minima.astype(np.int64)


def _four_or_five(kind: int, blocks: Bytes) -> Parts:
    scales, minima = _six_bits(blocks[..., 4:16])
    quants = blocks[..., 48 if kind == Q5_K else 16 :]
    shape = (*blocks.shape[:2], 8, 32)
    numbers = _nibbles(quants.reshape(*blocks.shape[:2], 4, 32)).reshape(shape)
    if kind == Q5_K:
        fifths = blocks[..., None, 16:48] >> np.arange(8, dtype=np.uint8)[:, None]
        numbers += (fifths & 1).astype(np.int64) << 4
    rows = blocks.shape[0]
    scale = _half(blocks, 0) * scales.astype(np.float32)
    minimum = -(_half(blocks, 2) * minima.astype(np.float32))
    return Parts(numbers.reshape(rows, -1, 32), scale.reshape(rows, -1), minimum.reshape(rows, -1))


def _six(blocks: Bytes) -> Parts:
    halves = []
    for half in range(2):
        low = blocks[..., half * 64 : half * 64 + 64]
        bits = blocks[..., 128 + half * 32 : 160 + half * 32]
        low = np.concatenate([low & 15, low >> 4], axis=-1)
        high = np.concatenate([(bits >> shift) & 3 for shift in (0, 2, 4, 6)], axis=-1)
        halves.append((low | (high << 4)).astype(np.int64) - 32)
    rows = blocks.shape[0]
    scales = np.ascontiguousarray(blocks[..., 192:208]).view(np.int8).astype(np.float32)
    scale = (_half(blocks, 208) * scales).reshape(rows, -1)
    return Parts(np.concatenate(halves, axis=-1).reshape(rows, -1, 16), scale, None)


def take_apart(kind: int, rows: Bytes) -> Parts:
    """Take rows of blocks, [row][byte], apart."""
    blocks = rows.reshape(len(rows), -1, BLOCK_BYTES[kind])
    if kind in (Q4_K, Q5_K):
        return _four_or_five(kind, blocks)
    if kind == Q6_K:
        return _six(blocks)
    return _simple(kind, blocks)


def fused(a: Floats, b: Floats, c: Floats) -> Floats:
    """Return a * b + c, rounded once.

    The product is exact in f64; the sum is rounded to odd there, which a second rounding to f32
    cannot tell from the exact sum.
    """
    product = a.astype(np.float64) * b.astype(np.float64)
    addend = np.broadcast_to(c.astype(np.float64), product.shape)
    total = product + addend
    back = total - product
    error = (product - (total - back)) + (addend - back)
    even = (total.view(np.uint64) & 1) == 0
    towards = np.where(error > 0, np.inf, -np.inf)
    odd = np.where((error != 0) & even, np.nextafter(total, towards), total)
    return odd.astype(np.float32)


def quantise(x: Floats) -> tuple[Integers, Floats, Floats]:
    """Return bytes [row][block][32], scales and scaled sums [row][block] of activations."""
    blocks = x.reshape(len(x), -1, 32)
    largest = np.abs(blocks).max(axis=-1)
    quiet = largest < _LEAST
    safe = np.where(quiet, np.float32(1), largest)
    scale = np.where(quiet, np.float32(0), safe / np.float32(127))
    factor = np.where(quiet, np.float32(0), np.float32(127) / safe)
    numbers = np.rint(blocks * factor[..., None]).astype(np.int64)
    sums = scale * numbers.sum(axis=-1).astype(np.float32)
    return numbers, scale.astype(np.float32), sums.astype(np.float32)


def product(parts: Parts, x: Floats) -> Floats:
    """Return the products [row of x][row of weights], chain by chain."""
    numbers, scale, scaled_sums = quantise(x)
    width = parts.numbers.shape[-1]
    numbers = numbers.reshape(len(x), -1, width)
    chain = np.zeros((len(x), len(parts.scales)), np.float32)
    for block in range(scale.shape[1]):
        factor = scale[:, block, None]
        if width == 32:
            sums = _sums(numbers, parts, block)
            chain = fused(sums, factor * parts.scales[None, :, block], chain)
        else:
            first = _sums(numbers, parts, block * 2) * parts.scales[None, :, block * 2]
            second = _sums(numbers, parts, block * 2 + 1)
            both = fused(second, parts.scales[None, :, block * 2 + 1], first)
            chain = fused(both, factor, chain)
        if parts.minima is not None:
            chain = fused(parts.minima[None, :, block], scaled_sums[:, block, None], chain)
    return chain


def _sums(numbers: Integers, parts: Parts, part: int) -> Floats:
    """Return exact sums of products of a part, [row of x][row of weights], as f32."""
    return (numbers[:, part] @ parts.numbers[:, part].T).astype(np.float32)
