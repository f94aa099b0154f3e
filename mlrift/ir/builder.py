"""An insertion point: emits ops at the end of a block and makes the small ones convenient."""

from collections.abc import Sequence

from mlrift.ir.core import Block, Function, Module, Successor, Value
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import WORD_MASK, Constant
from mlrift.ir.ops.call import Call
from mlrift.ir.ops.compare import CompareInteger, IntegerPredicate
from mlrift.ir.ops.control import Branch, Jump
from mlrift.ir.ops.convert import TruthToWord
from mlrift.source import Span
from mlrift.static_types import TypeVar
from mlrift.typesystem import I1, I64, ValueType

Made = TypeVar("Made", bound=Op)


class Builder:
    """Emits into `block` of `function`; `span` is put on every op (for -g and run-time checks)."""

    __slots__ = ("block", "function", "module", "span")

    def __init__(self, module: Module, function: Function) -> None:
        self.module = module
        self.function = function
        self.block: Block = function.blocks[0]
        self.span: Span | None = None

    def emit(self, made: Made) -> Made:
        """Append an op to the current block and return it."""
        made.span = self.span
        self.block.ops.append(made)
        return made

    def new_block(self, name: str) -> Block:
        """Add a block to the function (the insertion point stays)."""
        made = Block(name)
        self.function.blocks.append(made)
        return made

    @property
    def is_terminated(self) -> bool:
        """Whether the current block already has its terminator."""
        ops = self.block.ops
        return bool(ops) and ops[-1].IS_TERMINATOR

    def word(self, value: int) -> Constant:
        """Emit a 64-bit constant (reduced modulo 2**64)."""
        return self.emit(Constant(value & WORD_MASK, I64))

    def truth(self, condition: Value) -> Value:
        """Return an i1 that says whether a word is non-zero; looks through `truth_to_word`."""
        if condition.type is I1:
            return condition
        if isinstance(condition, TruthToWord):
            return condition.operand
        return self.emit(CompareInteger(IntegerPredicate.NE, condition, self.word(0)))

    def as_word(self, value: Value) -> Value:
        """Return a truth value as a word; words stay."""
        return self.emit(TruthToWord(value)) if value.type is I1 else value

    def jump(self, target: Block, arguments: Sequence[Value] = ()) -> None:
        """End the block with a jump."""
        self.emit(Jump(Successor(target, list(arguments))))

    def branch(self, condition: Value, if_true: Block, if_false: Block) -> None:
        """End the block with a two-way branch on an i1."""
        self.emit(Branch(condition, Successor(if_true), Successor(if_false)))

    def call_external(
        self, name: str, arguments: Sequence[Value], results: tuple[ValueType, ...] = (I64,)
    ) -> Call:
        """Call a function of the OS layer or the core library, declaring it when new."""
        self.module.declare(name, [argument.type for argument in arguments], results)
        return self.emit(Call(name, list(arguments), results))
