"""The code signature that the macOS kernel checks: every field and every page hash."""

import hashlib
import struct

from mlrift.targets import ARM64
from tests.support.macho_image import MachImage, MachKind
from tests.support.results import require

_CODE_SIGNATURE = 0x1D
_SUPER_BLOB, _CODE_DIRECTORY = 0xFADE0CC0, 0xFADE0C02
_ADHOC = 0x2
_SHA256, _SHA256_BYTES = 2, 32
_PAGE_LOG2 = 12
_OLDEST_VERSION = 0x20400
_MAIN_BINARY = 1


def check_signature(image: MachImage) -> None:
    """Raise `ImageRefused` unless the signature covers the file exactly; x86_64 may have none."""
    commands = image.all(_CODE_SIGNATURE)
    if not commands:
        require(image.cpu is not ARM64, "unsigned: the arm64 kernel kills it")
        return
    require(len(commands) == 1, "several code signatures")
    offset, size_bytes = commands[0].words("II")
    require(offset + size_bytes == len(image.data), "code signature is not the end of the file")
    blob = image.data[offset:]
    require(len(blob) >= 20, "code signature is too short")
    magic, length, count = struct.unpack_from(">III", blob)
    require(magic == _SUPER_BLOB, "code signature is no SuperBlob")
    require(length <= len(blob), "SuperBlob is longer than LC_CODE_SIGNATURE says")
    require(1 <= count <= 16 and 12 + 8 * count <= length, "SuperBlob index is malformed")
    slots = dict(struct.iter_unpack(">II", blob[12 : 12 + 8 * count]))
    require(0 in slots, "SuperBlob has no CodeDirectory")
    start = slots[0]
    require(start + 96 <= length, "CodeDirectory is cut off")
    _check_directory(image, blob[start:length], offset)


def _check_directory(image: MachImage, directory: bytes, signature_offset: int) -> None:
    row = struct.unpack_from(">IIIIIIIIIBBBBIIIIQQQQ", directory)
    magic, length, version, flags, hashes, identifier, special, count, limit = row[:9]
    hash_bytes, hash_type, platform, page_log2, spare = row[9:14]
    require(magic == _CODE_DIRECTORY, "slot 0 is no CodeDirectory")
    require(length <= len(directory), "CodeDirectory is cut off")
    require(version >= _OLDEST_VERSION, "CodeDirectory version is below 0x20400")
    require(bool(flags & _ADHOC), "CodeDirectory is not ad-hoc, and we have no certificate")
    require((hash_type, hash_bytes) == (_SHA256, _SHA256_BYTES), "hash type is not SHA-256")
    require(page_log2 == _PAGE_LOG2, "signature page size is not 4096")
    require(platform == 0 and spare == 0, "CodeDirectory platform or spare field is not 0")
    require(limit == signature_offset, "codeLimit is not the signature's offset")
    pages = -(-limit // (1 << _PAGE_LOG2))
    require(count == pages, f"{count} page hashes for {pages} pages")
    require(0 < identifier < length, "CodeDirectory identifier is outside it")
    end = directory.find(b"\0", identifier, length)
    require(end > identifier, "CodeDirectory identifier is empty or has no end")
    first = hashes - special * hash_bytes
    require(first >= 88 and hashes + count * hash_bytes <= length, "page hashes outside it")
    scatter, team, _, limit64, base, exec_limit, exec_flags = row[14:]
    text = image.segment("__TEXT")
    require(scatter == 0 and team == 0 and limit64 == 0, "CodeDirectory has scatter or team data")
    require(base == 0, "execSegBase is not 0")
    require(exec_limit == text.file_bytes, "execSegLimit is not the size of __TEXT in the file")
    is_main = exec_flags & _MAIN_BINARY == _MAIN_BINARY
    require(is_main == (image.kind is MachKind.PROGRAM), "execSegFlags: MAIN_BINARY is wrong")
    for page in range(count):
        data = image.data[page << _PAGE_LOG2 : min((page + 1) << _PAGE_LOG2, limit)]
        stored = directory[hashes + page * hash_bytes : hashes + (page + 1) * hash_bytes]
        require(hashlib.sha256(data).digest() == stored, f"hash of page {page} is wrong")
