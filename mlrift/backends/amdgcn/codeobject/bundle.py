"""Offload bundles: several code objects of several chips in one file (gpu.md 3.3).

A file in, the entries by target name out; or the one code object that is meant.
"""

import struct

from mlrift.backends.amdgcn.chips import Chip
from mlrift.backends.amdgcn.codeobject.errors import CodeObjectError
from mlrift.values import value

MAGIC = b"__CLANG_OFFLOAD_BUNDLE__"
COMPRESSED_MAGIC = b"CCOB"
_COUNT = struct.Struct("<Q")
_ENTRY = struct.Struct("<QQQ")
_MAXIMUM_ENTRIES = 1024
_WHERE = "offload bundle"


@value
class BundleEntry:
    """A file in a bundle; `target` is like `hipv4-amdgcn-amd-amdhsa--gfx1100`."""

    target: str
    data: bytes

    @property
    def gfx_name(self) -> str:
        """The chip, without features; empty for the host's entry."""
        last = self.target.rpartition("-")[2].partition(":")[0]
        return last if last.startswith("gfx") else ""


def bundle_entries(data: bytes) -> list[BundleEntry]:
    """Return what a bundle has; raises CodeObjectError."""
    position = len(MAGIC)
    if len(data) < position + _COUNT.size:
        raise CodeObjectError("the file ends in its header", _WHERE)
    (count,) = _COUNT.unpack_from(data, position)
    if count > _MAXIMUM_ENTRIES:
        raise CodeObjectError(f"{count} entries", _WHERE)
    position += _COUNT.size
    found: list[BundleEntry] = []
    for number in range(count):
        if len(data) < position + _ENTRY.size:
            raise CodeObjectError("the file ends in its header", f"{_WHERE}, entry {number}")
        offset, size, name_bytes = _ENTRY.unpack_from(data, position)
        position += _ENTRY.size
        name = data[position : position + name_bytes]
        position += name_bytes
        if len(name) < name_bytes or offset + size > len(data):
            raise CodeObjectError("it lies outside the file", f"{_WHERE}, entry {number}")
        text = name.decode("utf-8", "backslashreplace")
        found.append(BundleEntry(text, data[offset : offset + size]))
    return found


def unwrap(data: bytes, chip: Chip | None) -> bytes:
    """Return the code object of a file: the file, or the entry of a bundle for a chip.

    Without a chip, the bundle must have one code object only. Raises CodeObjectError.
    """
    if data.startswith(COMPRESSED_MAGIC):
        advice = "unpack it with clang-offload-bundler -unbundle"
        raise CodeObjectError(f"compressed bundles are not supported; {advice}", _WHERE)
    if not data.startswith(MAGIC):
        return data
    entries = [row for row in bundle_entries(data) if row.gfx_name]
    names = ", ".join(row.gfx_name for row in entries) or "none"
    if chip is None:
        if len(entries) != 1:
            raise CodeObjectError(f"choose one of its chips: {names}", _WHERE)
        return entries[0].data
    for row in entries:
        if row.gfx_name == chip.name:
            return row.data
    raise CodeObjectError(f"there is no code for {chip.name}, only: {names}", _WHERE)
