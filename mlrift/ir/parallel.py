"""Parallel regions for code that builds IR: the ops, with the functions that they need declared."""

from mlrift.ir.builder import Builder
from mlrift.ir.core import Value
from mlrift.ir.ops.call import FunctionAddress
from mlrift.ir.ops.parallel import PARTS_SYMBOL, RUN_SYMBOL, ParallelFor, ParallelParts
from mlrift.typesystem import I64


def emit_parallel_parts(builder: Builder, count: Value, multiple: Value, grain: Value) -> Value:
    """Emit the number of parts for `count` iterations; per-part storage is sized by it."""
    builder.module.declare(PARTS_SYMBOL, [I64] * 3, (I64,))
    return builder.emit(ParallelParts(count, multiple, grain))


def emit_parallel_for(  # noqa: PLR0917 - the operands of the op
    builder: Builder, body: str, context: Value, count: Value, multiple: Value, parts: Value
) -> None:
    """Emit a region that calls `body(context, first, last, part)`, words without a result."""
    builder.module.declare(RUN_SYMBOL, [I64] * 5, ())
    address = builder.emit(FunctionAddress(body))
    builder.emit(ParallelFor(address, context, count, multiple, parts))
