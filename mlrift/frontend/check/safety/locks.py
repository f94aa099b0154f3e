"""Locks taken in both orders: a program in, the pairs that may block each other for ever out.

`acquire(x)` takes lock x and `release(x)` gives it back, where x is a static, a constant or a
number; other locks have no name to compare. A call takes what the called function takes.
"""

from collections.abc import Iterator

from mlrift.frontend import ast
from mlrift.frontend.check.safety.call_graph import CallGraph, call_graph, settle
from mlrift.frontend.walk import walk
from mlrift.source import Span
from mlrift.values import value

_ACQUIRE, _RELEASE = "acquire", "release"


@value
class LockCycle:
    """Two locks: the second is taken while the first is held, elsewhere the reverse."""

    first: str
    second: str
    place: Span
    other_place: Span


@value
class _Step:
    """A call in a function body; `lock` is set where it takes or gives back a lock."""

    name: str
    lock: str | None
    span: Span


def find_lock_cycles(program: ast.Program) -> list[LockCycle]:
    """Return each pair of locks that is taken in both orders, once."""
    graph = call_graph(program)
    globals_ = {
        item.name.text
        for module in program.modules
        for item in module.items
        if isinstance(item, ast.Static | ast.Const)
    }
    steps = {
        name: list(_steps(function, globals_))
        for name, function in graph.functions.items()
        if name not in (_ACQUIRE, _RELEASE)
    }
    taken = _taken(graph, steps)
    orders: dict[tuple[str, str], Span] = {}
    for rows in steps.values():
        for pair, place in _orders(rows, taken):
            orders.setdefault(pair, place)
    return [
        LockCycle(first, second, place, orders[second, first])
        for (first, second), place in orders.items()
        if (second, first) in orders and _is_later(place, orders[second, first])
    ]


def _is_later(place: Span, other: Span) -> bool:
    return (place.file.path, place.start) > (other.file.path, other.start)


def _steps(function: ast.Function, globals_: set[str]) -> Iterator[_Step]:
    deferred = [row.span for row in walk(function.body) if type(row) is ast.Defer]
    for call in walk(function.body):
        if type(call) is not ast.Call:
            continue
        name = call.function.text
        lock = None
        if name in (_ACQUIRE, _RELEASE):
            lock = _lock_name(call, globals_)
            late = any(row.start <= call.span.start < row.end for row in deferred)
            if lock is None or (late and name == _RELEASE):
                continue
        yield _Step(name, lock, call.span)


def _lock_name(call: ast.Call, globals_: set[str]) -> str | None:
    argument = call.arguments[0] if call.arguments else None
    if type(argument) is ast.IntegerLiteral:
        return str(argument.value)
    if type(argument) is ast.Identifier and argument.text in globals_:
        return argument.text
    return None


def _taken(graph: CallGraph, steps: dict[str, list[_Step]]) -> dict[str, set[str]]:
    """Return the locks that each function takes, itself or through what it calls."""
    taken = {
        name: {row.lock for row in rows if row.name == _ACQUIRE and row.lock is not None}
        for name, rows in steps.items()
    }

    def improve(name: str) -> bool:
        before = len(taken[name])
        for call in graph.calls[name]:
            taken[name] |= taken.get(call.name, set())
        return len(taken[name]) > before

    settle(list(steps), improve)
    return taken


def _orders(
    rows: list[_Step], taken: dict[str, set[str]]
) -> Iterator[tuple[tuple[str, str], Span]]:
    """Yield (held, taken then) for each time a lock is taken while another one is held."""
    held: list[str] = []
    for row in rows:
        if row.name == _RELEASE:
            if row.lock in held:
                held.remove(row.lock)
            continue
        new = {row.lock} if row.lock is not None else taken.get(row.name, set())
        for lock in sorted(new - set(held)):
            yield from (((before, lock), row.span) for before in held)
        if row.lock is not None:
            held.append(row.lock)
