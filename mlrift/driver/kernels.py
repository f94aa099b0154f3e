"""Kernels of a program as IR: what the device back end, the interpreter and tests start from.

A program, its path or its text goes in; out comes a module of the kernels (EXPORTED functions) and
what they call (INTERNAL ones), with every local a slot, as lowering makes it. Findings go into the
sink; the module is there only if they have no error.
"""

from pathlib import Path

from mlrift.diagnostics.model import Diagnostic, Severity
from mlrift.diagnostics.sink import DiagnosticSink
from mlrift.driver.kernel_barriers import report_divergent_barriers
from mlrift.driver.modules import FileReader, load_program, read_file
from mlrift.driver.resources import standard_library_root
from mlrift.frontend import check, lower
from mlrift.frontend.ast import Program
from mlrift.ir.core import Function, Linkage, Module

_TEXT_NAME = "kernels.mlr"


class KernelError(ValueError):
    """Kernels with mistakes: the diagnostics say which."""

    def __init__(self, diagnostics: list[Diagnostic]) -> None:
        super().__init__("\n".join(_described(row) for row in diagnostics))
        self.diagnostics = diagnostics


def kernel_module(program: Program, sink: DiagnosticSink, name: str) -> Module | None:
    """Check and lower the kernels of a parsed program; None when there are errors."""
    options = check.CheckOptions(check.MainRequirement.DEVICE)
    typed = check.check_program(program, options, sink)
    if sink.has_errors:
        return None
    typed.statics = {}
    kernels = frozenset(row.name for row in typed.functions if row.is_kernel)
    lowering = lower.LowerOptions(role=lower.LowerRole.LIBRARY, exports=kernels)
    module = lower.lower_program(typed, lowering, name)
    report_divergent_barriers(module, kernels_in(module), sink)
    return None if sink.has_errors else module


def kernels_of(source: Path | str) -> Module:
    """Return the kernels of a file, or of a text of several lines; raise KernelError."""
    sink = DiagnosticSink()
    if isinstance(source, str) and "\n" in source:
        program = load_program(_TEXT_NAME, _roots(), sink, _reader_of(source))
    else:
        program = load_program(source, _roots(), sink)
    module = None if sink.has_errors else kernel_module(program, sink, Path(_name(source)).stem)
    if module is None:
        errors = [row for row in sink.diagnostics() if row.severity is Severity.ERROR]
        raise KernelError(errors)
    return module


def kernels_in(module: Module) -> list[Function]:
    """Return the kernels of such a module, in the order of the source."""
    return [row for row in module.functions.values() if row.linkage is Linkage.EXPORTED]


def _roots() -> tuple[Path, ...]:
    return (standard_library_root(),)


def _name(source: Path | str) -> str:
    return _TEXT_NAME if isinstance(source, str) and "\n" in source else str(source)


def _reader_of(text: str) -> FileReader:
    data = text.encode("utf-8", "surrogateescape")

    def read(path: str) -> bytes:
        return data if path == _TEXT_NAME else read_file(path)

    return read


def _described(diagnostic: Diagnostic) -> str:
    span = diagnostic.span
    place = "" if span is None else f"{span.file.path}:{span.line}: "
    return f"{place}{diagnostic.kind.code} {diagnostic.message}"
