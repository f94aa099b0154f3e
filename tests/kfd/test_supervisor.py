"""Unmodified programs for /dev/kfd on the emulated card."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("supervised.c")
ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys
from pathlib import Path
from mlrift.runtime.kfd.supervisor.supervisor import Supervisor

supervisor = Supervisor((sys.argv[1],))
sys.exit(supervisor.run(Path(sys.argv[2]), sys.argv[2:]))
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("gcc")
    if compiler is None or not Path("/usr/include/linux/kfd_ioctl.h").exists():
        pytest.skip("needs gcc and the Debian package linux-libc-dev")
    actions = Path("/proc/sys/kernel/seccomp/actions_avail")
    if not actions.exists() or "user_notif" not in actions.read_text():
        pytest.skip("needs a kernel with seccomp user notifications")
    folder = tmp_path_factory.mktemp("supervised")
    (folder / "drm").mkdir()
    (folder / "drm/drm.h").write_text("#include <linux/types.h>\n#include <linux/ioctl.h>\n")
    made = folder / "program"
    command = [compiler, f"-I{folder}", "-O1", "-static", str(SOURCE), "-o", str(made)]
    subprocess.run(command, check=True)
    return made


def run(program: Path, what: str, gfx: str = "gfx1100") -> tuple[int, str, str]:
    """Run it under supervision; return status, output and messages."""
    words = [sys.executable, "-c", PROGRAM, gfx, str(program), what]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    made = subprocess.run(
        words, capture_output=True, text=True, env=environment, timeout=60, check=False
    )
    return made.returncode, made.stdout, made.stderr.replace("mlr: emulated device: ", "")


@pytest.mark.parametrize(
    ("gfx", "version"), [("gfx1030", 100300), ("gfx1100", 110000), ("gfx1201", 120001)]
)
def test_a_program_finds_the_card(program: Path, gfx: str, version: int) -> None:
    assert run(program, "start", gfx) == (0, f"1.14 0 {version} 2 1\n-1 1\n", "")


def test_memory_is_seen_by_both(program: Path) -> None:
    assert run(program, "memory") == (0, "seen by both\n", "")


def test_what_is_left_behind_is_reported(program: Path) -> None:
    status, output, messages = run(program, "left")
    assert (status, output) == (1, "done\n")
    assert messages.startswith("at the end: the buffer at 0x")
    assert messages.endswith("(8192 bytes) was not freed\n")


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("part", "is mapped whole, at its own address"),
        ("twice", "ACQUIRE_VM: the process has done it before"),
        ("unknown", "request 0xc0084b70 is not known to the emulated driver"),
        ("doorbell", "/dev/kfd maps doorbells only, 8192 bytes at their offset"),
    ],
)
def test_a_refused_request_is_explained_and_the_program_goes_on(
    program: Path, what: str, message: str
) -> None:
    status, output, messages = run(program, what)
    assert (status, output) in {(0, "-1 1\n"), (0, "1 1\n")}
    assert message in messages


def test_a_bad_pointer_is_an_error_number(program: Path) -> None:
    assert run(program, "pointer") == (0, "-1 1\n", "")


def test_other_files_and_statuses_are_the_programs_own(program: Path) -> None:
    assert run(program, "other-files") == (7, "1 -1\n", "")


def test_the_clock_goes_on(program: Path) -> None:
    assert run(program, "clock") == (0, "1\n", "")


def test_a_crash_is_a_crash(program: Path) -> None:
    assert run(program, "crash")[0] != 0
