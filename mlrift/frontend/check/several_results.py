"""Functions with several results: what `return (a, b)` gives, what `(T x, U y) = call()` takes.

A function that names the types of all its results, `-> (T, U)`, gives each as a value of its type;
one that names only the first gives the others as words (reference.md 9.6). The declaration of
several variables becomes one of hidden variables with the results as they come, and after it an
ordinary declaration of each name.
"""

from mlrift.diagnostics import catalog
from mlrift.frontend import ast, typed
from mlrift.frontend.check.context import Context, Wiring
from mlrift.frontend.check.conversions import bit_conversion, coerce, to_word
from mlrift.frontend.check.literals import check_struct_kind
from mlrift.frontend.check.tensors.checker import TensorChecker
from mlrift.frontend.check.type_names import declared_type
from mlrift.frontend.scopes import Binding
from mlrift.source import Span
from mlrift.typesystem import ERROR, U64, StructType, TensorType, Type


class ResultChecker:
    """Results of functions that name the types of several, or give a tensor among them."""

    def __init__(self, context: Context, wire: Wiring, tensors: TensorChecker) -> None:
        self._context = context
        self._wire = wire
        self._tensors = tensors

    def returned(
        self, symbol: typed.FunctionSymbol, values: list[typed.Expression], span: Span
    ) -> list[typed.Expression]:
        """Return the values of a `return` as the listed results of its function."""
        wanted = [symbol.result, *symbol.further]
        if len(values) != len(wanted):
            diagnostic = catalog.WRONG_TUPLE_ARITY.at(span, expected=len(wanted), found=len(values))
            self._context.emit(diagnostic.label(symbol.span, "the results are listed here"))
            return []
        made = [self._as_result(*row) for row in zip(values, wanted, strict=True)]
        return [row if place == 0 else _as_further(row) for place, row in enumerate(made)]

    def _as_result(self, value: typed.Expression, wanted: Type) -> typed.Expression:
        if isinstance(wanted, TensorType):
            return self._tensors.returned(value, wanted)
        check_struct_kind(self._context, value, wanted, catalog.RETURN_STRUCT_KIND)
        return coerce(value, wanted)

    def declare(self, node: ast.DeclareTuple, call: typed.Expression) -> typed.Statement:
        """Check `(T a, U b) = call(...)`; all but the last declaration are put before it."""
        call = called(call)
        assert type(call) is typed.Call
        function = call.function
        given = [function.result, *(function.further or [U64] * (function.result_count - 1))]
        known = self._tensors.results_of(call, given)
        names = [name.text for _, name in node.names]
        hidden = [
            typed.LocalVariable(f"<{name}>", row, node.span)
            for name, row in zip(names, given, strict=False)
        ]
        conversions = [None, *(bit_conversion(U64, row) for row in given[1:])]
        made: list[typed.Statement] = [
            typed.DeclareTuple(hidden, conversions[: len(hidden)], call, node.span)
        ]
        for place, (type_name, name) in enumerate(node.names):
            span = type_name.span
            read: typed.Expression = typed.IntegerConstant(0, ERROR, span)  # reported already
            if place < len(hidden):
                read = typed.LocalRead(hidden[place], given[place], span)
            found = known[place] if place < len(hidden) else ERROR
            made.append(self._declared(type_name, name, read, found, call))
        for row in made[:-1]:
            self._wire.assignments.prepend(row)
        return made[-1]

    def _declared(
        self,
        type_name: ast.AnyTypeName,
        name: ast.Name,
        value: typed.Expression,
        found: Type,
        call: typed.Call,
    ) -> typed.Statement:
        if type(type_name) is ast.TensorTypeName:
            return self._tensors.declare_result(type_name, name, value, found, call)
        declared = declared_type(self._context, type_name)
        if isinstance(found, TensorType):
            self._tensors.refuse_result(type_name, found)
        check_struct_kind(self._context, value, declared, catalog.INITIALIZER_STRUCT_KIND)
        variable = typed.LocalVariable(name.text, declared, name.span)
        self._wire.locals.bind(Binding(variable, True, True))
        if isinstance(declared, StructType):
            return typed.DeclareStruct(variable, declared, value, name.span)
        if isinstance(found, TensorType):
            value = typed.IntegerConstant(0, U64, name.span)
        return typed.DeclareScalar(variable, coerce(value, declared), name.span)


def called(call: typed.Expression) -> typed.Expression:
    """Return the call itself of one whose first result is a tensor of which more is known."""
    while type(call) is typed.BuiltinCall and call.builtin.name in ("tensor.fit", "tensor.own"):
        call = call.arguments[0]
    return call


def _as_further(value: typed.Expression) -> typed.Expression:
    """Return a result behind the first as it travels: a tensor as it is, all else as a word."""
    return value if isinstance(value.type, TensorType) else to_word(value)
