"""Every function of the modules that work on memory, called with nothing but zeros: no crash."""

import re
import subprocess
from pathlib import Path

import pytest

from mlrift.targets import LINUX_X86_64
from tests.extern.programs import compile_for
from tests.std.bad_handles import IMPORTS
from tests.support.engines import engine_named

STD = Path(__file__).resolve().parents[2] / "std"
SIGNATURE = re.compile(r"^fn (\w+)\(([^)]*)\)(?: -> (\w+))? \{", re.MULTILINE)
ZEROS = {"f64": "0.0", "f32": "0.0f"}
DOCUMENTED = re.compile(r"^### `(\w+)`$", re.MULTILINE)


def _calls() -> list[str]:
    """Return a call with zeros of every function that a page of the library describes."""
    calls: list[str] = []
    for module in IMPORTS:
        page = (STD.parent / "docs" / "std" / f"{module}.md").read_text(encoding="utf-8")
        known = set(DOCUMENTED.findall(page))
        source = (STD / f"{module}.mlr").read_text(encoding="utf-8")
        for name, parameters, _ in SIGNATURE.findall(source):
            if name in known or (not known and not name.startswith("math_")):
                types = [row.split()[0] for row in parameters.split(",") if row.strip()]
                zeros = ", ".join(ZEROS.get(row, "0") for row in types)
                calls.append(f"{name}({zeros})")
    return calls


CALLS = _calls()


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a program that makes the call whose number is its argument."""
    missing = engine_named("linux-x64").missing()
    if missing is not None:
        pytest.skip(missing)
    imports = "".join(f'import "std/{name}.mlr"\n' for name in IMPORTS)
    rows = "".join(f"    if wanted == {number} {{ {call} }}\n" for number, call in enumerate(CALLS))
    main = "static u64 cli_argv\nfn main() {\n    u64 wanted = str_to_int(load64(cli_argv + 8))\n"
    text = f"{imports}{main}{rows}}}\n"
    return compile_for(tmp_path_factory.mktemp("zeros"), text, LINUX_X86_64, "-O0")


def test_zeros_end_a_program_with_a_message_at_worst(program: Path) -> None:
    wrong: dict[str, tuple[int, str]] = {}
    for number, call in enumerate(CALLS):
        words = [str(program), str(number)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        is_named = done.returncode == 1 and ": " in done.stderr
        if done.returncode != 0 and not is_named:
            wrong[call] = (done.returncode, done.stderr)
    assert wrong == {}
