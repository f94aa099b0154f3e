"""Blocks and numbers for the tests of std/blocks.mlr and std/quantize.mlr, the same everywhere."""

import numpy as np
import numpy.typing as npt

from tests.llm.weights import draws

# name: number in GGUF files, numbers of a block, bytes of a block
BLOCKS = {
    "F32": (0, 1, 4),
    "F16": (1, 1, 2),
    "BF16": (30, 1, 2),
    "Q4_0": (2, 32, 18),
    "Q4_1": (3, 32, 20),
    "Q5_0": (6, 32, 22),
    "Q5_1": (7, 32, 24),
    "Q8_0": (8, 32, 34),
    "Q2_K": (10, 256, 84),
    "Q3_K": (11, 256, 110),
    "Q4_K": (12, 256, 144),
    "Q5_K": (13, 256, 176),
    "Q6_K": (14, 256, 210),
    "IQ4_NL": (20, 32, 18),
    "IQ4_XS": (23, 256, 136),
    "MXFP4": (39, 32, 17),
}
READ_TYPES = tuple(BLOCKS)
WRITTEN_TYPES = ("F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0")

Bytes = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]


def random_blocks(name: str, count: int) -> Bytes:
    """Return random bytes as rows of one block (of halves and floats: of 32 numbers)."""
    _, elements, size_bytes = BLOCKS[name]
    size_bytes *= 32 if elements == 1 else 1
    words = draws(f"blocks/{name}", -(-count * size_bytes // 8))
    return words.view(np.uint8)[: count * size_bytes].reshape(count, size_bytes).copy()


def numbers(name: str, count: int) -> F32:
    """Return numbers spread as weights are: sums of four uniform ones."""
    drawn = draws(f"numbers/{name}", count * 4).reshape(count, 4)
    uniform = (drawn >> np.uint64(40)).astype(np.float64) / 2.0**24 - 0.5
    made: F32 = uniform.sum(axis=1).astype(np.float32)
    return made


def hard_numbers() -> F32:
    """Return rows of 32: plain ones, ties, all equal, zeros, one peak, huge, tiny, one-sided."""
    plain = numbers("plain", 12 * 32).reshape(12, 32)
    powers = np.ldexp(np.float32(1), np.arange(-40, 56, 8))[:, None]
    peak = plain[:2] * np.float32(1e-3)
    peak[:, 7] = (3.0, -3.0)
    flat = np.array([[0.0], [1.5], [-2.25], [1e-9]], np.float32).repeat(32, axis=1)
    sides = np.abs(plain[:4])
    made: F32 = np.concatenate(
        [plain, np.round(plain * 24) / 8, plain * powers, peak, flat, sides, -sides]
    ).astype(np.float32)
    return made
