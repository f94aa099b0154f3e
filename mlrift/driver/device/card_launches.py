"""Launches run on an AMD card: what `--target=amdgpu-native` does to the host's module.

Only in programs that import `std/device_memory.mlr`, which is std/device_memory_kfd.mlr there.

    device.launch @scale, [1, 1, 1, 64, 1, 1, %p, %n]  =>
        %context = memory.stack 64, 16    (the six sizes and the arguments)
        call.direct @device_card_launch(%name, %context, 2, %code)

Enters: the module as lowering makes it. Leaves: one without launches, if it has the module of std.
`embed` then gives it the code objects, one for each chip, as a bundle of LLVM's format.
"""

import struct

from mlrift.backends.amdgcn.codeobject.bundle import MAGIC
from mlrift.driver.options import CompileOptions
from mlrift.driver.results import CODE_OBJECT, Companion
from mlrift.ir.builder import Builder
from mlrift.ir.core import Function, Global, Module
from mlrift.ir.op import Op
from mlrift.ir.ops.device import Launch
from mlrift.ir.ops.memory import GlobalAddress, Stack, Store
from mlrift.ir.passes.expand_device.homes import address_at
from mlrift.ir.passes.expand_device.ops import bits_of
from mlrift.typesystem import I64

_LAUNCH = "device_card_launch"
_CODE = "device.code"
_SIZES = 6
_WORD_BYTES = 8
_ALIGN_BYTES = 16
_TARGET = "hipv4-amdgcn-amd-amdhsa--"
_ENTRY = struct.Struct("<QQQ")
_COUNT = struct.Struct("<Q")


def launch_on_card(module: Module) -> None:
    """Make calls of std of a program's launches."""
    if _LAUNCH not in module.functions:
        return
    module.globals[_CODE] = Global(_CODE, _WORD_BYTES, _ALIGN_BYTES, is_constant=True)
    for function in module.functions.values():
        if any(isinstance(made, Launch) for made in function.ops()):
            _change(module, function)


def embed(module: Module, options: CompileOptions, files: tuple[Companion, ...]) -> None:
    """Put the code objects of a program into it, where it launches them itself."""
    if _CODE not in module.globals:
        return
    codes = [row.data for row in files if row.kind == CODE_OBJECT]
    chips = options.chips if codes else ()  # no kernels, so no launches either
    data = _bundle(list(zip(chips, codes, strict=True)))
    module.globals[_CODE] = Global(_CODE, len(data), _ALIGN_BYTES, data, is_constant=True)


def _change(module: Module, function: Function) -> None:
    builder = Builder(module, function)
    contexts: list[Op] = []
    for block in function.blocks:
        ops, block.ops = block.ops, []
        builder.block = block
        for made in ops:
            if isinstance(made, Launch):
                builder.span = made.span
                contexts.append(_emit(builder, made))
            else:
                block.ops.append(made)
    function.entry.ops[:0] = contexts


def _emit(builder: Builder, made: Launch) -> Stack:
    """Emit the call for a launch; return its context, which belongs to the frame."""
    context = Stack(_WORD_BYTES * len(made.arguments), _ALIGN_BYTES)
    context.span = made.span
    for position, argument in enumerate(made.arguments):
        place = address_at(builder, context, position * _WORD_BYTES)
        builder.emit(Store(place, bits_of(builder, argument), I64))
    symbol = f"device.name.{made.kernel}"
    text = made.kernel.encode() + b"\0"
    builder.module.globals[symbol] = Global(symbol, len(text), _WORD_BYTES, text)
    arguments = [
        builder.emit(GlobalAddress(symbol)),
        context,
        builder.word(len(made.arguments) - _SIZES),
        builder.emit(GlobalAddress(_CODE)),
    ]
    called = builder.module.functions[_LAUNCH]
    builder.call_external(_LAUNCH, arguments, called.results)
    return context


def _bundle(codes: list[tuple[str, bytes]]) -> bytes:
    """Return the code objects with the names of their chips."""
    names = [f"{_TARGET}{chip}".encode() for chip, _ in codes]
    place = len(MAGIC) + _COUNT.size + sum(_ENTRY.size + len(row) for row in names)
    head = MAGIC + _COUNT.pack(len(codes))
    body = b""
    for name, (_, code) in zip(names, codes, strict=True):
        padding = -(place + len(body)) % _ALIGN_BYTES
        body += bytes(padding)
        head += _ENTRY.pack(place + len(body), len(code), len(name)) + name
        body += code
    return head + body
