"""Rules for structs and arrays: storage, copies, literals and comparison (reference.md 10).

Struct storage is fresh at each execution and never freed; a scalar array of up to
`STACK_ARRAY_BYTES` is storage of the frame, zeroed where its declaration executes.
"""

from mlrift.frontend import typed
from mlrift.frontend.lower.context import FunctionContext
from mlrift.frontend.lower.rules import expression, statement
from mlrift.ir.core import Value
from mlrift.ir.ops.compare import CompareInteger, IntegerPredicate
from mlrift.ir.ops.memory import Copy, Fill, Fresh, SlotSet, Store
from mlrift.typesystem import ScalarType, TensorType

STACK_ARRAY_BYTES = 4096


def structs_equal(context: FunctionContext, left: Value, right: Value, size_bytes: int) -> Value:
    """Return a word: 1 when the bytes at two addresses are the same, else 0."""
    builder = context.builder
    return builder.call_external("core.memory_equal", [left, right, builder.word(size_bytes)])


def _copy_of(context: FunctionContext, source: Value, size_bytes: int) -> Value:
    builder = context.builder
    storage = builder.emit(Fresh(size_bytes))
    if size_bytes:
        builder.emit(Copy(storage, source, builder.word(size_bytes)))
    return storage


@expression(typed.CopyStruct)
def _copy_struct(context: FunctionContext, node: typed.CopyStruct) -> Value:
    source = context.value(node.source)
    context.builder.span = node.span
    return _copy_of(context, source, node.struct.size_bytes)


@expression(typed.StructValue)
def _struct_value(context: FunctionContext, node: typed.StructValue) -> Value:
    builder = context.builder
    builder.span = node.span
    storage = builder.emit(Fresh(node.struct.size_bytes))
    if any(isinstance(row, TensorType) for _, row, _ in node.fields):
        from mlrift.frontend.builtins.tensor_memory import (  # noqa: PLC0415 - with tensors
            write as write_tensor,
        )
    for offset, field_type, field in node.fields:
        value = context.value(field)
        target = context.offset(storage, offset)
        if isinstance(field_type, ScalarType):
            builder.emit(Store(target, value, field_type.memory))
        elif isinstance(field_type, TensorType):
            write_tensor(builder, [value, target])
        else:
            builder.emit(Copy(target, value, builder.word(field_type.size_bytes)))
    return storage


@expression(typed.StructEqual)
def _struct_equal(context: FunctionContext, node: typed.StructEqual) -> Value:
    builder = context.builder
    left = context.value(node.left)
    right = context.value(node.right)
    builder.span = node.span
    equal = structs_equal(context, left, right, node.size_bytes)
    if not node.is_negated:
        return equal
    return builder.emit(CompareInteger(IntegerPredicate.EQ, equal, builder.word(0)))


@statement(typed.DeclareStruct)
def _declare_struct(context: FunctionContext, node: typed.DeclareStruct) -> None:
    builder = context.builder
    size_bytes = node.struct.size_bytes
    storage: Value
    if node.source is None:
        storage = builder.emit(Fresh(size_bytes))
    elif isinstance(node.source, typed.StructValue | typed.CopyStruct):
        storage = context.value(node.source)
    else:
        storage = _copy_of(context, context.value(node.source), size_bytes)
    builder.emit(SlotSet(context.slot(node.variable), storage))


@statement(typed.DeclareArray)
def _declare_array(context: FunctionContext, node: typed.DeclareArray) -> None:
    builder = context.builder
    size_bytes = node.type.size_bytes
    storage: Value
    if isinstance(node.type.element, ScalarType) and size_bytes <= STACK_ARRAY_BYTES:
        storage = context.stack(size_bytes)
        builder.emit(Fill(storage, builder.word(0), builder.word(size_bytes)))
    else:
        storage = builder.emit(Fresh(size_bytes))
    builder.emit(SlotSet(context.slot(node.variable), storage))
