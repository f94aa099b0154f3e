"""Which functions are device code, where the names of gpu.md 1.3 mean the builtins.

For a device that is every kernel and what kernels call. A program for a CPU that only declares such
names as functions of its own means those, as it always did; once it launches a kernel, or calls a
device builtin that it does not declare, its kernels mean on the CPU what they mean on a device.
"""

from collections.abc import Iterator

from mlrift.frontend import ast
from mlrift.frontend.builtins.device import device_builtin, is_first_name
from mlrift.frontend.check.context import Context
from mlrift.frontend.scopes import Signature
from mlrift.frontend.walk import walk

LAUNCHES = frozenset({"launch", "launch_grid"})


def mark_all_device_code(context: Context) -> list[Signature]:
    """Mark and return the kernels of a program and what they call."""
    reached = _device_code(context)
    for signature in reached:
        signature.symbol.is_device_code = True
    return reached


def mark_device_code(context: Context, program: ast.Program) -> None:
    """Mark the device code of a program for a CPU, if kernels have a device's meaning in it."""
    reached = _device_code(context)
    if _has_launch(context, program) or any(_calls_builtin(context, row) for row in reached):
        for signature in reached:
            signature.symbol.is_device_code = True


def is_launch(context: Context, name: ast.Name, arguments: list[ast.Expression]) -> bool:
    """Return whether a call launches a kernel: `launch(KERNEL, ...)`."""
    if name.text not in LAUNCHES or name.text in context.names.callees or not arguments:
        return False
    first = arguments[0]
    if type(first) is not ast.Identifier:
        return False
    found = context.names.functions.get(first.text)
    return found is not None and found.symbol.is_kernel


def _device_code(context: Context) -> list[Signature]:
    """Return the kernels and the functions whose names are called below them."""
    functions = context.names.functions
    reached: dict[str, Signature] = {}
    waiting = [row for row in functions.values() if row.symbol.is_kernel]
    while waiting:
        signature = waiting.pop()
        name = signature.symbol.name
        if name in reached or signature.symbol.is_extern:
            continue
        reached[name] = signature
        for call in _calls(signature):
            text = call.function.text
            found = functions.get(text)
            if found is not None and not is_first_name(text, len(call.arguments)):
                waiting.append(found)
    return [row for row in functions.values() if row.symbol.name in reached]


def _calls(signature: Signature) -> Iterator[ast.Call]:
    assert type(signature.node) is ast.Function
    return (row for row in walk(signature.node.body) if type(row) is ast.Call)


def _calls_builtin(context: Context, signature: Signature) -> bool:
    callees = context.names.callees
    return any(
        call.function.text not in callees
        and device_builtin(call.function.text, len(call.arguments)) is not None
        for call in _calls(signature)
    )


def _has_launch(context: Context, program: ast.Program) -> bool:
    if not LAUNCHES - context.names.callees.keys():
        return False
    return any(
        type(row) is ast.Call and is_launch(context, row.function, row.arguments)
        for module in program.modules
        for item in module.items
        if type(item) is ast.Function
        for row in walk(item.body)
    )
