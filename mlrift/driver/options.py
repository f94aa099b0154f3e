"""What the user asked for, as frozen values: the driver reads nothing else."""

from dataclasses import dataclass
from enum import Enum, unique
from pathlib import Path

from mlrift.targets import TARGETS, Target


@unique
class Product(Enum):
    """What a compilation makes."""

    FAT = "fat"
    EXECUTABLE = "executable"
    OBJECT = "object"
    ASSEMBLY = "assembly"
    IR = "ir"
    CHECK = "check"


@unique
class Optimisation(Enum):
    """NONE for debugging and quick builds, FULL for everything else."""

    NONE = "O0"
    FULL = "O2"


@unique
class DebugInfo(Enum):
    """Whether DWARF is written."""

    NONE = "none"
    FULL = "full"


@unique
class RuntimeChecks(Enum):
    """Whether `--debug` checks are compiled in."""

    NONE = "none"
    DEBUG = "debug"


@unique
class TypeShapes(Enum):
    """Whether the type-shape rules are errors or warnings (`--no-check-types`)."""

    ERRORS = "errors"
    WARNINGS = "warnings"


@unique
class Startup(Enum):
    """Whether the system's start code runs before main (`--freestanding`: it does not)."""

    HOSTED = "hosted"
    FREESTANDING = "freestanding"


@unique
class ErrorFormat(Enum):
    """How diagnostics are printed."""

    TEXT = "text"
    COLOURED = "coloured"
    JSON = "json"


@unique
class FatFormat(Enum):
    """The version of the fat container that is written."""

    VERSION_2 = 2
    VERSION_3 = 3


@dataclass(frozen=True, slots=True)
class CompileOptions:
    """One compilation. `targets` has one entry unless the product is FAT.

    `library_roots` are the folders where imports are looked for after the importing file's own.
    """

    source: Path
    output: Path | None
    product: Product = Product.FAT
    targets: tuple[Target, ...] = TARGETS
    optimisation: Optimisation = Optimisation.FULL
    debug_info: DebugInfo = DebugInfo.NONE
    checks: RuntimeChecks = RuntimeChecks.NONE
    startup: Startup = Startup.HOSTED
    type_shapes: TypeShapes = TypeShapes.ERRORS
    error_format: ErrorFormat = ErrorFormat.TEXT
    fat_format: FatFormat = FatFormat.VERSION_3
    library_roots: tuple[Path, ...] = ()
    dump_after: tuple[str, ...] = ()
    cache_folder: Path | None = None

    def cache_text(self) -> str:
        """Return everything but paths that decides the output, for cache keys."""
        return repr(
            (
                self.product,
                [target.name for target in self.targets],
                self.optimisation,
                self.debug_info,
                self.checks,
                self.startup,
                self.type_shapes,
                self.error_format,
                self.fat_format,
                [str(root) for root in self.library_roots],
                self.dump_after,
            )
        )
