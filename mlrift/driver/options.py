"""What the user asked for, as frozen values: the driver reads nothing else."""

from enum import Enum, unique
from pathlib import Path

from mlrift.targets import TARGETS, Target
from mlrift.values import value


@unique
class Product(Enum):
    """What a compilation makes."""

    FAT = "fat"
    EXECUTABLE = "executable"
    OBJECT = "object"
    LIBRARY = "shared library"
    ARCHIVE = "archive"
    ASSEMBLY = "assembly"
    IR = "ir"
    CHECK = "check"
    CODE_OBJECT = "code object"
    KERNEL_ASSEMBLY = "assembly of kernels"
    KERNEL_IR = "ir of kernels"
    KERNEL_MIR = "machine ir of kernels"
    KERNEL_REPORT = "report on kernels"


LIBRARY_PRODUCTS = (Product.LIBRARY, Product.ARCHIVE)
KERNEL_PRODUCTS = (
    Product.CODE_OBJECT,
    Product.KERNEL_ASSEMBLY,
    Product.KERNEL_IR,
    Product.KERNEL_MIR,
    Product.KERNEL_REPORT,
)
"""What is made of the `@kernel` functions alone."""
KERNEL_SUFFIXES = {Product.CODE_OBJECT: ".co", Product.KERNEL_ASSEMBLY: ".s"}
PRINTED_PRODUCTS = (
    Product.IR,
    Product.CHECK,
    Product.KERNEL_IR,
    Product.KERNEL_MIR,
    Product.KERNEL_REPORT,
)
"""What goes to standard output; all others are files."""


@unique
class KernelRoad(Enum):
    """What a program gets for its `@kernel` functions, by the name that `--target` has for it."""

    NONE = "none"
    NATIVE = "amdgpu-native"
    HIP = "hip-amd"


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
    """Which checks of `--debug` are compiled in; the values are those of the option."""

    NONE = "none"
    DEBUG = "checks"
    GUARD_PAGES = "guard-pages"


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
class Teardown(Enum):
    """Who gives an AMD card back: the program's end, or (`--no-auto-teardown`) the program."""

    AUTOMATIC = "automatic"
    BY_PROGRAM = "by program"


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


MOST_LEVELS = 99


@value
class CompileOptions:
    """One compilation. `targets` has one entry unless the product is FAT.

    `library_roots` are the folders where imports are looked for after the importing file's own.
    `header` is where the C header of a library goes, beside the library unless it is given.
    `chips` are the gfx names that kernels are compiled for, `card` the one of `--explain-kernels`.
    With `only_kernel` no other kernel of the file is compiled. `@simd` functions are compiled
    for levels of a processor up to `processor_level`.
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
    header: Path | None = None
    kernels: KernelRoad = KernelRoad.NONE
    chips: tuple[str, ...] = ()
    card: str = ""
    only_kernel: str = ""
    processor_level: int = MOST_LEVELS
    teardown: Teardown = Teardown.AUTOMATIC

    @property
    def library_file(self) -> str:
        """The file name of a library, which its bytes contain; empty for other products."""
        if self.product not in LIBRARY_PRODUCTS or self.output is None:
            return ""
        return self.output.name

    @property
    def library_stem(self) -> str:
        """The file name of a library without its suffix: `libstats` for `libstats.so.1`."""
        name = self.library_file
        system = self.targets[0].system
        for suffix in (system.library_suffix, system.archive_suffix):
            if name.rfind(suffix) > 0:
                return name[: name.rindex(suffix)]
        return Path(name).stem

    @property
    def device_stem(self) -> str:
        """The file name that the files of kernels begin with, before `.co` or `.gfx1100.co`."""
        assert self.output is not None
        name = self.output.name
        if self.product not in KERNEL_SUFFIXES:
            return name
        name = name.removesuffix(KERNEL_SUFFIXES[self.product])
        return name.removesuffix(f".{self.chips[0]}") if len(self.chips) > 1 else name

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
                self.library_file,
                self.kernels,
                self.chips,
                self.card,
                self.only_kernel,
                self.processor_level,
                self.teardown,
            )
        )
