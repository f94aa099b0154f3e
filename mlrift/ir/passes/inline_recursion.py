"""Calls of a small function by itself are replaced by its body, a few levels deep.

    ^more:                                   ^more:
      %a = ...                                 %a = ...
      %r = call.direct @f(%a) -> i64           control.jump ^entry1(%a)
      %s = arith.add %r, %g             =>   ^entry1(%n1 : i64):
      ...                                      ... a copy of the function: its calls of @f stay
                                               control.jump ^after(%v)
                                             ^after(%r : i64):
                                               %s = arith.add %r, %g
                                               ...

All calls of one level are expanded before those that their copies bring, until the function has
its full size. A frame then serves several levels of the recursion. So that deep recursion does not
need more stack, functions with storage in the frame and those that get back to themselves through
others are left alone.
"""

from collections.abc import Sequence

from mlrift.ir.analysis.control_flow import reverse_postorder
from mlrift.ir.clone import clone_blocks
from mlrift.ir.core import Block, BlockParameter, Function, Module, Successor, Value
from mlrift.ir.ops.arith import Constant
from mlrift.ir.ops.call import Call, CallIndirect, FunctionAddress
from mlrift.ir.ops.control import Jump, Return
from mlrift.ir.ops.debug import DebugValue
from mlrift.ir.ops.memory import Fresh, Stack
from mlrift.ir.passes.declaration import EVERY_PROPERTY, Pass, Property
from mlrift.ir.passes.inlined_results import use_results
from mlrift.source import InlinedSpan, Span, inlined_span

_MOST_OPS_OF_A_BODY = 40
_MOST_OPS = 256
_MOST_LEVELS = 6


def inline_recursion(module: Module) -> None:
    """Expand the small functions of a module that call themselves."""
    for function in module.functions.values():
        calls = _own_calls(function.name, function.blocks)
        if calls and _is_small(function) and _returns_alone(module, function):
            _Expansion(function).run()


PASS = Pass(
    "inline_recursion",
    inline_recursion,
    needs=frozenset({Property.NO_SLOTS, Property.NO_DEAD_BLOCKS}),
    keeps=EVERY_PROPERTY,
)


def _own_calls(name: str, blocks: Sequence[Block]) -> list[Call]:
    return [
        made
        for block in blocks
        for made in block.ops
        if isinstance(made, Call) and made.callee == name
    ]


def _size(blocks: Sequence[Block]) -> int:
    free = (Constant, DebugValue)
    return sum(type(made) not in free for block in blocks for made in block.ops)


def _is_small(function: Function) -> bool:
    """Whether copies of a function are cheap, need no frame storage and come to an end."""
    return (
        _size(function.blocks) <= _MOST_OPS_OF_A_BODY
        and not any([isinstance(made, (Stack, Fresh)) for made in function.ops()])
        and any([isinstance(block.ops[-1], Return) for block in function.blocks])
    )


def _returns_alone(module: Module, function: Function) -> bool:
    """Whether nothing that the function calls, itself apart, calls it in turn."""
    seen: set[str] = {function.name}
    work = [function]
    while work:
        caller = work.pop()
        for made in caller.ops():
            if isinstance(made, CallIndirect):
                return False
            if isinstance(made, (Call, FunctionAddress)):
                if made.callee == function.name and caller is not function:
                    return False
                if made.callee not in seen:
                    seen.add(made.callee)
                    work.append(module.functions[made.callee])
    return True


class _Expansion:
    """The expansion of one function."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.body = clone_blocks(reverse_postorder(function), {})
        self.room = _MOST_OPS - _size(self.body)
        self.results: dict[Value, list[BlockParameter]] = {}

    def run(self) -> None:
        """Expand level after level while there is room."""
        function = self.function
        homes: dict[Value, Block] = {
            made: block for block in function.blocks for made in block.ops if type(made) is Call
        }
        calls = _own_calls(function.name, function.blocks)
        size = _size(self.body)
        for _ in range(_MOST_LEVELS):
            next_calls: list[Call] = []
            for call in calls:
                if self.room < size:
                    break
                self.room -= size
                next_calls += self._expand(call, homes)
            calls = next_calls
        use_results(self.function, self.results)

    def _expand(self, call: Call, homes: dict[Value, Block]) -> list[Call]:
        """Put a copy of the body in the place of a call; return the calls in the copy."""
        block = homes[call]
        copies = clone_blocks(self.body, {})
        if self.function.source is not None:
            note_call(copies, call)
        after = self._split(block, call, homes)
        jump = Jump(Successor(copies[0], list(call.arguments)))
        jump.span = call.span
        block.ops.append(jump)
        for copy in copies:
            end = copy.ops[-1]
            if isinstance(end, Return):
                onward = Jump(Successor(after, list(end.values)))
                onward.span = end.span
                copy.ops[-1] = onward
            homes.update({made: copy for made in copy.ops if type(made) is Call})
        place = self.function.blocks.index(block) + 1
        self.function.blocks[place:place] = [*copies, after]
        return _own_calls(self.function.name, copies)

    def _split(self, block: Block, call: Call, homes: dict[Value, Block]) -> Block:
        """Move what follows a call to a block of its own, whose parameters are the results."""
        after = Block("after", [BlockParameter(row) for row in call.results])
        position = block.ops.index(call)
        after.ops = block.ops[position + 1 :]
        del block.ops[position:]
        homes.update(dict.fromkeys(after.ops, after))
        self.results[call] = after.parameters
        return after


def note_call(copies: Sequence[Block], call: Call) -> None:
    """Let the spans of a copy say which call it replaces, so that debuggers show a frame for it."""
    if call.span is None:
        return
    known: dict[Span, InlinedSpan] = {}
    for block in copies:
        for made in block.ops:
            if made.span is None:
                continue
            if made.span not in known:
                known[made.span] = inlined_span(made.span, call.span)
            made.span = known[made.span]
