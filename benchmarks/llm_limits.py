"""What the machine can do at most, and how long a model's work takes at least by that.

Memory is read, and instructions for products are executed, by a program in C that does nothing
else. Every operation counts at the peak of the instruction that it uses: products of weights at
that of their type, the products of attention at that of f32.
"""

import subprocess
import tempfile
from pathlib import Path

from benchmarks.llm_models import ModelShape
from benchmarks.llm_sides import FOLDER, THREADS

_ROUNDS = 4
_INSTRUCTION = {"bf16": "bf16", "f16": "f32"}
_OTHERS = "int8"
_ATTENTION = "f32"

Limits = dict[str, float]


def measured_limits(count: int = _ROUNDS) -> Limits:
    """Return GB/s of memory and GOP/s of the instructions, by name: the best of some rounds."""
    with tempfile.TemporaryDirectory() as name:
        made = Path(name) / "limits"
        words = ("gcc", "-O2", "-march=native", "-pthread", str(FOLDER / "limits.c"), "-o")
        subprocess.run((*words, str(made)), check=True)
        run = (str(made), str(THREADS), "0.7")
        rounds = [subprocess.run(run, check=True, capture_output=True) for _ in range(count)]
    best: Limits = {}
    for line in (row for done in rounds for row in done.stdout.decode().splitlines()):
        name, value = line.split()
        best[name] = max(best.get(name, 0.0), float(value))
    return best


def instruction_of(kind: str) -> str:
    """Return which instruction multiplies weights of a type."""
    return _INSTRUCTION.get(kind, _OTHERS)


def product_seconds(shape: ModelShape, kind: str, tokens: int, limits: Limits) -> float:
    """Return how long all operations of a prompt take at the peak of the weights' instruction.

    Those are two for every weight and token, the output head's, which has one token, left out.
    """
    weights = shape.parameters - shape.vocabulary * shape.hidden
    return 2e-9 * weights * tokens / limits[instruction_of(kind)]


def attention_seconds(shape: ModelShape, tokens: int, limits: Limits) -> float:
    """Return how long attention takes: every token meets itself and those before it, twice."""
    pairs = tokens * (tokens + 1) // 2
    numbers = shape.layers * shape.heads * shape.head_size
    return 4e-9 * pairs * numbers / limits[_ATTENTION]
