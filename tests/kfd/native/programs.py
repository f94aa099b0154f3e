"""Compiles programs of this folder and runs them on emulated cards."""

import os
import tempfile
import time
from functools import cache
from pathlib import Path

import pytest

from mlrift.runtime.kfd.supervisor.notifications import Call
from mlrift.runtime.kfd.supervisor.process_table import SupervisedProcess
from mlrift.runtime.kfd.supervisor.supervisor import Supervisor
from tests.harness.compiler import run_mlrc
from tests.kfd.cards import CHIPS

FOLDER = Path(__file__).parent
EXAMPLES = FOLDER.parents[2] / "examples/gpu"
_ACTIONS = Path("/proc/sys/kernel/seccomp/actions_avail")


class Hasty(Supervisor):
    """The clock of its programs advances by a fifth of a second with every look."""

    def _look_at_waits(self) -> None:
        self._stolen_seconds -= 0.2
        super()._look_at_waits()

    def _clock(self, call: Call, process: SupervisedProcess) -> None:
        self._stolen_seconds -= 0.2
        super()._clock(call, process)


class Slow(Supervisor):
    """A card that takes half a second for everything; counts the requests to the driver."""

    def __init__(self, gfx: tuple[str, ...]) -> None:
        super().__init__(gfx)
        self.requests = 0
        self._opened = 0.0

    def _look_at_doorbells(self) -> None:
        if time.monotonic() > self._opened + 0.5:
            super()._look_at_doorbells()

    def _open(self, call: Call, process: SupervisedProcess) -> None:
        self._opened = time.monotonic()
        super()._open(call, process)

    def _ioctl(self, call: Call, process: SupervisedProcess) -> None:
        self.requests += 1
        super()._ioctl(call, process)


def need_supervision() -> None:
    """Skip where programs cannot be supervised."""
    if not _ACTIONS.exists() or "user_notif" not in _ACTIONS.read_text():
        pytest.skip("needs a kernel with seccomp user notifications")


@cache
def built(source: Path, *flags: str, chips: tuple[str, ...] = CHIPS) -> Path:
    """Compile for chips; PROGRAM.gfx1100 reads PROGRAM.gfx1100.co, and so on."""
    made = Path(tempfile.mkdtemp(prefix="mlrift-native-")) / source.stem
    words = ["--target=amdgpu-native", f"--target-arch={','.join(chips)}", *flags]
    status, _, errors = run_mlrc([*words, str(source), "-o", str(made)])
    assert status == 0, errors
    for chip in CHIPS:
        os.link(made, f"{made}.{chip}")
    return made


def supervised(
    program: Path,
    capfd: pytest.CaptureFixture[str],
    *words: str,
    chip: str = "gfx1100",
    kind: type[Supervisor] = Supervisor,
) -> tuple[int, str, str]:
    """Run a program that `built` made; return its status, output and messages."""
    need_supervision()
    path = Path(f"{program}.{chip}")
    capfd.readouterr()
    status = kind((chip,)).run(path, [str(path), *words])
    output, messages = capfd.readouterr()
    return status, output, messages
