"""The run-time checks of `--debug` (reference.md 16): each branches to a report that exits with 1.

The message is a template for `core.check_failed`: the bytes in `SLOTS` stand for its two values.
"""

from mlrift.frontend import typed
from mlrift.frontend.lower.context import FunctionContext
from mlrift.frontend.typed import BinaryKind
from mlrift.ir.core import Block, Value
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import AddOverflows, Constant, MulOverflows, SubOverflows
from mlrift.ir.ops.compare import CompareInteger, IntegerPredicate
from mlrift.ir.ops.control import Unreachable
from mlrift.source import Span
from mlrift.typesystem import I64
from mlrift.values import value

FIRST_UNSIGNED = "\x01"
SECOND_UNSIGNED = "\x02"
FIRST_SIGNED = "\x03"
SECOND_SIGNED = "\x04"

_OVERFLOWS: dict[BinaryKind, tuple[type[AddOverflows | SubOverflows | MulOverflows], str]] = {
    BinaryKind.ADD: (AddOverflows, "+"),
    BinaryKind.SUB: (SubOverflows, "-"),
    BinaryKind.MUL: (MulOverflows, "*"),
}
_UNSIGNED_DIVISIONS = {BinaryKind.UDIV: "/", BinaryKind.UREM: "%"}
_SIGNED_DIVISIONS = {BinaryKind.SDIV: "/", BinaryKind.SREM: "%"}


@value
class _Failure:
    """What went wrong: the text after the position and the two values it may show."""

    what: str
    first: Value
    second: Value


def check_arithmetic(
    context: FunctionContext, node: typed.Binary | typed.CompoundAssign, left: Value, right: Value
) -> None:
    """Check a division for a zero divisor and a signed + - * for overflow."""
    kind = node.kind
    if kind in _UNSIGNED_DIVISIONS:
        values = f"{FIRST_UNSIGNED} {_UNSIGNED_DIVISIONS[kind]} 0"
        _check_divisor(context, left, right, values, node.span)
    elif kind in _SIGNED_DIVISIONS:
        values = f"{FIRST_SIGNED} {_SIGNED_DIVISIONS[kind]} 0"
        _check_divisor(context, left, right, values, node.span)
    elif node.is_overflow_checked and kind in _OVERFLOWS:
        operation, sign = _OVERFLOWS[kind]
        failed = context.builder.emit(operation(left, right))
        values = f"{FIRST_SIGNED} {sign} {SECOND_SIGNED}"
        failure = _Failure(f"signed overflow ({values})", left, right)
        _fail_when(context, failed, failure, node.span)


def check_index(
    context: FunctionContext, node: typed.ElementAddress, index: Value, count: int
) -> None:
    """Check that an index is below the array's length, as unsigned numbers."""
    builder = context.builder
    if isinstance(index, Constant) and int(index.value) < count:
        return
    length = builder.word(count)
    failed = builder.emit(CompareInteger(IntegerPredicate.UGE, index, length))
    values = f"index {FIRST_UNSIGNED}, length {SECOND_UNSIGNED}"
    what = f"index out of bounds of `{node.array_name}` ({values})"
    _fail_when(context, failed, _Failure(what, index, length), node.span)


def check_count(
    context: FunctionContext, index: Value, count: Value, what: str, span: Span
) -> None:
    """Check that the number of a neuron or an event is below how many there are."""
    failed = context.builder.emit(CompareInteger(IntegerPredicate.UGE, index, count))
    values = f"index {FIRST_UNSIGNED}, length {SECOND_UNSIGNED}"
    failure = _Failure(f"index out of bounds of {what} ({values})", index, count)
    _fail_when(context, failed, failure, span)


def check_not_null(context: FunctionContext, address: Value, what: str, span: Span) -> None:
    """Check that the address of an access is not 0."""
    builder = context.builder
    failed = _is_zero(context, address)
    failure = _Failure(f"null address in {what} (address 0)", address, builder.word(0))
    _fail_when(context, failed, failure, span)


def _check_divisor(
    context: FunctionContext, left: Value, right: Value, values: str, span: Span
) -> None:
    if isinstance(right, Constant) and right.value:
        return
    failed = _is_zero(context, right)
    _fail_when(context, failed, _Failure(f"division by zero ({values})", left, right), span)


def _is_zero(context: FunctionContext, value: Value) -> Op:
    builder = context.builder
    return builder.emit(CompareInteger(IntegerPredicate.EQ, value, builder.word(0)))


def _fail_when(context: FunctionContext, failed: Value, failure: _Failure, span: Span) -> None:
    builder = context.builder
    failing, passed = Block("check_failed"), Block("checked")
    builder.branch(failed, failing, passed)
    context.place(failing)
    line, column = span.file.line_and_column(span.start)
    template = f"{span.file.path}:{line}:{column}: {failure.what}".encode()
    message = context.global_address(context.module.add_constant(template))
    builder.module.declare("core.check_failed", [I64] * 3, ()).returns = False
    builder.call_external("core.check_failed", [message, failure.first, failure.second], ())
    builder.emit(Unreachable())
    context.place(passed)
