"""docs/reference.md 25 has every device builtin, with as many arguments as it takes."""

import re
from pathlib import Path

from mlrift.frontend.builtins.device import DEVICE, FIRST_NAMES, is_first_name

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
SECTION = TEXT[TEXT.index("\n## 25. Kernels") : TEXT.index("\n## 26. Vectors")]
ROWS = re.findall(r"^\| (`[a-z]\w*\(.*?) \| (.*) \|$", SECTION, re.MULTILINE)


def _calls() -> dict[str, tuple[int, bool]]:
    """Return the documented names with their argument counts and whether they have a dot."""
    found: dict[str, tuple[int, bool]] = {}
    for calls, meaning in ROWS:
        for name, arguments in re.findall(r"`(\w+)\((.*?)\)`", calls):
            count = len([row for row in arguments.split(",") if row.strip()])
            found[name] = (count, meaning.startswith("·"))
    return found


def test_every_device_builtin_is_documented() -> None:
    documented = {name: count for name, (count, _) in _calls().items()}
    assert documented == {name: len(row.parameters) for name, row in DEVICE.items()}


def test_names_of_the_first_compiler_have_a_dot() -> None:
    dotted = {name for name, (_, is_dotted) in _calls().items() if is_dotted}
    assert dotted == FIRST_NAMES
    assert all(is_first_name(name, len(DEVICE[name].parameters)) for name in FIRST_NAMES)


def test_markers_are_builtins_whatever_their_name() -> None:
    assert is_first_name("anything_marker", 0)
    assert not is_first_name("anything_marker", 1)


def test_every_kernel_file_is_listed() -> None:
    listed = set(re.findall(r"^\| `(\w+\.mlr)` \|", SECTION, re.MULTILINE))
    files = {row.name for row in (ROOT / "std" / "kernels").glob("*.mlr")}
    assert listed == files - {"access.mlr", "attend.mlr"}
