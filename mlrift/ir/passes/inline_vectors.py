"""Functions with vectors go into their callers, so that vectors are never passed nor returned.

    %r = call.direct @f(%v) -> vec<f32, 8>   control.jump ^entry1(%v)
    %s = vector.binary add, %r, %w     =>   ^entry1(%n : vec<f32, 8>):
    ...                                       ... a copy of the function
                                              control.jump ^after(%x)
                                            ^after(%r : vec<f32, 8>):
                                              %s = vector.binary add, %r, %w

Into a function that is compiled for several levels of a processor goes all that it calls by name
and that has vectors inside or is marked `@inline`, so that one level is chosen for all of it.
Functions that call themselves stay; the checker refuses those with vectors among what they take
or give. Storage of the frame moves to the caller's.
"""

from mlrift.ir.analysis.control_flow import reverse_postorder
from mlrift.ir.clone import clone_blocks
from mlrift.ir.core import Block, BlockParameter, Function, Module, Successor, Value
from mlrift.ir.op import Op
from mlrift.ir.ops.call import Call
from mlrift.ir.ops.control import Jump, Return
from mlrift.ir.ops.memory import SlotNew, Stack
from mlrift.ir.ops.rare import family_of
from mlrift.ir.passes.declaration import EVERY_PROPERTY, Pass, Property
from mlrift.ir.passes.inline_recursion import note_call
from mlrift.ir.passes.inlined_results import use_results
from mlrift.typesystem import VectorType

_FAMILIES = ("vector", "cpu")


def inline_vectors(module: Module) -> None:
    """Put functions with vectors into their callers, and leave none that has no caller."""
    _Inlining(module).run()


PASS = Pass(
    "inline_vectors",
    inline_vectors,
    keeps=EVERY_PROPERTY - {Property.NO_DEAD_BLOCKS, Property.NO_DEAD_FUNCTIONS},
)


def takes_vectors(function: Function) -> bool:
    """Whether a function has vectors among its parameters or results."""
    types = [*(row.type for row in function.parameters), *function.results]
    return any(isinstance(row, VectorType) for row in types)


class _Inlining:
    """One module's."""

    def __init__(self, module: Module) -> None:
        self.functions = module.functions
        self.with_vectors: dict[str, bool] = {}

    def run(self) -> None:
        """Expand the calls of every function that stays."""
        staying = [row for row in self.functions.values() if not takes_vectors(row)]
        for function in staying:
            if function.blocks:
                _Expansion(function, self).run()
        kept = {row.name for row in staying}
        for name in [name for name in self.functions if name not in kept]:
            del self.functions[name]

    def goes_into(self, callee: Function, caller: Function) -> bool:
        """Whether a function goes into another that calls it."""
        if takes_vectors(callee):
            return True
        if not caller.is_simd or not callee.blocks or callee.is_simd or callee.is_naked:
            return False
        return callee.is_inline or self._has_vectors(callee)

    def _has_vectors(self, function: Function) -> bool:
        known = self.with_vectors.get(function.name)
        if known is None:
            known = any(family_of(made.MNEMONIC) in _FAMILIES for made in function.ops())
            self.with_vectors[function.name] = known
        return known


class _Expansion:
    """The expansion of the calls in one function.

    A copy may have calls of its own, which are expanded unless they call what the copy is of.
    """

    def __init__(self, function: Function, module: _Inlining) -> None:
        self.function = function
        self.module = module
        self.results: dict[Value, list[BlockParameter]] = {}
        self.storage: list[Op] = []
        self.inside: dict[Value, frozenset[str]] = {}

    def run(self) -> None:
        """Replace calls by copies of what they call."""
        self._copy_calls()
        if self.results:
            use_results(self.function, self.results)

    def _copy_calls(self) -> None:
        blocks: list[Block] = []
        pending = self.function.blocks[::-1]
        while pending:
            block = pending.pop()
            blocks.append(block)
            for place, made in enumerate(block.ops):
                if isinstance(made, Call) and self._is_expanded(made):
                    pending += reversed(self._expanded(block, place, made))
                    break
        self.function.blocks[:] = blocks
        self.function.blocks[0].ops[:0] = self.storage

    def _is_expanded(self, call: Call) -> bool:
        callee = self.module.functions[call.callee]
        outer = self.inside.get(call, frozenset())
        return callee.name not in outer and self.module.goes_into(callee, self.function)

    def _expanded(self, block: Block, place: int, call: Call) -> list[Block]:
        """End a block before a call; return the copy, and the block of what follows the call."""
        after = Block("after", [BlockParameter(row) for row in call.results])
        after.ops = block.ops[place + 1 :]
        copies = self._copy(call)
        jump = Jump(Successor(copies[0], list(call.arguments)))
        jump.span = call.span
        block.ops[place:] = [jump]
        for copy in copies:
            end = copy.ops[-1]
            if isinstance(end, Return):
                copy.ops[-1] = Jump(Successor(after, list(end.values)))
                copy.ops[-1].span = end.span
        self.results[call] = after.parameters
        return [*copies, after]

    def _copy(self, call: Call) -> list[Block]:
        """Return a copy of what a call calls; its storage becomes the caller's."""
        callee = self.module.functions[call.callee]
        copies = clone_blocks(reverse_postorder(callee), {})
        outer = self.inside.get(call, frozenset()) | {callee.name}
        for copy in copies:
            self.inside.update({made: outer for made in copy.ops if isinstance(made, Call)})
        if callee.source is not None:
            note_call(copies, call)
        kept: list[Op] = []
        for made in copies[0].ops:
            if isinstance(made, SlotNew):
                made.name = f"{made.name}.{callee.name}"
            if isinstance(made, (SlotNew, Stack)):
                self.storage.append(made)
            else:
                kept.append(made)
        copies[0].ops = kept
        return copies
