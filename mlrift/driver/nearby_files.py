"""Which file an import that cannot be opened may have meant: its path and the folders in, one out.

Imported for mistakes only. Folders that cannot be listed have no files.
"""

import os
from collections.abc import Iterator, Sequence

from mlrift.diagnostics.suggest import MAX_DISTANCE, edit_distance

SUFFIX = ".mlr"
LIBRARY = "std"


def nearest_import(path: str, folders: Sequence[str]) -> str:
    """Return the path to import instead, or an empty string.

    A path without its suffix, in other capitals or with other slashes, the name of a library module
    without its folder, and a name that differs in two letters are recognised.
    """
    wanted = path.replace("\\", "/").lower()
    if not wanted.endswith(SUFFIX):
        wanted += SUFFIX
    best, best_distance = "", MAX_DISTANCE + 1
    for candidate in sorted(set(_candidates(path, folders))):
        name = candidate.lower()
        is_same = name == wanted or name.removeprefix(f"{LIBRARY}/") == wanted
        distance = 0 if is_same else edit_distance(name, wanted)
        if distance < best_distance:
            best, best_distance = candidate, distance
    return best


def _candidates(path: str, folders: Sequence[str]) -> Iterator[str]:
    inside = {"", LIBRARY, os.path.dirname(path)}
    for folder in folders:
        for part in inside:
            for name in _names(os.path.join(folder, part)):
                yield f"{part}/{name}" if part else name


def _names(folder: str) -> list[str]:
    try:
        return [name for name in os.listdir(folder or ".") if name.endswith(SUFFIX)]
    except (OSError, ValueError):
        return []
