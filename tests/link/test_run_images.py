"""Linked programs run: pointer tables, deep frames, data and imports work on every engine."""

from typing import Any

import pytest

from mlrift.link.image import DebugInfo
from tests.link.programs import EXPECTED_OUTPUT, EXPECTED_STATUS, HELLO, link_program

engines = pytest.importorskip("tests.support.engines")
on_every_engine = pytest.mark.parametrize("engine", engines.ENGINES, ids=lambda engine: engine.name)


@on_every_engine
@pytest.mark.parametrize("debug", DebugInfo)
def test_the_program_runs(engine: Any, debug: DebugInfo) -> None:
    missing = engine.missing()
    if missing:
        pytest.skip(missing)
    result = engine.run(link_program(engine.target, debug=debug))
    assert (result.stdout, result.status) == (EXPECTED_OUTPUT, EXPECTED_STATUS)


@on_every_engine
def test_hello_runs(engine: Any) -> None:
    missing = engine.missing()
    if missing:
        pytest.skip(missing)
    result = engine.run(link_program(engine.target, HELLO))
    assert (result.stdout, result.status) == (b"hello, world\n", 0)
