"""Library units: `.mlr` text that ships with the compiler (core library, OS layers) to IR.

They go the same road as a user's program. Their functions get dotted symbols, which no program can
write: `os_x` becomes `os.x`, `core_NAME_x` becomes `core.NAME_x`, `cpu_x` becomes `cpu.x`; what
the OS layer calls in a program is in `PROGRAM_ENTRIES`. All else is a C function that the unit
declares: `write` becomes `c.write`, whatever a program calls `write`.
"""

from enum import Enum, unique

from mlrift.backends.platforms import STACK_PROBE_SYMBOL, OsLayerKind, platform_for
from mlrift.diagnostics.sink import DiagnosticSink
from mlrift.driver.heap_owner import (
    HEAP_OWNER_UNIT,
    HEAP_ZONE_UNIT,
    HeapZone,
    heap_owner_file,
    heap_zone_file,
)
from mlrift.driver.resources import SHARED_UNIT, core_source, platform_source
from mlrift.frontend.ast import Program
from mlrift.frontend.check import CheckOptions, MainRequirement, check_program
from mlrift.frontend.lower import LowerOptions, LowerRole, lower_program
from mlrift.frontend.parser import parse_module
from mlrift.frontend.symbols import (
    PROGRAM_START,
    STARTUP_STATICS,
    THREAD_START,
    static_symbol,
)
from mlrift.frontend.tokens import NO_KNOWN_TYPES
from mlrift.ir.core import FOREIGN_PREFIX, Linkage, Module
from mlrift.ir.merge import merge_modules, undefined_functions
from mlrift.ir.runtime import runtime_functions
from mlrift.source import SourceFile
from mlrift.targets import Target
from mlrift.typesystem import I64

CORE_PREFIX = "core."
OS_PREFIX = "os."
EXIT_REGISTER = "core.exit_register"
PARALLEL_RUN = "core.parallel_run"
KERNEL_RUNS = ("core.matrix_run", "core.conv_run")
# What only programs with tensors, with models or with parallel regions have.
RUNTIME_SIGNS = (
    "core.tensor_release",
    "core.tensortext_make",
    "core.population_new",
    PARALLEL_RUN,
)
_DRAWS_UNIT = "draws"
_KERNEL_UNITS = ("conv", "matmul", "pack", "tile")
# What the OS layer's object calls in the program's; the second one is in the core library.
PROGRAM_ENTRIES = {"program_start": PROGRAM_START, "program_thread_run": THREAD_START}


# Units that are linked as objects made before, and what these call in a program.
_READY_UNITS = ("matrix", "slim", "conv")
_READY_PREFIXES = ("pack", "tile")
_CALLED_BY_READY = ((PARALLEL_RUN, 5, ()), ("core.parallel_parts", 3, (I64,)))


@unique
class KernelCode(Enum):
    """Whether a module gets the matrix kernels, or only declares them for the linker."""

    MERGED = "merged"
    DECLARED = "declared"


class LibraryUnitError(Exception):
    """A file that ships with the compiler does not compile: our mistake, never the user's."""


def library_symbol(name: str) -> str:
    """Return the IR symbol of a function of a library unit."""
    prefix, separator, rest = name.partition("_")
    if separator and prefix in ("os", "core", "cpu"):
        return f"{prefix}.{rest}"
    if separator and prefix == SHARED_UNIT:
        return CORE_PREFIX + name
    return PROGRAM_ENTRIES.get(name, FOREIGN_PREFIX + name)


def compile_unit(name: str, text: str) -> Module:
    """Parse, check and lower a library unit; every function of it is kept."""
    sink = DiagnosticSink()
    module = parse_module(SourceFile(name, text), NO_KNOWN_TYPES, sink)
    if not sink.has_errors:
        options = CheckOptions(entry=MainRequirement.OBJECT)
        typed = check_program(Program([module]), options, sink)
        if not sink.has_errors:
            lowering = LowerOptions(symbol_name=library_symbol, role=LowerRole.LIBRARY)
            return lower_program(typed, lowering, name)
    from mlrift.diagnostics.render import render_report  # noqa: PLC0415 - for our mistakes only

    raise LibraryUnitError(f"{name} does not compile:\n{render_report(sink)}")


def merge_os_layer(module: Module, target: Target) -> None:
    """Add the OS layer to the module of an object, for the user's linker has none.

    Then the object needs nothing but C functions; what starts a process goes as unreachable.
    """
    encoded = platform_for(target.system).encoded_functions(target.cpu)
    implied = runtime_functions(module)
    for name in sorted({*implied, STACK_PROBE_SYMBOL} & encoded.keys()):
        module.declare(name, [I64], ())
    if any(name.startswith(OS_PREFIX) for name in (*undefined_functions(module), *implied)):
        merge_modules(module, compile_os_layer(target, OsLayerKind.OBJECT))
        merge_core_library(module)
    if THREAD_START in module.functions:
        module.functions[THREAD_START].linkage = Linkage.INTERNAL
    module.encoded = {
        name: encoded[name] for name in undefined_functions(module) if name in encoded
    }


def os_layer_text(target: Target, kind: OsLayerKind) -> str:
    """Return the source of a target's OS layer."""
    platform = platform_for(target.system)
    return platform.constants(target) + "".join(map(platform_source, platform.sources_of(kind)))


def compile_os_layer(target: Target, kind: OsLayerKind) -> Module:
    """Lower the OS layer of a target; what it needs of the core library is not in it yet."""
    return compile_unit(f"os/{target.system.name}.mlr", os_layer_text(target, kind))


def merge_core_library(
    module: Module,
    zone: HeapZone = HeapZone.BYTES,
    kernels: KernelCode = KernelCode.MERGED,
) -> None:
    """Add the core library files that define what `module` needs, until nothing is missing."""
    loaded: set[str] = set()
    while True:
        wanted = {
            name.removeprefix(CORE_PREFIX).partition("_")[0]
            for name in undefined_functions(module)
            if name.startswith(CORE_PREFIX)
        }
        if wanted <= loaded:
            break
        for name in _without_owner(sorted(wanted - loaded)):
            loaded.add(name)
            if kernels is KernelCode.DECLARED and _is_ready(name):
                for called, words, results in _CALLED_BY_READY:
                    module.declare(called, [I64] * words, results)
                continue
            unit = _core_unit(name, module, zone)
            _share_start_words(unit, module)
            merge_modules(module, unit)
    if not loaded.isdisjoint(_READY_UNITS) and kernels is KernelCode.DECLARED:
        for called, _, _ in _CALLED_BY_READY:
            module.functions[called].linkage = Linkage.EXPORTED
    function = module.functions.get(THREAD_START)
    if function is not None and function.linkage is Linkage.INTERNAL:
        function.linkage = Linkage.EXPORTED


def _is_ready(unit: str) -> bool:
    return unit in _READY_UNITS or unit.startswith(_READY_PREFIXES)


def _share_start_words(unit: Module, module: Module) -> None:
    """Let a unit read what the program's start keeps for the program itself, the environment."""
    for symbol in map(static_symbol, STARTUP_STATICS):
        if symbol in unit.globals and symbol in module.globals:
            unit.globals[symbol].linkage = Linkage.EXTERNAL


def _without_owner(units: list[str]) -> list[str]:
    """Leave the owner of the heap for last: others decide whether there are threads."""
    return [name for name in units if name != HEAP_OWNER_UNIT] or units


def _core_unit(unit: str, module: Module, zone: HeapZone) -> Module:
    """Return a unit of the core library: kernels are built, all others are files."""
    is_kernel = unit.startswith(_KERNEL_UNITS) and unit not in _KERNEL_UNITS
    if is_kernel or unit == _DRAWS_UNIT:
        from mlrift.ir.kernels.units import build_unit  # noqa: PLC0415 - in few programs

        return build_unit(unit)
    file = _core_file(unit, module, zone)
    return compile_unit(f"core/{file}.mlr", core_source(file))


def _core_file(unit: str, module: Module, zone: HeapZone) -> str:
    """Return the name of the file that a module gets for a unit of the core library."""
    if unit == HEAP_OWNER_UNIT:
        return heap_owner_file(module)
    return heap_zone_file(zone) if unit == HEAP_ZONE_UNIT else unit
