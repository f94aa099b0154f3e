"""Those who look on: dumps, the finder of departures, the check of finite numbers, perplexity."""

import json
import struct
import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from mlrift.targets import LINUX_X86_64
from tests.harness.compiler import run_mlrc
from tests.harness.run_files import IS_THOROUGH
from tests.llm.architectures import BY_NAME, HIDDEN
from tests.llm.generate_program import Refusal, ask, golden, host_program, run
from tests.llm.gguf_file import write_gguf
from tests.llm.make_dump import write
from tests.llm.model_files import gguf_keys, gguf_tensors
from tests.llm.test_models import EXACT
from tests.llm.weights import weights_of
from tests.objects.toolchains import flags_of
from tests.support.engines import engine_named

Floats = npt.NDArray[np.float32]
MADE = BY_NAME["tiny-gemma3"]
# LLVM takes its time for the kernels, and -O0 gives the same bits
QUICK = ("-O0",)
PARTS = Path(__file__).parent / "parts"
LAYERS = 6
TOKENS = 40


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("looking") / "model.gguf"
    write_gguf(path, gguf_keys(MADE), gguf_tensors(MADE, "F32"))
    return path


def prompt() -> list[int]:
    """Return some tokens."""
    ids: list[int] = golden(MADE.name)["prompt"]
    return ids[:TOKENS]


@pytest.fixture(scope="module")
def dump(model: Path) -> dict[str, Floats]:
    path = model.with_name("dump.safetensors")
    ask(model, prompt(), 1, *EXACT, "--block", "16", "--dump-hidden", str(path))
    return read_tensors(path)


def read_tensors(path: Path) -> dict[str, Floats]:
    """Read a safetensors file of f32."""
    data = path.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    tensors = {}
    for name, row in json.loads(data[8 : 8 + size]).items():
        assert row["dtype"] == "F32"
        first, last = row["data_offsets"]
        numbers = np.frombuffer(data[8 + size + first : 8 + size + last], "<f4")
        tensors[name] = numbers.reshape(row["shape"]).copy()
    return tensors


def departure(model: Path, tensors: dict[str, Floats]) -> tuple[int, str]:
    """Return the status and the output of the finder."""
    path = model.with_name("theirs.safetensors")
    write(path, tensors)
    words = [str(host_program("inspect", *QUICK)), str(model), "--diverge", str(path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def test_a_dump_has_every_step_of_every_token(dump: dict[str, Floats]) -> None:
    assert dump["ids"].tolist() == [prompt()]
    assert dump["embed"].shape == (TOKENS, HIDDEN)
    for layer in range(LAYERS):
        assert dump[f"layers.{layer}.down"].shape == (TOKENS, HIDDEN)
    embedding = weights_of(MADE)["model.embed_tokens.weight"][prompt()]
    scaled = embedding * np.float32(np.sqrt(HIDDEN))
    np.testing.assert_allclose(dump["embed"], scaled, rtol=1e-6)


def test_the_finder_accepts_its_own_dump(model: Path, dump: dict[str, Floats]) -> None:
    status, text = departure(model, dump)
    assert (status, "the largest departure is 0.000000000" in text) == (0, True), text


@pytest.mark.parametrize("name", ["layers.2.attn", "layers.4.gate+up", "layers.0.qkv", "lm_head"])
def test_the_finder_names_the_first_step_that_departs(
    model: Path, dump: dict[str, Floats], name: str
) -> None:
    theirs = {key: values.copy() for key, values in dump.items()}
    theirs[name][-1, 5] += 0.05 * np.abs(theirs[name]).max()
    status, text = departure(model, theirs)
    assert (status, f"first departure: {name} departs by " in text) == (1, True), text
    assert "number 5" in text


def test_the_finder_refuses_what_is_no_dump(model: Path, dump: dict[str, Floats]) -> None:
    status, text = departure(model, {"embed": dump["embed"]})
    assert (status, "has no tensor ids" in text) == (2, True), text


def test_the_first_number_that_is_not_finite_is_named(model: Path, tmp_path: Path) -> None:
    tensors = gguf_tensors(MADE, "F32")
    spoilt = next(row for row in tensors if row.name == "blk.2.ffn_norm.weight")
    numbers = np.frombuffer(spoilt.data, "<f4").copy()
    numbers[3] = np.inf
    index = tensors.index(spoilt)
    tensors[index] = type(spoilt)(spoilt.name, spoilt.dims, spoilt.kind, numbers.tobytes())
    path = tmp_path / "spoilt.gguf"
    write_gguf(path, gguf_keys(MADE), tensors)
    for flags in ((), ("--watch-finite",)):
        found = run([str(host_program("generate"))], path, prompt(), 4, *flags)
        assert isinstance(found, Refusal)
        assert (found.status, "layer 2, gate+up" in found.message) == (1, True), found


BACK = "forward 0\nfar 0\nnear 1\nequal 1\nall 1\nequal 1\n"


@pytest.mark.parametrize("block", ["9", "64"] if IS_THOROUGH else ["9"])
def test_sessions_with_windows_go_back(model: Path, block: str) -> None:
    missing = engine_named("linux-x64").missing()
    if missing is not None:
        pytest.skip(missing)
    made = model.with_name("rewind")
    if not made.exists():
        words = [*flags_of(LINUX_X86_64), *QUICK, str(PARTS / "rewind.mlr"), "-o", str(made)]
        status, _, messages = run_mlrc(words)
        assert status == 0, messages
    done = subprocess.run([str(made), model, block], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, BACK), done


def test_perplexity_is_that_of_the_scores(model: Path) -> None:
    ids = [*prompt(), *prompt()]
    words = [str(host_program("perplexity", *QUICK)), str(model), "--ids", ",".join(map(str, ids))]
    words += ["--ctx", str(TOKENS), "--kv-type", "f32", "--block", "7", "--json"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    losses = []
    for place in range(TOKENS // 2 + 1, TOKENS):
        row = ask(model, prompt()[:place], 1, *EXACT).scores[0].astype(np.float64)
        row -= row.max()
        losses.append(np.log(np.exp(row).sum()) - row[prompt()[place]])
    assert said["tokens"] == 2 * len(losses)
    assert said["perplexity"] == pytest.approx(np.exp(np.mean(losses)), rel=1e-5)


def test_the_profile_and_the_record_have_what_they_should(model: Path) -> None:
    answer = ask(model, prompt(), 4, "--profile", "--json")
    record = json.loads(answer.messages.splitlines()[0])
    assert (record["prompt_tokens"], record["tokens"], record["end"]) == (TOKENS, 4, "length")
    assert record["bytes_per_token"] > weights_of(MADE)["model.embed_tokens.weight"].nbytes
    rows = [line for line in answer.messages.splitlines() if line.startswith("L")]
    assert len(rows) == LAYERS
    assert "overhead" in answer.messages
