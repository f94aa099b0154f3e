"""The safety analysis of `mlrc check` (language.md 18): contexts, effects and the order of locks.

Only what is annotated is held to something; a program without annotations is never rejected.
"""

from mlrift.diagnostics import catalog
from mlrift.frontend import ast
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.safety.call_graph import call_graph
from mlrift.frontend.check.safety.contexts import check_contexts
from mlrift.frontend.check.safety.effects import check_effects
from mlrift.frontend.check.safety.locks import find_lock_cycles

SAFETY_ANNOTATIONS = frozenset({"ctx", "eff", "caps", "lock"})


def check_safety(context: Context, program: ast.Program) -> None:
    """Report what contradicts the annotations of a program."""
    if not _is_annotated(program):
        return
    graph = call_graph(program)
    for violation in (*check_contexts(graph), *check_effects(graph)):
        context.emit(violation)
    for cycle in find_lock_cycles(program):
        detail = f"'{cycle.second}' is taken while '{cycle.first}' is held, and the other way round"
        context.emit(
            catalog.LOCK_CYCLE.at(cycle.place, detail=detail).label(
                cycle.other_place, f"here '{cycle.first}' while '{cycle.second}' is held"
            )
        )


def _is_annotated(program: ast.Program) -> bool:
    return any(
        annotation.name in SAFETY_ANNOTATIONS
        for module in program.modules
        for item in module.items
        if type(item) is ast.Function
        for annotation in item.annotations
    )
