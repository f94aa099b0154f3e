"""The arithmetic of the modules of std.md 4 and 5, derived again with numpy, bit for bit.

Every function works on float32 and rounds where the library says it does. A row of x and a row of
weights give one number; rows are along the last axis.
"""

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
LANES = 8
BLOCK = 32
EPSILON_ONE_MILLIONTH = 0x358637BD


def from_bits(bits: int) -> np.float32:
    """Return the f32 with these bits."""
    return np.uint32(bits).view(np.float32)


def bits_of(values: npt.ArrayLike) -> npt.NDArray[np.uint32]:
    """Return the bits of f32 numbers."""
    return np.asarray(values, np.float32).view(np.uint32)


def fused(a: F32, b: F32, c: F32) -> F32:
    """Return a b + c, rounded once: the sum in f64 is rounded to odd before it is to f32."""
    product = a.astype(np.float64) * b.astype(np.float64)
    wide = c.astype(np.float64)
    total = product + wide
    part = total - product
    error = (product - (total - part)) + (wide - part)
    words = total.view(np.int64)
    is_even = (words & 1) == 0
    grows = (error > 0) == (total > 0)
    odd = np.where(grows, words + 1, words - 1)
    words = np.where((error != 0) & is_even & (total != 0), odd, words)
    return words.view(np.float64).astype(np.float32)


def halves_summed(lanes: F32) -> F32:
    """Add eight lanes: i and i + 4, then (0 + 1) + (2 + 3)."""
    four = lanes[..., :4] + lanes[..., 4:]
    made: F32 = (four[..., 0] + four[..., 1]) + (four[..., 2] + four[..., 3])
    return made


def bf16(values: F32) -> npt.NDArray[np.uint16]:
    """Cut numbers to bf16."""
    return (values.view(np.uint32) >> 16).astype(np.uint16)


def widened(halves: npt.NDArray[np.uint16]) -> F32:
    """Return bf16 numbers as f32."""
    return (halves.astype(np.uint32) << 16).view(np.float32)


def in_order(terms: F32) -> F32:
    """Add numbers along the last axis one after the other."""
    total = np.zeros(terms.shape[:-1], np.float32)
    for k in range(terms.shape[-1]):
        total = total + terms[..., k]
    return total


def product_fused(x: F32, w: F32) -> F32:
    """Return x w^T as matmul has it for f32 and widened bf16 weights."""
    left, right = x[:, None, :], w[None, :, :]
    if x.shape[-1] % LANES:
        return in_order(left * right)
    lanes = np.zeros((x.shape[0], w.shape[0], LANES), np.float32)
    for k in range(0, x.shape[-1], LANES):
        shape = lanes.shape
        a = np.broadcast_to(left[..., k : k + LANES], shape)
        b = np.broadcast_to(right[..., k : k + LANES], shape)
        lanes = fused(a, b, lanes)
    return halves_summed(lanes)


def product_kahan(x: F32, w: F32) -> F32:
    """Return x w^T with Kahan's summation."""
    terms = x[:, None, :] * w[None, :, :]
    total = np.zeros(terms.shape[:-1], np.float32)
    lost = np.zeros_like(total)
    for k in range(terms.shape[-1]):
        y = terms[..., k] - lost
        t = total + y
        lost = (t - total) - y
        total = t
    return total


def quantised(x: F32) -> npt.NDArray[np.uint8]:
    """Return rows as blocks of Q8_0."""
    blocks = x.reshape(-1, BLOCK)
    scale = np.abs(blocks).max(axis=1) / np.float32(127)
    with np.errstate(divide="ignore", over="ignore"):
        inverse = np.where(scale == 0, np.float32(0), np.float32(1) / scale).astype(np.float32)
    inverse = np.where(np.isinf(inverse), np.float32(0), inverse)
    exact = (blocks * inverse[:, None]).astype(np.float64)
    whole = np.sign(exact) * np.floor(np.abs(exact) + 0.5)
    rows = np.zeros((len(blocks), 34), np.uint8)
    rows[:, :2] = scale.astype(np.float16).view(np.uint8).reshape(-1, 2)
    rows[:, 2:] = whole.astype(np.int64).astype(np.int8).view(np.uint8)
    return rows.reshape(x.shape[0], -1)


def parts_of_q8_0(rows: npt.NDArray[np.uint8]) -> tuple[F32, npt.NDArray[np.int32]]:
    """Return the scales and the whole numbers of rows of blocks."""
    blocks = rows.reshape(rows.shape[0], -1, 34)
    scales = np.ascontiguousarray(blocks[..., :2]).view(np.float16)[..., 0].astype(np.float32)
    return scales, np.ascontiguousarray(blocks[..., 2:]).view(np.int8).astype(np.int32)


def product_q8_0(x: F32, rows: npt.NDArray[np.uint8]) -> F32:
    """Return x w^T for Q8_0 weights."""
    scales, whole = parts_of_q8_0(rows)
    lanes = np.zeros((x.shape[0], rows.shape[0], LANES), np.float32)
    for block in range(scales.shape[1]):
        a = x[:, None, block * BLOCK : (block + 1) * BLOCK].reshape(-1, 1, 4, LANES)
        w = whole[:, block].astype(np.float32) * scales[:, block, None]
        b = w.reshape(1, -1, 4, LANES)
        first = fused(
            np.broadcast_to(a[:, :, 0], lanes.shape),
            np.broadcast_to(b[:, :, 0], lanes.shape),
            lanes,
        )
        lanes = (first + a[:, :, 1] * b[:, :, 1]) + (
            a[:, :, 2] * b[:, :, 2] + a[:, :, 3] * b[:, :, 3]
        )
    return in_order(lanes)


def product_q8_0_q8_0(x: F32, rows: npt.NDArray[np.uint8]) -> F32:
    """Return x w^T for Q8_0 weights and rows that are quantised first."""
    scales_x, whole_x = parts_of_q8_0(quantised(x))
    scales_w, whole_w = parts_of_q8_0(rows)
    total = np.zeros((x.shape[0], rows.shape[0]), np.float32)
    for block in range(scales_w.shape[1]):
        sums = (whole_x[:, block] @ whole_w[:, block].T).astype(np.float32)
        total = total + sums * (scales_w[None, :, block] * scales_x[:, None, block])
    return total
