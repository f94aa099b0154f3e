"""A PNG file in, its rows of pixels out: written from the PNG standard, to judge std/png.mlr.

Every byte of the file is accounted for; what the standard forbids raises `ValueError`.
"""

import struct
import zlib
from dataclasses import dataclass

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 6: 4}


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of 8-bit channels; a row has `width * channels` bytes."""

    width: int
    height: int
    channels: int
    rows: tuple[bytes, ...]

    def pixel(self, x: int, y: int) -> tuple[int, ...]:
        """Return the channels of one pixel."""
        return tuple(self.rows[y][x * self.channels : (x + 1) * self.channels])


def read_picture(file: bytes) -> Picture:
    """Return the picture of a PNG file with one IDAT chunk and no interlacing."""
    chunks = _chunks(file)
    if [name for name, _ in chunks] != [b"IHDR", b"IDAT", b"IEND"]:
        raise ValueError(f"chunks {[name for name, _ in chunks]}")
    width, height, depth, kind, *methods = struct.unpack(">IIBBBBB", chunks[0][1])
    if depth != 8 or kind not in _CHANNELS or any(methods) or chunks[2][1]:
        raise ValueError(f"depth {depth}, colour type {kind}, methods {methods}")
    channels = _CHANNELS[kind]
    plain = zlib.decompress(chunks[1][1])
    size = width * channels
    if len(plain) != height * (size + 1):
        raise ValueError(f"{len(plain)} bytes for {width} x {height} x {channels}")
    rows: list[bytes] = []
    above = bytes(size)
    for start in range(0, len(plain), size + 1):
        above = _unfiltered(plain[start], plain[start + 1 : start + 1 + size], above, channels)
        rows.append(above)
    return Picture(width, height, channels, tuple(rows))


def _chunks(file: bytes) -> list[tuple[bytes, bytes]]:
    if not file.startswith(SIGNATURE):
        raise ValueError("no signature")
    chunks: list[tuple[bytes, bytes]] = []
    place = len(SIGNATURE)
    while place < len(file):
        size, name = struct.unpack_from(">I4s", file, place)
        content = file[place + 8 : place + 8 + size]
        (checksum,) = struct.unpack_from(">I", file, place + 8 + size)
        if checksum != zlib.crc32(name + content):
            raise ValueError(f"checksum of {name!r}")
        chunks.append((name, content))
        place += size + 12
    return chunks


def _unfiltered(kind: int, row: bytes, above: bytes, channels: int) -> bytes:
    out = bytearray()
    for index, byte in enumerate(row):
        left = out[index - channels] if index >= channels else 0
        corner = above[index - channels] if index >= channels else 0
        up = above[index]
        expected = (0, left, up, (left + up) // 2, _nearest(left, up, corner))[kind]
        out.append((byte + expected) & 0xFF)
    return bytes(out)


def _nearest(left: int, up: int, corner: int) -> int:
    estimate = left + up - corner
    return min((left, up, corner), key=lambda value: abs(estimate - value))
