"""Rules for constants, reads, operators, conversions and calls."""

from collections.abc import Callable
from functools import partial

from mlrift.frontend import typed
from mlrift.frontend.builtins.memory import ADDRESS_FIRST, HEAP_CHECKED, MODEL_CHECKED
from mlrift.frontend.lower.checks import check_arithmetic, check_not_null
from mlrift.frontend.lower.context import FunctionContext
from mlrift.frontend.lower.foreign import word_from_c, words_for_c
from mlrift.frontend.lower.rules import expression
from mlrift.frontend.typed import BinaryKind, ConversionKind, UnaryKind
from mlrift.ir.builder import Builder
from mlrift.ir.core import Value
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import (
    WORD_MASK,
    Add,
    And,
    Ashr,
    Constant,
    FAdd,
    FDiv,
    FMul,
    FSub,
    Lshr,
    Mul,
    Or,
    Sdiv,
    Shl,
    Srem,
    Sub,
    Udiv,
    Urem,
    Xor,
)
from mlrift.ir.ops.call import Call, CallIndirect, FunctionAddress
from mlrift.ir.ops.compare import CompareFloat, CompareInteger, FloatPredicate, IntegerPredicate
from mlrift.ir.ops.convert import BitsToFloat, FloatToBits, Narrow, SignedToFloat, Widen
from mlrift.ir.ops.memory import Load, SlotGet, Store, VolatileLoad
from mlrift.typesystem import (
    F32,
    F64,
    I1,
    I64,
    MachineType,
    ScalarType,
    TensorType,
    Type,
    VectorType,
)

_WORD_BYTES = 8

OPERATIONS: dict[BinaryKind, Callable[[Value, Value], Op]] = {
    BinaryKind.ADD: Add,
    BinaryKind.SUB: Sub,
    BinaryKind.MUL: Mul,
    BinaryKind.UDIV: Udiv,
    BinaryKind.SDIV: Sdiv,
    BinaryKind.UREM: Urem,
    BinaryKind.SREM: Srem,
    BinaryKind.AND: And,
    BinaryKind.OR: Or,
    BinaryKind.XOR: Xor,
    BinaryKind.SHL: Shl,
    BinaryKind.LSHR: Lshr,
    BinaryKind.ASHR: Ashr,
    BinaryKind.FADD: FAdd,
    BinaryKind.FSUB: FSub,
    BinaryKind.FMUL: FMul,
    BinaryKind.FDIV: FDiv,
    **{BinaryKind(row.value): partial(CompareInteger, row) for row in IntegerPredicate},
    **{BinaryKind("f" + row.value): partial(CompareFloat, row) for row in FloatPredicate},
}
CONVERSIONS: dict[ConversionKind, Callable[[Value], Op]] = {
    ConversionKind.INT_TO_F64: lambda word: SignedToFloat(word, F64),
    ConversionKind.INT_TO_F32: lambda word: SignedToFloat(word, F32),
    ConversionKind.F32_TO_F64: Widen,
    ConversionKind.F64_TO_F32: Narrow,
    ConversionKind.BITS_TO_F64: lambda word: BitsToFloat(word, F64),
    ConversionKind.BITS_TO_F32: lambda word: BitsToFloat(word, F32),
    ConversionKind.F64_TO_BITS: FloatToBits,
    ConversionKind.F32_TO_BITS: FloatToBits,
}


def convert(builder: Builder, kind: ConversionKind | None, value: Value) -> Value:
    """Apply a conversion; RETAG and None keep the value."""
    if kind is None or kind is ConversionKind.RETAG:
        return value
    return builder.emit(CONVERSIONS[kind](value))


def combine(
    context: FunctionContext, node: typed.Binary | typed.CompoundAssign, left: Value, right: Value
) -> Value:
    """Emit the operation of `node` on two values, with the checks of `--debug`."""
    context.builder.span = node.span
    if context.is_checked:
        check_arithmetic(context, node, left, right)
    return context.builder.emit(OPERATIONS[node.kind](left, right))


def read_scalar(context: FunctionContext, address: Value, type_read: ScalarType) -> Value:
    """Load a scalar from memory."""
    return context.builder.emit(Load(address, type_read.memory))


@expression(typed.IntegerConstant)
def _integer(context: FunctionContext, node: typed.IntegerConstant) -> Value:
    return context.builder.emit(Constant(node.value & WORD_MASK, I64))


@expression(typed.FloatConstant)
def _float(context: FunctionContext, node: typed.FloatConstant) -> Value:
    return context.builder.emit(Constant(node.value, node.type.machine))


@expression(typed.StringConstant)
def _string(context: FunctionContext, node: typed.StringConstant) -> Value:
    return context.global_address(context.module.add_text(node.data))


@expression(typed.LocalRead)
def _local(context: FunctionContext, node: typed.LocalRead) -> Value:
    slot = context.slot(node.variable)
    return context.builder.emit(SlotGet(slot, slot.slot_type))


@expression(typed.StaticRead)
def _static(context: FunctionContext, node: typed.StaticRead) -> Value:
    variable = node.variable
    address = context.global_address(context.module.static_name(variable))
    return context.builder.emit(Load(address, machine_of(variable)))


def machine_of(variable: typed.StaticVariable) -> MachineType:
    """Return what a scalar static variable is in memory."""
    machine = variable.type.machine
    # tensors are values of builtins, and no vector is static
    assert not isinstance(machine, (TensorType, VectorType))
    return machine


@expression(typed.StaticAddress)
def _static_address(context: FunctionContext, node: typed.StaticAddress) -> Value:
    variable = node.variable
    address = context.global_address(context.module.static_name(variable))
    if not variable.is_repointed:
        return address
    distance = context.builder.emit(Load(_distance_address(context, variable), I64))
    return context.builder.emit(Xor(address, distance))


def static_bytes(declared: Type) -> int:
    """Return the size of a static array or struct: whole words."""
    return -(-declared.size_bytes // _WORD_BYTES) * _WORD_BYTES


def repoint_static(
    context: FunctionContext, variable: typed.StaticVariable, own: Value, address: Value
) -> None:
    """Make a static struct name other storage: kept as the difference from its own address.

    So the name means its own storage as long as that word is 0, without any initialisation.
    """
    builder = context.builder
    distance = builder.emit(Xor(own, address))
    builder.emit(Store(_distance_address(context, variable), distance, I64))


def _distance_address(context: FunctionContext, variable: typed.StaticVariable) -> Value:
    """Return where the difference is kept: behind the struct's own storage."""
    own = context.global_address(context.module.static_name(variable))
    return context.offset(own, static_bytes(variable.type))


@expression(typed.DeviceRead)
def _device(context: FunctionContext, node: typed.DeviceRead) -> Value:
    builder = context.builder
    return builder.emit(VolatileLoad(builder.word(node.address), node.type.memory))


@expression(typed.Unary)
def _unary(context: FunctionContext, node: typed.Unary) -> Value:
    builder = context.builder
    if node.kind is UnaryKind.LOGICAL_NOT:
        return _not(context, context.raw(node.operand))
    operand = context.value(node.operand)
    if node.kind is UnaryKind.NEGATE:
        return builder.emit(Sub(builder.word(0), operand))
    if node.kind is UnaryKind.COMPLEMENT:
        return builder.emit(Xor(operand, builder.word(WORD_MASK)))
    zero = builder.emit(Constant(0.0, operand.type))
    return builder.emit(FSub(zero, operand))


def _not(context: FunctionContext, operand: Value) -> Value:
    builder = context.builder
    if operand.type is I1:
        return builder.emit(Xor(operand, builder.emit(Constant(1, I1))))
    return builder.emit(CompareInteger(IntegerPredicate.EQ, operand, builder.word(0)))


@expression(typed.Binary)
def _binary(context: FunctionContext, node: typed.Binary) -> Value:
    if context.is_device_code:
        from mlrift.frontend.lower.contraction import (  # noqa: PLC0415 - for kernels only
            contracted,
        )

        fused = contracted(context, node)
        if fused is not None:
            return fused
    left = context.value(node.left)
    return combine(context, node, left, context.value(node.right))


@expression(typed.Convert)
def _convert(context: FunctionContext, node: typed.Convert) -> Value:
    if node.kind is ConversionKind.RETAG:
        return context.raw(node.operand)
    return context.builder.emit(CONVERSIONS[node.kind](context.value(node.operand)))


@expression(typed.Call)
def _call(context: FunctionContext, node: typed.Call) -> Value:
    if node.function.is_extern:
        return _call_c(context, node)
    arguments = context.values(node.arguments)
    callee = context.module.callee(node.function)
    context.builder.span = node.span
    return context.builder.emit(Call(callee.symbol, arguments, callee.results))


def _call_c(context: FunctionContext, node: typed.Call) -> Value:
    arguments = [_argument_of_c(context, row) for row in node.arguments]
    callee = context.module.callee(node.function)
    builder = context.builder
    builder.span = node.span
    words = words_for_c(builder, arguments, node.function)
    made = builder.emit(Call(callee.symbol, words, callee.results))
    return word_from_c(builder, made, node.function.result)


def _argument_of_c(context: FunctionContext, node: typed.Expression) -> Value:
    """Return an argument; C calls a function that stands here by the types of its declaration."""
    if type(node) is typed.Convert and node.kind is ConversionKind.RETAG:
        return _argument_of_c(context, node.operand)
    if type(node) is typed.FunctionAddress:
        symbol = context.module.callee_of_c(node.function)
        return context.builder.emit(FunctionAddress(symbol))
    return context.value(node)


@expression(typed.CallPointer)
def _call_pointer(context: FunctionContext, node: typed.CallPointer) -> Value:
    address = context.value(node.address)
    arguments = context.values(node.arguments)
    context.builder.span = node.span
    return context.builder.emit(CallIndirect(address, arguments))


@expression(typed.BuiltinCall)
def _builtin(context: FunctionContext, node: typed.BuiltinCall) -> Value:
    arguments = context.values(node.arguments)
    builder = context.builder
    builder.span = node.span
    builtin = node.builtin
    if context.is_checked and builtin.name in ADDRESS_FIRST:
        check_not_null(context, arguments[0], builtin.name, node.span)
    if context.is_checked and builtin.name in HEAP_CHECKED:
        from mlrift.frontend.lower.heap_checks import CHECKED_BUILTINS  # noqa: PLC0415 - `--debug`

        return CHECKED_BUILTINS[builtin.name](context, arguments, node.span)
    if context.is_checked and builtin.name in MODEL_CHECKED:
        from mlrift.frontend.lower.model_checks import (  # noqa: PLC0415 - `--debug`
            CHECKED_OPERATIONS,
        )

        return CHECKED_OPERATIONS[builtin.name](context, builtin, arguments, node.span)
    return builtin.lower(builder, arguments)


@expression(typed.FunctionAddress)
def _function_address(context: FunctionContext, node: typed.FunctionAddress) -> Value:
    return context.builder.emit(FunctionAddress(context.module.callee(node.function).symbol))
