"""Where tensors are given back: after their last use, on every way through a function.

    %y = tensor.map @f, (%x), (), () : t      =>   %y = tensor.map @f, (%x), (), () : t
    control.return %y                              tensor.release %x       (%x is no parameter)
                                                   control.return %y

An op's tensor belongs to its value, a block parameter's to the parameter, a function parameter's to
the caller, results to who called. Edges hand tensors on to parameters: one that lives on as well is
retained. The ops that use a tensor up get it at its last use, else a further count.
Results of a call that nobody takes are taken and given back.
"""

from mlrift.ir.analysis.liveness import live_on_entry
from mlrift.ir.core import Block, Function, Successor, Value
from mlrift.ir.op import Op
from mlrift.ir.ops.call import Call, CallResult
from mlrift.ir.ops.control import Branch, Jump, Return
from mlrift.ir.ops.tensor import StoreElement
from mlrift.ir.ops.tensor_release import Release, Retain
from mlrift.ir.ops.tensor_shape import Insert, ScatterAdd
from mlrift.ir.ops.tensor_types import uses_tensors
from mlrift.ir.passes.declaration import EVERY_PROPERTY, Pass, Property, on_functions
from mlrift.typesystem import TensorType

USING_UP = (StoreElement, Insert, ScatterAdd)


def place_releases(function: Function) -> None:
    """Put retains and releases into a function."""
    if uses_tensors(function):
        _Placement(function).run()


PASS = Pass(
    "place_releases",
    on_functions(place_releases),
    needs=frozenset({Property.NO_DEAD_BLOCKS, Property.NO_SLOTS}),
    keeps=EVERY_PROPERTY,
)


def _tensors(values: list[Value]) -> list[Value]:
    return [row for row in values if isinstance(row.type, TensorType)]


class _Placement:
    """The work on one function; `lent` are its own parameters, which are never released."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.lent = set(function.parameters)
        self.live_in = {
            block: set(_tensors(list(values))) for block, values in live_on_entry(function).items()
        }
        self.added: list[Block] = []

    def run(self) -> None:
        """Rewrite every block."""
        taken = {
            (row.call, row.index) for row in self.function.ops() if isinstance(row, CallResult)
        }
        for block in self.function.blocks:
            block.ops = [row for made in block.ops for row in (made, *_untaken(made, taken))]
            self._rewrite(block)
        self.function.blocks += self.added

    def _rewrite(self, block: Block) -> None:
        live = self._live_out(block)
        ops: list[Op] = []
        for made in reversed(block.ops):
            if made.IS_TERMINATOR:
                live |= set(_tensors(made.operands()))
                self._end(made, live, ops)
                continue
            ops += reversed(self._around(made, live))
            live.discard(made)
            live |= set(_tensors(made.operands()))
        # Parameters that nobody reads are given back at once.
        unread = [row for row in _tensors(list(block.parameters)) if row not in live]
        ops += [Release(row) for row in unread if row not in self.lent]
        ops.reverse()
        block.ops = ops

    def _live_out(self, block: Block) -> set[Value]:
        found: set[Value] = set()
        for edge in block.successors():
            found |= self.live_in[edge.block]
        return found

    def _around(self, made: Op, live: set[Value]) -> list[Op]:
        """Return an op with what must stand before and after it; `live` is what is used later."""
        operands = _tensors(made.operands())
        before: list[Op] = []
        after: list[Op] = []
        handed_over: Value | None = None
        if isinstance(made, USING_UP):
            first = operands[0]
            if first in live or first in self.lent or first in operands[1:]:
                before.append(Retain(first))
            else:
                handed_over = first
        for value in dict.fromkeys(operands):
            if value not in live and value not in self.lent and value is not handed_over:
                after.append(Release(value))
        if isinstance(made.type, TensorType) and made not in live:
            after.append(Release(made))
        for row in (*before, *after):
            row.span = made.span
        return [*before, made, *after]

    def _end(self, made: Op, at_end: set[Value], ops: list[Op]) -> None:
        """Append a terminator and what must stand before it, in reverse order."""
        ops.append(made)
        if isinstance(made, Return):
            ops += self._retained(_tensors(made.values), set())
        elif isinstance(made, Jump):
            ops += self._on_edge(at_end, made.target)
        elif isinstance(made, Branch):
            for edge in (made.if_true, made.if_false):
                actions = self._on_edge(at_end, edge)
                if actions:
                    self._split(edge, actions, made)

    def _retained(self, handed: list[Value], living: set[Value]) -> list[Op]:
        """Return retains for values that are handed on: all but one that ends here."""
        seen: set[Value] = set()
        made: list[Op] = []
        for value in handed:
            if value in seen or value in living or value in self.lent:
                made.append(Retain(value))
            seen.add(value)
        return made

    def _on_edge(self, at_end: set[Value], edge: Successor) -> list[Op]:
        """Return what must happen on the way to a block; `at_end` is all that lives before it."""
        living = self.live_in[edge.block]
        handed = _tensors(edge.arguments)
        ending = [row for row in _ordered(at_end, self.function) if row not in living]
        released = [row for row in ending if row not in handed and row not in self.lent]
        return [*self._retained(handed, living), *map(Release, released)]

    def _split(self, edge: Successor, actions: list[Op], made: Op) -> None:
        """Put a block with actions on an edge."""
        block = Block("handing_on")
        jump = Jump(Successor(edge.block, edge.arguments))
        for row in (*actions, jump):
            row.span = made.span
        block.ops = [*actions, jump]
        self.added.append(block)
        edge.block, edge.arguments = block, []


def _untaken(made: Op, taken: set[tuple[Value, int]]) -> list[Op]:
    """Return what takes the tensors that a call gives behind its first result and nobody took."""
    if not isinstance(made, Call) or len(made.results) < 2:
        return []
    missing: list[Op] = [
        CallResult(made, index, row)
        for index, row in enumerate(made.results)
        if index and isinstance(row, TensorType) and (made, index) not in taken
    ]
    for row in missing:
        row.span = made.span
    return missing


def _ordered(values: set[Value], function: Function) -> list[Value]:
    """Return values in the order of the function, for the same output every time."""
    if len(values) < 2:
        return list(values)
    order = [row for block in function.blocks for row in (*block.parameters, *block.ops)]
    return [row for row in order if row in values]
