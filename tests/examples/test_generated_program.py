"""The programs of the throughput benchmark compile, are all reachable, and mean one thing."""

from pathlib import Path

import pytest

from benchmarks.generate import generate_program
from mlrift.driver.options import Optimisation
from mlrift.ir.interpret import run_program
from mlrift.targets import LINUX_X86_64
from tests.harness.compiler import compile_ir, compile_program
from tests.support.engines import default_engine


@pytest.mark.parametrize("lines", [300, 2500])
def test_generated_program_has_the_size_asked_for(lines: int) -> None:
    text = generate_program(lines)
    assert lines <= text.count("\n") < lines + 100
    assert text == generate_program(lines)


def test_every_generated_function_is_called() -> None:
    text = generate_program(1500)
    names = [
        line[3:].split("(")[0].split(".")[-1] for line in text.splitlines() if line[:3] == "fn "
    ]
    assert all(name == "main" or text.count(f"{name}(") > 1 for name in names)


def test_generated_program_runs_as_the_interpreter_says(tmp_path: Path) -> None:
    source = tmp_path / "generated.mlr"
    source.write_text(generate_program(700), encoding="utf-8")
    meant = run_program(compile_ir(source, []))
    assert (meant.status, meant.stdout.count(b"unit") > 0) == (0, True)
    engine = default_engine(LINUX_X86_64)
    for level in Optimisation:
        compiled = compile_program(source, [], (LINUX_X86_64,), level)
        result = engine.run(compiled.images[LINUX_X86_64.name])
        assert (result.status, result.stdout) == (0, meant.stdout), level
