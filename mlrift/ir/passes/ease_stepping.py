"""Without optimisation, stepping through a function visits each line once.

    %v = slot.get %n : i64                     %v = slot.get %n : i64
    control.branch %c, ^then, ^join            slot.set %kept, %v
  ^then:                                       control.branch %c, ^then, ^join
    ...                                =>    ^then:
    control.jump ^join                         ...
  ^join:                                       control.jump ^next
    control.jump ^next                       ^join:
  ^next:                                       control.jump ^next
    memory.store %p, %v : i64                ^next:
                                               %w = slot.get %kept : i64
                                               memory.store %p, %w : i64

Code generation loads a value that crosses blocks by an instruction without a line, at which a
debugger stops once more: a slot's load has the line of the op that uses it. Blocks that only jump
on, and that no statement asked for, would take it back to a line that is done.
"""

from mlrift.ir.analysis.control_flow import incoming_edges
from mlrift.ir.core import Block, Function, Successor, Value
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import Constant
from mlrift.ir.ops.call import CallResult, FunctionAddress
from mlrift.ir.ops.compare import CompareInteger, IntegerPredicate
from mlrift.ir.ops.control import Jump
from mlrift.ir.ops.convert import TruthToWord
from mlrift.ir.ops.memory import GlobalAddress, SlotGet, SlotNew, SlotSet
from mlrift.ir.passes.declaration import Pass, on_functions
from mlrift.source import Span
from mlrift.typesystem import I1, I64

KEPT = "kept"

_WITHOUT_CODE = frozenset((Constant, FunctionAddress, GlobalAddress, SlotNew))


def ease_stepping(function: Function) -> None:
    """Skip blocks that only jump on, then keep what crosses blocks in slots."""
    _skip_silent_blocks(function)
    slots = _Slots(function)
    slots.replace_parameters()
    slots.replace_crossing_values()
    slots.finish()


PASS = Pass("ease_stepping", on_functions(ease_stepping))


def _skip_silent_blocks(function: Function) -> None:
    """Send edges past blocks with nothing but a jump that no statement wrote."""
    onward: dict[Block, Successor] = {}
    for block in function.blocks[1:]:
        end = block.ops[0]
        if isinstance(end, Jump) and end.span is None and not block.parameters:
            onward[block] = end.target
    for block in function.blocks:
        for edge in block.ops[-1].successors():
            passed: set[Block] = set()
            while edge.block in onward and edge.block not in passed:
                passed.add(edge.block)
                target = onward[edge.block]
                edge.block, edge.arguments = target.block, list(target.arguments)


class _Slots:
    """The slots added to one function; a truth value is kept as a word."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.added: list[Op] = []

    def finish(self) -> None:
        """Put the slots at the start of the function."""
        self.function.blocks[0].ops[:0] = self.added

    def new(self, value: Value) -> SlotNew:
        """Return a slot for a value."""
        slot = SlotNew(KEPT, I64 if value.type is I1 else value.type)
        slot.span = self.function.span
        self.added.append(slot)
        return slot

    def replace_parameters(self) -> None:
        """Pass what the blocks receive in slots, unless one op has two edges to the block."""
        incoming = incoming_edges(self.function.blocks)
        values: dict[Value, Value] = {}
        for block in self.function.blocks[1:]:
            sources = [source for source, _ in incoming[block]]
            if not block.parameters or len(set(sources)) != len(sources):
                continue
            slots = [self.new(parameter) for parameter in block.parameters]
            for source, edge in incoming[block]:
                end = source.ops[-1]
                for slot, value in zip(slots, edge.arguments, strict=True):
                    source.ops[-1:-1] = _set(slot, value, end.span)
                edge.arguments = []
            start: list[Op] = []
            for slot, parameter in zip(slots, block.parameters, strict=True):
                start += _get(slot, parameter, block.ops[0].span)
                values[parameter] = start[-1]
            block.parameters = []
            block.ops[:0] = start
        if values:
            for made in self.function.ops():
                made.replace_operands(values)

    def replace_crossing_values(self) -> None:
        """Keep every value that another block uses in a slot, and load it there."""
        slots = self._slots_of_crossing_values()
        if not slots:
            return
        for block in self.function.blocks:
            loaded: dict[Value, Value] = {}
            waiting: list[Op] = []
            ops: list[Op] = []
            for made in block.ops:
                if type(made) is not CallResult:
                    ops += waiting
                    waiting = []
                    for value in made.operands():
                        if value in slots and value not in loaded:
                            ops += _get(slots[value], value, made.span)
                            loaded[value] = ops[-1]
                    made.replace_operands(loaded)
                ops.append(made)
                if made in slots:
                    loaded[made] = made
                    waiting += _set(slots[made], made, made.span)
            block.ops = ops

    def _slots_of_crossing_values(self) -> dict[Value, SlotNew]:
        homes: dict[Value, Block] = {
            made: block
            for block in self.function.blocks
            for made in block.ops
            if type(made) not in _WITHOUT_CODE
        }
        slots: dict[Value, SlotNew] = {}
        for block in self.function.blocks:
            for made in block.ops:
                if type(made) is CallResult:
                    continue
                for value in made.operands():
                    if value not in slots and homes.get(value, block) is not block:
                        slots[value] = self.new(value)
        return slots


def _set(slot: SlotNew, value: Value, span: Span | None) -> list[Op]:
    ops: list[Op] = []
    if value.type is I1:
        value = TruthToWord(value)
        ops.append(value)
    ops.append(SlotSet(slot, value))
    for made in ops:
        made.span = span
    return ops


def _get(slot: SlotNew, value: Value, span: Span | None) -> list[Op]:
    """Return ops of which the last one is the value that the slot keeps."""
    loaded = SlotGet(slot, slot.slot_type)
    ops: list[Op] = [loaded]
    if value.type is I1:
        zero = Constant(0, I64)
        ops += [zero, CompareInteger(IntegerPredicate.NE, loaded, zero)]
    for made in ops:
        made.span = span
    return ops
