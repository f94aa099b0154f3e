"""Element-wise operations: operators, `where`, functions of each element, `as`.

Typed operands go in, the typed operation comes out, or an error that was reported. A scalar operand
becomes a tensor without axes of the other's kind of elements.
"""

from mlrift.diagnostics import catalog
from mlrift.frontend import typed
from mlrift.frontend.ast import BinaryOperator, UnaryOperator
from mlrift.frontend.builtins import tensor as ir
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.tensors.nodes import (
    ELEMENTS,
    FLOATS,
    element_of,
    failed,
    operation,
    single,
)
from mlrift.frontend.check.tensors.shapes import broadcast, product, shape_of, shaped
from mlrift.ir.ops.tensor_map import BinaryKind, ComparePredicate, UnaryKind
from mlrift.ir.ops.tensor_types import product_kind
from mlrift.source import Span
from mlrift.typesystem import ERROR, ElementKind, ScalarType, TensorType
from mlrift.values import value

_HALVES = (ElementKind.F16, ElementKind.BF16)
ARITHMETIC: dict[BinaryOperator, BinaryKind] = {
    BinaryOperator.ADD: BinaryKind.ADD,
    BinaryOperator.SUB: BinaryKind.SUB,
    BinaryOperator.MUL: BinaryKind.MUL,
    BinaryOperator.DIV: BinaryKind.DIV,
    BinaryOperator.REM: BinaryKind.REM,
    BinaryOperator.BIT_AND: BinaryKind.AND,
    BinaryOperator.BIT_OR: BinaryKind.OR,
    BinaryOperator.BIT_XOR: BinaryKind.XOR,
    BinaryOperator.SHL: BinaryKind.SHL,
    BinaryOperator.SHR: BinaryKind.SHR,
}
COMPARISONS: dict[BinaryOperator, ComparePredicate] = {
    BinaryOperator.EQ: ComparePredicate.EQ,
    BinaryOperator.NE: ComparePredicate.NE,
    BinaryOperator.LT: ComparePredicate.LT,
    BinaryOperator.LE: ComparePredicate.LE,
    BinaryOperator.GT: ComparePredicate.GT,
    BinaryOperator.GE: ComparePredicate.GE,
}
_BITS = (BinaryKind.AND, BinaryKind.OR, BinaryKind.XOR)
_WHOLE = (BinaryKind.SHL, BinaryKind.SHR, BinaryKind.REM)
_ANY_NUMBER = (UnaryKind.NEG, UnaryKind.ABS, UnaryKind.RELU)


def unary(
    context: Context, kind: UnaryKind, name: str, operand: typed.Expression, span: Span
) -> typed.Expression:
    """Return a function of each element of a tensor."""
    found = operand.type
    assert isinstance(found, TensorType)
    if kind is UnaryKind.NOT:
        is_there = found.element not in FLOATS
    elif kind in _ANY_NUMBER:
        is_there = found.element is not ElementKind.BOOL
    else:
        is_there = found.element in FLOATS
    if not is_there:
        context.emit(
            catalog.NO_TENSOR_OPERATION.at(span, operation=f"`{name}`", element=found.element.value)
        )
        return failed(span)
    return operation(name, found, [operand], span, ir.unary(kind))


def prefixed(
    context: Context, operator: UnaryOperator, operand: typed.Expression, span: Span
) -> typed.Expression:
    """Return `-operand`, `!operand` or `~operand`."""
    if operator is UnaryOperator.NEGATE:
        return unary(context, UnaryKind.NEG, "-", operand, span)
    found = operand.type
    is_logical = isinstance(found, TensorType) and found.element is ElementKind.BOOL
    if is_logical is not (operator is UnaryOperator.NOT):
        assert isinstance(found, TensorType)
        diagnostic = catalog.NO_TENSOR_OPERATION.at(
            span, operation=f"`{operator.value}`", element=found.element.value
        )
        context.emit(diagnostic.help(f"{'!' if is_logical else '~'}{operand.span.text}"))
        return failed(span)
    return unary(context, UnaryKind.NOT, operator.value, operand, span)


def operands_of(
    context: Context, left: typed.Expression, right: typed.Expression
) -> tuple[typed.Expression, typed.Expression, ElementKind] | None:
    """Return two operands as tensors with elements of one kind; None after a report."""
    for operand in (left, right):
        if operand.type is ERROR:
            return None
    if not isinstance(left.type, TensorType):
        assert isinstance(right.type, TensorType)
        element = right.type.element
        left = single(context, left, element)
    elif not isinstance(right.type, TensorType):
        element = left.type.element
        right = single(context, right, element)
    else:
        element = left.type.element
        if right.type.element is not element:
            _report_kinds(context, left, right)
            return None
    if left.type is ERROR or right.type is ERROR:
        return None
    return left, right, element


def _report_kinds(context: Context, left: typed.Expression, right: typed.Expression) -> None:
    one, other = left.type, right.type
    assert isinstance(one, TensorType)
    assert isinstance(other, TensorType)
    diagnostic = catalog.ELEMENT_KINDS_DIFFER.at(
        right.span, left=one.element.value, right=other.element.value
    )
    diagnostic = diagnostic.label(left.span, f"this is `{one.name}`")
    context.emit(diagnostic.help(f"({right.span.text}) as {one.element.value}"))


def report_shapes(context: Context, *operands: typed.Expression) -> None:
    """Report operands whose shapes do not fit, at the last of them."""
    names = [f"`{row.type.name}`" for row in operands]
    diagnostic = catalog.SHAPES_DO_NOT_FIT.at(
        operands[-1].span, left=" and ".join(names[:-1]), right=names[-1]
    )
    for operand, name in zip(operands[:-1], names, strict=False):
        diagnostic = diagnostic.label(operand.span, f"this is {name}")
    context.emit(diagnostic)


@value
class Site:
    """Where an operation stands: its name there, and the whole."""

    context: Context
    name: str
    name_span: Span
    span: Span

    def absent(self, element: ElementKind) -> typed.Expression:
        """Report that there is no such operation of a kind of elements."""
        self.context.emit(
            catalog.NO_TENSOR_OPERATION.at(
                self.name_span, operation=f"`{self.name}`", element=element.value
            )
        )
        return failed(self.span)


def binary(
    site: Site, operator: BinaryOperator, left: typed.Expression, right: typed.Expression
) -> typed.Expression:
    """Return `left operator right`, at least one of which is a tensor."""
    if operator is BinaryOperator.MATMUL:
        return matrix_product(site.context, left, right, site.span)
    found = operands_of(site.context, left, right)
    if found is None:
        return failed(site.span)
    predicate = COMPARISONS.get(operator)
    if predicate is not None:
        return _joined(site, ElementKind.BOOL, found, ir.compare(predicate))
    return combine(site, ARITHMETIC[operator], found)


def combine(
    site: Site,
    kind: BinaryKind,
    operands: tuple[typed.Expression, typed.Expression, ElementKind],
) -> typed.Expression:
    """Return a function of each pair of elements."""
    element = operands[2]
    if kind in _BITS:
        is_there = element not in FLOATS
    elif kind in _WHOLE:
        is_there = element not in (*FLOATS, ElementKind.BOOL)
    else:
        is_there = element is not ElementKind.BOOL
    return _joined(site, element, operands, ir.binary(kind)) if is_there else site.absent(element)


def _joined(
    site: Site,
    element: ElementKind,
    operands: tuple[typed.Expression, typed.Expression, ElementKind],
    lower: ir.Lowering,
) -> typed.Expression:
    left, right, _ = operands
    one, other = left.type, right.type
    assert isinstance(one, TensorType)
    assert isinstance(other, TensorType)
    shape = broadcast(shape_of(one), shape_of(other))
    if shape is None:
        report_shapes(site.context, left, right)
        return failed(site.span)
    return operation(site.name, shaped(element, shape), [left, right], site.span, lower)


def where(context: Context, values: list[typed.Expression], span: Span) -> typed.Expression:
    """Return `where(condition, if true, if false)`."""
    condition, if_true, if_false = values
    if any(row.type is ERROR for row in values):
        return failed(span)
    if not isinstance(condition.type, TensorType) or condition.type.element is not ElementKind.BOOL:
        context.emit(
            catalog.SHAPE_MISMATCH.at(
                condition.span, expected="a tensor of bool", found=f"`{condition.type.name}`"
            )
        )
        return failed(span)
    if not isinstance(if_true.type, TensorType) and not isinstance(if_false.type, TensorType):
        first = if_true.type if if_true.type.is_float else if_false.type
        element = ELEMENTS.get(first) if isinstance(first, ScalarType) else None
        if_true = single(context, if_true, element or ElementKind.U64)
    found = operands_of(context, if_true, if_false) if if_true.type is not ERROR else None
    if found is None:
        return failed(span)
    if_true, if_false, element = found
    operands = [condition, if_true, if_false]
    shapes = [shape_of(row.type) for row in operands if isinstance(row.type, TensorType)]
    shape = broadcast(*shapes)
    if shape is None:
        report_shapes(context, *operands)
        return failed(span)
    return operation("where", shaped(element, shape), operands, span, ir.select)


def cast(operand: typed.Expression, element: ElementKind, span: Span) -> typed.Expression:
    """Return a tensor with elements of another kind."""
    found = operand.type
    assert isinstance(found, TensorType)
    if found.element is element:
        return operand
    return operation("as", shaped(element, shape_of(found)), [operand], span, ir.cast(element))


def matrix_product(
    context: Context, left: typed.Expression, right: typed.Expression, span: Span
) -> typed.Expression:
    """Return `left @ right`; of two vectors it is a scalar."""
    for operand in (left, right):
        if operand.type is ERROR:
            return failed(span)
        if not isinstance(operand.type, TensorType):
            found = f"`{operand.type.name}`"
            context.emit(catalog.EXPECTED_TENSOR.at(operand.span, found=found))
            return failed(span)
    one, other = left.type, right.type
    assert isinstance(one, TensorType)
    assert isinstance(other, TensorType)
    if one.element is not other.element:
        left, right = _widened(left), _widened(right)
        one, other = left.type, right.type
        assert isinstance(one, TensorType)
        assert isinstance(other, TensorType)
    if one.element is not other.element:
        _report_kinds(context, left, right)
        return failed(span)
    if one.element is ElementKind.BOOL:
        context.emit(catalog.NO_TENSOR_OPERATION.at(span, operation="`@`", element="bool"))
        return failed(span)
    shape = product(shape_of(one), shape_of(other))
    if shape is None:
        report_shapes(context, left, right)
        return failed(span)
    made = shaped(product_kind(one.element), shape)
    node = operation("@", made, [left, right], span, ir.product)
    return node if shape else element_of(node, made.element, [], span)


def _widened(operand: typed.Expression) -> typed.Expression:
    """Return a factor of a product beside another kind: f16 and bf16 as f32, which is exact."""
    found = operand.type
    is_half = isinstance(found, TensorType) and found.element in _HALVES
    return cast(operand, ElementKind.F32, operand.span) if is_half else operand
