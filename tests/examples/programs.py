"""Compiled examples for tests that start them several times: a name in, a way to run it out."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from mlrift.targets import LINUX_X86_64
from tests.examples.oracles import EXAMPLES
from tests.harness.compiler import compile_program
from tests.support.engines import default_engine
from tests.support.results import RunResult


def run_example(name: str, arguments: Sequence[str], folder: Path, stdin: bytes = b"") -> RunResult:
    """Run an example, compiled once in a process, in a working folder."""
    engine = default_engine(LINUX_X86_64)
    return engine.run(_image(name), arguments, stdin=stdin, working_folder=folder)


@lru_cache
def _image(name: str) -> bytes:
    compiled = compile_program(EXAMPLES / f"{name}.mlr", [], (LINUX_X86_64,))
    return compiled.images[LINUX_X86_64.name]
