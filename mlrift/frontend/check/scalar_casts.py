"""`value as T`: a number of another type, for scalars and the elements of tensors and vectors."""

from mlrift.diagnostics import catalog
from mlrift.frontend import ast, typed
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.scalar_conversions import converted
from mlrift.static_types import TYPE_CHECKING
from mlrift.typesystem import ERROR, HALF, ScalarType, Type

if TYPE_CHECKING:
    from mlrift.frontend.check.extensions import Extensions


class CastChecker:
    """Handler of `as`."""

    def __init__(self, context: Context, extensions: "Extensions") -> None:
        self._context = context
        self._extensions = extensions

    def cast(self, node: ast.Cast) -> typed.Expression:
        """Return `value as T`."""
        value = self._context.expressions[type(node.operand)](node.operand)
        extended = self._extensions.cast(value, node)
        if extended is not None:
            return extended
        name = node.type.name
        target: Type | None = self._context.names.types.get(name)
        if value.type is ERROR or (target is ERROR):
            return typed.IntegerConstant(0, ERROR, node.span)
        is_number = isinstance(target, ScalarType) and target is not HALF
        if not is_number or value.type is HALF or not isinstance(value.type, ScalarType):
            diagnostic = catalog.NO_CAST.at(node.span, found=f"`{value.type.name}`", wanted=name)
            if target is HALF or value.type is HALF:
                diagnostic = diagnostic.note("a scalar f16 is its bits: f32_to_f16, f16_to_f32")
            self._context.emit(diagnostic)
            return typed.IntegerConstant(0, ERROR, node.span)
        assert isinstance(target, ScalarType)
        made = converted(value, target)
        made.span = node.span
        return made
