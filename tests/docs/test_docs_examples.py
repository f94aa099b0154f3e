"""Every `mlr` block of the pages is compiled and run, and does what the page says."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from mlrift.diagnostics.render import render_report
from mlrift.driver import pipeline
from mlrift.driver.options import Product
from mlrift.ir.core import Module
from mlrift.ir.interpret import RecordingOs, UnresolvedSymbol, run_program
from mlrift.targets import LINUX_X86_64
from tests.docs.blocks import BadBlock, Example, read_examples
from tests.harness.compiler import context_for, front_end, options_for
from tests.support.engines import RunResult, default_engine

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs/std").glob("*.md"))]
PAGES.append(ROOT / "README.md")
ENGINE = default_engine(LINUX_X86_64)


@dataclass(frozen=True, slots=True)
class Page:
    """A page with its examples, or with the reason why they cannot be read."""

    path: Path
    examples: list[Example]
    problem: str


def _read_page(path: Path) -> Page:
    try:
        return Page(path, read_examples(path, path.read_text(encoding="utf-8")), "")
    except BadBlock as error:
        return Page(path, [], str(error))


READ_PAGES = [_read_page(path) for path in PAGES if path.exists()]
EXAMPLES = [example for page in READ_PAGES for example in page.examples]


@pytest.mark.parametrize("page", READ_PAGES, ids=lambda page: str(page.path.name))
def test_page_has_only_blocks_that_are_understood(page: Page) -> None:
    assert not page.problem, page.problem


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example.block.place))
def test_example_does_what_the_page_says(example: Example, tmp_path: Path) -> None:
    source = tmp_path / "example.mlr"
    source.write_text(example.source, encoding="utf-8")
    for name, text in example.files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    options = options_for(
        source, example.flags, product=Product.EXECUTABLE, targets=(LINUX_X86_64,)
    )
    context = context_for(options)
    module = _front_end(context)
    found = tuple(sorted({row.code for row in context.sink.diagnostics()}))
    assert found == example.codes, f"{example.block.place}\n{render_report(context.sink)}"
    if module is None:
        return
    result = _run(context, module, example, tmp_path)
    assert result.stdout.decode() == (example.output or ""), example.block.place
    assert result.status == example.status, example.block.place
    assert example.messages in result.stderr.decode(), example.block.place


def _front_end(context: pipeline.BuildContext) -> Module | None:
    """Return the IR of a program, or None after diagnosed errors."""
    try:
        return front_end(context)
    except AssertionError:
        if not context.sink.has_errors:
            raise
        return None


def _run(
    context: pipeline.BuildContext, module: Module, example: Example, folder: Path
) -> RunResult:
    """Run on this machine where it can, else in the interpreter."""
    pipeline.optimise_module(context, module)
    if ENGINE.missing() is not None:
        try:
            interpreted = run_program(module, example.arguments, RecordingOs())
        except UnresolvedSymbol as error:
            pytest.skip(f"needs {LINUX_X86_64.name}: {error}")
        return RunResult(interpreted.stdout, interpreted.stderr, interpreted.status)
    image = pipeline.slices(context, module)[0].image
    return ENGINE.run(image, example.arguments, working_folder=folder)
