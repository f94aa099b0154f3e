"""What device code cannot have: a checked program in, findings at the guilty lines out.

Devices have no system, no heap, no stack for recursion, and 64 KiB of LDS for a workgroup. A
function is looked at when it is device code; kernels, besides, with all that they call.
"""

from collections.abc import Iterator

from mlrift.diagnostics import catalog
from mlrift.frontend import typed
from mlrift.frontend.builtins.atomics import ATOMICS
from mlrift.frontend.builtins.bits import BITS
from mlrift.frontend.builtins.device import ARRAY_ELEMENT_BYTES, DEVICE, MARKER, SHARED_ARRAY_BYTES
from mlrift.frontend.builtins.floats import FLOATS
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.tensors.misuse import children
from mlrift.frontend.scopes import Signature
from mlrift.source import Span
from mlrift.static_types import Any
from mlrift.typesystem import VOID, ScalarType, SliceType

LDS_LIMIT_BYTES = 65536
GROUP_LIMIT = 1024
_NO_SYSTEM = "a device has no operating system, no files and no heap"
_NO_ADDRESS = "a device calls functions by inlining them"
_WIDTHS = (8, 16, 32, 64)
_ALLOWED = frozenset(
    {
        *(row.name for family in (ATOMICS, BITS, FLOATS) for row in family),
        *(f"{word}{bits}" for word in ("load", "store", "vload", "vstore") for bits in _WIDTHS),
        *("memcpy", "memset"),
        *DEVICE,
        MARKER.name,
    }
) - {"dcache_flush", "icache_invalidate"}
_REFUSED: dict[type, tuple[str, str]] = {
    typed.Print: ("`print`", "a device has no output: store what you want to see"),
    typed.FormatString: ("an f-string", _NO_SYSTEM),
    typed.StringConstant: ("a string", "the memory of a device is what the host gives a kernel"),
    typed.CallPointer: ("a call of an address", _NO_ADDRESS),
    typed.FunctionAddress: ("the address of a function", _NO_ADDRESS),
    typed.DeviceRead: ("a register of a device", "it belongs to the host"),
    typed.DevicePlace: ("a register of a device", "it belongs to the host"),
    typed.Asm: ("assembly", "it is that of the host"),
}
_STATICS = (typed.StaticRead, typed.StaticAddress, typed.StaticPlace)
_LDS_ARRAY_CALLS = frozenset({"lds_load_f32", "lds_store_f32"})


def check_device_code(context: Context, signatures: list[Signature]) -> None:
    """Report what the device code of a program cannot have."""
    found = [row for row in signatures if row.symbol.is_device_code and row.symbol.body is not None]
    for signature in found:
        _check_body(context, signature.symbol)
    for signature in found:
        if signature.symbol.is_kernel:
            _check_kernel(context, signature)


def _nodes(function: typed.FunctionSymbol) -> Iterator[Any]:
    """Yield every typed node of a function in the order of the source."""
    pending: list[Any] = [*reversed(function.end_defers), function.body]
    walked: set[int] = set()
    while pending:
        node = pending.pop()
        if type(node) is typed.Block:
            if id(node) in walked:
                continue
            walked.add(id(node))
        yield node
        pending.extend(reversed(list(children(node))))


def _check_body(context: Context, function: typed.FunctionSymbol) -> None:
    for node in _nodes(function):
        refused = _REFUSED.get(type(node))
        if refused is not None:
            _refuse(context, node.span, *refused)
        elif isinstance(node, _STATICS):
            what = f"the static variable '{node.variable.name}'"
            _refuse(context, node.span, what, "pass its value, or an address, as an argument")
        elif isinstance(node, typed.BuiltinCall):
            if node.builtin.name not in _ALLOWED:
                _refuse(context, node.span, f"`{node.builtin.name}`", _NO_SYSTEM)
        elif isinstance(node, typed.Call) and node.function.is_extern:
            what = f"a call of the C function '{node.function.name}'"
            _refuse(context, node.span, what, _NO_SYSTEM)


def _refuse(context: Context, span: Span, what: str, reason: str) -> None:
    context.emit(catalog.NOT_IN_DEVICE_CODE.at(span, what=what).note(reason))


def _check_kernel(context: Context, kernel: Signature) -> None:
    symbol = kernel.symbol
    if symbol.result is not VOID:
        diagnostic = catalog.KERNEL_WITH_RESULT.at(symbol.span, name=symbol.name)
        context.emit(diagnostic.note("nobody receives it: a kernel stores what it computes"))
    for parameter in symbol.parameters:
        if not isinstance(parameter.type, ScalarType | SliceType):
            diagnostic = catalog.KERNEL_PARAMETER.at(
                parameter.span, name=parameter.name, found=f"`{parameter.type.name}`"
            )
            context.emit(diagnostic.note("a kernel takes numbers, addresses and slices"))
    reached: dict[typed.FunctionSymbol, None] = {}
    _follow_calls(context, symbol, reached, [])
    nodes = [node for function in reached for node in _nodes(function)]
    calls = [node for node in nodes if isinstance(node, typed.BuiltinCall)]
    _check_lds(context, symbol, calls)
    _check_group_size(context, symbol, calls)


def _follow_calls(
    context: Context,
    function: typed.FunctionSymbol,
    reached: dict[typed.FunctionSymbol, None],
    active: list[typed.FunctionSymbol],
) -> None:
    """Note every function below a kernel; report the calls that close a circle."""
    if function.body is None:
        return
    reached[function] = None
    active.append(function)
    for node in _nodes(function):
        if not isinstance(node, typed.Call):
            continue
        if node.function in active:
            start = active.index(node.function)
            way = " -> ".join(f"`{row.name}`" for row in [*active[start:], node.function])
            diagnostic = catalog.KERNEL_RECURSION.at(node.span, name=node.function.name, way=way)
            context.emit(diagnostic.note("a device has no stack of calls: write a loop"))
        elif node.function not in reached:
            _follow_calls(context, node.function, reached, active)
    active.pop()


def _check_lds(
    context: Context, kernel: typed.FunctionSymbol, calls: list[typed.BuiltinCall]
) -> None:
    total, has_shared = 0, False
    for call in calls:
        name = call.builtin.name
        if name in ARRAY_ELEMENT_BYTES:
            count = call.arguments[0]
            assert isinstance(count, typed.IntegerConstant)  # its checker saw to it
            total += count.value * ARRAY_ELEMENT_BYTES[name]
        elif name in _LDS_ARRAY_CALLS and not has_shared:
            has_shared = True
            total += SHARED_ARRAY_BYTES
        else:
            continue
        if total > LDS_LIMIT_BYTES:
            diagnostic = catalog.TOO_MUCH_LDS.at(
                call.span, name=kernel.name, found=total, limit=LDS_LIMIT_BYTES
            )
            context.emit(diagnostic.note("this array is the first that does not fit"))
            return


def _check_group_size(
    context: Context, kernel: typed.FunctionSymbol, calls: list[typed.BuiltinCall]
) -> None:
    first: tuple[int, ...] = ()
    for call in calls:
        if call.builtin.name != "assume_group_size":
            continue
        sizes = tuple(row.value for row in call.arguments if isinstance(row, typed.IntegerConstant))
        items = sizes[0] * sizes[1] * sizes[2]
        if items > GROUP_LIMIT:
            diagnostic = catalog.GROUP_TOO_LARGE.at(call.span, found=items, limit=GROUP_LIMIT)
            context.emit(diagnostic)
        if first and sizes != first:
            diagnostic = catalog.GROUP_SIZES_DIFFER.at(
                call.span, name=kernel.name, first=_shape(first), second=_shape(sizes)
            )
            context.emit(diagnostic)
        first = first or sizes


def _shape(sizes: tuple[int, ...]) -> str:
    return " x ".join(map(str, sizes))
