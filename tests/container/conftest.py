"""Slices to pack, and a native probe program that reports how it was started."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from mlrift import targets
from mlrift.container.fat import Slice, write_fat
from mlrift.runtime.host import this_host
from tests.container.samples import PROBE_SOURCE, ROOT, RunMlr, mlr_command


@pytest.fixture(scope="session")
def probe_image(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return a native executable that prints its arguments and exits with the first."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or this_host().target is not targets.LINUX_X86_64:
        pytest.skip("needs gcc on Linux x86_64")
    folder = tmp_path_factory.mktemp("probe")
    source, program = folder / "probe.c", folder / "probe"
    source.write_text(PROBE_SOURCE)
    subprocess.run([compiler, "-O1", "-o", str(program), str(source)], check=True)
    return program.read_bytes()


@pytest.fixture
def probe_path(tmp_path: Path, probe_image: bytes) -> Path:
    """Return the path of a fat file that holds the probe."""
    path = tmp_path / "probe.mlrbo"
    other = Slice(targets.ANDROID_ARM64, probe_image[:1000])
    path.write_bytes(write_fat([Slice(targets.LINUX_X86_64, probe_image), other]))
    return path


@pytest.fixture
def run_mlr() -> RunMlr:
    """Return a function that runs `mlr` in a process of its own."""

    def run(
        *arguments: str | Path, environment: dict[str, str] | None = None, prelude: str = ""
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            mlr_command(*arguments, prelude=prelude),
            env={**(os.environ if environment is None else environment), "PYTHONPATH": str(ROOT)},
            capture_output=True,
            timeout=60,
            check=False,
        )

    return run
