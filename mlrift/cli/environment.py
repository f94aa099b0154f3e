"""What the process's environment decides: the folders of libraries and of the cache."""

import os
import sys
from pathlib import Path

_LIBRARY_ROOTS = (
    "/usr/local/share/mlrift",
    "/usr/share/mlrift",
    "/opt/homebrew/share/mlrift",
    "/home/linuxbrew/.linuxbrew/share/mlrift",
)


def library_roots() -> tuple[Path, ...]:
    """Return the folders that exist and are searched for imports after the importing file's."""
    roots = [Path(name) for name in _LIBRARY_ROOTS]
    home = os.environ.get("HOME")
    if home:
        roots.append(Path(home) / ".local" / "share" / "mlrift")
    if os.name == "nt":
        here = Path(sys.argv[0]).resolve().parent
        roots = [here.parent, here]
    return tuple(root for root in roots if root.is_dir())


def cache_folder() -> Path | None:
    """Return the folder that holds the cache, or None for no cache."""
    if os.environ.get("MLRIFT_CACHE") == "off":
        return None
    base = os.environ.get("MLRIFT_CACHE") or os.environ.get("XDG_CACHE_HOME")
    if base:
        return Path(base) / "mlrift"
    home = os.environ.get("LOCALAPPDATA") if os.name == "nt" else os.environ.get("HOME")
    return Path(home) / ".cache" / "mlrift" if home else None
