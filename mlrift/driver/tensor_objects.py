"""The runtime of tensors as an object of its own, as the heap and the matrix kernels are.

A program's module keeps it for the interpreter and for listings. What is linked gets the module
without it but for what is inlined, and an object that is built once for each CPU. The object calls
functions that the program's module then has to export. No table in its read-only data may refer to
code, for then every program would need all of it.
"""

from mlrift.driver.heap_object import ENTRIES as HEAP_ENTRIES
from mlrift.driver.library_units import compile_unit
from mlrift.driver.resources import core_source
from mlrift.ir.core import Function, Linkage, Module
from mlrift.ir.merge import merge_modules
from mlrift.ir.passes.remove_unreachable_functions import remove_unreachable_functions
from mlrift.targets import Cpu
from mlrift.values import replace

UNITS = (
    "tensor",
    "tensorcolumns",
    "tensorcopy",
    "tensormap",
    "tensorproduct",
    "tensorrows",
    "tensorsort",
)
# What the units call in a program, besides the heap and the operating system.
CALLED = (
    "core.parallel_run",
    "core.parallel_parts",
    "core.format_u64",
    "core.format_i64",
    "core.pages_advise",
    "core.pages_advise",
)
_CORE_PREFIX = "core."


def without_runtime(module: Module) -> Module:
    """Return a module that only declares the runtime and exports what it calls."""
    functions: dict[str, Function] = {}
    for name, row in module.functions.items():
        if _is_runtime(name) and not row.is_inline:
            functions[name] = Function(name, row.parameters, row.results, Linkage.EXTERNAL)
        elif name in CALLED and row.linkage is Linkage.INTERNAL:
            functions[name] = replace(row, linkage=Linkage.EXPORTED)
        else:
            functions[name] = row
    made = replace(module, functions=functions)
    remove_unreachable_functions(made)
    return made


def runtime_module() -> Module:
    """Return the runtime; what it calls in programs is declared."""
    first, *others = UNITS
    module = compile_unit(f"core/{first}.mlr", core_source(first))
    for unit in others:
        merge_modules(module, compile_unit(f"core/{unit}.mlr", core_source(unit)))
    for function in module.functions.values():
        if function.linkage is not Linkage.EXTERNAL and not function.is_inline:
            function.linkage = Linkage.EXPORTED
    return module


def compile_runtime(cpu: Cpu) -> bytes:
    """Return the object of the runtime."""
    from mlrift.backends.llvm.objects import CodegenOptions, compile_object  # noqa: PLC0415
    from mlrift.ir.passes.pipeline import OptimisationLevel, optimise  # noqa: PLC0415

    module = runtime_module()
    optimise(module, OptimisationLevel.FULL)
    return compile_object(module, cpu, CodegenOptions())


def is_called_in_programs(name: str) -> bool:
    """Whether the object may need a function: of the program, the heap or the system."""
    return name in CALLED or name in HEAP_ENTRIES or not name.startswith(_CORE_PREFIX)


def _is_runtime(name: str) -> bool:
    return name.startswith(_CORE_PREFIX) and (
        name.removeprefix(_CORE_PREFIX).partition("_")[0] in UNITS
    )
