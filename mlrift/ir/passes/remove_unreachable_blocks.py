"""Blocks that control never enters go; straight lines of blocks become one.

    ^entry:                                  ^entry:
      control.jump ^next(%a)                   control.return %a
    ^next(%x : i64):                  =>
      control.return %x
    ^dead:
      control.jump ^next(%b)

A parameter that gets the same value on every way in is replaced by it. Edges to a block without
parameters that only jumps on go where it goes.
"""

from mlrift.ir.analysis.control_flow import incoming_edges, reverse_postorder
from mlrift.ir.core import Block, Function, Successor, Value
from mlrift.ir.ops.control import Jump
from mlrift.ir.passes.declaration import EVERY_PROPERTY, Pass, Property, on_functions


def remove_unreachable_blocks(function: Function) -> None:
    """Tidy the control flow of a function."""
    _keep_reachable(function)
    if len(function.blocks) == 1:
        return
    if _skip_empty_blocks(function):
        _keep_reachable(function)
    replacements: dict[Value, Value] = {}
    _remove_single_valued_parameters(function, replacements)
    _join_straight_lines(function, replacements)
    if replacements:
        final = {old: _resolve(old, replacements) for old in replacements}
        for made in function.ops():
            made.replace_operands(final)


PASS = Pass(
    "remove_unreachable_blocks",
    on_functions(remove_unreachable_blocks),
    makes=frozenset({Property.NO_DEAD_BLOCKS}),
    keeps=EVERY_PROPERTY - {Property.NO_DEAD_FUNCTIONS},
)


def _keep_reachable(function: Function) -> None:
    reachable = set(reverse_postorder(function))
    if len(reachable) != len(function.blocks):
        function.blocks = [block for block in function.blocks if block in reachable]


def _skip_empty_blocks(function: Function) -> bool:
    """Send edges past blocks that only jump on; whether one did."""
    onward: dict[Block, Successor] = {}
    for block in function.blocks[1:]:
        end = block.ops[0]
        if isinstance(end, Jump) and not block.parameters and end.target.block is not block:
            onward[block] = end.target
    if not onward:
        return False
    for block in function.blocks:
        for edge in block.ops[-1].successors():
            passed: set[Block] = set()
            while edge.block in onward and edge.block not in passed:
                passed.add(edge.block)
                target = onward[edge.block]
                edge.block, edge.arguments = target.block, list(target.arguments)
    return True


def _remove_single_valued_parameters(function: Function, replacements: dict[Value, Value]) -> None:
    """Drop parameters that only ever get one value, and with them those that then do."""
    incoming = incoming_edges(function.blocks)
    joins = [block for block in function.blocks[1:] if block.parameters]
    changed = True
    while changed:
        changed = False
        for block in joins:
            edges = [edge for _, edge in incoming[block]]
            for position in range(len(block.parameters) - 1, -1, -1):
                value = _only_value(block, position, edges, replacements)
                if value is not None:
                    replacements[block.parameters.pop(position)] = value
                    for edge in edges:
                        edge.arguments.pop(position)
                    changed = True


def _only_value(
    block: Block, position: int, edges: list[Successor], replacements: dict[Value, Value]
) -> Value | None:
    parameter = block.parameters[position]
    found: Value | None = None
    for edge in edges:
        value = _resolve(edge.arguments[position], replacements)
        if value is not found and value is not parameter:
            if found is not None:
                return None
            found = value
    return found


def _resolve(value: Value, replacements: dict[Value, Value]) -> Value:
    while value in replacements:
        value = replacements[value]
    return value


def _join_straight_lines(function: Function, replacements: dict[Value, Value]) -> None:
    """Append to a block the one that only it jumps to."""
    incoming = incoming_edges(function.blocks)
    gone: set[Block] = set()
    for block in function.blocks:
        if block in gone:
            continue
        while True:
            end = block.ops[-1]
            if not isinstance(end, Jump):
                break
            target = end.target.block
            if len(incoming[target]) != 1 or target is block:
                break
            for parameter, value in zip(target.parameters, end.target.arguments, strict=True):
                replacements[parameter] = value
            block.ops.pop()
            block.ops += target.ops
            gone.add(target)
    if gone:
        function.blocks = [block for block in function.blocks if block not in gone]
