"""The lines that LLVM is told of: a breakpoint can only be where a line is."""

import re
from pathlib import Path

import pytest

from mlrift.backends.llvm import objects as llvm
from mlrift.driver import pipeline
from mlrift.driver.options import DebugInfo, Optimisation
from mlrift.targets import LINUX_X86_64, X86_64
from tests.harness.compiler import context_for, front_end, options_for

PROGRAM = Path(__file__).parent / "lines.mlr"


@pytest.mark.parametrize("level", list(Optimisation), ids=lambda row: row.value)
def test_our_passes_keep_every_line_that_has_code(level: Optimisation) -> None:
    """What LLVM merges or moves away later is its own business, as with every compiler."""
    options = options_for(
        PROGRAM,
        [],
        optimisation=level,
        debug_info=DebugInfo.FULL,
        targets=(LINUX_X86_64,),
    )
    context = context_for(options)
    module = front_end(context)
    pipeline.optimise_module(context, module)
    is_full = level is Optimisation.FULL
    generation = llvm.CodegenOptions(
        level=llvm.OptimisationLevel.FULL if is_full else llvm.OptimisationLevel.NONE,
        debug=llvm.DebugInfo.FULL,
    )
    text = llvm.emit_llvm(module, X86_64, generation)
    assert _marked() - _lines_of_instructions(text) == set()


def _marked() -> set[int]:
    lines = PROGRAM.read_text(encoding="utf-8").splitlines()
    return {number for number, line in enumerate(lines, 1) if line.endswith("// code")}


def _lines_of_instructions(text: str) -> set[int]:
    """Return the lines of places that instructions other than debugging ones refer to."""
    code = [line for line in text.splitlines() if line.startswith("  ") and "#dbg" not in line]
    used = {name for line in code for name in re.findall(r"!dbg (!\d+)", line)}
    places = re.findall(r"^(!\d+) = !DILocation\(line: (\d+)", text, re.MULTILINE)
    return {int(line) for name, line in places if name in used}
