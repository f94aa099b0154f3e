"""The sections that only libraries of macOS have.

Enters: what makes an image a library, nothing for a program. Leaves: blocks for the functions that
dyld calls at the beginning and at the end, and for what the library says to bindings.
"""

import struct
from collections.abc import Mapping

from mlrift.link.layout import Block
from mlrift.link.objects import SectionKind
from mlrift.link.options import SharedLibrary
from mlrift.link.relocations import Pointer
from mlrift.values import value

_INTERFACE, _STARTS, _ENDS = "__mlrift", "__init_offsets", "__mod_term_func"
# The types of the sections by name (mach-o/loader.h): plain, offsets of functions, pointers.
SECTION_FLAGS = {_INTERFACE: 0, _STARTS: 0x16, _ENDS: 0xA}
_OFFSET_BYTES, _POINTER_BYTES = 4, 8


@value
class LibraryBlocks:
    """Blocks for __TEXT (`interface`, `starts`) and __DATA_CONST (`ends`); empty for programs."""

    interface: Block
    starts: Block
    ends: Block

    def bind(
        self, library: SharedLibrary | None, addresses: Mapping[str, int], base: int
    ) -> list[Pointer]:
        """Fill in the offsets; return the pointers."""
        if library is None:
            return []
        if library.start:
            self.starts.data[:] = struct.pack("<I", addresses[library.start] - base)
        return [Pointer(self.ends.address, addresses[library.end])] if library.end else []


def library_blocks(library: SharedLibrary | None) -> LibraryBlocks:
    """Return the blocks of a library, with room for what is known later."""
    interface = Block(_INTERFACE, SectionKind.CONSTANT)
    starts = Block(_STARTS, SectionKind.CONSTANT, _OFFSET_BYTES)
    ends = Block(_ENDS, SectionKind.RELOCATED_CONSTANT, _POINTER_BYTES)
    if library is not None:
        interface.size_bytes = len(library.interface)
        starts.size_bytes = _OFFSET_BYTES if library.start else 0
        ends.size_bytes = _POINTER_BYTES if library.end else 0
        interface.data = bytearray(library.interface)
        for block in (starts, ends):
            block.fill()
    return LibraryBlocks(interface, starts, ends)
