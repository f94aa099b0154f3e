"""Files that ship with the compiler: the OS layers, the core library, the bundled std folder."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent

# The unit of the core library whose functions are those of programs, too.
SHARED_UNIT = "math"
_SHARED_FILES = (
    "math_bits",
    "math_log_table",
    "math_exponential",
    "math_trigonometry",
    "math_single",
)


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
    """Return the text of a file of the core library (`std/core/NAME.mlr`).

    That of the unit SHARED_UNIT is put together with the files of std which it shares.
    """
    root = standard_library_root() / "std"
    text = (root / "core" / f"{name}.mlr").read_text(encoding="utf-8")
    if name != SHARED_UNIT:
        return text
    shared = [(root / f"{row}.mlr").read_text(encoding="utf-8") for row in _SHARED_FILES]
    lines = "\n".join([*shared, text]).splitlines()
    return "\n".join([line for line in lines if not line.startswith("import ")]) + "\n"
