"""std/tokens.mlr against Hugging Face's `tokenizers` and `sentencepiece`, by their stored answers.

Files that are mutated are refused with a message or read; what was read encodes without a crash.
"""

import importlib
import json
import random
import shutil
import struct
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from mlrift.targets import LINUX_X86_64
from tests.extern.programs import compile_for
from tests.harness.run_files import IS_THOROUGH
from tests.llm.gguf_file import Signed, Value, write_gguf
from tests.llm.tokenizer_ids import DIGITS, MODES, checksum
from tests.llm.tokenizer_strings import raw_bytes, strings
from tests.llm.tokenizer_variants import BYTE_VARIANTS, GOLDEN, VARIANTS, tokenizer
from tests.support.engines import engine_named

Rows = list[list[int]]
PARTS = Path(__file__).parent / "parts"
MUTANTS = 10000 if IS_THOROUGH else 500
_NORMAL, _UNKNOWN, _CONTROL, _USER_DEFINED, _BYTE = 1, 2, 3, 4, 6


@dataclass(frozen=True, slots=True)
class Program:
    """The compiled program and the folder that it works in."""

    file: Path
    folder: Path

    def rows(self, command: str, tokenizer_file: Path, texts: list[bytes], mode: str) -> Rows:
        """Give what a command makes of texts: lists of numbers."""
        source = self.folder / "in.bin"
        source.write_bytes(written(texts))
        out = self.folder / "out.bin"
        words: list[str | Path] = [self.file, command, tokenizer_file, source, out, mode]
        done = subprocess.run(words, capture_output=True, timeout=120, check=False)
        assert done.returncode == 0, (done.stdout, done.stderr)
        numbers = struct.unpack(f"<{out.stat().st_size // 4}I", out.read_bytes())
        rows = []
        place = 0
        while place < len(numbers):
            rows.append(list(numbers[place + 1 : place + 1 + numbers[place]]))
            place += 1 + numbers[place]
        return rows

    def about(self, place: Path) -> dict[str, str]:
        """Give what a tokenizer says of itself."""
        lines = self._said(place, 0).splitlines()
        return dict(line.split(" ", 1) for line in lines if " " in line)

    def refusal(self, place: Path) -> str:
        """Give why a file is refused."""
        return self._said(place, 3)

    def _said(self, place: Path, status: int) -> str:
        empty = self.folder / "empty"
        empty.write_bytes(b"")
        words: list[str | Path] = [self.file, "about", place, empty, empty]
        done = subprocess.run(words, capture_output=True, timeout=120, check=False, text=True)
        assert done.returncode == status, (done.stdout, done.stderr)
        return done.stdout

    def saved(self, name: str, document: dict[str, Any]) -> Path:
        """Give the file of a tokenizer."""
        file = self.folder / f"{name}.json"
        file.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
        return file


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    missing = engine_named("linux-x64").missing()
    if missing is not None:
        pytest.skip(missing)
    text = (PARTS / "tokens.mlr").read_text(encoding="utf-8")
    folder = tmp_path_factory.mktemp("tokens")
    return compile_for(folder, text, LINUX_X86_64, "--debug=guard-pages")


@pytest.fixture
def program(compiled: Path, tmp_path: Path) -> Program:
    return Program(compiled, tmp_path)


@cache
def golden() -> dict[str, dict[str, Any]]:
    """Give what the peers said of each variant."""
    loaded: dict[str, dict[str, Any]] = json.loads((GOLDEN / "tokenizer_ids.json").read_text())
    return loaded


@cache
def encoded() -> list[bytes]:
    """Give the texts as bytes."""
    return [text.encode() for text in strings()]


def written(texts: list[bytes]) -> bytes:
    """Give texts as the program reads them."""
    return b"".join(struct.pack("<I", len(text)) + text for text in texts)


def check(rows: Rows, answers: dict[str, Any], mode: str) -> None:
    """Compare ids with those of a peer."""
    sums = answers[mode]
    wrong = [
        i for i, row in enumerate(rows) if checksum(row) != sums[DIGITS * i : DIGITS * (i + 1)]
    ]
    assert not wrong, [strings()[i] for i in wrong[:5]]
    for i, row in answers.get(mode + "-shown", {}).items():
        assert rows[int(i)] == row, strings()[int(i)]


@pytest.mark.parametrize("variant", VARIANTS)
def test_ids_are_those_of_tokenizers(program: Program, variant: str) -> None:
    file = program.saved(variant, tokenizer(variant))
    for mode in MODES:
        check(program.rows("ids", file, encoded(), mode), golden()[variant], mode)


def test_ids_are_those_of_sentencepiece(program: Program) -> None:
    rows = program.rows("ids", GOLDEN / "tokenizer_spm.model", encoded(), "text")
    check(rows, golden()["sentencepiece"], "text")


def gguf_keys(variant: str) -> dict[str, Value | Signed]:
    """Give a byte-level variant as keys of a GGUF file."""
    made = tokenizer(variant)
    names = {number: text for text, number in made["model"]["vocab"].items()}
    kinds = dict.fromkeys(names, _NORMAL)
    for row in made["added_tokens"]:
        names[row["id"]] = row["content"]
        kinds[row["id"]] = _CONTROL if row["special"] else _USER_DEFINED
    merges = [" ".join(pair) for pair in made["model"]["merges"]]
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": variant,
        "tokenizer.ggml.tokens": [names[i] for i in range(len(names))],
        "tokenizer.ggml.token_type": Signed([kinds[i] for i in range(len(names))]),
        "tokenizer.ggml.merges": merges,
    }


def _without_flags(document: dict[str, Any]) -> dict[str, Any]:
    """Give a tokenizer without what GGUF files cannot say of special tokens."""
    flags = dict.fromkeys(("lstrip", "rstrip", "single_word", "normalized"), False)
    added = [row | flags for row in document["added_tokens"]]
    return document | {"added_tokens": added}


@pytest.mark.parametrize("variant", ["qwen2", "llama-bpe", "gpt-2"])
def test_gguf_and_json_give_equal_ids(program: Program, variant: str) -> None:
    file = program.saved("plain", _without_flags(tokenizer(variant)))
    keys = program.folder / "keys.gguf"
    write_gguf(keys, gguf_keys(variant), [])
    for mode in MODES:
        expected = program.rows("ids", file, encoded(), mode)
        assert program.rows("ids", keys, encoded(), mode) == expected


def spm_pieces(data: bytes) -> list[tuple[str, float, int]]:
    """Give the texts, scores and kinds of a SentencePiece model."""
    pieces = []
    while data[0] == 0x0A:
        # Its length, then the text (field 1), the score (2) and, unless normal, the kind (3).
        size, text_size = data[1], data[3]
        text = data[4 : 4 + text_size].decode()
        (score,) = struct.unpack_from("<f", data, 5 + text_size)
        kind = data[10 + text_size] if size > text_size + 7 else _NORMAL
        pieces.append((text, score, kind))
        data = data[2 + size :]
    return pieces


def spm_keys(pieces: list[tuple[str, float, int]]) -> dict[str, Value | Signed]:
    """Give them as keys of a GGUF file."""
    return {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": [text for text, _, _ in pieces],
        "tokenizer.ggml.scores": [score for _, score, _ in pieces],
        "tokenizer.ggml.token_type": Signed([kind for _, _, kind in pieces]),
    }


def test_gguf_of_scores_gives_the_same(program: Program) -> None:
    keys = program.folder / "keys.gguf"
    pieces = spm_pieces((GOLDEN / "tokenizer_spm.model").read_bytes())
    write_gguf(keys, spm_keys(pieces), [])
    check(program.rows("ids", keys, encoded(), "text"), golden()["sentencepiece"], "text")


def test_a_missing_name_is_that_of_llama_3(program: Program) -> None:
    """Its control tokens tell; files with other ones are refused."""
    keys = gguf_keys("llama-bpe")
    tokens = keys["tokenizer.ggml.tokens"]
    assert isinstance(tokens, list)
    kinds = [_NORMAL] * 1200 + [_CONTROL] * (128_010 - 1200)
    names = [str(text) for text in tokens[:1200]] + [f"<|{i}|>" for i in range(1200, 128_010)]
    del keys["tokenizer.ggml.pre"]
    file = program.folder / "keys.gguf"
    write_gguf(file, keys, [])
    assert "tokenizer.ggml.pre is missing" in program.refusal(file)
    names[128_000], names[128_001] = "<|begin_of_text|>", "<|end_of_text|>"
    names[128_009] = "<|eot_id|>"
    keys["tokenizer.ggml.tokens"] = names
    keys["tokenizer.ggml.token_type"] = Signed(kinds)
    write_gguf(file, keys, [])
    texts = [text.encode() for text in strings() if "<" not in text and "word" not in text][:300]
    texts = [text for text in texts if b"Hello" not in text]
    plain = program.saved("plain", tokenizer("llama-bpe"))
    expected = program.rows("ids", plain, texts, "text")
    assert program.rows("ids", file, texts, "text") == expected


def test_folder_says_what_ends_a_text(program: Program) -> None:
    folder = program.folder / "model"
    folder.mkdir()
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer("qwen2")), encoding="utf-8")
    config = {
        "bos_token": None,
        "eos_token": {"content": "<|im_end|>", "lstrip": False},
        "pad_token": "<|endoftext|>",
        "chat_template": [
            {"name": "tool_use", "template": "no"},
            {"name": "default", "template": "{{ messages }}"},
        ],
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    ids = {row["content"]: row["id"] for row in tokenizer("qwen2")["added_tokens"]}
    end, pad = ids["<|im_end|>"], ids["<|endoftext|>"]
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [end, pad, 9999]}))
    about = program.about(folder)
    assert (about["bos"], about["eos"], about["pad"]) == ("none", str(end), str(pad))
    assert about["ends"] == f"{end} {pad}"
    assert (about["adds_bos"], about["template"]) == ("0", "{{ messages }}")
    (folder / "chat_template.jinja").write_text("{{ other }}")
    assert program.about(folder)["template"] == "{{ other }}"
    (folder / "tokenizer.json").unlink()
    shutil.copy(GOLDEN / "tokenizer_spm.model", folder / "tokenizer.model")
    (folder / "tokenizer_config.json").write_text('{"add_bos_token": false, "eos_token": "</s>"}')
    about = program.about(folder)
    assert (about["bos"], about["eos"], about["unk"], about["adds_bos"]) == ("1", "2", "0", "0")


def test_keys_say_what_ends_a_text(program: Program) -> None:
    file = program.folder / "keys.gguf"
    ids: dict[str, Value | Signed] = {
        "tokenizer.ggml.bos_token_id": 1203,
        "tokenizer.ggml.eos_token_id": 1204,
        "tokenizer.ggml.eot_token_id": 1202,
        "tokenizer.ggml.eom_token_id": 1204,
        "tokenizer.chat_template": "{{ messages }}",
    }
    write_gguf(file, gguf_keys("llama-bpe") | ids, [])
    about = program.about(file)
    assert (about["bos"], about["eos"], about["eot"], about["eom"]) == (
        "1203",
        "1204",
        "1202",
        "1204",
    )
    assert (about["ends"], about["adds_bos"]) == ("1204 1202", "1")
    ids["tokenizer.ggml.add_bos_token"] = False
    write_gguf(file, gguf_keys("llama-bpe") | ids, [])
    assert program.about(file)["adds_bos"] == "0"
    ids["tokenizer.ggml.eos_token_id"] = 99_999
    write_gguf(file, gguf_keys("llama-bpe") | ids, [])
    assert "tokenizer.ggml.eos_token_id is 99999, which is no token" in program.refusal(file)


def test_contradicting_keys_are_refused(program: Program) -> None:
    file = program.folder / "keys.gguf"
    changes: dict[str, tuple[str, Value | Signed]] = {
        "unknown pre-tokeniser `other`": ("tokenizer.ggml.pre", "other"),
        "tokenizer.ggml.model is `bert`": ("tokenizer.ggml.model", "bert"),
        "tokenizer.ggml.token_type: has": ("tokenizer.ggml.token_type", Signed([1])),
        "of the unknown kind 77": ("tokenizer.ggml.token_type", Signed([77] * 1207)),
        "merge 0 has no space": ("tokenizer.ggml.merges", ["ab"]),
        "merge with `zz`, which is no token": ("tokenizer.ggml.merges", ["zz z"]),
        "tokens 0 and 1 have the same text": ("tokenizer.ggml.tokens", ["a"] * 1207),
    }
    for message, (key, value) in changes.items():
        write_gguf(file, gguf_keys("qwen2") | {key: value}, [])
        assert message in program.refusal(file)


def test_text_comes_back(program: Program) -> None:
    """Byte-level tokenizers keep every byte; what is no UTF-8 is shown as Python shows it."""
    texts = [text for text in encoded() if b"<strip>" not in text] + raw_bytes()
    for variant in BYTE_VARIANTS:
        if tokenizer(variant)["normalizer"] is None and variant != "gpt-2-prefix":
            rows = program.rows(
                "text", program.saved(variant, tokenizer(variant)), texts, "template"
            )
            assert [bytes(row) for row in rows[1::2]] == texts
            shown = [text.decode("utf-8", "replace").encode() for text in texts]
            assert [bytes(row) for row in rows[::2]] == shown


def test_text_of_characters_comes_back(program: Program) -> None:
    # The second puts a space before what follows a special token, too, and so does its original.
    specials = ("▁", "\n\n", "<2mass>", "[INST]")
    texts = [text.encode() for text in strings() if not any(name in text for name in specials)]
    texts += raw_bytes()
    for variant in ("gemma", "llama-2"):
        rows = program.rows("text", program.saved(variant, tokenizer(variant)), texts, "text")
        assert [bytes(row) for row in rows[1::2]] == texts


def test_compat_ids_of_plain_words(program: Program) -> None:
    """Where the splits of 1.1 are those of Llama 3, the ids are, too."""
    texts = [b"plain words, and (some) more!\n", b"x = 1;\ny = 22;\n", b"tabs\tand  spaces   here "]
    document = tokenizer("llama-bpe")
    document["model"]["ignore_merges"] = False
    file = program.saved("plain", document)
    expected = program.rows("ids", file, texts, "text")
    assert program.rows("compat", file, texts, "text") == expected


def test_long_pieces_take_no_long_time(program: Program) -> None:
    texts = [b"a" * 200_000, b"ab" * 100_000, b"\n" * 100_000, "é".encode() * 50_000]
    file = program.saved("gemma", tokenizer("gemma"))
    rows = program.rows("text", file, texts, "text")
    assert [bytes(row) for row in rows[1::2]] == texts


# ---- Bad input ----


def mutants(seed: bytes, count: int, source: random.Random) -> list[bytes]:
    """Give files that differ from one in some bytes, or end early."""
    made = []
    for _ in range(count):
        data = bytearray(seed)
        for _ in range(source.randint(1, 4)):
            place = source.randrange(len(data))
            action = source.randrange(5)
            if action == 0:
                del data[place:]
            elif action == 1:
                data[place] = source.randrange(256)
            elif action == 2:
                data[place : place + source.randint(1, 20)] = b""
            elif action == 3:
                data[place:place] = source.choice((b'"', b"[", b"}", b"\\u", b"-1", b"99999999999"))
            else:
                start = source.randrange(len(data))
                data[place:place] = data[start : start + source.randint(1, 40)]
            if not data:
                break
        made.append(bytes(data))
    return made


def _small_json() -> bytes:
    """Give a small byte-level tokenizer.json, so that mutations meet every part of it."""
    document = tokenizer("qwen2")
    vocabulary = {chr(code): code - 33 for code in range(33, 127)} | {"Ġ": 94, "Ċ": 95}
    merges = [["H", "e"], ["l", "l"], ["He", "ll"], ["i", "m"]]
    for first, second in merges:
        vocabulary[first + second] = len(vocabulary)
    document["model"] |= {"vocab": vocabulary, "merges": merges}
    rows = [dict(row) for row in document["added_tokens"][:3]]
    for number, row in enumerate(rows):
        row["id"] = len(vocabulary) + number
    document["added_tokens"] = rows
    return json.dumps(document, ensure_ascii=False).encode()


def test_mutated_files_are_refused_or_read(program: Program) -> None:
    source = random.Random(10)
    model = (GOLDEN / "tokenizer_spm.model").read_bytes()
    files = [b"0" + data for data in mutants(_small_json(), MUTANTS, source)]
    files += [b"1" + data for data in mutants(model, MUTANTS // 5, source)]
    source_file = program.folder / "in.bin"
    source_file.write_bytes(written(files))
    words: list[str | Path] = [program.file, "open", "-", source_file, "-"]
    done = subprocess.run(words, capture_output=True, timeout=600, check=False, text=True)
    assert done.returncode == 0, done.stderr
    read, refused = map(int, done.stdout.split())
    assert read + refused == len(files)
    assert refused > len(files) // 4


# ---- Beside the peers ----


def test_the_peer_still_says_so() -> None:
    try:
        peer = importlib.import_module("tokenizers")
    except ImportError:
        pytest.skip("beside transformers only")
    for variant in VARIANTS:
        made = peer.Tokenizer.from_str(json.dumps(tokenizer(variant)))
        made.encode_special_tokens = True
        rows = [made.encode(text, add_special_tokens=False).ids for text in strings()]
        assert "".join(map(checksum, rows)) == golden()[variant]["text"]
