"""The tensor operations that are measured, and what our programs for them must do.

`benchmarks/tensor/NAME.mlr`, called as `NAME ROUNDS THREADS`, computes operation NAME as
operations_torch.py does, once and then ROUNDS times. It prints for each of these rounds

    ns=         the time of the operation alone, in nanoseconds

and of the last result, with w(i) = i % 7 + 1 and elements in row-major order, sums taken in f64:

    checksum=   the sum of r(i) * w(i)
    squares=    the sum of r(i) * r(i) * w(i)

Element i of input number t is `((i * 7919 + t * 104729) % 1000) / 1000 - 0.5`, in f32.
"""

from dataclasses import dataclass
from enum import Enum

CHAIN_ELEMENTS = 16_000_000
_MATMUL_SIDE = 1024
_ROWS = 4096


class Limit(Enum):
    """What the machine limits an operation by."""

    ARITHMETIC = "GFLOP/s"
    MEMORY = "GB/s"
    NONE = ""


class Peer(Enum):
    """What an operation's speed is compared with."""

    TORCH = "PyTorch"
    HAND_WRITTEN = "C by hand"


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation: its work in operations or bytes, and our speed in units of the peer's."""

    name: str
    summary: str
    rounds: int
    limit: Limit
    work: float
    aim: float | None = None
    peer: Peer = Peer.TORCH
    tolerance: float = 1e-5


def _matmul_flops(batch: int, rows: int, inner: int, columns: int) -> float:
    return 2.0 * batch * rows * inner * columns


OPERATIONS = (
    Operation(
        "matmul_square",
        "matmul 1024 x 1024 x 1024",
        20,
        Limit.ARITHMETIC,
        _matmul_flops(1, _MATMUL_SIDE, _MATMUL_SIDE, _MATMUL_SIDE),
        0.9,
    ),
    Operation(
        "matmul_flat",
        "matmul 64 x 1024 x 1024",
        100,
        Limit.ARITHMETIC,
        _matmul_flops(1, 64, _MATMUL_SIDE, _MATMUL_SIDE),
        0.9,
    ),
    Operation(
        "matmul_batched",
        "matmul 16 x (256 x 256 x 256)",
        50,
        Limit.ARITHMETIC,
        _matmul_flops(16, 256, 256, 256),
    ),
    Operation(
        "matmul_small",
        "matmul 4096 x (8 x 8 x 8)",
        100,
        Limit.ARITHMETIC,
        _matmul_flops(4096, 8, 8, 8),
        0.9,
    ),
    Operation("dot", "dot of 65,536", 500, Limit.MEMORY, 8.0 * 65536, 0.9, tolerance=1e-4),
    Operation(
        "softmax", "softmax of 4096 x 1024", 50, Limit.MEMORY, 8.0 * _ROWS * _MATMUL_SIDE, 0.9
    ),
    Operation(
        "layer_norm", "layer norm of 4096 x 1024", 50, Limit.MEMORY, 8.0 * _ROWS * _MATMUL_SIDE, 0.9
    ),
    Operation(
        "conv2d",
        "conv 3 x 3 of 8 x 64 x 56 x 56",
        20,
        Limit.ARITHMETIC,
        2.0 * 8 * 64 * 64 * 9 * 56 * 56,
        0.9,
    ),
    Operation(
        "conv2d_half",
        "the same, stride 2",
        40,
        Limit.ARITHMETIC,
        2.0 * 8 * 64 * 64 * 9 * 28 * 28,
        0.9,
    ),
    Operation(
        "chain",
        "max(x*y + z, 0) * (x - z), 16 M elements",
        10,
        Limit.MEMORY,
        16.0 * CHAIN_ELEMENTS,
        0.9,
        Peer.HAND_WRITTEN,
    ),
    Operation("chain_small", "the same, 40,000 elements", 500, Limit.MEMORY, 16.0 * 40_000),
    Operation(
        "attention",
        "causal attention, 8 heads, 256 x 64",
        50,
        Limit.ARITHMETIC,
        2 * _matmul_flops(8, 256, 256, 64) / 2,
    ),
    Operation(
        "mlp_layer",
        "gelu(x @ w + b), 64 x 1024 x 1024",
        100,
        Limit.ARITHMETIC,
        _matmul_flops(1, 64, _MATMUL_SIDE, _MATMUL_SIDE),
        0.9,
    ),
    Operation(
        "attention_block",
        "norm, projections, causal attention, sum; 256 x 512, 8 heads",
        50,
        Limit.ARITHMETIC,
        _matmul_flops(4, 256, 512, 512) + 2 * _matmul_flops(8, 256, 256, 64) / 2,
        0.9,
    ),
    Operation(
        "mlp_step",
        "step of training 784-256-10, batch 64, AdamW",
        50,
        Limit.ARITHMETIC,
        3 * (_matmul_flops(1, 64, 784, 256) + _matmul_flops(1, 64, 256, 10)),
        tolerance=1e-4,
    ),
)
