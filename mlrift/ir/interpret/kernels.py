"""Kernels on the interpreter: a module, the sizes of a grid and numpy buffers in, results in these.

Every op is executed for many work items at once, in lock-step: of the items that are not waiting,
those execute whose place in the kernel is earliest, so items that a branch parted meet again where
its ways join, as they do on a device. Accesses outside buffers and barriers that not every item of
a group reaches end in a KernelFault. The order is always the same.
"""

from collections.abc import Sequence

import numpy as np

from mlrift.ir.analysis.calls import reached_functions
from mlrift.ir.clone import clone_function
from mlrift.ir.core import Function, Module
from mlrift.ir.interpret.kernel_memory import Array, KernelFault, KernelMemory
from mlrift.ir.interpret.kernel_steps import Chunk, Launch, Segments, run_chunk
from mlrift.ir.ops.device import AssumeGroupSize, GridBarrier
from mlrift.ir.passes.device_inline import inline_calls
from mlrift.ir.passes.device_shape import shape_loops
from mlrift.static_types import Any
from mlrift.typesystem import F32, F64

__all__ = ["KernelFault", "KernelMemory", "run_kernel"]

Sizes = tuple[int, int, int]
Argument = int | float | bytearray | Array

_ITEMS_AT_ONCE = 1 << 14
_GROUP_LIMIT = 1024
_LANES = 32


def run_kernel(
    module: Module,
    name: str,
    grid: Sequence[int],
    group: Sequence[int],
    arguments: Sequence[Any],
    *,
    memory: KernelMemory | None = None,
) -> None:
    """Run a kernel: `grid` workgroups of `group` items, one to three numbers each.

    Arrays and bytearrays among the arguments become buffers. `memory` is for kernels that find
    addresses in buffers: whoever places these needs to know them.
    """
    kernel = _prepared(module, name)
    launch = Launch(_three(grid), _three(group), memory if memory is not None else KernelMemory())
    _check_group(kernel, launch)
    words = _words(kernel, arguments, launch.memory)
    segments = Segments(kernel)
    groups = launch.grid[0] * launch.grid[1] * launch.grid[2]
    at_once = max(1, _ITEMS_AT_ONCE // launch.padded)
    if any(isinstance(made, GridBarrier) for made in kernel.ops()):
        at_once = groups
    with np.errstate(all="ignore"):
        for first in range(0, groups, at_once):
            count = min(at_once, groups - first)
            run_chunk(Chunk(segments, launch, words, first, count))


def _prepared(module: Module, name: str) -> Function:
    """Return a copy of a kernel without calls, with simple loops."""
    found = module.functions.get(name)
    if found is None or not found.blocks:
        raise ValueError(f"the module has no kernel `{name}`")
    copy = Module(module.name, globals=module.globals)
    for function in reached_functions(module, found):
        copy.functions[function.name] = clone_function(function)
    kernel = copy.functions[name]
    inline_calls(copy, [kernel])
    shape_loops(kernel)
    return kernel


def _three(sizes: Sequence[int]) -> Sizes:
    x, y, z = (*sizes, 1, 1)[:3]
    if min(x, y, z) < 1 or len(sizes) > len("xyz"):
        raise ValueError(f"a grid has one to three sizes above 0, not {tuple(sizes)}")
    return x, y, z


def _check_group(kernel: Function, launch: Launch) -> None:
    x, y, z = launch.group
    if x * y * z > _GROUP_LIMIT:
        raise ValueError(f"a group of {x * y * z} work items, at most {_GROUP_LIMIT}")
    for made in kernel.ops():
        if isinstance(made, AssumeGroupSize) and (made.x, made.y, made.z) != launch.group:
            wanted = f"{made.x} x {made.y} x {made.z}"
            reason = f"`{kernel.name}` is made for groups of {wanted}, not {x} x {y} x {z}"
            raise KernelFault(reason, made.span)


def _words(kernel: Function, arguments: Sequence[Any], memory: KernelMemory) -> list[Any]:
    if len(arguments) != len(kernel.parameters):
        counts = f"{len(kernel.parameters)} arguments, not {len(arguments)}"
        raise ValueError(f"`{kernel.name}` takes {counts}")
    words: list[Any] = []
    for parameter, value in zip(kernel.parameters, arguments, strict=True):
        if isinstance(value, (np.ndarray, bytearray)):
            words.append(np.uint64(memory.place(value, parameter.name)))
        elif parameter.type is F32:
            words.append(np.float32(value))
        elif parameter.type is F64:
            words.append(np.float64(value))
        else:
            words.append(np.uint64(int(value) & 0xFFFFFFFFFFFFFFFF))
    return words
