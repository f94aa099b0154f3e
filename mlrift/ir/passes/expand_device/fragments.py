"""Fragments of matrices become storage of the item, their ops calls of std/core/device.mlr.

    %c = slot.new @fragment.c.0 : f32x8          %c = memory.stack 32, 16
    %d = device.fragment_product %a, %b, %0  =>  call.direct @core.device_product(%d, %a, %b, %0)
    slot.set %c, %d                              memory.copy %c, %d, 32

An item has what it needs for its own eight sums: eight neighbours of row lane / 2. Of a factor A
that is a row of 16, of a factor B eight columns, all as f32.
"""

from mlrift.ir.builder import Builder
from mlrift.ir.core import Function, Module, Value
from mlrift.ir.op import Op
from mlrift.ir.ops import device
from mlrift.ir.ops.device import FragmentRole
from mlrift.ir.ops.memory import Copy, SlotGet, SlotNew, SlotSet, Stack
from mlrift.typesystem import BF16, VectorType

_SUM_BYTES = 32
_ROW_BYTES = 64
_COLUMNS_BYTES = 512
_ALIGN_BYTES = 16
_LOADS = {
    FragmentRole.A: "row",
    FragmentRole.B: "columns",
    FragmentRole.B_BY_ROWS: "across",
}
_FRAGMENT_OPS = (
    device.FragmentLoad,
    device.FragmentLoadSum,
    device.FragmentProduct,
    device.FragmentStore,
    device.FragmentZero,
)


def expand_fragments(module: Module, function: Function) -> None:
    """Replace fragments; other ops stay."""
    if any(isinstance(made, _FRAGMENT_OPS) for made in function.ops()):
        _Expansion(module, function).run()


class _Expansion:
    """The storage of the fragments of a function."""

    def __init__(self, module: Module, function: Function) -> None:
        self.builder = Builder(module, function)
        self.function = function
        self.areas: dict[Value, Stack] = {}
        self.stacks: list[Op] = []

    def run(self) -> None:
        """Rewrite every block."""
        for made in self.function.ops():
            if isinstance(made, SlotSet) and isinstance(made.value.type, VectorType):
                self._area(made.slot, _size_of(made.value))
        for block in self.function.blocks:
            ops, block.ops = block.ops, []
            self.builder.block = block
            for made in ops:
                self.builder.span = made.span
                if not self._expand(made):
                    block.ops.append(made)
        self.function.entry.ops[:0] = self.stacks

    def _area(self, value: Value, size_bytes: int) -> Stack:
        known = self.areas.get(value)
        if known is None:
            known = self.areas[value] = Stack(size_bytes, _ALIGN_BYTES)
            known.span = self.builder.span
            self.stacks.append(known)
        return known

    def _expand(self, made: Op) -> bool:
        """Emit what stands for an op; False for one that stays."""
        emit = self.builder.emit
        match made:
            case SlotNew():
                return isinstance(made.slot_type, VectorType)
            case SlotGet() if isinstance(made.slot_type, VectorType):
                self.areas[made] = self._area(made.slot, _SUM_BYTES)
            case SlotSet() if made.slot in self.areas:
                area = self.areas[made.slot]
                size = self.builder.word(area.size_bytes)
                emit(Copy(area, self.areas[made.value], size))
            case device.FragmentLoad():
                kind = "bf16" if made.element is BF16 else "f16"
                arguments = [made.address, made.stride_bytes, emit(device.Lane())]
                self._call(
                    f"{_LOADS[made.role]}_{kind}", self._area(made, _size_of(made)), arguments
                )
            case device.FragmentLoadSum():
                arguments = [made.address, made.stride_bytes, emit(device.Lane())]
                self._call("load_sum", self._area(made, _SUM_BYTES), arguments)
            case device.FragmentStore():
                arguments = [made.address, made.stride_bytes, emit(device.Lane())]
                self._call("store_sum", self.areas[made.fragment], arguments)
            case device.FragmentZero():
                self._call("zero_sum", self._area(made, _SUM_BYTES), [])
            case device.FragmentProduct():
                factors: list[Value] = [
                    self.areas[row] for row in (made.lhs, made.rhs, made.addend)
                ]
                self._call("product", self._area(made, _SUM_BYTES), factors)
            case _:
                return False
        return True

    def _call(self, name: str, area: Value, arguments: list[Value]) -> None:
        self.builder.call_external(f"core.device_{name}", [area, *arguments], ())


def _size_of(value: Value) -> int:
    if isinstance(value, device.FragmentLoad):
        return _ROW_BYTES if value.role is FragmentRole.A else _COLUMNS_BYTES
    return _SUM_BYTES
