"""What is left to do when calls were replaced by the blocks that they called.

Enters: a function, and for each call that is gone the parameters of the block behind it. Leaves:
the function with these parameters wherever the results of the calls were used.

    %x = call.direct @f(%a)     ->    control.jump ^body(%a)
    arith.add %x, %x                  ^after(%x): arith.add %x, %x
"""

from collections.abc import Mapping, Sequence

from mlrift.ir.clone import Values
from mlrift.ir.core import Function, Value
from mlrift.ir.op import Op
from mlrift.ir.ops.call import CallResult


def use_results(function: Function, results: Mapping[Value, Sequence[Value]]) -> None:
    """Put parameters in the place of the results of the calls that are gone."""
    values: Values = {call: row[0] for call, row in results.items() if row}
    for block in function.blocks:
        kept: list[Op] = []
        for made in block.ops:
            if isinstance(made, CallResult) and made.call in results:
                values[made] = results[made.call][made.index]
            else:
                kept.append(made)
        block.ops = kept
    for made in function.ops():
        made.replace_operands(values)
