"""The same bits on every processor: x86-64 at each feature level, arm64 under qemu."""

from pathlib import Path

import pytest

from mlrift.targets import ARM64, LINUX_ARM64, LINUX_X86_64
from tests.harness.run_files import IS_THOROUGH
from tests.llm.architectures import ALL
from tests.llm.generate_program import Answer, ask, golden, program, run
from tests.llm.model_files import write_gguf_model
from tests.support.qemu import QEMU_PROGRAMS, missing_qemu

pytestmark = pytest.mark.skipif(
    not IS_THOROUGH, reason="compiles the engine six times: MLRIFT_TEST_ALL=1"
)
LEVELS = (0, 3, 4, 5)
# qemu takes its time for vectors
TOKENS = 24
COUNT = 12
NAMES = [made.name for made in ALL]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for kind in ("F32", "BF16"):
        for made in ALL:
            write_gguf_model(folder / f"{made.name}-{kind}.gguf", made, kind)
    return folder


def check(models: Path, name: str, command: list[str]) -> None:
    """Compare what a command says with what the program says here."""
    ids = golden(name)["prompt"][:TOKENS]
    for kind in ("F32", "BF16"):
        model = models / f"{name}-{kind}.gguf"
        right = ask(model, ids, COUNT)
        found = run(command, model, ids, COUNT)
        assert isinstance(found, Answer), found
        assert found.ids == right.ids
        assert found.scores.tobytes() == right.scores.tobytes(), kind


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", NAMES)
def test_every_level_gives_the_same_bits(models: Path, name: str, level: int) -> None:
    made = program("generate", LINUX_X86_64, f"--processor-level={level}")
    check(models, name, [str(made)])


@pytest.mark.parametrize("name", NAMES)
def test_arm64_gives_the_same_bits(models: Path, name: str) -> None:
    missing = missing_qemu(ARM64)
    if missing is not None:
        pytest.skip(missing)
    check(models, name, [QEMU_PROGRAMS[ARM64.name], str(program("generate", LINUX_ARM64))])
