"""Declarations of locals: scalars, structs, arrays, tuples; what enters and leaves a scope.

A declared type is authoritative for the life of the variable. The initialiser is checked before
the name is visible.
"""

from mlrift.diagnostics import catalog
from mlrift.frontend import ast, typed
from mlrift.frontend.check.calls import CallChecker
from mlrift.frontend.check.constants import ConstantChecker
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.conversions import bit_conversion, coerce
from mlrift.frontend.check.literals import check_strictness, check_struct_kind, warn_unfit
from mlrift.frontend.check.type_names import declared_type
from mlrift.frontend.scopes import Binding
from mlrift.typesystem import (
    ERROR,
    EVENTS,
    SCALARS,
    U64,
    ArrayType,
    StructType,
    TensorType,
    Type,
    VecType,
)

MAX_LOCAL_ARRAY_BYTES = 1 << 40
MOST_UNLISTED = 3  # results of a function that does not list their types


class LocalChecker:
    """Handlers of declarations inside functions."""

    def __init__(self, context: Context, calls: CallChecker, constants: ConstantChecker) -> None:
        self._context = context
        self._scopes = context.scopes
        self._calls = calls
        self._constants = constants

    def enter_block(self) -> None:
        """Open a scope."""
        self._scopes.enter()

    def leave_block(self) -> None:
        """Close a scope; warn about what nobody read."""
        for variable in self._scopes.leave():
            self._context.emit(catalog.UNUSED_VARIABLE.at(variable.span, name=variable.name))

    def bind(self, binding: Binding) -> None:
        """Declare a name, reporting a second declaration in the same block.

        The variable of a finished `for` may be declared anew: it is visible after its loop only
        because programs read it there (Q36).
        """
        variable = binding.variable
        earlier = self._scopes.declared_here(variable.name)
        if earlier is not None and not earlier.is_loop_variable:
            diagnostic = catalog.VARIABLE_REDEFINED.at(variable.span, name=variable.name)
            self._context.emit(diagnostic.label(earlier.variable.span, "first declared here"))
            binding.is_read = True
        self._scopes.declare(binding)

    def declare(self, node: ast.Declare) -> typed.Statement:
        """Check `T name` and `T name = value`."""
        if type(node.type) is ast.CsrTypeName:
            return self._context.extensions.declare_connections(node)
        if type(node.type) is ast.TensorTypeName:
            return self._context.extensions.tensors.declare(node)
        if type(node.type) is ast.VectorTypeName:
            self._context.has_vectors = True
            return self._context.extensions.vectors.declare(node)
        name = node.name
        declared = SCALARS.get(node.type.name) or declared_type(self._context, node.type)
        value: typed.Expression | None = None
        if node.value is not None:
            value = self._initial_value(node.value, declared, name.text)
        variable = typed.LocalVariable(name.text, declared, name.span)
        is_exempt = name.text[0] == "_"
        is_struct = type(declared) is StructType
        is_initialized = value is not None or is_struct or is_exempt or declared is EVENTS
        self.bind(Binding(variable, is_initialized, is_exempt))
        if type(declared) is StructType:
            return typed.DeclareStruct(variable, declared, value, node.span)
        return typed.DeclareScalar(variable, value, node.span)

    def declared(self, name: ast.AnyTypeName) -> Type:
        """Return the type that a declaration names."""
        return declared_type(self._context, name)

    def _initial_value(self, node: ast.Expression, declared: Type, name: str) -> typed.Expression:
        context = self._context
        value = self._calls.possibly_void(node)
        value = self._calls.reject_void(value, catalog.VOID_INITIALIZER)
        if type(node) is ast.IntegerLiteral:
            warn_unfit(context, node, declared, catalog.INITIALIZER_DOES_NOT_FIT, name)
        else:
            check_strictness(context, node, declared)
            check_struct_kind(context, value, declared, catalog.INITIALIZER_STRUCT_KIND)
        return coerce(value, declared)

    def declare_array(self, node: ast.DeclareArray) -> typed.Statement:
        """Check `T[N] name`."""
        name = node.name
        element = declared_type(self._context, node.type)
        if type(element) is StructType and element.name in self._context.names.models:
            return self._context.extensions.declare_population(node, element)
        if type(element) is TensorType:
            self._context.extensions.tensors.refuse(node.type, "an array")
        if type(element) is VecType:
            self._context.extensions.vectors.refuse(node.type, "an array")
        array = self._constants.array_type(element, node.size, name, MAX_LOCAL_ARRAY_BYTES)
        variable = typed.LocalVariable(name.text, array, name.span)
        self.bind(Binding(variable, True, name.text[0] == "_"))
        if type(array) is ArrayType:
            return typed.DeclareArray(variable, array, node.span)
        return typed.DeclareScalar(variable, None, node.span)

    def declare_tuple(self, node: ast.DeclareTuple) -> typed.Statement:
        """Check `(T a, U b) = call(...)`."""
        context = self._context
        call = self._calls.possibly_void(node.value)
        call = self._calls.reject_void(call, catalog.VOID_INITIALIZER)
        self._check_arity(call, node)
        function = _function_of(call)
        if function is not None and (function.further or type(function.result) is TensorType):
            return context.extensions.results.declare(node, call)
        if type(call.type) is TensorType:
            call = typed.IntegerConstant(0, ERROR, call.span)  # reported: it is no call
        variables: list[typed.LocalVariable] = []
        conversions: list[typed.ConversionKind | None] = []
        for type_name, name in node.names:
            declared = declared_type(context, type_name)
            if type(declared) is TensorType:
                if call.type is not ERROR:
                    context.extensions.tensors.refuse(type_name, "a result that is a word")
                declared = ERROR
            is_alike = type(call) is typed.BuiltinCall or type(call.type) is VecType
            source: Type = call.type if not variables or is_alike else U64
            conversions.append(self._conversion(source, declared, type_name))
            variable = typed.LocalVariable(name.text, declared, name.span)
            self.bind(Binding(variable, True, True))
            variables.append(variable)
        return typed.DeclareTuple(variables, conversions, call, node.span)

    def _conversion(
        self, source: Type, declared: Type, name: ast.AnyTypeName
    ) -> typed.ConversionKind | None:
        """Return what makes a result its variable's type; vectors are that already, or refused."""
        is_vector = type(source) is VecType or type(declared) is VecType
        if not is_vector:
            return bit_conversion(source, declared)
        if source is not declared and ERROR not in (source, declared):
            diagnostic = catalog.VECTOR_EXPECTED.at(
                name.span, expected=f"`{source.name}`", found=f"`{declared.name}`"
            )
            self._context.emit(diagnostic)
        return None

    def _check_arity(self, call: typed.Expression, node: ast.DeclareTuple) -> None:
        if type(node.value) is not ast.Call and type(node.value) is not ast.MethodCall:
            diagnostic = catalog.TUPLE_FROM_NON_CALL.at(node.value.span, found="another value")
            self._context.emit(diagnostic)
            return
        found, wanted = 1, len(node.names)
        function = _function_of(call)
        if function is not None:
            found = function.result_count
        elif type(call) is typed.BuiltinCall:
            found = call.builtin.result_count
        if call.type is ERROR:
            return
        is_listed = type(call) is typed.BuiltinCall or (function and function.further)
        if wanted > MOST_UNLISTED and not is_listed:
            self._context.emit(catalog.BAD_TUPLE_SIZE.at(node.span, count=wanted))
            return
        if found == wanted:
            return
        diagnostic = catalog.WRONG_TUPLE_ARITY.at(node.value.span, expected=wanted, found=found)
        if function is not None:
            diagnostic = diagnostic.label(function.span, "the function is declared here")
        self._context.emit(diagnostic)


def _function_of(call: typed.Expression) -> typed.FunctionSymbol | None:
    """Return the function that a call calls; the shape of its result may have been noted."""
    while type(call) is typed.BuiltinCall and call.builtin.name in ("tensor.fit", "tensor.own"):
        call = call.arguments[0]
    return call.function if type(call) is typed.Call else None
