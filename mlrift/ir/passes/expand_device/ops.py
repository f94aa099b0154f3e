"""Device ops of one item: its place in the grid, LDS, atomics, functions of numbers.

%old = device.atomic_add : i32, %p, %n   =>   %old = call.direct @core.device_add_u32(%p, %n) -> i64

What items wait for or give each other is left out here as what it is for one item alone: a barrier
is nothing, a sum is its operand.
"""

from collections.abc import Callable

from mlrift.ir.builder import Builder
from mlrift.ir.core import Function, Module, Value
from mlrift.ir.op import Op
from mlrift.ir.ops import device
from mlrift.ir.ops.arith import (
    Add,
    And,
    Ashr,
    Constant,
    FAdd,
    FDiv,
    FMul,
    FMultiplyAdd,
    FSqrt,
    Lshr,
    Mul,
    Shl,
)
from mlrift.ir.ops.atomic import AtomicKind, AtomicUpdate
from mlrift.ir.ops.convert import FloatToBits, HalfToSingle, Narrow, TruthToWord, Widen
from mlrift.ir.ops.device import DeviceFunction
from mlrift.ir.ops.memory import Load, Store
from mlrift.ir.passes.expand_device.homes import Home
from mlrift.static_types import Any
from mlrift.typesystem import F32, F64, I1, I32, I64

Expansion = Callable[[Builder, Home, Any], Value | None]

_LAST_LANE = 31
_HALF_MASK = 0xFFFF
_BYTE_BITS = 8
_SIGN_SHIFT = 56


def expand_ops(module: Module, function: Function, home: Home) -> None:
    """Replace the device ops of a function, but for launches."""
    builder = Builder(module, function)
    replacements: dict[Value, Value] = {}
    for block in function.blocks:
        ops, block.ops = block.ops, []
        builder.block = block
        for made in ops:
            made.replace_operands(replacements)
            expansion = EXPANSIONS.get(type(made))
            if expansion is None:
                block.ops.append(made)
                continue
            builder.span = made.span
            found = expansion(builder, home, made)
            if found is not None:
                replacements[made] = found
    for made in function.ops():
        made.replace_operands(replacements)


# ------------------------------------------------------------------ place in the grid


def _local_id(builder: Builder, home: Home, made: device.LocalId) -> Value:
    return home.local_id(builder, made.axis)


def _group_id(builder: Builder, home: Home, made: device.GroupId) -> Value:
    return home.group_id(builder, made.axis)


def _group_size(builder: Builder, home: Home, made: device.GroupSize) -> Value:
    return home.group_size(builder, made.axis)


def _group_count(builder: Builder, home: Home, made: device.GroupCount) -> Value:
    return home.group_count(builder, made.axis)


def _lane(builder: Builder, home: Home, made: Op) -> Value:
    return builder.emit(And(home.number(builder), builder.word(_LAST_LANE)))


# ------------------------------------------------------------------ memory


def _lds(builder: Builder, home: Home, made: device.LdsArray) -> Value:
    return home.lds(builder, made)


def _lds_load(builder: Builder, home: Home, made: device.LdsLoad) -> Value:
    return builder.emit(Load(made.address, made.access))


def _lds_store(builder: Builder, home: Home, made: device.LdsStore) -> None:
    builder.emit(Store(made.address, made.value, made.access))


def _lds_add(builder: Builder, home: Home, made: device.LdsAdd) -> Value:
    """Add: the items of a group run on one thread."""
    old = builder.emit(Load(made.address, made.access))
    builder.emit(Store(made.address, builder.emit(Add(old, made.operand)), made.access))
    return old


def _atomic_add(builder: Builder, home: Home, made: device.AtomicAdd) -> Value:
    arguments = [made.address, made.operand]
    if made.access is F32:
        return builder.call_external("core.device_add_f32", arguments, (F32,))
    if made.access is F64:
        return builder.call_external("core.device_add_f64", arguments, (F64,))
    if made.access is I32:
        return builder.call_external("core.device_add_u32", arguments)
    return builder.emit(AtomicUpdate(AtomicKind.ADD, *arguments))


def _exchange_if(builder: Builder, home: Home, made: device.AtomicExchangeIf) -> Value:
    name = "core.device_swap_u32" if made.access is I32 else "core.device_swap_u64"
    return builder.call_external(name, [made.address, made.expected, made.new])


def _fence(builder: Builder, home: Home, made: Op) -> None:
    """Emit nothing: items of a group share a thread, groups meet only at the end and by atomics."""


# ------------------------------------------------------------------ numbers


def _contracted(builder: Builder, home: Home, made: device.ContractedProduct) -> Value:
    return builder.emit(FMultiplyAdd(made.factor, made.other, made.addend))


def _function(builder: Builder, home: Home, made: device.HardwareFunction) -> Value:
    operand = made.operand
    one = builder.emit(Constant(1.0, F64))
    wide = builder.emit(Widen(operand))
    match made.function:
        case DeviceFunction.RECIPROCAL:
            found: Value = builder.emit(FDiv(one, wide))
        case DeviceFunction.ROOT:
            return builder.emit(FSqrt(operand))
        case DeviceFunction.RECIPROCAL_ROOT:
            found = builder.emit(FDiv(one, builder.emit(FSqrt(wide))))
        case _:
            name = f"core.device_{made.function.value}"
            found = builder.call_external(name, [wide], (F64,))
    return builder.emit(Narrow(found))


def _dot2(builder: Builder, home: Home, made: device.Dot2Half) -> Value:
    total: Value = builder.emit(Widen(made.addend))
    for shift in (0, 16):
        halves = [
            builder.emit(
                And(builder.emit(Lshr(row, builder.word(shift))), builder.word(_HALF_MASK))
            )
            for row in (made.lhs, made.rhs)
        ]
        wide = [builder.emit(Widen(builder.emit(HalfToSingle(row)))) for row in halves]
        total = builder.emit(FAdd(total, builder.emit(FMul(*wide))))
    return builder.emit(Narrow(total))


def _dot4(builder: Builder, home: Home, made: device.Dot4Signed) -> Value:
    total = made.addend
    for byte in range(4):
        up = builder.word(_SIGN_SHIFT - byte * _BYTE_BITS)
        down = builder.word(_SIGN_SHIFT)
        signed = [
            builder.emit(Ashr(builder.emit(Shl(row, up)), down)) for row in (made.lhs, made.rhs)
        ]
        total = builder.emit(Add(total, builder.emit(Mul(*signed))))
    half = builder.word(32)
    return builder.emit(Ashr(builder.emit(Shl(total, half)), half))


# ------------------------------------------------------------------ one item alone


def _nothing(builder: Builder, home: Home, made: Op) -> None:
    pass


def _own_value(builder: Builder, home: Home, made: Any) -> Value:
    return made.value  # type: ignore[no-any-return]  # of a shuffle


def _own_operand(builder: Builder, home: Home, made: Any) -> Value:
    return made.operand  # type: ignore[no-any-return]  # of a reduction


def _own_ballot(builder: Builder, home: Home, made: device.Ballot) -> Value:
    assert made.condition.type is I1
    return builder.emit(TruthToWord(made.condition))


def _grid_barrier(builder: Builder, home: Home, made: device.GridBarrier) -> None:
    builder.call_external("core.device_add_u32", [made.counter, builder.word(1)])


def bits_of(builder: Builder, value: Value) -> Value:
    """Emit a value as a word."""
    if value.type is I1:
        return builder.emit(TruthToWord(value))
    return value if value.type is I64 else builder.emit(FloatToBits(value))


EXPANSIONS: dict[type[Op], Expansion] = {
    device.LocalId: _local_id,
    device.GroupId: _group_id,
    device.GroupSize: _group_size,
    device.GroupCount: _group_count,
    device.Lane: _lane,
    device.LdsArray: _lds,
    device.LdsLoad: _lds_load,
    device.LdsStore: _lds_store,
    device.LdsAdd: _lds_add,
    device.AtomicAdd: _atomic_add,
    device.AtomicExchangeIf: _exchange_if,
    device.Fence: _fence,
    device.ContractedProduct: _contracted,
    device.HardwareFunction: _function,
    device.Dot2Half: _dot2,
    device.Dot4Signed: _dot4,
    device.AssumeGroupSize: _nothing,
    device.GroupBarrier: _nothing,
    device.GridBarrier: _grid_barrier,
    device.Shuffle: _own_value,
    device.ShuffleXor: _own_value,
    device.Ballot: _own_ballot,
    device.WaveReduce: _own_operand,
    device.GroupReduce: _own_operand,
}
