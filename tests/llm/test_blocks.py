"""Blocks of GGUF files: what they mean bit for bit, and what is made of numbers.

The `gguf` package is the oracle: its answers are kept in `golden/blocks.json` (make_blocks.py), and
where the peers of the benchmarks are installed it is asked anew about random blocks.
"""

import base64
import functools
import json
import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from benchmarks.peers import Peer, installed_python
from mlrift.targets import LINUX_X86_64
from tests.extern.programs import compile_for
from tests.llm.block_cases import (
    BLOCKS,
    F32,
    READ_TYPES,
    WRITTEN_TYPES,
    Bytes,
    hard_numbers,
    numbers,
    random_blocks,
)
from tests.llm.kernel_library import Kernels, library
from tests.support.engines import engine_named

GOLDEN = Path(__file__).parent / "golden" / "blocks.json"
PARTS = Path(__file__).parent / "parts"
_GGUF = Peer("gguf", (("gguf",),))
# The error that llama.cpp's choice of scales has for numbers that are spread as those of `numbers`,
# over their root mean square (llama-quantize on the tiny models), and which share of it is left.
OTHER_ERROR = {"Q4_K": (0.0688, 0.985), "Q5_K": (0.0348, 0.96), "Q6_K": (0.0170, 0.95)}


@functools.cache
def golden() -> dict[str, dict[str, str]]:
    """Return the answers of the package."""
    found: dict[str, dict[str, str]] = json.loads(GOLDEN.read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def kernels() -> Kernels:
    missing = engine_named("linux-x64").missing()
    if missing is not None:
        pytest.skip(missing)
    return library("block_kernels.mlr", "--arch=x86_64")


def numbers_of(kernels: Kernels, name: str, blocks: Bytes) -> F32:
    """Return the numbers that blocks are."""
    kind, elements, size_bytes = BLOCKS[name]
    count = blocks.size // size_bytes * elements
    found = np.full(count + 1, 7.0, np.float32)
    packed = np.ascontiguousarray(blocks)
    assert kernels.call("to_numbers", found, packed, kind, count) == 1
    assert found[-1] == 7.0
    return found[:-1]


def blocks_of(kernels: Kernels, name: str, values: F32, columns: int) -> Bytes:
    """Return the blocks that are made of numbers."""
    kind, elements, size_bytes = BLOCKS[name]
    made = np.full(values.size // elements * size_bytes + 1, 77, np.uint8)
    plain = np.ascontiguousarray(values)
    assert kernels.call("to_blocks", made, kind, plain, columns, values.size // columns) == 1
    assert made[-1] == 77
    return made[:-1]


@pytest.mark.parametrize("name", READ_TYPES)
def test_numbers_are_those_of_the_gguf_package(kernels: Kernels, name: str) -> None:
    expected = np.frombuffer(base64.b64decode(golden()["read"][name]), "<f4")
    found = numbers_of(kernels, name, random_blocks(name, 4 if BLOCKS[name][1] == 256 else 8))
    both_nan = np.isnan(found) & np.isnan(expected)
    assert np.array_equal(found.view(np.uint32)[~both_nan], expected.view(np.uint32)[~both_nan])


@pytest.mark.parametrize("name", WRITTEN_TYPES)
def test_blocks_are_those_of_the_gguf_package(kernels: Kernels, name: str) -> None:
    expected = np.frombuffer(base64.b64decode(golden()["written"][name]), np.uint8)
    assert np.array_equal(blocks_of(kernels, name, hard_numbers(), 32), expected)


def error_of(kernels: Kernels, name: str, values: F32) -> float:
    """Return the error of blocks over the numbers' root mean square."""
    back = numbers_of(kernels, name, blocks_of(kernels, name, values, 256)).astype(np.float64)
    missed = np.sqrt(np.mean((back - values) ** 2))
    return float(missed / np.sqrt(np.mean(values.astype(np.float64) ** 2)))


@pytest.mark.parametrize("name", OTHER_ERROR)
def test_blocks_of_256_have_less_error_than_llama_cpp(kernels: Kernels, name: str) -> None:
    theirs, share = OTHER_ERROR[name]
    assert error_of(kernels, name, numbers("errors", 256 * 400)) < theirs * share


@pytest.mark.parametrize("name", OTHER_ERROR)
@pytest.mark.parametrize("spread", [1e-12, 1e-6, 1.0, 1e3])
def test_blocks_of_256_are_good_at_every_scale(kernels: Kernels, name: str, spread: float) -> None:
    heavy = np.random.default_rng(6).standard_t(3, 256 * 20).astype(np.float32)
    values = heavy * np.float32(spread)
    # Scales of 16 bits end at 6e-8: smaller numbers may become 0.
    most = 1.01 if spread < 1e-5 else 0.2
    assert error_of(kernels, name, values) < most


@pytest.mark.parametrize("name", OTHER_ERROR)
def test_odd_blocks_of_256(kernels: Kernels, name: str) -> None:
    plain = numbers("odd", 256)
    rows = {
        "zeros": np.zeros(256, np.float32),
        "equal": np.full(256, -0.5, np.float32),
        "positive": np.abs(plain) + np.float32(1.0),
        "peak": np.where(np.arange(256) == 100, np.float32(50.0), plain * np.float32(1e-4)),
        "steps": np.repeat(np.array([0.0, 1.0, -1.0, 64.0], np.float32), 64),
        "huge": plain * np.float32(1e30),
        "tiny": plain * np.float32(1e-40),
    }
    for label, values in rows.items():
        back = numbers_of(kernels, name, blocks_of(kernels, name, values.astype(np.float32), 256))
        if label == "huge":
            continue
        assert np.isfinite(back).all(), label
        assert np.abs(back - values).max() <= max(0.15 * np.abs(values).max(), 1e-6), label
    assert not numbers_of(kernels, name, blocks_of(kernels, name, rows["zeros"], 256)).any()


@pytest.mark.parametrize("name", ("Q8_0", "Q4_K", "Q6_K"))
def test_threads_make_no_difference(kernels: Kernels, name: str) -> None:
    kind, elements, size_bytes = BLOCKS[name]
    values = numbers("threads", 256 * 64)
    alone = np.zeros(values.size // elements * size_bytes, np.uint8)
    assert kernels.call("of_one_thread", alone, kind, values, values.size) == 1
    assert np.array_equal(alone, blocks_of(kernels, name, values, 256))


def test_parts_of_blocks_and_other_types_are_refused(kernels: Kernels) -> None:
    values = np.zeros(512, np.float32)
    assert kernels.call("to_blocks", values, 12, values, 128, 2) == 0
    assert kernels.call("to_blocks", values, 10, values, 256, 1) == 0
    assert kernels.call("to_numbers", values, values, 8, 33) == 0
    assert kernels.call("to_numbers", values, values, 16, 256) == 0
    assert kernels.call("to_numbers", values, values, 99, 32) == 0


def test_the_writer_writes_the_bytes_of_the_gguf_package(tmp_path: Path) -> None:
    missing = engine_named("linux-x64").missing()
    if missing is not None:
        pytest.skip(missing)
    text = (PARTS / "write_gguf.mlr").read_text(encoding="utf-8")
    program = compile_for(tmp_path, text, LINUX_X86_64)
    done = subprocess.run([program], cwd=tmp_path, capture_output=True, timeout=60, check=False)
    assert done.stdout == b"0\n", done.stderr
    file = json.loads(GOLDEN.read_text(encoding="utf-8"))["file"]
    assert (tmp_path / "made.gguf").read_bytes() == base64.b64decode(file)


_ASK = """
import sys
import gguf, numpy as np
cases = dict(np.load(sys.argv[1] + "/cases.npz"))
answers = {}
with np.errstate(all="ignore"):
    for name, rows in cases.items():
        way, _, kind = name.partition(" ")
        ask = gguf.dequantize if way == "read" else gguf.quantize
        answers[name] = np.ascontiguousarray(ask(rows, gguf.GGMLQuantizationType[kind]))
np.savez(sys.argv[1] + "/answers.npz", **answers)
"""


def test_random_blocks_are_as_the_gguf_package_says(kernels: Kernels, tmp_path: Path) -> None:
    python = installed_python(_GGUF)
    if python is None:
        pytest.skip("beside the gguf package only")
    draw = np.random.default_rng(11)
    cases: dict[str, npt.NDArray[np.generic]] = {}
    for name in READ_TYPES:
        raw = draw.integers(0, 256, (300, BLOCKS[name][2] * 8)).astype(np.uint8)
        cases[f"read {name}"] = raw
    for name in WRITTEN_TYPES:
        cases[f"write {name}"] = draw.standard_normal((300, 256)).astype(np.float32)
    np.savez(tmp_path / "cases.npz", **cases)  # type: ignore[arg-type]
    subprocess.run((str(python), "-c", _ASK, str(tmp_path)), check=True, timeout=300)
    answers = np.load(tmp_path / "answers.npz")
    for name in READ_TYPES:
        expected = answers[f"read {name}"].astype("<f4").ravel()
        found = numbers_of(kernels, name, draw_of(cases, f"read {name}"))
        both_nan = np.isnan(found) & np.isnan(expected)
        same = found.view(np.uint32) == expected.view(np.uint32)
        assert (same | both_nan).all(), name
    for name in WRITTEN_TYPES:
        values = cases[f"write {name}"].astype(np.float32)
        made = blocks_of(kernels, name, values, 256)
        assert np.array_equal(made, answers[f"write {name}"].view(np.uint8).ravel()), name


def draw_of(cases: dict[str, npt.NDArray[np.generic]], name: str) -> Bytes:
    """Return the bytes of a case."""
    return cases[name].astype(np.uint8)
