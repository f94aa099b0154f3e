"""Copies of ops and blocks: a piece of a function enters, another like it leaves.

The caller's map says what stands for the values of the original; it grows by every value copied.
Values outside it are used as they are.
"""

from collections.abc import Callable, Sequence

from mlrift.ir.analysis.control_flow import reverse_postorder
from mlrift.ir.core import Block, BlockParameter, Function, Successor, Value
from mlrift.ir.op import FieldKind, Op
from mlrift.static_types import cast

Values = dict[Value, Value]
Blocks = dict[Block, Block]


def clone_op(made: Op, values: Values, blocks: Blocks) -> Op:
    """Return a copy of an op, and note it as the copy's value."""
    fields: list[object] = []
    for row in made.FIELDS:
        field = getattr(made, row.name)
        if row.kind is FieldKind.OPERAND:
            field = values.get(field, field)
        elif row.kind is FieldKind.OPERANDS:
            field = [values.get(value, value) for value in field]
        elif row.kind is FieldKind.SUCCESSOR:
            arguments = [values.get(value, value) for value in field.arguments]
            field = Successor(blocks.get(field.block, field.block), arguments)
        fields.append(field)
    copy = cast(Callable[..., Op], type(made))(*fields)
    copy.span = made.span
    values[made] = copy
    return copy


def clone_parameters(parameters: Sequence[BlockParameter], values: Values) -> list[BlockParameter]:
    """Return copies of parameters, and note them."""
    copies = [BlockParameter(row.type, row.name) for row in parameters]
    for row, copy in zip(parameters, copies, strict=True):
        copy.is_number = row.is_number
    values.update(zip(parameters, copies, strict=True))
    return copies


def clone_blocks(order: Sequence[Block], values: Values) -> list[Block]:
    """Return copies of blocks given in reverse postorder, so that definitions precede uses."""
    blocks = {
        block: Block(block.name, clone_parameters(block.parameters, values)) for block in order
    }
    for block, copy in blocks.items():
        copy.ops = [clone_op(made, values, blocks) for made in block.ops]
    return list(blocks.values())


def clone_function(function: Function) -> Function:
    """Return a copy of a function with its reachable blocks, without what debuggers know."""
    values: Values = {}
    blocks = clone_blocks(reverse_postorder(function), values) if function.blocks else []
    parameters = blocks[0].parameters if blocks else clone_parameters(function.parameters, values)
    made = Function(function.name, parameters, function.results, function.linkage, blocks)
    made.span = function.span
    return made
