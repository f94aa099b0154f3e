"""A program as an object that gcc links: its file comes in, what the program does leaves.

Objects are made by another road than executables: the OS layer is merged in before the passes, and
symbols have the linkage that C expects.
"""

import shutil
import subprocess
from pathlib import Path

from mlrift.targets import LINUX_X86_64
from tests.harness.compiler import run_mlrc
from tests.support.engines import default_engine
from tests.support.processes import run_command
from tests.support.results import Invocation, RunResult

_LINK_SECONDS = 120.0


class LinkFailedError(Exception):
    """An object could not be made or linked."""


def can_link() -> bool:
    """Whether this machine links and runs such objects."""
    is_missing = default_engine(LINUX_X86_64).missing() is not None
    return not is_missing and shutil.which("gcc") is not None


def run_linked(source: Path, level: str, timeout_seconds: float) -> RunResult:
    """Compile to an object, link it with gcc and the C library, and run."""
    made, program = source.with_suffix(".o"), source.with_suffix(".linked")
    status, _, messages = run_mlrc(["-c", level, "--arch=x86_64", str(source), "-o", str(made)])
    if status != 0:
        raise LinkFailedError(messages)
    words = ["gcc", str(made), "-o", str(program), "-lm"]
    linked = subprocess.run(words, capture_output=True, timeout=_LINK_SECONDS, check=False)
    if linked.returncode != 0:
        raise LinkFailedError(linked.stderr.decode(errors="replace"))
    invocation = Invocation((), b"", {}, source.parent, timeout_seconds)
    return run_command([str(program)], invocation)
