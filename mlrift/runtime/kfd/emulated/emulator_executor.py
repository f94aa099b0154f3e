"""Launches of an emulated card, run by the emulator on memory of this process.

Code is translated once and kept as long as the bytes at its address stay the same. What is known
of loaded files gives names and source lines; without, a kernel is called by its address.
"""

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.codeobject.descriptor import Descriptor
from mlrift.backends.amdgcn.codeobject.metadata import KernelMetadata
from mlrift.backends.amdgcn.codeobject.model import KernelImage
from mlrift.backends.amdgcn.codeobject.read import LoadedKernel, LoadedObject
from mlrift.emulator.arguments import LaunchShape
from mlrift.emulator.errors import EmulatorError, EmulatorFault
from mlrift.emulator.kernel_code import KernelCode
from mlrift.emulator.launch import Launch
from mlrift.emulator.memory_map import MappedRange, MemoryMap
from mlrift.emulator.scheduler import Schedule
from mlrift.emulator.translate import CodeImage
from mlrift.emulator.waves import FLAT_SCRATCH_BASE, WaveStarter
from mlrift.runtime.kfd.emulated.execution import CardLaunch
from mlrift.runtime.kfd.errors import DeviceLost
from mlrift.static_types import TYPE_CHECKING
from mlrift.values import replace, value

if TYPE_CHECKING:
    from mlrift.emulator.report import LaunchReport

_MAXIMUM_WAVES = 4096


@value
class ExecutionOptions:
    """How waves take turns: see `mlrift.emulator.device.Kernel.launch`.

    A launch that needs more wave-instructions than `budget` is taken for one that never ends; the
    default is a minute or so.
    """

    seed: int | None = None
    quantum: int | None = None
    budget: int | None = 2_000_000_000


class EmulatorExecutor:
    """An executor; `reports` has what was counted of every launch."""

    def __init__(self, options: ExecutionOptions | None = None) -> None:
        self._options = options or ExecutionOptions()
        self._codes: dict[int, tuple[bytes, Descriptor, KernelCode]] = {}
        self._loaded: list[LoadedObject] = []
        self.reports: list[LaunchReport] = []

    def note_code(self, loaded: LoadedObject) -> None:
        """Remember a file; its kernels are known by their bytes."""
        self._loaded.append(loaded)

    def run(self, launch: CardLaunch) -> None:
        """Execute; raises DeviceLost with the instruction, its line and what it did."""
        memory = MemoryMap()
        for row in launch.ranges:
            memory.ranges.append(
                MappedRange(row.name, row.address, row.size, row.host, is_writable=True)
            )
        generation = launch.chip.generation
        shape = LaunchShape(launch.blocks, launch.group)
        pointers = dict(launch.user_data)
        pointers["private_segment_size"] = launch.descriptor.scratch_bytes
        if generation is Generation.GFX10:
            pointers["flat_scratch_init"] = FLAT_SCRATCH_BASE
        starter = WaveStarter(launch.descriptor, generation, shape, pointers)
        if launch.user_registers:
            starter.set_user_registers(launch.user_registers)
        resident = max(1, _MAXIMUM_WAVES // starter.wave_count)
        options = self._options
        schedule = Schedule(options.seed, options.quantum, resident, options.budget)
        try:
            run = Launch(self._code(launch), memory, shape, starter)
            self.reports.append(run.execute(schedule, counts=True))
        except (EmulatorFault, EmulatorError) as error:
            raise DeviceLost(str(error)) from error

    def _code(self, launch: CardLaunch) -> KernelCode:
        """Return the translation of a kernel, a new one when its bytes have changed."""
        known = self._codes.get(launch.entry_address)
        if known is not None and known[0] == launch.code and known[1] == launch.descriptor:
            return known[2]
        entry = launch.entry_address - launch.code_address
        image = CodeImage(launch.code, launch.code_address, launch.chip.generation)
        made = KernelCode(self._kernel(launch, entry), image, launch.chip.generation)
        self._codes[launch.entry_address] = (launch.code, launch.descriptor, made)
        return made

    def _kernel(self, launch: CardLaunch, entry: int) -> LoadedKernel:
        for loaded in reversed(self._loaded):
            for row in loaded.kernels:
                code = row.image.code
                if code and launch.code[entry : entry + len(code)] == code:
                    return replace(row, entry=entry, descriptor=launch.descriptor)
        return _unknown_kernel(launch, entry)


def _unknown_kernel(launch: CardLaunch, entry: int) -> LoadedKernel:
    """Return what there is to say of code that no known file has."""
    name = f"kernel at {launch.entry_address:#x}"
    descriptor = launch.descriptor
    image = KernelImage(
        name=name,
        code=launch.code[entry:],
        arguments=(),
        kernarg_bytes=0,
        lds_bytes=descriptor.lds_bytes,
        scratch_bytes=descriptor.scratch_bytes,
        registers_scalar=0,
        registers_vector=descriptor.vector_registers,
        spilled_scalar=0,
        spilled_vector=0,
        user_sgprs=descriptor.user_sgprs,
        group_ids=descriptor.group_ids,
        local_ids=descriptor.local_ids,
        required_group=None,
    )
    metadata = KernelMetadata(name, name, (), 0, 0, 0, 32, 0, 0, 0, 0, 1024, None)
    return LoadedKernel(image, descriptor, entry, 0, metadata)
