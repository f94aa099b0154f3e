"""Structured control flow for code that builds IR: loops and conditions as `with` blocks.

Values that change in them live in slots, which `promote_slots` turns into SSA values.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from mlrift.ir.builder import Builder
from mlrift.ir.core import Block, BlockParameter, Successor, Value
from mlrift.ir.ops.arith import Add
from mlrift.ir.ops.compare import CompareInteger, IntegerPredicate
from mlrift.ir.ops.control import Branch
from mlrift.ir.ops.loop import IndependentIterations, Vectorising
from mlrift.ir.ops.memory import SlotGet, SlotNew, SlotSet
from mlrift.typesystem import I64


class Variable:
    """A word (or another machine value) that changes; `entry` is where its slot is made."""

    __slots__ = ("_builder", "_slot")

    def __init__(self, builder: Builder, name: str, first: Value) -> None:
        self._builder = builder
        self._slot = SlotNew(name, first.type)
        self._slot.span = None
        builder.function.blocks[0].ops.insert(0, self._slot)
        self.set(first)

    def get(self) -> Value:
        """Emit a read."""
        return self._builder.emit(SlotGet(self._slot, self._slot.slot_type))

    def set(self, value: Value) -> None:
        """Emit a write."""
        self._builder.emit(SlotSet(self._slot, value))


@contextmanager
def counted(
    builder: Builder,
    first: Value,
    last: Value,
    step: int = 1,
    vectorising: Vectorising | None = None,
) -> Iterator[Value]:
    """Run the body for `first`, `first + step`, ... below `last`; the test is at the end.

    With `vectorising` the iterations are promised to be independent (see `loop.independent`).
    """
    body, after = Block("loop"), Block("end_loop")
    index = BlockParameter(I64, "index")
    body.parameters.append(index)
    begins = builder.emit(CompareInteger(IntegerPredicate.ULT, first, last))
    builder.emit(Branch(begins, Successor(body, [first]), Successor(after)))
    builder.function.blocks.append(body)
    builder.block = body
    if vectorising is not None:
        builder.emit(IndependentIterations(vectorising))
    yield index
    following = builder.emit(Add(index, builder.word(step)))
    goes_on = builder.emit(CompareInteger(IntegerPredicate.ULT, following, last))
    builder.emit(Branch(goes_on, Successor(body, [following]), Successor(after)))
    builder.function.blocks.append(after)
    builder.block = after


@contextmanager
def when(builder: Builder, condition: Value) -> Iterator[None]:
    """Run the body if an i1 is true."""
    then, after = Block("then"), Block("end_if")
    builder.branch(condition, then, after)
    builder.function.blocks.append(then)
    builder.block = then
    yield
    builder.jump(after)
    builder.function.blocks.append(after)
    builder.block = after
