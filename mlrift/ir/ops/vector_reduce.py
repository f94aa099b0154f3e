"""All lanes of a vector to one scalar, in a stated order, and what masks say as a whole."""

from enum import Enum, unique

from mlrift.ir.core import Value
from mlrift.ir.op import Effect, Op, anything, op, same_as
from mlrift.ir.ops.vector_types import (
    FLOATS,
    INTEGERS,
    MASKS,
    NUMBERS,
    check_scalar,
    check_type,
    scalar_like,
)
from mlrift.typesystem import I1, I64, MachineType, ValueType, VectorType

_WORD_LANES = 64


@unique
class ReduceKind(Enum):
    """What two values become; as `vector.binary` says."""

    ADD = "add"
    MUL = "mul"
    MIN = "min"
    MAX = "max"
    SMIN = "smin"
    SMAX = "smax"
    UMIN = "umin"
    UMAX = "umax"
    AND = "and"
    OR = "or"
    XOR = "xor"


@unique
class Order(Enum):
    """In which order lanes are taken together.

    SEQUENTIAL: the first with the second, that with the third, and so on. TREE: lane i with lane
    i + h, where h is half of the lanes, rounded up; what has no partner stays; then again.
    """

    SEQUENTIAL = "sequential"
    TREE = "tree"


_REDUCED_LANES: dict[ReduceKind, frozenset[MachineType]] = {
    **dict.fromkeys((ReduceKind.ADD, ReduceKind.MUL), NUMBERS),
    **dict.fromkeys((ReduceKind.MIN, ReduceKind.MAX), FLOATS),
}


def _reduced(made: Op) -> ValueType:
    assert isinstance(made, Reduce)
    return scalar_like(made.vector)


@op("vector.reduce", Effect.PURE, result=_reduced, operands=anything)
class Reduce(Op):
    """One scalar of all lanes; a single lane is itself. Integers: a word, zeros above the lane."""

    kind: ReduceKind
    order: Order
    vector: Value

    def check(self) -> str | None:
        """Refuse lanes that the kind is not for."""
        return check_type(self.vector.type, _REDUCED_LANES.get(self.kind, INTEGERS))


@op("vector.any", Effect.PURE, result=I1, operands=anything)
class Any(Op):
    """Whether a lane of a mask is set."""

    mask: Value

    def check(self) -> str | None:
        """Refuse what is no mask."""
        return check_type(self.mask.type, MASKS)


@op("vector.all", Effect.PURE, result=I1, operands=anything)
class All(Op):
    """Whether every lane of a mask is set."""

    mask: Value

    def check(self) -> str | None:
        """Refuse what is no mask."""
        return check_type(self.mask.type, MASKS)


@op("vector.count", Effect.PURE, result=I64, operands=anything)
class Count(Op):
    """How many lanes of a mask are set."""

    mask: Value

    def check(self) -> str | None:
        """Refuse what is no mask."""
        return check_type(self.mask.type, MASKS)


@op("vector.mask_to_word", Effect.PURE, result=I64, operands=anything)
class MaskToWord(Op):
    """A mask of up to 64 lanes as the low bits of a word; the first lane is bit 0."""

    mask: Value

    def check(self) -> str | None:
        """Refuse what is no mask, and more lanes than bits."""
        return check_type(self.mask.type, MASKS) or _check_word_lanes(self.mask.type)


@op("vector.word_to_mask", Effect.PURE, result=same_as("vector_type"), operands=anything)
class WordToMask(Op):
    """The low bits of a word as a mask of up to 64 lanes."""

    word: Value
    vector_type: VectorType

    def check(self) -> str | None:
        """Refuse what is no word, types that are no masks, and more lanes than bits."""
        return (
            check_scalar("word", self.word, I64)
            or check_type(self.vector_type, MASKS)
            or _check_word_lanes(self.vector_type)
        )


def _check_word_lanes(found: ValueType) -> str | None:
    if isinstance(found, VectorType) and found.lanes > _WORD_LANES:
        return f"a word has {_WORD_LANES} bits for {found.lanes} lanes"
    return None
