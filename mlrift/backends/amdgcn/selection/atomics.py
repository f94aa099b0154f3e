"""Atomics of global memory: one instruction, or a loop of compare and swap where there is none."""

from collections.abc import Callable

from mlrift.backends.amdgcn.isa.instruction import Inline
from mlrift.backends.amdgcn.isa.registers import EXEC
from mlrift.backends.amdgcn.mir import BlockTarget, MachineOperand, MemoryAccess, VirtualRegister
from mlrift.backends.amdgcn.selection.addresses import Address, global_address
from mlrift.backends.amdgcn.selection.device import deliver, forget, release
from mlrift.backends.amdgcn.selection.emitter import dwords_of, part_of
from mlrift.backends.amdgcn.selection.memory import BYTES, stored_data
from mlrift.backends.amdgcn.selection.selector import Selector
from mlrift.backends.rules import Rules
from mlrift.ir.core import Value
from mlrift.ir.ops.atomic import (
    AtomicCompareExchange,
    AtomicKind,
    AtomicLoad,
    AtomicStore,
    AtomicUpdate,
    Barrier,
)
from mlrift.ir.ops.device import AtomicAdd, AtomicExchangeIf, MemoryScope
from mlrift.typesystem import F32, F64, I32, I64, MachineType

RULES: Rules[Selector] = Rules("amdgcn")
_WORD_BYTES = 8
_BYTES_OF = {"32": 4, "64": 8}
_UPDATES = {
    AtomicKind.ADD: "add_u64",
    AtomicKind.SUB: "sub_u64",
    AtomicKind.AND: "and_b64",
    AtomicKind.OR: "or_b64",
    AtomicKind.XOR: "xor_b64",
}


def _atomic(
    selector: Selector, made: Value, name: str, address: Value, data: MachineOperand
) -> None:
    """Append an atomic; the old value is fetched when somebody wants it."""
    found = global_address(selector, address)
    if not selector.uses.get(made):
        _emit(selector, name, found, data, None)
        return
    old = selector.vector(_BYTES_OF[name[-2:]] // 4)
    _emit(selector, name, found, data, old)
    if made.type is I64:
        deliver(selector, made, old)
    else:
        selector.copy(selector.place(made), old)


def _emit(
    selector: Selector,
    name: str,
    address: Address,
    data: MachineOperand,
    old: VirtualRegister | None,
) -> None:
    operation, size = f"global_atomic_{name}", _BYTES_OF[name[-2:]]
    modifiers = selector.atomic_scope()
    if address.offset:
        modifiers["offset"] = address.offset
    operands = (address.lanes, data, address.base)
    memory = MemoryAccess("global", size, ordered=True)
    if old is None:
        selector.emit(operation, *operands, modifiers=modifiers, memory=memory)
    else:
        selector.emit(f"{operation}_rtn", old, *operands, modifiers=modifiers, memory=memory)


@RULES.rule(AtomicAdd)
def atomic_add(selector: Selector, made: AtomicAdd) -> None:
    """Add a word, an f32 or an f64."""
    if made.access is F64 or (made.access is F32 and not selector.rules.adds_floats_in_memory):
        _add_by_swapping(selector, made)
    elif made.access is F32:
        data = selector.vector_word(made.operand)
        _atomic(selector, made, "add_f32", made.address, data)
    else:
        kind = "u32" if made.access is I32 else "u64"
        data = stored_data(selector, made.operand, made.access)
        _atomic(selector, made, f"add_{kind}", made.address, data)


@RULES.rule(AtomicUpdate)
def atomic_update(selector: Selector, made: AtomicUpdate) -> None:
    """Combine a word."""
    data = selector.vector_pair(made.operand)
    _atomic(selector, made, _UPDATES[made.kind], made.address, data)


def _swap_data(
    selector: Selector, access: MachineType, new: Value, expected: Value
) -> MachineOperand:
    made = selector.vector(2 * max(1, BYTES[access] // 4))
    if access is I32:
        selector.assemble(made, selector.word(new), selector.word(expected))
    else:
        selector.assemble(made, *selector.words(new), *selector.words(expected))
    return made


@RULES.rule(AtomicExchangeIf)
def atomic_exchange_if(selector: Selector, made: AtomicExchangeIf) -> None:
    """Compare and swap; the old value."""
    name = "cmpswap_b32" if made.access is I32 else "cmpswap_b64"
    data = _swap_data(selector, made.access, made.new, made.expected)
    _atomic(selector, made, name, made.address, data)


@RULES.rule(AtomicCompareExchange)
def atomic_compare_exchange(selector: Selector, made: AtomicCompareExchange) -> None:
    """Compare and swap; whether it did."""
    data = _swap_data(selector, I64, made.new, made.expected)
    found = global_address(selector, made.address)
    old, mask = selector.vector(2), selector.scalar()
    _emit(selector, "cmpswap_b64", found, data, old)
    if not selector.uses.get(made):
        return
    place = selector.place(made)
    low = place if dwords_of(place) == 1 else selector.vector()
    selector.valu("v_cmp_eq_u64", mask, old, selector.pair(made.expected))
    selector.valu("v_cndmask_b32", low, Inline(0), Inline(1), mask)
    if low is not place:
        deliver(selector, made, low)


@RULES.rule(AtomicLoad)
def atomic_load(selector: Selector, made: AtomicLoad) -> None:
    """Load a word past the caches, before everything after it."""
    found = global_address(selector, made.address)
    loaded = selector.vector(2)
    modifiers = selector.past_caches()
    if found.offset:
        modifiers["offset"] = found.offset
    memory = MemoryAccess("global", _WORD_BYTES, ordered=True)
    operands = (loaded, found.lanes, found.base)
    selector.emit("global_load_b64", *operands, modifiers=modifiers, memory=memory)
    selector.drain(load=1)
    if selector.uses.get(made):
        deliver(selector, made, loaded)


@RULES.rule(AtomicStore)
def atomic_store(selector: Selector, made: AtomicStore) -> None:
    """Store a word after everything before it."""
    found = global_address(selector, made.address)
    data = selector.vector_pair(made.value)
    selector.drain(load=1, store=1, lds=1)
    modifiers = selector.past_caches()
    if found.offset:
        modifiers["offset"] = found.offset
    memory = MemoryAccess("global", _WORD_BYTES, ordered=True)
    operands = (found.lanes, data, found.base)
    selector.emit("global_store_b64", *operands, modifiers=modifiers, memory=memory)


@RULES.rule(Barrier)
def barrier(selector: Selector, _made: Barrier) -> None:
    """A fence of the device."""
    selector.drain(load=1, store=1, lds=1)
    release(selector, MemoryScope.DEVICE)
    forget(selector, MemoryScope.DEVICE)


# loops of compare and swap


def _add_by_swapping(selector: Selector, made: AtomicAdd) -> None:
    is_double = made.access is F64
    size = 2 if is_double else 1
    held = selector.vector_pair if is_double else selector.vector_word
    addend = held(made.operand)
    operation = "v_add_f64" if is_double else "v_add_f32"

    def combine(new: MachineOperand, old: MachineOperand) -> None:
        selector.valu(operation, new, old, addend)

    old = swap_until_done(selector, made.address, size, combine)
    if selector.uses.get(made):
        selector.copy(selector.place(made), old)


def swap_until_done(
    selector: Selector,
    address: Value,
    size: int,
    combine: Callable[[MachineOperand, MachineOperand], None],
) -> MachineOperand:
    """Append a loop in which lanes stay until nobody came between their load and their swap.

    `combine(new, old)` appends what makes the new value. The old value stays in the register that
    is returned: a lane that is done no longer writes it.
    """
    bits = 32 * size
    found = global_address(selector, address)
    data, saved = selector.vector(2 * size), selector.scalar()
    new, old = part_of(data, 0, size), part_of(data, size, size)
    offset = {"offset": found.offset} if found.offset else {}
    memory = MemoryAccess("global", 4 * size, ordered=True)
    selector.emit(
        f"global_load_b{bits}",
        old,
        found.lanes,
        found.base,
        modifiers={**selector.past_caches(), **offset},
        memory=memory,
    )
    selector.emit("s_mov_b32", saved, EXEC)
    again = selector.new_block()
    selector.loop_depth += 1
    selector.label(again)
    seen = selector.vector(size)
    combine(new, old)
    _emit(selector, f"cmpswap_b{bits}", found, data, seen)
    differs = selector.scalar()
    selector.valu(f"v_cmp_ne_u{bits}", differs, seen, old)
    selector.copy(old, seen)
    selector.emit("s_and_b32", EXEC, EXEC, differs)
    selector.emit("s_cbranch_execnz", BlockTarget(again))
    selector.loop_depth -= 1
    selector.label(selector.new_block())
    selector.emit("s_mov_b32", EXEC, saved)
    return old
