"""Textual machine IR tests: a pytest item per `.mir` file, with what is expected in its comments.

    ; pass: allocate, waits      passes to run, in order; the function is verified after each
    ; registers: 4, 20           how many vector and scalar registers `allocate` may use
    ; error: text                `verify` says this
    ; expect gfx1100:            all that follows, up to the next such line, is the text afterwards

The passes run once for every chip of an `; expect`. MLRIFT_BLESS=1 rewrites what follows those.
"""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mlrift.backends.amdgcn.allocation.allocate import Budget, allocate
from mlrift.backends.amdgcn.branches import fall_through
from mlrift.backends.amdgcn.chips import Chip, Generation, chip_named
from mlrift.backends.amdgcn.frame import (
    claim_scratch,
    reach_far_arrays,
    resolve_frame,
    set_flat_scratch,
)
from mlrift.backends.amdgcn.hazards.insert import insert_hazard_fixes
from mlrift.backends.amdgcn.mir import MachineFunction
from mlrift.backends.amdgcn.mir_parse import parse_mir
from mlrift.backends.amdgcn.mir_text import print_mir
from mlrift.backends.amdgcn.peephole.constants import share_constants
from mlrift.backends.amdgcn.peephole.dead_code import remove_dead_code
from mlrift.backends.amdgcn.peephole.dual_issue import pair_instructions
from mlrift.backends.amdgcn.peephole.loop_ends import merge_loop_ends
from mlrift.backends.amdgcn.peephole.shorten import shorten
from mlrift.backends.amdgcn.schedule.schedule import schedule
from mlrift.backends.amdgcn.verify_mir import Stage, verify_mir
from mlrift.backends.amdgcn.waits.insert import insert_waits

_EXPECT = re.compile(r"^; expect (\w+):\n", re.MULTILINE)


@dataclass(slots=True)
class MirTest:
    """A test file: its machine IR, directives and the expected text by chip."""

    text: str
    expected: dict[str, str]
    passes: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    budget: Budget = field(default_factory=lambda: Budget(256))


class MirFile(pytest.File):
    """A `.mir` file; it has one item."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield the item that runs the file."""
        yield MirItem.from_parent(self, name=self.path.stem)


class MirItem(pytest.Item):
    """Runs one file."""

    def runtest(self) -> None:
        """Check what the file's comments ask for."""
        run_mir_test(self.path)

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None
    ) -> str:
        """Show assertions plainly."""
        if isinstance(excinfo.value, AssertionError):
            return f"{self.path}\n{excinfo.value}"
        return str(super().repr_failure(excinfo))


def read_mir_test(path: Path) -> MirTest:
    """Read a file and its directives."""
    text, *sections = _EXPECT.split(path.read_text(encoding="utf-8"))
    test = MirTest(text, dict(zip(sections[::2], sections[1::2], strict=True)))
    for line in text.splitlines():
        word, colon, rest = line.removeprefix(";").strip().partition(":")
        if not line.startswith(";") or not colon:
            continue
        if word == "pass":
            test.passes += [name.strip() for name in rest.split(",")]
        elif word == "error":
            test.errors.append(rest.strip())
        elif word == "registers":
            test.budget = Budget(*(int(number) for number in rest.split(",")))
    return test


def run_mir_test(path: Path) -> None:
    """Run a test file; AssertionError says what is wrong."""
    test = read_mir_test(path)
    assert test.expected or test.errors, "the file expects nothing"
    if test.errors:
        found = verify_mir(parse_mir(test.text), Generation.GFX11, Stage.SELECTED)
        missing = [row for row in test.errors if not any(row in message for message in found)]
        assert not missing, f"no error says {missing}; there are {found}"
        return
    results = {name: _result(test, name) for name in test.expected}
    if os.environ.get("MLRIFT_BLESS") == "1":
        parts = [f"; expect {name}:\n{text}" for name, text in results.items()]
        path.write_text(test.text + "".join(parts), encoding="utf-8")
        return
    for name, text in results.items():
        wanted = test.expected[name]
        assert text == wanted, f"{name}: found\n{text}\nexpected\n{wanted}"


def _result(test: MirTest, chip_name: str) -> str:
    chip = chip_named(chip_name)
    assert chip is not None, chip_name
    function = parse_mir(test.text)
    for name in test.passes:
        PASSES[name](function, chip, test.budget)
        is_allocated = not any(_is_virtual(row) for row in _operands(function))
        stage = Stage.ALLOCATED if is_allocated else Stage.SELECTED
        errors = verify_mir(function, chip.generation, stage)
        assert not errors, f"after {name}: {errors}"
    return print_mir(function)


def _operands(function: MachineFunction) -> Iterator[object]:
    for made in function.instructions():
        yield from made.operands


def _is_virtual(operand: object) -> bool:
    return type(operand).__name__ in ("VirtualRegister", "Part")


def _frame(function: MachineFunction, chip: Chip, _: Budget) -> None:
    if resolve_frame(function, chip.generation) and chip.generation is Generation.GFX10:
        set_flat_scratch(function)


def _arrays(function: MachineFunction, chip: Chip, _: Budget) -> None:
    reach_far_arrays(function, chip.generation)
    if function.frame and chip.generation is Generation.GFX10:
        claim_scratch(function)


PASSES: dict[str, Callable[[MachineFunction, Chip, Budget], object]] = {
    "arrays": _arrays,
    "schedule": lambda function, chip, budget: schedule(function, chip.generation, budget.vector),
    "allocate": lambda function, chip, budget: allocate(function, chip.generation, budget),
    "frame": _frame,
    "loop_ends": lambda function, chip, _: merge_loop_ends(function, chip.generation),
    "dead_code": lambda function, chip, _: remove_dead_code(function, chip.generation),
    "constants": lambda function, _, __: share_constants(function),
    "shorten": lambda function, _, __: shorten(function),
    "pairs": lambda function, chip, _: pair_instructions(function, chip.generation),
    "waits": lambda function, chip, _: insert_waits(function, chip.generation),
    "hazards": lambda function, chip, _: insert_hazard_fixes(function, chip),
    "branches": lambda function, chip, _: fall_through(function),
}
