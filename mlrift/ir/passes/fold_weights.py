"""Edge columns that have one value for all edges are not kept: a variable has the value.

    %w = csr.build ... (8)                 %w = csr.build ... (0)
    slot.set %slot, %w                     slot.set %slot, %w ; slot.set %value, 0
    csr.fill %w, %bits, 0 : f64      =>    slot.set %value, %bits
    csr.send %w, %s, %to, 0 : f64          %x = slot.get %value
                                           csr.send_value %w, %s, %to, %x : f64

So it is for connections that only a variable of one function holds, and columns of which nothing
but `csr.fill` writes and nothing but `csr.send` reads. Every target gets the same terms in the same
order.
"""

from collections.abc import Iterator

from mlrift.ir.analysis.uses import users
from mlrift.ir.core import Function, Module, Value
from mlrift.ir.op import Op
from mlrift.ir.ops import csr
from mlrift.ir.ops.arith import Add, Constant
from mlrift.ir.ops.call import Call
from mlrift.ir.ops.convert import BitsToFloat
from mlrift.ir.ops.memory import Load, SlotGet, SlotNew, SlotSet
from mlrift.ir.passes.declaration import Pass
from mlrift.typesystem import F32, F64, I64

_WORD_BYTES = 8
# Functions of the core library that look at where edges lead only.
_STRUCTURE = frozenset(
    f"core.csr_{name}"
    for name in ("check_target", "check_ends", "degree", "row_start", "find", "must_find")
)


def fold_weights(module: Module) -> None:
    """Fold the columns of every function."""
    folded_variables(module)


def folded_variables(module: Module) -> list[str]:
    """Fold the columns of every function; return the variables whose connections have lost any."""
    names: list[str] = []
    for function in module.functions.values():
        builds = [made for made in function.ops() if isinstance(made, csr.Build)]
        if builds:
            used = users(function)
            for made in builds:
                uses = _Uses(function, made, used)
                columns = uses.foldable()
                for column in columns:
                    _fold(function, made, column, uses)
                if columns:
                    names.append(uses.holder)
    return names


PASS = Pass("fold_weights", fold_weights)


class _Uses:
    """What a function does with connections: the ops by the values that stand for them."""

    def __init__(self, function: Function, made: csr.Build, used: dict[Value, list[Op]]) -> None:
        self._function = function
        self._made = made
        self._used = used
        self.holders: list[SlotNew] = []
        self._is_known = True
        self._fixed: set[int] = set()
        self.sends: list[csr.Send] = []
        self.fills: list[csr.FillEdges] = []
        self._follow(made)

    @property
    def holder(self) -> str:
        """The name of the variable that has the connections."""
        return self.holders[0].name if self.holders else "connections"

    def foldable(self) -> list[int]:
        """Return the columns that can be folded."""
        if not self._is_known:
            return []
        filled = {row.column for row in self.fills}
        return sorted(filled - self._fixed)

    def _follow(self, value: Value) -> None:
        for row in self._used.get(value, []):
            if isinstance(row, SlotSet):
                self._follow_slot(row)
            elif isinstance(row, Add):
                self._note_word(row)
            else:
                self._note(row, value)

    def _follow_slot(self, made: SlotSet) -> None:
        """Note all reads of a variable that has these connections or none."""
        slot = made.slot
        assert isinstance(slot, SlotNew)
        if slot in self.holders:
            return
        self.holders.append(slot)
        accesses = self._used.get(slot, [])
        others = [row for row in accesses if isinstance(row, SlotSet) and row is not made]
        if not all(isinstance(row.value, Constant) for row in others):
            self._is_known = False
        for row in accesses:
            if isinstance(row, SlotGet):
                self._follow(row)

    def _note_word(self, address: Add) -> None:
        """Note an access to a word of the descriptor: the address of a column, or another."""
        is_load = all(isinstance(row, Load) for row in self._used.get(address, []))
        if not is_load or not isinstance(address.rhs, Constant):
            self._is_known = False
            return
        offset = address.rhs.value
        assert isinstance(offset, int)
        if offset >= csr.FIRST_COLUMN:
            self._fixed.add((offset - csr.FIRST_COLUMN) // _WORD_BYTES)

    def _note(self, made: Op, value: Value) -> None:
        match made:
            case csr.Send():
                self.sends.append(made)
            case csr.FillEdges():
                self.fills.append(made)
            case csr.SendValue() | csr.FreeConnections() | csr.Find():
                pass
            case csr.IndexIncoming() | csr.BuildGroup():
                pass
            case csr.Product():
                self._fixed.add(made.column)
            case csr.SendLater():
                self._fixed |= {made.column, made.delay_column}
            case csr.Build():
                self._is_known &= made.rule is csr.ConnectionRule.PART
            case Load():
                pass
            case Call():
                self._is_known &= made.callee in _STRUCTURE and made.arguments[0] is value
            case _:
                self._is_known = False


def _fold(function: Function, made: csr.Build, column: int, uses: _Uses) -> None:
    slot = SlotNew(f"{uses.holder}:value:{column}", I64)
    replaced: dict[Op, list[Op]] = {}
    zero = Constant(0, I64)
    replaced[made] = [made, zero, SlotSet(slot, zero)]
    for fill in uses.fills:
        if fill.column == column:
            replaced[fill] = [SlotSet(slot, fill.bits)]
    for send in uses.sends:
        if send.column == column:
            replaced[send] = list(_sent_value(send, slot))
    made.widths = tuple(0 if row == column else width for row, width in enumerate(made.widths))
    for old, new in replaced.items():
        for row in new:
            row.span = old.span
    for block in function.blocks:
        block.ops = [row for op in block.ops for row in replaced.get(op, [op])]
    function.blocks[0].ops[0:0] = [slot]
    slot.span = None


def _sent_value(made: csr.Send, slot: SlotNew) -> Iterator[Op]:
    bits = SlotGet(slot, I64)
    yield bits
    value: Op = bits
    if made.memory in (F32, F64):
        value = BitsToFloat(bits, made.memory)
        yield value
    yield csr.SendValue(made.connections, made.events, made.target, value, made.memory)
