"""Bad arguments: a documented result or an end with the function's name, never a crash."""

import subprocess
from pathlib import Path

import pytest

from mlrift.targets import LINUX_X86_64
from tests.extern.programs import compile_for
from tests.std.bad_arrays import ARRAY_ABORTS, NOTHING, PAIRS, RESULTS
from tests.std.bad_handles import HANDLE_ABORTS, IMPORTS, SETTING
from tests.support.engines import engine_named

ABORTS = {**HANDLE_ABORTS, **ARRAY_ABORTS}
CALLS = (*ABORTS, *RESULTS, *NOTHING, *PAIRS)


def _row(number: int, call: str) -> str:
    """Return the branch of the program that makes a call."""
    shown = call
    if call in RESULTS:
        shown = f"println({call})"
    if call in PAIRS:
        shown = (
            f"(u64 left{number}, u64 right{number}) = {call}\nprintln(left{number}, right{number})"
        )
    return f"    if wanted == {number} {{ {shown} }}\n"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a program that makes the call whose number is its argument."""
    missing = engine_named("linux-x64").missing()
    if missing is not None:
        pytest.skip(missing)
    imports = "".join(f'import "std/{name}.mlr"\n' for name in IMPORTS)
    rows = "".join(_row(number, call) for number, call in enumerate(CALLS))
    main = "fn main() {\n    u64 wanted = str_to_int(load64(cli_argv + 8))\n"
    text = f"{imports}{SETTING}{main}{rows}}}\n"
    return compile_for(tmp_path_factory.mktemp("bad"), text, LINUX_X86_64, "-O0")


def make(program: Path, call: str) -> subprocess.CompletedProcess[str]:
    """Make one call in a process of its own."""
    words = [str(program), str(CALLS.index(call))]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


def test_bad_arguments_end_the_program_with_a_message(program: Path) -> None:
    found = {call: make(program, call) for call in ABORTS}
    wrong = {
        call: (done.returncode, done.stderr)
        for call, done in found.items()
        if done.returncode != 1 or not done.stderr.startswith(ABORTS[call])
    }
    assert wrong == {}


def test_odd_values_give_the_documented_result(program: Path) -> None:
    expected = {**RESULTS, **PAIRS}
    found = {call: make(program, call) for call in expected}
    wrong = {
        call: (done.returncode, done.stdout)
        for call, done in found.items()
        if (done.returncode, done.stdout) != (0, expected[call] + "\n")
    }
    assert wrong == {}


def test_there_may_be_nothing_to_do(program: Path) -> None:
    found = {call: make(program, call) for call in NOTHING}
    wrong = {
        call: (done.returncode, done.stderr)
        for call, done in found.items()
        if (done.returncode, done.stderr) != (0, "")
    }
    assert wrong == {}
