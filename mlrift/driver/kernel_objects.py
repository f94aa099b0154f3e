"""Kernels as objects of their own, so that no program's compilation has to compile them.

A program's module keeps them for the interpreter and for listings. What is linked gets the module
without them, and an object for each unit, which is built once for each CPU.
"""

from mlrift.ir.core import Function, Linkage, Module
from mlrift.ir.kernels.units import build_unit
from mlrift.targets import Cpu
from mlrift.values import replace

_CORE_PREFIX = "core."
# Units that need nothing of others.
UNITS = (
    *("tilef32", "tilef64", "tilei32"),
    *("packf32", "packf64", "packbf16", "packf16", "packi8"),
)


def kernel_units(module: Module) -> tuple[str, ...]:
    """Return the units of kernels that are defined in a module."""
    found = {
        _unit_of(name)
        for name, row in module.functions.items()
        if row.linkage is not Linkage.EXTERNAL
    }
    return tuple(row for row in UNITS if row in found)


def without_kernels(module: Module) -> Module:
    """Return a module that only declares its kernels; the given one stays."""
    functions = {
        name: _declared(row) if _unit_of(name) in UNITS else row
        for name, row in module.functions.items()
    }
    return replace(module, functions=functions)


def compile_kernels(cpu: Cpu, unit: str) -> bytes:
    """Return the object of a unit."""
    from mlrift.backends.llvm.objects import CodegenOptions, compile_object  # noqa: PLC0415
    from mlrift.ir.passes.pipeline import OptimisationLevel, optimise  # noqa: PLC0415

    module = build_unit(unit)
    for function in module.functions.values():
        function.linkage = Linkage.EXPORTED
    optimise(module, OptimisationLevel.FULL)
    return compile_object(module, cpu, CodegenOptions())


def _declared(function: Function) -> Function:
    return Function(function.name, function.parameters, function.results, Linkage.EXTERNAL)


def _unit_of(name: str) -> str:
    return name.removeprefix(_CORE_PREFIX).partition("_")[0] if "." in name else ""
