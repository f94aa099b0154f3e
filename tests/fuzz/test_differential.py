"""A short run of generated programs on every engine; the shrinker; and what was found before."""

from pathlib import Path

import pytest

from tests.fuzz.batch import join, may_join
from tests.fuzz.differential import run
from tests.fuzz.engines import Reach, examine, reference
from tests.fuzz.generate import generate
from tests.fuzz.shrink import shrink
from tests.harness.run_files import IS_THOROUGH, run_everywhere

FIRST_SEED = 20_261_121
BLOCKS, BLOCK_PROGRAMS = 4 if IS_THOROUGH else 2, 25
BLOCK_SECONDS = 600.0
REGRESSIONS = sorted((Path(__file__).parent / "regressions").glob("*.mlr"))


@pytest.mark.parametrize("block", range(BLOCKS))
def test_generated_programs_agree_everywhere(block: int) -> None:
    """All programs, every one of them."""
    report = run(FIRST_SEED + block * BLOCK_PROGRAMS, BLOCK_SECONDS, BLOCK_PROGRAMS)
    assert not report.failures, "\n".join(str(row) for row in report.failures[0])
    assert report.programs == BLOCK_PROGRAMS


def test_a_seed_makes_one_program() -> None:
    assert generate(7) == generate(7)
    assert generate(7) != generate(8)


def test_a_batch_does_what_its_programs_do() -> None:
    texts = [text for text in map(generate, range(40, 60)) if may_join(text)][:4]
    alone = [reference(text) for text in texts]
    expected = b"".join(
        b"program %d\n%b" % (number, row.stdout)
        + (b"status %d\n" % row.status if row.status else b"")
        for number, row in enumerate(alone)
    )
    assert reference(join(texts)).stdout == expected


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
