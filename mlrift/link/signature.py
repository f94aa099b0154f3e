"""The ad-hoc code signature that macOS demands: a SHA-256 of every 4 KiB page of the file.

Enters: the file up to the signature. Leaves: the signature to append, whose size depends on
nothing but the file's size and the identifier. Hash last: any later change breaks it.
"""

import struct
from enum import Enum, unique

from mlrift.digests import sha256

PAGE_BYTES = 4096

_SUPER_BLOB = struct.Struct(">IIIII")
_CODE_DIRECTORY = struct.Struct(">IIIIIIIIIBBBBIIIIQQQQ")
_SUPER_BLOB_MAGIC, _CODE_DIRECTORY_MAGIC = 0xFADE0CC0, 0xFADE0C02
_VERSION = 0x20400
_FLAGS = 0x20002  # ad-hoc, signed by the linker
_HASH_BYTES, _SHA256, _PAGE_BITS = 32, 2, 12


@unique
class TextKind(Enum):
    """What a signature says of the code: the flags of its executable segment."""

    PROGRAM = 1
    LIBRARY = 0


def signature_bytes(limit: int, identifier: str) -> int:
    """Return the size of the signature of a file of `limit` bytes."""
    return _hashes_offset(identifier) + _page_count(limit) * _HASH_BYTES + _SUPER_BLOB.size


def sign(
    image: bytes | bytearray, identifier: str, text_bytes: int, kind: TextKind = TextKind.PROGRAM
) -> bytes:
    """Return the signature of `image`, whose __TEXT segment has `text_bytes` in the file."""
    limit = len(image)
    hashes_offset = _hashes_offset(identifier)
    count = _page_count(limit)
    directory_bytes = hashes_offset + count * _HASH_BYTES
    directory = _CODE_DIRECTORY.pack(
        *(_CODE_DIRECTORY_MAGIC, directory_bytes, _VERSION, _FLAGS),
        *(hashes_offset, _CODE_DIRECTORY.size, 0, count, limit),
        *(_HASH_BYTES, _SHA256, 0, _PAGE_BITS, 0),
        *(0, 0, 0, 0),  # no scatter, no team, spare, no 64-bit limit
        *(0, text_bytes, kind.value),
    )
    pages = memoryview(image)
    hashes = [
        sha256(pages[start : start + PAGE_BYTES]).digest() for start in range(0, limit, PAGE_BYTES)
    ]
    total_bytes = _SUPER_BLOB.size + directory_bytes
    head = _SUPER_BLOB.pack(_SUPER_BLOB_MAGIC, total_bytes, 1, 0, _SUPER_BLOB.size)
    return b"".join((head, directory, identifier.encode(), b"\0", *hashes))


def _hashes_offset(identifier: str) -> int:
    return _CODE_DIRECTORY.size + len(identifier.encode()) + 1


def _page_count(limit: int) -> int:
    return (limit + PAGE_BYTES - 1) // PAGE_BYTES
