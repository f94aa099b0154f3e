"""Android executables: position-independent ET_DYN that bionic's linker64 accepts.

Enters: a packed `Layout`. Leaves: the file's bytes. Section headers are real, because linker64
reads them when it is given the program as an argument. Pages are 16 KiB.
"""

from mlrift.link.elf_dynamic import ET_DYN, DynamicProfile, write_dynamic
from mlrift.link.errors import LinkError
from mlrift.link.layout import Layout, refuse_pointers_in_code
from mlrift.link.options import DataProtection, LinkOptions
from mlrift.targets import Target

PAGE_BYTES = 0x4000

_DF_1_NOW_PIE = 0x08000001
_PROFILE = DynamicProfile(ET_DYN, 0, PAGE_BYTES, b"/system/bin/linker64\0", _DF_1_NOW_PIE)


def write_android(layout: Layout, target: Target, options: LinkOptions) -> bytes:
    """Write a position-independent executable for Android."""
    refuse_pointers_in_code(layout)
    if options.data_protection is DataProtection.READ_WRITE_EXECUTE:
        raise LinkError("executable data is refused by this system: link without --exec-data")
    return write_dynamic(layout, target, options, _PROFILE)
