"""Textual IR tests: a pytest item per `.ir` file, with what is expected in its comments.

    ; pass: fold                 passes to run, in order; the IR is verified after each
    ; run: @f(1, 2**63) == 3     before and after the passes; or `trap 136`, `none`, `(1, -0.0)`
    ; error: no terminator       the text or the IR is refused with this, on this line
    ; expect:                    all that follows is the text after the passes

`; error:` on a line of its own is about no line in particular. MLRIFT_BLESS=1 rewrites what
follows `; expect:`.
"""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mlrift.ir.core import Module
from mlrift.ir.interpret import ProgramTrap, run_function
from mlrift.ir.numbers import double_to_bits
from mlrift.ir.passes.pipeline import run_pass
from mlrift.ir.text import IrSyntaxError, parse_module, print_module
from mlrift.ir.verify import check_module, verify_module

_EXPECT = "; expect:"


@dataclass(slots=True)
class IrTest:
    """A test file's directives; errors are pairs of a line (0 for none) and a text."""

    text: str
    expected: str | None
    passes: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    errors: list[tuple[int, str]] = field(default_factory=list)


class IrFile(pytest.File):
    """A `.ir` file; it has one item."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield the item that runs the file."""
        yield IrItem.from_parent(self, name=self.path.stem)


class IrItem(pytest.Item):
    """Runs one file."""

    def runtest(self) -> None:
        """Check what the file's comments ask for."""
        run_ir_test(self.path)

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None
    ) -> str:
        """Show assertions plainly."""
        if isinstance(excinfo.value, AssertionError):
            return f"{self.path}\n{excinfo.value}"
        return str(super().repr_failure(excinfo))


def read_ir_test(path: Path) -> IrTest:
    """Read a file and its directives."""
    text, marker, expected = path.read_text(encoding="utf-8").partition(_EXPECT + "\n")
    test = IrTest(text, expected if marker else None)
    for number, line in enumerate(text.splitlines(), 1):
        code, mark, comment = line.partition(";")
        word, colon, value = comment.strip().partition(":")
        if not mark or not colon:
            continue
        if word == "pass":
            test.passes += [name.strip() for name in value.split(",")]
        elif word == "run":
            test.runs.append(value.strip())
        elif word == "error":
            test.errors.append((number if code.strip() else 0, value.strip()))
    return test


def run_ir_test(path: Path) -> None:
    """Run a test file; AssertionError says what is wrong."""
    test = read_ir_test(path)
    assert test.errors or test.runs or test.expected is not None, "the file expects nothing"
    if test.errors:
        _check_errors(test, path)
        return
    module = parse_module(test.text, path.name)
    check_module(module, "parsing")
    _check_runs(test, module)
    for name in test.passes:
        run_pass(name, module)
        check_module(module, name)
    _check_runs(test, module)
    if test.expected is not None:
        _check_text(test, path, print_module(module))


def _check_errors(test: IrTest, path: Path) -> None:
    try:
        module = parse_module(test.text, path.name)
    except IrSyntaxError as error:
        found = [(error.line, error.message)]
    else:
        found = [(row.line or 0, str(row)) for row in verify_module(module)]
    for line, fragment in test.errors:
        matching = [row for row in found if fragment in row[1] and line in (0, row[0])]
        assert matching, f"no error on line {line} says {fragment!r}; there are {found}"
        found.remove(matching[0])
    assert not found, f"errors that are not expected: {found}"


def _check_runs(test: IrTest, module: Module) -> None:
    for line in test.runs:
        name, arguments, wanted = call_of(line)
        try:
            found: object = run_function(module, name, arguments)
        except ProgramTrap as trap:
            found = f"trap {trap.status}"
        expected = wanted if wanted.startswith("trap ") else _value(wanted)
        same = _exact(found) == _exact(expected)
        assert same, f"{line.partition('==')[0].strip()} is {found}, not {wanted}"


def call_of(line: str) -> tuple[str, tuple[int | float, ...], str]:
    """Return the function of a `; run:` line, its arguments, and what is expected."""
    call, _, wanted = line.partition("==")
    name, _, listed = call.strip().lstrip("@").partition("(")
    arguments = _value(f"({listed.rstrip().removesuffix(')')},)".replace("(,)", "()"))
    assert isinstance(arguments, tuple)
    return name, arguments, wanted.strip()


def _value(text: str) -> object:
    """Read a Python expression of numbers, `inf`, `nan` and `none`."""
    names = {"inf": math.inf, "nan": math.nan, "none": None}
    return eval(text.strip(), {"__builtins__": {}}, names)


def _exact(value: object) -> object:
    """Make floats comparable: by their bits, all NaNs alike."""
    if isinstance(value, tuple):
        return tuple(_exact(row) for row in value)
    if isinstance(value, float):
        return "nan" if math.isnan(value) else ("float", double_to_bits(value))
    return value


def _check_text(test: IrTest, path: Path, text: str) -> None:
    if text != test.expected and os.environ.get("MLRIFT_BLESS"):
        path.write_text(test.text + _EXPECT + "\n" + text, encoding="utf-8")
        return
    assert text == test.expected, f"expected:\n{test.expected}\ngot:\n{text}"
