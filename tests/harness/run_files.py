"""`.mlr` programs with expected output: one pytest item a file, run on every engine present.

The interpreter runs the unoptimised IR; every target's image (-O2) runs on each of its engines;
linux-x64 runs once more at -O0. All must agree with the expectation. Of a large program, which LLVM
takes long for, one share runs: what x86-64 makes at -O2, what arm64 makes and -O0, or both CPUs at
-O0; which depends on the name alone. `make test-all` runs all, and interprets the optimised IR and
the IR of `also` besides.
"""

import os
import tempfile
import zlib
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

import pytest

from mlrift.driver.options import Optimisation, RuntimeChecks
from mlrift.ir.core import Module
from mlrift.ir.interpret import ProgramResult, RecordingOs, run_program
from mlrift.targets import LINUX_X86_64, TARGETS, X86_64, Target
from tests.harness.compiler import (
    compile_ir,
    compile_model_ir,
    compile_module,
    compile_program,
    options_for,
    uses_models,
)
from tests.harness.directives import Directives, read_directives
from tests.support.engines import ENGINES, Engine
from tests.support.results import RunResult
from tests.support.scratch import scratch_root

INTERPRETER = "interpreter"
# `make test-all` sets it: interpretations that rarely find what the engines do not
IS_THOROUGH = os.environ.get("MLRIFT_TEST_ALL") == "1"
# LLVM takes some 0.1 s for so many ops and each CPU
_LARGE_OPS = 1000


class RunFile(pytest.File):
    """A program file; it has one item."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield the item that runs the program."""
        yield RunItem.from_parent(self, name=self.path.stem)


class Mismatch(Exception):
    """An engine did something else than expected."""


class RunItem(pytest.Item):
    """Compiles the program once and compares what every engine does."""

    def runtest(self) -> None:
        """Run everywhere; a missing engine is a failure under CI and noted otherwise."""
        run_everywhere(self.path)

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None
    ) -> str:
        """Show mismatches plainly, everything else as pytest does."""
        if isinstance(excinfo.value, Mismatch | AssertionError):
            return f"{self.path}\n{excinfo.value}"
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int, str]:
        """Name the item by its file."""
        return self.path, 0, str(self.path)


def run_everywhere(program: Path) -> None:
    """Run a program on every engine present; raise Mismatch where one does not do as expected."""
    expected = read_directives(program)
    problems: list[str] = []
    missing: list[str] = []
    wanted = [row for row in ENGINES if _is_wanted(row.name, expected)]
    module = compile_ir(program, expected.flags, _targets_of(wanted))
    share = _share_of(program, module)
    engines = [row for row in wanted if share.runs(row.target)] or wanted
    targets = _targets_of(engines)
    level = share.level
    images = _interpret_and_compile(program, expected, module, targets, problems, level=level)
    quick = b""
    if share in (Share.WHOLE, Share.ARM64) and LINUX_X86_64 in _targets_of(wanted):
        flags, level = expected.flags, Optimisation.NONE
        quick = compile_program(program, flags, (LINUX_X86_64,), level).images[LINUX_X86_64.name]
    for engine in wanted:
        reason = engine.missing()
        if reason is not None:
            missing.append(f"{engine.name}: {reason}")
            continue
        if engine in engines:
            _run(engine, images[engine.target.name], f"-{level.value}", expected, problems)
        if quick and engine.target is LINUX_X86_64:
            _run(engine, quick, "-O0", expected, problems)
    for flags in expected.also:
        _run_also(program, expected, flags, problems)
    if problems:
        raise Mismatch("\n".join(problems))
    if missing and os.environ.get("CI") == "true":
        raise Mismatch("engines missing under CI: " + "; ".join(missing))
    if missing:
        pytest.skip("ran except on " + "; ".join(missing))


class Share(Enum):
    """Which engines run the code of a program."""

    WHOLE = "all"
    X86_64 = "x86-64"
    ARM64 = "arm64"
    QUICK = "not optimised"

    @property
    def level(self) -> Optimisation:
        """What the engines of the share run."""
        return Optimisation.NONE if self is Share.QUICK else Optimisation.FULL

    def runs(self, target: Target) -> bool:
        """Whether code for a target is made and run."""
        if self in (Share.WHOLE, Share.QUICK):
            return True
        return (target.cpu is X86_64) == (self is Share.X86_64)


def _share_of(program: Path, module: Module) -> Share:
    ops = sum(1 for function in module.functions.values() for _ in function.ops())
    if IS_THOROUGH or ops < _LARGE_OPS:
        return Share.WHOLE
    return (Share.X86_64, Share.ARM64, Share.QUICK)[zlib.crc32(program.stem.encode()) % 3]


def _interpret_and_compile(
    program: Path,
    expected: Directives,
    module: Module,
    targets: tuple[Target, ...],
    problems: list[str],
    *,
    level: Optimisation,
) -> dict[str, bytes]:
    """Run what the interpreter can; return the image of every target by its name."""
    is_interpreted = _is_wanted(INTERPRETER, expected)
    if is_interpreted:
        _interpret(module, "interpreter -O0", expected, problems)
        _interpret_models(program, expected, problems)
    compiled = compile_module(module, program, expected.flags, targets, level)
    if is_interpreted and IS_THOROUGH:
        _interpret(module, "interpreter -O2", expected, problems)
    return compiled.images


def _interpret(module: Module, label: str, expected: Directives, problems: list[str]) -> None:
    files = {name.encode(): content for name, content in expected.files.items()}
    result = run_program(module, expected.arguments, RecordingOs(expected.stdin, files))
    _compare(label, result, expected, problems)


def _interpret_models(program: Path, expected: Directives, problems: list[str]) -> None:
    """Run the ops of models by what they mean, if the program has any."""
    if not uses_models(program):
        return
    module = compile_model_ir(program, expected.flags)
    if module is not None:
        _interpret(module, "interpreter, ops of models", expected, problems)


def _run(
    engine: Engine, image: bytes, label: str, expected: Directives, problems: list[str]
) -> None:
    with _working_folder(expected) as folder:
        result = engine.run(
            image,
            expected.arguments,
            stdin=expected.stdin,
            working_folder=Path(folder),
            timeout_seconds=60,
        )
    _compare(f"{engine.name} {label}", result, expected, problems)


def _run_also(program: Path, expected: Directives, added: list[str], problems: list[str]) -> None:
    """Run with flags of `also` natively; no heap errors are expected.

    Of six programs one, always the same, is optimised: `make test-all` optimises all, and runs them
    on the interpreter too.
    The interpreter has no pages that could guard a block.
    """
    label = " ".join(added)
    flags = [*expected.flags, *added]
    is_interpreted = options_for(program, flags).checks is not RuntimeChecks.GUARD_PAGES
    if IS_THOROUGH and is_interpreted and _is_wanted(INTERPRETER, expected):
        _interpret(compile_ir(program, flags), f"interpreter -O0 {label}", expected, problems)
    is_optimised = IS_THOROUGH or zlib.crc32(program.name.encode()) % 6 == 0
    level = Optimisation.FULL if is_optimised else Optimisation.NONE
    for engine in ENGINES:
        if engine.target is LINUX_X86_64 and _is_wanted(engine.name, expected):
            images = compile_program(program, flags, (LINUX_X86_64,), level).images
            _run(engine, images[LINUX_X86_64.name], f"-{level.value} {label}", expected, problems)


def _targets_of(wanted: list[Engine]) -> tuple[Target, ...]:
    """Return what to compile for; the interpreter alone gets the IR of one target."""
    used = [row.target for row in wanted]
    return tuple(row for row in TARGETS if row in used) or (LINUX_X86_64,)


def _is_wanted(name: str, expected: Directives) -> bool:
    return not expected.engines or name.startswith(expected.engines)


def _working_folder(expected: Directives) -> "tempfile.TemporaryDirectory[str]":
    folder = tempfile.TemporaryDirectory(prefix="mlrift-run-", dir=scratch_root())
    for name, content in expected.files.items():
        (Path(folder.name) / name).write_bytes(content)
    return folder


def _compare(
    label: str, result: RunResult | ProgramResult, expected: Directives, problems: list[str]
) -> None:
    if result.stdout != expected.expected:
        problems.append(
            f"[{label}] output differs\n--- expected\n{expected.expected.decode(errors='replace')}"
            f"\n--- found\n{result.stdout.decode(errors='replace')}"
        )
    errors = result.stderr.decode(errors="replace")
    if result.status != expected.status:
        problems.append(
            f"[{label}] exit status {result.status}, expected {expected.status}\n{errors}"
        )
    elif not _has_messages(errors, expected.messages):
        rows = "\n".join(expected.messages)
        problems.append(f"[{label}] messages differ\n--- expected\n{rows}\n--- found\n{errors}")


def _has_messages(errors: str, expected: list[str]) -> bool:
    lines = iter(errors.splitlines())
    return all(any(line.endswith(text) for line in lines) for text in expected)
