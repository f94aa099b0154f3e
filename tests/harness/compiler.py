"""The compiler as the tests call it: in process, sharing one cache among the workers."""

import contextlib
import io
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from mlrift.cli.command_line import read_plain
from mlrift.cli.mlrc import run
from mlrift.diagnostics.render import render_report
from mlrift.driver import pipeline
from mlrift.driver.build import on_deep_stack
from mlrift.driver.cache import Cache
from mlrift.driver.compilation import RecordingReader
from mlrift.driver.fingerprint import compiler_fingerprint
from mlrift.driver.options import CompileOptions, Optimisation, Product, RuntimeChecks, TypeShapes
from mlrift.driver.results import Stored
from mlrift.ir.core import Module
from mlrift.ir.passes.domain_pipeline import MODEL_FAMILIES, DomainOps, has_family
from mlrift.targets import LINUX_X86_64, TARGETS, Target


@dataclass(slots=True)
class Compiled:
    """A program for the engines: an image per target, and the IR for the interpreter."""

    images: dict[str, bytes]
    module: Module


@lru_cache(maxsize=1)
def shared_cache() -> Cache:
    """Return the cache that all test workers share."""
    return Cache(Path(tempfile.gettempdir()) / "mlrift-test-cache")


@lru_cache(maxsize=1)
def fingerprint() -> str:
    """Return the compiler's fingerprint, computed once a worker."""
    return compiler_fingerprint()


def options_for(source: Path, flags: list[str], **changes: object) -> CompileOptions:
    """Return options for a test program."""
    _, settings = read_plain(flags)
    checks = RuntimeChecks(settings["debug"] or RuntimeChecks.NONE.value)
    lenient = "--no-check-types" in flags
    shapes = TypeShapes.WARNINGS if lenient else TypeShapes.ERRORS
    values: dict[str, object] = {"checks": checks, "type_shapes": shapes, **changes}
    return CompileOptions(source=source, output=None, **values)  # type: ignore[arg-type]


def context_for(options: CompileOptions) -> pipeline.BuildContext:
    """Return a fresh context on the shared cache."""
    return pipeline.BuildContext(options, pipeline.new_sink(options), shared_cache(), fingerprint())


def front_end(context: pipeline.BuildContext, domain_ops: DomainOps = DomainOps.EXPANDED) -> Module:
    """Run the stages up to unoptimised IR; raises AssertionError with the report on errors."""
    made: list[Module] = []

    def stages() -> Stored:
        program = pipeline.parse(context, RecordingReader())
        if not context.sink.has_errors:
            typed = pipeline.check_types(context, program)
            if not context.sink.has_errors:
                made.append(pipeline.make_module(context, typed, domain_ops))
        return Stored(0, b"", "", "")

    on_deep_stack(stages)
    assert made, "does not compile:\n" + render_report(context.sink)
    return made[0]


def compile_program(
    source: Path,
    flags: list[str],
    targets: tuple[Target, ...] = TARGETS,
    optimisation: Optimisation = Optimisation.FULL,
) -> Compiled:
    """Compile for `targets`; the returned module is the optimised IR."""
    module = front_end(context_for(options_for(source, flags, targets=targets)))
    return compile_module(module, source, flags, targets, optimisation)


def compile_module(
    module: Module,
    source: Path,
    flags: list[str],
    targets: tuple[Target, ...],
    optimisation: Optimisation = Optimisation.FULL,
) -> Compiled:
    """Optimise the IR of a program, in place, and compile it for `targets`."""
    options = options_for(source, flags, targets=targets, optimisation=optimisation)
    context = context_for(options)
    pipeline.optimise_module(context, module)
    made = pipeline.slices(context, module)
    return Compiled({row.target.name: row.image for row in made}, module)


def compile_ir(
    source: Path, flags: list[str], targets: tuple[Target, ...] = (LINUX_X86_64,)
) -> Module:
    """Return the unoptimised IR of a program, core library included."""
    options = options_for(source, flags, product=Product.EXECUTABLE, targets=targets)
    context = context_for(options)
    return front_end(context)


def uses_models(source: Path) -> bool:
    """Whether a program may have populations: a quick look at its text."""
    return "dynamics " in source.read_text(encoding="utf-8", errors="replace")


def compile_model_ir(source: Path, flags: list[str]) -> Module | None:
    """Return the IR of a program with the ops of models in it; None when it has none."""
    context = context_for(options_for(source, flags, product=Product.EXECUTABLE))
    module = front_end(context, DomainOps.MODELS_KEPT)
    return module if any(has_family(row, module) for row in MODEL_FAMILIES) else None


def run_mlrc(arguments: list[str]) -> tuple[int, str, str]:
    """Run one `mlrc` command line in process; returns status, stdout, stderr."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = run(arguments)
    return status, out.getvalue(), err.getvalue()
