"""A short run of generated programs on every engine; the shrinker; and what was found before."""

from pathlib import Path

import pytest

from tests.fuzz.differential import run
from tests.fuzz.engines import Reach, examine
from tests.fuzz.generate import generate
from tests.fuzz.shrink import shrink
from tests.harness.run_files import run_everywhere

REGRESSIONS = sorted((Path(__file__).parent / "regressions").glob("*.mlr"))


def test_generated_programs_agree_everywhere() -> None:
    report = run(seed=20_261_121, seconds=12, count=40)
    assert report.programs > 1
    assert not report.failures, "\n".join(str(row) for row in report.failures[0])


def test_a_seed_makes_one_program() -> None:
    assert generate(7) == generate(7)
    assert generate(7) != generate(8)


def test_wrong_output_is_found() -> None:
    finding = examine("fn main() { println(1 / 0) }", Reach.NATIVE)
    assert finding is None
    finding = examine("fn main() { println(x) }", Reach.NATIVE)
    assert finding is not None
    assert "undeclared" in finding.detail


def test_shrinking_keeps_what_matters() -> None:
    text = "fn f() {\n    a()\n}\nfn main() {\n    if x {\n        keep((1 + (2 * 3)))\n    }\n}\n"
    assert shrink(text, lambda small: "keep(" in small, 10).strip() == "keep()"


@pytest.mark.parametrize("path", REGRESSIONS, ids=lambda path: path.stem)
def test_kept_programs_still_agree(path: Path) -> None:
    if "// expect" in path.read_text(encoding="utf-8"):
        run_everywhere(path)
    else:
        assert examine(path.read_text(encoding="utf-8")) is None
