"""Metadata with any value whatever: a model runs, or is refused with a message; never a crash.

Each case is a tiny model one of whose keys has another value or type, or that has a key more.
"""

import itertools
import random
import subprocess
from pathlib import Path

import pytest

from tests.harness.run_files import IS_THOROUGH
from tests.llm.architectures import ALL, Architecture
from tests.llm.generate_program import host_program
from tests.llm.gguf_file import Signed, Value, write_gguf
from tests.llm.model_files import gguf_keys, gguf_tensors

VALUES: list[Value | Signed] = [0, 1, 2, 3, 5, 7, 8, 16, 64, 255, 256, 511, 512, 513, 1024, 65535]
VALUES += [
    1 << 20,
    (1 << 31) - 1,
    (1 << 32) - 1,
    0.0,
    -1.0,
    1e-30,
    1e30,
    float("nan"),
    float("inf"),
]
VALUES += ["x", "", True, [], [1], [0] * 10, ["a"], Signed([-1, -2])]
MORE = (
    "rope.scaling.type",
    "rope.scaling.factor",
    "rope.freq_base_swa",
    "rope.dimension_count",
    "attention.scale",
    "attention.sliding_window",
    "attention.sliding_window_pattern",
    "attention.recurrent_layers",
    "attn_logit_softcapping",
    "final_logit_softcapping",
    "full_attention_interval",
    "expert_count",
    "vocab_size",
)
CASES = 150 if IS_THOROUGH else 6
MODEL, MEMORY = 3, 4


def cases_of(made: Architecture) -> list[tuple[str, Value | Signed]]:
    """Draw keys and their values."""
    keys = [key for key in gguf_keys(made) if key != "general.architecture"]
    keys += [f"{made.tag}.{key}" for key in MORE]
    return random.Random(made.name).sample(list(itertools.product(keys, VALUES)), CASES)


@pytest.mark.parametrize("made", ALL, ids=lambda made: made.name)
def test_any_metadata_runs_or_is_refused(tmp_path: Path, made: Architecture) -> None:
    program = str(host_program("generate"))
    keys, tensors = gguf_keys(made), gguf_tensors(made, "F32")
    path = tmp_path / "model.gguf"
    for key, value in cases_of(made):
        write_gguf(path, {**keys, key: value}, tensors)
        prompt = ["--prompt", "hello you"] if key.startswith("tokenizer") else ["--ids", "5,6,7"]
        words = [program, str(path), *prompt, "-n", "2"]
        done = subprocess.run(words, capture_output=True, timeout=60, check=False)
        if done.returncode != 0:
            assert done.returncode in (MODEL, MEMORY), (key, value, done)
            assert done.stderr.startswith(b"error: "), (key, value, done)
