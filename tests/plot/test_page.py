"""docs/plotting.md names every option of the command, and no other."""

import re
from pathlib import Path

from tests.plot.drawing import draw

PAGE = Path(__file__).resolve().parents[2] / "docs" / "plotting.md"


def test_page_has_the_options_of_the_command() -> None:
    status, usage, _ = draw("--help")
    assert status == 0
    options = set(re.findall(r"^  (--?\w+)", usage, re.MULTILINE)) - {"-h"}
    rows = re.findall(r"^\| `(--?\w+) ", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(rows) == options
    assert len(rows) == len(options) == 9
