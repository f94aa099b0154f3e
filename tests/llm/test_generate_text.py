"""generate.mlr with text: where prompts come from, stop texts, control tokens, whole characters."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.llm.architectures import BY_NAME
from tests.llm.generate_program import host_program
from tests.llm.model_files import tokenizer_of, write_gguf_model

MADE = BY_NAME["tiny-qwen3"]
PROMPT = "the quick brown"
USAGE = 2


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "model.gguf"
    write_gguf_model(path, MADE)
    return path


def generate(
    model: Path, *flags: str, given: bytes = b"", count: int = 24
) -> subprocess.CompletedProcess[bytes]:
    """Write some tokens of text."""
    words = [str(host_program("generate")), str(model), "-n", str(count), "--json", *flags]
    return subprocess.run(words, input=given, capture_output=True, timeout=60, check=False)


def text_of(model: Path, *flags: str, given: bytes = b"") -> str:
    """Return what is written, which has to be whole characters and a newline."""
    done = generate(model, *flags, given=given)
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode()
    assert text.endswith("\n")
    return text[:-1]


def test_prompts_come_from_everywhere(model: Path, tmp_path: Path) -> None:
    file = tmp_path / "prompt.txt"
    file.write_text(PROMPT)
    right = text_of(model, "--prompt", PROMPT)
    assert len(right) > 20
    assert text_of(model, "-f", str(file)) == right
    assert text_of(model, "-p", "-", given=PROMPT.encode()) == right
    assert text_of(model, "-f", "-", given=PROMPT.encode()) == right
    for flags in ((), ("-p", PROMPT, "-f", str(file)), ("-f", str(tmp_path / "no"))):
        done = generate(model, *flags)
        assert (done.returncode, done.stdout) == (USAGE, b""), (flags, done)


def test_a_stop_text_ends_the_text_before_it(model: Path) -> None:
    whole = text_of(model, "-p", PROMPT)
    for first, size in ((1, 1), (4, 3), (10, 9)):
        stop = whole[first : first + size]
        assert text_of(model, "-p", PROMPT, "--stop", stop) == whole[: whole.index(stop)]
        assert text_of(model, "-p", PROMPT, "--stop", "§", "--stop", stop) in whole
    assert text_of(model, "-p", PROMPT, "--stop", whole[-3:] + "§") == whole
    done = generate(model, "-p", PROMPT, "--stop", whole[4:7])
    assert json.loads(done.stderr.splitlines()[-1])["end"] == "stop"


def test_control_tokens_of_a_prompt_are_text_unless_asked_for(model: Path) -> None:
    tokens = [row["content"] for row in tokenizer_of(MADE).json["added_tokens"]]
    counts = []
    for flags in ((), ("--special",)):
        done = generate(model, "-p", f"a{tokens[-1]}", *flags, count=1)
        counts.append(json.loads(done.stderr.splitlines()[-1])["prompt_tokens"])
    assert counts[0] > counts[1] == 3  # BOS, a, the token
