"""Modules put together: a program and the parts of the core library that it uses."""

from mlrift.ir.core import Function, Global, Linkage, Module
from mlrift.ir.ops.memory import FRESH_SYMBOL, Fresh


class MergeError(Exception):
    """Two modules that do not fit together."""


def undefined_functions(module: Module) -> list[str]:
    """Return the functions that a module needs from others, in order of their declaration.

    That `memory.fresh` will need one is known here, before `lower_fresh` says so.
    """
    found = [row.name for row in module.functions.values() if row.linkage is Linkage.EXTERNAL]
    if FRESH_SYMBOL not in module.functions and any(
        type(made) is Fresh for row in module.functions.values() for made in row.ops()
    ):
        found.append(FRESH_SYMBOL)
    return found


def merge_modules(into: Module, library: Module) -> None:
    """Add a module's functions and globals to another, resolving declarations by name.

    The library's objects move, and become internal: only the program exports. Raise MergeError
    when both define a name or declare it differently; both are then unchanged.
    """
    functions = _merged_functions(into, library)
    symbols = _merged_globals(into, library)
    for function in library.functions.values():
        function.linkage = _INSIDE[function.linkage]
    for row in library.globals.values():
        row.linkage = _INSIDE[row.linkage]
    into.functions = functions
    into.globals = symbols


_INSIDE = {
    Linkage.EXPORTED: Linkage.INTERNAL,
    Linkage.KEPT: Linkage.INTERNAL,
    Linkage.INTERNAL: Linkage.INTERNAL,
    Linkage.EXTERNAL: Linkage.EXTERNAL,
}


def _merged_functions(into: Module, library: Module) -> dict[str, Function]:
    functions = dict(into.functions)
    for name, added in library.functions.items():
        known = functions.get(name)
        if known is None:
            functions[name] = added
            continue
        if _signature(known) != _signature(added):
            raise MergeError(f"@{name} has two signatures: in {into.name} and in {library.name}")
        if added.linkage is Linkage.EXTERNAL:
            continue
        if known.linkage is not Linkage.EXTERNAL:
            raise _twice(name, into, library)
        functions[name] = added
    return functions


def _merged_globals(into: Module, library: Module) -> dict[str, Global]:
    symbols = dict(into.globals)
    for name, row in library.globals.items():
        known = symbols.get(name)
        if known is None or known.linkage is Linkage.EXTERNAL:
            symbols[name] = row
        elif row.linkage is not Linkage.EXTERNAL:
            raise _twice(name, into, library)
    return symbols


def _twice(name: str, into: Module, library: Module) -> MergeError:
    return MergeError(f"@{name} is defined twice: in {into.name} and in {library.name}")


def _signature(function: Function) -> tuple[object, ...]:
    return (*(row.type for row in function.parameters), function.results)
