"""Program text to IR and, through the interpreter, to output: what the tests of lowering share."""

from mlrift.diagnostics.render import render_report
from mlrift.diagnostics.sink import DiagnosticSink
from mlrift.driver.library_units import merge_core_library
from mlrift.frontend.ast import Program
from mlrift.frontend.check import CheckOptions, MainRequirement, check_program
from mlrift.frontend.lower import (
    LowerOptions,
    LowerRole,
    RuntimeChecks,
    SourceNames,
    lower_program,
)
from mlrift.frontend.parser import parse_program_text
from mlrift.ir.core import Module
from mlrift.ir.interpret import ProgramResult, run_program
from mlrift.ir.text import print_module
from mlrift.source import SourceFile


def lower(
    text: str,
    checks: RuntimeChecks = RuntimeChecks.NONE,
    role: LowerRole = LowerRole.PROGRAM,
    requirement: MainRequirement = MainRequirement.EXECUTABLE,
    names: SourceNames = SourceNames.DROPPED,
) -> Module:
    """Return the IR of a program, without the core library."""
    sink = DiagnosticSink()
    module = parse_program_text(SourceFile("test.mlr", text), sink)
    typed = check_program(Program([module]), CheckOptions(entry=requirement), sink)
    assert not sink.has_errors, render_report(sink)
    return lower_program(typed, LowerOptions(checks, names, role), "test")


def ops_of(module: Module, function: str = "main") -> list[str]:
    """Return the mnemonics of a function's ops in block order."""
    return [made.MNEMONIC for made in module.functions[function].ops()]


def text_of(module: Module) -> str:
    """Return the text form of a module."""
    return print_module(module)


def run(text: str, checks: RuntimeChecks = RuntimeChecks.NONE) -> ProgramResult:
    """Run a program on the interpreter."""
    module = lower(text, checks)
    merge_core_library(module)
    return run_program(module)


def output(text: str) -> str:
    """Return what a program that ends with status 0 prints."""
    result = run(text)
    assert result.status == 0, result
    return result.stdout.decode("latin-1")


def main_output(body: str) -> str:
    """Return what the statements print as the body of `main`."""
    return output(f"fn main() {{ {body} }}")
