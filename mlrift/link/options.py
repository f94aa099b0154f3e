"""What the caller of the linker chooses: entry, roots, imports, stack, debug information."""

from collections.abc import Mapping
from enum import Enum, unique

from mlrift.values import field, value

DEFAULT_STACK_BYTES = 8 << 20


@unique
class DebugInfo(Enum):
    """Whether symbol tables and DWARF reach the image (ELF; function symbols only in Mach-O)."""

    STRIP = "strip"
    KEEP = "keep"


@unique
class DataProtection(Enum):
    """How initialised and zeroed data are mapped; the second serves `--exec-data`."""

    READ_WRITE = "read and write"
    READ_WRITE_EXECUTE = "read, write and execute"


@value
class ImportedSymbol:
    """A function of a system library, e.g. ("kernel32.dll", "WriteFile")."""

    library: str
    name: str


@unique
class ExportKind(Enum):
    """What an exported symbol names."""

    FUNCTION = "function"
    VARIABLE = "variable"


@value
class Export:
    """A symbol that other programs may use by its name."""

    name: str
    kind: ExportKind


@value
class SharedLibrary:
    """What makes an image a library: its file name, its exports, what it tells bindings.

    The loader calls `start` when it has loaded the library, `end` before it unloads it; "" is
    nothing. On Windows `start` is the entry point, which is called for both.
    """

    file_name: str
    exports: tuple[Export, ...]
    interface: bytes = b""
    start: str = ""
    end: str = ""


@value
class LinkOptions:
    """Everything beside the objects and the target that decides the bytes of an image.

    `imports` maps the names used in code (`NAME` or `__imp_NAME`) to library functions; those
    that no live code refers to leave no trace. `keep` names symbols to retain beside the entry.
    With a `library` the image is a shared library, which has no entry.
    """

    entry: str = "os_start"
    keep: tuple[str, ...] = ()
    imports: Mapping[str, ImportedSymbol] = field(default_factory=dict)
    stack_bytes: int = DEFAULT_STACK_BYTES
    identifier: str = "mlrift"
    debug: DebugInfo = DebugInfo.STRIP
    data_protection: DataProtection = DataProtection.READ_WRITE
    library: SharedLibrary | None = None
