"""The safety analysis of `mlrc check` (reference.md 18): contexts, effects and the order of locks.

Only what is annotated is held to something; a program without annotations is never rejected.
"""

from mlrift.diagnostics import catalog
from mlrift.frontend import ast
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.safety.annotations import is_annotated


def check_safety(context: Context, program: ast.Program) -> None:
    """Report what contradicts the annotations of a program."""
    if not is_annotated(program):
        return
    # Hardly any program is annotated, and these cost 6 ms to import.
    from mlrift.frontend.check.safety.call_graph import call_graph  # noqa: PLC0415
    from mlrift.frontend.check.safety.contexts import check_contexts  # noqa: PLC0415
    from mlrift.frontend.check.safety.effects import check_effects  # noqa: PLC0415
    from mlrift.frontend.check.safety.locks import find_lock_cycles  # noqa: PLC0415

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
