"""The runtimes of tensors, models and regions as objects of their own, as heap and kernels are.

A program's module keeps them for the interpreter and for listings. What is linked gets the module
without them but for what is inlined, and objects that are built once for each CPU. An object calls
functions that the program's module then has to export. No table in its read-only data may refer to
code, for then every program would need all of it (those that print tensors do).
"""

from mlrift.driver.heap_object import ENTRIES as HEAP_ENTRIES
from mlrift.driver.library_units import compile_unit
from mlrift.driver.resources import core_source
from mlrift.frontend.symbols import static_symbol
from mlrift.ir.core import Function, Linkage, Module
from mlrift.ir.merge import merge_modules
from mlrift.ir.passes.remove_unreachable_functions import remove_unreachable_functions
from mlrift.targets import Cpu
from mlrift.values import replace, value

_CORE_PREFIX = "core."


@value
class Runtime:
    """Units of the core library that become one object.

    `kernels` are units that are built, not files. `called` are the functions of programs that the
    units call, besides the heap and the operating system, and `read` the variables of programs
    that they read. A module that has `sign` needs it.
    """

    part: str
    units: tuple[str, ...]
    kernels: tuple[str, ...]
    called: tuple[str, ...]
    sign: str
    read: tuple[str, ...] = ()

    def has(self, name: str) -> bool:
        """Whether a function is of the runtime."""
        unit = name.removeprefix(_CORE_PREFIX).partition("_")[0]
        return name.startswith(_CORE_PREFIX) and (unit in self.units or unit in self.kernels)


TENSORS = Runtime(
    "tensors",
    (
        "tensor",
        "tensorattention",
        "tensorcolumns",
        "tensorcopy",
        "tensormap",
        "tensorproduct",
        "tensorrows",
        "tensorsort",
    ),
    (),
    (
        "core.parallel_run",
        "core.parallel_parts",
        "core.format_u64",
        "core.format_i64",
        "core.pages_advise",
    ),
    "core.tensor_release",
)
MODELS = Runtime(
    "models",
    ("population", "events", "csr", "csrdelivery", "csrdraws", "csrqueue", "csrsort", "dynamics"),
    ("draws",),
    (
        "core.parallel_run",
        "core.parallel_parts",
        "core.check_failed",
        "core.text_length",
        "core.pages_advise",
    ),
    "core.population_new",
)
PARALLEL = Runtime(
    "parallel",
    ("parallel",),
    (),
    ("core.thread_start",),
    "core.parallel_run",
    (static_symbol("cli_envp"),),
)
TENSOR_TEXTS = Runtime(
    "tensortexts",
    ("tensortext",),
    (),
    ("core.format_u64", "core.format_i64", "core.format_f64", "core.format_bool"),
    "core.tensortext_make",
)
# The last one is what the others need.
RUNTIMES = {row.part: row for row in (TENSORS, TENSOR_TEXTS, MODELS, PARALLEL)}


def without_runtime(module: Module, runtime: Runtime) -> Module:
    """Return a module that only declares a runtime and exports what it calls."""
    functions: dict[str, Function] = {}
    for name, row in module.functions.items():
        if runtime.has(name) and not row.is_inline:
            functions[name] = Function(name, row.parameters, row.results, Linkage.EXTERNAL)
        elif name in runtime.called and row.linkage is Linkage.INTERNAL:
            functions[name] = replace(row, linkage=Linkage.EXPORTED)
        else:
            functions[name] = row
    variables = {
        name: replace(row, linkage=Linkage.EXPORTED) if name in runtime.read else row
        for name, row in module.globals.items()
    }
    made = replace(module, functions=functions, globals=variables)
    remove_unreachable_functions(made)
    return made


def runtime_module(runtime: Runtime) -> Module:
    """Return a runtime; what it calls in programs is declared."""
    first, *others = runtime.units
    module = compile_unit(f"core/{first}.mlr", core_source(first))
    for unit in others:
        merge_modules(module, compile_unit(f"core/{unit}.mlr", core_source(unit)))
    if runtime.kernels:
        from mlrift.ir.kernels.units import build_unit  # noqa: PLC0415 - imports numpy

        for unit in runtime.kernels:
            merge_modules(module, build_unit(unit))
    for function in module.functions.values():
        if function.linkage is not Linkage.EXTERNAL and not function.is_inline:
            function.linkage = Linkage.EXPORTED
    for name in runtime.read:
        module.globals[name] = replace(module.globals[name], data=b"", linkage=Linkage.EXTERNAL)
    return module


def compile_runtime(cpu: Cpu, part: str) -> bytes:
    """Return the object of a runtime."""
    from mlrift.backends.llvm.objects import CodegenOptions, compile_object  # noqa: PLC0415
    from mlrift.ir.passes.pipeline import OptimisationLevel, optimise  # noqa: PLC0415

    module = runtime_module(RUNTIMES[part])
    optimise(module, OptimisationLevel.FULL)
    return compile_object(module, cpu, CodegenOptions())


def is_called_in_programs(name: str, runtime: Runtime) -> bool:
    """Whether the object may need a function: of the program, the heap or the system."""
    is_outside = name in HEAP_ENTRIES or not name.startswith(_CORE_PREFIX)
    return name in runtime.called or is_outside
