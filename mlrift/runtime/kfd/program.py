"""Code objects in the card's memory, and their kernels."""

import numpy as np

from mlrift.backends.amdgcn.codeobject.read import LoadedKernel, LoadedObject
from mlrift.runtime.kfd.errors import DeviceError, LaunchError
from mlrift.runtime.kfd.launch import (
    Layout,
    LoadedCode,
    Shape,
    as_extent,
    layout_of,
    shape_of,
)
from mlrift.runtime.kfd.memory import Allocation
from mlrift.static_types import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlrift.runtime.kfd.stream import Stream


class Kernel:
    """A kernel that can be launched. `code` says what its file says of it."""

    def __init__(self, code: LoadedCode, default_stream: "Callable[[], Stream]") -> None:
        self.code = code
        self._default_stream = default_stream
        self._shapes: dict[Any, Shape] = {}
        self._layouts: dict[tuple[type, ...], Layout] = {}

    @property
    def name(self) -> str:
        """Its name."""
        return self.code.kernel.image.name

    def launch(
        self,
        grid: "int | Sequence[int]",
        block: "int | Sequence[int]",
        args: "Sequence[Any]" = (),
        shared_bytes: int = 0,
        stream: "Stream | None" = None,
    ) -> None:
        """Launch `grid` groups of `block` work items; one to three extents each.

        An argument is a `DeviceArray`, an address, a Python number or a numpy scalar. With these
        the call returns at once: `stream.synchronize()` waits. A numpy array is copied to the card
        and back, and the call waits. `shared_bytes` are added to the kernel's own LDS. Raises
        LaunchError, before anything is launched, and DeviceLost.
        """
        stream = stream or self._default_stream()
        for row in args:
            if isinstance(row, np.ndarray):
                self._launch_on_copies(grid, block, args, shared_bytes, stream)
                return
        shape = self._shapes.get((grid, block, shared_bytes)) if _is_plain(grid, block) else None
        if shape is None:
            shape = self._shape(grid, block, shared_bytes)
        types = tuple([type(row) for row in args])
        layout = self._layouts.get(types)
        if layout is None:
            layout = layout_of(self.code.kernel, args)
            self._layouts[types] = layout
        stream.queue.dispatch(shape, layout, args)

    def _shape(
        self, grid: "int | Sequence[int]", block: "int | Sequence[int]", shared_bytes: int
    ) -> Shape:
        blocks, group = as_extent(grid, "the grid"), as_extent(block, "the block")
        made = shape_of(self.code, blocks, group, shared_bytes)
        if _is_plain(grid, block):
            self._shapes[grid, block, shared_bytes] = made
        return made

    def _launch_on_copies(
        self,
        grid: "int | Sequence[int]",
        block: "int | Sequence[int]",
        args: "Sequence[Any]",
        shared_bytes: int,
        stream: "Stream",
    ) -> None:
        """Launch with arrays of the host: one copy of each on the card, also when given twice."""
        made: dict[int, Any] = {}
        given = []
        for row in args:
            if isinstance(row, np.ndarray):
                key = row.ctypes.data
                if key not in made:
                    made[key] = (row, stream.device.array(row))
                given.append(made[key][1])
            else:
                given.append(row)
        try:
            self.launch(grid, block, given, shared_bytes, stream)
            stream.synchronize()
            for host, copy in made.values():
                if host.flags.writeable:
                    host[...] = copy.numpy()
        finally:
            if not stream.device.is_lost:
                for _, copy in made.values():
                    copy.free()


def _is_plain(grid: object, block: object) -> bool:
    """Whether a grid and a block can be looked up."""
    return isinstance(grid, int | tuple) and isinstance(block, int | tuple)


class Program:
    """A code object on the card: `program["name"]` is a kernel, iteration gives the names."""

    def __init__(
        self,
        loaded: LoadedObject,
        allocation: Allocation,
        lds_limit: int,
        default_stream: "Callable[[], Stream]",
        unload: "Callable[[Allocation], None]",
    ) -> None:
        self._allocation = allocation
        self._unload: Callable[[Allocation], None] | None = unload
        self._kernels = {
            row.image.name: Kernel(_place(row, allocation.address, lds_limit), default_stream)
            for row in loaded.kernels
        }

    def __getitem__(self, name: str) -> Kernel:
        """Return a kernel; raises LaunchError with the names there are."""
        if self._unload is None:
            raise LaunchError("the program was unloaded")
        found = self._kernels.get(name)
        if found is None:
            known = ", ".join(self._kernels) or "none"
            raise LaunchError(f"there is no kernel `{name}`, only: {known}")
        return found

    def __iter__(self) -> "Any":
        """Iterate over the kernels' names."""
        return iter(self._kernels)

    def unload(self) -> None:
        """Give the memory of the code back; none of its kernels may be running."""
        if self._unload is None:
            raise DeviceError("the program was unloaded before")
        unload, self._unload = self._unload, None
        unload(self._allocation)


def _place(kernel: LoadedKernel, base: int, lds_limit: int) -> LoadedCode:
    return LoadedCode(kernel, base + kernel.descriptor_address, base + kernel.entry, lds_limit)
