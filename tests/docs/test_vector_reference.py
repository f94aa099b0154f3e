"""docs/reference.md 26 has every operation on vectors, and nothing else that looks like one."""

import re
from pathlib import Path

from mlrift.frontend.check.vectors.operations import GENERIC, OPERATIONS
from mlrift.typesystem import ElementKind

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
SECTION = TEXT[TEXT.index("\n## 26. Vectors") : TEXT.index("\n## Appendix: Grammar")]
KINDS = "|".join(row.value for row in ElementKind)


def without_kind(name: str) -> str:
    """Return a name as the tables of the section have it."""
    if name == "vec_dot2_i16":
        return name
    return re.sub(rf"_({KINDS})(?=_|$)", "_KIND", name)


def test_every_operation_is_documented() -> None:
    rows = re.findall(r"^\| (`\w+\(.*?) \| ", SECTION, re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"`(\w+)\(", row)}
    known = {without_kind(name) for name in (*OPERATIONS, *GENERIC)} - {"vec_level"}
    assert documented == known
