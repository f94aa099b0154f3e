"""The innermost loop of a matrix product: a tile of sums in registers.

    c[i, j] = c[i, j] + a[0, i] * b[0, j] + a[1, i] * b[1, j] + ...      fused, in this order

Enters: packed panels, `a` with the rows of a tile side by side, `b` with the columns; both begin at
multiples of 64 bytes, `b` in steps of whole vectors. Sums begin with 0 when `is_first`.
"""

from mlrift.ir.builder import Builder
from mlrift.ir.core import BlockParameter, Module, Successor, Value
from mlrift.ir.kernels.elements import multiply_add, zeros
from mlrift.ir.kernels.loops import new_function, plus, repeat
from mlrift.ir.kernels.tile_shapes import SIZE_BYTES, TileShape
from mlrift.ir.ops.arith import Add
from mlrift.ir.ops.compare import CompareInteger, IntegerPredicate
from mlrift.ir.ops.control import Branch, Jump, Return
from mlrift.ir.ops.memory import Load
from mlrift.ir.ops.vector import Splat
from mlrift.ir.ops.vector_memory import VectorLoad, VectorStore
from mlrift.typesystem import MachineType, VectorType, vec

_PARAMETERS = ("depth", "a", "b", "c", "c_row", "is_first")


def tile_symbol(unit: str, shape: TileShape, rows: int) -> str:
    """Return the name of the function for a number of rows."""
    return f"core.{unit}_level{shape.level}rows{rows}columns{shape.columns}"


def add_tile(module: Module, name: str, shape: TileShape, rows: int, total: MachineType) -> None:
    """Add the function (depth, a, b, c, c_row, is_first); `c_row` is in bytes."""
    builder, parameters = new_function(module, name, _PARAMETERS, shape.level)
    depth, a, b, c, c_row, is_first = parameters
    kind = vec(total, shape.lanes)
    starts = [c]
    for _ in range(rows - 1):
        starts.append(builder.emit(Add(starts[-1], c_row)))
    places = _places(builder, shape, starts, SIZE_BYTES[total])
    sums = _begin(builder, places, is_first, kind)
    size_bytes = SIZE_BYTES[total]
    vector_bytes = shape.lanes * size_bytes

    def step(carried: list[Value]) -> list[Value]:
        left, right, *totals = carried
        columns = [
            builder.emit(VectorLoad(plus(builder, right, index * vector_bytes), 16, kind))
            for index in range(shape.vectors)
        ]
        results: list[Value] = []
        for row in range(rows):
            element = builder.emit(Load(plus(builder, left, row * size_bytes), total))
            factor = builder.emit(Splat(element, kind))
            for index, column in enumerate(columns):
                results.append(
                    multiply_add(builder, factor, column, totals[row * shape.vectors + index])
                )
        left = plus(builder, left, rows * size_bytes)
        return [left, plus(builder, right, shape.columns * size_bytes), *results]

    finished = repeat(builder, depth, [a, b, *sums], step)[2:]
    for place, total_ in zip(places, finished, strict=True):
        builder.emit(VectorStore(place, total_, size_bytes))
    builder.emit(Return([]))


def _places(
    builder: Builder, shape: TileShape, starts: list[Value], size_bytes: int
) -> list[Value]:
    """Return the addresses of the tile's vectors, row by row."""
    return [
        plus(builder, start, index * shape.lanes * size_bytes)
        for start in starts
        for index in range(shape.vectors)
    ]


def _begin(builder: Builder, places: list[Value], is_first: Value, kind: VectorType) -> list[Value]:
    """Return the sums at the beginning: zeros, or what `c` holds."""
    fresh, loaded, begin = (builder.new_block(name) for name in ("fresh", "loaded", "begin"))
    begin.parameters = [BlockParameter(kind, f"sum{index}") for index in range(len(places))]
    begins = builder.emit(CompareInteger(IntegerPredicate.NE, is_first, builder.word(0)))
    builder.emit(Branch(begins, Successor(fresh), Successor(loaded)))
    builder.block = fresh
    builder.emit(Jump(Successor(begin, [zeros(builder, kind)] * len(places))))
    builder.block = loaded
    align = SIZE_BYTES[kind.element]
    known: list[Value] = [builder.emit(VectorLoad(row, align, kind)) for row in places]
    builder.emit(Jump(Successor(begin, known)))
    builder.block = begin
    return list(begin.parameters)
