"""One examination: a file in, the report on it and the fitness of its patterns out."""

from mlrift.diagnostics.render import render_report
from mlrift.driver import pipeline
from mlrift.driver.build import on_deep_stack
from mlrift.driver.cache import Cache
from mlrift.driver.living.patterns import LockOrder, find_patterns, fitness_score
from mlrift.driver.living.proposals import State, fired
from mlrift.driver.living.report import Findings, report
from mlrift.driver.living.rewriting import tokens_of
from mlrift.driver.living.telemetry import measure
from mlrift.driver.modules import read_file
from mlrift.driver.options import CompileOptions
from mlrift.driver.results import Stored
from mlrift.frontend.check.safety.locks import find_lock_cycles
from mlrift.values import value

STATUS_FAILED = 1


@value
class Examination:
    """The outcome: exit status, texts, and the fitness of every pattern, shown or not."""

    status: int
    report: str
    messages: str
    fitnesses: tuple[int, ...]


def examine(options: CompileOptions, states: dict[str, State], least_fitness: int) -> Examination:
    """Examine the source of `options`; patterns below `least_fitness` are not shown."""
    found: list[Examination] = []

    def work() -> Stored:
        found.append(_examine(options, states, least_fitness))
        return Stored(0, b"", "", "")

    on_deep_stack(work)
    return found[0]


def _examine(options: CompileOptions, states: dict[str, State], least_fitness: int) -> Examination:
    context = pipeline.BuildContext(options, pipeline.new_sink(options), Cache(None), "")
    program = pipeline.parse(context, read_file)
    if context.sink.has_errors:
        return Examination(STATUS_FAILED, "", render_report(context.sink), ())
    module = program.modules[-1]
    telemetry = measure(module, tokens_of(module.file.text))
    patterns = find_patterns(telemetry)
    locks = LockOrder.CYCLE if find_lock_cycles(program) else LockOrder.CONSISTENT
    findings = Findings(
        telemetry,
        fitness_score(telemetry, patterns, locks),
        patterns,
        least_fitness,
        fired(telemetry, states),
        states,
    )
    fitnesses = tuple(row.fitness for row in patterns)
    return Examination(0, report(str(options.source), findings), "", fitnesses)
