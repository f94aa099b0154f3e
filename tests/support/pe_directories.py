"""Import and base-relocation directories of a PE file: an image in, slots and patch places out."""

import struct
from dataclasses import dataclass

from tests.support.pe_image import PAGE_BYTES, PeImage
from tests.support.results import require

_IMPORT, _RELOCATION = 1, 5
_DESCRIPTOR_BYTES = 20
_ABSOLUTE, _DIR64 = 0, 10


@dataclass(frozen=True, slots=True)
class ImportedFunction:
    """A function to bind: which library, which name, and the RVA of its 8-byte slot."""

    library: str
    name: str
    slot: int


def read_imports(image: PeImage) -> tuple[ImportedFunction, ...]:
    """Return every imported function, in table order."""
    address, size_bytes = image.header.directories[_IMPORT]
    if not size_bytes:
        return ()
    require(size_bytes % _DESCRIPTOR_BYTES == 0, "import directory size is no multiple of 20")
    functions: list[ImportedFunction] = []
    libraries: set[str] = set()
    while True:
        row = image.file_bytes(address, _DESCRIPTOR_BYTES, "import descriptor")
        lookup, _, forwarder, name, slots = struct.unpack("<IIIII", row)
        if not any(row):
            break
        require(bool(lookup and name and slots), "import descriptor with a zero field")
        require(forwarder in (0, 0xFFFFFFFF), "import descriptor with a forwarder chain")
        library = image.c_string(name, "imported library name")
        require(library.lower() not in libraries, f"two import descriptors for {library}")
        libraries.add(library.lower())
        functions += _read_slots(image, library, lookup, slots)
        address += _DESCRIPTOR_BYTES
    end = image.header.directories[_IMPORT][0] + size_bytes
    require(address + _DESCRIPTOR_BYTES <= end, "import directory ends before its null descriptor")
    return tuple(functions)


def _read_slots(image: PeImage, library: str, lookup: int, slots: int) -> list[ImportedFunction]:
    require(slots % 8 == 0 and lookup % 8 == 0, f"{library}: import tables are not 8-byte aligned")
    functions: list[ImportedFunction] = []
    while True:
        entry = struct.unpack("<Q", image.file_bytes(lookup, 8, "import lookup table"))[0]
        bound = struct.unpack("<Q", image.file_bytes(slots, 8, "import address table"))[0]
        require(entry == bound, f"{library}: ILT and IAT differ")
        if entry == 0:
            require(bool(functions), f"{library}: nothing imported from it")
            return functions
        require(entry >> 31 == 0, f"{library}: import by ordinal or bad name address")
        require(entry % 2 == 0, f"{library}: hint/name entry is not 2-aligned")
        name = image.c_string(entry + 2, "imported name")
        functions.append(ImportedFunction(library, name, slots))
        lookup += 8
        slots += 8


def read_relocations(image: PeImage) -> tuple[int, ...]:
    """Return the RVAs of all 64-bit words that hold absolute addresses."""
    address, size_bytes = image.header.directories[_RELOCATION]
    require(size_bytes > 0, "no base relocation directory: cannot load at a random base")
    table = image.file_bytes(address, size_bytes, "base relocations")
    places: list[int] = []
    position = 0
    while position < size_bytes:
        require(position + 8 <= size_bytes, "base relocation block is cut off")
        page, block_bytes = struct.unpack_from("<II", table, position)
        require(page % PAGE_BYTES == 0, "base relocation page is not aligned")
        require(block_bytes >= 8 and block_bytes % 4 == 0, "base relocation block size")
        require(position + block_bytes <= size_bytes, "base relocation block is cut off")
        entries = table[position + 8 : position + block_bytes]
        for (entry,) in struct.iter_unpack("<H", entries):
            kind = entry >> 12
            require(kind in (_ABSOLUTE, _DIR64), f"base relocation type {kind}")
            if kind == _DIR64:
                places.append(page + (entry & 0xFFF))
        position += block_bytes
    _check_places(image, places)
    return tuple(places)


def _check_places(image: PeImage, places: list[int]) -> None:
    require(len(set(places)) == len(places), "a word is relocated twice")
    header = image.header
    for place in places:
        data = image.file_bytes(place, 8, "relocated word")
        value = struct.unpack("<Q", data)[0]
        inside = header.image_base <= value <= header.image_base + header.size_of_image
        require(inside, f"relocated word at {place:#x} does not point into the image")
