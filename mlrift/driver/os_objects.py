"""The objects every program of a target is linked with: its OS layer, its stubs, the support.

They are built once: `prebuild.py` puts them beside the compiler; without those (or when the
compiler has changed since) they are compiled and kept in the cache by content.
"""

from __future__ import annotations

from mlrift.backends.platforms import OsLayerKind, platform_for
from mlrift.driver.cache import Cache, digest
from mlrift.driver.fingerprint import PREBUILT_FOLDER
from mlrift.driver.heap_owner import HEAP_OWNER_FILES
from mlrift.link.objects import ObjectFile
from mlrift.link.read_elf import read_elf
from mlrift.static_types import TYPE_CHECKING
from mlrift.targets import Cpu, Target

if TYPE_CHECKING:
    from mlrift.backends.llvm.options import DebugInfo

STAMP = "stamp"
# The parts of programs that are the runtimes of tensors, models and parallel regions.
RUNTIME_PARTS = ("tensors", "tensortexts", "models", "parallel")
_PREFIX = "os."


def os_layer(
    needing: list[ObjectFile], target: Target, kind: OsLayerKind, cache: Cache, fingerprint: str
) -> list[ObjectFile]:
    """Return what a program's objects need of its OS layer: compiled sources and encoded stubs.

    That is the base of the layer, unless something else of it is missing then.
    """
    stubs = platform_for(target.system).stub_object(target.cpu)
    base = _read_layer(target, OsLayerKind.BASE, cache, fingerprint)
    symbols = [row for made in needing for row in made.symbols.items()]
    for name, symbol in symbols:
        if symbol.section_index is None and name.startswith(_PREFIX):
            found = base.symbols.get(name) or stubs.symbols.get(name)
            if found is None or found.section_index is None:
                return [_read_layer(target, kind, cache, fingerprint), stubs]
    return [base, stubs]


def _read_layer(target: Target, kind: OsLayerKind, cache: Cache, fingerprint: str) -> ObjectFile:
    file_name = os_layer_file(target, kind)
    data = prebuilt(file_name, fingerprint) or os_layer_data(target, kind, cache, fingerprint)
    return read_elf(data, f"os-{target.name}")


def os_layer_file(target: Target, kind: OsLayerKind) -> str:
    """Return the name of a prebuilt OS layer."""
    suffix = "" if kind is OsLayerKind.ALONE else f"-{kind.value}"
    return f"os-{target.name}{suffix}.o"


def os_layer_with_frames(
    _needing: list[ObjectFile], target: Target, kind: OsLayerKind, cache: Cache, fingerprint: str
) -> list[ObjectFile]:
    """Return an OS layer that also says how to walk its stack, so `bt` works inside of it."""
    from mlrift.backends.llvm.options import DebugInfo  # noqa: PLC0415 - with `-g` only

    key = digest("os layer with frames", fingerprint, target.name, kind.value)
    data = cache.get(key)
    if data is None:
        data = _compile_os_layer(target, kind, DebugInfo.FRAMES)
        cache.put(key, data)
    stubs = platform_for(target.system).stub_object(target.cpu)
    return [read_elf(data, f"os-{target.name}"), stubs]


def support(cpu: Cpu, cache: Cache, fingerprint: str) -> ObjectFile:
    """Return the functions LLVM may call on a CPU (memcpy and the like)."""
    name = f"support-{cpu.name}"
    data = prebuilt(f"{name}.o", fingerprint) or support_data(cpu, cache, fingerprint)
    return read_elf(data, name)


def ready(cpu: Cpu, part: str, cache: Cache, fingerprint: str) -> ObjectFile:
    """Return the heap with an owner, a file of the core library, or a unit of kernels."""
    name = ready_name(cpu, part)
    data = prebuilt(f"{name}.o", fingerprint) or ready_data(cpu, part, cache, fingerprint)
    return read_elf(data, name)


def ready_name(cpu: Cpu, part: str) -> str:
    """Return the name of the object of a part."""
    return f"{part}-{cpu.name}"


def ready_data(cpu: Cpu, part: str, cache: Cache, fingerprint: str) -> bytes:
    """Return the ELF object of a part, compiled unless the cache has it."""
    key = digest("ready", fingerprint, cpu.name, part)
    data = cache.get(key)
    if data is None:
        data = _compile_part(cpu, part)
        cache.put(key, data)
    return data


def _compile_part(cpu: Cpu, part: str) -> bytes:
    if part in HEAP_OWNER_FILES:
        from mlrift.driver.heap_object import compile_heap  # noqa: PLC0415 - on a miss only

        return compile_heap(cpu, part)
    if part in RUNTIME_PARTS:
        from mlrift.driver.runtime_objects import compile_runtime  # noqa: PLC0415 - on a miss only

        return compile_runtime(cpu, part)
    from mlrift.driver.kernel_objects import compile_kernels  # noqa: PLC0415 - on a miss only

    return compile_kernels(cpu, part)


def os_layer_data(target: Target, kind: OsLayerKind, cache: Cache, fingerprint: str) -> bytes:
    """Return the ELF object of a target's OS layer, compiled unless the cache has it."""
    from mlrift.backends.llvm.options import DebugInfo  # noqa: PLC0415 - on a miss only

    key = digest("os layer", fingerprint, target.name, kind.value)
    data = cache.get(key)
    if data is None:
        data = _compile_os_layer(target, kind, DebugInfo.NONE)
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


def prebuilt(name: str, fingerprint: str) -> bytes | None:
    """Return an object that was built with this very compiler, or None."""
    try:
        if (PREBUILT_FOLDER / STAMP).read_text(encoding="ascii") != fingerprint:
            return None
        return (PREBUILT_FOLDER / name).read_bytes()
    except OSError:
        return None


def _compile_os_layer(target: Target, kind: OsLayerKind, debug: DebugInfo) -> bytes:
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

    module = compile_os_layer(target, kind)
    merge_core_library(module)
    optimise(module, OptimisationLevel.FULL)
    options = CodegenOptions(level=CodegenLevel.SIZE, system=target.system, debug=debug)
    return compile_object(module, target.cpu, options)
