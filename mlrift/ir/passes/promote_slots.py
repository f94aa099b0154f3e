"""Variables become SSA values: slots are replaced by block parameters.

    %x = slot.new @x : i64                     control.branch %c, ^then, ^join(%a)
    slot.set %x, %a                          ^then:
    control.branch %c, ^then, ^join            control.jump ^join(%b)
  ^then:                               =>    ^join(%x : i64):
    slot.set %x, %b                            control.return %x
    control.jump ^join
  ^join:
    %v = slot.get %x : i64
    control.return %v

Blocks are visited in reverse postorder with the current value of every slot. Where ways meet, a
slot that is live and has several values becomes a parameter; at the head of a loop, one that is
live and set inside the loop. With `-g`, a `debug.value` stands wherever a variable gets a value.
"""

from mlrift.ir.analysis.control_flow import incoming_edges, reverse_postorder
from mlrift.ir.core import Block, BlockParameter, Function, Successor, Value
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import Constant
from mlrift.ir.ops.debug import DebugValue
from mlrift.ir.ops.memory import SlotGet, SlotNew, SlotSet
from mlrift.ir.passes.declaration import Pass, Property, on_functions
from mlrift.source import Span
from mlrift.typesystem import F32, F64, I64, ValueType, VectorType

Values = list[Value | None]


def promote_slots(function: Function) -> None:
    """Replace all slots of a function."""
    slots = [made for made in function.blocks[0].ops if isinstance(made, SlotNew)]
    if slots:
        _Promotion(function, slots).run()


PASS = Pass(
    "promote_slots",
    on_functions(promote_slots),
    needs=frozenset({Property.NO_DEAD_BLOCKS}),
    makes=frozenset({Property.NO_SLOTS}),
)


class _Promotion:
    """The promotion of one function; sets of slots are bit masks over their numbers."""

    def __init__(self, function: Function, slots: list[SlotNew]) -> None:
        self.entry = function.blocks[0]
        self.slots = slots
        self.described = function.source.variables if function.source is not None else {}
        self.numbers: dict[Value, int] = {slot: number for number, slot in enumerate(slots)}
        self.order = reverse_postorder(function)
        self.incoming = incoming_edges(self.order)
        self.set_in: dict[Block, int] = {}
        self.live = self._live_on_entry()
        self.joined: dict[Block, list[int]] = {}
        self.leaving: dict[Block, Values] = {}
        self.waiting: dict[Block, int] = {}
        self.replacements: dict[Value, Value] = {}
        self.zeros: dict[ValueType, Op] = {}

    def run(self) -> None:
        """Visit every block once."""
        start: Values = [None] * len(self.slots)
        for block in self.order:
            values = start if block is self.entry else self._enter(block)
            if self.set_in[block]:
                values = values.copy()
            self._rewrite(block, values)
            self._leave(block, values)
        self.entry.ops[:0] = list(self.zeros.values())

    def _live_on_entry(self) -> dict[Block, int]:
        """Return for every block the slots that may be read before they are set."""
        read: dict[Block, int] = {}
        for block in self.order:
            read[block], self.set_in[block] = self._reads_and_sets(block)
        live = dict(read)
        backwards = [(block, [row.block for row in block.successors()]) for block in self.order]
        backwards.reverse()
        changed = len(backwards) > 1
        while changed:
            changed = False
            for block, after in backwards:
                needed = 0
                for target in after:
                    needed |= live[target]
                needed = needed & ~self.set_in[block] | read[block]
                if needed != live[block]:
                    live[block] = needed
                    changed = True
        return live

    def _reads_and_sets(self, block: Block) -> tuple[int, int]:
        numbers = self.numbers
        read = changed = 0
        for made in block.ops:
            kind = type(made)
            if kind is SlotGet:
                bit = 1 << numbers[made.slot]  # type: ignore[attr-defined]  # kind says so
                if not changed & bit:
                    read |= bit
            elif kind is SlotSet:
                changed |= 1 << numbers[made.slot]  # type: ignore[attr-defined]  # as above
        return read, changed

    def _enter(self, block: Block) -> Values:
        """Return the slots' values at the start of a block, adding its parameters."""
        incoming = self.incoming[block]
        before = [row for row, _ in incoming if row in self.leaving]
        values = self.leaving[before[0]]
        if len(incoming) > 1:
            joined = self._slots_to_join(block, before)
            self.joined[block] = joined
            if joined:
                values = values.copy()
            for number in joined:
                slot = self.slots[number]
                parameter = BlockParameter(slot.slot_type, slot.name)
                values[number] = parameter
                block.parameters.append(parameter)
        for source, edge in incoming:
            if source in self.leaving:
                self._pass_values(source, edge)
        return values

    def _slots_to_join(self, block: Block, before: list[Block]) -> list[int]:
        live = self.live[block]
        first = self.leaving[before[0]]
        found: set[int] = set()
        for other in before[1:]:
            values = self.leaving[other]
            if values is not first:
                found.update(
                    number
                    for number, (one, two) in enumerate(zip(first, values, strict=True))
                    if one is not two
                )
        found = {number for number in found if live >> number & 1}
        if len(before) < len(self.incoming[block]):
            found.update(_bits(live & self._set_in_loop(block)))
        return sorted(found)

    def _set_in_loop(self, header: Block) -> int:
        """Return the slots set on the ways back to a header; all when it is no proper loop."""
        stack = [block for block, _ in self.incoming[header] if block not in self.leaving]
        seen = {header}
        found = self.set_in[header]
        while stack:
            block = stack.pop()
            if block not in seen:
                if block is self.entry:
                    return -1
                seen.add(block)
                found |= self.set_in[block]
                stack += [row for row, _ in self.incoming[block]]
        return found

    def _rewrite(self, block: Block, values: Values) -> None:
        """Take the slot ops out of a block and put values in the place of what they read."""
        replacements, numbers = self.replacements, self.numbers
        kept: list[Op] = self._describe_joined(block) if self.described else []
        for made in block.ops:
            kind = type(made)
            if kind is Constant:
                kept.append(made)
            elif kind is SlotGet:
                number = numbers[made.slot]  # type: ignore[attr-defined]  # kind says so
                replacements[made] = self._value(number, values)
            elif kind is SlotSet:
                value = made.value  # type: ignore[attr-defined]  # kind says so
                number = numbers[made.slot]  # type: ignore[attr-defined]  # as above
                values[number] = replacements.get(value, value)
                if self.described:
                    self._describe(number, replacements.get(value, value), made.span, kept)
            elif kind is not SlotNew:
                made.replace_operands(replacements)
                kept.append(made)
        block.ops = kept

    def _describe(self, number: int, value: Value, span: Span | None, kept: list[Op]) -> None:
        """Note that a variable has a new value."""
        name = self.slots[number].name
        if name in self.described:
            note = DebugValue(name, [value])
            note.span = span
            kept.append(note)

    def _describe_joined(self, block: Block) -> list[Op]:
        kept: list[Op] = []
        joined = self.joined.get(block, [])
        for number, parameter in zip(joined, block.parameters[-len(joined) :], strict=False):
            self._describe(number, parameter, block.ops[0].span, kept)
        return kept

    def _leave(self, block: Block, values: Values) -> None:
        """Keep the values for the blocks to come; pass them on to those already visited."""
        edges = block.successors()
        self.leaving[block] = values if edges else []
        self.waiting[block] = len(edges)
        for edge in edges:
            if edge.block in self.joined:
                self._pass_values(block, edge)

    def _pass_values(self, source: Block, edge: Successor) -> None:
        """Give an edge its arguments; forget the values of a block after its last edge."""
        joined = self.joined.get(edge.block)
        if joined:
            values = self.leaving[source]
            edge.arguments += [self._value(number, values) for number in joined]
        self.waiting[source] -= 1
        if not self.waiting[source]:
            self.leaving[source] = []

    def _value(self, number: int, values: Values) -> Value:
        value = values[number]
        return value if value is not None else self._zero(self.slots[number].slot_type)

    def _zero(self, held: ValueType) -> Op:
        known = self.zeros.get(held)
        if known is None:
            known = self.zeros[held] = _zero_of(held)
        return known


def _zero_of(held: ValueType) -> Op:
    if not isinstance(held, VectorType):
        return Constant(0 if held is I64 else 0.0, held)
    from mlrift.ir.ops.vector import VectorConstant  # noqa: PLC0415 - rarely needed

    zero = 0.0 if held.element in (F32, F64) else 0
    return VectorConstant((zero,) * held.lanes, held)


def _bits(mask: int) -> list[int]:
    """Return the numbers of the bits that are set."""
    digits = bin(mask)
    last = len(digits) - 1
    return [last - place for place in range(2, len(digits)) if digits[place] == "1"]
