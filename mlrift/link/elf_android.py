"""Android images: position-independent ET_DYN that bionic's linker64 accepts.

Enters: a packed `Layout`. Leaves: the file's bytes. Section headers are real, because linker64
reads them when it is given the program as an argument. Pages are 16 KiB.
"""

from mlrift.link.elf_dynamic import ET_DYN, write_dynamic
from mlrift.link.elf_loader_tables import DynamicPlace, DynamicProfile
from mlrift.link.elf_versions import NO_VERSIONS
from mlrift.link.errors import LinkError
from mlrift.link.layout import Layout, refuse_pointers_in_code
from mlrift.link.options import DataProtection, LinkOptions
from mlrift.targets import Target

PAGE_BYTES = 0x4000

_DF_1_NOW, _DF_1_PIE = 1, 0x08000000
_SHAPE = (ET_DYN, 0, PAGE_BYTES)
_PROGRAM = DynamicProfile(*_SHAPE, b"/system/bin/linker64\0", _DF_1_NOW | _DF_1_PIE)
_LIBRARY = DynamicProfile(*_SHAPE, b"", _DF_1_NOW, NO_VERSIONS, DynamicPlace.WRITTEN)


def write_android(layout: Layout, target: Target, options: LinkOptions) -> bytes:
    """Write a position-independent program or a library for Android."""
    refuse_pointers_in_code(layout)
    if options.data_protection is DataProtection.READ_WRITE_EXECUTE:
        raise LinkError("executable data is refused by this system: link without --exec-data")
    profile = _PROGRAM if options.library is None else _LIBRARY
    return write_dynamic(layout, target, options, profile)
