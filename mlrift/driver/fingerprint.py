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


def _checkout_fingerprint() -> str:
    package = PREBUILT_FOLDER.parent
    rows: list[str] = []
    for folder in (package, package.parent / "std"):
        for root, folders, files in os.walk(folder):
            folders[:] = sorted(name for name in folders if name != "__pycache__")
            for name in sorted(files):
                if name.endswith((".py", ".mlr")):
                    row = os.stat(os.path.join(root, name))
                    rows.append(f"{root}/{name}:{row.st_size}:{row.st_mtime_ns}")
    return digest("\n".join(rows))
