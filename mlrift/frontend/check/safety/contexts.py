"""Contexts: `@ctx(irq)` runs in interrupts and must not need a weaker context, as `@ctx(task)`.

A call graph in, violations out. A function without annotation needs what the functions that it
calls need.
"""

from collections.abc import Iterator
from enum import IntEnum, unique

from mlrift.diagnostics import catalog
from mlrift.diagnostics.model import Diagnostic
from mlrift.frontend import ast
from mlrift.frontend.check.safety.call_graph import (
    CallGraph,
    annotation_of,
    annotation_words,
    settle,
)


@unique
class ExecutionContext(IntEnum):
    """Where a function may run, from the weakest restriction to the strongest."""

    TASK = 0
    IRQ = 1
    NMI = 2


_BY_NAME = {row.name.lower(): row for row in ExecutionContext}


def check_contexts(graph: CallGraph) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each call that needs a weaker context than its function has."""
    declared = {name: _declared(row) for name, row in graph.functions.items()}
    needed = _needed(graph, declared)
    for name, own in declared.items():
        if own is None:
            continue
        for call in graph.calls[name]:
            need = needed.get(call.name)
            if need is not None and need < own:
                detail = (
                    f"it is for {own.name.lower()} and calls '{call.name}', "
                    f"which needs {need.name.lower()}"
                )
                yield catalog.CTX_VIOLATION.at(call.span, name=name, detail=detail)


def _declared(function: ast.Function) -> ExecutionContext | None:
    annotation = annotation_of(function, "ctx")
    if annotation is None:
        return None
    known = [_BY_NAME[word] for word in annotation_words(annotation) if word in _BY_NAME]
    return max(known, default=None)


def _needed(
    graph: CallGraph, declared: dict[str, ExecutionContext | None]
) -> dict[str, ExecutionContext | None]:
    needed = dict(declared)

    def improve(name: str) -> bool:
        if declared[name] is not None:
            return False
        called = [needed.get(call.name) for call in graph.calls[name]]
        weakest = min((row for row in called if row is not None), default=None)
        changed = weakest is not needed[name]
        needed[name] = weakest
        return changed

    settle(list(declared), improve)
    return needed
