"""What makes one compiler differ from another: a key part for everything that is cached.

An installed package never changes, so its build wrote the fingerprint down (`prebuilt/installed`).
In a checkout it is made of the name, size and modification time of every file of the compiler.
"""

import os
from pathlib import Path

from mlrift.driver.cache import digest

PREBUILT_FOLDER = Path(__file__).resolve().parent.parent / "prebuilt"
INSTALLED_MARK = "installed"


def compiler_fingerprint() -> str:
    """Return a text that changes whenever a file of the compiler changes."""
    try:
        return (PREBUILT_FOLDER / INSTALLED_MARK).read_text(encoding="ascii")
    except FileNotFoundError:
        return _checkout_fingerprint()


def back_end_fingerprint() -> str:
    """Return a text that changes whenever what makes objects of LLVM's text changes."""
    try:
        return (PREBUILT_FOLDER / INSTALLED_MARK).read_text(encoding="ascii")
    except FileNotFoundError:
        pass
    package = PREBUILT_FOLDER.parent
    rows = [f"{(package / 'targets.py').stat().st_mtime_ns}"]
    _describe(str(package / "backends"), rows)
    return digest("\n".join(sorted(rows)))


def _checkout_fingerprint() -> str:
    package = PREBUILT_FOLDER.parent
    rows: list[str] = []
    for folder in (package, package.parent / "std"):
        if folder.is_dir():
            _describe(str(folder), rows)
    return digest("\n".join(sorted(rows)))


def _describe(folder: str, rows: list[str]) -> None:
    """Add a row for each file of the compiler in a folder and below; `os.walk` takes 1 ms more."""
    below = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith((".py", ".mlr")):
                row = entry.stat()
                rows.append(f"{entry.path}:{row.st_size}:{row.st_mtime_ns}")
            elif entry.name != "__pycache__" and entry.is_dir(follow_symlinks=False):
                below.append(entry.path)
    for path in below:
        _describe(path, rows)
