"""Launches, and the forms of kernels that they need.

device.launch @scale, [1, 1, 1, 64, 1, 1, %p, %n]  =>
    %context = memory.stack 64, 16    (the six sizes and the arguments)
    call.direct @core.device_launch(%context, %form, %shape)
"""

from mlrift.ir.analysis.calls import reached_functions
from mlrift.ir.builder import Builder
from mlrift.ir.clone import clone_function
from mlrift.ir.core import Function, Global, Linkage, Module
from mlrift.ir.op import Op
from mlrift.ir.ops.call import Call, FunctionAddress
from mlrift.ir.ops.device import AssumeGroupSize, GridBarrier, Launch
from mlrift.ir.ops.memory import GlobalAddress, Stack, Store
from mlrift.ir.passes.device_inline import inline_calls
from mlrift.ir.passes.device_shape import shape_loops
from mlrift.ir.passes.expand_device import layout
from mlrift.ir.passes.expand_device.fragments import expand_fragments
from mlrift.ir.passes.expand_device.homes import LdsPlaces, address_at
from mlrift.ir.passes.expand_device.looped import make_looped
from mlrift.ir.passes.expand_device.ops import bits_of
from mlrift.ir.passes.expand_device.suspended import SUSPENDING, make_suspended
from mlrift.ir.passes.promote_slots import promote_slots
from mlrift.ir.passes.remove_dead_code import remove_dead_code
from mlrift.typesystem import I64

LAUNCH_SYMBOL = "core.device_launch"
_ALIGN_BYTES = 16


class LaunchedKernels:
    """The kernels that are launched, each with its form made once."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._forms: dict[str, tuple[str, str]] = {}
        self._contexts: list[Op] = []

    def emit(self, builder: Builder, made: Launch) -> None:
        """Emit what stands for a launch."""
        form, shape = self._form(made.kernel)
        size = layout.WORD_BYTES * len(made.arguments)
        context = Stack(size, _ALIGN_BYTES)
        context.span = made.span
        self._contexts.append(context)
        for position, argument in enumerate(made.arguments):
            place = address_at(builder, context, position * layout.WORD_BYTES)
            builder.emit(Store(place, bits_of(builder, argument), I64))
        arguments = [
            context,
            builder.emit(FunctionAddress(form)),
            builder.emit(GlobalAddress(shape)),
        ]
        builder.call_external(LAUNCH_SYMBOL, arguments, ())

    def move_contexts(self, function: Function) -> None:
        """Put the storage of launches where frames have theirs."""
        function.entry.ops[:0] = self._contexts
        self._contexts = []

    def _form(self, kernel: str) -> tuple[str, str]:
        """Return the symbols of a kernel's form and of the words that describe it."""
        known = self._forms.get(kernel)
        if known is None:
            known = self._forms[kernel] = self._make(kernel)
        return known

    def _make(self, name: str) -> tuple[str, str]:
        kernel = self._copy_without_calls(name)
        assumed = _assumed_size(kernel)
        has_grid = any(isinstance(made, GridBarrier) for made in kernel.ops())
        shape_loops(kernel)
        remove_dead_code(kernel)
        places = LdsPlaces()
        item_bytes = 0
        if any(isinstance(made, SUSPENDING) for made in kernel.ops()):
            item_bytes = make_suspended(self._module, kernel, places)
        else:
            make_looped(self._module, kernel, places)
        words = (item_bytes, places.size_bytes, int(has_grid), *assumed)
        data = b"".join(word.to_bytes(layout.WORD_BYTES, "little") for word in words)
        shape = f"{kernel.name}.shape"
        self._module.globals[shape] = Global(shape, len(data), layout.WORD_BYTES, data)
        return kernel.name, shape

    def _copy_without_calls(self, name: str) -> Function:
        """Return a copy of a kernel into which everything with device ops is inlined."""
        module = self._module
        scratch = Module(module.name)
        kept: set[str] = set()
        for function in reached_functions(module, module.functions[name]):
            if function.name != name and not _has_device_ops_below(module, function):
                kept.add(function.name)
                continue
            copy = scratch.functions[function.name] = clone_function(function)
            expand_fragments(module, copy)
            kept.update(_core_calls(module, copy))
            promote_slots(copy)
        kernel = scratch.functions[name]
        inline_calls(scratch, [kernel], kept)
        kernel.name = f"{name}.items"
        kernel.linkage = Linkage.INTERNAL
        kernel.is_simd = True
        module.functions[kernel.name] = kernel
        return kernel


def _core_calls(module: Module, function: Function) -> set[str]:
    """Return the functions without a body that are called: of the core library, for checks."""
    called = {made.callee for made in function.ops() if isinstance(made, Call)}
    return {name for name in called if not module.functions[name].blocks}


def _has_device_ops_below(module: Module, function: Function) -> bool:
    """Return whether a function, or one that it calls, has device ops."""
    return any(
        made.MNEMONIC.startswith("device.")
        for row in reached_functions(module, function)
        for made in row.ops()
    )


def _assumed_size(kernel: Function) -> tuple[int, int, int]:
    for made in kernel.ops():
        if isinstance(made, AssumeGroupSize):
            return made.x, made.y, made.z
    return 0, 0, 0
