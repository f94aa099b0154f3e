"""Types of tensors as written: the kind of the elements, an extent for each axis.

An extent is a number known now, a variable that nobody changes, or any other value, which is kept
in a variable of its own when the declaration is executed. `_` is any extent at all.
"""

from mlrift.diagnostics import catalog
from mlrift.frontend import ast, typed
from mlrift.frontend.check.context import Context, Wiring
from mlrift.frontend.check.fold import NotConstantError, fold
from mlrift.frontend.check.tensors.nodes import ELEMENTS, described
from mlrift.frontend.check.tensors.shapes import MAX_RANK, Dimension, Shape, shaped
from mlrift.frontend.scopes import Signature
from mlrift.frontend.walk import walk
from mlrift.source import Span
from mlrift.typesystem import ERROR, U64, ElementKind, ErrorType, ScalarType, TensorType

ANY_EXTENT = "_"


def element_kind(context: Context, name: ast.TypeName) -> ElementKind | None:
    """Return the kind of elements that a name means; None after a report."""
    if name.name == ElementKind.BF16.value:
        return ElementKind.BF16
    found = context.names.types.get(name.name)
    kind = ELEMENTS.get(found) if isinstance(found, ScalarType) else None
    if kind is None:
        known = [row.value for row in ElementKind]
        suggestion = context.suggest(name.name, known)
        diagnostic = catalog.BAD_ELEMENT_KIND.at(name.span, name=name.name, suggestion=suggestion)
        context.emit(diagnostic.note(f"these are: {', '.join(known)}"))
    return kind


def settled_names(signature: Signature) -> frozenset[str]:
    """Return the names of variables that a function assigns to; the others keep their value."""
    node = signature.node
    if type(node) is not ast.Function:
        return frozenset()
    names: set[str] = set()
    for row in walk(node.body):
        if type(row) is ast.Assign and type(row.target) is ast.Identifier:
            names.add(row.target.text)
        elif type(row) in (ast.For, ast.PointerLoad, ast.ForEach):
            names.add(row.name.text)
        elif type(row) is ast.ForEachEdge:
            names.update((row.source.text, row.target.text))
        elif type(row) is ast.Asm:
            names.update(part.variable.text for part in row.constraints if part.variable)
    return frozenset(names)


class ExtentReader:
    """Reads types inside functions; what must be evaluated there is put before the statement."""

    def __init__(self, context: Context, wire: Wiring) -> None:
        self._context = context
        self._wire = wire
        self._assigned: dict[Signature, frozenset[str]] = {}

    def local_type(self, name: ast.TensorTypeName) -> TensorType | ErrorType:
        """Return the type of a local; extents that are `_` are unknown."""
        element = element_kind(self._context, name.element)
        shape = [self._local_extent(row) for row in name.extents]
        if element is None or not self._has_few_axes(name):
            return ERROR
        known: list[Dimension] = []
        for row in shape:
            if isinstance(row, ErrorType):
                return ERROR
            known.append(row)
        return shaped(element, tuple(known))

    def constant_type(self, name: ast.TensorTypeName, what: str) -> TensorType | ErrorType:
        """Return a type whose extents are all constants; ERROR after a report."""
        element = element_kind(self._context, name.element)
        shape: list[Dimension] = []
        for row in name.extents:
            extent = self.known(row)
            if extent is None:
                self._context.emit(catalog.AXIS_NOT_CONSTANT.at(row.span, what=what))
                return ERROR
            shape.append(extent)
        if element is None or not self._has_few_axes(name):
            return ERROR
        return shaped(element, tuple(shape))

    def _has_few_axes(self, name: ast.TensorTypeName) -> bool:
        if len(name.extents) <= MAX_RANK:
            return True
        diagnostic = catalog.TOO_MANY_AXES.at(name.span, most=MAX_RANK, found=len(name.extents))
        self._context.emit(diagnostic)
        return False

    def known(self, node: ast.Expression) -> int | None:
        """Return the number that an extent is by constants alone."""
        if type(node) is ast.IntegerLiteral:
            return node.value
        if type(node) is ast.Identifier and not self._is_constant(node.text):
            return None
        if type(node) not in (ast.Identifier, ast.Binary, ast.Unary, ast.SizeOf):
            return None
        names = [row.text for row in walk(node) if type(row) is ast.Identifier]
        if not all(map(self._is_constant, names)):
            return None
        number = _folded(self._context.expressions[type(node)](node))
        return number if number is None or self._checked(number, node.span) is not ERROR else 0

    def _checked(self, number: int, span: Span) -> int | ErrorType:
        """Return an extent that is not negative; ERROR after a report."""
        if number >> 63 == 0:
            return number
        found = f"{number - (1 << 64)}"
        self._context.emit(catalog.BAD_EXTENT.at(span, found=found))
        return ERROR

    def _is_constant(self, name: str) -> bool:
        names = self._context.names
        is_local = name in self._context.scopes.names
        return not is_local and (name in names.constants or name in names.pending)

    def _local_extent(self, node: ast.Expression) -> Dimension | ErrorType:
        context = self._context
        is_name = type(node) is ast.Identifier
        if is_name and node.text == ANY_EXTENT and ANY_EXTENT not in context.scopes.names:  # type: ignore[union-attr]  # an identifier
            return None
        value = context.expressions[type(node)](node)
        return self.extent_of(value)

    def extent_of(self, value: typed.Expression) -> Dimension | ErrorType:
        """Return the extent that a value is, keeping what may change in a new variable."""
        context = self._context
        found = value.type
        if found is ERROR:
            return ERROR
        if not isinstance(found, ScalarType) or found.is_float:
            context.emit(catalog.BAD_EXTENT.at(value.span, found=described(found)))
            return ERROR
        number = _folded(value)
        if number is not None:
            return self._checked(number, value.span)
        if type(value) is typed.LocalRead and self._keeps_value(value.variable):
            return value.variable
        kept = typed.LocalVariable(value.span.text, U64, value.span)
        self._wire.assignments.prepend(typed.DeclareScalar(kept, value, value.span))
        return kept

    def _keeps_value(self, variable: typed.LocalVariable) -> bool:
        if variable.is_extent:
            return True
        signature = self._context.function
        if signature is None:
            return False
        assigned = self._assigned.get(signature)
        if assigned is None:
            assigned = self._assigned[signature] = settled_names(signature)
        return variable.name not in assigned


def _folded(value: typed.Expression) -> int | None:
    try:
        found = fold(value)
    except NotConstantError:
        return None
    return found.value if type(found) is typed.IntegerConstant else None


def has_any_extent(shape: Shape) -> bool:
    """Whether nothing is known of some extent."""
    return any(row is None for row in shape)
