"""The export directory of a DLL: which names it offers, and where they are.

Enters: what makes the image a library. Leaves: the tables as one run: directory, addresses,
names in alphabetical order, their ordinals, and the texts.
"""

import struct
from collections.abc import Mapping

from mlrift.link.layout import align_up
from mlrift.link.options import SharedLibrary

_DIRECTORY = struct.Struct("<IIHHIIIIIII")
_FIRST_ORDINAL = 1
_ALIGN = 8


class ExportTables:
    """The tables of a library."""

    def __init__(self, library: SharedLibrary) -> None:
        self.names = sorted(row.name for row in library.exports)
        self.file_name = library.file_name
        self.size_bytes = len(self.contents(0, dict.fromkeys(self.names, 0)))

    def contents(self, start: int, places: Mapping[str, int]) -> bytes:
        """Return the tables for the relative address `start`; `places` are relative, too."""
        count = len(self.names)
        addresses = start + _DIRECTORY.size
        names = addresses + 4 * count
        ordinals = names + 4 * count
        texts = bytearray(self.file_name.encode() + b"\0")
        texts_start = ordinals + 2 * count
        text_places: list[int] = []
        for name in self.names:
            text_places.append(texts_start + len(texts))
            texts += name.encode() + b"\0"
        counts = (_FIRST_ORDINAL, count, count)
        head = _DIRECTORY.pack(0, 0, 0, 0, texts_start, *counts, addresses, names, ordinals)
        rows = [places[name] for name in self.names]
        body = struct.pack(f"<{2 * count}I{count}H", *rows, *text_places, *range(count))
        made = head + body + bytes(texts)
        return made.ljust(align_up(len(made), _ALIGN), b"\0")
