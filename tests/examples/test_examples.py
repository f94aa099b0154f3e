"""Every example does what its directives say, on every engine."""

from pathlib import Path

import pytest

from tests.examples.oracles import EXAMPLES, expected_outputs
from tests.harness.run_files import run_everywhere

PROGRAMS = sorted(EXAMPLES.glob("*.mlr"))


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_example_does_what_its_directives_say(program: Path) -> None:
    run_everywhere(program)


def test_expected_files_are_what_the_oracles_work_out() -> None:
    for name, content in expected_outputs():
        assert (EXAMPLES / name).read_bytes() == content, name
