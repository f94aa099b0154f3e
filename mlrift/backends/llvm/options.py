"""What the caller of the LLVM back end chooses; nothing here depends on a file or a host."""

from dataclasses import dataclass
from enum import Enum, unique

from mlrift.backends.errors import BackendError
from mlrift.targets import ObjectFormat, System


@unique
class OptimisationLevel(Enum):
    """NONE compiles quickly and keeps every variable; FULL is fast code, SIZE small code."""

    NONE = "none"
    FULL = "full"
    SIZE = "size"


@unique
class ObjectFlavour(Enum):
    """PORTABLE: an ELF object that our linker puts into a program for any of the four systems.

    NATIVE: a relocatable object in the system's own format, for the user's linker.
    """

    PORTABLE = "portable"
    NATIVE = "native"


@unique
class DebugInfo(Enum):
    """Whether DWARF line tables and variables are written."""

    NONE = "none"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class CodegenOptions:
    """How to generate code.

    `system` picks the object format of the NATIVE flavour, which needs it, and the convention by
    which C functions (EXTERNAL ones whose names have no dot) are called in both flavours.
    """

    level: OptimisationLevel = OptimisationLevel.FULL
    flavour: ObjectFlavour = ObjectFlavour.PORTABLE
    system: System | None = None
    debug: DebugInfo = DebugInfo.NONE

    @property
    def object_format(self) -> ObjectFormat:
        """The format of the objects."""
        return ObjectFormat.ELF if self.native_system is None else self.native_system.object_format

    @property
    def native_system(self) -> System | None:
        """The system whose own toolchain takes the object; None for PORTABLE ones."""
        if self.flavour is ObjectFlavour.PORTABLE:
            return None
        if self.system is None:
            raise BackendError("a native object needs an operating system")
        return self.system
