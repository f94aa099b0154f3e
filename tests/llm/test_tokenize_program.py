"""examples/llm/tokenize.mlr: what it prints, and its exit statuses."""

import json
from pathlib import Path

import pytest

from tests.examples.programs import run_example
from tests.llm.tokenizer_variants import tokenizer
from tests.support.results import RunResult


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tokenize")
    for variant in ("qwen2", "gemma"):
        document = json.dumps(tokenizer(variant))
        (made / f"{variant}.json").write_text(document, encoding="utf-8")
    return made


def run(folder: Path, *words: str, stdin: bytes = b"") -> RunResult:
    """Run the program in a folder with two tokenizers."""
    return run_example("llm/tokenize", words, folder, stdin)


def test_table_of_tokens(folder: Path) -> None:
    done = run(folder, "qwen2.json", "-p", "fox's  <|im_end|>", "--special")
    assert (done.status, done.stderr) == (0, b"")
    lines = done.stdout.decode().splitlines()
    assert lines[0] == "tokenizer: byte-level, pre-tokeniser qwen2, NFC, 1207 tokens"
    assert lines[1] == 'splits: "fox" "\'s" "  " "<|im_end|>"'
    assert lines[-2].endswith('"<|im_end|>"  control')
    assert lines[-1].endswith(" ids, 17 bytes")


def test_json_is_the_same(folder: Path) -> None:
    words = ("-f", "-", "--json")
    done = run(folder, "qwen2.json", *words, stdin="é 漢字\n".encode())
    said = json.loads(done.stdout)
    assert said["splits"] == ["é", " 漢字", "\n"]
    ids = run(folder, "--model", "qwen2.json", "-f", "-", "--ids", stdin="é 漢字\n".encode())
    assert list(map(int, ids.stdout.split())) == said["ids"]


def test_decode(folder: Path) -> None:
    ids = run(folder, "gemma.json", "-p", "two words ☃", "--ids").stdout.decode()
    assert run(folder, "gemma.json", "--decode", ids).stdout.decode() == "two words ☃\n"
    assert run(folder, "gemma.json", "--decode", ids.replace(" ", ",")).status == 0


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("qwen2.json",), 2, b"give a text by -p TEXT"),
        ((), 2, b"one model is needed"),
        (("qwen2.json", "-p", "x", "--frobnicate"), 2, b"unknown flag --frobnicate"),
        (("qwen2.json", "-p", "x", "--compat", "other"), 2, b"--compat other is not known"),
        (("qwen2.json", "--decode", "1,x"), 2, b"is no list of ids"),
        (("qwen2.json", "--decode", "123456"), 2, b"there is no token with the id 123456"),
        (("absent.json", "-p", "x"), 3, b"absent.json: no such file or folder"),
        (("qwen2.json", "-p", "x", "--pre", "other"), 3, b"unknown pre-tokeniser `other`"),
        (("qwen2.json", "-f", "absent.txt"), 1, b"absent.txt: no such file or folder"),
    ],
)
def test_mistakes(folder: Path, words: tuple[str, ...], status: int, message: bytes) -> None:
    done = run(folder, *words)
    assert done.status == status
    assert message in done.stderr
    assert done.stdout == b""
