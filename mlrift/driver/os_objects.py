"""The objects every program of a target is linked with: its OS layer, its stubs, the support.

They are built once: `prebuild.py` puts them beside the compiler; without those (or when the
compiler has changed since) they are compiled and kept in the cache by content.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlrift.backends.platforms import platform_for
from mlrift.driver.cache import Cache, digest
from mlrift.driver.fingerprint import PREBUILT_FOLDER
from mlrift.link.objects import ObjectFile
from mlrift.link.read_elf import read_elf
from mlrift.targets import Cpu, Target

if TYPE_CHECKING:
    from mlrift.backends.llvm.options import DebugInfo

STAMP = "stamp"


def os_layer(target: Target, cache: Cache, fingerprint: str) -> list[ObjectFile]:
    """Return the OS layer of a target: its compiled sources and its encoded stubs."""
    name = f"os-{target.name}"
    data = _prebuilt(f"{name}.o", fingerprint) or os_layer_data(target, cache, fingerprint)
    return [read_elf(data, name), platform_for(target.system).stub_object(target.cpu)]


def os_layer_with_frames(target: Target, cache: Cache, fingerprint: str) -> list[ObjectFile]:
    """Return an OS layer that also says how to walk its stack, so `bt` works inside of it."""
    from mlrift.backends.llvm.options import DebugInfo  # noqa: PLC0415 - with `-g` only

    key = digest("os layer with frames", fingerprint, target.name)
    data = cache.get(key)
    if data is None:
        data = _compile_os_layer(target, DebugInfo.FRAMES)
        cache.put(key, data)
    stubs = platform_for(target.system).stub_object(target.cpu)
    return [read_elf(data, f"os-{target.name}"), stubs]


def support(cpu: Cpu, cache: Cache, fingerprint: str) -> ObjectFile:
    """Return the functions LLVM may call on a CPU (memcpy and the like)."""
    name = f"support-{cpu.name}"
    data = _prebuilt(f"{name}.o", fingerprint) or support_data(cpu, cache, fingerprint)
    return read_elf(data, name)


def os_layer_data(target: Target, cache: Cache, fingerprint: str) -> bytes:
    """Return the ELF object of a target's OS layer, compiled unless the cache has it."""
    from mlrift.backends.llvm.options import DebugInfo  # noqa: PLC0415 - on a miss only

    key = digest("os layer", fingerprint, target.name)
    data = cache.get(key)
    if data is None:
        data = _compile_os_layer(target, DebugInfo.NONE)
        cache.put(key, data)
    return data


def support_data(cpu: Cpu, cache: Cache, fingerprint: str) -> bytes:
    """Return the ELF object of a CPU's support functions, compiled unless the cache has it."""
    from mlrift.backends.llvm.objects import compile_support  # noqa: PLC0415 - on a miss only

    key = digest("support", fingerprint, cpu.name)
    data = cache.get(key)
    if data is None:
        data = compile_support(cpu)
        cache.put(key, data)
    return data


def _prebuilt(name: str, fingerprint: str) -> bytes | None:
    """Return an object that was built with this very compiler, or None."""
    try:
        if (PREBUILT_FOLDER / STAMP).read_text(encoding="ascii") != fingerprint:
            return None
        return (PREBUILT_FOLDER / name).read_bytes()
    except OSError:
        return None


def _compile_os_layer(target: Target, debug: DebugInfo) -> bytes:
    from mlrift.backends.llvm.objects import (  # noqa: PLC0415 - on a miss only
        CodegenOptions,
        compile_object,
    )
    from mlrift.backends.llvm.options import OptimisationLevel as CodegenLevel  # noqa: PLC0415
    from mlrift.driver.library_units import (  # noqa: PLC0415
        compile_os_layer,
        merge_core_library,
    )
    from mlrift.ir.passes.pipeline import OptimisationLevel, optimise  # noqa: PLC0415

    module = compile_os_layer(target)
    merge_core_library(module)
    optimise(module, OptimisationLevel.FULL)
    options = CodegenOptions(level=CodegenLevel.SIZE, system=target.system, debug=debug)
    return compile_object(module, target.cpu, options)
