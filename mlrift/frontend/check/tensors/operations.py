"""The named operations on tensors: a table of functions from typed operands to typed operations.

Each function reports what is wrong with its operands. What an axis or a factor has to be known for
is a constant of the program.
"""

from mlrift.frontend import typed
from mlrift.frontend.builtins import tensor as ir
from mlrift.frontend.builtins import tensor_parts as parts
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.tensors import arrangement, elementwise, rows
from mlrift.frontend.check.tensors.nodes import SCALARS, failed, operation
from mlrift.frontend.check.tensors.requests import (
    Handler,
    Request,
    is_one_tensor,
    is_tensor,
    is_word,
)
from mlrift.frontend.check.tensors.shapes import shape_of, shaped
from mlrift.ir.ops.tensor_map import BinaryKind, UnaryKind
from mlrift.ir.ops.tensor_reduce import ReduceKind, check_reduced, reduced_element
from mlrift.ir.ops.tensor_rows import SortedPart
from mlrift.source import Span
from mlrift.typesystem import ERROR, TensorType

_PLACES = (ReduceKind.ARGMIN, ReduceKind.ARGMAX)


def _map(kind: UnaryKind) -> Handler:
    def handle(request: Request) -> typed.Expression:
        if not is_one_tensor(request):
            return request.wrong("a tensor")
        return elementwise.unary(request.context, kind, request.name, request.first, request.span)

    return handle


def _reduction(kind: ReduceKind) -> Handler:
    def handle(request: Request) -> typed.Expression:
        operands = request.operands
        most = 1 if kind in _PLACES else len(operands)
        is_right = is_tensor(request.first) and all(map(is_word, operands[1:]))
        if not is_right or len(operands) - 1 > most:
            axes = "an axis" if kind in _PLACES else "axes"
            return request.wrong(f"a tensor and {axes} if not all elements are meant")
        found = request.tensor
        if check_reduced(kind, found.element) is not None:
            return request.absent(found.element)
        if len(operands) == 1:
            made = SCALARS[reduced_element(kind, found.element)]
            return operation(request.name, made, operands, request.span, ir.reduce_all(kind))
        axes_given = request.axes(1, len(shape_of(found)))
        if axes_given is None:
            return failed(request.span)
        reduced = request.first
        for axis in sorted(axes_given, reverse=True):
            reduced = _along(request, kind, reduced, axis)
        return reduced

    return handle


def _along(
    request: Request, kind: ReduceKind, operand: typed.Expression, axis: int
) -> typed.Expression:
    """Return the reduction along an axis, which stays with extent 1."""
    found = operand.type
    assert isinstance(found, TensorType)
    shape = shape_of(found)
    element = reduced_element(kind, found.element)
    made = shaped(element, (*shape[:axis], 1, *shape[axis + 1 :]))
    return operation(request.name, made, [operand], request.span, ir.reduce(kind, axis))


def _pairs(kind: BinaryKind) -> Handler:
    def handle(request: Request) -> typed.Expression:
        operands = request.operands
        if len(operands) != 2:
            return request.wrong("two tensors, or a tensor and a number")
        found = elementwise.operands_of(request.context, *operands)
        if found is None:
            return failed(request.span)
        site = elementwise.Site(request.context, request.name, request.span, request.span)
        return elementwise.combine(site, kind, found)

    return handle


def _extreme(reduction: ReduceKind, pair: BinaryKind) -> Handler:
    """`max(x)`, `max(x, axis)`; `max(x, y)` with another tensor or a float."""
    reduce, combine = _reduction(reduction), _pairs(pair)

    def handle(request: Request) -> typed.Expression:
        operands = request.operands
        is_pair = len(operands) == 2 and not (is_tensor(operands[0]) and is_word(operands[1]))
        return combine(request) if is_pair else reduce(request)

    return handle


def _where(request: Request) -> typed.Expression:
    if len(request.operands) != 3:
        return request.wrong("a condition and two values")
    return elementwise.where(request.context, request.operands, request.span)


OPERATIONS: dict[str, Handler] = {
    **{row.value: _map(row) for row in UnaryKind if row not in (UnaryKind.NEG, UnaryKind.NOT)},
    **{
        row.value: _reduction(row)
        for row in ReduceKind
        if row not in (ReduceKind.MIN, ReduceKind.MAX)
    },
    "min": _extreme(ReduceKind.MIN, BinaryKind.MIN),
    "max": _extreme(ReduceKind.MAX, BinaryKind.MAX),
    "minimum": _pairs(BinaryKind.MIN),
    "maximum": _pairs(BinaryKind.MAX),
    "where": _where,
    "col": arrangement.places(1),
    "row": arrangement.places(2),
    "softmax": rows.softmax,
    "layer_norm": rows.norm(2, parts.layer_norm),
    "rms_norm": rows.norm(1, parts.rms_norm),
    "concat": arrangement.concat,
    "sort": rows.sort(SortedPart.VALUES),
    "argsort": rows.sort(SortedPart.PLACES),
    "top_k": rows.top(SortedPart.VALUES),
    "arg_top_k": rows.top(SortedPart.PLACES),
    "conv1d": rows.convolution(1),
    "conv2d": rows.convolution(2),
    "transpose": arrangement.transpose,
    "permute": arrangement.permute,
    "add_axis": arrangement.add_axis,
    "reshape": arrangement.reshape,
}


def call(
    context: Context, name: str, operands: list[typed.Expression], span: Span
) -> typed.Expression | None:
    """Return an operation if it is one by its name and an operand is a tensor."""
    handler = OPERATIONS.get(name)
    if handler is None or not any(map(is_tensor, operands)):
        return None
    if any(row.type is ERROR for row in operands):
        return failed(span)
    return handler(Request(context, name, operands, span))
