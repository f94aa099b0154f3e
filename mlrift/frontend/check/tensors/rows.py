"""Operations on rows, which lie along the last axis, and convolutions."""

from mlrift.diagnostics import catalog
from mlrift.frontend import typed
from mlrift.frontend.builtins import tensor as ir
from mlrift.frontend.builtins import tensor_parts as parts
from mlrift.frontend.check.conversions import coerce
from mlrift.frontend.check.tensors import elementwise
from mlrift.frontend.check.tensors.arrangement import permuted
from mlrift.frontend.check.tensors.nodes import FLOATS, described, failed, operation
from mlrift.frontend.check.tensors.requests import (
    Handler,
    Request,
    is_one_tensor,
    is_tensor,
    is_word,
)
from mlrift.frontend.check.tensors.shapes import Dimension, agree, shape_of, shaped
from mlrift.ir.ops.tensor_rows import SortedPart
from mlrift.ir.ops.tensor_types import product_kind
from mlrift.typesystem import DOUBLE, ElementKind, ScalarType, TensorType


def softmax(request: Request) -> typed.Expression:
    """Return `softmax(x)`, with an axis if it is not the last."""
    operands = request.operands
    if not is_tensor(request.first) or len(operands) > 2:
        return request.wrong("a tensor and an axis if it is not the last")
    if request.tensor.element not in FLOATS:
        return request.absent(request.tensor.element)
    rank = len(shape_of(request.tensor))
    axis = request.axis(1, rank) if len(operands) == 2 else rank - 1
    if axis is None:
        return failed(request.span)
    order = [*(row for row in range(rank) if row != axis), axis]
    turned = permuted(request.first, order, request.span)
    made = operation("softmax", turned.type, [turned], request.span, parts.softmax)
    return permuted(made, [order.index(row) for row in range(rank)], request.span)


def norm(factors: int, lower: ir.Lowering) -> Handler:
    """`layer_norm(x, scale, shift, epsilon)`, `rms_norm(x, scale, epsilon)`."""

    def handle(request: Request) -> typed.Expression:
        operands = request.operands
        tensors, rest = operands[: factors + 1], operands[factors + 1 :]
        is_right = len(tensors) == factors + 1 and len(rest) == 1 and all(map(is_tensor, tensors))
        if not is_right or not isinstance(rest[0].type, ScalarType):
            given = ", ".join(("the tensor", "the scale", "the shift")[: factors + 1])
            return request.wrong(f"{given} and epsilon")
        found = request.tensor
        if found.element not in FLOATS:
            return request.absent(found.element)
        for factor in tensors[1:]:
            other = factor.type
            assert isinstance(other, TensorType)
            wanted = shaped(found.element, shape_of(found)[-1:])
            shape = shape_of(other)
            fits = len(shape) == 1 and agree(shape[0], shape_of(wanted)[0]) is not False
            if other.element is not found.element or not fits:
                expected = described(wanted)
                request.context.emit(
                    catalog.SHAPE_MISMATCH.at(
                        factor.span, expected=expected, found=described(other)
                    )
                )
                return failed(request.span)
        epsilon = coerce(rest[0], DOUBLE)
        return operation(request.name, found, [*tensors, epsilon], request.span, lower)

    return handle


def sort(part: SortedPart) -> Handler:
    """Return the handler of `sort(x)` or `argsort(x)`."""

    def handle(request: Request) -> typed.Expression:
        if not is_one_tensor(request):
            return request.wrong("a tensor")
        return operation(
            request.name, _ranked(request, part), request.operands, request.span, parts.sort(part)
        )

    return handle


def _ranked(request: Request, part: SortedPart) -> TensorType:
    found = request.tensor
    element = ElementKind.U64 if part is SortedPart.PLACES else found.element
    return shaped(element, shape_of(found))


def top(part: SortedPart) -> Handler:
    """Return the handler of `top_k(x, k)` or `arg_top_k(x, k)`."""

    def handle(request: Request) -> typed.Expression:
        operands = request.operands
        if len(operands) != 2 or not is_tensor(operands[0]) or not is_word(operands[1]):
            return request.wrong("a tensor and how many")
        ranked = _ranked(request, part)
        shape = shape_of(ranked)
        taken: Dimension = None
        if type(operands[1]) is typed.IntegerConstant:
            taken = operands[1].value
            if isinstance(shape[-1], int) and taken > shape[-1]:
                request.context.emit(
                    catalog.INDEX_OUTSIDE.at(operands[1].span, index=taken, extent=shape[-1])
                )
                return failed(request.span)
        made = shaped(ranked.element, (*shape[:-1], taken))
        return operation(request.name, made, operands, request.span, parts.top(part, made.machine))

    return handle


def convolution(dimensions: int) -> Handler:
    """Return the handler of `conv1d` or `conv2d`."""

    def handle(request: Request) -> typed.Expression:
        operands = request.operands
        axes = dimensions + 2
        is_right = 2 <= len(operands) <= 4 and all(map(is_tensor, operands[:2]))
        for row in operands[:2]:
            is_right = is_right and len(row.type.extents) == axes  # type: ignore[union-attr]  # tensors
        if not is_right or not all(map(is_word, operands[2:])):
            names = "width" if dimensions == 1 else "height, width"
            return request.wrong(
                f"[batch, channels, {names}] and [filters, channels, {names}], then stride, padding"
            )
        found = elementwise.operands_of(request.context, *operands[:2])
        stride = request.constant(2, "the stride") if len(operands) > 2 else 1
        padding = request.constant(3, "the padding") if len(operands) > 3 else 0
        if found is None or stride is None or padding is None:
            return failed(request.span)
        if stride < 1 or padding < 0 or found[2] is ElementKind.BOOL:
            return request.wrong("a stride of at least 1, a padding of at least 0")
        return _convolved(request, dimensions, stride, padding)

    return handle


def _convolved(request: Request, dimensions: int, stride: int, padding: int) -> typed.Expression:
    image, kernel = (
        shape_of(row.type) for row in request.operands[:2] if isinstance(row.type, TensorType)
    )
    if agree(image[1], kernel[1]) is False:
        elementwise.report_shapes(request.context, *request.operands[:2])
        return failed(request.span)
    sides: list[Dimension] = []
    for one, other in zip(image[2:], kernel[2:], strict=True):
        if isinstance(one, int) and isinstance(other, int):
            sides.append(max((one + 2 * padding - other) // stride + 1, 0))
        else:
            sides.append(None)
    made = shaped(product_kind(request.tensor.element), (image[0], kernel[0], *sides))
    lower = ir.convolution((stride,) * dimensions, (padding,) * dimensions)
    return operation(request.name, made, request.operands[:2], request.span, lower)
