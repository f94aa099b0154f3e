"""examples/llm/generate.mlr, compiled once, and what it says of a model.

Enters: a model's path, token ids, flags. Leaves: an `Answer` with the ids that were written and the
scores of each step, or a `Refusal` with the exit status and the message.
"""

import functools
import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mlrift.targets import LINUX_X86_64, Target
from tests.harness.compiler import run_mlrc
from tests.objects.toolchains import flags_of
from tests.support.engines import engine_named

EXAMPLES = Path(__file__).parents[2] / "examples/llm"
GOLDEN = Path(__file__).parent / "golden"
_SECONDS = 300
_FOLDER = tempfile.TemporaryDirectory(prefix="generate")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a run wrote: ids, and a row of scores for each."""

    ids: list[int]
    scores: npt.NDArray[np.float32]
    messages: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a run that failed ended."""

    status: int
    message: str


@functools.cache
def program(name: str, target: Target = LINUX_X86_64, *flags: str) -> Path:
    """Compile a program of examples/llm for a target."""
    made = Path(_FOLDER.name) / "-".join([name, target.name, *flags])
    words = [*flags_of(target), *flags, str(EXAMPLES / f"{name}.mlr"), "-o", str(made)]
    status, _, messages = run_mlrc(words)
    assert status == 0, messages
    return made


def host_program(name: str, *flags: str) -> Path:
    """Compile a program for this machine; skip the test where it cannot run."""
    missing = engine_named("linux-x64").missing()
    if missing is not None:
        pytest.skip(missing)
    return program(name, LINUX_X86_64, *flags)


def ask(model: Path, ids: list[int], count: int, *flags: str) -> Answer:
    """Generate behind ids; the run has to succeed."""
    answer = run([str(host_program("generate"))], model, ids, count, *flags)
    assert isinstance(answer, Answer), answer
    return answer


def run(
    command: list[str], model: Path, ids: list[int] | None, count: int, *flags: str
) -> Answer | Refusal:
    """Generate behind ids, or behind what flags say, with a command that runs the program."""
    with tempfile.TemporaryDirectory() as folder:
        scores = Path(folder) / "scores.npy"
        given = [] if ids is None else ["--ids", ",".join(map(str, ids))]
        words = [*command, str(model), *given, "-n", str(count), "--logits", str(scores), *flags]
        done = subprocess.run(words, capture_output=True, text=True, timeout=_SECONDS, check=False)
        if done.returncode != 0:
            return Refusal(done.returncode, done.stderr)
        return Answer([int(word) for word in done.stdout.split()], np.load(scores), done.stderr)


@functools.cache
def golden(name: str) -> dict[str, Any]:
    """Return what transformers says of a tiny model."""
    answer: dict[str, Any] = json.loads((GOLDEN / f"{name}.json").read_text())
    return answer
