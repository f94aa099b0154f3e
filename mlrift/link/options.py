"""What the caller of the linker chooses: entry, roots, imports, stack, debug information."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, unique
from typing import NamedTuple

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


class ImportedSymbol(NamedTuple):
    """A function of a system library, e.g. ("kernel32.dll", "WriteFile")."""

    library: str
    name: str


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """Everything beside the objects and the target that decides the bytes of an image.

    `imports` maps the names used in code (`NAME` or `__imp_NAME`) to library functions; those
    that no live code refers to leave no trace. `keep` names symbols to retain beside the entry.
    """

    entry: str = "os_start"
    keep: tuple[str, ...] = ()
    imports: Mapping[str, ImportedSymbol] = field(default_factory=dict)
    stack_bytes: int = DEFAULT_STACK_BYTES
    identifier: str = "mlrift"
    debug: DebugInfo = DebugInfo.STRIP
    data_protection: DataProtection = DataProtection.READ_WRITE
