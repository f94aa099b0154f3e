"""Fresh storage is asked from the core library.

%a = memory.fresh 48     =>    %s = arith.constant 48 : i64
                               %a = call.direct @core.memory_fresh(%s) -> i64
"""

from mlrift.ir.core import Function, Module, Value
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import Constant
from mlrift.ir.ops.call import Call
from mlrift.ir.ops.memory import FRESH_SYMBOL, Fresh
from mlrift.ir.passes.declaration import EVERY_PROPERTY, Pass, Property
from mlrift.typesystem import I64


def lower_fresh(module: Module) -> None:
    """Replace every `memory.fresh`, declaring the core function when the module has it not."""
    if sum(_lower(function) for function in module.functions.values()):
        module.declare(FRESH_SYMBOL, [I64], (I64,))


PASS = Pass(
    "lower_fresh",
    lower_fresh,
    makes=frozenset({Property.NO_FRESH}),
    keeps=EVERY_PROPERTY,
)


def _lower(function: Function) -> int:
    """Replace those of a function; return how many there were."""
    replacements: dict[Value, Value] = {}
    for block in function.blocks:
        if not any(type(made) is Fresh for made in block.ops):
            continue
        ops: list[Op] = []
        for made in block.ops:
            if not isinstance(made, Fresh):
                ops.append(made)
                continue
            size = Constant(made.size_bytes, I64)
            call = Call(FRESH_SYMBOL, [size], (I64,))
            size.span = call.span = made.span
            replacements[made] = call
            ops += [size, call]
        block.ops = ops
    if replacements:
        for made in function.ops():
            made.replace_operands(replacements)
    return len(replacements)
