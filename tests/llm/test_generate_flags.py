"""What generate.mlr says beside its text: log probabilities, unused tensors, interruptions."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.llm.architectures import BY_NAME
from tests.llm.generate_program import ask, golden, host_program
from tests.llm.gguf_file import GgufTensor, write_gguf
from tests.llm.model_files import gguf_keys, gguf_tensors

MADE = BY_NAME["tiny-qwen3"]
INTERRUPTED = 130
MOST = 3


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("flags") / "model.gguf"
    extra = GgufTensor("blk.0.extra.weight", (4,), 0, bytes(16))
    write_gguf(path, gguf_keys(MADE), [*gguf_tensors(MADE, "F32"), extra])
    return path


def prompt() -> list[int]:
    """Return some tokens."""
    ids: list[int] = golden(MADE.name)["prompt"]
    return ids[:20]


def test_log_probabilities_are_those_of_the_scores(model: Path) -> None:
    flags = ("--logprobs", str(MOST), "--json", "--repeat-penalty", "1.3")
    answer = ask(model, prompt(), 4, *flags)
    records = [json.loads(line) for line in answer.messages.splitlines()]
    assert [row["kind"] for row in records] == ["token"] * 4 + ["run"]
    assert [row["id"] for row in records[:4]] == answer.ids
    for row, scores in zip(records, answer.scores, strict=False):
        right = scores.astype(np.float64)
        right -= right.max()
        right -= np.log(np.exp(right).sum())
        best = np.argsort(-right, kind="stable")[:MOST]
        assert [top["id"] for top in row["top"]] == best.tolist()
        found = [row["logprob"], *(top["logprob"] for top in row["top"])]
        np.testing.assert_allclose(found, right[[row["id"], *best]], atol=1e-5)


def test_log_probabilities_have_the_words_texts(model: Path) -> None:
    words = [str(host_program("generate")), str(model), "--prompt", "the", "-n", "2"]
    done = subprocess.run([*words, "--logprobs", "2"], capture_output=True, check=False, timeout=60)
    lines = done.stderr.decode().splitlines()
    assert [line.split(' "')[0] for line in lines[:2]] == ["0", "1"]
    assert all(line.count('"') == 6 and " of " in line for line in lines[:2]), lines


def test_tensors_without_a_use_are_named(model: Path) -> None:
    answer = ask(model, prompt(), 1, "-v")
    assert "1 tensors of the file are not used:\n  blk.0.extra.weight\n" in answer.messages
    assert "not used" not in ask(model, prompt(), 1).messages


def test_the_profile_has_norms_on_their_own(model: Path) -> None:
    answer = ask(model, prompt(), 4, "--profile")
    lines = answer.messages.splitlines()
    head = next(i for i, line in enumerate(lines) if line.startswith("layer"))
    assert lines[head].split()[2:5] == ["total", "norm", "qkv"]
    # `% bw` are two words
    assert all(
        len(lines[head].split()) == len(row.split()) + 1 for row in lines[head + 1 : head + 4]
    )


@pytest.fixture
def running(model: Path) -> Iterator[subprocess.Popen[str]]:
    words = [str(host_program("generate")), str(model), "--ids", "1,2,3", "-n", "2000"]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdout=pipe, stderr=pipe, text=True, bufsize=1) as process:
        yield process
        process.kill()


def test_an_interruption_ends_the_text_with_statistics(running: subprocess.Popen[str]) -> None:
    assert running.stdout is not None
    first = running.stdout.read(1)
    running.send_signal(signal.SIGINT)
    text, messages = running.communicate(timeout=60)
    assert running.returncode == INTERRUPTED
    assert (first + text).endswith("\n") and len(text.split()) < 2000
    assert "ended by: interrupted" in messages
