"""Kernels as objects of their own, so that no program's compilation has to compile them.

A program's module keeps them for the interpreter and for listings. What is linked gets the module
without them, and an object for each unit, which is built once for each CPU. The loops around the
kernels are an object, too, which calls the program's parallel regions.
"""

from mlrift.driver.library_units import compile_unit
from mlrift.driver.resources import core_source
from mlrift.ir.core import Function, Linkage, Module
from mlrift.ir.kernels.units import build_unit
from mlrift.ir.merge import merge_modules
from mlrift.ir.passes.remove_unreachable_functions import remove_unreachable_functions
from mlrift.targets import Cpu
from mlrift.values import replace

_CORE_PREFIX = "core."
# Units that need nothing of others.
_KERNELS = (
    *("tilef32", "tilef64", "tilei32"),
    *("packf32", "packf64", "packbf16", "packf16", "packi8"),
)
_LOOPS = "products"
_UNITS_OF_LOOPS = ("matrix", "slim", "conv")
_ENTRIES_OF_LOOPS = ("core.matrix_run", "core.conv_run")
_CALLED_BY_LOOPS = ("core.parallel_run", "core.parallel_parts")
_READY = (*_KERNELS, *_UNITS_OF_LOOPS)
PARTS = (*_KERNELS, _LOOPS)


def kernel_parts(module: Module) -> tuple[str, ...]:
    """Return the objects that stand for what a module has, or declares, of this."""
    found = {_unit_of(name) for name in module.functions}
    loops = (_LOOPS,) if found.intersection(_UNITS_OF_LOOPS) else ()
    return (*(row for row in _KERNELS if row in found), *loops)


def without_kernels(module: Module) -> Module:
    """Return a module that only declares its kernels; the given one stays."""
    functions: dict[str, Function] = {}
    for name, row in module.functions.items():
        if _unit_of(name) in _READY:
            functions[name] = Function(name, row.parameters, row.results, Linkage.EXTERNAL)
        elif name in _CALLED_BY_LOOPS and row.linkage is Linkage.INTERNAL:
            functions[name] = replace(row, linkage=Linkage.EXPORTED)
        else:
            functions[name] = row
    made = replace(module, functions=functions)
    remove_unreachable_functions(made)
    return made


def compile_kernels(cpu: Cpu, part: str) -> bytes:
    """Return an object."""
    from mlrift.backends.llvm.objects import CodegenOptions, compile_object  # noqa: PLC0415
    from mlrift.ir.passes.pipeline import OptimisationLevel, optimise  # noqa: PLC0415

    module = _loops() if part == _LOOPS else _kernels(part)
    optimise(module, OptimisationLevel.FULL)
    return compile_object(module, cpu, CodegenOptions())


def _kernels(unit: str) -> Module:
    module = build_unit(unit)
    for function in module.functions.values():
        function.linkage = Linkage.EXPORTED
    return module


def _loops() -> Module:
    module = Module(_LOOPS)
    for unit in _UNITS_OF_LOOPS:
        merge_modules(module, compile_unit(f"core/{unit}.mlr", core_source(unit)))
    for name in _ENTRIES_OF_LOOPS:
        module.functions[name].linkage = Linkage.EXPORTED
    return module


def _unit_of(name: str) -> str:
    return name.removeprefix(_CORE_PREFIX).partition("_")[0] if "." in name else ""
