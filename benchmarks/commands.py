"""The command lines of our compiler and runner and of gcc, as the measurements call them."""

import os
import platform
import sys
from pathlib import Path

from benchmarks.measure import Command

BENCHMARKS = Path(__file__).resolve().parent
HELLO_MLR = BENCHMARKS.parent / "examples" / "hello.mlr"
HELLO_C = BENCHMARKS / "hello.c"
# An option for one target of this machine's processor; the compiler knows its names.
HOST_TARGET = f"--arch={platform.machine()}"


def mlrc(source: Path, output: Path, cache: Path, *options: str) -> Command:
    """Return the command that compiles `source` with its cache in the given folder."""
    words = (sys.executable, "-m", "mlrift.cli.mlrc", *options, str(source), "-o", str(output))
    return Command(words, {"MLRIFT_CACHE": str(cache), "PYTHONPATH": _python_path()})


def mlr(program: Path) -> Command:
    """Return the command that runs a fat file."""
    words = (sys.executable, "-m", "mlrift.cli.mlr", str(program))
    return Command(words, {"PYTHONPATH": _python_path()})


def gcc(source: Path, output: Path) -> Command:
    """Return the command that compiles a C program."""
    return Command(("gcc", "-O2", "-o", str(output), str(source), "-lm"))


def gxx(source: Path, output: Path) -> Command:
    """Return the command that compiles a C++ program."""
    return Command(("g++", "-O2", "-pthread", "-o", str(output), str(source)))


def empty_python() -> Command:
    """Return the command that starts Python and does nothing."""
    return Command((sys.executable, "-c", "pass"))


def _python_path() -> str:
    before = os.environ.get("PYTHONPATH")
    return os.pathsep.join([str(BENCHMARKS.parent), *([before] if before else [])])
