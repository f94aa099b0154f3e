"""Tensors and the interpreter's memory: views of regions, addresses of data, words for tensors."""

from collections.abc import Sequence

import numpy as np

from mlrift.ir.interpret.memory import OFFSET_BITS, OFFSET_MASK, Memory, MemoryFault
from mlrift.ir.interpret.tensor_values import Array, Tensor

_FIRST_WORD = 1 << 60


class TensorMemory:
    """The tensors of one program that have to do with its memory; `shared` are those by word."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._bases: dict[int, int] = {}
        self.shared: dict[int, Tensor] = {}
        self._next_word = _FIRST_WORD

    def array(
        self,
        address: int,
        dtype: type[np.generic],
        shape: Sequence[int],
        strides: Sequence[int] | None,
    ) -> Array:
        """Return memory seen as an array; `strides` are in elements."""
        if 0 in shape:
            return np.zeros(shape, dtype=dtype)
        size = np.dtype(dtype).itemsize
        region = self._memory.regions.get(address >> OFFSET_BITS)
        if region is None:
            raise MemoryFault(address, size)
        steps = [row * size for row in strides] if strides is not None else None
        try:
            return np.ndarray(
                tuple(shape),
                dtype,
                region,
                address & OFFSET_MASK,
                steps,
            )
        except (TypeError, ValueError) as error:
            raise MemoryFault(address, size) from error

    def address(self, tensor: Tensor) -> int:
        """Return the address of a tensor's first element, moving it into memory if need be."""
        found = self._find(tensor.array)
        if found is not None:
            return found
        size_bytes = max(tensor.array.nbytes, 1)
        address = self._memory.map(size_bytes)
        placed = self.array(address, tensor.array.dtype.type, tensor.array.shape, None)
        placed[...] = tensor.array
        tensor.array = placed
        return address

    def _find(self, array: Array) -> int | None:
        base = array.base
        while isinstance(base, np.ndarray):
            base = base.base
        if not isinstance(base, bytearray):
            return None
        pointer = array.__array_interface__["data"][0]
        start = np.frombuffer(base, dtype=np.uint8).__array_interface__["data"][0]
        for number, region in self._memory.regions.items():
            if region is base:
                return (number << OFFSET_BITS) + int(pointer - start)
        return None

    def share(self, tensor: Tensor) -> int:
        """Return a word for a tensor."""
        word = self._next_word
        self._next_word += 16
        self.shared[word] = tensor
        return word
