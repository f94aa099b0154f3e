"""The exports trie of a Mach-O file: a checked image in, addresses by name out."""

from tests.support.macho_image import MachImage
from tests.support.results import require

_EXPORTS_TRIE = 0x80000033


def read_exports(image: MachImage) -> dict[str, int]:
    """Return the distance of each exported symbol from the start of the image."""
    offset, size_bytes = image.only(_EXPORTS_TRIE, "LC_DYLD_EXPORTS_TRIE").words("II")
    found: dict[str, int] = {}
    if size_bytes:
        _walk(image.data[offset : offset + size_bytes], 0, b"", found)
    return found


def _walk(trie: bytes, position: int, prefix: bytes, found: dict[str, int]) -> None:
    terminal_bytes, position = _number(trie, position)
    if terminal_bytes:
        flags, after = _number(trie, position)
        require(flags == 0, f"export {prefix!r} is not a regular one")
        found[prefix.decode()], _ = _number(trie, after)
    position += terminal_bytes
    children = trie[position]
    position += 1
    for _ in range(children):
        end = trie.index(b"\0", position)
        child, following = _number(trie, end + 1)
        _walk(trie, child, prefix + trie[position:end], found)
        position = following


def _number(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value, position
