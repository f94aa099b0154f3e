"""Arrays in memory that the card sees; numpy views it without a copy where the host sees it."""

import ctypes

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from mlrift.runtime.kfd.errors import DeviceError
from mlrift.runtime.kfd.memory import Allocation, Placement
from mlrift.static_types import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class DeviceArray:
    """A C-contiguous array at `address`. `shape`, `dtype`, `nbytes` are as numpy's."""

    def __init__(
        self,
        allocation: Allocation,
        shape: tuple[int, ...],
        dtype: DTypeLike,
        free: "Callable[[Allocation], None]",
        copy: "Callable[[int, int, int], None]",
    ) -> None:
        self.shape = shape
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        self.nbytes = int(np.prod(shape, dtype=np.int64)) * self.dtype.itemsize
        self.address = allocation.address
        self._allocation = allocation
        self._free: Callable[[Allocation], None] | None = free
        self._copy = copy

    @property
    def placement(self) -> Placement:
        """Where it is."""
        return self._allocation.placement

    def numpy(self) -> "NDArray[Any]":
        """Return a view of the memory itself; raises DeviceError where the host cannot see it."""
        self._check()
        if not self.placement.has_view:
            raise DeviceError(
                f"{self._allocation.name} is {self.placement.value}, which the host cannot see:"
                " use to_host() and fill()"
            )
        whole = (ctypes.c_ubyte * self.nbytes).from_address(self.address)
        found: NDArray[Any] = np.ndarray(self.shape, self.dtype, memoryview(whole))
        return found

    def to_host(self) -> "NDArray[Any]":
        """Return a copy; device memory comes through the copy engine. Wait for kernels first."""
        self._check()
        if self.placement in (Placement.HOST, Placement.USER):
            return self.numpy().copy()
        found = np.empty(self.shape, self.dtype)
        self._copy(found.ctypes.data, self.address, self.nbytes)
        return found

    def fill(self, contents: ArrayLike) -> None:
        """Store an array or a number, converted and broadcast as numpy does."""
        self._check()
        if self.placement.has_view:
            self.numpy()[...] = contents
            return
        whole = np.ascontiguousarray(np.broadcast_to(np.asarray(contents, self.dtype), self.shape))
        self._copy(self.address, whole.ctypes.data, self.nbytes)

    def free(self) -> None:
        """Give the memory back; views of it must not be used any more."""
        self._check()
        free, self._free = self._free, None
        if free is not None:
            free(self._allocation)

    def __repr__(self) -> str:
        """Say shape, type and place."""
        return f"DeviceArray({self.shape}, {self.dtype}, {self.placement.value})"

    def _check(self) -> None:
        if self._free is None:
            raise DeviceError(f"{self._allocation.name} was freed")
