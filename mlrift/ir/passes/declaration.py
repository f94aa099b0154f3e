"""What a pass is: a function on a module, with a record of what it needs, makes and keeps."""

from collections.abc import Callable
from enum import Enum, unique

from mlrift.ir.core import Function, Module
from mlrift.values import value


@unique
class Property(Enum):
    """A fact about a module on which a pass may rely."""

    NO_DEAD_BLOCKS = "every block of a function is reachable"
    NO_SLOTS = "variables are SSA values"
    NO_FRESH = "no `memory.fresh` is left"
    NO_DEAD_FUNCTIONS = "every function and global is reachable from an exported one"


EVERY_PROPERTY = frozenset(Property)


@value
class Pass:
    """A pass; `keeps` are the properties that still hold after it if they held before."""

    name: str
    run: Callable[[Module], None]
    needs: frozenset[Property] = frozenset()
    makes: frozenset[Property] = frozenset()
    keeps: frozenset[Property] = EVERY_PROPERTY


def on_functions(change: Callable[[Function], None]) -> Callable[[Module], None]:
    """Make a pass on a module out of one on each function that has blocks."""

    def run(module: Module) -> None:
        for function in module.functions.values():
            if function.blocks:
                change(function)

    return run
