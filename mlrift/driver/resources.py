"""Files that ship with the compiler: the OS layers, the core library, the bundled std folder."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def standard_library_root() -> Path:
    """Return the folder that holds the bundled `std/` (of the checkout, or of the wheel)."""
    for root in (_PACKAGE.parent, _PACKAGE / "library"):
        if (root / "std").is_dir():
            return root
    raise FileNotFoundError(2, "the compiler's std folder is missing", str(_PACKAGE.parent / "std"))


def platform_source(name: str) -> str:
    """Return the text of a file of an OS layer."""
    return (_PACKAGE / "backends" / "platforms" / name).read_text(encoding="utf-8")


def core_source(name: str) -> str:
    """Return the text of a file of the core library (`std/core/NAME.mlr`)."""
    return (standard_library_root() / "std" / "core" / f"{name}.mlr").read_text(encoding="utf-8")
