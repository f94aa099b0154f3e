"""Calls of functions of the module are replaced by their bodies, until kernels call nothing.

    ^body:                                   ^body:
      %r = call.direct @square(%x) -> i64      control.jump ^entry1(%x)
      memory.store %p, %r : i64         =>   ^entry1(%y : i64):
      ...                                      %z = arith.mul %y, %y
                                               control.jump ^after(%z)
                                             ^after(%r : i64):
                                               memory.store %p, %r : i64

Callees are inlined into first, so each function is expanded once. Storage of a callee's frame
stands in the kernel's entry block afterwards: it is one place for all calls, and what a callee
leaves there is nobody's, as its lifetime ends with the call. Recursion, indirect calls and calls
of functions without a body are refused. Kernels, the EXPORTED functions, are all that stays.
"""

from collections.abc import Collection, Sequence

from mlrift.ir.analysis.control_flow import reverse_postorder
from mlrift.ir.clone import Values, clone_blocks
from mlrift.ir.core import (
    Block,
    BlockParameter,
    Function,
    Linkage,
    Module,
    Successor,
    Value,
)
from mlrift.ir.op import Op
from mlrift.ir.ops.call import Call, CallIndirect, FunctionAddress
from mlrift.ir.ops.control import Jump, Return
from mlrift.ir.ops.memory import Stack
from mlrift.ir.passes.declaration import Pass, Property
from mlrift.ir.passes.device_error import DeviceError
from mlrift.ir.passes.inlined_results import use_results


def inline_calls(module: Module, kernels: Sequence[Function], kept: Collection[str] = ()) -> None:
    """Make each of the kernels a function without calls; callees are expanded, too.

    Calls of the functions in `kept` stay: hosts have some.
    """
    done: set[str] = set()
    for kernel in kernels:
        _Expansion(module, kept, done).expand(kernel, [])


def inline_kernels(module: Module) -> None:
    """Make every kernel a function without calls, and drop all other functions."""
    kernels = kernels_of(module)
    inline_calls(module, kernels)
    module.functions = {row.name: row for row in kernels}


def kernels_of(module: Module) -> list[Function]:
    """Return the kernels of a module."""
    return [
        row for row in module.functions.values() if row.linkage is Linkage.EXPORTED and row.blocks
    ]


PASS = Pass("device_inline", inline_kernels, needs=frozenset({Property.NO_SLOTS}))


class _Expansion:
    """What is expanded already, and what need not be."""

    def __init__(self, module: Module, kept: Collection[str], done: set[str]) -> None:
        self.module = module
        self.kept = kept
        self.done = done

    def expand(self, function: Function, active: list[str]) -> None:
        """Inline into the callees of a function, then these into it."""
        if function.name in self.done:
            return
        active.append(function.name)
        calls = [made for made in function.ops() if self._is_expanded(made)]
        for made in calls:
            if not isinstance(made, Call):
                raise DeviceError("kernels have no calls of addresses", made.span)
            self.expand(_callee(self.module, made, active), active)
        _refuse_addresses(function)
        if calls:
            _Inlining(self.module, function, self.kept).run()
        active.pop()
        self.done.add(function.name)

    def _is_expanded(self, made: Op) -> bool:
        if isinstance(made, Call):
            return made.callee not in self.kept
        return isinstance(made, CallIndirect)


def _callee(module: Module, made: Call, active: list[str]) -> Function:
    if made.callee in active:
        way = " -> ".join([*active[active.index(made.callee) :], made.callee])
        raise DeviceError(f"kernels have no stack for recursion: {way}", made.span)
    callee = module.functions.get(made.callee)
    if callee is None or not callee.blocks:
        raise DeviceError(f"`{made.callee}` cannot be called in a kernel", made.span)
    return callee


def _refuse_addresses(function: Function) -> None:
    for made in function.ops():
        if isinstance(made, FunctionAddress):
            raise DeviceError("functions have no address in a kernel", made.span)


class _Inlining:
    """The expansion of the calls of one function."""

    def __init__(self, module: Module, function: Function, kept: Collection[str]) -> None:
        self.module = module
        self.function = function
        self.kept = kept
        self.results: dict[Value, list[BlockParameter]] = {}
        self.stacks: list[Op] = []

    def run(self) -> None:
        """Replace every call; blocks made on the way are looked at, too."""
        blocks: list[Block] = []
        for block in self.function.blocks:
            rest: Block | None = block
            while rest is not None:
                rest = self._expand_first(rest, blocks)
        self.function.blocks = blocks
        self.function.blocks[0].ops[:0] = self.stacks
        use_results(self.function, self.results)

    def _expand_first(self, block: Block, blocks: list[Block]) -> Block | None:
        """Add a block up to its first call, with the callee's; return the rest."""
        blocks.append(block)
        for position, made in enumerate(block.ops):
            if isinstance(made, Call) and made.callee not in self.kept:
                return self._replace(block, position, made, blocks)
        return None

    def _replace(self, block: Block, position: int, call: Call, blocks: list[Block]) -> Block:
        after = Block("after", [BlockParameter(row) for row in call.results])
        after.ops = block.ops[position + 1 :]
        del block.ops[position:]
        copies = self._copy(self.module.functions[call.callee], after)
        jump = Jump(Successor(copies[0], list(call.arguments)))
        jump.span = call.span
        block.ops.append(jump)
        blocks += copies
        self.results[call] = after.parameters
        return after

    def _copy(self, callee: Function, after: Block) -> list[Block]:
        values: Values = {}
        copies = clone_blocks(reverse_postorder(callee), values)
        for copy in copies:
            self.stacks += [made for made in copy.ops if isinstance(made, Stack)]
            copy.ops = [made for made in copy.ops if not isinstance(made, Stack)]
            end = copy.ops[-1]
            if isinstance(end, Return):
                onward = Jump(Successor(after, list(end.values)))
                onward.span = end.span
                copy.ops[-1] = onward
        return copies
