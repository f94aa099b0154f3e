"""One program on every engine: its text comes in, a `Finding` leaves, or None when all agree.

The unoptimised IR on the interpreter says what is right; whatever differs is a finding. `--debug`
may end a program early, with status 1 and a report; then its output must be the start of what the
program prints without, and the interpreter says where that is. The IR is verified after every
pass, and its text form must read back as the same text.
"""

import tempfile
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, unique
from pathlib import Path

from mlrift.diagnostics.render import render_report
from mlrift.driver import pipeline
from mlrift.driver.build import on_deep_stack
from mlrift.driver.compilation import RecordingReader
from mlrift.driver.options import DebugInfo, Optimisation, RuntimeChecks
from mlrift.driver.results import Stored
from mlrift.frontend.typed import TypedProgram
from mlrift.ir.core import Module
from mlrift.ir.interpret import ProgramLimits, RecordingOs, run_program
from mlrift.ir.passes.pipeline import OptimisationLevel, optimise
from mlrift.ir.text import parse_module, print_module
from mlrift.ir.verify import check_module
from mlrift.targets import LINUX_ARM64, LINUX_X86_64, TARGETS, Target
from tests.fuzz.linked import LinkFailedError, can_link, run_linked
from tests.fuzz.model import run_model
from tests.harness.compiler import context_for, options_for
from tests.support.engines import RunTimeout, default_engine

_STEPS = 3_000_000
_BATCH_STEPS = 30_000_000
_NATIVE_SECONDS = 60.0
_STATUS_CHECK = 1
_EXECUTED = (LINUX_X86_64, LINUX_ARM64)
_BROKEN = {132: "unreachable code", 139: "memory fault", 152: "too many steps"}


@unique
class Kind(Enum):
    """What sort of thing went wrong: a shrunk program must go wrong in the same way."""

    REFUSED = "the compiler refuses the program"
    CRASH = "the compiler crashed"
    DIED = "the compiler process died or hung"
    FAULT = "the program breaks a rule of the generator, or lowering is wrong"
    OUTPUT = "engines disagree"


@unique
class Reach(Enum):
    """Which engines run."""

    NATIVE = "model, interpreter, x86-64 at -O0 and -O2, arm64 at -O2 under qemu"
    BATCH = "the same, for many programs in one"
    EVERYWHERE = "also arm64 at -O0, --debug, -g, objects, all targets, the IR after every pass"


@dataclass(frozen=True, slots=True)
class Finding:
    """One failure; `label` names the engine, `signature` what a smaller program must repeat."""

    kind: Kind
    label: str
    detail: str

    @property
    def signature(self) -> tuple[Kind, str]:
        """What identifies the failure while a program shrinks."""
        what = ""
        if self.kind is Kind.CRASH:
            what = self.detail.strip().rpartition("\n")[2].partition(":")[0]
        elif self.kind is Kind.REFUSED:
            what = self.detail.partition("error:")[2].partition("]")[0]
        return self.kind, self.label + what

    def __str__(self) -> str:
        return f"{self.kind.value} [{self.label}]\n{self.detail}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run left."""

    stdout: bytes
    stderr: bytes
    status: int


class FoundError(Exception):
    """Carries a finding out of the stages."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


def examine(text: str, reach: Reach = Reach.NATIVE) -> Finding | None:
    """Compile and run one program everywhere."""
    found: list[Finding] = []

    def stages() -> Stored:
        with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
            source = Path(folder) / "program.mlr"
            source.write_text(text, encoding="utf-8")
            try:
                _Examination(source, reach).run()
            except FoundError as error:
                found.append(error.finding)
            except Exception:
                found.append(Finding(Kind.CRASH, "", traceback.format_exc()))
        return Stored(0, b"", "", "")

    on_deep_stack(stages)
    return found[0] if found else None


def reference(text: str) -> Outcome:
    """Return what the unoptimised program does on the interpreter."""
    outcome: list[Outcome] = []

    def stages() -> Stored:
        with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
            source = Path(folder) / "program.mlr"
            source.write_text(text, encoding="utf-8")
            outcome.append(_Examination(source, Reach.NATIVE).reference())
        return Stored(0, b"", "", "")

    on_deep_stack(stages)
    return outcome[0]


class _Examination:
    """The steps for one program, which is parsed and checked once."""

    def __init__(self, source: Path, reach: Reach) -> None:
        self._source = source
        self._reach = reach
        context = context_for(options_for(source, []))
        program = pipeline.parse(context, RecordingReader())
        typed = None if context.sink.has_errors else pipeline.check_types(context, program)
        if typed is None or context.sink.has_errors:
            raise FoundError(Finding(Kind.REFUSED, "", render_report(context.sink)))
        self._program = program
        self._typed: TypedProgram = typed

    def run(self) -> None:
        """Run every engine; raises FoundError."""
        expected = self.reference()
        self._check_model(expected)
        if expected.status in _BROKEN:
            why = f"{_BROKEN[expected.status]}\n{expected.stderr.decode(errors='replace')}"
            raise FoundError(Finding(Kind.FAULT, "interpreter -O0", why))
        if self._reach is not Reach.EVERYWHERE:
            self._check_optimised(expected, _EXECUTED)
            self._check_native(expected, optimisation=Optimisation.NONE)
            return
        self._check_optimised(expected, TARGETS)
        self._check_native(expected, optimisation=Optimisation.NONE, targets=_EXECUTED)
        for level in Optimisation:
            self._check_native(expected, optimisation=level, debug_info=DebugInfo.FULL)
        self._check_debug(expected)
        if can_link():
            self._check_linked(expected)

    def reference(self) -> Outcome:
        """Run the unoptimised IR."""
        module = pipeline.make_module(self._context(), self._typed)
        check_module(module, "lowering")
        if self._reach is Reach.EVERYWHERE:
            text = print_module(module)
            if print_module(parse_module(text)) != text:
                raise FoundError(Finding(Kind.CRASH, "IR text", "does not read back as it was"))
        return self._interpret(module)

    def _check_optimised(self, expected: Outcome, targets: tuple[Target, ...]) -> None:
        """Run what `-O2` makes, which all targets link and those of Linux execute."""
        context = self._context(targets=targets)
        module = pipeline.make_module(context, self._typed)
        if self._reach is Reach.EVERYWHERE:
            optimise(module, OptimisationLevel.FULL, lambda name, now: check_module(now, name))
        else:
            pipeline.optimise_module(context, module)
            check_module(module, "-O2")
        self._compare("interpreter -O2", self._interpret(module), expected)
        for label, found in _run_slices(context, module):
            self._compare(label, found, expected)

    def _check_native(self, expected: Outcome, **changes: object) -> None:
        """Run a variant natively."""
        for label, found in self._native(**changes):
            self._compare(label, found, expected)

    def _native(self, **changes: object) -> Iterator[tuple[str, Outcome]]:
        context = self._context(**{"targets": (LINUX_X86_64,), **changes})
        module = pipeline.make_module(context, self._typed)
        pipeline.optimise_module(context, module)
        check_module(module, "optimisation")
        return _run_slices(context, module)

    def _context(self, **changes: object) -> pipeline.BuildContext:
        return context_for(options_for(self._source, [], **changes))

    def _check_model(self, expected: Outcome) -> None:
        if expected.status in _BROKEN:
            return
        meant = run_model(self._program)
        found = Outcome(meant.stdout, b"", meant.status)
        self._compare("the model in tests/fuzz/model", found, expected)

    def _check_debug(self, expected: Outcome) -> None:
        """Compare `--debug` with the program without, up to the check that ends it."""
        context = self._context(checks=RuntimeChecks.DEBUG)
        checked = self._interpret(pipeline.make_module(context, self._typed))
        ended_early = checked.status == _STATUS_CHECK and checked.stderr
        if not ended_early or not expected.stdout.startswith(checked.stdout):
            self._compare("interpreter --debug", checked, expected)
        for label, found in self._native(checks=RuntimeChecks.DEBUG):
            self._compare(label, found, checked)
            if found.stderr != checked.stderr:
                detail = f"reports differ:\n{checked.stderr!r}\n{found.stderr!r}"
                raise FoundError(Finding(Kind.OUTPUT, label + " report", detail))

    def _check_linked(self, expected: Outcome) -> None:
        """Compare objects that gcc links."""
        for level in Optimisation:
            label = f"object -{level.value}"
            try:
                found = run_linked(self._source, f"-{level.value}", _NATIVE_SECONDS)
            except (LinkFailedError, RunTimeout) as error:
                raise FoundError(Finding(Kind.OUTPUT, label, str(error))) from error
            self._compare(label, Outcome(found.stdout, found.stderr, found.status), expected)

    def _interpret(self, module: Module) -> Outcome:
        return _interpret(module, _BATCH_STEPS if self._reach is Reach.BATCH else _STEPS)

    def _compare(self, label: str, found: Outcome, expected: Outcome) -> None:
        if found.stdout == expected.stdout and found.status == expected.status:
            return
        detail = f"status {found.status}, expected {expected.status}"
        if found.stdout != expected.stdout:
            detail += "\n" + _first_difference(found.stdout, expected.stdout)
        raise FoundError(Finding(Kind.OUTPUT, label, detail))


def _run_slices(context: pipeline.BuildContext, module: Module) -> Iterator[tuple[str, Outcome]]:
    options = context.options
    words = [options.optimisation.value]
    words += ["g"] if options.debug_info is DebugInfo.FULL else []
    words += ["--debug"] if options.checks is RuntimeChecks.DEBUG else []
    for row in pipeline.slices(context, module):
        if row.target not in _EXECUTED:
            continue
        label = " -".join([row.target.name, *words]).replace("---", "--")
        engine = default_engine(row.target)
        if engine.missing() is not None:
            continue
        try:
            result = engine.run(row.image, timeout_seconds=_NATIVE_SECONDS)
        except RunTimeout as error:
            raise FoundError(Finding(Kind.OUTPUT, label, str(error))) from error
        yield label, Outcome(result.stdout, result.stderr, result.status)


def _interpret(module: Module, most_steps: int) -> Outcome:
    limits = ProgramLimits(steps=most_steps)
    result = run_program(module, [], RecordingOs(b"", {}), limits)
    stderr = result.stderr + result.note.encode() if result.status in _BROKEN else result.stderr
    return Outcome(result.stdout, stderr, result.status)


def _first_difference(found: bytes, expected: bytes) -> str:
    pairs = enumerate(zip(found.split(b"\n"), expected.split(b"\n"), strict=False))
    for number, (left, right) in pairs:
        if left != right:
            return f"line {number + 1}:\n  found    {left!r}\n  expected {right!r}"
    return f"{len(found)} bytes of output, expected {len(expected)}"
