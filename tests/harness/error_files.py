"""Programs with mistakes: `//~ E0301 text` on the guilty line; every diagnostic must be annotated.

A diagnostic without a place is annotated by `//~! E0101 text` anywhere in the file. `text` is a
part of the message. `// flags: check`, `-c`, `--emit=lib`, `--emit=gpu-asm` and `--arch=arm64` are
for those products, `--target-arch=gfx1030` for the chips of kernels.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlrift.diagnostics.model import Diagnostic
from mlrift.driver import pipeline
from mlrift.driver.build import on_deep_stack
from mlrift.driver.compilation import RecordingReader
from mlrift.driver.device.building import kernel_product
from mlrift.driver.options import KERNEL_PRODUCTS, Product
from mlrift.driver.results import Stored
from mlrift.targets import LINUX_ARM64, LINUX_X86_64, TARGETS
from mlrift.values import replace
from tests.harness.compiler import context_for, options_for
from tests.harness.directives import read_directives

_NOTE = re.compile(r"//~(!?)\s*([EW]\d{4})\s*([^/\n]*(?:/(?!/~)[^/\n]*)*)")
_PRODUCTS = {
    "-c": Product.OBJECT,
    "check": Product.CHECK,
    "--emit=lib": Product.LIBRARY,
    "--emit=gpu-ir": Product.KERNEL_IR,
    "--emit=gpu-asm": Product.KERNEL_ASSEMBLY,
}
_CHIPS = "--target-arch="
_TARGETS = {f"--arch={row.cpu.name}": (row,) for row in (LINUX_X86_64, LINUX_ARM64)}


class ErrorFile(pytest.File):
    """A program file; it has one item."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield the item that checks the program."""
        yield ErrorItem.from_parent(self, name=self.path.stem)


class WrongDiagnostics(Exception):
    """The diagnostics are not the annotated ones."""


class ErrorItem(pytest.Item):
    """Runs the front end and compares its diagnostics with the annotations."""

    def runtest(self) -> None:
        """Compare annotated with emitted diagnostics, both ways."""
        flags = read_directives(self.path).flags
        product = next((_PRODUCTS[row] for row in flags if row in _PRODUCTS), Product.EXECUTABLE)
        targets = next((_TARGETS[row] for row in flags if row in _TARGETS), TARGETS)
        chips = next(
            (row.removeprefix(_CHIPS) for row in flags if row.startswith(_CHIPS)), "gfx1100"
        )
        options = options_for(self.path, flags, product=product, targets=targets)
        context = context_for(replace(options, chips=tuple(chips.split(","))))

        def stages() -> Stored:
            program = pipeline.parse(context, RecordingReader())
            if context.sink.has_errors:
                return Stored(0, b"", "", "")
            if product in KERNEL_PRODUCTS:
                return kernel_product(context, program)
            pipeline.check_types(context, program)
            return Stored(0, b"", "", "")

        on_deep_stack(stages)
        wanted = _annotations(self.path)
        problems: list[str] = []
        for diagnostic in context.sink.diagnostics():
            match = next((row for row in wanted if _fits(row, diagnostic, self.path)), None)
            if match is None:
                problems.append(f"not annotated: {_describe(diagnostic)}")
            else:
                wanted.remove(match)
        problems += [f"not reported: line {line}: {code} {text}" for line, code, text in wanted]
        if problems:
            raise WrongDiagnostics("\n".join(problems))

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None
    ) -> str:
        """Show differences plainly, everything else as pytest does."""
        if isinstance(excinfo.value, WrongDiagnostics):
            return f"{self.path}\n{excinfo.value}"
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int, str]:
        """Name the item by its file."""
        return self.path, 0, str(self.path)


def _annotations(path: Path) -> list[tuple[int | None, str, str]]:
    rows: list[tuple[int | None, str, str]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        for note in _NOTE.finditer(line):
            rows.append((None if note[1] else number, note[2], note[3].strip()))
    return rows


def _fits(row: tuple[int | None, str, str], diagnostic: Diagnostic, path: Path) -> bool:
    line, code, text = row
    span = diagnostic.span
    here = span.line if span is not None and span.file.path == str(path) else None
    return here == line and code == diagnostic.code and text in diagnostic.message


def _describe(diagnostic: Diagnostic) -> str:
    span = diagnostic.span
    place = f"{span.file.path}:{span.line}:{span.column}" if span is not None else "(no place)"
    return f"{place}: {diagnostic.code} {diagnostic.message}"
