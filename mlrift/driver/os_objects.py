"""The objects every program of a target is linked with, kept in the cache by content."""

from mlrift.backends.llvm.objects import (
    CodegenOptions,
    ObjectFlavour,
    OptimisationLevel,
    compile_object,
    compile_support,
)
from mlrift.backends.platforms import platform_for
from mlrift.driver.cache import Cache, digest
from mlrift.driver.resources import platform_source
from mlrift.link.objects import ObjectFile
from mlrift.link.read_elf import read_elf
from mlrift.targets import Cpu, Target


def os_layer(target: Target, cache: Cache, fingerprint: str) -> list[ObjectFile]:
    """Return the OS layer of a target: its compiled sources and its encoded stubs."""
    platform = platform_for(target.system)
    text = platform.constants(target) + "".join(map(platform_source, platform.sources))
    key = digest("os layer", fingerprint, target.name, text)
    data = cache.get(key)
    if data is None:
        data = _compile_os_layer(target, text)
        cache.put(key, data)
    name = f"os-{target.name}"
    return [read_elf(data, name), platform.stub_object(target.cpu)]


def support(cpu: Cpu, cache: Cache, fingerprint: str) -> ObjectFile:
    """Return the functions LLVM may call on a CPU (memcpy and the like)."""
    key = digest("support", fingerprint, cpu.name)
    data = cache.get(key)
    if data is None:
        data = compile_support(cpu)
        cache.put(key, data)
    return read_elf(data, f"support-{cpu.name}")


def _compile_os_layer(target: Target, text: str) -> bytes:
    from mlrift.driver.library_units import (  # noqa: PLC0415 - only on a cache miss
        compile_unit,
        merge_core_library,
    )
    from mlrift.ir.passes.pipeline import OptimisationLevel as IrLevel  # noqa: PLC0415
    from mlrift.ir.passes.pipeline import optimise  # noqa: PLC0415

    module = compile_unit(f"{target.system.name}.mlr", text)
    merge_core_library(module)
    optimise(module, IrLevel.FULL)
    options = CodegenOptions(
        level=OptimisationLevel.FULL, flavour=ObjectFlavour.PORTABLE, system=target.system
    )
    return compile_object(module, target.cpu, options)
