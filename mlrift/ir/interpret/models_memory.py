"""Populations, streams and connections in the interpreter's memory.

Enters: addresses of descriptors. Leaves: words and numpy arrays that are views of that memory. What
was made for a descriptor is given back with it.
"""

from collections import deque
from collections.abc import Callable, Iterable

import numpy as np

from mlrift.ir.core import Function
from mlrift.ir.interpret.os_functions import ProgramExit
from mlrift.ir.interpret.tensor_values import Array
from mlrift.ir.numbers import WORD_MASK
from mlrift.ir.ops import csr
from mlrift.ir.ops.population import STREAM_COUNT, STREAM_LIST, STREAM_POPULATION
from mlrift.static_types import Any
from mlrift.typesystem import MachineType

DTYPES: dict[MachineType, type[np.generic]] = {
    MachineType.I8: np.uint8,
    MachineType.I16: np.uint16,
    MachineType.I32: np.uint32,
    MachineType.I64: np.uint64,
    MachineType.F32: np.float32,
    MachineType.F64: np.float64,
}
UNEQUAL = WORD_MASK
_FAILED = 1
_WORD_BYTES = 8
_ENTRY_BYTES = 4
_GOLDEN = 0x9E3779B97F4A7C15
_MIX = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
_LAST_SHIFT = 31


class ModelMemory:
    """The models of one program; `rings` are those of delays, by the storage of their place.

    `waiting` are the targets and values of edges with delays of their own, by place.
    """

    def __init__(self, program: Any) -> None:
        self._program = program
        self._memory = program.memory
        self._parts: dict[int, list[int]] = {}
        self.rings: dict[int, deque[list[int]]] = {}
        self.waiting: dict[int, deque[list[tuple[int, Any]]]] = {}
        self.lists: dict[int, int] = {}
        self.steps: dict[tuple[int, int], int] = {}

    def fail(self, message: str) -> ProgramExit:
        """Write a message and return what ends the program."""
        self._program.write_error(message.encode() + b"\n")
        return ProgramExit(_FAILED)

    @property
    def functions(self) -> dict[str, Function]:
        """The functions of the program."""
        found: dict[str, Function] = self._program.module.functions
        return found

    # ---------------------------------------------------------------------- storage

    def new(self, size_bytes: int, owner: int = 0) -> int:
        """Return the address of zeros that are given back with their owner."""
        address: int = self._memory.map(max(size_bytes, 1)) if size_bytes < 1 << 47 else 0
        if not address:
            raise self.fail(f"out of memory: {size_bytes} bytes for neurons or connections")
        self._parts.setdefault(owner or address, []).append(address)
        return address

    def free(self, owner: int) -> None:
        """Give a descriptor and all that was made for it back."""
        for address in self._parts.pop(owner, ()):
            self._memory.unmap(address)

    def replace(self, owner: int, place: int, size_bytes: int) -> int:
        """Return new storage, whose address goes to a word instead of that of other storage."""
        old = self.word(place)
        parts = self._parts.setdefault(owner, [])
        if old in parts:
            parts.remove(old)
            self._memory.unmap(old)
        address = self.new(size_bytes, owner)
        self.set_word(place, address)
        return address

    def word(self, address: int) -> int:
        """Return a word."""
        found: int = self._memory.word(address)
        return found

    def set_word(self, address: int, value: int) -> None:
        """Set a word."""
        self._memory.write(address, (value & WORD_MASK).to_bytes(_WORD_BYTES, "little"))

    def array(self, address: int, memory: MachineType, count: int) -> Array:
        """Return elements in memory."""
        return self._program.tensor_memory().array(address, DTYPES[memory], (count,), None)  # type: ignore[no-any-return]  # a Program

    # ---------------------------------------------------------------------- streams

    def events(self, stream: int) -> list[int]:
        """Return the neurons of a stream; null is an empty one."""
        if not stream:
            return []
        count = self.word(stream + STREAM_COUNT)
        entries = self.array(self.word(stream + STREAM_LIST), MachineType.I32, count)
        return [int(row) for row in entries]

    def population_of(self, stream: int) -> int:
        """Return the number of neurons of a stream's population."""
        return self.word(stream + STREAM_POPULATION) if stream else 0

    def set_events(self, stream: int, entries: int, count: int, population: int) -> None:
        """Set the words of a stream."""
        self.set_word(stream + STREAM_LIST, entries)
        self.set_word(stream + STREAM_COUNT, count)
        self.set_word(stream + STREAM_POPULATION, population)

    def keep_events(self, stream: int, neurons: Iterable[int], population: int) -> None:
        """Let a stream have a list of its own, instead of the one that it had."""
        entries = list(neurons)
        address = self.lists.pop(stream, 0)
        if address:
            self.free(address)
        address = self.lists[stream] = self.new(len(entries) * _ENTRY_BYTES)
        self.array(address, MachineType.I32, len(entries))[:] = entries
        self.set_events(stream, address, len(entries), population)

    # ------------------------------------------------------------------ connections

    def rows(self, connections: int) -> list[tuple[int, int, int]]:
        """Return (source, first edge, end of its edges) of every row."""
        count, first = self.word(connections), self.word(connections + csr.SOURCE_FIRST)
        starts = self.array(self.word(connections + csr.ROW_STARTS), MachineType.I64, count + 1)
        return [(first + row, int(starts[row]), int(starts[row + 1])) for row in range(count)]

    def targets(self, connections: int) -> Array:
        """Return the target of every edge."""
        count = self.word(connections + csr.EDGES)
        return self.array(self.word(connections + csr.TARGETS), MachineType.I32, count)

    def edge_column(self, connections: int, column: int) -> int:
        """Return the address of a column of edges."""
        return self.word(connections + csr.FIRST_COLUMN + _WORD_BYTES * column)

    def function(self, address: int, words: int) -> Callable[..., int]:
        """Return a function by its address, for calls with words."""
        table = self._program.namespace[self._program.callee_table(words)]
        found: Callable[..., int] = table[address]
        return found


def draws(seed: int, numbers: Array) -> Array:
    """Return the draws of splitmix64 with these numbers."""
    with np.errstate(over="ignore"):
        mixed = np.uint64(seed) + numbers.astype(np.uint64) * np.uint64(_GOLDEN)
        for shift, factor in _MIX:
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
        result: Array = mixed ^ (mixed >> np.uint64(_LAST_SHIFT))
        return result


def elements(bits: int, memory: MachineType) -> bytes:
    """Return the low bits of a word, as an element in memory."""
    return bits.to_bytes(_WORD_BYTES, "little")[: np.dtype(DTYPES[memory]).itemsize]
