"""Operations that arrange elements anew, and questions about shapes."""

from mlrift.diagnostics import catalog
from mlrift.frontend import typed
from mlrift.frontend.builtins import tensor as ir
from mlrift.frontend.builtins import tensor_parts as parts
from mlrift.frontend.check.tensors import elementwise
from mlrift.frontend.check.tensors.nodes import described, failed, operation
from mlrift.frontend.check.tensors.requests import (
    Handler,
    Request,
    is_one_tensor,
    is_tensor,
    is_word,
)
from mlrift.frontend.check.tensors.shapes import (
    Dimension,
    agree,
    count,
    merged,
    shape_of,
    shaped,
)
from mlrift.source import Span
from mlrift.typesystem import U64, ElementKind, TensorType


def places(axis_from_last: int) -> Handler:
    """`row(x)` and `col(x)`: the number of each row or column, to compare with."""

    def handle(request: Request) -> typed.Expression:
        if not is_one_tensor(request) or len(shape_of(request.tensor)) < axis_from_last:
            return request.wrong(f"a tensor with at least {axis_from_last} axes")
        shape = shape_of(request.tensor)
        axis = len(shape) - axis_from_last
        line = shaped(ElementKind.U64, (shape[axis],))
        words: list[typed.Expression] = []
        if not isinstance(shape[axis], int):
            words = [extent_of(request.first, axis, request.span)]
        numbers = operation(request.name, line, words, request.span, ir.iota(line.machine))
        if axis_from_last == 1:
            return numbers
        made = shaped(ElementKind.U64, (shape[axis], 1))
        return operation(request.name, made, [numbers], request.span, parts.add_axis(1))

    return handle


def extent_of(tensor: typed.Expression, axis: int, span: Span) -> typed.Expression:
    """Return how long an axis is."""
    found = tensor.type
    assert isinstance(found, TensorType)
    extent = shape_of(found)[axis]
    if isinstance(extent, int):
        return typed.IntegerConstant(extent, U64, span)
    if isinstance(extent, typed.LocalVariable):
        return typed.LocalRead(extent, U64, span)
    return operation("dim", U64, [tensor], span, ir.extent(axis))


def permuted(tensor: typed.Expression, axes: list[int], span: Span) -> typed.Expression:
    """Return a tensor with its axes in another order."""
    found = tensor.type
    assert isinstance(found, TensorType)
    if axes == sorted(axes):
        return tensor
    shape = shape_of(found)
    made = shaped(found.element, tuple(shape[row] for row in axes))
    return operation("permute", made, [tensor], span, parts.permute(tuple(axes)))


def concat(request: Request) -> typed.Expression:
    """Return `concat(x, y, ...)`, with an axis if it is not the first."""
    *tensors, last = request.operands
    axis: int | None = 0
    if is_tensor(last):
        tensors.append(last)
    if not tensors or not all(map(is_tensor, tensors)):
        return request.wrong("tensors, then an axis if it is not the first")
    first = request.tensor
    shape = list(shape_of(first))
    if not is_tensor(last):
        axis = request.axis(len(tensors), len(shape))
    if axis is None:
        return failed(request.span)
    for tensor in tensors[1:]:
        other = tensor.type
        assert isinstance(other, TensorType)
        if other.element is not first.element:
            elementwise.operands_of(request.context, tensors[0], tensor)
            return failed(request.span)
        along = shape_of(other)
        others = [row for row in range(len(shape)) if row != axis]
        is_alike = len(along) == len(shape) and all(
            agree(shape[row], along[row]) is not False for row in others
        )
        if not is_alike:
            elementwise.report_shapes(request.context, tensors[0], tensor)
            return failed(request.span)
        for row in others:
            shape[row] = merged(shape[row], along[row])
        total: Dimension = None
        one, two = shape[axis], along[axis]
        if isinstance(one, int) and isinstance(two, int):
            total = one + two
        shape[axis] = total
    made = shaped(first.element, tuple(shape))
    return operation("concat", made, tensors, request.span, parts.concat(axis))


def transpose(request: Request) -> typed.Expression:
    """Return a tensor with its last two axes swapped."""
    if not is_one_tensor(request) or len(shape_of(request.tensor)) < 2:
        return request.wrong("a tensor with at least 2 axes")
    rank = len(shape_of(request.tensor))
    axes = [*range(rank - 2), rank - 1, rank - 2]
    return permuted(request.first, axes, request.span)


def permute(request: Request) -> typed.Expression:
    """Return `permute(x, axes ...)`."""
    if not is_tensor(request.first):
        return request.wrong("a tensor and its axes in another order")
    rank = len(shape_of(request.tensor))
    found = [request.axis(row, rank) for row in range(1, len(request.operands))]
    axes = [row for row in found if row is not None]
    if len(axes) < len(found):
        return failed(request.span)
    if sorted(axes) != list(range(rank)):
        return request.wrong(f"a tensor and its {rank} axes in another order")
    return permuted(request.first, axes, request.span)


def add_axis(request: Request) -> typed.Expression:
    """Return `add_axis(x, axis)`."""
    if len(request.operands) != 2 or not is_tensor(request.first):
        return request.wrong("a tensor and where the axis is to be")
    shape = shape_of(request.tensor)
    axis = request.axis(1, len(shape) + 1)
    if axis is None:
        return failed(request.span)
    made = shaped(request.tensor.element, (*shape[:axis], 1, *shape[axis:]))
    return operation("add_axis", made, request.operands[:1], request.span, parts.add_axis(axis))


def reshape(request: Request) -> typed.Expression:
    """Return `reshape(x, extents ...)`."""
    tensor, *extents = request.operands
    if not is_tensor(tensor) or not extents or not all(map(is_word, extents)):
        return request.wrong("a tensor and the extents")
    found = request.tensor
    shape: list[Dimension] = []
    words: list[typed.Expression] = []
    for row in extents:
        if type(row) is typed.IntegerConstant:
            shape.append(row.value)
            continue
        words.append(row)
        is_named = type(row) is typed.LocalRead and row.variable.is_extent
        shape.append(row.variable if type(row) is typed.LocalRead and is_named else None)
    return reshaped(request, shaped(found.element, tuple(shape)), words)


def reshaped(request: Request, made: TensorType, words: list[typed.Expression]) -> typed.Expression:
    """Return a tensor in another shape."""
    before, after = count(shape_of(request.tensor)), count(shape_of(made))
    if before is not None and after is not None and before != after:
        request.context.emit(
            catalog.WRONG_ELEMENT_COUNT.at(
                request.span,
                found=described(request.tensor),
                found_count=before,
                wanted=described(made),
                wanted_count=after,
            )
        )
        return failed(request.span)
    lower = parts.reshape(made.machine)
    return operation("reshape", made, [request.first, *words], request.span, lower)
