"""A program in parts does what it does in one piece; parts do not depend on its own code."""

from pathlib import Path

import pytest

from mlrift.backends.llvm.objects import CodegenOptions, texts_for
from mlrift.driver import pipeline, program_parts
from mlrift.driver.options import Optimisation
from mlrift.ir.core import Linkage, Module
from mlrift.ir.verify import verify_module
from mlrift.targets import LINUX_X86_64, X86_64
from tests.harness.compiler import context_for, front_end, options_for
from tests.harness.directives import read_directives
from tests.support.processes import program_file, run_command
from tests.support.results import DEFAULT_ENVIRONMENT, Invocation
from tests.unit.llvm.machine_code import can_run

RUN = Path(__file__).parents[2] / "run"
USER = """import "std/json.mlr"
import "std/string.mlr"
fn main() {{
    println({text})
    u64 made = json_parse("[1, 2]")
    println(made != 0)
}}
"""


def optimised(source: Path) -> tuple[pipeline.BuildContext, Module]:
    """Return the module of a program as it is before it is split."""
    context = context_for(options_for(source, [], targets=(LINUX_X86_64,)))
    module = front_end(context)
    assert context.options.optimisation is Optimisation.FULL
    pipeline.optimise_module(context, module)
    return context, module


@pytest.fixture
def _every_file_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program_parts, "_LARGE_OPS", 0)
    monkeypatch.setattr(program_parts, "_has_levels", lambda _module: True)


def programs() -> list[Path]:
    """Return programs of the library that need nothing around them, and one with vectors."""
    found = [row for row in sorted((RUN / "std").glob("*.mlr")) if _stands_alone(row)]
    return [RUN / "vectors" / "functions.mlr", *found[:: max(1, len(found) // 5)]]


def _stands_alone(source: Path) -> bool:
    expected = read_directives(source)
    return not (expected.files or expected.arguments or expected.engines)


@pytest.mark.usefixtures("_every_file_apart")
@pytest.mark.parametrize("source", programs(), ids=lambda row: str(row.stem))
def test_programs_in_parts_do_the_same(source: Path) -> None:
    if not can_run(X86_64):
        pytest.skip("needs an x86-64 machine")
    expected = read_directives(source)
    context, module = optimised(source)
    modules = program_parts.split(module).modules
    for row in modules:
        assert not verify_module(row)
    image = pipeline.slices(context, module)[0].image
    with program_file(image) as path:
        invocation = Invocation((), expected.stdin, DEFAULT_ENVIRONMENT, path.parent, 60.0)
        found = run_command([str(path)], invocation)
    assert found.stdout == expected.expected
    assert found.status == expected.status


def part_texts(folder: Path, text: str) -> dict[str, str]:
    """Return the LLVM text of the parts of a program that prints something."""
    folder.mkdir()
    source = folder / "user.mlr"
    source.write_text(USER.format(text=text), encoding="utf-8")
    _, module = optimised(source)
    modules = program_parts.split(module).modules
    options = CodegenOptions()
    return {row.name: texts_for(row, [X86_64], options)[X86_64.name] for row in modules[1:]}


@pytest.mark.usefixtures("_every_file_apart")
def test_parts_do_not_depend_on_the_program(tmp_path: Path) -> None:
    one = part_texts(tmp_path / "one", '"one"')
    other = part_texts(tmp_path / "other", '"another", 1, "text"')
    assert len(one) > 1
    assert one == other


@pytest.mark.usefixtures("_every_file_apart")
def test_literals_and_inner_functions_are_not_seen_outside(tmp_path: Path) -> None:
    source = tmp_path / "user.mlr"
    source.write_text(USER.format(text='"one"'), encoding="utf-8")
    _, module = optimised(source)
    for part in program_parts.split(module).modules[1:]:
        linkages = {row.linkage for name, row in part.globals.items() if name.startswith("text.")}
        assert linkages <= {Linkage.INTERNAL}
        assert any(row.linkage is Linkage.EXPORTED for row in part.functions.values())


MODEL = """struct Cell { f64 v }
dynamics Cell by euler {
    d v = (20.0 - v) / 10.0
    spike v >= 15.0 { v = 0.0  hold v 20 }
}
fn main() {
    Cell[100] n
    events s = n.step(0.1)
    println(s.len)
}
"""


def test_copies_of_functions_know_which_parameters_are_numbers(tmp_path: Path) -> None:
    """The step of a neuron is a copy; its loop becomes vector code only if its number is one."""
    source = tmp_path / "model.mlr"
    source.write_text(MODEL)
    _, module = optimised(source)
    parts = program_parts.split(module).modules
    steps = [row for part in parts[1:] for row in part.functions.values() if row.blocks]
    steps = [row for row in steps if row.name.endswith("dynamics.Cell")]
    assert steps
    assert all(row.parameters[0].is_number for row in steps)
