"""Launches run on an AMD card: what `--target=amdgpu-native` does to the host's module.

Only in programs that import `std/device_memory.mlr`, which is std/device_memory_kfd.mlr there.

    device.launch @scale, [1, 1, 1, 64, 1, 1, %p, %n]  =>
        %context = memory.stack 64, 16    (the six sizes and the arguments)
        call.direct @device_card_launch(%name, %context, 2, %code)

Enters: the module as lowering makes it. Leaves: one without launches, if it has the module of
std; in a fat file with other systems, whose cards have no driver that we know, they stay for these:

    %card = call.direct @device_is_card()
    control.branch %card, card(), processor()      (the call in one, the launch in the other)

`embed` then gives it the code objects, one for each chip: as a bundle of LLVM's format in a program
of its own, as a list of their hashes in a fat file, where they are entries (container/device_code).
"""

from collections.abc import Callable

from mlrift.container.device_code import bundle, code_list
from mlrift.driver.options import CompileOptions, FatFormat, Product
from mlrift.driver.results import CODE_OBJECT, Companion
from mlrift.ir.builder import Builder
from mlrift.ir.core import Function, Global, Module
from mlrift.ir.op import Op
from mlrift.ir.ops.device import Launch
from mlrift.ir.ops.memory import GlobalAddress, Stack, Store
from mlrift.ir.passes.expand_device.homes import address_at
from mlrift.ir.passes.expand_device.ops import bits_of
from mlrift.targets import LINUX_X86_64
from mlrift.typesystem import I64

_LAUNCH = "device_card_launch"
_IS_CARD = "device_is_card"
_CODE = "device.code"
_SIZES = 6
_WORD_BYTES = 8
_ALIGN_BYTES = 16


def launch_on_card(module: Module, options: CompileOptions) -> None:
    """Make calls of std of a program's launches."""
    if _LAUNCH not in module.functions:
        return
    module.globals[_CODE] = Global(_CODE, _WORD_BYTES, _ALIGN_BYTES, is_constant=True)
    emit = _emit_card if options.targets == (LINUX_X86_64,) else _emit_choice
    for function in module.functions.values():
        if any(isinstance(made, Launch) for made in function.ops()):
            _change(module, function, emit)


def launches_itself(module: Module) -> bool:
    """Whether a program has launches that run on a card."""
    return _CODE in module.globals


def codes_of(options: CompileOptions, files: tuple[Companion, ...]) -> list[tuple[str, bytes]]:
    """Return the code objects with their chips."""
    codes = [row.data for row in files if row.kind == CODE_OBJECT]
    return list(zip(options.chips, codes, strict=True)) if codes else []


def embed(module: Module, options: CompileOptions, files: tuple[Companion, ...]) -> None:
    """Give a program with launches its code objects, or what it knows of them."""
    if not launches_itself(module):
        return
    codes = codes_of(options, files)  # without kernels there are no launches either
    data = code_list(codes) if has_entries(options) else bundle(codes)
    module.globals[_CODE] = Global(_CODE, len(data), _ALIGN_BYTES, data, is_constant=True)


def has_entries(options: CompileOptions) -> bool:
    """Whether code objects are entries of the output: of fat files, not of those like 1.1's."""
    return options.product is Product.FAT and options.fat_format is not FatFormat.VERSION_2


def _change(module: Module, function: Function, emit: Callable[[Builder, Launch], Stack]) -> None:
    builder = Builder(module, function)
    contexts: list[Op] = []
    for block in list(function.blocks):
        ops, block.ops = block.ops, []
        builder.block = block
        for made in ops:
            if isinstance(made, Launch):
                builder.span = made.span
                contexts.append(emit(builder, made))
            else:
                builder.block.ops.append(made)
    function.entry.ops[:0] = contexts


def _emit_choice(builder: Builder, made: Launch) -> Stack:
    """Emit both the launch and the call of std, of which the system gets one."""
    card, processor, after = (builder.new_block(name) for name in ("card", "processor", "after"))
    builder.branch(builder.truth(builder.call_external(_IS_CARD, [])), card, processor)
    builder.block = card
    context = _emit_card(builder, made)
    builder.jump(after)
    builder.block = processor
    builder.emit(made)
    builder.jump(after)
    builder.block = after
    return context


def _emit_card(builder: Builder, made: Launch) -> Stack:
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
