"""Tensors: made, seen as memory, and their elements one by one.

A tensor is a value. An op borrows its operands and gives a new one, except for the first operand
of those that change a tensor, which is used up: it is changed in place when nobody else has it. No
program sees the difference. Scalars are as `tensor_types.scalar_of` says.
"""

from enum import Enum, unique

from mlrift.ir.core import Value
from mlrift.ir.op import Effect, Op, Trait, anything, op, same_as
from mlrift.ir.ops.tensor_types import (
    check_axis,
    check_extents,
    check_scalar,
    check_tensors,
    check_words,
    scalar_of,
    tensor_of,
)
from mlrift.typesystem import I64, ElementKind, TensorType, ValueType


def _element_scalar(made: Op) -> ValueType:
    return scalar_of(tensor_of(made.operands()[0]).element)


@op("tensor.fill", Effect.PURE, Trait.TRAPS, result=same_as("tensor_type"), operands=anything)
class Fill(Op):
    """A tensor whose elements are all the same; one word per axis says how long it is."""

    value: Value
    extents: list[Value]
    tensor_type: TensorType

    def check(self) -> str | None:
        """Compare the value with the elements and the extents with the type."""
        wanted = scalar_of(self.tensor_type.element)
        return check_scalar(self.value, wanted, "value") or check_extents(
            self.tensor_type, self.extents
        )


@op("tensor.iota", Effect.PURE, Trait.TRAPS, result=same_as("tensor_type"), operands=anything)
class Iota(Op):
    """The numbers 0, 1, 2 ... along one axis, converted to the element kind."""

    extents: list[Value]
    tensor_type: TensorType

    def check(self) -> str | None:
        """Refuse other ranks than 1 and truth values."""
        if self.tensor_type.rank != 1 or self.tensor_type.element is ElementKind.BOOL:
            return f"no iota is a {self.tensor_type.value}"
        return check_extents(self.tensor_type, self.extents)


@unique
class RandomKind(Enum):
    """What random elements are: 64 bits, uniform from 0 up to 1, or normal (0, 1)."""

    BITS = "bits"
    UNIFORM = "uniform"
    NORMAL = "normal"


@op("tensor.random", Effect.PURE, Trait.TRAPS, result=same_as("tensor_type"), operands=anything)
class Random(Op):
    """Random elements by counter: element i in row-major order is draw `first + i` of `seed`.

    A draw is splitmix64 of seed + counter * 0x9E3779B97F4A7C15. Uniform numbers are its upper 53
    bits (24 for f32) divided by 2^53 (2^24); a normal one is by Box and Muller from the draws
    2 * counter and 2 * counter + 1, computed in f64.
    """

    kind: RandomKind
    seed: Value
    first: Value
    extents: list[Value]
    tensor_type: TensorType

    def check(self) -> str | None:
        """Bits are u64, all else f32 or f64."""
        element = self.tensor_type.element
        if self.kind is RandomKind.BITS:
            if element is not ElementKind.U64:
                return f"random bits are u64, not {element.value}"
        elif element not in (ElementKind.F32, ElementKind.F64):
            return f"random numbers are f32 or f64, not {element.value}"
        return check_words([self.seed, self.first], "seed") or check_extents(
            self.tensor_type, self.extents
        )


@op("tensor.view", Effect.READ, Trait.TRAPS, result=same_as("tensor_type"), operands=anything)
class View(Op):
    """Memory seen as a tensor; nothing is copied, and the memory is never freed.

    `strides` are in elements, one per axis, or none for rows that follow each other. While the
    tensor or a part of it lives, a change of the memory may or may not show in it.
    """

    address: Value
    extents: list[Value]
    strides: list[Value]
    tensor_type: TensorType

    def check(self) -> str | None:
        """Compare extents and strides with the type."""
        problem = check_words([self.address, *self.strides], "strides")
        if problem is None and len(self.strides) not in (0, self.tensor_type.rank):
            problem = f"{len(self.strides)} strides for {self.tensor_type.value}"
        return problem or check_extents(self.tensor_type, self.extents)


@op("tensor.extent", Effect.PURE, result=I64, operands=anything)
class Extent(Op):
    """How many elements there are along an axis."""

    operand: Value
    axis: int

    def check(self) -> str | None:
        """Refuse an axis that is not there."""
        return check_tensors(self.operand) or check_axis(self.operand, self.axis)


@op("tensor.length", Effect.PURE, result=I64, operands=anything)
class Length(Op):
    """How many elements there are."""

    operand: Value

    def check(self) -> str | None:
        """Refuse scalars."""
        return check_tensors(self.operand)


@op("tensor.data", Effect.READ, result=I64, operands=anything)
class Data(Op):
    """The address of the first element: valid as long as the tensor is used, see `tensor.keep`.

    The elements follow each other only in a tensor made by `tensor.contiguous` or by any op that
    gives new elements; what is written to them changes the tensor, whoever has it.
    """

    operand: Value

    def check(self) -> str | None:
        """Refuse scalars."""
        return check_tensors(self.operand)


@op("tensor.keep", Effect.ANY, operands=anything)
class Keep(Op):
    """Nothing; the tensors live up to here at least."""

    operands_kept: list[Value]

    def check(self) -> str | None:
        """Refuse scalars."""
        return check_tensors(*self.operands_kept)


@op("tensor.contiguous", Effect.PURE, result=same_as("operand"), operands=anything)
class Contiguous(Op):
    """The tensor with its elements in row-major order, without gaps; a copy if they are not."""

    operand: Value

    def check(self) -> str | None:
        """Refuse scalars."""
        return check_tensors(self.operand)


@op("tensor.load", Effect.READ, Trait.TRAPS, result=_element_scalar, operands=anything)
class LoadElement(Op):
    """One element; an index outside ends the program with a message."""

    operand: Value
    indices: list[Value]

    def check(self) -> str | None:
        """Compare the indices with the axes."""
        return check_tensors(self.operand) or _check_indices(self.operand, self.indices)


@op("tensor.store", Effect.PURE, Trait.TRAPS, result=same_as("operand"), operands=anything)
class StoreElement(Op):
    """The tensor with one element changed; uses `operand` up."""

    operand: Value
    indices: list[Value]
    value: Value

    def check(self) -> str | None:
        """Compare the indices with the axes and the value with the elements."""
        problem = check_tensors(self.operand) or _check_indices(self.operand, self.indices)
        wanted = scalar_of(tensor_of(self.operand).element)
        return problem or check_scalar(self.value, wanted, "value")


@op("tensor.require", Effect.ANY, operands=anything)
class Require(Op):
    """Nothing if the extent of an axis is the word; else the program ends with a message."""

    operand: Value
    axis: int
    extent: Value

    def check(self) -> str | None:
        """Refuse an axis that is not there."""
        problem = check_tensors(self.operand) or check_axis(self.operand, self.axis)
        return problem or check_words([self.extent], "extent")


@op("tensor.assume", Effect.PURE, Trait.TRAPS, result=same_as("tensor_type"), operands=anything)
class Assume(Op):
    """The same tensor with another static type of its rank; what is not so ends the program."""

    operand: Value
    tensor_type: TensorType

    def check(self) -> str | None:
        """Refuse another kind, another rank and constants that differ."""
        problem = check_tensors(self.operand)
        if problem is not None:
            return problem
        found = tensor_of(self.operand)
        wanted = self.tensor_type
        fits = found.element is wanted.element and found.rank == wanted.rank
        if fits:
            pairs = zip(found.extents, wanted.extents, strict=True)
            fits = all(one is None or two is None or one == two for one, two in pairs)
        return None if fits else f"{found.value} is never a {wanted.value}"


@op("tensor.share", Effect.ANY, result=I64, operands=anything)
class Share(Op):
    """A tensor as a word to be kept in memory; it lives until the word is taken."""

    operand: Value

    def check(self) -> str | None:
        """Refuse scalars."""
        return check_tensors(self.operand)


@op("tensor.borrow", Effect.ANY, result=same_as("tensor_type"))
class Borrow(Op):
    """The tensor of a word made by `tensor.share`; the word stays good."""

    word: Value
    tensor_type: TensorType


@op("tensor.take", Effect.ANY, result=same_as("tensor_type"))
class Take(Op):
    """The tensor of a word made by `tensor.share`; the word is used up."""

    word: Value
    tensor_type: TensorType


def _check_indices(operand: Value, indices: list[Value]) -> str | None:
    found = tensor_of(operand)
    if len(indices) != found.rank:
        return f"{len(indices)} indices for {found.value}"
    return check_words(indices, "indices")
