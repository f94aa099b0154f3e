"""Symbol versions: which of several functions of one name a library gives an image.

A reference without a version gets the oldest, for which some functions still behave as they did
when the library was new. Enters: the imported functions and the versions to ask for. Leaves: the
version of each symbol and the versions needed, as the dynamic linker reads them.
"""

import struct
from collections.abc import Callable, Mapping, Sequence

from mlrift.link.elf_hash import sysv_hash
from mlrift.values import value

_NEED = struct.Struct("<HHIII")
_VERSION = struct.Struct("<IHHII")
_LOCAL, _GLOBAL, _FIRST = 0, 1, 2


@value
class LibraryVersions:
    """The versions to ask for, by function, of one library."""

    library: str
    versions: Mapping[str, str]


NO_VERSIONS = LibraryVersions("", {})


@value
class VersionTables:
    """`.gnu.version` and `.gnu.version_r`; both are empty when no function needs a version."""

    of_symbols: bytes
    needed: bytes


def version_tables(
    functions: Sequence[str],
    wanted: LibraryVersions,
    string_offset: Callable[[str], int],
    defined_count: int,
) -> VersionTables:
    """Return the tables for the imported functions, which follow the null symbol in this order.

    Symbols that the image defines follow, without a version.
    """
    names = sorted({wanted.versions[row] for row in functions if row in wanted.versions})
    if not names:
        return VersionTables(b"", b"")
    indexes = {name: index for index, name in enumerate(names, _FIRST)}
    of_symbols = [_LOCAL] + [
        indexes[wanted.versions[row]] if row in wanted.versions else _GLOBAL for row in functions
    ]
    of_symbols += [_GLOBAL] * defined_count
    rows = [_NEED.pack(1, len(names), string_offset(wanted.library), _NEED.size, 0)]
    for name, index in indexes.items():
        following = _VERSION.size if name != names[-1] else 0
        rows.append(_VERSION.pack(sysv_hash(name), 0, index, string_offset(name), following))
    return VersionTables(struct.pack(f"<{len(of_symbols)}H", *of_symbols), b"".join(rows))
