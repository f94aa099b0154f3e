"""Rules for addresses, loads and assignments: what is evaluated when is said by reference.md 7.2.

Addresses are `base + offset` with the base as the first operand, so that a back end can see which
storage an address belongs to.
"""

from mlrift.frontend import typed
from mlrift.frontend.lower.checks import check_index, check_not_null
from mlrift.frontend.lower.context import FunctionContext
from mlrift.frontend.lower.expressions import (
    combine,
    convert,
    machine_of,
    read_scalar,
    repoint_static,
)
from mlrift.frontend.lower.rules import expression, statement
from mlrift.ir.core import Value
from mlrift.ir.ops.arith import WORD_MASK, Add, Constant, Mul, Shl
from mlrift.ir.ops.call import CallResult
from mlrift.ir.ops.memory import (
    Copy,
    Load,
    SlotGet,
    SlotSet,
    Store,
    VolatileLoad,
    VolatileStore,
)
from mlrift.static_types import assert_never
from mlrift.typesystem import I64, ScalarType, StructType, TensorType, ValueType

# ------------------------------------------------------------------ addresses


@expression(typed.ElementAddress)
def _element_address(context: FunctionContext, node: typed.ElementAddress) -> Value:
    base = context.value(node.base)
    size = node.element.size_bytes
    index = context.value(node.index)
    context.builder.span = node.span
    if context.is_checked and node.count is not None:
        check_index(context, node, index, node.count)
    if isinstance(index, Constant):
        return context.offset(base, int(index.value) * size & WORD_MASK)
    return context.builder.emit(Add(base, _scaled(context, index, size)))


def _scaled(context: FunctionContext, index: Value, size: int) -> Value:
    builder = context.builder
    if size == 1:
        return index
    if size & (size - 1) == 0:
        return builder.emit(Shl(index, builder.word(size.bit_length() - 1)))
    return builder.emit(Mul(index, builder.word(size)))


@expression(typed.FieldAddress)
def _field_address(context: FunctionContext, node: typed.FieldAddress) -> Value:
    offset = node.offset
    base = node.base
    while isinstance(base, typed.FieldAddress):
        offset += base.offset
        base = base.base
    return context.offset(context.value(base), offset)


@expression(typed.Load)
def _load(context: FunctionContext, node: typed.Load) -> Value:
    return read_scalar(context, context.value(node.address), node.type)


# ---------------------------------------------------------------- assignments


@statement(typed.DeclareScalar)
def _declare_scalar(context: FunctionContext, node: typed.DeclareScalar) -> None:
    slot = context.slot(node.variable)
    value: Value
    if node.value is not None:
        value = context.value(node.value)
    elif slot.slot_type is I64:
        value = context.builder.word(0)
    else:
        value = context.builder.emit(Constant(0.0, slot.slot_type))
    context.builder.emit(SlotSet(slot, value))


@statement(typed.DeclareTuple)
def _declare_tuple(context: FunctionContext, node: typed.DeclareTuple) -> None:
    builder = context.builder
    results = _results(context, node.call)
    for index, variable in enumerate(node.variables):
        found = results[index] if index < len(results) else builder.word(0)
        value = convert(builder, node.conversions[index], found)
        builder.emit(SlotSet(context.slot(variable), value))


def _results(context: FunctionContext, node: typed.Expression) -> list[Value]:
    """Emit a call and return all that it gives."""
    if isinstance(node, typed.BuiltinCall) and node.builtin.several is not None:
        arguments = context.values(node.arguments)
        context.builder.span = node.span
        return node.builtin.several(context.builder, arguments)
    call = context.value(node)
    results: tuple[ValueType, ...] = ()
    if isinstance(node, typed.Call):
        results = context.module.callee(node.function).results
    emit = context.builder.emit
    rest = [emit(CallResult(call, place, row)) for place, row in enumerate(results) if place]
    return [call, *rest]


@statement(typed.Assign)
def _assign(context: FunctionContext, node: typed.Assign) -> None:
    place = node.place
    if isinstance(place, typed.MemoryPlace) and not place.value_first:
        address = context.value(place.address)
        _store(context, place, address, context.value(node.value))
    else:
        give(context, place, context.value(node.value))


def give(context: FunctionContext, place: typed.Place, value: Value) -> None:
    """Give a place a value that is evaluated already."""
    builder = context.builder
    match place:
        case typed.LocalPlace():
            builder.emit(SlotSet(context.slot(place.variable), value))
        case typed.StaticPlace():
            variable = place.variable
            address = context.global_address(context.module.static_name(variable))
            if isinstance(variable.type, StructType):
                repoint_static(context, variable, address, value)
            else:
                builder.emit(Store(address, value, machine_of(variable)))
        case typed.MemoryPlace():
            _store(context, place, context.value(place.address), value)
        case typed.DevicePlace():
            builder.emit(VolatileStore(builder.word(place.address), value, place.type.memory))
        case _:
            assert_never(place)


def _store(
    context: FunctionContext, place: typed.MemoryPlace, address: Value, value: Value
) -> None:
    builder = context.builder
    builder.span = place.span
    if isinstance(place.type, StructType):
        builder.emit(Copy(address, value, builder.word(place.type.size_bytes)))
    elif isinstance(place.type, TensorType):
        from mlrift.frontend.builtins.tensor_memory import write  # noqa: PLC0415 - with tensors

        write(builder, [value, address])
    else:
        builder.emit(Store(address, value, place.type.memory))


@statement(typed.CompoundAssign)
def _compound(context: FunctionContext, node: typed.CompoundAssign) -> None:
    builder = context.builder
    place = node.place
    match place:
        case typed.LocalPlace():
            slot = context.slot(place.variable)
            old: Value = builder.emit(SlotGet(slot, slot.slot_type))
            builder.emit(SlotSet(slot, _updated(context, node, old)))
        case typed.StaticPlace():
            machine = machine_of(place.variable)
            address = context.global_address(context.module.static_name(place.variable))
            old = builder.emit(Load(address, machine))
            builder.emit(Store(address, _updated(context, node, old), machine))
        case typed.MemoryPlace():
            _compound_memory(context, node, place)
        case typed.DevicePlace():
            register = builder.word(place.address)
            old = builder.emit(VolatileLoad(register, place.type.memory))
            updated = _updated(context, node, old)
            builder.emit(VolatileStore(register, updated, place.type.memory))
        case _:
            assert_never(place)


def _compound_memory(
    context: FunctionContext, node: typed.CompoundAssign, place: typed.MemoryPlace
) -> None:
    """Update typed memory: the address once; before the operand, or after it if `value_first`."""
    builder = context.builder
    assert isinstance(place.type, ScalarType)
    operand = context.value(node.operand) if place.value_first else None
    address = context.value(place.address)
    old = builder.emit(Load(address, place.type.memory))
    if operand is None:
        operand = context.value(node.operand)
    _store(context, place, address, combine(context, node, old, operand))


def _updated(context: FunctionContext, node: typed.CompoundAssign, old: Value) -> Value:
    if context.is_device_code:
        from mlrift.frontend.lower.contraction import (  # noqa: PLC0415 - for kernels only
            contracted_update,
        )

        fused = contracted_update(context, node, old)
        if fused is not None:
            return fused
    return combine(context, node, old, context.value(node.operand))


# --------------------------------------------------------- pointer statements


@statement(typed.PointerLoad)
def _pointer_load(context: FunctionContext, node: typed.PointerLoad) -> None:
    builder = context.builder
    address = context.value(node.address)
    if context.is_checked:
        check_not_null(context, address, "pointer load", node.span)
    memory = node.memory_type.memory
    loaded = builder.emit(
        VolatileLoad(address, memory) if node.is_volatile else Load(address, memory)
    )
    give(context, node.place, convert(builder, node.conversion, loaded))


@statement(typed.PointerStore)
def _pointer_store(context: FunctionContext, node: typed.PointerStore) -> None:
    builder = context.builder
    address = context.value(node.address)
    value = context.value(node.value)
    if context.is_checked:
        check_not_null(context, address, "pointer store", node.span)
    memory = node.memory_type.memory
    builder.emit(
        VolatileStore(address, value, memory) if node.is_volatile else Store(address, value, memory)
    )
