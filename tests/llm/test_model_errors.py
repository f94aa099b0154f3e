"""Wrong models and wrong command lines: the exit status says what kind, the message what to do."""

import re
import struct
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.llm.architectures import BY_NAME, VOCABULARY
from tests.llm.generate_program import Refusal, host_program, run
from tests.llm.gguf_file import GgufTensor, Signed, Value, write_gguf
from tests.llm.model_files import gguf_keys, gguf_tensors, write_folder

USAGE, MODEL, MEMORY, DEVICE = 2, 3, 4, 5
MADE = BY_NAME["tiny-qwen3"]
Q2_K = 10
# it takes some 10 ms; a loaded machine takes its time
SLOW_SECONDS = 5
Keys = dict[str, Value | Signed]


def refusal(model: Path, *flags: str, ids: tuple[int, ...] = (5, 6, 7)) -> Refusal:
    """Run the program on what it has to refuse."""
    found = run([str(host_program("generate"))], model, list(ids), 1, *flags)
    assert isinstance(found, Refusal), found
    return found


def file_of(folder: Path, keys: Keys, tensors: list[GgufTensor]) -> Path:
    """Write a GGUF file."""
    path = folder / "model.gguf"
    write_gguf(path, keys, tensors)
    return path


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good")
    return file_of(folder, gguf_keys(MADE), gguf_tensors(MADE, "F32"))


WRONG_KEYS = [
    ("general.architecture", "qwen33", "the nearest supported one is qwen3"),
    ("general.architecture", "qwen3moe", "not supported yet"),
    ("qwen3.block_count", 0, "qwen3.block_count is 0; it has to be 1 to 1024"),
    ("qwen3.block_count", 4000000000, "it has to be 1 to 1024"),
    ("qwen3.embedding_length", "much", "qwen3.embedding_length is missing or no whole number"),
    ("qwen3.attention.head_count_kv", 3, "4 heads cannot share 3 heads of keys"),
    ("qwen3.attention.key_length", 63, "the size of a head is 63"),
    ("qwen3.rope.scaling.type", "yarn", "the scaling of the rotation is yarn"),
    ("qwen3.vocab_size", 511, "vocab_size is 511, the embedding has 512 rows"),
    ("qwen3.expert_count", 8, "the model has experts"),
    ("qwen3.rope.freq_base", float("nan"), "qwen3.rope.freq_base is no finite number"),
    ("qwen3.rope.freq_base", "x", "qwen3.rope.freq_base is no finite number"),
    ("qwen3.rope.freq_base", 0, "qwen3.rope.freq_base: the base of the rotation is not positive"),
    ("qwen3.attention.head_count_kv", [2, 2, 2], "head_count_kv is no whole number of 0 or more"),
    ("qwen3.attention.scale", float("inf"), "qwen3.attention.scale is no finite number"),
]


@pytest.mark.parametrize(("key", "value", "message"), WRONG_KEYS)
def test_wrong_metadata_is_named(tmp_path: Path, key: str, value: Value, message: str) -> None:
    keys = {**gguf_keys(MADE), key: value}
    found = refusal(file_of(tmp_path, keys, gguf_tensors(MADE, "F32")))
    assert found.status == MODEL
    assert message in found.message
    assert re.search(r"model.gguf: byte \d+: ", found.message), found


def damaged(whole: bytes, what: str) -> bytes:
    """Return a file with one fault."""
    name = b"blk.0.attn_k.weight"
    axes = whole.index(name) + len(name)
    dim, kind, offset = axes + 4, axes + 20, axes + 24
    words = {
        "truncated": (0, b""),
        "flipped": (0, bytes([whole[0] ^ 4])),
        "big-endian": (4, b"\0\0\0\3"),
        "oversize": (dim, struct.pack("<Q", 1 << 40)),
        "unknown type": (kind, struct.pack("<I", 77)),
        "overlapping": (offset, bytes(8)),
        "beyond": (offset, struct.pack("<Q", 1 << 40)),
        "duplicate": (axes - len(name), b"blk.0.attn_q.weight"),
    }
    place, data = words[what]
    if what == "truncated":
        return whole[: len(whole) // 2]
    return whole[:place] + data + whole[place + len(data) :]


DAMAGE = {
    "truncated": "bytes reach beyond the end of the file",
    "flipped": "byte 0: magic: not a GGUF",
    "big-endian": "byte 4: version: a big-endian file",
    "oversize": "`blk.0.attn_k.weight`: ",
    "unknown type": "`blk.0.attn_k.weight`: unknown tensor type 77",
    "overlapping": "overlaps tensor ",
    "beyond": "`blk.0.attn_k.weight`: its ",
    "duplicate": "`blk.0.attn_q.weight`: is there twice",
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_named_with_its_byte_at_once(good: Path, tmp_path: Path, what: str) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(damaged(good.read_bytes(), what))
    host_program("generate")
    started = time.monotonic()
    found = refusal(path)
    assert time.monotonic() - started < SLOW_SECONDS
    assert (found.status, DAMAGE[what] in found.message) == (MODEL, True), found
    assert re.search(r"model.gguf: byte \d+: ", found.message), found


def test_a_file_without_a_tokenizer_says_so(tmp_path: Path) -> None:
    keys = {key: row for key, row in gguf_keys(MADE).items() if not key.startswith("tokenizer")}
    model = file_of(tmp_path, keys, gguf_tensors(MADE, "F32"))
    found = run([str(host_program("generate"))], model, None, 1, "--prompt", "x")
    assert isinstance(found, Refusal)
    assert (found.status, "tokenizer.ggml.model" in found.message) == (MODEL, True), found


def test_a_vocabulary_that_disagrees_is_named(tmp_path: Path) -> None:
    keys = gguf_keys(MADE)
    words = keys["tokenizer.ggml.tokens"]
    assert isinstance(words, list)
    keys["tokenizer.ggml.tokens"] = words[:-1]
    found = refusal(file_of(tmp_path, keys, gguf_tensors(MADE, "F32")))
    assert found.status == MODEL
    assert f"{VOCABULARY - 1}" in found.message
    assert f"{VOCABULARY}" in found.message


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    tensors = [row for row in gguf_tensors(MADE, "F32") if row.name != "blk.1.ffn_up.weight"]
    found = refusal(file_of(tmp_path, gguf_keys(MADE), tensors))
    assert found.status == MODEL
    assert "blk.1.ffn_up.weight: this tensor is missing" in found.message


def test_a_wrong_shape_is_named_with_its_byte(tmp_path: Path) -> None:
    tensors = [
        replace(row, dims=(row.dims[0] * 2, row.dims[1] // 2))
        if row.name == "blk.0.attn_k.weight"
        else row
        for row in gguf_tensors(MADE, "F32")
    ]
    found = refusal(file_of(tmp_path, gguf_keys(MADE), tensors))
    assert found.status == MODEL
    assert "blk.0.attn_k.weight: byte " in found.message
    assert "the shape is [512, " in found.message


def test_types_that_are_only_read_are_refused_by_name(tmp_path: Path) -> None:
    tensors = [
        replace(row, kind=Q2_K, data=bytes(row.dims[0] * row.dims[1] // 256 * 84))
        if row.name == "blk.0.ffn_down.weight"
        else row
        for row in gguf_tensors(MADE, "F32")
    ]
    found = refusal(file_of(tmp_path, gguf_keys(MADE), tensors))
    assert found.status == MODEL
    assert "weights of type 10 (Q2_K) cannot be run" in found.message


def test_a_folder_without_a_tokenizer_says_so(tmp_path: Path) -> None:
    write_folder(tmp_path, MADE)
    (tmp_path / "tokenizer.json").unlink()
    found = run([str(host_program("generate"))], tmp_path, None, 1, "--prompt", "x")
    assert isinstance(found, Refusal)
    assert (found.status, "tokenizer.json is missing" in found.message) == (MODEL, True), found


WRONG_FLAGS = [
    (("--no-such-flag",), USAGE, "unknown flag --no-such-flag"),
    (("--kv-typ", "f16"), USAGE, "unknown flag --kv-typ; the nearest is --kv-type;"),
    (("--device", "gpu:1"), DEVICE, "this program runs on the CPU only"),
    (("--device", "cuda"), USAGE, "--device is auto, cpu or gpu, not cuda"),
    (("--logprobs", "101"), USAGE, "--logprobs has to be 0 to 100"),
    (("--kv-type", "f17"), USAGE, "--kv-type is f16, bf16, f32 or q8_0, not f17"),
    (("--temp", "2.5"), USAGE, "the temperature has to be 0 to 2"),
    (("--top-p", "0"), USAGE, "top-p has to be above 0 and at most 1"),
    (("--threads", "300"), USAGE, "--threads has to be 1 to 256"),
    (("--ctx", "12q"), USAGE, "--ctx needs a number of tokens"),
    (("--ctx", "1m"), USAGE, "--ctx needs a number of tokens"),
    (("--ctx", "8k"), USAGE, "the model is made for 2048 tokens at most"),
    (("--block", "0"), USAGE, "--block has to be 1 to"),
    (("--ctx", "2"), MEMORY, "the prompt is 3 tokens; the context is 2. Use --ctx 1024 (needs "),
]


@pytest.mark.parametrize(("flags", "status", "message"), WRONG_FLAGS)
def test_wrong_flags_are_named(
    good: Path, flags: tuple[str, ...], status: int, message: str
) -> None:
    found = refusal(good, *flags)
    assert (found.status, message in found.message) == (status, True), found


def test_ids_beyond_the_vocabulary_and_files_that_are_none(good: Path, tmp_path: Path) -> None:
    beyond = refusal(good, ids=(5, VOCABULARY))
    assert (beyond.status, "there is no token 512" in beyond.message) == (USAGE, True)
    missing = refusal(tmp_path / "none.gguf")
    assert (missing.status, "none.gguf" in missing.message) == (MODEL, True)
