"""A gdb session by script: commands in, what gdb prints for each of them out."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

_SETTINGS = (
    "set style enabled off",
    "set confirm off",
    "set width 0",
    "set disable-randomization off",
    "set print frame-arguments all",
    "set debuginfod enabled off",
)
_MARK = "==next=="
_STOP = re.compile(r"^(\d+)\t", re.MULTILINE)
TIMEOUT_SECONDS = 60


def need_gdb() -> None:
    """Skip without gdb; fail where it must be there."""
    if shutil.which("gdb") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("gdb is not installed, and CI must run this test")
        pytest.skip("needs gdb")


def ask_gdb(program: Path, *commands: str) -> list[str]:
    """Return what gdb prints for each command; it runs where the program lies."""
    need_gdb()
    arguments = [part for setting in _SETTINGS for part in ("-iex", setting)]
    for command in commands:
        arguments += ["-ex", command, "-ex", rf"echo {_MARK}\n"]
    done = subprocess.run(
        ["gdb", "-batch", "-nx", "-q", *arguments, f"./{program.name}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
        cwd=program.parent,
    )
    return [part.strip() for part in done.stdout.split(f"{_MARK}\n")][: len(commands)]


def stops_in(outputs: list[str]) -> list[int]:
    """Return the lines at which gdb stopped, one for every output."""
    found = [_STOP.search(output) for output in outputs]
    return [int(row.group(1)) if row is not None else 0 for row in found]


def lines_of(program: Path, start: str, count: int) -> list[int]:
    """Return the line of a breakpoint and those that `count` times `next` shows after it."""
    steps = ["next"] * count
    return stops_in(ask_gdb(program, f"break {start}", "run", *steps)[1:])
