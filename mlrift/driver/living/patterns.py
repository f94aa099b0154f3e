"""Patterns and the fitness score: telemetry in, what stands out and how much of it (cli.md 3.3)."""

from collections.abc import Callable, Iterable
from enum import Enum, unique

from mlrift.driver.living.telemetry import Telemetry
from mlrift.values import value

PERFECT_SCORE = 100
SCORE_WITHOUT_FUNCTIONS = 50
MAX_PENALTY = 15
LOCK_CYCLE_PENALTY = 20
POINTER_PENALTY = 10


@unique
class Surface(Enum):
    """The group of a pattern; `divisor` of its fitness is what it costs in the score."""

    CORE = ("Semantic Core", 4)
    ADAPTIVE = ("Adaptive Surface", 8)

    def __init__(self, title: str, divisor: int) -> None:
        self.title = title
        self.divisor = divisor


@unique
class LockOrder(Enum):
    """Whether locks are taken in one order."""

    CONSISTENT = "consistent"
    CYCLE = "cycle"


@value
class Pattern:
    """One finding: its fitness says how much it stands out."""

    name: str
    surface: Surface
    fitness: int
    detail: str


def find_patterns(found: Telemetry) -> list[Pattern]:
    """Return the patterns that a file shows, those of the core first."""
    rules: tuple[Callable[[Telemetry], Pattern | None], ...] = (
        _large_unsafe_ratio,
        _unchecked_call,
        _high_call_density,
        _legacy_pointer_operations,
        _many_trivial_functions,
    )
    return [pattern for rule in rules if (pattern := rule(found)) is not None]


def fitness_score(found: Telemetry, patterns: Iterable[Pattern], locks: LockOrder) -> int:
    """Return the score of a file, 0 to 100."""
    if found.functions == 0:
        return SCORE_WITHOUT_FUNCTIONS
    score = PERFECT_SCORE
    for pattern in patterns:
        score -= min(pattern.fitness // pattern.surface.divisor, MAX_PENALTY)
    if locks is LockOrder.CYCLE:
        score -= LOCK_CYCLE_PENALTY
    if found.pointer_statements * 10 > found.statements:
        score -= POINTER_PENALTY
    return max(score, 0)


def _percent(part: int, whole: int) -> int:
    return part * 100 // whole if whole else 0


def _large_unsafe_ratio(found: Telemetry) -> Pattern | None:
    if found.pointer_statements * 4 <= found.statements:
        return None
    percent = _percent(found.pointer_statements, found.statements)
    detail = f"{percent} % of the statements are pointer statements"
    return Pattern("large_unsafe_ratio", Surface.CORE, min(20 + percent, 80), detail)


def _unchecked_call(found: Telemetry) -> Pattern | None:
    if found.discarded_calls <= 10 or found.discarded_calls * 5 <= found.calls * 4:
        return None
    percent = _percent(found.discarded_calls, found.calls)
    detail = f"the result of {percent} % of the calls is discarded"
    return Pattern("unchecked_call", Surface.CORE, min(20 + percent // 4, 60), detail)


def _high_call_density(found: Telemetry) -> Pattern | None:
    if found.calls <= 10 * found.functions:
        return None
    ratio = found.calls // max(found.functions, 1)
    detail = f"{ratio} calls a function"
    return Pattern("high_call_density", Surface.CORE, min(20 + 3 * ratio, 70), detail)


def _legacy_pointer_operations(found: Telemetry) -> Pattern | None:
    count = found.pointer_statements
    if not count:
        return None
    detail = f"{count} pointer statement(s); `mlrc lc --fix=ptrops` rewrites them"
    return Pattern("legacy_ptr_ops", Surface.ADAPTIVE, min(25 + 2 * count, 60), detail)


def _many_trivial_functions(found: Telemetry) -> Pattern | None:
    count = found.trivial_functions
    if found.functions <= 4 or count * 10 <= found.functions * 3:
        return None
    detail = f"{count} of {found.functions} functions have at most two statements"
    return Pattern("many_trivial_fns", Surface.ADAPTIVE, min(15 + 5 * count, 50), detail)
