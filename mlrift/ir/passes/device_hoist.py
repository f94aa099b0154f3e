"""What is the same in every turn of a loop is computed before the loop.

    ^before:                                  ^before:
      control.jump ^loop(%zero)                 %row = arith.mul %y, %width
    ^loop(%i : i64):                            control.jump ^loop(%zero)
      %row = arith.mul %y, %width      =>     ^loop(%i : i64):
      %at = arith.add %row, %i                  %at = arith.add %row, %i

Constants stay where they are, and so do sums with a constant that are addresses only: they cost
nothing there. Loads are hoisted when the loop does not change the memory and every turn executes
them, so that nothing is loaded which the program does not load; divisions are when every turn does
them. The function has the shape of `device_shape.shape_loops`.
"""

from mlrift.ir.analysis.control_flow import predecessors
from mlrift.ir.analysis.dominance import Dominators
from mlrift.ir.analysis.loops import Loop, natural_loops
from mlrift.ir.analysis.memory_versions import Space, changed_spaces, read_space
from mlrift.ir.analysis.uses import users
from mlrift.ir.core import Block, Function, Value
from mlrift.ir.op import Effect, Op
from mlrift.ir.ops.arith import Add, Constant, Udiv, Urem
from mlrift.ir.ops.control import Jump
from mlrift.ir.ops.debug import DebugValue
from mlrift.ir.passes.declaration import Pass, Property, on_functions

_DIVISIONS: frozenset[type[Op]] = frozenset({Udiv, Urem})


def hoist_invariants(function: Function) -> None:
    """Move invariant ops of all loops, inner loops first."""
    dominators = Dominators(function)
    loops = natural_loops(function, dominators)
    if not loops:
        return
    before = predecessors(dominators.order)
    free = _free_sums(function)
    for loop in sorted(loops, key=lambda row: len(row.blocks)):
        outside = [row for row in before[loop.header] if row not in loop.blocks]
        if len(outside) == 1 and isinstance(outside[0].ops[-1], Jump):
            _Hoisting(loop, outside[0], dominators, before).run(free)


PASS = Pass(
    "device_hoist",
    on_functions(hoist_invariants),
    needs=frozenset({Property.NO_DEAD_BLOCKS, Property.NO_SLOTS}),
)


class _Hoisting:
    """The work on one loop."""

    def __init__(
        self,
        loop: Loop,
        preheader: Block,
        dominators: Dominators,
        before: dict[Block, list[Block]],
    ) -> None:
        self.preheader = preheader
        self.blocks = [block for block in dominators.order if block in loop.blocks]
        self.inside: set[Value] = set()
        self.changed: set[Space] = set()
        for block in self.blocks:
            self.inside.update(block.parameters)
            self.inside.update(block.ops)
            for made in block.ops:
                self.changed |= changed_spaces(made)
        latches = [row for row in before[loop.header] if row in loop.blocks]
        leaving = [
            block
            for block in self.blocks
            if any(edge.block not in loop.blocks for edge in block.successors())
        ]
        self.always = {
            block
            for block in self.blocks
            if all(dominators.dominates(block, row) for row in (*latches, *leaving))
        }

    def run(self, free: set[Value]) -> None:
        """Move what can be moved, definitions before uses; `free` need not be."""
        moved: list[Op] = []
        for block in self.blocks:
            kept: list[Op] = []
            for made in block.ops:
                if made not in free and self._is_movable(made, block):
                    self._bring_constants(made, moved)
                    moved.append(made)
                    self.inside.discard(made)
                else:
                    kept.append(made)
            block.ops = kept
        self.preheader.ops[-1:-1] = moved

    def _is_movable(self, made: Op, block: Block) -> bool:
        if type(made) is Constant or type(made) is DebugValue:
            return False
        if made.EFFECT is Effect.READ:
            if block not in self.always or read_space(made) in self.changed:
                return False
        elif type(made) in _DIVISIONS:
            if block not in self.always:
                return False
        elif made.EFFECT is not Effect.PURE:
            return False
        return all(value not in self.inside or type(value) is Constant for value in made.operands())

    def _bring_constants(self, made: Op, moved: list[Op]) -> None:
        """Give an op that leaves the loop constants of its own outside."""
        copies: dict[Value, Value] = {}
        for value in made.operands():
            if type(value) is Constant and value in self.inside:
                copy = Constant(value.value, value.type)
                copy.span = value.span
                copies[value] = copy
                moved.append(copy)
        if copies:
            made.replace_operands(copies)


def _free_sums(function: Function) -> set[Value]:
    """Return the sums with a constant that only accesses use, as their address."""
    return {
        made
        for made, row in users(function).items()
        if isinstance(made, Add)
        and type(made.rhs) is Constant
        and all(getattr(user, "address", None) is made for user in row)
    }
