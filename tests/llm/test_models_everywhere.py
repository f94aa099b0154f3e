"""The same bits everywhere, for each architecture and type of weights.

At every level of x86-64 and (by qemu) arm64, by any number of threads, in any blocks, with --safe.
"""

import functools
import subprocess
from pathlib import Path

import pytest

from mlrift.targets import ARM64, LINUX_ARM64, LINUX_X86_64
from tests.harness.run_files import IS_THOROUGH
from tests.llm.architectures import ALL, BY_NAME
from tests.llm.generate_program import Answer, ask, golden, host_program, program, run
from tests.llm.model_files import write_gguf_model
from tests.support.qemu import QEMU_PROGRAMS, missing_qemu

pytestmark = pytest.mark.skipif(
    not IS_THOROUGH, reason="compiles the engine eight times: MLRIFT_TEST_ALL=1"
)
LEVELS = (0, 3, 4, 5, 6)
ARM64_LEVELS = (0, 10, 11)
NAMES = [made.name for made in ALL]
FLOATS = ("F32", "BF16")
KINDS = (*FLOATS, "f16", "q8_0", "q6_k", "q5_k_m", "q5_1", "q5_0", "q4_k_m", "q4_1", "q4_0")
# qemu takes its time for vectors
ARM64_KINDS = ("F32", "BF16", "q8_0", "q4_k_m", "q5_0")
TOKENS = 24
COUNT = 12
# beyond the windows, and the places of their caches at small blocks
LONG = 300
WAYS = (
    ("--threads", "1"),
    ("--threads", "3", "--block", "7"),
    ("--threads", "2", "--block", "64"),
    ("--block", "1"),
)


@functools.cache
def model(folder: Path, name: str, kind: str) -> Path:
    """Return a tiny model with matrices of a type."""
    path = folder / f"{name}-{kind}.gguf"
    if kind in FLOATS:
        write_gguf_model(path, BY_NAME[name], kind)
        return path
    words = [str(host_program("quantize")), str(model(folder, name, "F32")), str(path), kind]
    subprocess.run(words, check=True, capture_output=True, timeout=60)
    return path


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@functools.cache
def right(path: Path, name: str, tokens: int) -> Answer:
    """Return what the program says here, as it chooses by itself."""
    return ask(path, golden(name)["prompt"][:tokens], COUNT)


def check(models: Path, name: str, kind: str, tokens: int, command: list[str], *flags: str) -> None:
    """Compare what a command says with what the program says here."""
    path = model(models, name, kind)
    found = run(command, path, golden(name)["prompt"][:tokens], COUNT, *flags)
    assert isinstance(found, Answer), found
    assert found.ids == right(path, name, tokens).ids, (kind, flags)
    same = found.scores.tobytes() == right(path, name, tokens).scores.tobytes()
    assert same, (kind, flags)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", NAMES)
def test_every_level_gives_the_same_bits(models: Path, name: str, level: int) -> None:
    made = program("generate", LINUX_X86_64, f"--processor-level={level}")
    for kind in KINDS:
        check(models, name, kind, TOKENS, [str(made)])


@pytest.mark.parametrize("level", ARM64_LEVELS)
@pytest.mark.parametrize("name", NAMES)
def test_arm64_gives_the_same_bits(models: Path, name: str, level: int) -> None:
    missing = missing_qemu(ARM64)
    if missing is not None:
        pytest.skip(missing)
    made = program("generate", LINUX_ARM64, f"--processor-level={level}")
    for kind in ARM64_KINDS:
        check(models, name, kind, TOKENS, [QEMU_PROGRAMS[ARM64.name], str(made)])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_threads_and_blocks_change_no_bit(models: Path, name: str, kind: str) -> None:
    for flags in WAYS:
        check(models, name, kind, LONG, [str(host_program("generate"))], *flags)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_the_simplest_code_gives_the_same_bits(models: Path, name: str, kind: str) -> None:
    check(models, name, kind, TOKENS, [str(host_program("generate"))], "--safe")
