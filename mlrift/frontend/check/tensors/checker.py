"""The checker of tensors: what each piece of syntax means when an operand is a tensor."""

from mlrift.diagnostics import catalog
from mlrift.frontend import ast, typed
from mlrift.frontend.ast import BinaryOperator, UnaryOperator
from mlrift.frontend.builtins import tensor as ir
from mlrift.frontend.builtins import tensor_memory as memory
from mlrift.frontend.builtins import tensor_parts as parts
from mlrift.frontend.check.context import Context, Wiring
from mlrift.frontend.check.tensors import elementwise, printing, subscripts
from mlrift.frontend.check.tensors.arrangement import extent_of, permuted
from mlrift.frontend.check.tensors.extents import ExtentReader, element_kind
from mlrift.frontend.check.tensors.fields import (
    FIELD,
    VIEW,
    copied,
    field_value,
    is_lent,
    lends,
    settle_fields,
)
from mlrift.frontend.check.tensors.misuse import report_misplaced
from mlrift.frontend.check.tensors.nodes import (
    ELEMENTS,
    described,
    failed,
    fitted,
    operation,
    read,
)
from mlrift.frontend.check.tensors.operations import OPERATIONS, call
from mlrift.frontend.check.tensors.requests import is_tensor
from mlrift.frontend.check.tensors.shapes import Dimension, count, shape_of, shaped
from mlrift.frontend.check.tensors.signatures import SignatureChecker
from mlrift.frontend.check.tensors.values import MAKERS, ValueChecker, call_maker
from mlrift.frontend.check.tensors.variables import VariableChecker, read_static
from mlrift.frontend.scopes import Callee, Signature
from mlrift.source import Span
from mlrift.static_types import Any
from mlrift.typesystem import ERROR, U64, ElementKind, ScalarType, TensorType, Type

_MEMBERS = ("T", "len", "data")


class TensorChecker:
    """Handlers of tensors."""

    def __init__(self, context: Context, wire: Wiring) -> None:
        self._context = context
        self._wire = wire
        self._reader = ExtentReader(context, wire)
        self._values = ValueChecker(context, wire)
        self._variables = VariableChecker(context, wire, self._reader, self._values)
        self._signatures = SignatureChecker(context, self._reader)

    def expressions(self) -> dict[type, Any]:
        """Return the handlers of expressions that only tensors have."""
        return {}

    def statements(self) -> dict[type, Any]:
        """Return the handlers of statements that only tensors have."""
        return {ast.DeclareView: self._variables.declare_view}

    # ------------------------------------------------------------------------ declarations

    def declare(self, node: ast.Declare) -> typed.Statement:
        """Check `tensor T[...] name` and `tensor T[...] name = value`."""
        return self._variables.declare(node)

    def constant_type(self, name: ast.TensorTypeName) -> Type:
        """Return the type of what is declared outside functions."""
        return self._reader.constant_type(name, "an extent of a variable outside functions")

    def settle_fields(self, structs: list[ast.Struct]) -> None:
        """Give the fields of structs that are tensors their types."""
        settle_fields(self._context, structs)

    def field_type(self, name: ast.TensorTypeName) -> Type:
        """Return the type of a field; ERROR after a report."""
        return self._reader.constant_type(name, "an extent of a field")

    def field_value(
        self, address: typed.Expression, found: TensorType, span: Span
    ) -> typed.Expression:
        """Return the tensor that a field of a struct is."""
        return field_value(address, found, span)

    def given(self, node: ast.Expression, wanted: TensorType) -> typed.Expression:
        """Return a value for a field of type `wanted`."""
        return self._values.given(node, wanted)

    def refuse(self, name: ast.AnyTypeName, what: str) -> None:
        """Report a type of a tensor where there can be none."""
        diagnostic = catalog.NOT_WITH_TENSORS.at(name.span, what=what, found=f"`{name.span.text}`")
        self._context.emit(diagnostic)

    def refuse_address(self, span: Span) -> None:
        """Report the address of a function with tensors, which words cannot enter."""
        found = "its parameters or its result are tensors"
        diagnostic = catalog.NOT_WITH_TENSORS.at(span, what="a function by address", found=found)
        self._context.emit(diagnostic)

    def resolve(self, signature: Signature) -> None:
        """Give the parameters and the result of a function their types."""
        self._signatures.resolve(signature)

    def enter(self, signature: Signature) -> list[typed.Statement]:
        """Make the names of shapes visible; return what the body begins with."""
        return self._signatures.enter(signature)

    def leave(self, blocks: list[typed.Block]) -> None:
        """Report tensors where none can be."""
        report_misplaced(self._context, blocks)

    def assign(self, node: ast.Assign) -> typed.Statement | None:
        """Check an assignment to a tensor or a part of it; None if the target is something else."""
        return self._variables.assign(node)

    def returned(self, value: typed.Expression, result: Type) -> typed.Expression:
        """Return the value of a function as its result."""
        if isinstance(result, TensorType):
            return self._values.fitted(value, result)
        return value

    def results_of(self, call: typed.Call, results: list[Type]) -> list[Type]:
        """Return the results of a call with what is known of their shapes there."""
        return self._signatures.results_of(call, results)

    def declare_result(
        self,
        type_name: ast.TensorTypeName,
        name: ast.Name,
        value: typed.Expression,
        known: Type,
        call: typed.Call,
    ) -> typed.Statement:
        """Declare a tensor that is one of several results, whose shape at the call is `known`."""
        self._context.has_tensors = True
        if isinstance(known, TensorType) and known is not value.type:
            value = operation("fit", known, [value], value.span, ir.fit([]))
        elif known is not ERROR and not isinstance(known, TensorType):
            found = f"`{known.name}`"
            self._context.emit(catalog.EXPECTED_TENSOR.at(value.span, found=found))
            value = failed(value.span)
        if isinstance(known, TensorType) and lends(call):
            value = copied(value, value.span)
        return self._variables.declare_given(type_name, name, value)

    def refuse_result(self, type_name: ast.AnyTypeName, found: TensorType) -> None:
        """Report a result that is a tensor where a variable is none."""
        expected = f"`{type_name.span.text}`"
        diagnostic = catalog.SHAPE_MISMATCH.at(
            type_name.span, expected=expected, found=described(found)
        )
        self._context.emit(diagnostic)

    def static_read(self, variable: typed.StaticVariable, span: Span) -> typed.Expression:
        """Return the value of a static tensor."""
        return read_static(variable, span)

    # ------------------------------------------------------------------- members and parts

    def member(self, base: typed.Expression, node: ast.Member) -> typed.Expression:
        """Return `base.T`, `base.len` or `base.data`."""
        found, name = base.type, node.member.text
        assert isinstance(found, TensorType)
        shape = shape_of(found)
        if name == "len":
            elements = count(shape)
            if elements is not None:
                return typed.IntegerConstant(elements, U64, node.span)
            return operation("len", U64, [base], node.span, ir.length)
        if name == "T":
            if len(shape) >= 2:
                axes = [*range(len(shape) - 2), len(shape) - 1, len(shape) - 2]
                return permuted(base, axes, node.span)
            self._context.emit(catalog.NO_SUCH_AXIS.at(node.member.span, axis=1, rank=len(shape)))
            return failed(node.span)
        if name == "data":
            return self._data(base, found, node.span)
        known = (*_MEMBERS, "dim", *OPERATIONS)
        suggestion = self._context.suggest(name, known)
        self._context.emit(
            catalog.NO_TENSOR_MEMBER.at(node.member.span, name=name, suggestion=suggestion)
        )
        return failed(node.span)

    def _data(self, base: typed.Expression, found: TensorType, span: Span) -> typed.Expression:
        """Return the address of a variable's own elements; the variable lives on to the end."""
        if type(base) is typed.LocalRead:
            place = typed.LocalPlace(base.variable, found, span)
            address = self._variables.address_of_view(base.variable)
            if address is not None:
                return read(address, span)
            function = self._context.function
            if function is not None and base.variable not in function.symbol.kept_tensors:
                function.symbol.kept_tensors.append(base.variable)
            owned = self._owned(base, found, span)
            self._wire.assignments.prepend(self._variables.stored(place, owned, span))
            return operation("data", U64, [base], span, ir.data)
        static = _static_of(base)
        if static is not None:
            owned = self._owned(base, found, span)
            static_place = typed.StaticPlace(static, found, span)
            self._wire.assignments.prepend(self._variables.stored(static_place, owned, span))
            return operation("data", U64, [base], span, ir.data)
        if type(base) is typed.BuiltinCall and base.builtin.name in (VIEW, FIELD):
            return base.arguments[0]  # the column of a population or of connections, a field
        self._context.emit(catalog.NO_ADDRESS.at(span))
        return failed(span)

    @staticmethod
    def _owned(base: typed.Expression, found: TensorType, span: Span) -> typed.Expression:
        rank = len(found.extents)
        empty = shaped(found.element, (0,) * rank).machine
        return operation("own", found, [base], span, parts.own(rank, empty))

    def index(
        self, base: typed.Expression, entries: list[ast.Expression | ast.IndexSpan], span: Span
    ) -> typed.Expression:
        """Return `base[entries]`."""
        return subscripts.index(self._context, base, entries, span)

    def place(self, base: typed.Expression, target: ast.Index | ast.Member) -> typed.Place:
        """Report what is assigned to although it has no name of its own."""
        self._context.emit(catalog.TENSOR_PART_NOT_ASSIGNED.at(target.span))
        variable = typed.LocalVariable("<error>", ERROR, target.span)
        return typed.LocalPlace(variable, ERROR, target.span)

    # -------------------------------------------------------------------------- operations

    def unary(
        self, operator: UnaryOperator, operand: typed.Expression, span: Span
    ) -> typed.Expression:
        """Return `-operand`, `!operand` or `~operand`."""
        return elementwise.prefixed(self._context, operator, operand, span)

    def binary(
        self,
        operator: BinaryOperator,
        left: typed.Expression,
        right: typed.Expression,
        operator_span: Span,
        span: Span,
    ) -> typed.Expression:
        """Return `left operator right`."""
        site = elementwise.Site(self._context, operator.value, operator_span, span)
        return elementwise.binary(site, operator, left, right)

    def cast(self, value: typed.Expression, node: ast.Cast) -> typed.Expression:
        """Return `value as T`."""
        element = element_kind(self._context, node.type)
        if element is None:
            return failed(node.span)
        return elementwise.cast(value, element, node.span)

    def call(
        self, name: str, values: list[typed.Expression], span: Span, callee: Callee | None
    ) -> typed.Expression | None:
        """Return an operation on checked operands; None if `name` is none with them."""
        found = call(self._context, name, values, span)
        if found is None and callee is None and name in MAKERS:
            found = call_maker(self._context, name, values, span)
            if found is None:
                found = self._values.report_maker(name, values, span)
        return found

    def call_function(
        self, symbol: typed.FunctionSymbol, values: list[typed.Expression], span: Span
    ) -> typed.Expression:
        """Return the call of a function with tensors; other arguments are converted already."""
        made = self._signatures.call(self._signatures.functions[symbol], values, span)
        may_be_field = isinstance(made.type, TensorType) and any(map(is_lent, values))
        return copied(made, span) if may_be_field else made

    def has_shapes(self, symbol: typed.FunctionSymbol) -> bool:
        """Whether a function has tensors among its parameters or as its result."""
        return symbol in self._signatures.functions

    def method(self, receiver: typed.Expression, node: ast.MethodCall) -> typed.Expression | None:
        """Return `receiver.dim(axis)`; None for operations and functions."""
        if node.method.text != "dim":
            return None
        found = receiver.type
        assert isinstance(found, TensorType)
        rank = len(found.extents)
        values = [self._context.expressions[type(row)](row) for row in node.arguments]
        if len(values) != 1 or type(values[0]) is not typed.IntegerConstant:
            names = ", ".join(described(row.type) for row in values) or "nothing"
            self._context.emit(
                catalog.TENSOR_ARGUMENTS.at(
                    node.span, name="dim", expected="the number of an axis", found=names
                )
            )
            return failed(node.span)
        axis = values[0].value
        if axis >= rank:
            self._context.emit(catalog.NO_SUCH_AXIS.at(values[0].span, axis=axis, rank=rank))
            return failed(node.span)
        return extent_of(receiver, axis, node.span)

    # ------------------------------------------------------------------------------- text

    def has_text(self, values: list[typed.Expression]) -> bool:
        """Whether some of the values to print are tensors, or f-strings with tensors."""
        return any(is_tensor(row) or printing.is_joined(row) for row in values)

    def printed(self, values: list[typed.Expression], end: bytes, span: Span) -> typed.Expression:
        """Return what prints values of which some are tensors."""
        return printing.printed(values, end, span)

    def format_string(
        self, pieces: "list[bytes | typed.Expression]", span: Span
    ) -> typed.Expression:
        """Return an f-string of which some parts are tensors."""
        return printing.format_string(pieces, span)

    # ----------------------------------------------------------------------------- memory

    def tensor_of_memory(
        self, address: typed.Expression, row: ScalarType, length: typed.Expression, span: Span
    ) -> typed.Expression:
        """Return memory as a tensor of one axis."""
        self._context.has_tensors = True
        extent: Dimension = None
        words: list[typed.Expression] = [length]
        if type(length) is typed.IntegerConstant:
            extent, words = length.value, []
        made = shaped(ELEMENTS.get(row, ElementKind.U8), (extent,))
        return operation("view", made, [address, *words], span, ir.view(made.machine))

    def assign_to_memory(
        self,
        view: typed.Expression,
        address: typed.Expression,
        node: ast.Assign,
    ) -> typed.Statement:
        """Return the assignment of a tensor or a number to all of what `view` shows."""
        wanted = view.type
        assert isinstance(wanted, TensorType)
        value = self._context.expressions[type(node.value)](node.value)
        if node.operator is not None:
            value = self.binary(node.operator, view, value, node.target.span, node.span)
        if value.type is not ERROR:
            value = fitted(self._context, value, wanted)
        if value.type is ERROR:
            return typed.Evaluate(value, node.span)
        written = operation("write", U64, [value, address, view], node.span, memory.write)
        return typed.Evaluate(written, node.span)


def _static_of(base: typed.Expression) -> typed.StaticVariable | None:
    """Return the static variable whose value is read."""
    if type(base) is typed.BuiltinCall and base.builtin.name == "tensor.static":
        address = base.arguments[0]
        if type(address) is typed.StaticAddress:
            return address.variable
    return None
