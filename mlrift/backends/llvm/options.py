"""What the caller of the LLVM back end chooses; nothing here depends on a file or a host."""

from enum import Enum, unique

from mlrift.backends.errors import BackendError
from mlrift.targets import ObjectFormat, System
from mlrift.values import value


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
class FunctionAddresses(Enum):
    """By which convention a function is called whose address is known: the PROGRAM's, or C's.

    Addresses that go to C functions have to be of the second kind, and then all are.
    """

    PROGRAM = "program"
    C = "c"


@unique
class DebugInfo(Enum):
    """What DWARF is written: nothing, how to walk the stack, or lines and variables too."""

    NONE = "none"
    FRAMES = "frames"
    FULL = "full"


EVERY_LEVEL = 99


@unique
class JumpTables(Enum):
    """Whether switches may become tables of addresses.

    Those of all functions of an object lie together, so one table keeps every function: NONE is for
    objects of which programs need a part.
    """

    ALLOWED = "allowed"
    NONE = "none"


@value
class CodegenOptions:
    """How to generate code.

    `system` picks the object format of the NATIVE flavour, which needs it, and the convention by
    which C functions (EXTERNAL ones whose names have no dot) are called in both flavours.
    Functions are compiled for no level of a processor above `processor_level`.
    `path_prefixes` says what debug information shows in place of folders of this machine.
    """

    level: OptimisationLevel = OptimisationLevel.FULL
    flavour: ObjectFlavour = ObjectFlavour.PORTABLE
    system: System | None = None
    debug: DebugInfo = DebugInfo.NONE
    addresses: FunctionAddresses = FunctionAddresses.PROGRAM
    path_prefixes: tuple[tuple[str, str], ...] = ()
    processor_level: int = EVERY_LEVEL
    jump_tables: JumpTables = JumpTables.ALLOWED

    def shown_path(self, path: str) -> str:
        """Return the path of a source file for debug information."""
        for prefix, shown in self.path_prefixes:
            if path.startswith(prefix):
                return shown + path.removeprefix(prefix)
        return path

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
