"""What stands between the brackets of a tensor: which elements are meant.

Syntax goes in; `Subscript` has the typed words of the entries and the shape of the part. Numbers
that are known to be outside are reported here, all others are compared when the program runs.
"""

from mlrift.diagnostics import catalog
from mlrift.frontend import ast, typed
from mlrift.frontend.builtins import tensor_parts as parts
from mlrift.frontend.builtins.tensor_memory import event_rows
from mlrift.frontend.builtins.tensor_parts import AxisEntry
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.conversions import signed_value
from mlrift.frontend.check.tensors.nodes import (
    FLOATS,
    described,
    element_of,
    failed,
    operation,
)
from mlrift.frontend.check.tensors.shapes import (
    Dimension,
    Shape,
    shape_of,
    shaped,
    shown_extent,
)
from mlrift.source import Span
from mlrift.typesystem import ERROR, ElementKind, EventsType, ScalarType, TensorType
from mlrift.values import record, replace


@record
class Subscript:
    """Entries for all axes, their words in order, the part before and after axes are dropped.

    `rows` is set instead of all that when the subscript is a tensor of row numbers.
    """

    entries: parts.Entries
    words: list[typed.Expression]
    sliced: Shape
    shape: Shape
    rows: typed.Expression | None = None

    @property
    def is_element(self) -> bool:
        """Whether exactly one element is meant."""
        return self.rows is None and not self.shape


def subscript(
    context: Context,
    tensor: TensorType,
    nodes: "list[ast.Expression | ast.IndexSpan]",
    span: Span,
) -> Subscript | None:
    """Check the entries; None after a report."""
    shape = shape_of(tensor)
    if len(nodes) > len(shape):
        for node in nodes:
            if type(node) is not ast.IndexSpan:
                context.expressions[type(node)](node)
        diagnostic = catalog.TENSOR_INDEX_COUNT.at(
            span, found=len(nodes), tensor=f"`{tensor.name}`"
        )
        context.emit(diagnostic)
        return None
    made = Subscript((), [], (), ())
    is_sound = True
    for node, extent in zip(nodes, shape, strict=False):
        checker = _AxisChecker(context, extent, made)
        if type(node) is ast.IndexSpan:
            is_sound = checker.span(node) and is_sound
            continue
        value = context.expressions[type(node)](node)
        if isinstance(value.type, EventsType) and len(nodes) == 1:
            neurons = shaped(ElementKind.U32, (None,))
            value = operation("neurons", neurons, [value], span, event_rows(neurons.machine))
        if isinstance(value.type, TensorType) and len(nodes) == 1:
            return _rows(context, value, shape)
        is_sound = checker.single(value) and is_sound
    for extent in shape[len(nodes) :]:
        _AxisChecker(context, extent, made).whole()
    return made if is_sound else None


def _rows(context: Context, value: typed.Expression, shape: Shape) -> Subscript | None:
    found = value.type
    assert isinstance(found, TensorType)
    if found.element in FLOATS or found.element is ElementKind.BOOL:
        context.emit(catalog.BAD_INDEX.at(value.span, found=described(found)))
        return None
    made = (*shape_of(found), *shape[1:])
    return Subscript((), [], made, made, value)


class _AxisChecker:
    """Adds one entry to a subscript."""

    def __init__(self, context: Context, extent: Dimension, made: Subscript) -> None:
        self._context = context
        self._extent = extent
        self._made = made

    def _add(self, entry: AxisEntry, extent: Dimension) -> None:
        made = self._made
        made.entries = (*made.entries, entry)
        made.sliced = (*made.sliced, extent)
        if entry is not AxisEntry.ONE:
            made.shape = (*made.shape, extent)

    def whole(self) -> None:
        """All of the axis."""
        self._add(AxisEntry.WHOLE, self._extent)

    def single(self, value: typed.Expression) -> bool:
        """One index."""
        self._made.words.append(value)
        self._add(AxisEntry.ONE, 1)
        if not self._is_word(value):
            return False
        known = _known(value)
        if known is None:
            return True
        is_outside = known < 0 or (isinstance(self._extent, int) and known >= self._extent)
        return not (is_outside and self._report_outside(known, value.span))

    def span(self, node: ast.IndexSpan) -> bool:
        """A range of indices."""
        ends: list[int | None] = []
        is_sound = True
        for bound in (node.first, node.end):
            if bound is None:
                ends.append(None)
                continue
            value = self._context.expressions[type(bound)](bound)
            self._made.words.append(value)
            is_sound = self._is_word(value) and is_sound
            known = _known(value) if is_sound else None
            ends.append(known)
            is_outside = known is not None and (
                known < 0 or (isinstance(self._extent, int) and known > self._extent)
            )
            if known is not None and is_outside:
                is_sound = not self._report_outside(known, value.span)
        entry = _SPANS[node.first is not None, node.end is not None]
        extent = self._spanned(node, ends)
        if isinstance(extent, int) and extent < 0 and is_sound:
            is_sound = not self._report_outside(node.span.text, node.span)
        self._add(
            entry, extent if extent is None or not isinstance(extent, int) else max(extent, 0)
        )
        return is_sound

    def _spanned(self, node: ast.IndexSpan, ends: list[int | None]) -> Dimension:
        first: Dimension = 0 if node.first is None else ends[0]
        end: Dimension = self._extent if node.end is None else ends[1]
        if first == 0:
            return end
        if isinstance(first, int) and isinstance(end, int):
            return end - first
        return None

    def _is_word(self, value: typed.Expression) -> bool:
        found = value.type
        if found is ERROR:
            return False
        if isinstance(found, ScalarType) and not found.is_float:
            return True
        self._context.emit(catalog.BAD_INDEX.at(value.span, found=described(found)))
        return False

    def _report_outside(self, index: int | str, span: Span) -> bool:
        extent = shown_extent(self._extent)
        self._context.emit(catalog.INDEX_OUTSIDE.at(span, index=index, extent=extent))
        return True


_SPANS = {
    (False, False): AxisEntry.WHOLE,
    (False, True): AxisEntry.TO,
    (True, False): AxisEntry.FROM,
    (True, True): AxisEntry.BETWEEN,
}


def _known(value: typed.Expression) -> int | None:
    if type(value) is typed.IntegerConstant:
        return signed_value(value.value)
    return None


def part_of(tensor: typed.Expression, chosen: Subscript, span: Span) -> typed.Expression:
    """Return the part of a tensor that a subscript means: a scalar if it is one element."""
    found = tensor.type
    assert isinstance(found, TensorType)
    if chosen.rows is not None:
        made = shaped(found.element, chosen.shape)
        return operation("rows", made, [tensor, chosen.rows], span, parts.gather)
    if not chosen.shape:
        return element_of(tensor, found.element, chosen.words, span)
    sliced = shaped(found.element, chosen.sliced).machine
    lower = parts.part(chosen.entries, sliced)
    return operation(
        "part", shaped(found.element, chosen.shape), [tensor, *chosen.words], span, lower
    )


def index(
    context: Context,
    base: typed.Expression,
    nodes: "list[ast.Expression | ast.IndexSpan]",
    span: Span,
) -> typed.Expression:
    """Return `base[entries]`."""
    assert isinstance(base.type, TensorType)
    chosen = subscript(context, base.type, nodes, span)
    return failed(span) if chosen is None else part_of(base, chosen, span)


def with_words(chosen: Subscript, words: list[typed.Expression]) -> Subscript:
    """Return a subscript with other words for its entries."""
    return replace(chosen, words=words)
