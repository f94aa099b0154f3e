"""The tensor examples compute what numpy does, in f64, and what PyTorch does where it is installed.

Both get the same random numbers: splitmix64 by counter, as reference.md 23 says.
"""

import importlib.util
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from mlrift.targets import LINUX_X86_64
from tests.examples.oracles import EXAMPLES
from tests.harness.compiler import compile_program
from tests.harness.run_files import run_everywhere
from tests.support.engines import default_engine

Array = npt.NDArray[np.float64]
TENSOR = EXAMPLES / "tensor"
_TOLERANCE = 1e-5
_COMPARED_STEPS = 150
_TEXT_TOLERANCE = 1e-6  # what is printed is cut off after six digits
_NUMBER = re.compile(r"-?\d+\.\d+")
_MASK = (1 << 64) - 1


def uniform(seed: int, *shape: int) -> Array:
    """Return what `tensor f32[shape] x = uniform(seed)` has."""
    made = [(_draw(seed, place) >> 40) / 2.0**24 for place in range(int(np.prod(shape)))]
    return np.array(made).reshape(shape)


def _draw(seed: int, counter: int) -> int:
    word = (seed + counter * 0x9E3779B97F4A7C15) & _MASK
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
    word = (word ^ (word >> 27)) * 0x94D049BB133111EB & _MASK
    return word ^ (word >> 31)


def _softmax(x: Array) -> Array:
    grown = np.exp(x - x.max(-1, keepdims=True))
    return np.asarray(grown / grown.sum(-1, keepdims=True))


def attention_by_numpy() -> Array:
    """Return the block of attention.mlr."""
    tokens, width, heads = 12, 32, 4
    x = uniform(1, tokens, width)
    weights = [(uniform(seed, width, width) - 0.5) * 0.5 for seed in (2, 3, 4, 5)]
    normal = x / np.sqrt((x * x).mean(1, keepdims=True) + 1e-6)
    q, k, v = (
        (normal @ w).reshape(tokens, heads, width // heads).transpose(1, 0, 2) for w in weights[:3]
    )
    score = q @ k.transpose(0, 2, 1) / np.sqrt(width / heads)
    score = np.where(np.triu(np.ones((tokens, tokens)), 1) > 0, -1e30, score)
    joined = (_softmax(score) @ v).transpose(1, 0, 2).reshape(tokens, width)
    return np.asarray(x + joined @ weights[3])


class Net:
    """The net of mlp.mlr: its data, its parameters, its loss and gradients."""

    def __init__(self) -> None:
        self.x = uniform(1, 512, 2) * 2 - 1
        radius = (self.x * self.x).sum(1)
        self.inside = ((radius > 0.2) & (radius < 0.8)).astype(np.int64)
        self.wanted = np.eye(2)[self.inside]
        self.parameters = [
            uniform(2, 2, 32) * 2 - 1,
            uniform(3, 32) * 2 - 1,
            (uniform(4, 32, 2) * 2 - 1) * 0.25,
            np.zeros(2),
        ]

    def loss_and_gradients(self) -> tuple[float, list[Array]]:
        """Return the loss and what its derivatives are."""
        w1, b1, w2, b2 = self.parameters
        z = self.x @ w1 + b1
        a = np.maximum(z, 0)
        p = _softmax(a @ w2 + b2)
        loss = -float((self.wanted * np.log(p)).sum()) / len(self.x)
        d = (p - self.wanted) / len(self.x)
        dz = np.where(z > 0, d @ w2.T, 0)
        return loss, [self.x.T @ dz, dz.sum(0), a.T @ d, d.sum(0)]

    def losses(self, steps: int) -> list[float]:
        """Train with AdamW; return the losses before each step."""
        means = [np.zeros_like(row) for row in self.parameters]
        squares = [np.zeros_like(row) for row in self.parameters]
        losses: list[float] = []
        for step in range(1, steps + 1):
            loss, gradients = self.loss_and_gradients()
            losses.append(loss)
            for index, gradient in enumerate(gradients):
                means[index] = 0.9 * means[index] + 0.1 * gradient
                squares[index] = 0.999 * squares[index] + 0.001 * gradient * gradient
                mean = means[index] / (1 - 0.9**step)
                square = squares[index] / (1 - 0.999**step)
                kept = self.parameters[index] * (1 - 0.01 * 0.0001)
                self.parameters[index] = kept - 0.01 * mean / (np.sqrt(square) + 1e-8)
        return losses


def printed_by(name: str, tmp_path: Path) -> str:
    """Return what an example prints."""
    compiled = compile_program(TENSOR / f"{name}.mlr", [], (LINUX_X86_64,))
    image = compiled.images[LINUX_X86_64.name]
    return default_engine(LINUX_X86_64).run(image, [], working_folder=tmp_path).stdout.decode()


def _block_of(printed: str) -> Array:
    rows = printed[: printed.index("mean")]
    return np.array([float(row) for row in _NUMBER.findall(rows)]).reshape(12, 32)


def _losses_of(printed: str) -> dict[int, float]:
    lines = [line.split() for line in printed.splitlines() if line.startswith("step")]
    return {int(words[1]): float(words[3]) for words in lines}


def _compare_losses(printed: str, losses: list[float]) -> None:
    """Compare the steps in which rounding has not grown beyond the tolerance."""
    found = _losses_of(printed)
    for step in (1, 50, 100, _COMPARED_STEPS):
        assert found[step] == pytest.approx(losses[step - 1], abs=_TOLERANCE)


def test_attention_is_numpys(tmp_path: Path) -> None:
    found = _block_of(printed_by("attention", tmp_path))
    np.testing.assert_allclose(found, attention_by_numpy(), atol=_TOLERANCE + _TEXT_TOLERANCE)


def test_mlp_learns_as_in_numpy(tmp_path: Path) -> None:
    printed = printed_by("mlp", tmp_path)
    _compare_losses(printed, Net().losses(_COMPARED_STEPS))
    assert re.search(r"right 4[89]\d of 512", printed)


@pytest.mark.parametrize("name", ["attention", "mlp"])
def test_examples_agree_on_every_engine(name: str) -> None:
    run_everywhere(TENSOR / f"{name}.mlr")


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="beside PyTorch only")
def test_examples_are_pytorchs(tmp_path: Path) -> None:
    import torch  # noqa: PLC0415 - installed for the benchmarks only
    from torch.nn import functional  # noqa: PLC0415

    net = Net()
    x = torch.tensor(net.x, dtype=torch.float32)
    parameters = [
        torch.tensor(row, dtype=torch.float32, requires_grad=True) for row in net.parameters
    ]
    optimiser = torch.optim.AdamW(parameters, lr=0.01, weight_decay=0.0001)
    losses = []
    for _ in range(_COMPARED_STEPS):
        w1, b1, w2, b2 = parameters
        optimiser.zero_grad()
        answer = torch.relu(x @ w1 + b1) @ w2 + b2
        loss = functional.cross_entropy(answer, torch.tensor(net.inside))
        losses.append(float(loss.detach()))
        loss.backward()
        optimiser.step()
    _compare_losses(printed_by("mlp", tmp_path), losses)
