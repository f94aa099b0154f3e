"""Bytes of a fat file in, a checked `FatFile` out; imports nothing that writing needs."""

from mlrift.container.errors import FatError
from mlrift.container.fatfile import MAGIC, FatFile

_VERSION_END = 12


def is_fat(data: bytes) -> bool:
    """Say whether `data` (its first eight bytes suffice) claims to be a fat file."""
    return data.startswith(MAGIC)


def read_fat(data: bytes) -> FatFile:
    """Read a fat file of either version; anything wrong with it is a `FatError`."""
    if not is_fat(data):
        raise FatError("not a fat file: it does not start with MLRBOFAT")
    if len(data) < _VERSION_END:
        raise FatError(f"the file ends inside its header, after {len(data)} bytes")
    version = int.from_bytes(data[len(MAGIC) : _VERSION_END], "little")
    match version:
        case 2:
            from mlrift.container import version2  # noqa: PLC0415

            return version2.read(data)
        case 3:
            from mlrift.container import version3  # noqa: PLC0415

            return version3.read(data)
    raise FatError(f"unknown fat file version {version}; this `mlr` reads 2 and 3")
