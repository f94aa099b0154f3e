"""Vectors in memory. Addresses are words; lanes that a mask leaves out are not touched at all.

An `align` is a promise in bytes about the address; 1 promises nothing. Lanes are as wide in memory
as in the vector: `vector.convert` before a store or after a load makes them narrower.
"""

from enum import Enum, unique

from mlrift.ir.core import Value
from mlrift.ir.op import Effect, Op, anything, op, same_as
from mlrift.ir.ops.vector_types import (
    IN_MEMORY,
    check_align,
    check_mask,
    check_scalar,
    check_type,
)
from mlrift.typesystem import I32, I64, ValueType, VectorType

_INDICES = frozenset((I32, I64))


@unique
class PrefetchKind(Enum):
    """What will be done with the memory."""

    READ = "read"
    WRITE = "write"


@unique
class Locality(Enum):
    """How long it should stay in the caches."""

    NONE = "none"
    LOW = "low"
    MIDDLE = "middle"
    HIGH = "high"


@op("vector.load", Effect.READ, result=same_as("vector_type"), operands=anything)
class VectorLoad(Op):
    """Load all lanes."""

    ADDRESSES = ("address",)
    address: Value
    align: int
    vector_type: VectorType

    def check(self) -> str | None:
        """Refuse what is no address, odd alignments, and lanes that memory does not hold."""
        return _check_access(self.address, self.vector_type) or check_align(self.align)


@op("vector.store", Effect.WRITE, operands=anything)
class VectorStore(Op):
    """Store all lanes."""

    ADDRESSES = ("address",)
    address: Value
    vector: Value
    align: int

    def check(self) -> str | None:
        """Refuse what is no address, odd alignments, and lanes that memory does not hold."""
        return _check_access(self.address, self.vector.type) or check_align(self.align)


@op("vector.masked_load", Effect.READ, result=same_as("otherwise"), operands=anything)
class MaskedLoad(Op):
    """Load the lanes of a mask; the others are those of `otherwise`."""

    ADDRESSES = ("address",)
    address: Value
    mask: Value
    otherwise: Value
    align: int

    def check(self) -> str | None:
        """Refuse what `vector.load` does, and another number of lanes in the mask."""
        held = self.otherwise.type
        return (
            _check_access(self.address, held)
            or check_align(self.align)
            or check_mask(self.mask, held)
        )


@op("vector.masked_store", Effect.WRITE, operands=anything)
class MaskedStore(Op):
    """Store the lanes of a mask."""

    ADDRESSES = ("address",)
    address: Value
    mask: Value
    vector: Value
    align: int

    def check(self) -> str | None:
        """Refuse what `vector.store` does, and another number of lanes in the mask."""
        held = self.vector.type
        return (
            _check_access(self.address, held)
            or check_align(self.align)
            or check_mask(self.mask, held)
        )


@op("vector.gather", Effect.READ, result=same_as("otherwise"), operands=anything)
class Gather(Op):
    """Load each lane of a mask from `base` + index * size of a lane; the others stay.

    Indices are i64, or i32 read as signed.
    """

    ADDRESSES = ("base",)
    base: Value
    indices: Value
    mask: Value
    otherwise: Value

    def check(self) -> str | None:
        """Refuse numbers of lanes that differ, and lanes that memory does not hold."""
        return _check_indexed(self.base, self.indices, self.mask, self.otherwise.type)


@op("vector.gather_bytes", Effect.READ, result=same_as("vector_type"), operands=anything)
class GatherBytes(Op):
    """Load each lane from `base` + its offset in bytes: i64, or i32 read as signed."""

    ADDRESSES = ("base",)
    base: Value
    offsets: Value
    vector_type: VectorType

    def check(self) -> str | None:
        """Refuse numbers of lanes that differ, and lanes that memory does not hold."""
        message = _check_access(self.base, self.vector_type) or check_type(
            self.offsets.type, _INDICES
        )
        if message is not None:
            return message
        assert isinstance(self.offsets.type, VectorType)
        if self.offsets.type.lanes != self.vector_type.lanes:
            return f"{self.offsets.type.lanes} offsets for {self.vector_type.lanes} lanes"
        return None


@op("vector.scatter", Effect.WRITE, operands=anything)
class Scatter(Op):
    """Store each lane of a mask at `base` + index * size of a lane, in order: the last one wins.

    Indices are i64, or i32 read as signed.
    """

    ADDRESSES = ("base",)
    base: Value
    indices: Value
    mask: Value
    vector: Value

    def check(self) -> str | None:
        """Refuse numbers of lanes that differ, and lanes that memory does not hold."""
        return _check_indexed(self.base, self.indices, self.mask, self.vector.type)


@op("vector.compress_store", Effect.WRITE, operands=anything)
class CompressStore(Op):
    """Store the lanes of a mask one after the other, and nothing behind them."""

    ADDRESSES = ("address",)
    address: Value
    mask: Value
    vector: Value

    def check(self) -> str | None:
        """Refuse another number of lanes in the mask, and lanes that memory does not hold."""
        held = self.vector.type
        return _check_access(self.address, held) or check_mask(self.mask, held)


@op("vector.expand_load", Effect.READ, result=same_as("otherwise"), operands=anything)
class ExpandLoad(Op):
    """Load the lanes of a mask from consecutive places; the others are those of `otherwise`."""

    ADDRESSES = ("address",)
    address: Value
    mask: Value
    otherwise: Value

    def check(self) -> str | None:
        """Refuse another number of lanes in the mask, and lanes that memory does not hold."""
        held = self.otherwise.type
        return _check_access(self.address, held) or check_mask(self.mask, held)


@op("vector.prefetch", Effect.ANY)
class Prefetch(Op):
    """Bring the memory at an address, which may be any, nearer; it changes nothing else."""

    ADDRESSES = ("address",)
    kind: PrefetchKind
    locality: Locality
    address: Value


def _check_access(address: Value, held: ValueType) -> str | None:
    return check_scalar("address", address, I64) or check_type(held, IN_MEMORY)


def _check_indexed(base: Value, indices: Value, mask: Value, held: ValueType) -> str | None:
    message = (
        check_scalar("base", base, I64)
        or check_type(held, IN_MEMORY)
        or check_type(indices.type, _INDICES)
        or check_mask(mask, held)
    )
    if message is not None:
        return message
    assert isinstance(held, VectorType)
    assert isinstance(indices.type, VectorType)
    if indices.type.lanes != held.lanes:
        return f"{indices.type.lanes} indices for {held.lanes} lanes"
    return None
