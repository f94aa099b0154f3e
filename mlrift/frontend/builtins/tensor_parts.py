"""IR of operations on parts of tensors and on the order of their elements and axes."""

from enum import Enum, unique

from mlrift.frontend.builtins.tensor import Lowering, extent_words
from mlrift.ir.builder import Builder
from mlrift.ir.core import Value
from mlrift.ir.ops.arith import Add
from mlrift.ir.ops.tensor import Contiguous, Data, Extent, Fill
from mlrift.ir.ops.tensor_map import Unary, UnaryKind
from mlrift.ir.ops.tensor_rows import (
    LayerNorm,
    RmsNorm,
    Softmax,
    Sort,
    SortedPart,
    SortOrder,
    Top,
)
from mlrift.ir.ops.tensor_shape import (
    AddAxis,
    Concat,
    DropAxis,
    Gather,
    Insert,
    Permute,
    Reshape,
    ScatterAdd,
    Slice,
)
from mlrift.ir.ops.tensor_types import tensor_of
from mlrift.typesystem import TensorType
from mlrift.values import value


@unique
class AxisEntry(Enum):
    """How an axis is indexed."""

    ONE = "i"
    WHOLE = ".."
    TO = "..b"
    FROM = "a.."
    BETWEEN = "a..b"


Entries = tuple[AxisEntry, ...]


@value
class _Bounds:
    """A word for each axis."""

    starts: list[Value]
    ends: list[Value]
    steps: list[Value]


def _bounds(builder: Builder, operand: Value, entries: Entries, words: list[Value]) -> _Bounds:
    given = iter(words)
    made = _Bounds([], [], [])
    for axis, entry in enumerate(entries):
        start: Value = builder.word(0)
        if entry in (AxisEntry.ONE, AxisEntry.FROM, AxisEntry.BETWEEN):
            start = next(given)
        end: Value
        if entry is AxisEntry.ONE:
            end = builder.emit(Add(start, builder.word(1)))
        elif entry in (AxisEntry.TO, AxisEntry.BETWEEN):
            end = next(given)
        else:
            end = builder.emit(Extent(operand, axis))
        made.starts.append(start)
        made.ends.append(end)
        made.steps.append(builder.word(1))
    return made


def part(entries: Entries, sliced: TensorType) -> Lowering:
    """A part, without the axes of which there is ONE: the tensor, then the words of the entries."""

    def lower(builder: Builder, values: list[Value]) -> Value:
        bounds = _bounds(builder, values[0], entries, values[1:])
        made: Value = builder.emit(
            Slice(values[0], bounds.starts, bounds.ends, bounds.steps, sliced)
        )
        for axis in reversed(range(len(entries))):
            if entries[axis] is AxisEntry.ONE:
                made = builder.emit(DropAxis(made, axis))
        return made

    return lower


def insert(entries: Entries) -> Lowering:
    """The tensor with a part changed: the new part, the words of the entries, the tensor."""

    def lower(builder: Builder, values: list[Value]) -> Value:
        new, *words, operand = values
        bounds = _bounds(builder, operand, entries, words)
        aligned = _with_single_axes(builder, new, entries)
        return builder.emit(Insert(operand, aligned, bounds.starts, bounds.ends, bounds.steps))

    return lower


def _with_single_axes(builder: Builder, new: Value, entries: Entries) -> Value:
    """Give a part an axis of extent 1 wherever the whole is indexed by ONE."""
    left = tensor_of(new).rank
    for entry in reversed(entries):
        if left == 0:
            break
        if entry is AxisEntry.ONE:
            new = builder.emit(AddAxis(new, left))
        else:
            left -= 1
    return new


def own(rank: int, empty: TensorType) -> Lowering:
    """The tensor with elements that follow each other and that nobody shares.

    Putting nothing into it makes the copy if there must be one.
    """

    def lower(builder: Builder, values: list[Value]) -> Value:
        zeros: list[Value] = [builder.word(0)] * rank
        steps: list[Value] = [builder.word(1)] * rank
        whole = builder.emit(Contiguous(values[0]))
        nothing = builder.emit(Slice(whole, zeros, zeros, steps, empty))
        return builder.emit(Insert(whole, nothing, zeros, zeros, steps))

    return lower


def element_address(entries: Entries, single: TensorType) -> Lowering:
    """The address of an element of memory seen as a tensor: the tensor, the indices."""

    def lower(builder: Builder, values: list[Value]) -> Value:
        bounds = _bounds(builder, values[0], entries, values[1:])
        made = Slice(values[0], bounds.starts, bounds.ends, bounds.steps, single)
        return builder.emit(Data(builder.emit(made)))

    return lower


# ----------------------------------------------------------------------------------- shape


def reshape(made: TensorType) -> Lowering:
    """The same elements in another shape: the tensor, the extents that are no constants."""

    def lower(builder: Builder, values: list[Value]) -> Value:
        extents = extent_words(builder, made, iter(values[1:]))
        return builder.emit(Reshape(values[0], extents, made))

    return lower


def permute(axes: tuple[int, ...]) -> Lowering:
    """The axes in another order."""
    return lambda builder, values: builder.emit(Permute(values[0], axes))


def add_axis(axis: int) -> Lowering:
    """A further axis of extent 1."""
    return lambda builder, values: builder.emit(AddAxis(values[0], axis))


def drop_axis(axis: int) -> Lowering:
    """Without an axis of extent 1."""
    return lambda builder, values: builder.emit(DropAxis(values[0], axis))


def concat(axis: int) -> Lowering:
    """Tensors one after the other."""
    return lambda builder, values: builder.emit(Concat(values, axis))


# ------------------------------------------------------------------------------------ rows


def gather(builder: Builder, values: list[Value]) -> Value:
    """Rows of a table by number."""
    return builder.emit(Gather(values[0], values[1]))


def scatter_add(builder: Builder, values: list[Value]) -> Value:
    """The table with values added to rows: the values, the numbers, the table."""
    return builder.emit(ScatterAdd(values[2], values[1], values[0]))


def scatter_subtract(builder: Builder, values: list[Value]) -> Value:
    """The table with values subtracted from rows: the values, the numbers, the table."""
    negated = builder.emit(Unary(UnaryKind.NEG, values[0]))
    return builder.emit(ScatterAdd(values[2], values[1], negated))


def row_values(made: TensorType) -> Lowering:
    """One value for all rows that numbers name: the value, the numbers, the table."""

    def lower(builder: Builder, values: list[Value]) -> Value:
        number, indices, table = values
        extents = [builder.emit(Extent(indices, row)) for row in range(tensor_of(indices).rank)]
        extents += [builder.emit(Extent(table, row)) for row in range(1, tensor_of(table).rank)]
        return builder.emit(Fill(number, list(extents), made))

    return lower


def softmax(builder: Builder, values: list[Value]) -> Value:
    """Softmax of each row."""
    return builder.emit(Softmax(values[0]))


def layer_norm(builder: Builder, values: list[Value]) -> Value:
    """Layer norm of each row: tensor, scale, shift, epsilon."""
    return builder.emit(LayerNorm(values[0], values[1], values[2], values[3]))


def rms_norm(builder: Builder, values: list[Value]) -> Value:
    """Root-mean-square norm of each row: tensor, scale, epsilon."""
    return builder.emit(RmsNorm(values[0], values[1], values[2]))


def sort(part_sorted: SortedPart) -> Lowering:
    """Rows in ascending order."""
    return lambda builder, values: builder.emit(Sort(SortOrder.ASCENDING, part_sorted, values[0]))


def top(part_sorted: SortedPart, made: TensorType) -> Lowering:
    """The largest elements of each row, or where they are: the tensor, how many."""
    return lambda builder, values: builder.emit(
        Top(SortOrder.DESCENDING, part_sorted, values[0], values[1], made)
    )
