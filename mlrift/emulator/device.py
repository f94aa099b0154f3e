"""The emulated device: programs loaded on it, kernels launched on numpy arrays.

device = Device("gfx1100")
kernel = device.load("saxpy.co")["saxpy"]
report = kernel.launch(grid=4, block=256, args=[x, y, numpy.uint64(1000), numpy.float32(2)])
"""

from enum import Enum, unique
from pathlib import Path

import numpy as np

from mlrift.backends.amdgcn.chips import Chip, Generation, chip_named
from mlrift.backends.amdgcn.codeobject.elf import SegmentFlag
from mlrift.backends.amdgcn.codeobject.errors import CodeObjectError
from mlrift.backends.amdgcn.codeobject.read import LoadedKernel, LoadedObject, read
from mlrift.emulator.arguments import LaunchShape, pack_arguments
from mlrift.emulator.errors import EmulatorError
from mlrift.emulator.kernel_code import KernelCode
from mlrift.emulator.launch import Launch
from mlrift.emulator.memory_map import MemoryMap
from mlrift.emulator.report import LaunchReport
from mlrift.emulator.scheduler import Schedule
from mlrift.emulator.special_sources import PRIVATE_BUFFER_BASE
from mlrift.emulator.translate import CodeImage, Tracking
from mlrift.emulator.waves import FLAT_SCRATCH_BASE, WaveStarter
from mlrift.static_types import Any

_FIRST_LOAD_ADDRESS = 0x1000_0000_0000
_LOAD_SPACING = 1 << 32
_MAXIMUM_ITEMS = 1024
_MAXIMUM_WAVES = 4096
_PACKET_BYTES = 64
_QUEUE_BYTES = 256
_LDS_LIMIT = 65536


@unique
class Races(Enum):
    """What to do about two waves that touch one LDS dword with no barrier between."""

    FAULT = "fault"
    IGNORE = "ignore"


class Device:
    """A chip that executes in this process. Raises EmulatorError for a name without a row."""

    def __init__(self, name: str) -> None:
        chip = chip_named(name)
        if chip is None:
            raise EmulatorError(f"`{name}` is not a known chip, for example gfx1100")
        self.chip: Chip = chip
        self._next_address = _FIRST_LOAD_ADDRESS

    def load(self, source: "str | Path | bytes") -> "Program":
        """Return the program of a code object or bundle, given as a path or as bytes.

        Raises EmulatorError if the file cannot be read, is malformed, or is for another generation.
        """
        try:
            data = source if isinstance(source, bytes) else Path(source).read_bytes()
            loaded = read(data, self.chip)
        except OSError as error:
            raise EmulatorError(f"cannot read {source!r}: {error.strerror}") from error
        except CodeObjectError as error:
            name = "the code object" if isinstance(source, bytes) else str(source)
            raise EmulatorError(f"{name}: {error}") from error
        if loaded.chip.generation is not self.chip.generation:
            raise EmulatorError(
                f"the code object is for {loaded.chip.name}, the device is {self.chip.name}"
            )
        address = self._next_address
        self._next_address += _LOAD_SPACING
        return Program(self, loaded, address)


class Program:
    """A loaded code object: `program["name"]` is a kernel, `names` are all."""

    def __init__(self, device: Device, loaded: LoadedObject, address: int) -> None:
        self.device = device
        self.loaded = loaded
        self.address = address
        self.memory = np.frombuffer(loaded.memory(address), np.uint8)
        self.image = CodeImage(self.memory.tobytes(), address, device.chip.generation)
        self._kernels: dict[str, Kernel] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the kernels."""
        return tuple(row.image.name for row in self.loaded.kernels)

    def __getitem__(self, name: str) -> "Kernel":
        """Return a kernel; raises EmulatorError with the names there are."""
        if name not in self._kernels:
            try:
                found = self.loaded.kernel(name)
            except CodeObjectError as error:
                raise EmulatorError(str(error)) from error
            if not found.descriptor.is_wave32:
                raise EmulatorError(f"kernel `{name}` is for waves of 64 lanes; only 32 are run")
            self._kernels[name] = Kernel(self, found)
        return self._kernels[name]

    def map_segments(self, memory: MemoryMap) -> None:
        """Make the loaded file reachable: constants read-only, data writable."""
        for row in self.loaded.segments:
            if row.memory_bytes:
                memory.map(
                    self.memory[row.address : row.end],
                    "loaded code object",
                    is_writable=bool(row.flags & SegmentFlag.WRITE),
                    address=self.address + row.address,
                )


class Kernel:
    """A kernel of a program. It is translated at its first launch."""

    def __init__(self, program: Program, loaded: LoadedKernel) -> None:
        self.program = program
        self.loaded = loaded
        self._codes: dict[Tracking, KernelCode] = {}

    @property
    def name(self) -> str:
        """Its name."""
        return self.loaded.image.name

    def launch(
        self,
        grid: "int | tuple[int, ...]",
        block: "int | tuple[int, ...]",
        args: list[Any],
        *,
        seed: int | None = None,
        quantum: int | None = None,
        count: bool = True,
        races: Races = Races.FAULT,
        resident_groups: int | None = None,
        budget: int | None = None,
        dynamic_lds_bytes: int = 0,
        buffers: "dict[int, Any] | None" = None,
        track: bool = False,
    ) -> LaunchReport:
        """Execute the kernel and return what was counted.

        `grid` is in groups, `block` in work items, each a number or (x, y, z). `args` are the
        explicit arguments in order: contiguous arrays, used in place (at most the bytes they have
        can be accessed), and numbers; numpy scalars keep their type, Python numbers take the
        argument's size.

        `seed` runs waves of several groups in random order, the same for the same seed; `quantum`
        is how many instructions a wave runs in a row. `count` adds bytes, cache lines and bank
        conflicts to the counts. `resident_groups` limits how many groups exist at once;
        `budget` is the most wave-instructions the launch may run. `buffers` are arrays by device
        address that arguments do not name: what buffers point to. `track` finds the use of
        registers that were never written: as an address, as data stored, in a branch, as EXEC.

        Raises EmulatorError for arguments that do not fit, BudgetExceeded, and EmulatorFault for
        what the kernel must not do: access outside its buffers, an LDS race, a deadlock, a trap.
        """
        shape = LaunchShape(_triple(grid, "grid"), _triple(block, "block"), dynamic_lds_bytes)
        self._check_shape(shape)
        memory = MemoryMap()
        self.program.map_segments(memory)
        for address, array in (buffers or {}).items():
            memory.map(array, "a buffer", address=address)
        segment = pack_arguments(self.loaded.image, shape, args, memory)
        starter = self._starter(shape, segment, memory)
        starter.finds_races = races is Races.FAULT
        limit = max(1, _MAXIMUM_WAVES // starter.wave_count)
        schedule = Schedule(seed, quantum, resident_groups or limit, budget)
        code = self._translated(Tracking.WRITTEN_REGISTERS if track else Tracking.OFF)
        return Launch(code, memory, shape, starter).execute(schedule, counts=count)

    def _translated(self, tracking: Tracking) -> KernelCode:
        if tracking not in self._codes:
            generation = self.program.device.chip.generation
            made = KernelCode(self.loaded, self.program.image, generation, tracking)
            self._codes[tracking] = made
        return self._codes[tracking]

    def _check_shape(self, shape: LaunchShape) -> None:
        items = shape.block[0] * shape.block[1] * shape.block[2]
        if items > _MAXIMUM_ITEMS:
            raise EmulatorError(f"a group of {items} work items; at most {_MAXIMUM_ITEMS} fit")
        required = self.loaded.image.required_group
        if required is not None and required != shape.block:
            raise EmulatorError(
                f"kernel `{self.name}` needs groups of {required}, found {shape.block}"
            )
        lds_bytes = self.loaded.descriptor.lds_bytes + shape.dynamic_lds_bytes
        if lds_bytes > _LDS_LIMIT:
            raise EmulatorError(f"{lds_bytes} bytes of LDS; a group has {_LDS_LIMIT}")

    def _starter(self, shape: LaunchShape, segment: Any, memory: MemoryMap) -> WaveStarter:
        generation = self.program.device.chip.generation
        queue = np.zeros(_QUEUE_BYTES, np.uint8)
        pointers = {
            "kernarg": memory.map(segment, "kernel arguments", is_writable=False),
            "dispatch_packet": memory.map(_packet(shape), "dispatch packet", is_writable=False),
            "queue": memory.map(queue, "queue", is_writable=False),
            "private_segment_size": self.loaded.descriptor.scratch_bytes,
        }
        if generation is Generation.GFX10:
            pointers["flat_scratch_init"] = FLAT_SCRATCH_BASE
            pointers["private_segment_buffer"] = PRIVATE_BUFFER_BASE
        return WaveStarter(self.loaded.descriptor, generation, shape, pointers)


def _packet(shape: LaunchShape) -> Any:
    """Return the dispatch packet, as far as kernels read it: group and grid sizes."""
    packet = np.zeros(_PACKET_BYTES, np.uint8)
    packet[4:10].view(np.uint16)[:] = shape.block
    grid = [groups * items for groups, items in zip(shape.grid, shape.block, strict=True)]
    packet[12:24].view(np.uint32)[:] = grid
    return packet


def _triple(given: "int | tuple[int, ...]", what: str) -> tuple[int, int, int]:
    numbers = (given,) if isinstance(given, int) else tuple(given)
    if not 1 <= len(numbers) <= 3 or any(number < 1 for number in numbers):
        raise EmulatorError(f"{what} {given!r}: expected one to three positive numbers")
    x, y, z = (*numbers, 1, 1)[:3]
    return x, y, z
