"""Kernels of a module as a file of C++ for HIP.

A module as lowering makes it (kernels EXPORTED, callees INTERNAL) in, text out: real code, not a
template, for the vendor's compiler. It means what the kernels mean: words of 64 bits, no contracted
sums but those of the language, the same trees of reductions. `UnsupportedInHip` names what has no
C++.
"""

from collections.abc import Callable

from mlrift.backends.hip.names import UnsupportedInHip, function_name, global_name, type_name
from mlrift.backends.hip.prelude import ANY_MEMORY, GLOBAL_MEMORY, PRELUDE, helper_text
from mlrift.backends.hip.statements import Writer
from mlrift.backends.hip.structure import Body
from mlrift.ir.core import Function, Global, Linkage, Module
from mlrift.ir.ops.call import Call
from mlrift.ir.ops.device import AssumeGroupSize, LdsArray
from mlrift.ir.ops.memory import GlobalAddress, Stack

_BYTES_A_LINE = 16


def print_hip(module: Module, shown_path: Callable[[str], str] = str) -> str:
    """Return the file; `shown_path` gives the path of a source as comments show it."""
    functions = _in_order(module)
    helpers: set[str] = set()
    bodies = [_definition(module, row, helpers, shown_path) for row in functions]
    has_storage = any(isinstance(made, Stack) for row in functions for made in row.ops())
    parts = [
        f"// kernels of {module.name}, made by mlrc\n",
        PRELUDE,
        ANY_MEMORY if has_storage else GLOBAL_MEMORY,
        helper_text(helpers),
        *(_lds_array(*row) for row in sorted(_arrays(functions).items())),
        *(_data(row) for row in _globals(module, functions)),
        "".join(f"{_signature(row)};\n" for row in functions if _is_callee(row)),
        *bodies,
    ]
    return "\n".join(part for part in parts if part)


def _in_order(module: Module) -> list[Function]:
    """Return the kernels and what they call, in the order of the module."""
    reached: dict[str, Function] = {}
    waiting = [row for row in module.functions.values() if row.linkage is Linkage.EXPORTED]
    while waiting:
        function = waiting.pop()
        if function.name in reached:
            continue
        if not function.blocks:
            raise UnsupportedInHip(f"calls of `{function.name}`")
        reached[function.name] = function
        waiting += [module.functions[made.callee] for made in function.ops() if type(made) is Call]
    return [row for row in module.functions.values() if row.name in reached]


def _is_callee(function: Function) -> bool:
    return function.linkage is not Linkage.EXPORTED


def _definition(
    module: Module, function: Function, helpers: set[str], shown_path: Callable[[str], str]
) -> str:
    writer = Writer(module, function, helpers, shown_path)
    lines = Body(function, writer).build()
    by_type: dict[str, list[str]] = {}
    for name, held in writer.variables.items():
        by_type.setdefault(held, []).append(name)
    declared = [f"    {held} {', '.join(names)};" for held, names in by_type.items()]
    declared += [f"    {row}" for row in writer.storage]
    parameters = [f"{type_name(row.type)} {writer.name_of(row)}" for row in function.parameters]
    head = _signature(function, parameters)
    return "\n".join([f"{head} {{", *declared, *lines, "}"]) + "\n"


def _signature(function: Function, parameters: list[str] | None = None) -> str:
    if parameters is None:
        parameters = [type_name(row.type) for row in function.parameters]
    further = [
        f"{type_name(held)} *result{number}"
        for number, held in enumerate(function.results[1:], start=1)
    ]
    words = ", ".join([*parameters, *further])
    if not _is_callee(function):
        return f'extern "C" __global__ {_group_size(function)}void {function.name}({words})'
    result = type_name(function.results[0]) if function.results else "void"
    return f"MLR_DEVICE {result} {function_name(function)}({words})"


def _group_size(function: Function) -> str:
    for made in function.ops():
        if isinstance(made, AssumeGroupSize):
            items = made.x * made.y * made.z
            return f"__attribute__((amdgpu_flat_work_group_size({items}, {items}))) "
    return "__launch_bounds__(1024) "


def _arrays(functions: list[Function]) -> dict[int, LdsArray]:
    return {
        made.number: made for row in functions for made in row.ops() if isinstance(made, LdsArray)
    }


def _lds_array(number: int, made: LdsArray) -> str:
    align = f"__attribute__((aligned({made.align_bytes})))"
    return f"static __shared__ {align} u8 lds_{number}[{made.size_bytes}];\n"


def _globals(module: Module, functions: list[Function]) -> list[Global]:
    names = {
        made.symbol for row in functions for made in row.ops() if isinstance(made, GlobalAddress)
    }
    return [row for row in module.globals.values() if row.name in names]


def _data(row: Global) -> str:
    data = row.data + bytes(row.size_bytes - len(row.data))
    lines = [
        "    " + " ".join(f"{byte}," for byte in data[start : start + _BYTES_A_LINE])
        for start in range(0, len(data), _BYTES_A_LINE)
    ]
    name = global_name(row.name)
    head = f"static __device__ __attribute__((aligned({row.align}))) u8 {name}[{len(data)}] = {{"
    return "\n".join([head, *lines, "};"]) + "\n"
