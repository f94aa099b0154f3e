"""Code for AMD cards behind a program: entries of a fat file in, an image that has them out.

    image, zeros up to a multiple of 16, bundle, trailer

The bundle is LLVM's offload bundle, an entry for each chip. The trailer is 16 bytes of magic, where
the bundle begins in the file, and its size. A loader does not look behind an image, and the program
reads its own file, wherever that is: so it finds the code when `mlr` starts it and when it was
extracted. Imports nothing that a run without device code needs.
"""

import struct

from mlrift.container.errors import FatError
from mlrift.container.fatfile import ExtraKind
from mlrift.container.reading import is_fat, read_fat
from mlrift.targets import LINUX_X86_64

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlrift.container.fatfile import FatFile

BUNDLE_MAGIC = b"__CLANG_OFFLOAD_BUNDLE__"
TRAILER_MAGIC = b"MLRIFT-BUNDLE-01"
LIST_MAGIC = b"__MLRIFT_DEVICE_CODES_1_"

_TARGET = "hipv4-amdgcn-amd-amdhsa--"
_ALIGN_BYTES = 16
_ROW = struct.Struct("<QQQ")
_COUNT = struct.Struct("<Q")
_TRAILER = struct.Struct("<16sQQ")
_LISTED = struct.Struct("<16sQQ32s")


def has_device_code(fat: "FatFile", slice_id: int) -> bool:
    """Say whether a slice gets the file's device code: that of the system that drives cards."""
    if slice_id != LINUX_X86_64.slice_id:
        return False
    return any(row.kind is ExtraKind.DEVICE_CODE for row in fat.extras)


def program(fat: "FatFile", slice_id: int) -> bytes:
    """Return the image of a slice as it runs: with the device code, if it gets any."""
    image = fat.slice(slice_id)
    if not has_device_code(fat, slice_id):
        return image
    rows = [row for row in fat.extras if row.kind is ExtraKind.DEVICE_CODE]
    padded = image + bytes(-len(image) % _ALIGN_BYTES)
    data = bundle([(row.name, fat.extra(row)) for row in rows])
    return padded + data + _TRAILER.pack(TRAILER_MAGIC, len(padded), len(data))


def code_for(data: bytes, chip: str) -> bytes:
    """Return the code object of a fat file for a chip; other files as they are. Raises FatError."""
    if not is_fat(data):
        return data
    fat = read_fat(data)
    rows = {row.name: row for row in fat.extras if row.kind is ExtraKind.DEVICE_CODE}
    if chip not in rows:
        names = ", ".join(rows) or "none"
        raise FatError(f"the fat file has no code for {chip}, only: {names}")
    return fat.extra(rows[chip])


def bundle(codes: "Sequence[tuple[str, bytes]]") -> bytes:
    """Return code objects with the names of their chips, as LLVM's offload bundle."""
    names = [f"{_TARGET}{chip}".encode() for chip, _ in codes]
    place = len(BUNDLE_MAGIC) + _COUNT.size + sum(_ROW.size + len(row) for row in names)
    head = BUNDLE_MAGIC + _COUNT.pack(len(codes))
    body = b""
    for name, (_, code) in zip(names, codes, strict=True):
        padding = -(place + len(body)) % _ALIGN_BYTES
        body += bytes(padding)
        head += _ROW.pack(place + len(body), len(code), len(name)) + name
        body += code
    return head + body


def code_list(codes: "Sequence[tuple[str, bytes]]") -> bytes:
    """Return what a program knows of code that is behind it: chips, sizes, SHA-256.

    Magic of 24 bytes, u64 number of rows; a row is the name in 16 bytes, u64 size, u64 0, the hash.
    """
    from mlrift.digests import sha256  # noqa: PLC0415 - not when programs are run

    rows = [
        _LISTED.pack(chip.encode(), len(code), 0, sha256(code).digest()) for chip, code in codes
    ]
    return LIST_MAGIC + _COUNT.pack(len(codes)) + b"".join(rows)
