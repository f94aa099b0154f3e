"""A function of the IR as the source of a Python function: SSA values become local variables.

Blocks with one way in are written where they are entered, as nested `if`s; the others are
*regions*, numbered, and chosen by the variable `b` in a loop around them. A pure op with one use
in its block is written inside its user. Invariant: code of a region ends in a transfer on every
path, so nothing falls through.
"""

from typing import ClassVar, Protocol

from mlrift.ir.analysis.control_flow import incoming_edges, reverse_postorder
from mlrift.ir.core import Block, Function, Successor, Value
from mlrift.ir.interpret.expressions import expression
from mlrift.ir.interpret.models import model_statement
from mlrift.ir.interpret.statements import STATEMENTS, load
from mlrift.ir.interpret.tensors import tensor_statement
from mlrift.ir.interpret.vector_calls import vector_expression, vector_statement, zero_of
from mlrift.ir.op import Effect, Op
from mlrift.ir.ops.arith import Constant
from mlrift.ir.ops.call import CallResult
from mlrift.ir.ops.control import Branch, Jump, Return, Unreachable
from mlrift.ir.ops.debug import DebugValue
from mlrift.ir.ops.memory import Load, SlotGet, SlotNew, SlotSet, Stack

_MAX_NESTING = 30
_MAX_INLINE_CHARACTERS = 300
_MEMORY = object()


class Image(Protocol):
    """What the program around a function knows."""

    counts_steps: bool

    def constant(self, value: object) -> str:
        """Return a name for a value in the generated code."""
        ...

    def global_address(self, symbol: str) -> int:
        """Return the address of a global."""
        ...

    def function_address(self, name: str) -> int:
        """Return the address of a function."""
        ...

    def callee(self, name: str) -> str:
        """Return a function's name in the generated code."""
        ...

    def callee_table(self, argument_count: int) -> str:
        """Return the name of the table of functions by address for calls with words."""
        ...


class Translation:
    """The source of one function: `lines`, and in `origins` the op that each line came from."""

    OWN_OPS: ClassVar[tuple[type[Op], ...]] = (
        Branch,
        CallResult,
        DebugValue,
        Jump,
        Load,
        Return,
        SlotGet,
        SlotNew,
        SlotSet,
        Stack,
        Unreachable,
    )

    def __init__(self, function: Function, image: Image, python_name: str) -> None:
        self.image = image
        self.lines: list[str] = []
        self.origins: list[Op | None] = []
        self.constant = image.constant
        self.global_address = image.global_address
        self.function_address = image.function_address
        self.callee = image.callee
        self.callee_table = image.callee_table
        self._function = function
        self._names: dict[Value, str] = {}
        self._use_count: dict[Value, int] = {}
        self._last_user: dict[Value, Block] = {}
        self._pending: dict[Value, tuple[str, frozenset[object]]] = {}
        self._reads: set[object] = set()
        self._stacks: list[Stack] = []
        self._indent = " "
        self._op: Op | None = None
        self._order = reverse_postorder(function)
        self._collect()
        self._regions = _find_regions(self._order)
        self._write(python_name)

    def use(self, value: Value) -> str:
        """Return the expression of an operand; one that was waiting for its use is used up."""
        waiting = self._pending.pop(value, None)
        if waiting is None:
            return self._names[value]
        self._reads |= waiting[1]
        return waiting[0]

    def result(self, made: Op) -> str:
        """Return the name of an op's value."""
        return self._names[made]

    def _collect(self) -> None:
        """Name all values and count their uses."""
        names, counts, last_user = self._names, self._use_count, self._last_user
        for block in self._order:
            for parameter in block.parameters:
                names[parameter] = f"v{len(names)}"
            for made in block.ops:
                names[made] = f"v{len(names)}"
                if type(made) is Stack:
                    self._stacks.append(made)
                for value in _operands(made):
                    counts[value] = counts.get(value, 0) + 1
                    last_user[value] = block
        for block in self._order:
            for made in block.ops:
                if type(made) is CallResult:
                    names[made] = f"{names[made.call]}_{made.index}"
                elif type(made) is Constant:
                    names[made] = str(expression(self, made))

    def _line(self, text: str) -> None:
        self.lines.append(self._indent + text)
        self.origins.append(self._op)

    def _write(self, python_name: str) -> None:
        parameters = ", ".join([self._names[row] for row in self._function.parameters])
        self.lines.append(f"def {python_name}({parameters}):")
        self.origins.append(None)
        if self.image.counts_steps:
            self._line("step()")
        for stack in self._stacks:
            self._line(f"{self._names[stack]} = new_stack({stack.size_bytes})")
        for made in self._order[0].ops:
            if type(made) is SlotNew:
                self._line(f"{self._names[made]} = {zero_of(self, made.slot_type)}")
        leaders = list(self._regions)
        if len(leaders) > 1:
            self._line("b = 0")
            self._line("while True:")
            self._indent += " "
            if self.image.counts_steps:
                self._line("step()")
        self._dispatch(leaders, 0)

    def _dispatch(self, leaders: list[Block], first: int) -> None:
        """Choose among regions by halving; `first` is the number of the first leader."""
        if len(leaders) == 1:
            self._region(leaders[0])
            return
        half = len(leaders) // 2
        indent = self._indent
        self._line(f"if b < {first + half}:")
        self._indent = indent + " "
        self._dispatch(leaders[:half], first)
        self._indent = indent
        self._line("else:")
        self._indent = indent + " "
        self._dispatch(leaders[half:], first + half)
        self._indent = indent

    def _region(self, leader: Block) -> None:
        self._leader = leader
        self._loops = self._regions[leader].loops_to_itself
        if self._loops:
            self._line("while True:")
            self._indent += " "
            if self.image.counts_steps:
                self._line("step()")
        self._tree(leader)

    def _tree(self, block: Block) -> None:
        """Write a block and all that is nested in it."""
        indent = self._indent
        while True:
            for made in block.ops[:-1]:
                self._op = made
                self._write_op(made, block)
            end = self._op = block.ops[-1]
            if type(end) is Jump:
                edge = end.target
            elif type(end) is Branch:
                self._line(f"if {self.use(end.condition)}:")
                self._indent = indent + " "
                if not self._enter(end.if_true):
                    waiting, self._pending = self._pending, {}
                    self._tree(end.if_true.block)
                    self._pending = waiting
                self._indent = indent
                self._op = end
                edge = end.if_false
            else:
                self._leave(end)
                return
            if self._enter(edge):
                return
            block = edge.block

    def _enter(self, edge: Successor) -> bool:
        """Give the parameters their values; whether that ends in a transfer to a region."""
        names = [self._names[row] for row in edge.block.parameters]
        texts = [self.use(value) for value in edge.arguments]
        moves = [row for row in zip(names, texts, strict=True) if row[0] != row[1]]
        if moves:
            left, right = zip(*moves, strict=True)
            self._line(f"{', '.join(left)} = {', '.join(right)}")
        target = self._regions.get(edge.block)
        if target is None:
            return False
        if self._loops and edge.block is self._leader:
            self._line("continue")
        else:
            self._line(f"b = {target.number}")
            self._line("break" if self._loops else "continue")
        return True

    def _leave(self, end: Op) -> None:
        if isinstance(end, Unreachable):
            self._line("reach_unreachable()")
            self._line("return")
            return
        assert isinstance(end, Return), f"no rule for the terminator {end.MNEMONIC}"
        values = ", ".join([self.use(value) for value in end.values])
        if self._stacks:
            if values:
                self._line(f"r = {values}")
            for stack in self._stacks:
                self._line(f"free_stack({self._names[stack]})")
            values = values and "r"
        self._line(f"return {values}")

    def _write_op(self, made: Op, block: Block) -> None:
        kind = type(made)
        if kind in (Constant, CallResult, DebugValue, SlotNew, Stack):
            return
        if isinstance(made, SlotSet):
            text = self.use(made.value)
            self._settle(made.slot)
            self._line(f"{self._names[made.slot]} = {text}")
            return
        self._reads = set()
        text_or_none = self._expression(made)
        if text_or_none is not None:
            self._place(made, text_or_none, block)
            return
        row = STATEMENTS.get(kind, vector_statement)
        lines = row(self, made)
        if lines is None:
            lines = tensor_statement(self, made) or model_statement(self, made)
        assert lines is not None, f"the interpreter has no rule for `{made.MNEMONIC}`"
        if made.EFFECT is not Effect.PURE:
            self._settle(_MEMORY)
        for line in lines:
            self._line(line)

    def _expression(self, made: Op) -> str | None:
        if isinstance(made, SlotGet):
            self._reads.add(made.slot)
            return self._names[made.slot]
        if isinstance(made, Load):
            text = load(self, made)
            self._reads.add(_MEMORY)
            return text
        return expression(self, made) or vector_expression(self, made)

    def _place(self, made: Op, text: str, block: Block) -> None:
        """Let an expression wait for its only use in the block, or assign it now."""
        uses = self._use_count.get(made, 0)
        if uses == 1 and self._last_user[made] is block and len(text) < _MAX_INLINE_CHARACTERS:
            self._pending[made] = (text, frozenset(self._reads))
        elif uses or made.EFFECT is not Effect.PURE:
            self._line(f"{self._names[made]} = {text}")

    def _settle(self, changed: object) -> None:
        """Assign the waiting expressions that read what is about to change."""
        for value, (text, reads) in list(self._pending.items()):
            if changed in reads:
                del self._pending[value]
                self._line(f"{self._names[value]} = {text}")


def _operands(made: Op) -> list[Value]:
    """Return what an op uses when the program runs."""
    return [] if type(made) is DebugValue else made.operands()


class _Region:
    __slots__ = ("loops_to_itself", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self.loops_to_itself = False


def _find_regions(order: list[Block]) -> dict[Block, _Region]:
    """Return the blocks that are entered by number: joins, loops and what nests too deep."""
    incoming = incoming_edges(order)
    regions: dict[Block, _Region] = {}
    leader_of: dict[Block, Block] = {}
    depth: dict[Block, int] = {}
    for position, block in enumerate(order):
        before = incoming[block][0][0] if incoming[block] else block
        nested = depth.get(before, 0) + 1
        if position == 0 or len(incoming[block]) != 1 or nested > _MAX_NESTING:
            regions[block] = _Region(len(regions))
            leader_of[block] = block
            depth[block] = 0
            continue
        leader_of[block] = leader_of[before]
        end = before.ops[-1]
        is_nested = isinstance(end, Branch) and end.if_true.block is block
        depth[block] = nested if is_nested else depth[before]
    for block in order:
        for edge in block.successors():
            if edge.block is leader_of[block]:
                regions[edge.block].loops_to_itself = True
    return regions
