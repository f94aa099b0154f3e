"""Every architecture against what transformers says: greedy tokens and scores, from both formats.

The models are made here; the answers are in `golden/` (see make_golden.py). The weights are f32, so
is the cache: what is left is the order of sums.
"""

import base64
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tests.llm.architectures import ALL, BY_NAME, Architecture
from tests.llm.generate_program import ask, golden
from tests.llm.make_golden import GREEDY_AFTER, GREEDY_COUNT, POSITIONS
from tests.llm.model_files import write_folder, write_gguf_model

EXACT = ("--kv-type", "f32")
TOLERANCE = 1e-3
NAMES = [made.name for made in ALL]
# a model with every kind of layer
MIXED = ("tiny-gemma3", "tiny-qwen35")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


def folder_of(models: Path, made: Architecture) -> Path:
    """Return a model as transformers has it."""
    path = models / made.name
    if not path.exists():
        write_folder(path, made, "F32")
    return path


def gguf_of(models: Path, made: Architecture, kind: str = "F32") -> Path:
    """Return a model as a GGUF file."""
    path = models / f"{made.name}-{kind}.gguf"
    if not path.exists():
        write_gguf_model(path, made, kind)
    return path


def scores_of(name: str, position: int) -> npt.NDArray[np.float32]:
    """Return the scores that transformers has after so many tokens of the prompt."""
    text: str = golden(name)["logits"][str(position)]
    return np.frombuffer(base64.b64decode(text), "<f4")


def departure(scores: npt.NDArray[np.float32], right: npt.NDArray[np.float32]) -> float:
    """Return the largest difference, relative to the largest score."""
    return float(np.abs(scores - right).max() / np.abs(right).max())


def check(model: Path, name: str, *flags: str) -> None:
    """Compare 64 greedy tokens, and scores at three positions."""
    prompt: list[int] = golden(name)["prompt"]
    for position in POSITIONS:
        count = GREEDY_COUNT if position == GREEDY_AFTER else 1
        answer = ask(model, prompt[:position], count, *EXACT, *flags)
        right = scores_of(name, position)
        assert departure(answer.scores[0], right) < TOLERANCE, (name, position)
        if position == GREEDY_AFTER:
            assert answer.ids == golden(name)["greedy"]


@pytest.mark.parametrize("name", NAMES)
def test_gguf_files_say_what_transformers_says(models: Path, name: str) -> None:
    check(gguf_of(models, BY_NAME[name]), name)


@pytest.mark.parametrize("name", NAMES)
def test_folders_say_what_transformers_says(models: Path, name: str) -> None:
    check(folder_of(models, BY_NAME[name]), name)


@pytest.mark.parametrize("name", MIXED)
@pytest.mark.parametrize("kind", ["F32", "BF16"])
def test_threads_and_blocks_change_no_bit(models: Path, name: str, kind: str) -> None:
    model = gguf_of(models, BY_NAME[name], kind)
    prompt = golden(name)["prompt"][:150]
    plain = ask(model, prompt, 4, "--threads", "1")
    for flags in (("--threads", "2"), ("--threads", "3", "--block", "7"), ("--block", "64")):
        other = ask(model, prompt, 4, *flags)
        assert other.ids == plain.ids
        assert other.scores.tobytes() == plain.scores.tobytes(), flags


@pytest.mark.parametrize("name", MIXED)
def test_the_simplest_code_changes_no_bit(models: Path, name: str) -> None:
    model = gguf_of(models, BY_NAME[name])
    prompt = golden(name)["prompt"][:40]
    plain = ask(model, prompt, 2)
    safe = ask(model, prompt, 2, "--safe")
    assert (safe.ids, safe.scores.tobytes()) == (plain.ids, plain.scores.tobytes())


def test_caches_of_fewer_bits_are_near(models: Path) -> None:
    model = gguf_of(models, BY_NAME["tiny-qwen3"])
    prompt = golden("tiny-qwen3")["prompt"][:50]
    exact = ask(model, prompt, 1, *EXACT).scores[0]
    for kind, most in (("f16", 2e-3), ("bf16", 2e-2), ("q8_0", 4e-2)):
        assert departure(ask(model, prompt, 1, "--kv-type", kind).scores[0], exact) < most, kind


def test_a_seed_gives_one_text_whatever_the_blocks(models: Path) -> None:
    model = gguf_of(models, BY_NAME["tiny-qwen2"])
    prompt = golden("tiny-qwen2")["prompt"][:20]
    flags = ("--temp", "0.9", "--top-k", "40", "--top-p", "0.95", "--repeat-penalty", "1.1")
    first = ask(model, prompt, 24, *flags, "--seed", "7")
    assert ask(model, prompt, 24, *flags, "--seed", "7", "--block", "3").ids == first.ids
    assert ask(model, prompt, 24, *flags, "--seed", "8").ids != first.ids
