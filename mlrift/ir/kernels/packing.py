"""Panels of a factor, copied so that the tile's loop reads memory in order.

A panel has `width` rows of the factor (columns, of the right one) side by side for every step of
the sum: out[k * width + w] = source[w, k]. Halves become f32 and bytes i32 on the way. There is a
function for rows that lie contiguous along k, which transposes blocks in registers, one for rows
that lie side by side, and one for any layout.

The first two write whole vectors: what is too much lies where the next step, or a neighbour of a
lower place that is packed later, is written. A panel's end needs a vector's room.
"""

from collections.abc import Callable

from mlrift.ir.core import Module, Value
from mlrift.ir.kernels.elements import load_vector, move_element, row_starts, transposed
from mlrift.ir.kernels.loops import new_function, plus, repeat, repeat_if_any
from mlrift.ir.kernels.tile_shapes import SIZE_BYTES, Factor, TileShape
from mlrift.ir.ops.arith import Add, And, Lshr, Sub
from mlrift.ir.ops.compare import CompareInteger, IntegerPredicate
from mlrift.ir.ops.control import Return
from mlrift.ir.ops.memory import Load
from mlrift.ir.ops.vector import Iota, Shuffle, Splat
from mlrift.ir.ops.vector_arith import CompareIntegers, SelectLanes
from mlrift.ir.ops.vector_memory import VectorLoad, VectorStore
from mlrift.typesystem import I32, I64, MachineType, vec

_ROWS = ("source", "row", "rows", "depth", "out", "step")
_COLUMNS = ("source", "step_in", "vectors", "depth", "out", "step")
_WORD_BYTES = 8
_PLACE_BYTES = 16
_PANELS = ("source", "step_in", "panels", "depth", "out", "step", "panel_bytes")
_PAIRS = ("source", "step_in", "vectors", "depth", "evens", "odds", "step")
_IMAGE = ("source", "offsets", "depth", "places", "count", "out", "step")
_ANY = ("source", "across", "along", "width", "depth", "out", "step")


def rows_symbol(unit: str, level: int) -> str:
    """Return the name of the function for rows that are contiguous along k."""
    return f"core.{unit}_rows{level}"


def columns_symbol(unit: str, level: int) -> str:
    """Return the name of the function for rows that lie side by side."""
    return f"core.{unit}_columns{level}"


def panels_symbol(unit: str, level: int) -> str:
    """Return the name of the function for neighbouring panels."""
    return f"core.{unit}_panels{level}"


def pairs_symbol(unit: str, level: int) -> str:
    """Return the name of the function that takes pairs apart."""
    return f"core.{unit}_pairs{level}"


def image_symbol(unit: str, level: int) -> str:
    """Return the name of the function for pieces of images."""
    return f"core.{unit}_image{level}"


def any_symbol(unit: str) -> str:
    """Return the name of the function for any layout."""
    return f"core.{unit}_any"


def add_pack_rows(module: Module, name: str, shape: TileShape, factor: Factor) -> None:
    """Add (source, row, rows, depth, out, step): up to `lanes` rows, `row` and `step` in bytes."""
    builder, parameters = new_function(module, name, _ROWS, shape.level)
    source, row_bytes, rows, depth, out, step = parameters
    lanes = shape.lanes
    starts = row_starts(builder, source, row_bytes, rows, lanes)
    size_bytes = SIZE_BYTES[factor.element]
    total_bytes = SIZE_BYTES[factor.total]

    def block(carried: list[Value]) -> list[Value]:
        offset, place = carried
        vectors = [
            load_vector(builder, builder.emit(Add(row, offset)), lanes, factor) for row in starts
        ]
        for vector in transposed(builder, vectors):
            builder.emit(VectorStore(place, vector, total_bytes))
            place = builder.emit(Add(place, step))
        return [plus(builder, offset, lanes * size_bytes), place]

    shift = lanes.bit_length() - 1
    blocks = builder.emit(Lshr(depth, builder.word(shift)))
    offset, place = repeat_if_any(builder, blocks, [builder.word(0), out], block)
    rest = builder.emit(And(depth, builder.word(lanes - 1)))

    def single(carried: list[Value]) -> list[Value]:
        start, to = carried

        def element(inner: list[Value]) -> list[Value]:
            address, target = inner
            move_element(builder, address, target, factor)
            return [builder.emit(Add(address, row_bytes)), plus(builder, target, total_bytes)]

        repeat(builder, rows, [start, to], element)
        return [plus(builder, start, size_bytes), builder.emit(Add(to, step))]

    repeat_if_any(builder, rest, [builder.emit(Add(source, offset)), place], single)
    builder.emit(Return([]))


def add_pack_columns(module: Module, name: str, shape: TileShape, factor: Factor) -> None:
    """Add (source, step_in, vectors, depth, out, step): whole vectors, steps in bytes."""
    builder, parameters = new_function(module, name, _COLUMNS, shape.level)
    source, step_in, vectors, depth, out, step = parameters

    def outer(carried: list[Value]) -> list[Value]:
        start, to = carried

        def inner(places: list[Value]) -> list[Value]:
            address, target = places
            vector = load_vector(builder, address, shape.lanes, factor)
            builder.emit(VectorStore(target, vector, SIZE_BYTES[factor.total]))
            moved = plus(builder, address, shape.lanes * SIZE_BYTES[factor.element])
            return [moved, plus(builder, target, shape.lanes * SIZE_BYTES[factor.total])]

        repeat(builder, vectors, [start, to], inner)
        return [builder.emit(Add(start, step_in)), builder.emit(Add(to, step))]

    repeat(builder, depth, [source, out], outer)
    builder.emit(Return([]))


def add_pack_panels(module: Module, name: str, shape: TileShape, factor: Factor) -> None:
    """Add (source, step_in, panels, depth, out, step, panel_bytes): several whole panels at once.

    They are neighbours in the factor, so long pieces of its rows are read one after the other.
    """
    builder, parameters = new_function(module, name, _PANELS, shape.level)
    source, step_in, panels, depth, out, step, panel_bytes = parameters
    near, far = SIZE_BYTES[factor.element], SIZE_BYTES[factor.total]

    def panel(carried: list[Value]) -> list[Value]:
        start, to = carried
        for index in range(shape.vectors):
            first = index * shape.lanes
            address = plus(builder, start, first * near)
            vector = load_vector(builder, address, shape.lanes, factor)
            builder.emit(VectorStore(plus(builder, to, first * far), vector, far))
        return [plus(builder, start, shape.columns * near), builder.emit(Add(to, panel_bytes))]

    def row(carried: list[Value]) -> list[Value]:
        start, to = carried
        repeat(builder, panels, [start, to], panel)
        return [builder.emit(Add(start, step_in)), builder.emit(Add(to, step))]

    repeat(builder, depth, [source, out], row)
    builder.emit(Return([]))


def add_pack_pairs(module: Module, name: str, shape: TileShape, factor: Factor) -> None:
    """Add (source, step_in, vectors, depth, evens, odds, step): pairs of elements taken apart."""
    builder, parameters = new_function(module, name, _PAIRS, shape.level)
    source, step_in, vectors, depth, evens, odds, step = parameters
    lanes = range(0, 2 * shape.lanes, 2)
    half_bytes = shape.lanes * SIZE_BYTES[factor.element]
    total_bytes = SIZE_BYTES[factor.total]

    def vector(carried: list[Value]) -> list[Value]:
        start, *places = carried
        low = load_vector(builder, start, shape.lanes, factor)
        high = load_vector(builder, plus(builder, start, half_bytes), shape.lanes, factor)
        for first, place in enumerate(places):
            chosen = tuple(first + lane for lane in lanes)
            taken = builder.emit(Shuffle(low, high, chosen))
            builder.emit(VectorStore(place, taken, total_bytes))
        moved = [plus(builder, place, shape.lanes * total_bytes) for place in places]
        return [plus(builder, start, 2 * half_bytes), *moved]

    def row(carried: list[Value]) -> list[Value]:
        repeat(builder, vectors, carried, vector)
        start, *places = carried
        onward = [builder.emit(Add(place, step)) for place in places]
        return [builder.emit(Add(start, step_in)), *onward]

    repeat(builder, depth, [source, evens, odds], row)
    builder.emit(Return([]))


def add_pack_image(module: Module, name: str, shape: TileShape, total: MachineType) -> None:
    """Add (source, offsets, depth, places, count, out, step): one vector of a panel.

    Step k's is at `source` plus offsets[k] plus the offset of a place; a place is such an offset
    and the first lane that comes from there, in ascending order.
    """
    builder, parameters = new_function(module, name, _IMAGE, shape.level)
    source, offsets, depth, places, count, out, step = parameters
    kind, align = vec(total, shape.lanes), SIZE_BYTES[total]
    start = builder.emit(Add(source, builder.emit(Load(places, I64))))
    second = plus(builder, places, _PLACE_BYTES)

    def with_place(entry: Value, offset: Value, known: Value) -> Value:
        near = builder.emit(Add(source, builder.emit(Load(entry, I64))))
        lane = builder.emit(Load(plus(builder, entry, _PLACE_BYTES // 2), I64))
        limits = builder.emit(Splat(lane, vec(I32, shape.lanes)))
        numbers = builder.emit(Iota(vec(I32, shape.lanes)))
        mask = builder.emit(CompareIntegers(IntegerPredicate.UGE, numbers, limits))
        loaded = builder.emit(VectorLoad(builder.emit(Add(near, offset)), align, kind))
        return builder.emit(SelectLanes(mask, loaded, known))

    def with_all(offset: Value, first: Value) -> Value:
        def inner(row: list[Value]) -> list[Value]:
            entry, known = row
            return [plus(builder, entry, _PLACE_BYTES), with_place(entry, offset, known)]

        further = builder.emit(Sub(count, builder.word(1)))
        return repeat(builder, further, [second, first], inner)[1]

    def steps(with_others: Callable[[Value, Value], Value]) -> None:
        def body(carried: list[Value]) -> list[Value]:
            entry, to = carried
            offset = builder.emit(Load(entry, I64))
            first = builder.emit(VectorLoad(builder.emit(Add(start, offset)), align, kind))
            builder.emit(VectorStore(to, with_others(offset, first), align))
            return [plus(builder, entry, _WORD_BYTES), builder.emit(Add(to, step))]

        repeat(builder, depth, [offsets, out], body)
        builder.emit(Return([]))

    one, more, two, many = (builder.new_block(row) for row in ("one", "more", "two", "many"))
    is_one = builder.emit(CompareInteger(IntegerPredicate.EQ, count, builder.word(1)))
    builder.branch(is_one, one, more)
    builder.block = one
    steps(lambda _offset, first: first)
    builder.block = more
    is_two = builder.emit(CompareInteger(IntegerPredicate.EQ, count, builder.word(2)))
    builder.branch(is_two, two, many)
    builder.block = two
    steps(lambda offset, first: with_place(second, offset, first))
    builder.block = many
    steps(with_all)


def add_pack_any(module: Module, name: str, factor: Factor) -> None:
    """Add (source, across, along, width, depth, out, step), all distances in bytes."""
    builder, parameters = new_function(module, name, _ANY, 0)
    source, across, along, width, depth, out, step = parameters

    def outer(carried: list[Value]) -> list[Value]:
        start, to = carried

        def inner(places: list[Value]) -> list[Value]:
            address, target = places
            move_element(builder, address, target, factor)
            moved = plus(builder, target, SIZE_BYTES[factor.total])
            return [builder.emit(Add(address, across)), moved]

        repeat(builder, width, [start, to], inner)
        return [builder.emit(Add(start, along)), builder.emit(Add(to, step))]

    repeat(builder, depth, [source, out], outer)
    builder.emit(Return([]))
