"""Which functions a function leads to."""

from mlrift.ir.core import Function, Module
from mlrift.ir.ops.call import Call


def reached_functions(module: Module, function: Function) -> list[Function]:
    """Return a function and all with bodies that it calls, directly or not."""
    found = {function.name: function}
    waiting = [function]
    while waiting:
        for made in waiting.pop().ops():
            if isinstance(made, Call) and made.callee not in found:
                callee = module.functions.get(made.callee)
                if callee is not None and callee.blocks:
                    found[made.callee] = callee
                    waiting.append(callee)
    return list(found.values())
