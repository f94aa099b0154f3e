"""From the words of the command line to a product and its targets: cli.md 1.2 to 2.2."""

import os
from collections.abc import Sequence
from pathlib import Path

from mlrift.driver.options import KERNEL_SUFFIXES, LIBRARY_PRODUCTS, KernelRoad, Product
from mlrift.targets import (
    ANDROID,
    ARM64,
    CPUS,
    LINUX,
    MACOS,
    SYSTEMS,
    TARGETS,
    WINDOWS,
    X86_64,
    Cpu,
    ObjectFormat,
    System,
    Target,
    find_cpu,
    find_system,
    find_target,
    target_for,
)
from mlrift.values import replace, value

CPU_TARGET = "cpu"
"""The value of `--target` for kernels as functions of this machine."""
ARCHIVE_SUFFIXES = frozenset(row.archive_suffix for row in SYSTEMS)


class SelectionError(ValueError):
    """An option value that means nothing; the message says what is accepted."""


@value
class EmitKind:
    """What a value of `--emit` asks for; None leaves the choice to the other options."""

    product: Product
    system: System | None = None
    cpu: Cpu | None = None


@value
class Selection:
    """The product, the targets and the chips that a command line means."""

    product: Product
    targets: tuple[Target, ...]
    unknown_targets: tuple[str, ...] = ()
    kernels: KernelRoad = KernelRoad.NONE
    chips: tuple[str, ...] = ()


EMIT_KINDS = {
    "elfexe": EmitKind(Product.EXECUTABLE, LINUX),
    "elf": EmitKind(Product.EXECUTABLE, LINUX),
    "linux": EmitKind(Product.EXECUTABLE, LINUX),
    "elf-x86_64": EmitKind(Product.EXECUTABLE, LINUX, X86_64),
    "elf-arm64": EmitKind(Product.EXECUTABLE, LINUX, ARM64),
    "linux-x86_64": EmitKind(Product.EXECUTABLE, LINUX, X86_64),
    "linux-x86-64": EmitKind(Product.EXECUTABLE, LINUX, X86_64),
    "linux-arm64": EmitKind(Product.EXECUTABLE, LINUX, ARM64),
    "macho": EmitKind(Product.EXECUTABLE, MACOS),
    "mac": EmitKind(Product.EXECUTABLE, MACOS),
    "macos": EmitKind(Product.EXECUTABLE, MACOS),
    "darwin": EmitKind(Product.EXECUTABLE, MACOS),
    "mac-x64": EmitKind(Product.EXECUTABLE, MACOS, X86_64),
    "mac-arm64": EmitKind(Product.EXECUTABLE, MACOS, ARM64),
    "pe": EmitKind(Product.EXECUTABLE, WINDOWS),
    "win": EmitKind(Product.EXECUTABLE, WINDOWS),
    "windows": EmitKind(Product.EXECUTABLE, WINDOWS),
    "win-x64": EmitKind(Product.EXECUTABLE, WINDOWS, X86_64),
    "win-arm64": EmitKind(Product.EXECUTABLE, WINDOWS, ARM64),
    "windows-x64": EmitKind(Product.EXECUTABLE, WINDOWS, X86_64),
    "windows-arm64": EmitKind(Product.EXECUTABLE, WINDOWS, ARM64),
    "android": EmitKind(Product.EXECUTABLE, ANDROID),
    "obj": EmitKind(Product.OBJECT),
    "lib": EmitKind(Product.LIBRARY),
    "shared": EmitKind(Product.LIBRARY),
    "so": EmitKind(Product.LIBRARY),
    "dylib": EmitKind(Product.LIBRARY, MACOS),
    "dll": EmitKind(Product.LIBRARY, WINDOWS),
    "staticlib": EmitKind(Product.ARCHIVE),
    "archive": EmitKind(Product.ARCHIVE),
    "asm": EmitKind(Product.ASSEMBLY),
    "ir": EmitKind(Product.IR),
    "co": EmitKind(Product.CODE_OBJECT, LINUX, X86_64),
    "gpu-asm": EmitKind(Product.KERNEL_ASSEMBLY, LINUX, X86_64),
    "gpu-ir": EmitKind(Product.KERNEL_IR, LINUX, X86_64),
    "mir": EmitKind(Product.KERNEL_MIR, LINUX, X86_64),
}


def select(
    emit: str | None, arch: str | None, target: str | None, target_list: str | None
) -> Selection:
    """Combine `--emit`, `--arch`, `--target` and `--targets`; raises SelectionError."""
    cpu = _parse_cpu(arch)
    system = _parse_system(target)
    kind = _parse_emit(emit)
    if target_list is not None:
        chosen, unknown = _parse_targets(target_list)
        return Selection(Product.FAT, chosen, unknown)
    if kind is None:
        if cpu is None and system is None:
            return Selection(Product.FAT, TARGETS)
        kind = EmitKind(Product.EXECUTABLE)
    if kind.system is not None and system is not None and kind.system is not system:
        raise SelectionError(
            f"--emit={emit} makes a {kind.system.name} program but --target={target} asks for "
            f"{system.name}; give one of them"
        )
    if kind.cpu is not None and cpu is not None and kind.cpu is not cpu:
        raise SelectionError(
            f"--emit={emit} is for {kind.cpu.name} but --arch={arch} asks for {cpu.name}; "
            "give one of them"
        )
    system = kind.system or system or LINUX
    cpu = kind.cpu or cpu or _parse_cpu(system.default_cpu) or X86_64
    return Selection(kind.product, (target_for(system, cpu),))


def with_output(selection: Selection, output: str) -> Selection:
    """Return the selection that an output name asks for: `libx.a` is an archive."""
    if selection.product is Product.LIBRARY and Path(output).suffix in ARCHIVE_SUFFIXES:
        return replace(selection, product=Product.ARCHIVE)
    return selection


def default_output(source: Path, product: Product, targets: Sequence[Target]) -> Path:
    """Return the output name of cli.md 1.3."""
    text = str(source)
    base = text[: -len(source.suffix)] if source.suffix in (".mlr", ".kr") else text
    if product in KERNEL_SUFFIXES:
        return Path(base + KERNEL_SUFFIXES[product])
    if product is Product.FAT:
        return Path(base + ".mlrbo")
    system = targets[0].system
    if product is Product.OBJECT:
        return Path(base + system.object_suffix)
    if product in LIBRARY_PRODUCTS:
        folder, stem = os.path.split(base)
        suffixes = {Product.LIBRARY: system.library_suffix, Product.ARCHIVE: system.archive_suffix}
        return Path(folder, system.library_prefix + stem + suffixes[product])
    if product is Product.EXECUTABLE and system.object_format is ObjectFormat.PE:
        return Path(base + system.executable_suffix)
    return Path(base)


def output_for_chip(output: Path, selection: Selection) -> Path:
    """Return where the file of the first of several chips goes: `out.gfx1030.co` for `out.co`."""
    suffix = KERNEL_SUFFIXES.get(selection.product)
    if suffix is None or len(selection.chips) == 1:
        return output
    stem = output.name.removesuffix(suffix)
    return output.with_name(f"{stem}.{selection.chips[0]}{suffix}")


def _parse_cpu(name: str | None) -> Cpu | None:
    if name is None:
        return None
    found = find_cpu(name)
    if found is None:
        known = ", ".join(cpu.name for cpu in CPUS)
        raise SelectionError(f"unknown architecture '{name}'; known: {known}")
    return found


def _parse_system(name: str | None) -> System | None:
    if name is None:
        return None
    if name == CPU_TARGET:
        return _system_of_this_machine()
    found = find_system(name)
    if found is None:
        raise SelectionError(f"unknown target '{name}'; known: {_TARGET_WORDS}")
    return found


_TARGET_WORDS = "linux, macos, windows, android, cpu, amdgpu-native, hip-amd"


def _system_of_this_machine() -> System:
    from mlrift.runtime.host import this_host  # noqa: PLC0415 - for one option only

    host = this_host()
    if host.target is None:
        raise SelectionError(f"--target={CPU_TARGET}: {host.system_name} is no target; name one")
    return host.target.system


def _parse_emit(name: str | None) -> EmitKind | None:
    if name is None:
        return None
    found = EMIT_KINDS.get(name)
    if found is None:
        raise SelectionError(f"unknown --emit kind '{name}'; known: {', '.join(EMIT_KINDS)}")
    return found


def _parse_targets(text: str) -> tuple[tuple[Target, ...], tuple[str, ...]]:
    chosen: list[Target] = []
    unknown: list[str] = []
    for name in (part.strip() for part in text.split(",")):
        if name == "all":
            chosen.extend(TARGETS)
            continue
        found = find_target(name)
        if found is None:
            unknown.append(name)
        else:
            chosen.append(found)
    if not chosen:
        known = ", ".join(target.name for target in TARGETS)
        raise SelectionError(f"--targets={text} names no target; known: {known}, all")
    return tuple(row for row in TARGETS if row in chosen), tuple(unknown)
