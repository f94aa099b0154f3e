"""Tensors where none can be: the last look at a function, after everything that may have one.

A typed body goes in; every value of a tensor's type that its user cannot have is reported. So no
handler has to think of tensors that does not know what to do with them.
"""

from collections.abc import Iterator

from mlrift.diagnostics import catalog
from mlrift.frontend import typed
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.tensors.nodes import described
from mlrift.static_types import Any
from mlrift.typesystem import ERROR, TensorType, Type

PLACES: dict[type, str] = {
    typed.If: "a condition",
    typed.While: "a condition",
    typed.For: "the bound of a `for`",
    typed.Match: "matched",
    typed.Logical: "an operand of `&&` or `||`",
    typed.Call: "an argument of this function",
    typed.CallPointer: "an argument of `call_ptr`",
    typed.BuiltinCall: "an argument of this builtin",
    typed.ElementAddress: "an index or an address",
    typed.StructValue: "the value of a field",
    typed.Assign: "assigned to this variable",
    typed.DeclareScalar: "the value of this variable",
    typed.DeclareTuple: "taken apart",
    typed.Return: "returned here",
    typed.PointerStore: "stored through an address",
}
_HOLDERS = frozenset(
    value
    for value in vars(typed).values()
    if isinstance(value, type) and "__match_args__" in vars(value)
) - {typed.LocalVariable, typed.StaticVariable, typed.FunctionSymbol}


def report_misplaced(context: Context, blocks: list[typed.Block]) -> None:
    """Report tensors in the blocks of a function where none can be; `defer` shares some of them."""
    function = context.function
    symbol = function.symbol if function is not None else None
    results: list[Type] = [] if symbol is None else [symbol.result, *symbol.further]
    for node, child in with_users(blocks):
        found = getattr(child, "type", None)
        if isinstance(found, TensorType) and not _may_have(node, child, results):
            where = PLACES.get(type(node), "used like this")
            if type(node) is not typed.Convert or node.type is not ERROR:
                span = getattr(child, "span", None)
                found_text = described(found)
                diagnostic = catalog.TENSOR_MISPLACED.at(span, where=where, found=found_text)
                if type(node) is typed.Return:
                    diagnostic = diagnostic.note("the result is declared as something else")
                    is_single = len(node.values) == 1
                    shown = found.name if is_single else f"(..., {found.name})"
                    diagnostic = diagnostic.help(f"-> {shown}")
                context.emit(diagnostic)


def with_users(blocks: list[typed.Block]) -> Iterator[tuple[Any, Any]]:
    """Yield every node inside of blocks behind what holds it; shared blocks are walked once."""
    pending: list[Any] = list(blocks)
    walked: set[int] = set()
    while pending:
        node = pending.pop()
        if type(node) is typed.Block:
            if id(node) in walked:
                continue
            walked.add(id(node))
        for child in children(node):
            pending.append(child)
            yield node, child


def _may_have(node: Any, child: Any, results: list[Type]) -> bool:
    match node:
        case typed.BuiltinCall():
            return node.builtin.name.startswith("tensor.")
        case typed.Evaluate() | typed.LocalPlace() | typed.StaticPlace():
            return True
        case typed.DeclareScalar():
            return isinstance(node.variable.type, TensorType)
        case typed.Assign():
            return child is node.place or isinstance(node.place.type, TensorType)
        case typed.Call():
            return _fits_parameter(node, child)
        case typed.Return():
            return any(
                child is row and (isinstance(wanted, TensorType) or wanted is ERROR)
                for row, wanted in zip(node.values, results, strict=False)
            )
        case typed.StructValue():
            return any(
                child is row and isinstance(wanted, TensorType) for _, wanted, row in node.fields
            )
        case typed.DeclareTuple():
            return isinstance(node.variables[0].type, TensorType)
        case _:
            return False


def _fits_parameter(node: typed.Call, child: Any) -> bool:
    wanted: list[Type] = [
        parameter.type
        for parameter, value in zip(node.function.parameters, node.arguments, strict=False)
        if value is child
    ]
    return bool(wanted) and isinstance(wanted[0], TensorType)


def children(node: Any) -> Iterator[Any]:
    """Yield the typed nodes in a node."""
    for name in type(node).__slots__:
        value = getattr(node, name)
        if type(value) in _HOLDERS:
            yield value
        elif type(value) is list:
            for row in value:
                for part in row if type(row) is tuple else (row,):
                    if type(part) in _HOLDERS:
                        yield part
