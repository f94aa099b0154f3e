"""Products with f32, f16 and bf16 weights: bit for bit the arithmetic that is written down."""

import numpy as np
import numpy.typing as npt
import pytest

from tests.harness.run_files import IS_THOROUGH
from tests.llm.kernel_library import F32, drawn, product_kernels, same_bits

KINDS = {"f32": 0, "f16": 1, "bf16": 30}
Bytes = npt.NDArray[np.generic]


def bf16(numbers: F32) -> npt.NDArray[np.uint16]:
    """Return the bits of the nearest bf16, halves to even."""
    bits = numbers.view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def widened(bits: npt.NDArray[np.uint16]) -> F32:
    """Return bf16 as f32."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def fused(a: F32, b: F32, c: F32) -> F32:
    """Return a * b + c; rounding twice, from f64, hardly ever matters and does not here."""
    wide: npt.NDArray[np.float64] = a.astype(np.float64) * b.astype(np.float64) + c
    return wide.astype(np.float32)


def reference(weights: F32, activations: F32, step: int) -> F32:
    """Return the sums of sixteen chains, which take `step` columns at a time."""
    padding = ((0, 0), (0, -weights.shape[1] % step))
    weights, activations = np.pad(weights, padding), np.pad(activations, padding)
    chains = np.zeros((len(activations), len(weights), 16), np.float32)
    for start in range(0, weights.shape[1], step):
        w = weights[None, :, start : start + step].reshape(1, -1, 16, step // 16)
        x = activations[:, None, start : start + step].reshape(-1, 1, 16, step // 16)
        for part in reversed(range(step // 16)):
            chains = fused(w[..., part], x[..., part], chains)
    for half in (8, 4, 2, 1):
        chains = chains[..., :half] + chains[..., half : 2 * half]
    return chains[..., 0]


class Product:
    """Weights as in a file and activations as they are prepared."""

    def __init__(self, kind: str, rows: int, columns: int, count: int, least: int = 0) -> None:
        weights, activations = drawn(1, rows, columns), drawn(2, count, columns)
        if least:
            weights *= 2.0 ** np.random.default_rng(3).integers(least, least + 9, weights.shape)
            activations *= 2.0 ** np.random.default_rng(4).integers(
                least, least + 9, activations.shape
            )
        self.kind, self.step = KINDS[kind], 32 if kind == "bf16" else 16
        self.stored: Bytes = weights
        if kind == "f16":
            self.stored = weights.astype(np.float16)
            weights = self.stored.astype(np.float32)
        if kind == "bf16":
            self.stored = bf16(weights)
            weights, activations = widened(bf16(weights)), widened(bf16(activations))
        self.weights, self.activations = weights, activations
        self.prepared: Bytes = np.pad(activations, ((0, 0), (0, -columns % self.step)))
        if kind == "bf16":
            self.prepared = bf16(np.pad(activations, ((0, 0), (0, -columns % 32))))

    def run(self, first: int, last: int, *flags: str) -> F32:
        """Return what the kernel makes of some rows; what it leaves alone is NaN."""
        count, (rows, columns) = len(self.activations), self.weights.shape
        out = np.full((count, rows), np.nan, np.float32)
        weights = (self.stored, self.stored.strides[0], columns)
        rows_of_x = (self.prepared, self.prepared.strides[0], count)
        words = (self.kind, out, out.strides[0], *weights, *rows_of_x, first, last)
        product_kernels(*flags).call("product", *words)
        return out


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("rows", "columns", "count"), [(13, 64, 8), (4, 50, 3), (9, 33, 1), (24, 96, 25), (1, 16, 2)]
)
def test_products_are_the_sums_of_chains(kind: str, rows: int, columns: int, count: int) -> None:
    product = Product(kind, rows, columns, count)
    expected = reference(product.weights, product.activations, product.step)
    assert same_bits(product.run(0, rows), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_and_blocks_of_activations_do_not_matter(kind: str) -> None:
    product = Product(kind, 50, 1024, 150)
    whole = product.run(0, 50)
    part = product.run(11, 38)
    assert same_bits(part[:, 11:38], whole[:, 11:38])
    assert np.isnan(part[:, :11]).all() and np.isnan(part[:, 38:]).all()
    alone = Product(kind, 50, 1024, 150)
    alone.activations, alone.prepared = product.activations[77:78], product.prepared[77:78].copy()
    assert same_bits(alone.run(0, 50)[0], whole[77])


@pytest.mark.parametrize("level", [0, 3, 4] if IS_THOROUGH else [0, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_products_are_equal_on_older_processors(kind: str, level: int) -> None:
    product = Product(kind, 10, 80, 7)
    assert same_bits(product.run(0, 10, f"--processor-level={level}"), product.run(0, 10))


@pytest.mark.parametrize("level", [0, 3, 4] if IS_THOROUGH else [0, 3])
@pytest.mark.parametrize("least", [-55, -60, -64, -68, -140])
def test_small_numbers_are_equal_on_older_processors(least: int, level: int) -> None:
    product = Product("bf16", 9, 96, 7, least)
    older = product.run(0, 9, f"--processor-level={level}")
    assert same_bits(older, product.run(0, 9))
