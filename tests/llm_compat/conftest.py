"""One program for all tests that call functions with arrays: compiling it takes seconds."""

from pathlib import Path

import pytest

from tests.llm_compat.library import compile_library
from tests.support.engines import engine_named


@pytest.fixture(scope="package")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the program with the table of functions."""
    missing = engine_named("linux-x64").missing()
    if missing is not None:
        pytest.skip(missing)
    return compile_library(tmp_path_factory.mktemp("library"))
