"""Calls: which function a name means, argument counts and conversions, print, `fn_addr`.

Extern declarations beat builtins, builtins beat functions of the program (Q20). Handlers in the
expression table report a void result used as a value; `possibly_void` leaves that to its caller.
"""

from collections.abc import Callable

from mlrift.diagnostics import catalog
from mlrift.diagnostics.model import DiagnosticKind
from mlrift.frontend import ast, typed
from mlrift.frontend.builtins.declaration import Builtin
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.conversions import coerce, to_word
from mlrift.frontend.scopes import Signature, SpecialForm
from mlrift.frontend.typed import ConversionKind
from mlrift.source import Span
from mlrift.typesystem import ERROR, U64, VOID, StructType, TensorType, Type, VecType

MAX_ARGUMENTS = 32
_TENSOR_MAKERS = ("iota", "fill")  # operations that can begin with no tensor at all
_LATE_FITTED = (TensorType, VecType)
_VECTOR_PREFIX = "vec_"
_PREFETCH = "prefetch"


class CallChecker:
    """Handlers of calls and method calls."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._handlers = context.expressions
        self._callees = context.names.callees
        context.expressions[ast.Call] = self._call_value
        context.expressions[ast.MethodCall] = self._call_value
        self._special: dict[
            SpecialForm, Callable[[list[ast.Expression], Span], typed.Expression]
        ] = {
            SpecialForm.PRINT: self._print,
            SpecialForm.PRINTLN: self._println,
            SpecialForm.FN_ADDR: self._function_address,
            SpecialForm.CALL_PTR: self._call_pointer,
        }

    def possibly_void(self, node: ast.Expression) -> typed.Expression:
        """Return a checked expression which may be the call of a function without result."""
        if type(node) is ast.Call:
            return self._call(node.function, node.arguments, node.span, catalog.UNDEFINED_FUNCTION)
        if type(node) is ast.MethodCall:
            if self._context.extended_root(node.receiver):
                return self._context.extensions.method(node)
            arguments = [node.receiver, *node.arguments]
            return self._call(node.method, arguments, node.span, catalog.UNKNOWN_METHOD)
        return self._handlers[type(node)](node)

    def function_of_method(self, node: ast.MethodCall) -> typed.Expression:
        """Return a method call as that of a function, as it is for structs."""
        arguments = [node.receiver, *node.arguments]
        return self._call(node.method, arguments, node.span, catalog.UNKNOWN_METHOD)

    def reject_void(self, value: typed.Expression, kind: DiagnosticKind) -> typed.Expression:
        """Return the value; for the result of a void function report `kind` and give a 0."""
        if value.type is not VOID:
            return value
        self._context.emit(kind.at(value.span, name=_callee_name(value)))
        return typed.Convert(ConversionKind.RETAG, value, ERROR, value.span)

    def _call_value(self, node: ast.Expression) -> typed.Expression:
        value = self.possibly_void(node)
        if value.type is VOID:
            return self.reject_void(value, catalog.VOID_AS_VALUE)
        return value

    def _call(
        self,
        name: ast.Name,
        arguments: list[ast.Expression],
        span: Span,
        unknown: DiagnosticKind,
    ) -> typed.Expression:
        callee = self._callees.get(name.text)
        context = self._context
        if context.has_models and type(callee) is not Signature:
            found = context.extensions.call(name, arguments, span)
            if found is not None:
                return found
        is_limited = not _is_print(callee) and not name.text.startswith(_VECTOR_PREFIX)
        if len(arguments) > MAX_ARGUMENTS and is_limited:
            diagnostic = catalog.TOO_MANY_ARGUMENTS.at(name.span, found=len(arguments))
            context.emit(diagnostic)
        if context.has_kernels:
            launched = context.device_calls.launch(name, arguments, span)
            if launched is not None:
                return launched
        if type(callee) is SpecialForm:
            return self._special[callee](arguments, span)
        handlers = self._handlers
        values = [handlers[type(argument)](argument) for argument in arguments]
        return self.call_with(name, values, span, unknown)

    def call_with(
        self,
        name: ast.Name,
        values: list[typed.Expression],
        span: Span,
        unknown: DiagnosticKind,
    ) -> typed.Expression:
        """Return a call with checked arguments; report `unknown` when nothing has the name."""
        callee = self._callees.get(name.text)
        if self._context.has_kernels:
            meant = self._context.device_calls.call(name, values, span)
            if meant is not None:
                return meant
        if callee is None:
            self._note_families(name.text)
        if self._context.has_vectors or self._context.has_tensors:
            made = self._context.extensions.value_call(callee, name, values, span)
            if made is not None:
                return made
        if type(callee) is Signature:
            return self._call_function(callee, name, values, span)
        if type(callee) is Builtin:
            return self._call_builtin(callee, name, values, span)
        self._report_unknown(name, unknown)
        return typed.IntegerConstant(0, ERROR, span)

    def _note_families(self, name: str) -> None:
        """Note that a program has tensors or vectors if a name can only mean what they have."""
        if name in _TENSOR_MAKERS:
            self._context.has_tensors = True
        elif name.startswith(_VECTOR_PREFIX) or name == _PREFETCH:
            self._context.has_vectors = True

    def _report_unknown(self, name: ast.Name, unknown: DiagnosticKind) -> None:
        context = self._context
        text = name.text
        names = context.names
        binding = context.scopes.names.get(text)
        if binding is not None:
            binding.is_read = True
        if binding is not None or text in names.statics or text in names.constants:
            diagnostic = catalog.CALL_OF_NON_FUNCTION.at(name.span, name=text, what="variable")
            diagnostic = diagnostic.help(f"call_ptr({text}, ...)")
        elif text in names.types:
            diagnostic = catalog.CALL_OF_NON_FUNCTION.at(name.span, name=text, what="type")
            diagnostic = diagnostic.note("there are no casts: a declared type converts")
        else:
            suggestion = context.suggest_function(text)
            if context.has_vectors and not suggestion:
                suggestion = context.extensions.vectors.suggest(text)
            diagnostic = unknown.at(name.span, name=text, suggestion=suggestion)
            if context.has_kernels and context.device_calls.expected_count(text) is not None:
                diagnostic = diagnostic.note("this is a builtin of kernels and what they call")
        context.emit_name_error(text, diagnostic)

    # ------------------------------------------------------------- functions of the program

    def _call_function(
        self,
        signature: Signature,
        name: ast.Name,
        values: list[typed.Expression],
        span: Span,
    ) -> typed.Expression:
        context = self._context
        if context.function is not None:
            context.function.callees[signature.symbol.name] = signature
        symbol = signature.symbol
        parameters = symbol.parameters
        if len(values) != len(parameters):
            self._report_count(signature, name, len(values))
            return typed.IntegerConstant(0, ERROR, span)
        if context.has_vectors:
            values = context.extensions.vectors.arguments(symbol, values)
        for position, parameter in enumerate(parameters):
            value, target = values[position], parameter.type
            if type(value.type) is StructType:
                values[position] = self._struct_argument(value, target, signature, position)
            elif value.type is not target and type(target) not in _LATE_FITTED:
                values[position] = coerce(value, target)
        if context.has_tensors and context.extensions.tensors.has_shapes(symbol):
            return context.extensions.tensors.call_function(symbol, values, span)
        return typed.Call(symbol, values, symbol.result, span)

    def _report_count(self, signature: Signature, name: ast.Name, found: int) -> None:
        symbol = signature.symbol
        diagnostic = catalog.WRONG_ARGUMENT_COUNT.at(
            name.span, name=name.text, expected=len(symbol.parameters), found=found
        )
        if any(parameter.slice_length is not None for parameter in symbol.parameters):
            diagnostic = diagnostic.note("a slice takes two arguments: address and length")
        self._context.emit(diagnostic.label(symbol.span, "the function is declared here"))

    def _struct_argument(
        self, value: typed.Expression, target: Type, signature: Signature, position: int
    ) -> typed.Expression:
        """Return a struct argument: the address of a copy, or of the receiver of a method."""
        struct = value.type
        if type(target) is StructType and struct is not target:
            diagnostic = catalog.ARGUMENT_STRUCT_KIND.at(
                value.span, expected=target.name, found=struct.name
            )
            self._context.emit(diagnostic)
        if target.is_float:
            return coerce(value, target)
        is_fresh = type(value) is typed.StructValue
        is_reference = signature.is_method and position == 0
        if is_fresh or is_reference or signature.symbol.is_extern or type(struct) is not StructType:
            return value
        return typed.CopyStruct(value, struct, struct, value.span)

    # ------------------------------------------------------------- builtins, special forms

    def _call_builtin(
        self, builtin: Builtin, name: ast.Name, values: list[typed.Expression], span: Span
    ) -> typed.Expression:
        parameters = builtin.parameters
        if len(values) != len(parameters):
            self._report_builtin_count(name, len(parameters), len(values))
            return typed.IntegerConstant(0, ERROR, span)
        for position, target in enumerate(parameters):
            value = values[position]
            if value.type is not target:
                values[position] = coerce(value, target)
        return typed.BuiltinCall(builtin, values, builtin.result, span)

    def _report_builtin_count(self, name: ast.Name, expected: int, found: int) -> None:
        diagnostic = catalog.WRONG_BUILTIN_ARGUMENT_COUNT.at(
            name.span, name=name.text, expected=expected, found=found
        )
        self._context.emit(diagnostic)

    def _print(self, arguments: list[ast.Expression], span: Span) -> typed.Expression:
        handlers = self._handlers
        values = [handlers[type(argument)](argument) for argument in arguments]
        if self._context.has_tensors and self._context.extensions.tensors.has_text(values):
            return self._context.extensions.tensors.printed(values, b"", span)
        return typed.Print(values, False, U64, span)

    def _println(self, arguments: list[ast.Expression], span: Span) -> typed.Expression:
        handlers = self._handlers
        values = [handlers[type(argument)](argument) for argument in arguments]
        if self._context.has_tensors and self._context.extensions.tensors.has_text(values):
            return self._context.extensions.tensors.printed(values, b"\n", span)
        return typed.Print(values, True, U64, span)

    def _function_address(self, arguments: list[ast.Expression], span: Span) -> typed.Expression:
        context = self._context
        if len(arguments) != 1:
            self._report_builtin_count(ast.Name("fn_addr", span), 1, len(arguments))
            return typed.IntegerConstant(0, ERROR, span)
        argument = arguments[0]
        if type(argument) is not ast.StringLiteral:
            self._handlers[type(argument)](argument)
            context.emit(catalog.FN_ADDR_NOT_LITERAL.at(argument.span))
            return typed.IntegerConstant(0, ERROR, span)
        name = argument.data.decode("utf-8", "replace")
        signature = context.names.functions.get(name)
        if signature is None:
            suggestion = context.suggest(name, context.names.functions)
            diagnostic = catalog.FN_ADDR_UNDEFINED.at(
                argument.span, name=name, suggestion=suggestion
            )
            context.emit_name_error(name, diagnostic)
            return typed.IntegerConstant(0, ERROR, span)
        if context.function is not None:
            context.function.callees[name] = signature
        if context.has_tensors and context.extensions.tensors.has_shapes(signature.symbol):
            context.extensions.tensors.refuse_address(argument.span)
        if context.has_vectors and context.extensions.vectors.has_vectors(signature.symbol):
            context.extensions.vectors.refuse_address(argument.span)
        return typed.FunctionAddress(signature.symbol, U64, span)

    def _call_pointer(self, arguments: list[ast.Expression], span: Span) -> typed.Expression:
        handlers = self._handlers
        values = [to_word(handlers[type(argument)](argument)) for argument in arguments]
        if not values:
            diagnostic = catalog.WRONG_BUILTIN_ARGUMENT_COUNT.at(
                span, name="call_ptr", expected="at least 1", found=0
            )
            self._context.emit(diagnostic)
            return typed.IntegerConstant(0, ERROR, span)
        return typed.CallPointer(values[0], values[1:], U64, span)


def _is_print(callee: object) -> bool:
    return callee is SpecialForm.PRINT or callee is SpecialForm.PRINTLN


def _callee_name(value: typed.Expression) -> str:
    if type(value) is typed.Call:
        return value.function.name
    if type(value) is typed.BuiltinCall:
        return value.builtin.name
    return value.span.text
