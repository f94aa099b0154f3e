"""IR of operations on tensors that make, read and change them: one function per `lower`.

Each function returns what a `Builtin.lower` is: operands in, the value out. Types of results come
from the checker; where the op knows less or more, `as_type` brings them together.
"""

from collections.abc import Callable, Iterator

from mlrift.ir.builder import Builder
from mlrift.ir.core import Value
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import Constant
from mlrift.ir.ops.memory import SlotGet, SlotNew, SlotSet
from mlrift.ir.ops.tensor import (
    Assume,
    Contiguous,
    Data,
    Extent,
    Fill,
    Iota,
    Keep,
    Length,
    LoadElement,
    Random,
    RandomKind,
    Require,
    StoreElement,
    View,
)
from mlrift.ir.ops.tensor_linear import Convolution, MatrixProduct
from mlrift.ir.ops.tensor_map import (
    Binary,
    BinaryKind,
    Cast,
    Compare,
    ComparePredicate,
    Select,
    Unary,
    UnaryKind,
)
from mlrift.ir.ops.tensor_reduce import Reduce, ReduceAll, ReducedAxis, ReduceKind
from mlrift.ir.ops.tensor_types import scalar_of
from mlrift.typesystem import I64, ElementKind, TensorType, tensor

Lowering = Callable[[Builder, list[Value]], Value]


def as_type(wanted: TensorType, lower: Lowering) -> Lowering:
    """Return a lowering whose value has exactly the wanted type."""

    def typed(builder: Builder, values: list[Value]) -> Value:
        made = lower(builder, values)
        return made if made.type is wanted else builder.emit(Assume(made, wanted))

    return typed


def extent_words(builder: Builder, made: TensorType, words: Iterator[Value]) -> list[Value]:
    """Return a word for each axis: constants of the type, else the next of `words`."""
    return [next(words) if row is None else builder.word(row) for row in made.extents]


# --------------------------------------------------------------------------------- makers


def fill(made: TensorType) -> Lowering:
    """A tensor of one value: the value, then the extents that are no constants."""

    def lower(builder: Builder, values: list[Value]) -> Value:
        extents = extent_words(builder, made, iter(values[1:]))
        return builder.emit(Fill(values[0], extents, made))

    return lower


def iota(made: TensorType) -> Lowering:
    """The numbers from 0: the extent if it is no constant."""

    def lower(builder: Builder, values: list[Value]) -> Value:
        return builder.emit(Iota(extent_words(builder, made, iter(values)), made))

    return lower


def random(kind: RandomKind, made: TensorType) -> Lowering:
    """Random numbers: the seed, the first counter, the extents that are no constants."""

    def lower(builder: Builder, values: list[Value]) -> Value:
        seed, first, *words = values
        extents = extent_words(builder, made, iter(words))
        return builder.emit(Random(kind, seed, first, extents, made))

    return lower


def view(made: TensorType) -> Lowering:
    """Memory as a tensor: the address, then the extents that are no constants."""

    def lower(builder: Builder, values: list[Value]) -> Value:
        extents = extent_words(builder, made, iter(values[1:]))
        return builder.emit(View(values[0], extents, [], made))

    return lower


def single(element: ElementKind) -> Lowering:
    """A scalar as a tensor without axes."""

    def lower(builder: Builder, values: list[Value]) -> Value:
        return builder.emit(Fill(values[0], [], tensor(element, ())))

    return lower


# --------------------------------------------------------------------- questions, elements


def extent(axis: int) -> Lowering:
    """How long an axis is."""
    return lambda builder, values: builder.emit(Extent(values[0], axis))


def length(builder: Builder, values: list[Value]) -> Value:
    """How many elements there are."""
    return builder.emit(Length(values[0]))


def data(builder: Builder, values: list[Value]) -> Value:
    """The address of the first of elements that follow each other."""
    return builder.emit(Data(builder.emit(Contiguous(values[0]))))


def load(builder: Builder, values: list[Value]) -> Value:
    """An element: the tensor, then the indices."""
    return builder.emit(LoadElement(values[0], values[1:]))


def store(builder: Builder, values: list[Value]) -> Value:
    """The tensor with an element changed: the value, the indices, the tensor."""
    return builder.emit(StoreElement(values[-1], values[1:-1], values[0]))


def fit(checks: list[int]) -> Lowering:
    """The tensor itself after comparing the axes `checks` with words: the tensor, the words."""

    def lower(builder: Builder, values: list[Value]) -> Value:
        for axis, word in zip(checks, values[1:], strict=True):
            builder.emit(Require(values[0], axis, word))
        return values[0]

    return lower


def require(axis: int) -> Lowering:
    """Nothing, if an extent is what it has to be: the tensor, the extent."""

    def lower(builder: Builder, values: list[Value]) -> Value:
        builder.emit(Require(values[0], axis, values[1]))
        return builder.word(0)

    return lower


# ---------------------------------------------------------------------------- element-wise


def unary(kind: UnaryKind) -> Lowering:
    """A function of each element."""
    return lambda builder, values: builder.emit(Unary(kind, values[0]))


def binary(kind: BinaryKind) -> Lowering:
    """A function of each pair of elements."""
    return lambda builder, values: builder.emit(Binary(kind, values[0], values[1]))


def compare(predicate: ComparePredicate) -> Lowering:
    """Whether each pair of elements compares like this."""
    return lambda builder, values: builder.emit(Compare(predicate, values[0], values[1]))


def select(builder: Builder, values: list[Value]) -> Value:
    """The second or the third by the first."""
    return builder.emit(Select(values[0], values[1], values[2]))


def cast(element: ElementKind) -> Lowering:
    """Elements of another kind."""
    return lambda builder, values: builder.emit(Cast(element, values[0]))


# --------------------------------------------------------------------- reductions, products


def reduce(kind: ReduceKind, axis: int) -> Lowering:
    """One element for all along an axis, which stays with extent 1."""
    return lambda builder, values: builder.emit(Reduce(kind, values[0], axis, ReducedAxis.KEPT))


def reduce_all(kind: ReduceKind) -> Lowering:
    """A scalar for all elements."""

    def lower(builder: Builder, values: list[Value]) -> Value:
        return builder.emit(LoadElement(builder.emit(ReduceAll(kind, values[0])), []))

    return lower


def product(builder: Builder, values: list[Value]) -> Value:
    """The matrix product."""
    return builder.emit(MatrixProduct(values[0], values[1]))


def convolution(strides: tuple[int, ...], paddings: tuple[int, ...]) -> Lowering:
    """A convolution: image, kernel."""
    return lambda builder, values: builder.emit(
        Convolution(values[0], values[1], strides, paddings)
    )


# ------------------------------------------------------------------------------- variables


def nothing(slot: SlotNew, made: TensorType) -> list[Op]:
    """The ops that give a variable a tensor before it is declared."""
    machine = scalar_of(made.element)
    ops: list[Op] = [Constant(0 if machine is I64 else 0.0, machine)]
    extents = [Constant(row or 0, I64) for row in made.extents]
    ops += extents
    ops.append(Fill(ops[0], list(extents), made))
    ops.append(SlotSet(slot, ops[-1]))
    for row in ops:
        row.span = slot.span
    return ops


def keep(builder: Builder, slots: list[SlotNew]) -> None:
    """Have the tensors of variables live up to here."""
    builder.emit(Keep([builder.emit(SlotGet(slot, slot.slot_type)) for slot in slots]))
