"""examples/library: the commands of its README do what it says, and on other systems, too."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mlrift.targets import CPUS, LINUX, WINDOWS_X86_64, Cpu, target_for
from tests.harness.compiler import run_mlrc
from tests.library.building import STRICT_C
from tests.library.test_c_programs import RUN_PATH, gcc_for, run_in_wine, windows_gcc
from tests.objects.toolchains import (
    ARM64_LIBRARIES,
    command,
    flags_of,
    host_gcc,
    run,
    tool,
)

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "library"
NUMBERS = b"3 1 4 1 5 9 2 6\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(EXAMPLE, tmp_path / "library")
    return tmp_path / "library"


def expected_output() -> str:
    text = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    found = re.search(r"\| \./report\n(.*?)```", text, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_commands_of_the_readme_do_what_it_says(folder: Path) -> None:
    host_gcc()
    text = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"^\$ (.*)$", text, re.MULTILINE)
    assert len(commands) == 5
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    outputs = []
    for words in commands:
        done = subprocess.run(
            ["/bin/sh", "-c", words],
            cwd=folder,
            env=os.environ | {"PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), words
        outputs.append(done.stdout)
    assert outputs[2] == outputs[4] == expected_output()


@pytest.mark.parametrize("name", ["libstats.so", "libstats.a"])
@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
def test_the_c_program_uses_library_and_archive(folder: Path, cpu: Cpu, name: str) -> None:
    words = ["--emit=lib", *flags_of(target_for(LINUX, cpu)), str(folder / "stats.mlr")]
    assert run_mlrc([*words, "-o", str(folder / name)])[0] == 0
    program = folder / "report"
    source = folder / "report.c"
    command([gcc_for(cpu), *STRICT_C, source, folder / name, RUN_PATH, "-o", program])
    emulator = [] if cpu is CPUS[0] else [tool("qemu-aarch64"), "-L", ARM64_LIBRARIES]
    assert run(*emulator, program, stdin=NUMBERS).output == expected_output()
    assert run(*emulator, program, stdin=b"1\n").status == 2


def test_the_c_program_uses_a_dll(folder: Path) -> None:
    header = f"--header={folder / 'libstats.h'}"
    words = ["--emit=lib", *flags_of(WINDOWS_X86_64), header, str(folder / "stats.mlr")]
    assert run_mlrc([*words, "-o", str(folder / "stats.dll")])[0] == 0
    program = folder / "report.exe"
    command([windows_gcc(), folder / "report.c", folder / "stats.lib", "-o", program])
    assert run_in_wine(program, NUMBERS).output == expected_output()
