"""Short vectors of interpreted kernels, which passes make of neighbouring accesses.

A vector has its lanes side by side in the second axis, as they lie in memory: lanes of i32 are
words without their upper half.
"""

from collections.abc import Callable

import numpy as np

from mlrift.ir.interpret.kernel_memory import ACCESS_TYPES, Array
from mlrift.ir.op import Op
from mlrift.ir.ops.vector import Extract, Insert, Splat, VectorConstant
from mlrift.ir.ops.vector_memory import VectorLoad, VectorStore
from mlrift.static_types import TYPE_CHECKING, Any
from mlrift.typesystem import VectorType

if TYPE_CHECKING:
    from mlrift.ir.interpret.kernel_steps import Chunk


def _kind(vector: Any) -> "np.dtype[Any]":
    assert isinstance(vector, VectorType)
    return ACCESS_TYPES[vector.element]


def _load(chunk: "Chunk", made: VectorLoad) -> None:
    vector = made.vector_type
    step, addresses = _kind(vector).itemsize, chunk.get(made.address)
    lanes = [
        chunk.memory.load(addresses + np.uint64(lane * step), vector.element, made.span)
        for lane in range(vector.lanes)
    ]
    chunk.put(made, np.stack(lanes, axis=1))


def _store(chunk: "Chunk", made: VectorStore) -> None:
    vector = made.vector.type
    assert isinstance(vector, VectorType)
    step, addresses = _kind(vector).itemsize, chunk.get(made.address)
    found = chunk.get(made.vector)
    for lane in range(vector.lanes):
        own = addresses + np.uint64(lane * step)
        chunk.memory.store(own, found[:, lane], vector.element, made.span)


def _constant(chunk: "Chunk", made: VectorConstant) -> None:
    row = np.array(made.lanes, _kind(made.vector_type))
    chunk.put(made, np.tile(row, (len(chunk.at), 1)))


def _splat(chunk: "Chunk", made: Splat) -> None:
    scalar: Array = chunk.get(made.scalar).astype(_kind(made.vector_type))
    chunk.put(made, np.repeat(scalar[:, None], made.vector_type.lanes, axis=1))


def _extract(chunk: "Chunk", made: Extract) -> None:
    found: Array = chunk.get(made.vector)[:, made.lane]
    chunk.put(made, found if found.dtype.kind == "f" else found.astype(np.uint64))


def _insert(chunk: "Chunk", made: Insert) -> None:
    found = chunk.get(made.vector).copy()
    found[:, made.lane] = chunk.get(made.scalar)
    chunk.put(made, found)


VECTOR_RULES: dict[type[Op], Callable[["Chunk", Any], None]] = {
    VectorLoad: _load,
    VectorStore: _store,
    VectorConstant: _constant,
    Splat: _splat,
    Extract: _extract,
    Insert: _insert,
}
