"""Vectors where none can be: the last look at a function, after everything that may have one.

A typed body goes in; every vector that its user cannot have is reported. So no handler has to think
of vectors that does not know what to do with them.
"""

from mlrift.diagnostics import catalog
from mlrift.frontend import typed
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.tensors.misuse import PLACES, with_users
from mlrift.frontend.check.vectors.nodes import PREFIX, described
from mlrift.static_types import Any
from mlrift.typesystem import ERROR, Type, VecType


def report_misplaced(context: Context, blocks: list[typed.Block]) -> None:
    """Report vectors in the blocks of a function where none can be; `defer` shares some of them."""
    for node, child in with_users(blocks):
        found = getattr(child, "type", None)
        if isinstance(found, VecType) and not _may_have(node, child):
            span = getattr(child, "span", None)
            where = PLACES.get(type(node), "used like this")
            context.emit(catalog.VECTOR_MISPLACED.at(span, where=where, found=described(found)))


def _may_have(node: Any, child: Any) -> bool:
    match node:
        case typed.Convert():
            return node.type is ERROR
        case typed.BuiltinCall():
            return node.builtin.name.startswith(PREFIX)
        case typed.Evaluate() | typed.LocalPlace():
            return True
        case typed.DeclareScalar():
            return isinstance(node.variable.type, VecType)
        case typed.DeclareTuple():
            return child is node.call
        case typed.Assign():
            return child is node.place or isinstance(node.place.type, VecType)
        case typed.Call():
            return _fits_parameter(node, child)
        case typed.Return():
            return True  # `returned` looked at them
        case _:
            return False


def _fits_parameter(node: typed.Call, child: Any) -> bool:
    wanted: list[Type] = [
        parameter.type
        for parameter, argument in zip(node.function.parameters, node.arguments, strict=False)
        if argument is child
    ]
    return bool(wanted) and isinstance(wanted[0], VecType)
