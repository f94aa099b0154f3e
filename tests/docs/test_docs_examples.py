"""Every `mlr` block of the pages is compiled and run, and does what the page says."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlrift.diagnostics.render import render_report
from mlrift.driver import pipeline
from mlrift.driver.compilation import RecordingReader
from mlrift.driver.link_mistakes import report_externs
from mlrift.driver.options import CompileOptions, Optimisation, Product, Startup
from mlrift.ir.core import Module
from mlrift.ir.interpret import RecordingOs, UnresolvedSymbol, run_program
from mlrift.targets import LINUX_ARM64, LINUX_X86_64
from tests.docs.blocks import BadBlock, Example, Use, read_examples
from tests.harness.compiler import context_for, front_end, options_for, run_mlrc
from tests.harness.run_files import IS_THOROUGH
from tests.support.engines import RunResult, default_engine

ROOT = Path(__file__).resolve().parents[2]
# Its programs come from the explanations, which tests/cli/test_explain.py compiles.
GENERATED = ROOT / "docs/diagnostics.md"
LIBRARY = ROOT / "docs/std"
PAGES = [path for path in sorted((ROOT / "docs").rglob("*.md")) if path != GENERATED]
PAGES.append(ROOT / "README.md")
PRODUCTS = {
    Use.RUN: Product.EXECUTABLE,
    Use.CHECK: Product.CHECK,
    Use.OBJECT: Product.OBJECT,
}


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
    context = context_for(_options(example, source))
    module = _front_end(context)
    found = tuple(sorted({row.code for row in context.sink.diagnostics()}))
    assert found == example.codes, f"{example.block.place}\n{render_report(context.sink)}"
    if module is None:
        return
    result = _result(context, module, example, tmp_path)
    assert result.stdout.decode() == (example.output or ""), example.block.place
    assert result.status == example.status, example.block.place
    assert example.messages in result.stderr.decode(), example.block.place


def _options(example: Example, source: Path) -> CompileOptions:
    flags = example.flags
    target = LINUX_ARM64 if "--arch=arm64" in flags else LINUX_X86_64
    startup = Startup.FREESTANDING if "--freestanding" in flags else Startup.HOSTED
    product = PRODUCTS[example.use]
    return options_for(
        source,
        flags,
        product=product,
        targets=(target,),
        startup=startup,
        optimisation=_level(example),
    )


def _level(example: Example) -> Optimisation:
    """Pages of the library are many, and LLVM is slow with what they import."""
    is_library = LIBRARY in example.block.page.parents
    return Optimisation.NONE if is_library and not IS_THOROUGH else Optimisation.FULL


def _front_end(context: pipeline.BuildContext) -> Module | None:
    """Return the IR of a program, or None after diagnosed errors or a mere check."""
    if context.options.product is Product.CHECK:
        pipeline.check_types(context, pipeline.parse(context, RecordingReader()))
        return None
    try:
        module = front_end(context)
    except AssertionError:
        if not context.sink.has_errors:
            raise
        return None
    report_externs(module, context.options, context.sink)
    return None if context.sink.has_errors else module


def _result(
    context: pipeline.BuildContext, module: Module, example: Example, folder: Path
) -> RunResult:
    if example.use is Use.OBJECT:
        return _run_with_c(example, folder)
    return _run(context, module, example, folder)


def _run_with_c(example: Example, folder: Path) -> RunResult:
    """Link the object with the C program of the page and run the result."""
    compiler = shutil.which("gcc")
    if compiler is None or default_engine(LINUX_X86_64).missing() is not None:
        pytest.skip("needs gcc on Linux x86-64")
    status, _, messages = run_mlrc(["-c", str(folder / "example.mlr"), "-o", f"{folder}/mlr.o"])
    assert status == 0, messages
    (folder / "main.c").write_text(example.c_program, encoding="utf-8")
    words = [compiler, "-std=c99", "-Wall", "-Werror", "main.c", "mlr.o", "-lm", "-o", "program"]
    subprocess.run(words, cwd=folder, check=True)
    made = subprocess.run([folder / "program"], cwd=folder, check=False, capture_output=True)
    return RunResult(made.stdout, made.stderr, made.returncode)


def _run(
    context: pipeline.BuildContext, module: Module, example: Example, folder: Path
) -> RunResult:
    """Run on this machine where it can, else in the interpreter."""
    pipeline.optimise_module(context, module)
    target = context.options.targets[0]
    engine = default_engine(target)
    if engine.missing() is not None:
        try:
            interpreted = run_program(module, example.arguments, RecordingOs())
        except UnresolvedSymbol as error:
            pytest.skip(f"needs {target.name}: {error}")
        return RunResult(interpreted.stdout, interpreted.stderr, interpreted.status)
    image = pipeline.slices(context, module)[0].image
    return engine.run(image, example.arguments, working_folder=folder)
