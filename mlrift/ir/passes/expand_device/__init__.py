"""Kernels on hosts: device ops become core ops and calls of the core library (std/core/device.mlr).

A kernel that host code calls is a function with one work item. One that is launched gets a second
form, which the core library runs for every group, in parallel: loops over the items of a group
(`looped.py`), or, where items wait for each other or give each other numbers, a function that runs
an item from one such place to the next (`suspended.py`).

    device.launch @scale, [...]   =>   call.direct @core.device_launch(%context, ...)
    %i = device.local_id x             (a constant, the number of a loop, or a word of the item)

Enters: a module as lowering makes it. Leaves: one without device ops.
"""

from mlrift.ir.builder import Builder
from mlrift.ir.core import Function, Module
from mlrift.ir.op import Op
from mlrift.ir.ops.device import Launch
from mlrift.ir.passes.declaration import Pass
from mlrift.ir.passes.expand_device.fragments import expand_fragments
from mlrift.ir.passes.expand_device.homes import SingleItem
from mlrift.ir.passes.expand_device.launches import LaunchedKernels
from mlrift.ir.passes.expand_device.ops import expand_ops

_FAMILY = "device."


def expand_device(module: Module) -> None:
    """Replace the device ops of a host's module."""
    launched = LaunchedKernels(module)
    for function in list(module.functions.values()):
        if any(isinstance(made, Launch) for made in function.ops()):
            _expand_launches(module, function, launched)
    for function in list(module.functions.values()):
        if has_device_ops(function):
            expand_fragments(module, function)
            expand_ops(module, function, SingleItem(module))


PASS = Pass("expand_device", expand_device)


def has_device_ops(function: Function) -> bool:
    """Return whether a function has anything to expand."""
    return any(_is_device_op(made) for made in function.ops())


def _is_device_op(made: Op) -> bool:
    return made.MNEMONIC.startswith(_FAMILY)


def _expand_launches(module: Module, function: Function, launched: LaunchedKernels) -> None:
    builder = Builder(module, function)
    for block in function.blocks:
        ops, block.ops = block.ops, []
        builder.block = block
        for made in ops:
            if isinstance(made, Launch):
                builder.span = made.span
                launched.emit(builder, made)
            else:
                block.ops.append(made)
    launched.move_contexts(function)
