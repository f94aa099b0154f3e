"""One tensor operation in PyTorch: `operations_torch.py NAME ROUNDS THREADS [compiled]`.

Prints what tensor_operations.py says, and `scale=`: the checksum of the absolute values, by which
the tolerance of the checksum is measured.
"""

import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

Operation = Callable[[], Tensor]


def filled(index: int, *shape: int) -> Tensor:
    """Return input number `index` of an operation: what our programs compute for it, too."""
    places = torch.arange(torch.Size(shape).numel(), dtype=torch.int64)
    values = (places * 7919 + index * 104729) % 1000
    return (values.to(torch.float32) / 1000.0 - 0.5).reshape(shape)


def matmul_square() -> Operation:
    """Multiply two square matrices."""
    a, b = filled(0, 1024, 1024), filled(1, 1024, 1024)
    return lambda: a @ b


def matmul_flat() -> Operation:
    """Multiply a flat matrix with a square one, as a layer does with a small batch."""
    a, b = filled(0, 64, 1024), filled(1, 1024, 1024)
    return lambda: a @ b


def matmul_batched() -> Operation:
    """Multiply sixteen pairs of matrices."""
    a, b = filled(0, 16, 256, 256), filled(1, 16, 256, 256)
    return lambda: a @ b


def matmul_small() -> Operation:
    """Multiply many pairs of small matrices."""
    a, b = filled(0, 4096, 8, 8), filled(1, 4096, 8, 8)
    return lambda: a @ b


def dot() -> Operation:
    """Multiply two vectors."""
    x, y = filled(0, 65536), filled(1, 65536)
    return lambda: x @ y


def softmax() -> Operation:
    """Take the softmax of each row."""
    x = filled(0, 4096, 1024)
    return lambda: torch.softmax(x, 1)


def layer_norm() -> Operation:
    """Normalise each row, then scale and shift it."""
    x, gain, shift = filled(0, 4096, 1024), filled(1, 1024), filled(2, 1024)
    return lambda: functional.layer_norm(x, (1024,), gain, shift, 1e-5)


def conv2d() -> Operation:
    """Convolve eight images of 64 channels with 64 kernels of 3 x 3, padded by 1."""
    x, kernel = filled(0, 8, 64, 56, 56), filled(1, 64, 64, 3, 3)
    return lambda: functional.conv2d(x, kernel, padding=1)


def conv2d_half() -> Operation:
    """Convolve them at every other place."""
    x, kernel = filled(0, 8, 64, 56, 56), filled(1, 64, 64, 3, 3)
    return lambda: functional.conv2d(x, kernel, stride=2, padding=1)


def chain() -> Operation:
    """Compute max(x*y + z, 0) * (x - z) on arrays that fit no cache."""
    x, y, z = filled(0, 16_000_000), filled(1, 16_000_000), filled(2, 16_000_000)
    return lambda: torch.relu(x * y + z) * (x - z)


def chain_small() -> Operation:
    """Compute the same on arrays that fit the second-level cache."""
    x, y, z = filled(0, 40_000), filled(1, 40_000), filled(2, 40_000)
    return lambda: torch.relu(x * y + z) * (x - z)


def attention() -> Operation:
    """Attend causally: eight heads, 256 queries and keys, 64 wide."""
    q, k, v = (filled(index, 8, 256, 64) for index in range(3))
    return lambda: functional.scaled_dot_product_attention(q, k, v, is_causal=True)


def mlp_layer() -> Operation:
    """Multiply, add a bias, apply gelu."""
    x, w, bias = filled(0, 64, 1024), filled(1, 1024, 1024), filled(2, 1024)
    return lambda: functional.gelu(functional.linear(x, w.T, bias), approximate="tanh")


def attention_block() -> Operation:
    """Norm, projections, eight causal heads, and the sum with what came in."""
    x, gain, shift = filled(0, 256, 512), filled(1, 512), filled(2, 512)
    w = filled(3, 4, 512, 512) * 0.1

    def heads(rows: Tensor) -> Tensor:
        return rows.reshape(256, 8, 64).transpose(0, 1)

    def block() -> Tensor:
        normed = functional.layer_norm(x, (512,), gain, shift, 1e-5)
        query, key, value = (heads(normed @ w[number]) for number in range(3))
        seen = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        return seen.transpose(0, 1).reshape(256, 512) @ w[3] + x

    return block


def mlp_step() -> Operation:
    """Train a net 784-256-10 with a batch of 64 by a step of AdamW; returns the loss."""
    x, labels = filled(0, 64, 784), torch.arange(64) * 7 % 10
    parameters = [
        (filled(1, 784, 256) * 0.1).requires_grad_(),
        torch.zeros(256, requires_grad=True),
        (filled(2, 256, 10) * 0.1).requires_grad_(),
        torch.zeros(10, requires_grad=True),
    ]
    optimiser = torch.optim.AdamW(parameters, lr=1e-3, weight_decay=1e-2)

    def step() -> Tensor:
        w1, b1, w2, b2 = parameters
        optimiser.zero_grad()
        loss = functional.cross_entropy(torch.relu(x @ w1 + b1) @ w2 + b2, labels)
        loss.backward()
        optimiser.step()
        return loss.detach()

    return step


OPERATIONS: dict[str, Callable[[], Operation]] = {
    maker.__name__: maker
    for maker in (
        matmul_square,
        matmul_flat,
        matmul_batched,
        matmul_small,
        dot,
        softmax,
        layer_norm,
        conv2d,
        conv2d_half,
        chain,
        chain_small,
        attention,
        mlp_layer,
        attention_block,
        mlp_step,
    )
}


def main() -> None:
    """Warm up, time each round, print."""
    name, rounds = sys.argv[1], int(sys.argv[2])
    torch.set_num_threads(int(sys.argv[3]))
    operation = OPERATIONS[name]()
    if "compiled" in sys.argv[4:]:
        operation = torch.compile(operation)
    result = operation()
    with torch.set_grad_enabled(name == "mlp_step"):
        for _ in range(rounds):
            start = time.perf_counter_ns()
            result = operation()
            print(f"ns={time.perf_counter_ns() - start}")
    flat = result.double().flatten()
    weight = torch.arange(flat.numel(), dtype=torch.int64) % 7 + 1
    print(f"checksum={float((flat * weight).sum()):.9g}")
    print(f"squares={float((flat * flat * weight).sum()):.9g}")
    print(f"scale={float((flat.abs() * weight).sum()):.9g}")


if __name__ == "__main__":
    main()
