"""The front door of the fat file: parts in, bytes out, and bytes in, a `FatFile` out.

`mlr` imports `reading` instead, which loads less.
"""

from collections.abc import Sequence

from mlrift.container import version2, version3
from mlrift.container.errors import FatError
from mlrift.container.fatfile import ExtraEntry, ExtraKind, FatFile, SliceEntry
from mlrift.container.parts import Extra, Slice, build_note, check_parts
from mlrift.container.reading import is_fat, read_fat

__all__ = [
    "Extra",
    "ExtraEntry",
    "ExtraKind",
    "FatError",
    "FatFile",
    "Slice",
    "SliceEntry",
    "build_note",
    "is_fat",
    "read_fat",
    "write_fat",
    "write_fat_version2",
]


def write_fat(slices: Sequence[Slice], extras: Sequence[Extra] = ()) -> bytes:
    """Return a version 3 file; equal parts give equal bytes in whatever order they come."""
    check_parts(slices, extras)
    return version3.write(slices, extras)


def write_fat_version2(slices: Sequence[Slice]) -> bytes:
    """Return a file in the original's layout, for runners of MLRift 1.1."""
    check_parts(slices, ())
    return version2.write(slices)
