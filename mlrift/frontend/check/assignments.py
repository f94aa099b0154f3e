"""Assignments: plain, compound, and through pointers.

`a[i] = v` evaluates the value before the index, `x.f = v` the address first; a compound assignment
evaluates its address once (Q21). A destination converts as any typed destination does.
"""

from collections.abc import Callable

from mlrift.diagnostics import catalog
from mlrift.frontend import ast, typed
from mlrift.frontend.ast import BinaryOperator
from mlrift.frontend.check.access import AccessChecker
from mlrift.frontend.check.calls import CallChecker
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.conversions import bit_conversion, coerce, to_word
from mlrift.frontend.check.expressions import ExpressionChecker
from mlrift.frontend.check.literals import check_struct_kind, warn_unfit
from mlrift.frontend.check.operators import FLOAT_KINDS, integer_rule
from mlrift.frontend.check.type_names import access_type
from mlrift.frontend.typed import BinaryKind, ConversionKind
from mlrift.source import Span
from mlrift.typesystem import DOUBLE, ERROR, U64, ScalarType, StructType, Tag


class AssignmentChecker:
    """Handlers of assignments and pointer statements.

    `prepend` is set by the statement checker: it adds a statement before the current one.
    """

    def __init__(
        self,
        context: Context,
        expressions: ExpressionChecker,
        access: AccessChecker,
        calls: CallChecker,
    ) -> None:
        self._context = context
        self._handlers = context.expressions
        self._bindings = context.scopes.names
        self._expressions = expressions
        self._access = access
        self._calls = calls
        self.prepend: Callable[[typed.Statement], None]

    def assign(self, node: ast.Assign) -> typed.Statement:
        """Check `target = value` and `target op= value`."""
        if self._context.extended_root(node.target):
            extended = self._context.extensions.assign(node)
            if extended is not None:
                return extended
        if node.operator is not None:
            return self._compound(node, node.operator)
        context, target = self._context, node.target
        value = self._calls.possibly_void(node.value)
        value = self._calls.reject_void(value, catalog.VOID_ASSIGNED)
        place = self._access.place(target)
        if type(place) is typed.LocalPlace:
            if place.type is ERROR:
                return typed.Evaluate(value, node.span)
            self._bindings[place.variable.name].is_initialized = True
        if type(node.value) is ast.IntegerLiteral:
            name = target.span.text
            warn_unfit(context, node.value, place.type, catalog.ASSIGNMENT_DOES_NOT_FIT, name)
        else:
            check_struct_kind(context, value, place.type, catalog.ASSIGNMENT_STRUCT_KIND)
        return typed.Assign(place, coerce(value, place.type), node.span)

    # ----------------------------------------------------------------------------- compound

    def _compound(self, node: ast.Assign, operator: BinaryOperator) -> typed.Statement:
        place = self._access.place(node.target)
        if type(place) is typed.LocalPlace:
            self._note_read(place, node.target.span)
        operand = self._handlers[type(node.value)](node.value)
        if place.type is ERROR:
            return typed.Evaluate(operand, node.span)
        target_type, operand_type = place.type, operand.type
        if target_type.is_float and operand_type.is_float and operator in FLOAT_KINDS:
            return self._compound_float(node, operator, place, operand)
        if (
            type(target_type) is not ScalarType
            or target_type.is_float
            or (type(operand_type) is not ScalarType or operand_type.is_float)
        ):
            # Not two words: the operator itself reports what is wrong with these operands.
            self._expressions.binary(operator, _read(place), operand, node.target.span, node.span)
        if target_type.is_float:
            operand = coerce(operand, target_type)
            kind = FLOAT_KINDS.get(operator, BinaryKind.FADD)
            return typed.CompoundAssign(place, kind, operand, False, node.span)
        rule = integer_rule(operator, target_type, operand_type)
        return typed.CompoundAssign(
            place, rule.kind, to_word(operand), rule.is_overflow_checked, node.span
        )

    def _note_read(self, place: typed.LocalPlace, span: Span) -> None:
        binding = self._bindings.get(place.variable.name)
        if binding is None or binding.variable is not place.variable:
            return
        binding.is_read = True
        if not binding.is_initialized:
            self._expressions.warn_uninitialized(binding, span)

    def _compound_float(
        self,
        node: ast.Assign,
        operator: BinaryOperator,
        place: typed.Place,
        operand: typed.Expression,
    ) -> typed.Statement:
        if operand.type.tag is Tag.F32 and place.type.tag is Tag.F64:
            operand = coerce(operand, DOUBLE)
        if operand.type.tag is place.type.tag:
            kind = FLOAT_KINDS[operator]
            return typed.CompoundAssign(place, kind, operand, False, node.span)
        return self._compound_in_double(node, operator, place, operand)

    def _compound_in_double(
        self,
        node: ast.Assign,
        operator: BinaryOperator,
        place: typed.Place,
        operand: typed.Expression,
    ) -> typed.Statement:
        """Spell out `x op= e` for an f32 place and an f64 operand: `x = f32(f64(x) op e)`.

        The operand and the address are kept in variables, so each is evaluated once.
        """
        span = node.span
        if type(place) is typed.MemoryPlace:
            if place.value_first:
                operand = self._keep(operand, DOUBLE)
            address = self._keep(place.address, U64)
            place = typed.MemoryPlace(address, place.type, place.value_first, place.span)
        widened = typed.Convert(ConversionKind.F32_TO_F64, _read(place), DOUBLE, span)
        result = typed.Binary(FLOAT_KINDS[operator], widened, operand, DOUBLE, span)
        return typed.Assign(place, coerce(result, place.type), span)

    def _keep(self, value: typed.Expression, kept: ScalarType) -> typed.Expression:
        variable = typed.LocalVariable("<kept>", kept, value.span)
        self.prepend(typed.DeclareScalar(variable, value, value.span))
        return typed.LocalRead(variable, kept, value.span)

    # ----------------------------------------------------------------------------- pointers

    def pointer_load(self, node: ast.PointerLoad) -> typed.Statement:
        """Check `unsafe { *(address as T) -> name }`."""
        address = to_word(self._handlers[type(node.address)](node.address))
        memory_type = access_type(self._context, node.type)
        place = self._access.name_place(node.name.text, node.name.span)
        if type(place) is typed.LocalPlace:
            if place.type is ERROR:
                return typed.Evaluate(address, node.span)
            self._bindings[node.name.text].is_initialized = True
        conversion = bit_conversion(memory_type, place.type)
        return typed.PointerLoad(
            address, memory_type, conversion, place, node.is_volatile, node.span
        )

    def pointer_store(self, node: ast.PointerStore) -> typed.Statement:
        """Check `unsafe { *(address as T) = value }`."""
        address = to_word(self._handlers[type(node.address)](node.address))
        memory_type = access_type(self._context, node.type)
        value = self._calls.possibly_void(node.value)
        value = self._calls.reject_void(value, catalog.VOID_AS_VALUE)
        name = node.type.name
        warn_unfit(self._context, node.value, memory_type, catalog.ASSIGNMENT_DOES_NOT_FIT, name)
        return typed.PointerStore(
            address, memory_type, coerce(value, memory_type), node.is_volatile, node.span
        )


def _read(place: typed.Place) -> typed.Expression:
    """Return the current value of a place."""
    if type(place) is typed.LocalPlace:
        return typed.LocalRead(place.variable, place.type, place.span)
    if type(place) is typed.StaticPlace:
        return typed.StaticRead(place.variable, place.type, place.span)
    if type(place) is typed.DevicePlace:
        return typed.DeviceRead(place.address, place.type, place.span)
    assert type(place) is typed.MemoryPlace
    if type(place.type) is StructType:
        return place.address
    assert type(place.type) is ScalarType
    return typed.Load(place.address, place.type, place.span)
