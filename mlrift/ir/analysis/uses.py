"""How often values are used, and by which ops. What debuggers are told is no use."""

from mlrift.ir.core import Function, Value
from mlrift.ir.op import Op
from mlrift.ir.ops.debug import DebugValue


def count_uses(function: Function) -> dict[Value, int]:
    """Return the number of uses of every value that has one."""
    counts: dict[Value, int] = {}
    get = counts.get
    for block in function.blocks:
        for made in block.ops:
            if type(made) is DebugValue:
                continue
            for value in made.operands():
                counts[value] = get(value, 0) + 1
    return counts


def users(function: Function) -> dict[Value, list[Op]]:
    """Return the ops that use each value, one entry a use."""
    found: dict[Value, list[Op]] = {}
    for block in function.blocks:
        for made in block.ops:
            if type(made) is DebugValue:
                continue
            for value in made.operands():
                found.setdefault(value, []).append(made)
    return found
