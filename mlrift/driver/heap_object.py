"""The heap as an object of its own, so that no program's compilation has to compile it.

A program's module keeps the heap for the interpreter and for listings. What is linked gets the
module without it, and the object of the same heap, which is built once for each CPU and owner.
"""

from mlrift.driver.heap_owner import HEAP_OWNER_UNIT
from mlrift.driver.library_units import compile_unit
from mlrift.driver.resources import core_source
from mlrift.ir.core import Function, Linkage, Module
from mlrift.ir.merge import merge_modules
from mlrift.ir.passes.remove_unreachable_functions import remove_unreachable_functions
from mlrift.targets import Cpu
from mlrift.values import replace

HEAP_UNIT = "heap"
ENTRIES = ("core.heap_alloc", "core.heap_dealloc")


def has_heap(module: Module) -> bool:
    """Whether a module allocates."""
    return any(name in module.functions for name in ENTRIES)


def without_heap(module: Module) -> Module:
    """Return a module that only declares the heap's entries; the given one stays."""
    functions = {
        name: _declared(row) if name in ENTRIES else row for name, row in module.functions.items()
    }
    made = replace(module, functions=functions)
    remove_unreachable_functions(made)
    return made


def _declared(function: Function) -> Function:
    return Function(function.name, function.parameters, function.results, Linkage.EXTERNAL)


def compile_heap(cpu: Cpu, owner_file: str) -> bytes:
    """Return the object of the heap with an owner, a file of the core library."""
    from mlrift.backends.llvm.objects import CodegenOptions, compile_object  # noqa: PLC0415
    from mlrift.backends.llvm.options import OptimisationLevel as CodegenLevel  # noqa: PLC0415
    from mlrift.ir.passes.pipeline import OptimisationLevel, optimise  # noqa: PLC0415

    module = compile_unit(f"core/{HEAP_UNIT}.mlr", core_source(HEAP_UNIT))
    merge_modules(module, compile_unit(f"core/{HEAP_OWNER_UNIT}.mlr", core_source(owner_file)))
    for name in ENTRIES:
        module.functions[name].linkage = Linkage.EXPORTED
    optimise(module, OptimisationLevel.FULL)
    return compile_object(module, cpu, CodegenOptions(level=CodegenLevel.SIZE))
