"""A model with quantised weights scores tokens as numpy does with the same blocks."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.harness.run_files import IS_THOROUGH
from tests.llm.architectures import QWEN3
from tests.llm.generate_program import ask, golden, host_program
from tests.llm.model_files import write_gguf_model
from tests.llm.numpy_qwen3 import NumpyQwen3
from tests.llm.product_reference import Q4_0, Q4_1, Q4_K, Q5_0, Q5_1, Q5_K, Q6_K, Q8_0

_ALL = {
    "q8_0": Q8_0,
    "q4_0": Q4_0,
    "q4_k": Q4_K,
    "q6_k": Q6_K,
    "q5_k": Q5_K,
    "q4_1": Q4_1,
    "q5_0": Q5_0,
    "q5_1": Q5_1,
}
KINDS = list(_ALL) if IS_THOROUGH else ["q8_0", "q4_k", "q6_k"]
PROMPT, COUNT = 20, 6
SINGLES = 8
"""numpy's norms and attention are f64. An activation at the border of two bytes may then go to the
other one, and its change moves more of them; a change of 1e-7 in numpy alone moves scores by 2 %.
A token alone has so few activations that mostly none is at a border."""
CLOSE, APART = 1e-5, 0.06


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_those_of_numpy(kind: str, tmp_path: Path) -> None:
    plain, made = tmp_path / "plain.gguf", tmp_path / "made.gguf"
    write_gguf_model(plain, QWEN3)
    words = [str(host_program("quantize")), str(plain), str(made), kind]
    subprocess.run(words, check=True, capture_output=True, timeout=60)
    model = NumpyQwen3(made.read_bytes())
    assert model.kinds() == {_ALL[kind]}
    prompt = golden("tiny-qwen3")["prompt"]
    alone = [_error(made, model, [token], 1) for token in prompt[:SINGLES]]
    assert np.median(alone) < CLOSE, alone
    assert max(*alone, _error(made, model, prompt[:PROMPT], COUNT)) < APART


def _error(made: Path, model: NumpyQwen3, ids: list[int], count: int) -> float:
    """Return how far scores are off, relative to the largest, at the worst of some steps."""
    answer = ask(made, ids, count, "--kv-type", "f32", "--threads", "2")
    wanted = model.scores([*ids, *answer.ids])[len(ids) - 1 : -1]
    error = np.abs(answer.scores - wanted).max(axis=1) / np.abs(wanted).max(axis=1)
    return float(error.max())
