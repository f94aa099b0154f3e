"""What programs of tests/run/llm_compat print, derived again by numpy.

The programs run on every engine with the lines they expect; here those lines are computed.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mlrift.targets import LINUX_X86_64
from tests.extern.programs import compile_for, run_command
from tests.llm_compat import arithmetic, layers, rows
from tests.llm_compat.arithmetic import EPSILON_ONE_MILLIONTH, F32, from_bits
from tests.llm_compat.layers import Cache, Delta, DeltaState, Dense, Matrix, Sizes
from tests.support.engines import engine_named

FOLDER = Path(__file__).resolve().parents[1] / "run" / "llm_compat"
MASK = (1 << 64) - 1


class Generator:
    """The numbers that the programs make."""

    def __init__(self) -> None:
        """Start with the programs' seed."""
        self.seed = 1
        self.widest = 7

    def filled(self, *shape: int) -> F32:
        """Return the next numbers."""
        made = []
        for _ in range(int(np.prod(shape))):
            self.seed = (self.seed * 6364136223846793005 + 1442695040888963407) & MASK
            part, scale = (self.seed >> 40) & 0xFFFF, 1 << ((self.seed >> 60) & self.widest)
            made.append((part - 32768) / 65536 * scale)
        return np.array(made, np.float32).reshape(shape)


def shown(name: str, data: bytes) -> str:
    """Return the line with the hash of some bytes."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & MASK
    return f"{name} {value}"


def of_row(name: str, values: F32) -> str:
    return shown(name, np.ascontiguousarray(values, np.float32).tobytes())


def products(numbers: Generator, m: int, n: int, k: int) -> Iterator[str]:
    x, w = numbers.filled(m, k), numbers.filled(n, k)
    wide = arithmetic.widened(arithmetic.bf16(w))
    yield of_row("f32", arithmetic.product_fused(x, w))
    yield of_row("bf16", arithmetic.product_fused(x, wide))
    yield of_row("kahan", arithmetic.product_kahan(x, wide))
    if k % 32 == 0:
        blocks = arithmetic.quantised(w)
        yield shown("blocks", blocks.tobytes())
        yield of_row("q8_0", arithmetic.product_q8_0(x, blocks))
        yield of_row("q8_0 q8_0", arithmetic.product_q8_0_q8_0(x, blocks))


def rows_of(numbers: Generator, n: int) -> Iterator[str]:
    x, w = numbers.filled(n), numbers.filled(n)
    yield of_row("dot", rows.dot(x, w))
    yield of_row("norm", rows.norm(x, w, EPSILON_ONE_MILLIONTH))
    total = np.float32(0)
    for one in x:
        total = total + one * one
    r = np.float32(1) / np.sqrt(total / np.float32(n) + from_bits(0x35861861))
    weights = np.float32(1) + arithmetic.widened(arithmetic.bf16(w))
    yield of_row("gemma norm", (x * r) * weights)
    yield of_row("exp", rows.exp(x))
    yield of_row("silu", rows.silu_times(x, w))
    yield of_row("sigmoid", rows.sigmoid(x))
    yield of_row("gelu", layers.gelu(x) * w)


def attention(
    numbers: Generator, positions: int, heads: int, kv_heads: int, dim: int
) -> Iterator[str]:
    q = numbers.filled(heads, dim)
    k, v = numbers.filled(positions, kv_heads, dim), numbers.filled(positions, kv_heads, dim)
    yield of_row("attention", rows.attention(q, k, v))
    yield of_row("sliding", rows.attention(q, k[-3:], v[-3:], 50.0))


HYBRID = Sizes(16, 8, 2, 1, 24)
DELTA_SHAPES: dict[str, tuple[int, ...]] = {
    "input_norm": (16,), "qkv": (32, 16), "z": (16, 16), "conv": (32, 4), "dt_bias": (2,),
    "a": (2,),
    "alpha": (2, 16), "beta": (2, 16), "ssm_norm": (8,), "o": (16, 16), "post_norm": (16,),
    "gate": (24, 16), "up": (24, 16), "down": (16, 24),
}  # fmt: skip
ATTENTION_SHAPES: dict[str, tuple[int, ...]] = {
    "input_norm": (16,), "q": (32, 16), "k": (8, 16), "v": (8, 16), "q_norm": (8,), "k_norm": (8,),
    "o": (16, 16), "post_norm": (16,), "gate": (24, 16), "up": (24, 16), "down": (16, 24),
}  # fmt: skip


def plain(x: F32, w: Matrix) -> F32:
    return arithmetic.product_fused(x, w.astype(np.float32, copy=False))


def hybrid(numbers: Generator) -> Iterator[str]:
    numbers.widest = 0
    dense = Dense(HYBRID, plain, plain, theta=10000.0, sections=(1, 1, 0, 0), rope_dim=4)
    delta = Delta(4, 8, 1, 2, 16, False)
    net = {name: numbers.filled(*shape) for name, shape in DELTA_SHAPES.items()}
    attention = {name: numbers.filled(*shape) for name, shape in ATTENTION_SHAPES.items()}
    cache, state = Cache(3, HYBRID), DeltaState(delta)
    for position in range(3):
        x = numbers.filled(16)
        mid = layers.delta_layer(x, net, state, delta, dense)
        made = layers.gated_attention_layer(mid, attention, position, cache, dense)
        yield of_row("hybrid", made)
    yield shown("state", state.bytes())


def lines_of(name: str) -> list[str]:
    """Return the lines that a program says it prints."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    mark = "// expect: "
    return [row.removeprefix(mark) for row in text.splitlines() if row.startswith(mark)]


def test_products_and_rows() -> None:
    numbers = Generator()
    expected = [
        *products(numbers, 2, 9, 64),
        *products(numbers, 1, 6, 13),
        *rows_of(numbers, 29),
        *attention(numbers, 6, 4, 2, 12),
        *hybrid(numbers),
    ]
    assert lines_of("products_and_rows.mlr") == expected


@pytest.mark.parametrize("level", [0, 3])
def test_lower_levels_of_processors(tmp_path: Path, level: int) -> None:
    missing = engine_named("linux-x64").missing()
    if missing is not None:
        pytest.skip(missing)
    name = "products_and_rows.mlr"
    text = (FOLDER / name).read_text(encoding="utf-8")
    program = compile_for(tmp_path, text, LINUX_X86_64, f"--processor-level={level}")
    done = run_command(program)
    assert done.status == 0
    assert done.stdout.decode().splitlines() == lines_of(name)
