"""Modules of std that are called wrongly end the program with a line that names the function.

A program `parts/misuse_MODULE.mlr` makes the call whose number is its argument; the line that is
expected on standard error stands behind the call:

    0 => { print_line(0) }  // print_line: the text is 0

A number without a line is a call that must not end the program.
"""

import re
import subprocess
from pathlib import Path

import pytest

from mlrift.driver.options import Optimisation
from mlrift.targets import LINUX_X86_64
from tests.harness.compiler import compile_program
from tests.support.engines import engine_named
from tests.support.processes import program_file

PARTS = Path(__file__).parent / "parts"
PROGRAMS = sorted(PARTS.glob("misuse_*.mlr"))
_CASE = re.compile(r"^\s+(\d+) => \{.*?\}(?:  // (.+))?$", re.MULTILINE)
_FREED = re.compile(r"(was|were) freed|was waited for|is no address")


def cases_of(program: Path) -> dict[int, str]:
    """Return the expected line of each number, "" for none."""
    _, _, main = program.read_text().partition("fn main()")
    found = {int(number): line for number, line in _CASE.findall(main)}
    assert list(found) == list(range(len(found))), f"{program}: the numbers have gaps"
    return found


def problem_of(image: Path, number: int, line: str, checks: str) -> str | None:
    """Make one call; say what is not as expected."""
    done = subprocess.run(
        [image, str(number)], input=b"", capture_output=True, timeout=60, check=False
    )
    errors = done.stderr.decode(errors="replace")
    if line == "":
        is_right = done.returncode == 0 and (checks != "" or errors == "")
    elif checks == "":
        is_right = done.returncode == 1 and errors == line + "\n"
    else:  # leaks are reported too; the checking heap finds what was freed before the library does
        is_freed = _FREED.search(line) is not None and "after dealloc" in errors
        is_right = done.returncode == 1 and (is_freed or errors.startswith(line + "\n"))
    if is_right:
        return None
    return f"{number} {checks}: expected {line!r}, status {done.returncode}, found {errors!r}"


@pytest.mark.parametrize("program", PROGRAMS, ids=[path.stem for path in PROGRAMS])
@pytest.mark.parametrize("checks", ["", "--debug"], ids=["plain", "debug"])
def test_misuse_ends_the_program_with_a_line(
    program: Path, checks: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = engine_named("linux-x64").missing()
    if missing is not None:
        pytest.skip(missing)
    monkeypatch.chdir(tmp_path)
    level = Optimisation.NONE if checks else Optimisation.FULL
    images = compile_program(program, checks.split(), (LINUX_X86_64,), level).images
    with program_file(images[LINUX_X86_64.name]) as image:
        problems = [problem_of(image, *row, checks) for row in cases_of(program).items()]
    assert [row for row in problems if row] == []
