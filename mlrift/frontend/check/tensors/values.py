"""Values for a place that is a tensor: what stands on the right of `=`.

A tensor fits as its shape says; a number fills the place; `uniform`, `normal`, `iota` and `fill`
take the place's shape.
"""

from mlrift.diagnostics import catalog
from mlrift.frontend import ast, typed
from mlrift.frontend.builtins import tensor as ir
from mlrift.frontend.check.context import Context, Wiring
from mlrift.frontend.check.conversions import to_word
from mlrift.frontend.check.tensors import elementwise
from mlrift.frontend.check.tensors.extents import has_any_extent
from mlrift.frontend.check.tensors.fields import kept
from mlrift.frontend.check.tensors.nodes import (
    ELEMENTS,
    FLOATS,
    described,
    extent_values,
    failed,
    filled,
    fitted,
    operation,
    word,
)
from mlrift.frontend.check.tensors.requests import is_word
from mlrift.frontend.check.tensors.shapes import Dimension, shape_of, shaped
from mlrift.frontend.scopes import Signature
from mlrift.ir.ops.tensor import RandomKind
from mlrift.source import Span
from mlrift.typesystem import ERROR, ElementKind, ScalarType, TensorType

_RANDOM = {
    "uniform": RandomKind.UNIFORM,
    "normal": RandomKind.NORMAL,
    "random_bits": RandomKind.BITS,
}
MAKERS = (*_RANDOM, "iota", "fill")
_HALVES = (ElementKind.F16, ElementKind.BF16)


class ValueChecker:
    """Checks what is given to tensors."""

    def __init__(self, context: Context, wire: Wiring) -> None:
        self._context = context
        self._wire = wire

    def given(self, node: ast.Expression, wanted: TensorType) -> typed.Expression:
        """Return a value for a place of type `wanted`; its unknown extents are the value's."""
        if type(node) is ast.Call and self._is_maker(node):
            return self._made(node, wanted)
        value = self._wire.calls.possibly_void(node)
        value = self._wire.calls.reject_void(value, catalog.VOID_ASSIGNED)
        return self.fitted(value, wanted)

    def fitted(self, value: typed.Expression, wanted: TensorType) -> typed.Expression:
        """Return a checked value for a place of type `wanted`."""
        found = value.type
        if isinstance(found, ScalarType):
            if self._lacks_shape(wanted, value.span):
                return failed(value.span)
            return filled(self._context, value, wanted, value.span)
        if isinstance(found, TensorType) and len(shape_of(found)) == len(shape_of(wanted)):
            pairs = zip(shape_of(wanted), shape_of(found), strict=True)
            shape = tuple(two if one is None else one for one, two in pairs)
            wanted = shaped(wanted.element, shape)
        return kept(fitted(self._context, value, wanted))

    def _lacks_shape(self, wanted: TensorType, span: Span) -> bool:
        if not has_any_extent(shape_of(wanted)):
            return False
        diagnostic = catalog.UNKNOWN_EXTENT.at(span, name="_", suggestion="")
        self._context.emit(diagnostic.note("a number has no shape to take it from"))
        return True

    def report_maker(
        self, name: str, values: list[typed.Expression], span: Span
    ) -> typed.Expression:
        """Report a call that has no shape to take."""
        expected = "a seed, as the value of a variable, whose shape it takes"
        if name not in _RANDOM:
            expected = "an extent" if name == "iota" else "a number and the extents"
        if not any(row.type is ERROR for row in values):
            names = ", ".join(described(row.type) for row in values) or "nothing"
            self._context.emit(
                catalog.TENSOR_ARGUMENTS.at(span, name=name, expected=expected, found=names)
            )
        return failed(span)

    def _is_maker(self, node: ast.Call) -> bool:
        if node.function.text not in MAKERS:
            return False
        callee = self._context.names.callees.get(node.function.text)
        return type(callee) is not Signature or callee.symbol.span.file.is_library

    def _made(self, node: ast.Call, wanted: TensorType) -> typed.Expression:
        context, name, span = self._context, node.function.text, node.span
        values = [context.expressions[type(row)](row) for row in node.arguments]
        if any(row.type is ERROR for row in values):
            return failed(span)
        shape = shape_of(wanted)
        if name in _RANDOM:
            is_right = 1 <= len(values) <= 2 and all(map(is_word, values))
            expected = "a seed, then the first number if it is not 0"
        elif name == "iota":
            is_right = not values and len(shape) == 1 and wanted.element is not ElementKind.BOOL
            expected = "nothing, for a tensor of numbers with one axis"
        else:
            is_right = len(values) == 1 and isinstance(values[0].type, ScalarType)
            expected = "a number"
        if not is_right:
            explicit = call_maker(context, name, values, span)
            if explicit is not None:
                return self.fitted(explicit, wanted)
            names = ", ".join(described(row.type) for row in values) or "nothing"
            context.emit(
                catalog.TENSOR_ARGUMENTS.at(span, name=name, expected=expected, found=names)
            )
            return failed(span)
        if self._lacks_shape(wanted, span):
            return failed(span)
        if name in _RANDOM:
            return self._random(_RANDOM[name], name, values, wanted, span)
        if name == "iota":
            return operation(
                "iota", wanted, extent_values(shape, span), span, ir.iota(wanted.machine)
            )
        return filled(context, values[0], wanted, span)

    def _random(
        self,
        kind: RandomKind,
        name: str,
        values: list[typed.Expression],
        wanted: TensorType,
        span: Span,
    ) -> typed.Expression:
        element = ElementKind.F32 if wanted.element in _HALVES else wanted.element
        is_there = element in FLOATS
        if kind is RandomKind.BITS:
            is_there = element is ElementKind.U64
        if not is_there:
            self._context.emit(
                catalog.NO_TENSOR_OPERATION.at(
                    span, operation=f"`{name}`", element=wanted.element.value
                )
            )
            return failed(span)
        shape = shape_of(wanted)
        made = shaped(element, shape)
        first = values[1] if len(values) > 1 else word(0, span)
        arguments = [to_word(values[0]), to_word(first), *extent_values(shape, span)]
        numbers = operation(name, made, arguments, span, ir.random(kind, made.machine))
        return elementwise.cast(numbers, wanted.element, span)


def call_maker(
    context: Context, name: str, values: list[typed.Expression], span: Span
) -> typed.Expression | None:
    """Return `iota(n)` or `fill(value, n, ...)`, which say their own shape; None for others."""
    if any(row.type is ERROR for row in values):
        return None
    if name == "iota" and len(values) == 1 and is_word(values[0]):
        made = shaped(ElementKind.U64, (_number(values[0]),))
        words = [row for row in values if _number(row) is None]
        return operation("iota", made, words, span, ir.iota(made.machine))
    if name != "fill" or len(values) < 2 or not all(map(is_word, values[1:])):
        return None
    found = values[0].type
    element = ELEMENTS.get(found) if isinstance(found, ScalarType) else None
    if element is None:
        return None
    made = shaped(element, tuple(_number(row) for row in values[1:]))
    words = [row for row in values[1:] if _number(row) is None]
    return operation("fill", made, [values[0], *words], span, ir.fill(made.machine))


def _number(value: typed.Expression) -> Dimension:
    return value.value if type(value) is typed.IntegerConstant else None
