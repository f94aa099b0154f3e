"""The programs examples/llm/inspect.mlr and quantize.mlr: what they say, what they refuse."""

import json
import struct
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from mlrift.targets import LINUX_X86_64
from tests.harness.compiler import run_mlrc
from tests.llm.architectures import BY_NAME, VOCABULARY
from tests.llm.gguf_file import GgufTensor, write_gguf
from tests.llm.model_files import write_folder, write_gguf_model
from tests.llm.test_tokenizers import spm_keys, spm_pieces
from tests.objects.toolchains import flags_of
from tests.support.engines import engine_named

EXAMPLES = Path(__file__).parents[2] / "examples" / "llm"
GOLDEN = Path(__file__).parent / "golden"
PIECES, PIECE_TAG, UNUSED = 500, 0x0A, 5
MODELS = ("tiny-llama", "tiny-qwen35")
# Bytes of a 256-wide row in each type.
ROW_BYTES = {"f32": 1024, "f16": 512, "bf16": 512, "q8_0": 272, "q6_k": 210, "q5_k": 176}
ROW_BYTES |= {"q5_1": 192, "q5_0": 176, "q4_k": 144, "q4_1": 160, "q4_0": 144}


def compiled(folder: Path, name: str) -> Path:
    """Compile an example."""
    missing = engine_named("linux-x64").missing()
    if missing is not None:
        pytest.skip(missing)
    made = folder / name
    words = [str(EXAMPLES / f"{name}.mlr"), *flags_of(LINUX_X86_64), "-O0", "-o", str(made)]
    status, _, messages = run_mlrc(words)
    assert status == 0, messages
    return made


@pytest.fixture(scope="module")
def inspect(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("inspect"), "inspect")


@pytest.fixture(scope="module")
def quantize(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("quantize"), "quantize")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("source") / "in.gguf"
    write_gguf_model(path, BY_NAME["tiny-qwen3"])
    return path


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a program."""
    rows = list(map(str, words))
    return subprocess.run(rows, capture_output=True, text=True, timeout=60, check=False)


def described(inspect: Path, model: Path, *flags: str) -> dict[str, object]:
    """Return what `inspect --json` says."""
    done = run(inspect, model, "--json", *flags)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", MODELS)
def test_inspect_says_the_same_of_both_formats(inspect: Path, tmp_path: Path, name: str) -> None:
    made = BY_NAME[name]
    write_folder(tmp_path / "hf", made)
    write_gguf_model(tmp_path / "m.gguf", made)
    folder = described(inspect, tmp_path / "hf", "--tensors")
    file = described(inspect, tmp_path / "m.gguf", "--tensors", "--keys")
    assert folder["config"] == file["config"]
    assert folder["format"] == "safetensors" and file["format"] == "gguf"
    assert file["file_bytes"] == (tmp_path / "m.gguf").stat().st_size
    assert isinstance(file["tensors"], list)
    assert len(file["tensors"]) == file["tensor_count"]
    prose = run(inspect, tmp_path / "m.gguf", "--keys", "--tensors")
    assert prose.returncode == 0
    for word in (made.tag, "token_embd.weight", "general.architecture = ", "vocabulary:   512"):
        assert word in prose.stdout, word


@pytest.mark.parametrize("kind", ROW_BYTES)
def test_quantize_makes_files_of_the_right_types(
    inspect: Path, quantize: Path, source: Path, tmp_path: Path, kind: str
) -> None:
    done = run(quantize, source, tmp_path / "out.gguf", kind, "--check")
    assert done.returncode == 0, done.stderr
    before = described(inspect, source, "--tensors", "--keys")
    after = described(inspect, tmp_path / "out.gguf", "--tensors", "--keys")
    assert after["config"] == before["config"]
    assert isinstance(before["tensors"], list) and isinstance(after["tensors"], list)
    for old, new in zip(before["tensors"], after["tensors"], strict=True):
        assert (old["name"], old["shape"]) == (new["name"], new["shape"])
        is_matrix = len(new["shape"]) == 2
        expected = ROW_BYTES[kind] if is_matrix else 1024
        rows = new["shape"][1] if is_matrix else 1
        assert new["bytes"] * 256 == expected * new["shape"][0] * rows, new
    assert isinstance(before["keys"], dict) and isinstance(after["keys"], dict)
    own = {"general.file_type", "general.quantization_version"}
    assert {k: v for k, v in after["keys"].items() if k not in own} == before["keys"]


def tensors_of(inspect: Path, path: Path) -> dict[str, tuple[tuple[int, ...], bytes]]:
    """Return the extents and the bytes of the tensors of a file."""
    rows = described(inspect, path, "--tensors")["tensors"]
    assert isinstance(rows, list)
    data = path.read_bytes()
    return {
        row["name"]: (tuple(row["shape"]), data[row["offset"] : row["offset"] + row["bytes"]])
        for row in rows
    }


@pytest.mark.parametrize("name", BY_NAME)
def test_a_folder_becomes_the_same_tensors(
    inspect: Path, quantize: Path, tmp_path: Path, name: str
) -> None:
    made = BY_NAME[name]
    write_folder(tmp_path / "hf", made)
    write_gguf_model(tmp_path / "m.gguf", made)
    done = run(quantize, tmp_path / "hf", tmp_path / "o.gguf", "f32")
    assert done.returncode == 0, done.stderr
    expected, found = (tensors_of(inspect, tmp_path / row) for row in ("m.gguf", "o.gguf"))
    assert expected.keys() == found.keys()
    for tensor, (shape, data) in expected.items():
        assert found[tensor][0] == shape, tensor
        if not tensor.endswith("ssm_a"):  # exp is numpy's own there
            assert found[tensor][1] == data, tensor
            continue
        theirs = np.frombuffer(data, "<f4")
        np.testing.assert_allclose(np.frombuffer(found[tensor][1], "<f4"), theirs, rtol=2e-7)
    keys = [described(inspect, tmp_path / row, "--keys") for row in ("m.gguf", "o.gguf")]
    assert keys[0]["config"] == keys[1]["config"]
    for key in ("tokens", "token_type", "merges", "model", "pre", "bos_token_id", "eos_token_id"):
        both = [row["keys"].get(f"tokenizer.ggml.{key}") for row in keys]  # type: ignore[attr-defined]
        assert both[0] == both[1], key


def test_a_mix_has_better_types_where_errors_cost_most(
    inspect: Path, quantize: Path, tmp_path: Path
) -> None:
    write_gguf_model(tmp_path / "in.gguf", BY_NAME["tiny-llama"])
    done = run(quantize, tmp_path / "in.gguf", tmp_path / "out.gguf", "q4_k_m")
    assert done.returncode == 0, done.stderr
    rows = described(inspect, tmp_path / "out.gguf", "--tensors")["tensors"]
    assert isinstance(rows, list)
    kinds = {row["name"]: row["type"] for row in rows if len(row["shape"]) == 2}
    better = {"output.weight", "blk.2.attn_v.weight", "blk.2.ffn_down.weight"}
    assert {name for name, kind in kinds.items() if kind == "Q6_K"} == better
    assert {kinds[name] for name in kinds.keys() - better} == {"Q4_K"}


def test_a_folder_with_pieces_only_becomes_their_keys(
    inspect: Path, quantize: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "hf"
    write_folder(folder, BY_NAME["tiny-gemma3"])
    (folder / "tokenizer.json").unlink()
    done = run(quantize, folder, tmp_path / "none.gguf", "f32")
    assert (done.returncode, "there is no tokenizer" in done.stderr) == (0, True), done
    (folder / "tokenizer_config.json").unlink()
    data, own = cut_pieces((GOLDEN / "tokenizer_spm.model").read_bytes(), PIECES)
    (folder / "tokenizer.model").write_bytes(data)
    done = run(quantize, folder, tmp_path / "o.gguf", "f32")
    assert (done.returncode, done.stderr) == (0, "")
    made = (tmp_path / "o.gguf").read_bytes()
    pads = [(f"[PAD{row}]", 0.0, UNUSED) for row in range(PIECES, VOCABULARY)]
    for key, value in spm_keys([*own, *pads]).items():
        write_gguf(tmp_path / "k.gguf", {key: value}, [])
        # behind the head of the file, without the padding at its end
        assert (tmp_path / "k.gguf").read_bytes()[24:].rstrip(b"\0") in made, key


def cut_pieces(data: bytes, count: int) -> tuple[bytes, list[tuple[str, float, int]]]:
    """Return a SentencePiece model with the first pieces only, and what these are."""
    size = end = 0
    for _ in range(count):
        end += 2 + data[end + 1]
    while data[size] == PIECE_TAG:
        size += 2 + data[size + 1]
    return data[:end] + data[size:], spm_pieces(data)[:count]


def small_model(path: Path, values: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> None:
    """Write a model of one matrix."""
    data = values.astype("<f4").tobytes()
    rows = [GgufTensor("blk.0.attn_q.weight", (256, values.size // 256), 0, data)]
    write_gguf(path, {"general.architecture": "qwen3"}, rows)


def test_a_failure_leaves_the_old_output(quantize: Path, tmp_path: Path) -> None:
    values = np.ones((4, 256), np.float32)
    values[2, 7] = np.nan
    small_model(tmp_path / "in.gguf", values)
    out = tmp_path / "out.gguf"
    out.write_bytes(b"old")
    done = run(quantize, tmp_path / "in.gguf", out, "q8_0")
    assert done.returncode == 3
    assert "tensor `blk.0.attn_q.weight` has numbers that are not finite" in done.stderr
    assert out.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.gguf", "out.gguf"]


def test_outcomes_of_quantize(quantize: Path, tmp_path: Path) -> None:
    small = tmp_path / "in.gguf"
    small_model(small, np.ones((4, 256), np.float32))
    folder = tmp_path / "folder"
    folder.mkdir()
    for words, status, text in (
        ((small, tmp_path / "o", "q8_0"), 0, ""),
        ((small, tmp_path / "o"), 2, "expected IN OUT.gguf TYPE"),
        ((small, tmp_path / "o", "q8"), 2, "there are f32, f16"),
        ((small, tmp_path / "o", "q8_0", "--what"), 2, "--what"),
        ((tmp_path / "none", tmp_path / "o", "q8_0"), 3, "no such file"),
        ((small, folder, "q8_0"), 1, "folder: "),
        ((small, tmp_path / "no" / "o", "q8_0"), 1, "no such file or folder"),
        ((small, small, "q4_k"), 0, ""),
    ):
        done = run(quantize, *words)
        assert done.returncode == status, (words, done.stderr)
        assert text in done.stderr, (words, done.stderr)
    assert small.stat().st_size < 1000


def test_damaged_files_are_status_3_at_once(inspect: Path, source: Path, tmp_path: Path) -> None:
    whole = source.read_bytes()
    path = tmp_path / "cut.gguf"
    for size in (0, 3, 10, 23, 24, 60, 1000, 9000, len(whole) // 2, len(whole) - 100):
        path.write_bytes(whole[:size])
        started = time.monotonic()
        done = run(inspect, path)
        assert time.monotonic() - started < 5  # it takes a few milliseconds
        assert done.returncode == 3, size
        assert done.stderr.startswith(f"error: {path}: byte "), done.stderr


def test_unknown_architectures_are_status_3_and_shown(inspect: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    write_gguf(path, {"general.architecture": "qwen4"}, [GgufTensor("a", (4,), 0, bytes(16))])
    done = run(inspect, path, "--tensors")
    assert done.returncode == 3
    assert "is qwen4, which is not known; the nearest supported one is qwen" in done.stderr
    assert "a  4  F32" in done.stdout
    done = run(inspect, tmp_path / "none")
    assert done.returncode == 3 and "no such file" in done.stderr


def test_other_files_are_named(inspect: Path, tmp_path: Path) -> None:
    for data, text in (
        (b"PK\x03\x04" + bytes(30), "this looks like a zip archive"),
        (struct.pack("<Q", 4) + b"{}  ", "this looks like a safetensors file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
        (b"<!doctype html><html></html>", "a web page"),
    ):
        path = tmp_path / "x.gguf"
        path.write_bytes(data)
        done = run(inspect, path)
        assert done.returncode == 3 and text in done.stderr, done.stderr
