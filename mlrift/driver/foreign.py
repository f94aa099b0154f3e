"""The C functions of a program: where each target has them, and what that means for its image."""

from collections.abc import Iterable

from mlrift.backends.platforms import platform_for
from mlrift.ir.core import Function, Module
from mlrift.ir.ops.call import Call
from mlrift.link.options import ImportedSymbol
from mlrift.targets import Target


def declared_functions(module: Module) -> list[Function]:
    """Return the C functions that the program declares and calls."""
    return [row for row in module.functions.values() if row.foreign is not None]


def targets_without(function: Function, targets: Iterable[Target]) -> list[Target]:
    """Return the targets where nothing provides a C function."""
    return [row for row in targets if _provided(function, row) is None]


def program_imports(module: Module, target: Target) -> dict[str, ImportedSymbol]:
    """Return where the program's C functions come from on a target that provides them."""
    found = {row.name: _provided(row, target) for row in declared_functions(module)}
    return {name: symbol for name, symbol in found.items() if symbol is not None}


def start_symbol(target: Target, imports: dict[str, ImportedSymbol]) -> str:
    """Return the entry point of a program with these C functions."""
    platform = platform_for(target.system)
    library = platform.c_library
    return library.entry if library.starts_with(imports.values()) else platform.entry


def dynamic_report(module: Module) -> str:
    """Return the two lines about functions marked `@dynamic`; nothing without any."""
    names = {
        row.name
        for row in declared_functions(module)
        if row.foreign is not None and row.foreign.is_dynamic
    }
    if not names:
        return ""
    sites = sum(
        isinstance(made, Call) and made.callee in names
        for function in module.functions.values()
        for made in function.ops()
    )
    return f"registered {len(names)} @dynamic symbol(s)\nrecorded {sites} @dynamic call site(s)\n"


def _provided(function: Function, target: Target) -> ImportedSymbol | None:
    libraries = function.foreign.libraries if function.foreign is not None else ()
    return platform_for(target.system).c_library.provide(function.name, libraries)
