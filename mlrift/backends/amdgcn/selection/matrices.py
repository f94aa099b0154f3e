"""Fragments of 16 x 16 matrices in the layout of the generation (gpu.md 4.7)."""

from mlrift.backends.amdgcn.isa.instruction import Inline
from mlrift.backends.amdgcn.mir import MachineOperand, MemoryAccess
from mlrift.backends.amdgcn.selection.addresses import scalar_sum
from mlrift.backends.amdgcn.selection.emitter import dwords_of, high_part, low_part, part_of
from mlrift.backends.amdgcn.selection.generation import Matrices
from mlrift.backends.amdgcn.selection.selector import Selector
from mlrift.backends.rules import Rules
from mlrift.ir.core import Value
from mlrift.ir.ops.device import (
    FragmentLoad,
    FragmentLoadSum,
    FragmentProduct,
    FragmentRole,
    FragmentStore,
    FragmentZero,
)
from mlrift.typesystem import F16, VectorType

RULES: Rules[Selector] = Rules("amdgcn")
_SIDE = 16
_ROWS_OF_LANE = 8
_WIDE_BYTES = 16


def _layout(selector: Selector) -> Matrices:
    layout = selector.rules.matrices
    if layout is Matrices.NONE:
        raise selector.refuse(f"{selector.chip.name} has no matrix instructions")
    return layout


def _base(selector: Selector, address: Value) -> MachineOperand:
    return scalar_sum(selector, [address], 0)


def _lane(selector: Selector) -> MachineOperand:
    made = selector.vector()
    selector.valu("v_mbcnt_lo_u32_b32", made, Inline(-1), Inline(0))
    return made


def _column_and_half(selector: Selector) -> tuple[MachineOperand, MachineOperand]:
    """Return lane mod 16 and lane div 16."""
    lane = _lane(selector)
    column, half = selector.vector(), selector.vector()
    selector.valu("v_and_b32", column, Inline(_SIDE - 1), lane)
    selector.valu("v_lshrrev_b32", half, Inline(4), lane)
    return column, half


@RULES.rule(FragmentLoad)
def fragment_load(selector: Selector, made: FragmentLoad) -> None:
    """Load a factor: a lane has a row of A or a column of B, all of it or a half."""
    layout = _layout(selector)
    if made.role is FragmentRole.B_BY_ROWS:
        _load_by_rows(selector, made, layout)
        return
    base, stride = _base(selector, made.address), selector.scalar_word(made.stride_bytes)
    column, half = _column_and_half(selector)
    offset = selector.vector()
    selector.valu("v_mul_lo_u32", offset, column, stride)
    if layout is Matrices.SPLIT:
        split = selector.vector()
        selector.valu("v_lshl_add_u32", split, half, Inline(4), offset)
        offset = split
    place = selector.place(made)
    count = dwords_of(place) // 4
    for number in range(count):
        selector.emit(
            "global_load_b128",
            part_of(place, 4 * number, 4),
            offset,
            base,
            modifiers={"offset": _WIDE_BYTES * number} if number else {},
            memory=MemoryAccess("global", _WIDE_BYTES),
        )


def _load_by_rows(selector: Selector, made: FragmentLoad, layout: Matrices) -> None:
    """Load a column of a matrix that lies in rows: halves one by one, then pairs of them."""
    base, stride = _base(selector, made.address), selector.scalar_word(made.stride_bytes)
    column, half = _column_and_half(selector)
    offset = selector.vector()
    selector.valu("v_lshlrev_b32", offset, Inline(1), column)
    if layout is Matrices.SPLIT:
        first, below, split = selector.scalar(), selector.vector(), selector.vector()
        selector.emit("s_lshl_b32", first, stride, Inline(3))
        selector.valu("v_mul_lo_u32", below, half, first)
        selector.valu("v_add_nc_u32", split, below, offset)
        offset = split
    place = selector.place(made)
    halves: list[MachineOperand] = []
    for number in range(2 * dwords_of(place)):
        if number:
            base = _advanced(selector, base, stride)
        halves.append(selector.vector())
        memory = MemoryAccess("global", 2)
        selector.emit("global_load_u16", halves[-1], offset, base, memory=memory)
    for number in range(dwords_of(place)):
        low, high = halves[2 * number : 2 * number + 2]
        selector.valu("v_lshl_or_b32", part_of(place, number), high, Inline(16), low)


def _advanced(selector: Selector, base: MachineOperand, step: MachineOperand) -> MachineOperand:
    """Return a base that is so many bytes on."""
    made = selector.scalar(2)
    selector.emit("s_add_u32", low_part(made), low_part(base), step)
    selector.emit("s_addc_u32", high_part(made), high_part(base), Inline(0))
    return made


@RULES.rule(FragmentZero)
def fragment_zero(selector: Selector, made: FragmentZero) -> None:
    """Zeros."""
    _layout(selector)
    place = selector.place(made)
    for number in range(dwords_of(place)):
        selector.copy(part_of(place, number), Inline(0))


@RULES.rule(FragmentProduct)
def fragment_product(selector: Selector, made: FragmentProduct) -> None:
    """A x B + C."""
    _layout(selector)
    kind = made.lhs.type
    assert isinstance(kind, VectorType)
    name = "f16" if kind.element is F16 else "bf16"
    operands = selector.place(made.lhs), selector.place(made.rhs), _addend(selector, made.addend)
    selector.emit(f"v_wmma_f32_16x16x16_{name}", selector.place(made), *operands)


def _addend(selector: Selector, addend: Value) -> MachineOperand:
    return Inline(0) if isinstance(addend, FragmentZero) else selector.place(addend)


class _Sums:
    """Where the elements of an accumulator are: one lane offset, and a base per register."""

    def __init__(self, selector: Selector, address: Value, stride_bytes: Value) -> None:
        self.selector = selector
        layout = _layout(selector)
        self.base = _base(selector, address)
        stride = selector.scalar_word(stride_bytes)
        column, half = _column_and_half(selector)
        rows, offset = selector.vector(), selector.vector()
        self.step: MachineOperand = selector.scalar()
        if layout is Matrices.SPLIT:
            first = selector.scalar()
            selector.emit("s_lshl_b32", first, stride, Inline(3))
            selector.copy(self.step, stride)
        else:
            first = selector.scalar()
            selector.copy(first, stride)
            selector.emit("s_lshl_b32", self.step, stride, Inline(1))
        selector.valu("v_mul_lo_u32", rows, half, first)
        selector.valu("v_lshl_add_u32", offset, column, Inline(2), rows)
        self.offset = offset

    def advance(self) -> None:
        """Go on to the base of the next register."""
        self.base = _advanced(self.selector, self.base, self.step)


@RULES.rule(FragmentLoadSum)
def fragment_load_sum(selector: Selector, made: FragmentLoadSum) -> None:
    """Load an accumulator."""
    sums, place = _Sums(selector, made.address, made.stride_bytes), selector.place(made)
    for number in range(_ROWS_OF_LANE):
        if number:
            sums.advance()
        operands = part_of(place, number), sums.offset, sums.base
        selector.emit("global_load_b32", *operands, memory=MemoryAccess("global", 4))


@RULES.rule(FragmentStore)
def fragment_store(selector: Selector, made: FragmentStore) -> None:
    """Store an accumulator."""
    sums, place = _Sums(selector, made.address, made.stride_bytes), selector.place(made.fragment)
    for number in range(_ROWS_OF_LANE):
        if number:
            sums.advance()
        operands = sums.offset, part_of(place, number), sums.base
        selector.emit("global_store_b32", *operands, memory=MemoryAccess("global", 4))
