"""Blocks of targets: which edges of a row are a thread's (std/core/csrdelivery.mlr)."""

from mlrift.ir.builder import Builder
from mlrift.ir.core import Value
from mlrift.ir.ops.arith import Add, Mul, Select, Shl, Sub
from mlrift.ir.ops.compare import CompareInteger, IntegerPredicate
from mlrift.ir.ops.memory import Load
from mlrift.typesystem import I32


def own_edges(
    builder: Builder,
    table: tuple[Value, Value],
    row: Value,
    part: Value,
    bounds: tuple[Value, Value],
) -> tuple[Value, Value]:
    """Return the first and last edge of a row whose targets lie in block `part`.

    `table` is the address of the splits, which can be read in any case, and the number of parts.
    """
    splits, parts = table
    first, last = bounds
    borders = builder.emit(Sub(parts, builder.word(1)))
    own = split_place(builder, table, row, part)
    is_first = builder.emit(CompareInteger(IntegerPredicate.EQ, part, builder.word(0)))
    is_last = builder.emit(CompareInteger(IntegerPredicate.EQ, part, borders))
    before = builder.emit(Sub(own, builder.word(4)))
    low = builder.emit(Load(builder.emit(Select(is_first, splits, before)), I32))
    high = builder.emit(Load(builder.emit(Select(is_last, splits, own)), I32))
    own_first = builder.emit(Select(is_first, first, builder.emit(Add(first, low))))
    return own_first, builder.emit(Select(is_last, last, builder.emit(Add(first, high))))


def split_place(builder: Builder, table: tuple[Value, Value], row: Value, part: Value) -> Value:
    """Return the address of the split behind the edges of a row that are in block `part`."""
    splits, parts = table
    borders = builder.emit(Sub(parts, builder.word(1)))
    offset = builder.emit(Add(builder.emit(Mul(row, borders)), part))
    return builder.emit(Add(splits, builder.emit(Shl(offset, builder.word(2)))))
