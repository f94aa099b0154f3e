"""Variables become SSA values in functions that have tensors, at every level of optimisation.

Who has a tensor, and until when, is known of values only. Other functions keep their slots.
"""

from mlrift.ir.core import Function
from mlrift.ir.ops.tensor_types import uses_tensors
from mlrift.ir.passes.declaration import Pass, Property, on_functions
from mlrift.ir.passes.promote_slots import promote_slots


def promote_tensor_slots(function: Function) -> None:
    """Replace the slots of a function with tensors."""
    if uses_tensors(function):
        promote_slots(function)


PASS = Pass(
    "promote_tensor_slots",
    on_functions(promote_tensor_slots),
    needs=frozenset({Property.NO_DEAD_BLOCKS}),
)
