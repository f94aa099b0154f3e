"""Products with a few rows, at the speed of memory: nothing is packed.

c[i, j] = c[i, j] + a[i, 0] * b[0, j] + a[i, 1] * b[1, j] + ..., in this order. `thin` goes along
several rows of `b` at once, so that their memory is read as streams. `turned` is for a `b` whose
columns are contiguous, and begins with zeros. `short` is for rows of `b` that are less than a
vector: the sums stay in registers.
"""

from mlrift.ir.builder import Builder
from mlrift.ir.core import Module, Value
from mlrift.ir.kernels.elements import (
    load_scalar,
    load_vector,
    multiply_add,
    row_starts,
    transposed,
    zeros,
)
from mlrift.ir.kernels.loops import new_function, plus, repeat, repeat_if_any
from mlrift.ir.kernels.tile_shapes import SIZE_BYTES, Factor, TileShape
from mlrift.ir.ops.arith import Add, And, FMultiplyAdd, Lshr, Mul
from mlrift.ir.ops.control import Return
from mlrift.ir.ops.memory import Load, Store
from mlrift.ir.ops.vector import Splat
from mlrift.ir.ops.vector_memory import VectorLoad, VectorStore
from mlrift.typesystem import I32, MachineType, vec
from mlrift.values import value

THIN_ROWS = 4
_THIN = ("depth", "a", "a_row", "a_along", "b", "b_along", "c", "c_row", "columns")
_TURNED = ("depth", "a", "a_row", "a_along", "b", "b_row", "columns", "out")
_SHORT = ("depth", "a", "a_row", "a_along", "b", "b_along", "sums")
_STREAMS = {1: 8, 2: 4, 3: 4, 4: 4}


def thin_symbol(unit: str, level: int, rows: int) -> str:
    """Return the name of the function for a number of rows."""
    return f"core.{unit}_thin{level}rows{rows}"


def turned_symbol(unit: str, level: int, rows: int) -> str:
    """Return the name of the function for a number of rows, where those of `b` are columns."""
    return f"core.{unit}_turned{level}rows{rows}"


def short_symbol(unit: str, level: int, rows: int) -> str:
    """Return the name of the function for a number of rows, where those of `b` are short."""
    return f"core.{unit}_short{level}rows{rows}"


@value
class _Thin:
    """What a function for thin products knows of its types and parameters."""

    builder: Builder
    rows: int
    lanes: int
    factor: Factor
    a_row: Value
    a_along: Value
    b_along: Value
    c: Value
    c_row: Value
    columns: Value


def add_thin(module: Module, name: str, shape: TileShape, rows: int, factor: Factor) -> None:
    """Add (depth, a, a_row, a_along, b, b_along, c, c_row, columns), distances in bytes."""
    builder, parameters = new_function(module, name, _THIN, shape.level)
    depth, a, a_row, a_along, b, b_along, c, c_row, columns = parameters
    thin = _Thin(builder, rows, shape.lanes, factor, a_row, a_along, b_along, c, c_row, columns)
    streams = _STREAMS[rows]
    groups = builder.emit(Lshr(depth, builder.word(streams.bit_length() - 1)))
    left, right = repeat_if_any(builder, groups, [a, b], lambda row: _streams(thin, row, streams))
    rest = builder.emit(And(depth, builder.word(streams - 1)))
    repeat_if_any(builder, rest, [left, right], lambda row: _streams(thin, row, 1))
    builder.emit(Return([]))


def add_short(module: Module, name: str, shape: TileShape, rows: int, factor: Factor) -> None:
    """Add (depth, a, a_row, a_along, b, b_along, sums): a vector from each row of `b`.

    There are `depth` steps, at least one. `sums` holds a vector for each row, before and after.
    """
    builder, parameters = new_function(module, name, _SHORT, shape.level)
    depth, a, a_row, a_along, b, b_along, sums = parameters
    lanes, kind = shape.lanes, vec(factor.total, shape.lanes)
    total_bytes = SIZE_BYTES[factor.total]
    places = [plus(builder, sums, row * lanes * total_bytes) for row in range(rows)]

    def step(carried: list[Value]) -> list[Value]:
        left, right, *totals = carried
        other = load_vector(builder, right, lanes, factor)
        address = left
        for row in range(rows):
            own = builder.emit(Splat(load_scalar(builder, address, factor), kind))
            totals[row] = multiply_add(builder, own, other, totals[row])
            address = builder.emit(Add(address, a_row))
        following = [builder.emit(Add(left, a_along)), builder.emit(Add(right, b_along))]
        return [*following, *totals]

    begin = [builder.emit(VectorLoad(place, total_bytes, kind)) for place in places]
    _, _, *ends = repeat(builder, depth, [a, b, *begin], step)
    for place, total in zip(places, ends, strict=True):
        builder.emit(VectorStore(place, total, total_bytes))
    builder.emit(Return([]))


def add_turned(module: Module, name: str, shape: TileShape, rows: int, factor: Factor) -> None:
    """Add (depth, a, a_row, a_along, b, b_row, columns, out): `lanes` columns of a few rows.

    Those of `b` are contiguous, `b_row` bytes apart; blocks of them are transposed in registers.
    `out` gets whole vectors, row by row.
    """
    builder, parameters = new_function(module, name, _TURNED, shape.level)
    depth, a, a_row, a_along, b, b_row, columns, out = parameters
    lanes, kind = shape.lanes, vec(factor.total, shape.lanes)
    starts = row_starts(builder, b, b_row, columns, lanes)
    block_bytes = lanes * SIZE_BYTES[factor.element]

    def block(carried: list[Value]) -> list[Value]:
        left, offset, *totals = carried
        taken = [
            load_vector(builder, builder.emit(Add(row, offset)), lanes, factor) for row in starts
        ]
        for others in transposed(builder, taken):
            address = left
            for row in range(rows):
                own = builder.emit(Splat(load_scalar(builder, address, factor), kind))
                totals[row] = multiply_add(builder, own, others, totals[row])
                address = builder.emit(Add(address, a_row))
            left = builder.emit(Add(left, a_along))
        return [left, plus(builder, offset, block_bytes), *totals]

    blocks = builder.emit(Lshr(depth, builder.word(lanes.bit_length() - 1)))
    begin = [a, builder.word(0), *[zeros(builder, kind)] * rows]
    a, offset, *sums = repeat_if_any(builder, blocks, begin, block)
    for row, total in enumerate(sums):
        place = plus(builder, out, row * lanes * SIZE_BYTES[factor.total])
        builder.emit(VectorStore(place, total, SIZE_BYTES[factor.total]))
    rest = builder.emit(And(depth, builder.word(lanes - 1)))
    size_bytes = SIZE_BYTES[factor.total]

    def step(carried: list[Value]) -> list[Value]:
        left, right = carried

        def column(inner: list[Value]) -> list[Value]:
            address, place = inner
            other = load_scalar(builder, address, factor)
            own_address = left
            for row in range(rows):
                own = load_scalar(builder, own_address, factor)
                target = plus(builder, place, row * lanes * size_bytes)
                known = builder.emit(Load(target, factor.total))
                total = _scalar_multiply_add(builder, own, other, known, factor.total)
                builder.emit(Store(target, total, factor.total))
                own_address = builder.emit(Add(own_address, a_row))
            return [builder.emit(Add(address, b_row)), plus(builder, place, size_bytes)]

        repeat(builder, columns, [right, out], column)
        right = plus(builder, right, SIZE_BYTES[factor.element])
        return [builder.emit(Add(left, a_along)), right]

    repeat_if_any(builder, rest, [a, builder.emit(Add(b, offset))], step)
    builder.emit(Return([]))


def _streams(thin: _Thin, carried: list[Value], count: int) -> list[Value]:
    """Take `count` steps of the sums for all columns."""
    builder, total_type = thin.builder, thin.factor.total
    element_bytes, total_bytes = SIZE_BYTES[thin.factor.element], SIZE_BYTES[total_type]
    a, b = carried
    scalars: list[list[Value]] = [[] for _ in range(thin.rows)]
    starts: list[Value] = []
    for _ in range(count):
        address = a
        for row in range(thin.rows):
            scalars[row].append(load_scalar(builder, address, thin.factor))
            address = builder.emit(Add(address, thin.a_row))
        starts.append(b)
        a = builder.emit(Add(a, thin.a_along))
        b = builder.emit(Add(b, thin.b_along))
    places = [thin.c]
    for _ in range(thin.rows - 1):
        places.append(builder.emit(Add(places[-1], thin.c_row)))
    kind = vec(total_type, thin.lanes)
    factors = [[builder.emit(Splat(row, kind)) for row in line] for line in scalars]
    step, total_step = thin.lanes * element_bytes, thin.lanes * total_bytes

    def vectors(offsets: list[Value]) -> list[Value]:
        near, far = offsets
        loaded = [
            load_vector(builder, builder.emit(Add(row, near)), thin.lanes, thin.factor)
            for row in starts
        ]
        for row, place in enumerate(places):
            address = builder.emit(Add(place, far))
            total: Value = builder.emit(VectorLoad(address, total_bytes, kind))
            for factor, other in zip(factors[row], loaded, strict=True):
                total = multiply_add(builder, factor, other, total)
            builder.emit(VectorStore(address, total, total_bytes))
        return [plus(builder, near, step), plus(builder, far, total_step)]

    def singles(offsets: list[Value]) -> list[Value]:
        near, far = offsets
        loaded = [load_scalar(builder, builder.emit(Add(row, near)), thin.factor) for row in starts]
        for row, place in enumerate(places):
            address = builder.emit(Add(place, far))
            total: Value = builder.emit(Load(address, total_type))
            for factor, other in zip(scalars[row], loaded, strict=True):
                total = _scalar_multiply_add(builder, factor, other, total, total_type)
            builder.emit(Store(address, total, total_type))
        near = plus(builder, near, element_bytes)
        return [near, plus(builder, far, total_bytes)]

    whole = builder.emit(Lshr(thin.columns, builder.word(thin.lanes.bit_length() - 1)))
    offsets = repeat_if_any(builder, whole, [builder.word(0), builder.word(0)], vectors)
    rest = builder.emit(And(thin.columns, builder.word(thin.lanes - 1)))
    repeat_if_any(builder, rest, offsets, singles)
    return [a, b]


def _scalar_multiply_add(
    builder: Builder, factor: Value, other: Value, total: Value, kind: MachineType
) -> Value:
    if kind is I32:
        return builder.emit(Add(total, builder.emit(Mul(factor, other))))
    return builder.emit(FMultiplyAdd(factor, other, total))
