"""The heap of `--debug`: calls of `core.heapcheck_*` and `core.heapshadow_*` with their places.

Enters: a module that was lowered with checks, in which `alloc`, `dealloc` and the program's ends
are such calls already. Leaves: the same, with a check before every access to memory that may be a
block (pages that guard blocks need none); without any of it where the program allocates nothing.
"""

from collections.abc import Callable, Iterator

from mlrift.frontend.builtins.process import emit_exit
from mlrift.frontend.lower.context import FunctionContext, ModuleContext
from mlrift.frontend.lower.options import RuntimeChecks
from mlrift.ir.builder import Builder
from mlrift.ir.core import Function, Linkage, Value
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import Add, Constant
from mlrift.ir.ops.atomic import AtomicCompareExchange, AtomicLoad, AtomicStore, AtomicUpdate
from mlrift.ir.ops.call import Call
from mlrift.ir.ops.memory import (
    Copy,
    Fill,
    Fresh,
    GlobalAddress,
    Load,
    Stack,
    Store,
    VolatileLoad,
    VolatileStore,
)
from mlrift.source import Span
from mlrift.typesystem import F32, F64, I8, I16, I32, I64

ACCESS_SYMBOL = "core.heapshadow_access"
_ALLOC_SYMBOL = "core.heapcheck_alloc"
_DEALLOC_SYMBOL = "core.heapcheck_dealloc"
_END_SYMBOL = "core.heapcheck_end"
_WORD_BYTES = 8
_SIZES_BYTES = {I8: 1, I16: 2, I32: 4, I64: 8, F32: 4, F64: 8}
_OUTSIDE_OF_HEAP = (Stack, Fresh, GlobalAddress)
_TRANSFERS = frozenset({"os.read", "os.write"})
_TEXT_FUNCTIONS = frozenset(
    {"core.text_length", "core.text_equal", "core.text_print", "core.text_print_line"}
)

Range = tuple[Value, Value | int]


def _check_alloc(context: FunctionContext, arguments: list[Value], span: Span) -> Value:
    place = context.global_address(context.module.add_constant(_place(span)))
    return context.builder.call_external(_ALLOC_SYMBOL, [*arguments, place])


def _check_dealloc(context: FunctionContext, arguments: list[Value], span: Span) -> Value:
    place = context.global_address(context.module.add_constant(_place(span)))
    context.builder.call_external(_DEALLOC_SYMBOL, [*arguments, place], ())
    return context.builder.word(0)


def _check_exit(context: FunctionContext, arguments: list[Value], span: Span) -> Value:
    check_end(context.builder)
    emit_exit(context.builder, arguments[0])
    return context.builder.word(0)


CHECKED_BUILTINS: dict[str, Callable[[FunctionContext, list[Value], Span], Value]] = {
    "alloc": _check_alloc,
    "dealloc": _check_dealloc,
    "exit": _check_exit,
}


def check_end(builder: Builder) -> None:
    """Check all blocks before a program ends."""
    builder.call_external(_END_SYMBOL, [], ())


def check_accesses(context: ModuleContext) -> None:
    """Add the checks of accesses, or drop those of the ends when there are no blocks."""
    functions = context.module.functions
    defined = [row for row in functions.values() if row.linkage is not Linkage.EXTERNAL]
    if _ALLOC_SYMBOL in functions:
        if context.options.checks is RuntimeChecks.GUARD_PAGES:
            return
        context.module.declare(ACCESS_SYMBOL, [I64] * 3, ())
        for function in defined:
            _check_function(context, function)
        return
    functions.pop(_END_SYMBOL, None)
    for function in defined:
        for block in function.blocks:
            block.ops = [row for row in block.ops if not _is_end(row)]


def _is_end(made: Op) -> bool:
    return isinstance(made, Call) and made.callee == _END_SYMBOL


def _check_function(context: ModuleContext, function: Function) -> None:
    for block in function.blocks:
        ops: list[Op] = []
        for made in block.ops:
            if made.span is not None:
                for address, size in _ranges(made):
                    if not isinstance(_base(address), _OUTSIDE_OF_HEAP):
                        ops += _access(context, address, size, made.span)
            ops.append(made)
        block.ops = ops


def _ranges(made: Op) -> Iterator[Range]:
    """Yield the addresses and sizes that an op accesses."""
    match made:
        case Load() | Store() | VolatileLoad() | VolatileStore():
            yield made.address, _SIZES_BYTES[made.memory_type]
        case AtomicLoad() | AtomicStore() | AtomicCompareExchange() | AtomicUpdate():
            yield made.address, _WORD_BYTES
        case Fill():
            yield made.destination, made.size
        case Copy():
            yield made.source, made.size
            yield made.destination, made.size
        case Call() if made.callee in _TRANSFERS:
            yield made.arguments[1], made.arguments[2]
        case Call() if made.callee in _TEXT_FUNCTIONS:
            for text in made.arguments:
                yield text, 1


def _base(address: Value) -> Value:
    """Return what an address was made of: sums have the base as the first operand."""
    while isinstance(address, Add):
        address = address.lhs
    return address


def _access(context: ModuleContext, address: Value, size: Value | int, span: Span) -> list[Op]:
    place = GlobalAddress(context.add_constant(_place(span)))
    made: list[Op] = [place]
    if isinstance(size, int):
        size = Constant(size, I64)
        made.append(size)
    made.append(Call(ACCESS_SYMBOL, [address, size, place], ()))
    for row in made:
        row.span = span
    return made


def _place(span: Span) -> bytes:
    line, column = span.file.line_and_column(span.start)
    return f"{span.file.path}:{line}:{column}".encode()
