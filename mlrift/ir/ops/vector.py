"""Vectors: making and rearranging them. A word becomes a lane by its low bits.

Vectors are values and parameters of blocks. They are passed to functions and returned only until
`inline_vectors` has put such functions into their callers. In memory they are their lanes one after
the other, the first one lowest, without padding.
"""

from math import isnan

from mlrift.ir.core import Value
from mlrift.ir.numbers import to_single
from mlrift.ir.op import Effect, Op, anything, op, same_as
from mlrift.ir.ops.vector_types import (
    ANY_LANES,
    FLOATS,
    IN_MEMORY,
    INTEGERS,
    LANE_BITS,
    check_alike,
    check_lanes,
    check_scalar,
    check_type,
    resized,
    scalar_like,
    scalar_of,
)
from mlrift.typesystem import F32, I8, I64, MAX_LANES, MachineType, ValueType, VectorType, vec

_TABLE_LANES = 16
_BYTES = frozenset((I8,))


def _sliced(made: Op) -> ValueType:
    assert isinstance(made, Slice)
    return resized(made.vector, made.lanes)


def _shuffled(made: Op) -> ValueType:
    assert isinstance(made, Shuffle)
    return resized(made.first, len(made.lanes))


def _concatenated(made: Op) -> ValueType:
    assert isinstance(made, Concat)
    found = made.first.type
    return resized(made.first, 2 * found.lanes if isinstance(found, VectorType) else 0)


def _lane(made: Op) -> ValueType:
    assert isinstance(made, Extract)
    return scalar_like(made.vector)


def _lane_at(made: Op) -> ValueType:
    assert isinstance(made, ExtractAt)
    return scalar_like(made.vector)


@op("vector.constant", Effect.PURE, result=same_as("vector_type"), operands=anything)
class VectorConstant(Op):
    """Constant lanes: floats for f32 (already rounded) and f64, whole numbers for all others."""

    lanes: tuple[int | float, ...]
    vector_type: VectorType

    def check(self) -> str | None:
        """Refuse another number of lanes than the type's, and numbers that no lane holds."""
        message = check_type(self.vector_type, ANY_LANES)
        if message is not None:
            return message
        if len(self.lanes) != self.vector_type.lanes:
            return f"{len(self.lanes)} numbers for {self.vector_type.lanes} lanes"
        element = self.vector_type.element
        bits = LANE_BITS[element]
        for number in self.lanes:
            if element in FLOATS:
                fits = isinstance(number, float) and _is_rounded(number, element)
            else:
                fits = isinstance(number, int) and number >> bits == 0
            if not fits:
                return f"{number!r} is no {element.value}"
        return None


@op("vector.splat", Effect.PURE, result=same_as("vector_type"), operands=anything)
class Splat(Op):
    """One scalar in every lane."""

    scalar: Value
    vector_type: VectorType

    def check(self) -> str | None:
        """Refuse a scalar that is not what a lane is made of."""
        return check_type(self.vector_type, ANY_LANES) or check_scalar(
            "scalar", self.scalar, scalar_of(self.vector_type.element)
        )


@op("vector.iota", Effect.PURE, result=same_as("vector_type"), operands=anything)
class Iota(Op):
    """The numbers 0, 1, 2 and so on, modulo what a lane holds."""

    vector_type: VectorType

    def check(self) -> str | None:
        """Refuse lanes that are no integers."""
        return check_type(self.vector_type, INTEGERS)


@op("vector.extract", Effect.PURE, result=_lane, operands=anything)
class Extract(Op):
    """One lane as a scalar."""

    vector: Value
    lane: int

    def check(self) -> str | None:
        """Refuse a lane that the vector does not have."""
        return check_type(self.vector.type, ANY_LANES) or _check_lane(self.vector, self.lane)


@op("vector.insert", Effect.PURE, result=same_as("vector"), operands=anything)
class Insert(Op):
    """The vector with a scalar in one of its lanes."""

    vector: Value
    scalar: Value
    lane: int

    def check(self) -> str | None:
        """Refuse a lane that the vector does not have, and a scalar of another type."""
        return (
            check_type(self.vector.type, ANY_LANES)
            or check_scalar("scalar", self.scalar, scalar_like(self.vector))
            or _check_lane(self.vector, self.lane)
        )


@op("vector.extract_at", Effect.PURE, result=_lane_at, operands=anything)
class ExtractAt(Op):
    """The lane whose number is a word, taken modulo the number of lanes, as a scalar."""

    vector: Value
    lane: Value

    def check(self) -> str | None:
        """Refuse what is no vector, and a number that is no word."""
        return check_type(self.vector.type, ANY_LANES) or check_scalar("lane", self.lane, I64)


@op("vector.insert_at", Effect.PURE, result=same_as("vector"), operands=anything)
class InsertAt(Op):
    """The vector with a scalar in the lane whose number is a word, modulo the number of lanes."""

    vector: Value
    scalar: Value
    lane: Value

    def check(self) -> str | None:
        """Refuse what is no vector, a scalar of another type, and a number that is no word."""
        return (
            check_type(self.vector.type, ANY_LANES)
            or check_scalar("scalar", self.scalar, scalar_like(self.vector))
            or check_scalar("lane", self.lane, I64)
        )


@op("vector.table", Effect.PURE, result=same_as("indices"), operands=anything)
class Table(Op):
    """For each lane of i8 one of the 16 of a table, by the low four bits of the index."""

    table: Value
    indices: Value

    def check(self) -> str | None:
        """Refuse a table that has not 16 bytes, and indices that are no bytes."""
        if self.table.type is not vec(I8, _TABLE_LANES):
            return f"the table must be {vec(I8, _TABLE_LANES).value}, not {self.table.type.value}"
        return check_type(self.indices.type, _BYTES)


@op("vector.shuffle", Effect.PURE, result=_shuffled, operands=anything)
class Shuffle(Op):
    """The chosen lanes of two vectors: 0 is the first lane of `first`, those of `second` follow."""

    first: Value
    second: Value
    lanes: tuple[int, ...]

    def check(self) -> str | None:
        """Refuse two types, and lanes that neither vector has."""
        message = check_alike(ANY_LANES, self.first, self.second)
        if message is not None:
            return message
        if not self.lanes:
            return "a shuffle chooses at least one lane"
        if len(self.lanes) > MAX_LANES:
            return check_lanes(len(self.lanes))
        end = 2 * _lane_count(self.first)
        outside = [lane for lane in self.lanes if not isinstance(lane, int) or lane >= end]
        return f"the vectors have {end} lanes, not {outside[0]}" if outside else None


@op("vector.concat", Effect.PURE, result=_concatenated, operands=anything)
class Concat(Op):
    """The lanes of one vector, then those of another of the same type."""

    first: Value
    second: Value

    def check(self) -> str | None:
        """Refuse two types, and more lanes than a vector has."""
        return check_alike(ANY_LANES, self.first, self.second) or check_lanes(
            2 * _lane_count(self.first)
        )


@op("vector.slice", Effect.PURE, result=_sliced, operands=anything)
class Slice(Op):
    """Some consecutive lanes."""

    vector: Value
    first_lane: int
    lanes: int

    def check(self) -> str | None:
        """Refuse lanes that the vector does not have."""
        message = check_type(self.vector.type, ANY_LANES)
        if message is not None:
            return message
        if not 0 < self.lanes <= _lane_count(self.vector) - self.first_lane:
            return f"the vector has {_lane_count(self.vector)} lanes"
        return None


@op("vector.bitcast", Effect.PURE, result=same_as("vector_type"), operands=anything)
class Bitcast(Op):
    """The same bits as lanes of another type, as if stored and loaded again."""

    vector: Value
    vector_type: VectorType

    def check(self) -> str | None:
        """Refuse another number of bits."""
        message = check_type(self.vector.type, IN_MEMORY) or check_type(self.vector_type, IN_MEMORY)
        if message is not None:
            return message
        found = self.vector.type
        assert isinstance(found, VectorType)
        if LANE_BITS[found.element] * found.lanes != size_bits(self.vector_type):
            return f"{found.value} has not the bits of {self.vector_type.value}"
        return None


def size_bits(vector_type: VectorType) -> int:
    """Return how many bits the lanes have together."""
    return LANE_BITS[vector_type.element] * vector_type.lanes


def _is_rounded(number: float, element: MachineType) -> bool:
    return element is not F32 or isnan(number) or to_single(number) == number


def _lane_count(vector: Value) -> int:
    return vector.type.lanes if isinstance(vector.type, VectorType) else 0


def _check_lane(vector: Value, lane: int) -> str | None:
    lanes = _lane_count(vector)
    return f"the vector has {lanes} lanes, not {lane}" if lane >= lanes else None
