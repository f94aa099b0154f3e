"""Memory named in expressions: fields, elements, enum members, device registers, slice lengths.

Reading gives a load (or the address, for structs); `place` gives what an assignment stores to.
Writing through a field or an element does not count as reading the variable (reference.md 17.3).
"""

from mlrift.diagnostics import catalog
from mlrift.frontend import ast, typed
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.conversions import to_word
from mlrift.frontend.check.expressions import ExpressionChecker
from mlrift.frontend.scopes import EnumNames
from mlrift.source import Span
from mlrift.typesystem import (
    ERROR,
    EXTENDED_KINDS,
    U8,
    U64,
    ArrayType,
    FieldType,
    MemberType,
    ScalarType,
    SliceType,
    StructField,
    StructType,
    TensorType,
)


class AccessChecker:
    """Handlers of member and index expressions, and places made of them."""

    def __init__(self, context: Context, expressions: ExpressionChecker) -> None:
        self._context = context
        self._handlers = context.expressions
        self._bindings = context.scopes.names
        self._expressions = expressions
        context.expressions[ast.Member] = self._member
        context.expressions[ast.Index] = self._index

    # ----------------------------------------------------------------------------- reading

    def _member(self, node: ast.Member) -> typed.Expression:
        if self._context.has_models and self._context.extended_root(node):
            found = self._context.extensions.element_of_model(node)
            if found is not None:
                return typed.Load(found[0], found[1], node.span)
        qualifier = self._qualifier(node)
        if qualifier:
            return self._qualified(qualifier, node)
        return self._read_field(self._handlers[type(node.base)](node.base), node)

    def _index(self, node: ast.Index) -> typed.Expression:
        return self._read_element(self._handlers[type(node.base)](node.base), node)

    def _read_field(self, base: typed.Expression, node: ast.Member) -> typed.Expression:
        base_type = base.type
        if type(base_type) is not StructType:
            return self._field_of_other(base, node)
        field = base_type.fields.get(node.member.text)
        if field is None:
            return self._unknown_field(base_type, node)
        address = _field_address(base, field, node.span)
        if type(field.type) is StructType:
            return address
        if type(field.type) is TensorType:
            return self._context.extensions.tensors.field_value(address, field.type, node.span)
        return typed.Load(address, _scalar(field.type), node.span)

    def _field_of_other(self, base: typed.Expression, node: ast.Member) -> typed.Expression:
        if type(base.type) in EXTENDED_KINDS:
            return self._context.extensions.member(base, node)
        member = node.member
        if type(base) is typed.LocalRead and member.text == "len":
            length = base.variable.slice_length
            if length is not None:
                return typed.LocalRead(length, length.type, node.span)
        if base.type is not ERROR:
            if member.text == "len":
                diagnostic = catalog.LEN_OF_NON_SLICE.at(node.span, found=base.type.name)
            else:
                diagnostic = catalog.FIELD_OF_NON_STRUCT.at(member.span, field=member.text)
                diagnostic = diagnostic.label(base.span, f"this has type `{base.type.name}`")
            self._context.emit(diagnostic)
        return typed.IntegerConstant(0, ERROR, node.span)

    def _unknown_field(self, struct: StructType, node: ast.Member) -> typed.Expression:
        name = node.member.text
        suggestion = self._context.suggest(name, struct.fields)
        diagnostic = catalog.NO_SUCH_FIELD.at(
            node.member.span, field=name, name=struct.name, suggestion=suggestion
        )
        self._context.emit(diagnostic)
        return typed.IntegerConstant(0, ERROR, node.span)

    def _read_element(self, base: typed.Expression, node: ast.Index) -> typed.Expression:
        if type(base.type) in EXTENDED_KINDS or type(node.index) is ast.IndexSpan:
            return self._context.extensions.index(base, node)
        index = self._handlers[type(node.index)](node.index)
        if base.type is ERROR:
            return typed.IntegerConstant(0, ERROR, node.span)
        address = self._element_address(base, index, node)
        if type(address.element) is StructType:
            return address
        return typed.Load(address, _scalar(address.element), node.span)

    def _element_address(
        self, base: typed.Expression, index: typed.Expression, node: ast.Index
    ) -> typed.ElementAddress:
        context = self._context
        base_type = base.type
        element: FieldType = U8
        count: int | None = None
        if type(base_type) is ArrayType:
            element, count = base_type.element, base_type.count
        elif type(base_type) is SliceType:
            element = base_type.element
        elif base_type.is_float:
            context.emit(catalog.FLOAT_OPERATOR.at(node.base.span, operator="[]"))
        if index.type.is_float:
            found = f"float ({index.type.name})"
            context.emit(catalog.INDEX_IS_FLOAT.at(node.index.span, found=found))
        elif type(index.type) is StructType:
            context.emit(catalog.INDEX_IS_FLOAT.at(node.index.span, found="struct"))
        name = node.base.text if type(node.base) is ast.Identifier else ""
        element_type = element if type(element) is StructType else U64
        return typed.ElementAddress(
            to_word(base), to_word(index), element, count, name, element_type, node.span
        )

    # ---------------------------------------------------------------------- enums, devices

    def _qualifier(self, node: ast.Member) -> str:
        """Return `base` of `base.member` if it names an enum or a device, else an empty string."""
        base = node.base
        if type(base) is not ast.Identifier or base.text in self._bindings:
            return ""
        names = self._context.names
        name = base.text
        if name in names.statics or name in names.constants or name in names.pending:
            return ""
        return name if name in names.enums or name in names.devices else ""

    def _qualified(self, name: str, node: ast.Member) -> typed.Expression:
        enum = self._context.names.enums.get(name)
        if enum is not None:
            return self._enum_member(name, enum, node)
        address, register_type = self._register(name, node)
        if register_type is None:
            return typed.IntegerConstant(0, ERROR, node.span)
        return typed.DeviceRead(address, register_type, node.span)

    def _enum_member(self, name: str, enum: EnumNames, node: ast.Member) -> typed.Expression:
        member = node.member.text
        value = enum.members.get(member)
        if value is not None:
            return typed.IntegerConstant(value, U64, node.span)
        suggestion = self._context.suggest(member, enum.members)
        diagnostic = catalog.UNKNOWN_ENUM_MEMBER.at(
            node.member.span, member=member, name=name, suggestion=suggestion
        )
        self._context.emit(diagnostic.label(enum.span, "the enum is declared here"))
        return typed.IntegerConstant(0, ERROR, node.span)

    def _register(self, name: str, node: ast.Member) -> tuple[int, ScalarType | None]:
        device = self._context.names.devices[name]
        register = node.member.text
        if register in device.registers:
            return device.registers[register]
        suggestion = self._context.suggest(register, device.registers)
        diagnostic = catalog.UNKNOWN_REGISTER.at(
            node.member.span, register=register, name=name, suggestion=suggestion
        )
        self._context.emit(diagnostic.label(device.span, "the device is declared here"))
        return 0, None

    # ----------------------------------------------------------------------------- writing

    def place(self, target: ast.Expression) -> typed.Place:
        """Return the place that an assignment target names; of type ERROR after a report."""
        if type(target) is ast.Identifier:
            return self.name_place(target.text, target.span)
        if type(target) is ast.Member:
            return self._member_place(target)
        if type(target) is ast.Index:
            base = self._target_base(target.base)
            if type(base.type) in EXTENDED_KINDS or type(target.index) is ast.IndexSpan:
                return self._context.extensions.place(base, target)
            index = self._handlers[type(target.index)](target.index)
            if base.type is ERROR:
                return error_place(target.span)
            address = self._element_address(base, index, target)
            return typed.MemoryPlace(address, address.element, True, target.span)
        if type(target) is ast.IndexAxes and self._context.extended_root(target):
            found = self._context.extensions.edge_of_model(target)
            if found is not None:
                return typed.MemoryPlace(found[0], found[1], True, target.span)
        self._handlers[type(target)](target)
        self._report_target(target.span, _TARGET_NAMES.get(type(target), "this expression"))
        return error_place(target.span)

    def name_place(self, text: str, span: Span) -> typed.Place:
        """Return the place of a variable by name: a local, a static, or an error."""
        binding = self._bindings.get(text)
        if binding is not None:
            variable = binding.variable
            if variable.is_extent:
                self._context.emit(catalog.EXTENT_ASSIGNED.at(span, name=text))
                return error_place(span)
            if type(variable.type) is ArrayType:
                self._context.emit(catalog.STRUCT_ARRAY_ASSIGNMENT.at(span, name=text))
                return error_place(span)
            return typed.LocalPlace(variable, variable.type, span)
        static = self._context.names.statics.get(text)
        if static is None:
            self._report_name(text, span)
            return error_place(span)
        static_type = static.type
        if type(static_type) is ArrayType:
            self._context.emit(catalog.STRUCT_ARRAY_ASSIGNMENT.at(span, name=text))
            return error_place(span)
        if type(static_type) is StructType:
            static.is_repointed = True
        return typed.StaticPlace(static, static_type, span)

    def _report_name(self, name: str, span: Span) -> None:
        context, names = self._context, self._context.names
        if name in names.constants or name in names.pending:
            context.emit(catalog.ASSIGNMENT_TO_CONST.at(span, name=name))
        elif name in names.enums:
            self._report_target(span, f"enum '{name}'")
        elif name in names.devices:
            self._report_target(span, f"device '{name}'")
        elif name in names.functions:
            self._report_target(span, f"function '{name}'")
        else:
            suggestion = context.suggest_value(name)
            diagnostic = catalog.UNDECLARED_ASSIGNMENT.at(span, name=name, suggestion=suggestion)
            context.emit_name_error(name, diagnostic.help(f"u64 {name}"))

    def _report_target(self, span: Span, what: str) -> None:
        self._context.emit(catalog.INVALID_TARGET.at(span, what=what))

    def _member_place(self, target: ast.Member) -> typed.Place:
        if self._context.has_models and self._context.extended_root(target):
            found = self._context.extensions.element_of_model(target)
            if found is not None:
                return typed.MemoryPlace(found[0], found[1], True, target.span)
        qualifier = self._qualifier(target)
        if qualifier:
            return self._qualified_place(qualifier, target)
        base = self._target_base(target.base)
        struct = base.type
        if type(struct) in EXTENDED_KINDS:
            return self._context.extensions.place(base, target)
        if type(struct) is not StructType:
            if type(base) is typed.LocalRead and base.variable.slice_length is not None:
                self._report_target(target.span, "the length of a slice")
            else:
                self._field_of_other(base, target)
            return error_place(target.span)
        name = target.member.text
        field = struct.fields.get(name)
        if field is None:
            suggestion = self._context.suggest(name, struct.fields)
            diagnostic = catalog.UNKNOWN_FIELD_IN_ASSIGNMENT.at(
                target.member.span, field=name, name=struct.name, suggestion=suggestion
            )
            self._context.emit(diagnostic)
            return error_place(target.span)
        address = _field_address(base, field, target.span)
        return typed.MemoryPlace(address, field.type, False, target.span)

    def _qualified_place(self, name: str, target: ast.Member) -> typed.Place:
        if name in self._context.names.enums:
            self._report_target(target.span, f"member of enum '{name}'")
            return error_place(target.span)
        address, register_type = self._register(name, target)
        if register_type is None:
            return error_place(target.span)
        return typed.DevicePlace(address, register_type, target.span)

    def _target_base(self, node: ast.Expression) -> typed.Expression:
        """Return the base of a target; the variable at its root does not count as read."""
        if type(node) is ast.Identifier:
            return self._unread_name(node)
        if type(node) is ast.Member and not self._qualifier(node):
            return self._read_field(self._target_base(node.base), node)
        if type(node) is ast.Index:
            return self._read_element(self._target_base(node.base), node)
        return self._handlers[type(node)](node)

    def _unread_name(self, node: ast.Identifier) -> typed.Expression:
        binding = self._bindings.get(node.text)
        was_read = binding is not None and binding.is_read
        value = self._expressions.identifier(node)
        if binding is not None:
            binding.is_read = was_read
        return value


_TARGET_NAMES: dict[type, str] = {
    ast.IntegerLiteral: "a number",
    ast.FloatLiteral: "a number",
    ast.StringLiteral: "a string",
    ast.CharLiteral: "a character",
    ast.BoolLiteral: "a truth value",
    ast.FormatString: "an f-string",
    ast.SizeOf: "`sizeof`",
    ast.Unary: "the result of an operator",
    ast.Binary: "the result of an operator",
    ast.Call: "the result of a call",
    ast.MethodCall: "the result of a call",
    ast.StructLiteral: "a struct literal",
}


def error_place(span: Span) -> typed.Place:
    """Return the place of a target that was already reported."""
    return typed.LocalPlace(typed.LocalVariable("<error>", ERROR, span), ERROR, span)


def _scalar(field_type: MemberType) -> ScalarType:
    if type(field_type) is not ScalarType:
        raise TypeError(f"a scalar is expected, got {field_type.name}")
    return field_type


def _field_address(base: typed.Expression, field: StructField, span: Span) -> typed.FieldAddress:
    """Return the address of a field; nested fields become one offset."""
    result = field.type if type(field.type) is StructType else U64
    if type(base) is typed.FieldAddress:
        return typed.FieldAddress(base.base, base.offset + field.offset, result, span)
    return typed.FieldAddress(base, field.offset, result, span)
