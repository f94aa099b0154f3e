"""The drivers' loop with tiny GGUF models: tokens and logits are those of transformers.

What transformers says is in tests/llm/golden (`python -m tests.llm.make_golden`).
"""

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mlrift.targets import LINUX_X86_64
from tests.extern.programs import compile_for
from tests.llm.architectures import ALL, BY_NAME, VOCABULARY, Architecture
from tests.llm.gguf_file import write_gguf
from tests.llm.make_golden import GOLDEN
from tests.llm.model_files import gguf_keys, gguf_tensors
from tests.support.engines import engine_named

DRIVER = Path(__file__).parent / "parts" / "driver.mlr"
NAMES = [made.name for made in ALL if made.tag != "qwen2"]  # 1.1 has no module for biases
GREEDY_AFTER = 50
RELATIVE_ERROR = 1e-3
Numbers = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    missing = engine_named("linux-x64").missing()
    if missing is not None:
        pytest.skip(missing)
    folder = tmp_path_factory.mktemp("driver")
    return compile_for(folder, DRIVER.read_text(encoding="utf-8"), LINUX_X86_64)


def golden(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    return found


def write_model(folder: Path, made: Architecture) -> Path:
    path = folder / f"{made.name}.gguf"
    write_gguf(path, gguf_keys(made), gguf_tensors(made, "F32"))
    return path


def run_driver(
    program: Path, model: Path, prompt: list[int], more: int
) -> tuple[Numbers, list[int]]:
    """Return the logits after a prompt and the greedy tokens that follow."""
    ids, out = model.with_suffix(".ids"), model.with_suffix(".out")
    ids.write_bytes(np.array(prompt, np.uint64).tobytes())
    words = [str(program), str(model), str(ids), str(more), str(out)]
    done = subprocess.run(words, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    data = out.read_bytes()
    logits = np.frombuffer(data[: VOCABULARY * 4], np.float32)
    return logits, np.frombuffer(data[VOCABULARY * 4 :], np.uint64).tolist()


def relative_error(found: Numbers, expected: Numbers) -> float:
    return float(np.abs(found - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize("name", NAMES)
def test_tokens_and_logits_of_transformers(program: Path, tmp_path: Path, name: str) -> None:
    known = golden(name)
    model = write_model(tmp_path, BY_NAME[name])
    for position in (1, 500):
        logits, _ = run_driver(program, model, known["prompt"][:position], 0)
        raw = base64.b64decode(known["logits"][str(position)])
        assert relative_error(logits, np.frombuffer(raw, np.float32)) < RELATIVE_ERROR
    logits, tokens = run_driver(program, model, known["prompt"][:GREEDY_AFTER], 64)
    raw = base64.b64decode(known["logits"][str(GREEDY_AFTER)])
    assert relative_error(logits, np.frombuffer(raw, np.float32)) < RELATIVE_ERROR
    assert tokens == known["greedy"]
