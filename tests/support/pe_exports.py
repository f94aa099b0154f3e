"""The export directory of a DLL: a checked image in, addresses by name out."""

import struct

from tests.support.pe_image import PeImage
from tests.support.results import require

_EXPORT = 0


def read_exports(image: PeImage) -> dict[str, int]:
    """Return the relative address of each name; the loader looks names up by halving."""
    address, size_bytes = image.header.directories[_EXPORT]
    require(size_bytes >= 40, "export directory is too short")
    row = struct.unpack("<IIHHIIIIIII", image.file_bytes(address, 40, "export directory"))
    name, first, function_count, name_count, functions, names, ordinals = row[4:]
    require(first == 1, "export ordinals do not start at 1")
    require(image.c_string(name, "name of the DLL") != "", "the DLL has no name")
    places = _words(image, functions, function_count, "<I")
    texts = [image.c_string(row, "exported name") for row in _words(image, names, name_count, "<I")]
    require(texts == sorted(set(texts)), "exported names are not sorted")
    numbers = _words(image, ordinals, name_count, "<H")
    require(all(number < function_count for number in numbers), "export ordinal outside its table")
    for place in places:
        inside = address <= place < address + size_bytes
        require(not inside and 0 < place < image.header.size_of_image, "export outside the image")
    return {text: places[number] for text, number in zip(texts, numbers, strict=True)}


def _words(image: PeImage, address: int, count: int, layout: str) -> list[int]:
    size_bytes = struct.calcsize(layout)
    data = image.file_bytes(address, count * size_bytes, "export table")
    return [row[0] for row in struct.iter_unpack(layout, data)]
