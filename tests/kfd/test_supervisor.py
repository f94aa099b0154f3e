"""Unmodified programs for /dev/kfd on the emulated card."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mlrift.runtime.kfd.emulated.rules import RuleViolation
from mlrift.runtime.kfd.supervisor.notifications import Call
from mlrift.runtime.kfd.supervisor.process_table import SupervisedProcess
from mlrift.runtime.kfd.supervisor.supervisor import Supervisor

Run = Callable[..., tuple[int, str, str]]

SOURCE = Path(__file__).with_name("supervised.c")


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


@pytest.fixture(name="run")
def _run(program: Path, capfd: pytest.CaptureFixture[str]) -> Run:
    def run(*what: str, gfx: str = "gfx1100") -> tuple[int, str, str]:
        """Run it under supervision; return status, output and messages."""
        capfd.readouterr()
        status = Supervisor((gfx,)).run(program, [str(program), *what])
        output, messages = capfd.readouterr()
        return status, output, messages.replace("mlr: emulated device: ", "")

    return run


@pytest.mark.parametrize(
    ("gfx", "version"), [("gfx1030", 100300), ("gfx1100", 110000), ("gfx1201", 120001)]
)
def test_a_program_finds_the_card(run: Run, gfx: str, version: int) -> None:
    assert run("start", gfx=gfx) == (0, f"1.14 0 {version} 2 1\n-1 1\n", "")


def test_memory_is_seen_by_both(run: Run) -> None:
    assert run("memory") == (0, "seen by both\n", "")


def test_what_is_left_behind_is_reported(run: Run) -> None:
    status, output, messages = run("left")
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
    run: Run, what: str, message: str
) -> None:
    status, output, messages = run(what)
    assert (status, output) in {(0, "-1 1\n"), (0, "1 1\n")}
    assert message in messages


def test_a_bad_pointer_is_an_error_number(run: Run) -> None:
    assert run("pointer") == (0, "-1 1\n", "")


def test_other_files_and_statuses_are_the_programs_own(run: Run) -> None:
    assert run("other-files") == (7, "1 -1\n", "")


def test_the_clock_goes_on(run: Run) -> None:
    assert run("clock") == (0, "1\n", "")


class Late(Supervisor):
    """An emulator that has taken a thousand seconds."""

    def __init__(self, gfx: tuple[str, ...]) -> None:
        super().__init__(gfx)
        self._stolen_seconds = 1000.0


def test_the_clock_of_a_c_library_is_the_same(
    program: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert Late(("gfx1100",)).run(program, [str(program), "shared clock"]) == 0
    assert capfd.readouterr().out == "1\n"


def test_a_crash_is_a_crash(run: Run) -> None:
    assert run("crash")[0] != 0


@pytest.mark.parametrize(
    ("what", "output"),
    [
        (("fork",), "-1 1\n1 1\n0\na child's own\nthe parent's 0\n"),
        (("run", "memory"), "seen by both\nthe parent's 0\n"),
        (("become", "start"), "1.14 0 110000 2 1\n-1 1\n"),
        (("late", "memory"), "seen by both\n"),
    ],
    ids=["fork", "fork and exec", "exec", "a child that lives longer"],
)
def test_children_and_later_programs_see_the_card(
    run: Run, what: tuple[str, ...], output: str
) -> None:
    status, found, messages = run(*what)
    assert (status, found) == (0, output)
    assert messages in {
        "",
        "mmap: the descriptor is another process's: open the file anew after a fork\n",
    }


class Unruly(Supervisor):
    """A driver whose rules no child of the program can keep."""

    def _ioctl(self, call: Call, process: SupervisedProcess) -> None:
        if process.pid != self._main:
            raise RuleViolation("no child may do that")
        super()._ioctl(call, process)


def test_a_child_that_breaks_a_rule_ends_alone(
    program: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    status = Unruly(("gfx1100",)).run(program, [str(program), "run", "memory"])
    output, messages = capfd.readouterr()
    assert (status, output) == (1, "the parent's 0\n")
    assert re.fullmatch(r"mlr: emulated device: process \d+: no child may do that\n", messages)


def test_what_a_child_leaves_behind_is_reported(run: Run) -> None:
    status, output, messages = run("run", "left")
    assert (status, output) == (1, "done\nthe parent's 0\n")
    assert re.match(
        r"process \d+ at the end: the buffer at 0x\w+ \(8192 bytes\) was not freed", messages
    )
