"""The linker's entry: objects and options in, the image of one target out.

Invariant: the same objects, target and options give the same bytes, on any host.
"""

from collections.abc import Callable, Mapping, Sequence

from mlrift.link.elf_android import write_android
from mlrift.link.elf_linux import write_linux
from mlrift.link.errors import LinkError
from mlrift.link.layout import Layout, pack
from mlrift.link.macho import write_macos
from mlrift.link.objects import ANY_MACHINE, ObjectFile
from mlrift.link.options import DataProtection, DebugInfo, ImportedSymbol, LinkOptions
from mlrift.link.pe import write_windows
from mlrift.link.relocations import relocation_table
from mlrift.link.resolve import resolve
from mlrift.targets import ANDROID, LINUX, MACOS, WINDOWS, Target

__all__ = [
    "DataProtection",
    "DebugInfo",
    "ImportedSymbol",
    "LinkError",
    "LinkOptions",
    "link",
]

_Writer = Callable[[Layout, Target, LinkOptions], bytes]
_WRITERS: Mapping[int, _Writer] = {
    LINUX.os_id: write_linux,
    ANDROID.os_id: write_android,
    WINDOWS.os_id: write_windows,
    MACOS.os_id: write_macos,
}


def link(objects: Sequence[ObjectFile], target: Target, options: LinkOptions) -> bytes:
    """Link objects into a runnable executable; raises `LinkError` when that is impossible."""
    for unit in objects:
        if unit.elf_machine not in (ANY_MACHINE, target.cpu.elf_machine):
            raise LinkError(
                f"{unit.name}: object is for ELF machine {unit.elf_machine}, "
                f"{target.name} needs {target.cpu.elf_machine}"
            )
    program = resolve(objects, options, target.cpu)
    layout = pack(program, relocation_table(target.cpu))
    return _WRITERS[target.system.os_id](layout, target, options)
