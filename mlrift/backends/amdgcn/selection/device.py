"""Ids, sizes, LDS, barriers, fences and hardware functions."""

from mlrift.backends.amdgcn.isa.instruction import Inline
from mlrift.backends.amdgcn.isa.registers import EXEC
from mlrift.backends.amdgcn.mir import BlockTarget, MachineOperand, MemoryAccess
from mlrift.backends.amdgcn.selection.addresses import lds_address
from mlrift.backends.amdgcn.selection.constants import word_operand
from mlrift.backends.amdgcn.selection.emitter import dwords_of, high_part, is_vector, low_part
from mlrift.backends.amdgcn.selection.floats import float_operation, float_source
from mlrift.backends.amdgcn.selection.generation import Barrier, Coherence, Dot4
from mlrift.backends.amdgcn.selection.memory import BYTES, LOADS, STORES, stored_data
from mlrift.backends.amdgcn.selection.selector import Selector
from mlrift.backends.rules import Rules
from mlrift.ir.core import Value
from mlrift.ir.op import Op
from mlrift.ir.ops.device import (
    AssumeGroupSize,
    DeviceFunction,
    Dot2Half,
    Dot4Signed,
    Fence,
    GridBarrier,
    GroupBarrier,
    GroupCount,
    GroupId,
    GroupSize,
    HardwareFunction,
    Lane,
    LdsAdd,
    LdsArray,
    LdsLoad,
    LdsStore,
    LocalId,
    MemoryScope,
)
from mlrift.typesystem import I32, I64

RULES: Rules[Selector] = Rules("amdgcn")
_ALL_BARRIERS = -1
_SHORT_SLEEP = 1
_DEVICE_SCOPE, _GROUP_SCOPE = 2, 1
_ALL_LANES = -1


# ids and sizes


def _small(selector: Selector, made: Value) -> MachineOperand:
    """Return where the low dword of a small number goes; the high one is made zero."""
    place = selector.place(made)
    if dwords_of(place) == 1:
        return place
    selector.copy(high_part(place), Inline(0))
    return low_part(place)


@RULES.rule(LocalId)
def local_id(selector: Selector, made: LocalId) -> None:
    """The item's index in its group."""
    target = _small(selector, made)
    if is_vector(target):
        selector.inputs.local_id(made.axis, target)
        return
    between = selector.vector()
    selector.inputs.local_id(made.axis, between)
    selector.copy(target, between)


@RULES.rule(GroupId)
def group_id(selector: Selector, made: GroupId) -> None:
    """The group's index."""
    selector.copy(_small(selector, made), selector.inputs.group_id(made.axis))


@RULES.rule(GroupSize)
def group_size(selector: Selector, made: GroupSize) -> None:
    """A constant, or from the hidden arguments."""
    selector.inputs.group_size(made.axis, _small(selector, made))


@RULES.rule(GroupCount)
def group_count(selector: Selector, made: GroupCount) -> None:
    """From the hidden arguments."""
    selector.inputs.group_count(made.axis, _small(selector, made))


@RULES.rule(Lane)
def lane(selector: Selector, made: Lane) -> None:
    """How many lanes are before this one."""
    target = _small(selector, made)
    selector.valu("v_mbcnt_lo_u32_b32", target, Inline(_ALL_LANES), Inline(0))


@RULES.rule(AssumeGroupSize)
def assume_group_size(selector: Selector, made: AssumeGroupSize) -> None:
    """Known to the inputs and the metadata."""
    selector.function.required_group = (made.x, made.y, made.z)


# workgroup memory


@RULES.rule(LdsArray)
def lds_array(selector: Selector, made: LdsArray) -> None:
    """The offset of an array."""
    offset = selector.lds_base(made)
    assert offset is not None
    selector.copy(_small(selector, made), word_operand(offset))


def _lds_memory(access: int) -> MemoryAccess:
    return MemoryAccess("lds", access)


@RULES.rule(LdsLoad)
def lds_load(selector: Selector, made: LdsLoad) -> None:
    """Load from LDS."""
    access = I32 if made.access is I64 and selector.size_of(made) == 1 else made.access
    address, offset = lds_address(selector, made.address)
    place = selector.place(made)
    size = max(1, BYTES[access] // 4)
    is_direct = is_vector(place) and dwords_of(place) == size
    loaded: MachineOperand = place if is_direct else selector.vector(size)
    modifiers = {"offset": offset} if offset else {}
    memory = _lds_memory(BYTES[access])
    selector.emit(f"ds_{LOADS[access]}", loaded, address, modifiers=modifiers, memory=memory)
    if is_direct:
        return
    selector.copy(low_part(place) if dwords_of(place) == 2 else place, _first(loaded))
    if dwords_of(place) == 2:
        selector.copy(high_part(place), high_part(loaded) if size == 2 else Inline(0))


def _first(operand: MachineOperand) -> MachineOperand:
    return low_part(operand) if dwords_of(operand) == 2 else operand


@RULES.rule(LdsStore)
def lds_store(selector: Selector, made: LdsStore) -> None:
    """Store into LDS."""
    data = stored_data(selector, made.value, made.access)
    address, offset = lds_address(selector, made.address)
    modifiers = {"offset": offset} if offset else {}
    memory = _lds_memory(BYTES[made.access])
    selector.emit(f"ds_{STORES[made.access]}", address, data, modifiers=modifiers, memory=memory)


@RULES.rule(LdsAdd)
def lds_add(selector: Selector, made: LdsAdd) -> None:
    """Add in LDS; the old value is fetched when somebody wants it."""
    kind = "u32" if made.access is I32 else "u64"
    data = stored_data(selector, made.operand, made.access)
    address, offset = lds_address(selector, made.address)
    modifiers = {"offset": offset} if offset else {}
    memory = MemoryAccess("lds", BYTES[made.access], ordered=True)
    if not selector.uses.get(made):
        selector.emit(f"ds_add_{kind}", address, data, modifiers=modifiers, memory=memory)
        return
    old = selector.vector(max(1, BYTES[made.access] // 4))
    selector.emit(f"ds_add_rtn_{kind}", old, address, data, modifiers=modifiers, memory=memory)
    deliver(selector, made, old)


def deliver(selector: Selector, made: Value, result: MachineOperand) -> None:
    """Bring a word of one or two dwords to its place, zeros above."""
    place = selector.place(made)
    selector.copy(_first(place), _first(result))
    if dwords_of(place) == 2:
        selector.copy(high_part(place), high_part(result) if dwords_of(result) == 2 else Inline(0))


# barriers and fences


def meet(selector: Selector) -> None:
    """Append the barrier of the workgroup."""
    if selector.rules.barrier is Barrier.ONE:
        selector.emit("s_barrier")
        return
    selector.emit("s_barrier_signal", Inline(_ALL_BARRIERS))
    selector.emit("s_barrier_wait", _ALL_BARRIERS & 0xFFFF)


@RULES.rule(GroupBarrier)
def group_barrier(selector: Selector, made: GroupBarrier) -> None:
    """Complete what was written, meet, and forget what was read before others wrote.

    Global memory has a part in that only where something was stored before (it has to be seen) or
    will be after (loads must not see it).
    """
    stores = selector.stores
    is_stored = stores.may_be_before(selector.block, made)
    is_read = is_stored or stores.may_be_after(selector.block, made)
    waited = {"load": is_read, "store": is_stored, "lds": True}
    selector.drain(**{name: 1 for name, is_waited in waited.items() if is_waited})
    meet(selector)
    if is_stored:
        forget(selector, MemoryScope.GROUP)


@RULES.rule(Fence)
def fence(selector: Selector, made: Fence) -> None:
    """Complete what was before, and forget what caches have."""
    selector.drain(load=1, store=1, lds=1)
    release(selector, made.scope)
    forget(selector, made.scope)


def release(selector: Selector, scope: MemoryScope) -> None:
    """Append what makes writes visible to the device."""
    if selector.rules.coherence is Coherence.SCOPES and scope is MemoryScope.DEVICE:
        selector.emit("global_wb", modifiers={"scope": _DEVICE_SCOPE})


def forget(selector: Selector, scope: MemoryScope) -> None:
    """Append the invalidation of caches that a scope does not share."""
    is_device = scope is MemoryScope.DEVICE
    if selector.rules.coherence is Coherence.SCOPES:
        wide = _DEVICE_SCOPE if is_device else _GROUP_SCOPE
        selector.emit("global_inv", modifiers={"scope": wide})
        return
    if is_device:
        selector.emit("buffer_gl1_inv")
    selector.emit("buffer_gl0_inv")


@RULES.rule(GridBarrier)
def grid_barrier(selector: Selector, made: GridBarrier) -> None:
    """Meet in the group; its first item adds 1; every wave waits until all groups have.

    The counter is read past the caches; a wave sleeps a little between two looks.
    """
    goal, phase = selector.scalar(), selector.scalar()
    selector.emit("s_add_u32", phase, selector.scalar_word(made.phase), Inline(1))
    selector.emit("s_mul_i32", goal, phase, selector.scalar_word(made.groups))
    base = selector.scalar_pair(made.counter)
    if isinstance(base, Inline):
        base = selector.constant_pair(int(base.number))
    selector.drain(load=1, store=1, lds=1)
    release(selector, MemoryScope.DEVICE)
    meet(selector)
    zero = selector.in_vector(Inline(0))
    _add_once(selector, base, zero)
    again = selector.new_block()
    selector.loop_depth += 1
    selector.label(again)
    selector.emit("s_sleep", _SHORT_SLEEP)
    seen, count = selector.vector(), selector.scalar()
    memory = MemoryAccess("global", 4, ordered=True)
    modifiers = selector.past_caches()
    selector.emit("global_load_b32", seen, zero, base, modifiers=modifiers, memory=memory)
    selector.copy(count, seen)
    selector.emit("s_cmp_lt_u32", count, goal)
    selector.emit("s_cbranch_scc1", BlockTarget(again))
    selector.loop_depth -= 1
    selector.label(selector.new_block())
    forget(selector, MemoryScope.DEVICE)


def _add_once(selector: Selector, base: MachineOperand, zero: MachineOperand) -> None:
    """Add 1 at an address with the first item of the group alone."""
    ids: MachineOperand = selector.inputs.all_ids()[0]
    for other in selector.inputs.all_ids()[1:]:
        joined = selector.vector()
        selector.valu("v_or_b32", joined, ids, other)
        ids = joined
    is_first, saved = selector.scalar(), selector.scalar()
    selector.valu("v_cmp_eq_u32", is_first, Inline(0), ids)
    one = selector.in_vector(Inline(1))
    after = selector.new_block()
    selector.emit("s_and_saveexec_b32", saved, is_first)
    selector.emit("s_cbranch_execz", BlockTarget(after))
    selector.label(selector.new_block())
    memory = MemoryAccess("global", 4, ordered=True)
    modifiers = selector.atomic_scope()
    selector.emit("global_atomic_add_u32", zero, one, base, modifiers=modifiers, memory=memory)
    selector.label(after)
    selector.emit("s_mov_b32", EXEC, saved)


# hardware functions


_FUNCTIONS = {
    DeviceFunction.EXP2: "v_exp_f32",
    DeviceFunction.LOG2: "v_log_f32",
    DeviceFunction.RECIPROCAL: "v_rcp_f32",
    DeviceFunction.RECIPROCAL_ROOT: "v_rsq_f32",
    DeviceFunction.ROOT: "v_sqrt_f32",
    DeviceFunction.SINE: "v_sin_f32",
    DeviceFunction.COSINE: "v_cos_f32",
}


@RULES.rule(HardwareFunction)
def hardware_function(selector: Selector, made: HardwareFunction) -> None:
    """One transcendental instruction."""
    source = float_source(selector, made.operand)
    float_operation(selector, _FUNCTIONS[made.function], selector.place(made), source)


@RULES.rule(Dot2Half)
def dot2_half(selector: Selector, made: Dot2Half) -> None:
    """Two products of halves."""
    operands = selector.word(made.lhs), selector.word(made.rhs), selector.word(made.addend)
    selector.valu("v_dot2_f32_f16", selector.place(made), *operands)


@RULES.rule(Dot4Signed)
def dot4_signed(selector: Selector, made: Dot4Signed) -> None:
    """Four products of signed bytes."""
    operands = selector.word(made.lhs), selector.word(made.rhs), selector.word(made.addend)
    place = selector.place(made)
    low = low_part(place) if dwords_of(place) == 2 else place
    if selector.rules.dot4 is Dot4.SIGNED:
        selector.valu("v_dot4_i32_i8", low, *operands)
    else:
        selector.valu("v_dot4_i32_iu8", low, *operands, modifiers={"neg_lo": _BOTH_SIGNED})
    if dwords_of(place) == 2:
        selector.copy(high_part(place), selector.sign_of(low))


_BOTH_SIGNED = 3


def layout_lds(selector: Selector) -> None:
    """Give the arrays of LDS their places, in the order of their numbers."""
    sizes: dict[int, LdsArray] = {}
    for made in selector.source.ops():
        if isinstance(made, LdsArray):
            sizes[made.number] = made
    end = 0
    for number in sorted(sizes):
        array = sizes[number]
        align = max(array.align_bytes, 1)
        end = -(-end // align) * align
        selector.lds_offsets[number] = end
        end += array.size_bytes
    limit = selector.chip.lds_bytes_per_group
    if end > limit:
        last: Op = sizes[max(sizes)]
        selector.span = last.span
        raise selector.refuse(f"the kernel wants {end} bytes of LDS; a workgroup has {limit}")
    selector.function.lds_bytes = end
