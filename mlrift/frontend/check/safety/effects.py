"""Effects: what a function marked `@eff(...)` does must be among what it declares.

A call graph in, violations out. Effects come from the builtins that are called, from the declared
effects of annotated functions and from what functions without annotation do.
"""

from collections.abc import Iterator
from enum import Flag

from mlrift.diagnostics import catalog
from mlrift.diagnostics.model import Diagnostic
from mlrift.frontend import ast
from mlrift.frontend.builtins.table import BUILTINS
from mlrift.frontend.check.safety.call_graph import (
    CallGraph,
    annotation_of,
    annotation_words,
    settle,
)
from mlrift.frontend.check.signatures import SPECIAL_FORMS


class Effect(Flag):
    """What a function does to the world; the numbers are those of reference.md 18."""

    NONE = 0
    IO = 1
    ALLOC = 2
    BLOCK = 4
    NET = 8
    FS = 16


_BY_NAME = {str(row.name).lower(): row for row in Effect}
_OF_BUILTINS = {
    "alloc": Effect.ALLOC,
    "write": Effect.IO,
    "read": Effect.IO,
    **{
        name: Effect.IO if name.startswith("print") else Effect.FS
        for name in (*BUILTINS, *SPECIAL_FORMS)
        if name.startswith(("print", "file_"))
    },
}


def check_effects(graph: CallGraph) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each call that has an effect its function does not declare."""
    declared = {name: _declared(row) for name, row in graph.functions.items()}
    actual = _actual(graph, declared)
    for name, own in declared.items():
        if own is None:
            continue
        for call in graph.calls[name]:
            extra = _effect_of(call.name, actual) & ~own
            if extra:
                words = ", ".join(str(row.name).lower() for row in extra)
                detail = f"'{call.name}' does {words}"
                yield catalog.UNDECLARED_EFFECT.at(call.span, name=name, detail=detail)


def _declared(function: ast.Function) -> Effect | None:
    annotation = annotation_of(function, "eff")
    if annotation is None:
        return None
    effects = Effect.NONE
    for word in annotation_words(annotation):
        effects |= _BY_NAME.get(word, Effect.NONE)
    return effects


def _actual(graph: CallGraph, declared: dict[str, Effect | None]) -> dict[str, Effect]:
    """Return the declared effects, or those of all that a function calls."""
    actual = {name: own or Effect.NONE for name, own in declared.items()}

    def improve(name: str) -> bool:
        if declared[name] is not None:
            return False
        before = actual[name]
        for call in graph.calls[name]:
            actual[name] |= _effect_of(call.name, actual)
        return actual[name] != before

    settle(list(declared), improve)
    return actual


def _effect_of(name: str, actual: dict[str, Effect]) -> Effect:
    """Return the effect of calling a name; a builtin comes before a function of its name."""
    found = _OF_BUILTINS.get(name)
    return actual.get(name, Effect.NONE) if found is None else found
