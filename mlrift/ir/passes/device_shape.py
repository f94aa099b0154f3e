"""The control flow of kernels gets a normal form, on which later passes and selection rely.

- One block returns; its parameters are the results. What cannot be reached in words of the
  program (`control.unreachable`) goes there, too: a device has no traps.
- The header of a loop has two edges: from the *preheader*, which jumps, and from the *latch*.
- No edge is critical: one that leaves a block with several successors enters a block with one
  predecessor. So every edge out of a loop enters an exit block of its own.
- A value that is made in a loop and used outside passes through a parameter of an exit block
  ("LCSSA"), so what leaves a loop is seen where control does; a constant has a copy outside.

    ^loop(%i : i64):                            ^loop(%i : i64):
      ...                                         ...
      control.branch %more, ^loop(%n), ^end       control.branch %more, ^latch, ^exit(%n)
    ^end:                                  =>   ^latch:
      memory.store %p, %n : i64                   control.jump ^loop(%n)
                                                ^exit(%last : i64):
                                                  memory.store %p, %last : i64
"""

from mlrift.ir.analysis.block_order import loop_order
from mlrift.ir.analysis.control_flow import incoming_edges, predecessors, reverse_postorder
from mlrift.ir.analysis.dominance import Dominators
from mlrift.ir.analysis.loops import Loop, natural_loops
from mlrift.ir.core import Block, BlockParameter, Function, Successor, Value
from mlrift.ir.ops.arith import Constant
from mlrift.ir.ops.control import Jump, Return, Unreachable
from mlrift.ir.passes.declaration import Pass, Property, on_functions


def normalise_control_flow(function: Function) -> None:
    """Give a function the whole normal form."""
    shape_loops(function)
    close_loops(function)
    function.blocks = loop_order(function)


def shape_loops(function: Function) -> None:
    """Give a function the normal form but for parameters of exit blocks."""
    keep_reachable(function)
    _join_returns(function)
    _shape_headers(function)
    _split_critical_edges(function)
    function.blocks = loop_order(function)


PASS = Pass(
    "device_shape",
    on_functions(normalise_control_flow),
    needs=frozenset({Property.NO_SLOTS}),
    makes=frozenset({Property.NO_DEAD_BLOCKS}),
)


def keep_reachable(function: Function) -> None:
    """Drop the blocks that control never enters."""
    reachable = set(reverse_postorder(function))
    function.blocks = [block for block in function.blocks if block in reachable]


def _join_returns(function: Function) -> None:
    ends = [block for block in function.blocks if isinstance(block.ops[-1], Return)]
    lost = [block for block in function.blocks if isinstance(block.ops[-1], Unreachable)]
    if function.results:
        lost = []
    if len(ends) + len(lost) < 2 and not lost:
        return
    parameters = [BlockParameter(row) for row in function.results]
    leave = Block("return", parameters)
    leave.ops.append(Return(list(parameters)))
    for block in ends + lost:
        end = block.ops[-1]
        values = list(end.values) if isinstance(end, Return) else []
        jump = Jump(Successor(leave, values))
        jump.span = end.span
        block.ops[-1] = jump
    function.blocks.append(leave)


def _shape_headers(function: Function) -> None:
    """Give every loop a preheader that jumps and one latch."""
    for loop in natural_loops(function):
        incoming = incoming_edges(function.blocks)[loop.header]
        outside = [(block, edge) for block, edge in incoming if block not in loop.blocks]
        inside = [(block, edge) for block, edge in incoming if block in loop.blocks]
        if len(inside) > 1:
            _gather(function, loop.header, [edge for _, edge in inside], "latch")
        if len(outside) > 1 or (outside and not isinstance(outside[0][0].ops[-1], Jump)):
            _gather(function, loop.header, [edge for _, edge in outside], "preheader")


def _gather(function: Function, target: Block, edges: list[Successor], name: str) -> None:
    """Lead edges through a new block that jumps on."""
    parameters = [BlockParameter(row.type, row.name) for row in target.parameters]
    made = Block(name, parameters)
    if len(edges) == 1:
        made.parameters = []
        made.ops.append(Jump(Successor(target, list(edges[0].arguments))))
        edges[0].arguments = []
    else:
        made.ops.append(Jump(Successor(target, list(parameters))))
    for edge in edges:
        edge.block = made
    function.blocks.append(made)


def _split_critical_edges(function: Function) -> None:
    counts = {block: len(row) for block, row in predecessors(function.blocks).items()}
    for block in list(function.blocks):
        edges = block.successors()
        if len(edges) < 2:
            continue
        for edge in edges:
            if counts[edge.block] > 1:
                made = Block("edge")
                made.ops.append(Jump(Successor(edge.block, edge.arguments)))
                edge.block, edge.arguments = made, []
                function.blocks.append(made)


def close_loops(function: Function) -> None:
    """Let what leaves a loop pass through parameters of exit blocks, inner loops first."""
    dominators = Dominators(function)
    loops = natural_loops(function, dominators)
    before = predecessors(dominators.order)
    for loop in sorted(loops, key=lambda row: len(row.blocks)):
        _close(loop, dominators, before)


def _close(loop: Loop, dominators: Dominators, before: dict[Block, list[Block]]) -> None:
    """Give the uses outside of a loop of what it makes other values; constants are copied."""
    homes: set[Value] = set()
    for block in loop.blocks:
        homes.update(block.parameters)
        homes.update(block.ops)
    closers: dict[Value, _Closing] = {}
    for block in dominators.order:
        if block in loop.blocks:
            continue
        constants: dict[Value, Value] = {}
        for made in block.ops:
            replacements: dict[Value, Value] = {}
            for value in made.operands():
                if value not in homes:
                    continue
                if isinstance(value, Constant):
                    replacements[value] = constants.setdefault(value, _copied(value))
                    continue
                if value not in closers:
                    closers[value] = _Closing(value, loop, dominators, before)
                replacements[value] = closers[value].at_entry(block)
            if replacements:
                made.replace_operands(replacements)
        block.ops[:0] = [row for row in constants.values() if isinstance(row, Constant)]


def _copied(constant: Constant) -> Constant:
    made = Constant(constant.value, constant.constant_type)
    made.span = constant.span
    return made


class _Closing:
    """What a value of a loop is called in the blocks outside."""

    def __init__(
        self,
        value: Value,
        loop: Loop,
        dominators: Dominators,
        before: dict[Block, list[Block]],
    ) -> None:
        self.value = value
        self.loop = loop
        self.dominators = dominators
        self.before = before
        self.known: dict[Block, Value] = {}

    def at_entry(self, block: Block) -> Value:
        """Return what stands for the value where control enters a block."""
        found = self.known.get(block)
        if found is None:
            found = self.known[block] = self._find(block)
        return found

    def _find(self, block: Block) -> Value:
        """Return the parameter of the first block outside that every way to a block leads through.

        It is an exit block, or one where the ways from several meet.
        """
        first = block
        upper = self.dominators.parent(block)
        while upper is not None and upper not in self.loop.blocks:
            first = upper
            upper = self.dominators.parent(upper)
        return self._parameter(first)

    def _parameter(self, block: Block) -> Value:
        known = self.known.get(block)
        if known is not None:
            return known
        name = self.value.name if isinstance(self.value, BlockParameter) else ""
        made = BlockParameter(self.value.type, name)
        block.parameters.append(made)
        self.known[block] = made
        for source in self.before[block]:
            value = self.value if source in self.loop.blocks else self.at_entry(source)
            for edge in source.successors():
                if edge.block is block:
                    edge.arguments.append(value)
        return made
