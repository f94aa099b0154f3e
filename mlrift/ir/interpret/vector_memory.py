"""Vectors in the interpreter's memory: a function of memory and operands for every op.

Lanes that a mask leaves out are not looked at; an address that breaks an op's alignment faults.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from mlrift.ir.interpret.memory import Memory, MemoryFault
from mlrift.ir.interpret.vector_arrays import DTYPES, Array, type_of
from mlrift.ir.numbers import WORD_MASK
from mlrift.ir.op import Op
from mlrift.ir.ops import vector_memory
from mlrift.ir.ops.vector_types import LANE_BITS
from mlrift.typesystem import VectorType

Access = Callable[..., Any]


def _lane_bytes(row: VectorType) -> int:
    return LANE_BITS[row.element] // 8


def _check_align(address: int, align: int) -> None:
    if address % align:
        raise MemoryFault(address, align)


def _load(made: vector_memory.VectorLoad) -> Access:
    row = made.vector_type
    size_bytes = _lane_bytes(row) * row.lanes

    def access(memory: Memory, address: int) -> Array:
        _check_align(address, made.align)
        return np.frombuffer(memory.read(address, size_bytes), dtype=DTYPES[row.element])

    return access


def _store(made: vector_memory.VectorStore) -> Access:
    def access(memory: Memory, address: int, lanes: Array) -> None:
        _check_align(address, made.align)
        memory.write(address, lanes.tobytes())

    return access


def _consecutive(address: int, row: VectorType) -> list[int]:
    size_bytes = _lane_bytes(row)
    return [address + lane * size_bytes & WORD_MASK for lane in range(row.lanes)]


def _packed(address: int, mask: Array, row: VectorType) -> list[int]:
    """Return where each lane of a mask is when those of the mask lie one after the other."""
    places = (np.cumsum(mask) - mask).tolist()
    return [address + place * _lane_bytes(row) & WORD_MASK for place in places]


def _indexed(base: int, indices: Array, row: VectorType) -> list[int]:
    numbers = indices.view(f"i{indices.dtype.itemsize}").tolist()
    return [base + number * _lane_bytes(row) & WORD_MASK for number in numbers]


def _load_lanes(
    memory: Memory, places: list[int], mask: Array, otherwise: Array, row: VectorType
) -> Array:
    lanes = otherwise.copy()
    for lane, place in enumerate(places):
        if mask[lane]:
            data = memory.read(place, _lane_bytes(row))
            lanes[lane] = np.frombuffer(data, dtype=DTYPES[row.element])[0]
    return lanes


def _store_lanes(memory: Memory, places: list[int], mask: Array, lanes: Array) -> None:
    for lane, place in enumerate(places):
        if mask[lane]:
            memory.write(place, lanes[lane].tobytes())


def _masked_load(made: vector_memory.MaskedLoad) -> Access:
    row = type_of(made)

    def access(memory: Memory, address: int, mask: Array, otherwise: Array) -> Array:
        _check_align(address, made.align)
        return _load_lanes(memory, _consecutive(address, row), mask, otherwise, row)

    return access


def _masked_store(made: vector_memory.MaskedStore) -> Access:
    row = type_of(made.vector)

    def access(memory: Memory, address: int, mask: Array, lanes: Array) -> None:
        _check_align(address, made.align)
        _store_lanes(memory, _consecutive(address, row), mask, lanes)

    return access


def _gather(made: vector_memory.Gather) -> Access:
    row = type_of(made)

    def access(memory: Memory, base: int, indices: Array, mask: Array, otherwise: Array) -> Array:
        return _load_lanes(memory, _indexed(base, indices, row), mask, otherwise, row)

    return access


def _scatter(made: vector_memory.Scatter) -> Access:
    row = type_of(made.vector)

    def access(memory: Memory, base: int, indices: Array, mask: Array, lanes: Array) -> None:
        _store_lanes(memory, _indexed(base, indices, row), mask, lanes)

    return access


def _expand_load(made: vector_memory.ExpandLoad) -> Access:
    row = type_of(made)

    def access(memory: Memory, address: int, mask: Array, otherwise: Array) -> Array:
        return _load_lanes(memory, _packed(address, mask, row), mask, otherwise, row)

    return access


def _compress_store(made: vector_memory.CompressStore) -> Access:
    row = type_of(made.vector)

    def access(memory: Memory, address: int, mask: Array, lanes: Array) -> None:
        _store_lanes(memory, _packed(address, mask, row), mask, lanes)

    return access


def _prefetch(_made: vector_memory.Prefetch) -> Access:
    def access(_memory: Memory, _address: int) -> None:
        """Change nothing."""

    return access


def _gather_bytes(made: vector_memory.GatherBytes) -> Access:
    row = made.vector_type
    everywhere = np.ones(row.lanes, dtype=np.bool_)

    def access(memory: Memory, base: int, offsets: Array) -> Array:
        numbers = offsets.view(f"i{offsets.dtype.itemsize}").tolist()
        places = [base + number & WORD_MASK for number in numbers]
        zeros = np.zeros(row.lanes, dtype=DTYPES[row.element])
        return _load_lanes(memory, places, everywhere, zeros, row)

    return access


ACCESSES: dict[type[Op], Callable[[Any], Access]] = {
    vector_memory.VectorLoad: _load,
    vector_memory.VectorStore: _store,
    vector_memory.MaskedLoad: _masked_load,
    vector_memory.MaskedStore: _masked_store,
    vector_memory.Gather: _gather,
    vector_memory.GatherBytes: _gather_bytes,
    vector_memory.Scatter: _scatter,
    vector_memory.ExpandLoad: _expand_load,
    vector_memory.CompressStore: _compress_store,
    vector_memory.Prefetch: _prefetch,
}


def access(made: Op) -> Access | None:
    """Return the function of memory and an op's operands, None for an op without memory."""
    row = ACCESSES.get(type(made))
    return None if row is None else row(made)
