"""How often values are used, and by which ops."""

from mlrift.ir.core import Function, Value
from mlrift.ir.op import Op


def count_uses(function: Function) -> dict[Value, int]:
    """Return the number of uses of every value that has one."""
    counts: dict[Value, int] = {}
    get = counts.get
    for block in function.blocks:
        for made in block.ops:
            for value in made.operands():
                counts[value] = get(value, 0) + 1
    return counts


def users(function: Function) -> dict[Value, list[Op]]:
    """Return the ops that use each value, one entry a use."""
    found: dict[Value, list[Op]] = {}
    for block in function.blocks:
        for made in block.ops:
            for value in made.operands():
                found.setdefault(value, []).append(made)
    return found
