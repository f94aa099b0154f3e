"""Kernels of MLRift 1.1 whose bodies only named a template: the library's take their place.

A program and its lowered kernels in; the names of those that were replaced out. A stub is known by
three things together: its name is that of a kernel of the library, so are its parameters, and its
body calls a marker. Anything else means what its body says.
"""

from pathlib import Path

from mlrift.driver import kernels
from mlrift.driver.device.named_kernels import library_kernels
from mlrift.frontend import ast
from mlrift.frontend.ast import Program
from mlrift.frontend.walk import walk
from mlrift.ir.core import Function, Linkage, Module
from mlrift.ir.ops.call import Call
from mlrift.ir.ops.device import LdsArray
from mlrift.values import value

_MARKER_SUFFIX = "_marker"
_LIBRARY_PREFIX = "std."
_SHARED_ARRAY = 0


@value
class ReplacedStub:
    """A kernel whose code is the library's, and the file that it is from."""

    name: str
    file: str


def replace_stubs(program: Program, module: Module) -> tuple[ReplacedStub, ...]:
    """Replace the stubs among the kernels of a module."""
    marked = _marked_kernels(program) & {row.name for row in kernels.kernels_in(module)}
    if not marked:
        return ()
    library = library_kernels()
    replaced: list[ReplacedStub] = []
    for name in sorted(marked & library.keys()):
        if _take(module, name, library[name]):
            replaced.append(ReplacedStub(name, f"std/kernels/{library[name].name}"))
    return tuple(replaced)


def _marked_kernels(program: Program) -> set[str]:
    """Return the names of the functions that call a marker."""
    found: set[str] = set()
    for part in program.modules:
        for item in part.items:
            if type(item) is ast.Function and any(map(_is_marker, walk(item.body))):
                found.add(item.name.text)
    return found


def _is_marker(node: object) -> bool:
    return type(node) is ast.Call and node.function.text.endswith(_MARKER_SUFFIX)


def _take(module: Module, name: str, path: Path) -> bool:
    """Put a kernel of the library, with what it calls, in place of the module's own."""
    source = kernels.kernels_of(path)
    made, stub = source.functions[name], module.functions[name]
    if [row.type for row in made.parameters] != [row.type for row in stub.parameters]:
        return False
    first_array = 1 + max(map(_highest_array, module.functions.values()), default=_SHARED_ARRAY)
    for function in _with_callees(source, made):
        for op in function.ops():
            if isinstance(op, Call):
                op.callee = _LIBRARY_PREFIX + op.callee
            elif isinstance(op, LdsArray) and op.number != _SHARED_ARRAY:
                op.number += first_array
        if function is not made:
            function.name = _LIBRARY_PREFIX + function.name
            function.linkage = Linkage.INTERNAL
        module.functions[function.name] = function
    return True


def _with_callees(module: Module, first: Function) -> list[Function]:
    found: dict[str, Function] = {}
    waiting = [first]
    while waiting:
        function = waiting.pop()
        if function.name not in found:
            found[function.name] = function
            waiting += [module.functions[row.callee] for row in function.ops() if type(row) is Call]
    return list(found.values())


def _highest_array(function: Function) -> int:
    numbers = [row.number for row in function.ops() if isinstance(row, LdsArray)]
    return max(numbers, default=_SHARED_ARRAY)
