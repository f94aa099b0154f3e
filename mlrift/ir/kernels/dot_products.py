"""Products with one column, at the speed of memory: sums of sixteen chains.

The first chain has the steps 0, 16, 32 ..., the second 1, 17, 33 ...; then chains i and i + 8 are
added, then i and i + 4, and so on. `dots` takes rows that are contiguous and reads `x` in sixteens,
what is left of it at `x_rest`, where there is room for sixteen;
`fold` does the last part for chains that `thin` has made.
"""

from mlrift.ir.builder import Builder
from mlrift.ir.core import BlockParameter, Module, Successor, Value
from mlrift.ir.kernels.elements import load_vector, move_element, multiply_add, zeros
from mlrift.ir.kernels.loops import new_function, plus, repeat, repeat_if_any
from mlrift.ir.kernels.tile_shapes import SIZE_BYTES, Factor, TileShape
from mlrift.ir.ops.arith import Add
from mlrift.ir.ops.compare import CompareInteger, IntegerPredicate
from mlrift.ir.ops.control import Branch, Jump, Return
from mlrift.ir.ops.memory import Fill, Stack, Store
from mlrift.ir.ops.vector import Extract, Splat, VectorConstant
from mlrift.ir.ops.vector_arith import Binary, BinaryKind, CompareIntegers, SelectLanes
from mlrift.ir.ops.vector_memory import VectorLoad
from mlrift.ir.ops.vector_reduce import Order, Reduce, ReduceKind
from mlrift.typesystem import I32, MachineType, vec

CHAINS = 16
_DOTS = ("a", "a_row", "x", "x_rest", "chunks", "rest", "c", "c_row")
_FOLD = ("sums", "stride", "groups", "c", "c_row")
_DOT_ROWS = {0: 2, 3: 4, 4: 8}


def dots_symbol(unit: str, level: int, rows: int) -> str:
    """Return the name of the function for a number of rows at a time."""
    return f"core.{unit}_dots{level}rows{rows}"


def fold_symbol(unit: str, level: int) -> str:
    """Return the name of the function that adds up chains."""
    return f"core.{unit}_fold{level}"


def dot_rows(level: int) -> int:
    """Return how many rows `dots` takes at a time."""
    return _DOT_ROWS[level]


def add_dots(module: Module, name: str, shape: TileShape, rows: int, factor: Factor) -> None:
    """Add the function of `rows` sums of chunks * 16 + rest steps."""
    builder, parameters = new_function(module, name, _DOTS, shape.level)
    a, a_row, x, x_rest, chunks, rest, c, c_row = parameters
    element, total = factor.element, factor.total
    parts = CHAINS // shape.lanes
    kind = vec(total, shape.lanes)
    vector_bytes = shape.lanes * SIZE_BYTES[total]
    room = builder.emit(Stack(CHAINS * SIZE_BYTES[total], 64))

    def chunk(carried: list[Value]) -> list[Value]:
        left, right, *totals = carried
        others = [
            builder.emit(VectorLoad(plus(builder, right, part * vector_bytes), 16, kind))
            for part in range(parts)
        ]
        results = []
        address = left
        for row in range(rows):
            for part, other in enumerate(others):
                place = plus(builder, address, part * shape.lanes * SIZE_BYTES[element])
                own = load_vector(builder, place, shape.lanes, factor)
                results.append(multiply_add(builder, own, other, totals[row * parts + part]))
            if row + 1 < rows:
                address = builder.emit(Add(address, a_row))
        left = plus(builder, left, CHAINS * SIZE_BYTES[element])
        return [left, plus(builder, right, CHAINS * SIZE_BYTES[total]), *results]

    start = [zeros(builder, kind)] * (rows * parts)
    a, _, *sums = repeat_if_any(builder, chunks, [a, x, *start], chunk)
    tail, end = builder.new_block("tail"), builder.new_block("end")
    end.parameters = [BlockParameter(kind, f"sum{index}") for index in range(len(sums))]
    some = builder.emit(CompareInteger(IntegerPredicate.NE, rest, builder.word(0)))
    builder.emit(Branch(some, Successor(tail), Successor(end, list(sums))))
    builder.block = tail
    masks = [_below(builder, rest, shape.lanes, part * shape.lanes) for part in range(parts)]
    results: list[Value] = []
    for row in range(rows):
        builder.emit(Fill(room, builder.word(0), builder.word(CHAINS * SIZE_BYTES[total])))
        _copy_rest(builder, a, room, rest, factor)
        for part in range(parts):
            offset = part * vector_bytes
            own = builder.emit(VectorLoad(plus(builder, room, offset), 16, kind))
            other = builder.emit(VectorLoad(plus(builder, x_rest, offset), 16, kind))
            known = sums[row * parts + part]
            total_ = multiply_add(builder, own, other, known)
            results.append(builder.emit(SelectLanes(masks[part], total_, known)))
        a = builder.emit(Add(a, a_row))
    builder.emit(Jump(Successor(end, results)))
    builder.block = end
    for row in range(rows):
        of_row = list(end.parameters[row * parts : (row + 1) * parts])
        builder.emit(Store(c, _halved(builder, list(of_row)), total))
        c = builder.emit(Add(c, c_row))
    builder.emit(Return([]))


def _below(builder: Builder, limit: Value, lanes: int, first: int) -> Value:
    """Return the mask of the lanes whose number, counted from `first`, is below a word."""
    kind = vec(I32, lanes)
    numbers = builder.emit(VectorConstant(tuple(range(first, first + lanes)), kind))
    limits = builder.emit(Splat(limit, kind))
    return builder.emit(CompareIntegers(IntegerPredicate.ULT, numbers, limits))


def add_fold(module: Module, name: str, shape: TileShape, total: MachineType) -> None:
    """Add (sums, stride, groups, c, c_row): chains of `lanes` sums side by side, `stride` apart."""
    builder, parameters = new_function(module, name, _FOLD, shape.level)
    sums, stride, groups, c, c_row = parameters
    kind = vec(total, shape.lanes)

    def group(carried: list[Value]) -> list[Value]:
        address, place = carried
        vectors: list[Value] = []
        chain = address
        for _ in range(CHAINS):
            vectors.append(builder.emit(VectorLoad(chain, SIZE_BYTES[total], kind)))
            chain = builder.emit(Add(chain, stride))
        folded = _added_by_halves(builder, vectors)
        for lane in range(shape.lanes):
            builder.emit(Store(place, builder.emit(Extract(folded, lane)), total))
            place = builder.emit(Add(place, c_row))
        return [plus(builder, address, shape.lanes * SIZE_BYTES[total]), place]

    repeat(builder, groups, [sums, c], group)
    builder.emit(Return([]))


def _copy_rest(builder: Builder, source: Value, room: Value, rest: Value, factor: Factor) -> None:
    def single(carried: list[Value]) -> list[Value]:
        address, target = carried
        move_element(builder, address, target, factor)
        address = plus(builder, address, SIZE_BYTES[factor.element])
        return [address, plus(builder, target, SIZE_BYTES[factor.total])]

    repeat(builder, rest, [source, room], single)


def _halved(builder: Builder, vectors: list[Value]) -> Value:
    """Add the upper half of the chains to the lower one until one number is left."""
    return builder.emit(Reduce(ReduceKind.ADD, Order.TREE, _added_by_halves(builder, vectors)))


def _added_by_halves(builder: Builder, vectors: list[Value]) -> Value:
    while len(vectors) > 1:
        half = len(vectors) // 2
        vectors = [
            builder.emit(Binary(BinaryKind.ADD, vectors[index], vectors[index + half]))
            for index in range(half)
        ]
    return vectors[0]
