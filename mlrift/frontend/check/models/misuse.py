"""Populations, events and connections where none can be, and other values where one must be.

A typed body goes in; every use of a part of a model that its user cannot have is reported, as
tensors/misuse.py does for tensors. Parts of models are words, so nothing else would notice.
"""

from mlrift.diagnostics import catalog
from mlrift.diagnostics.model import Diagnostic
from mlrift.frontend import typed
from mlrift.frontend.builtins import models as lowering
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.models.parameters import accepts, described
from mlrift.frontend.check.tensors.misuse import PLACES, children
from mlrift.static_types import Any
from mlrift.typesystem import ERROR, CsrType, EventsType, PopulationType, Type

_MODELS = (PopulationType, EventsType, CsrType)
# Operations with a number behind their first operand, by name: only the first is of a model.
_FIRST_ONLY = frozenset(("slice", "delay", "find", "degree", lowering.NEURON, lowering.EVENT))
_NONE = frozenset(("new population",))


def report_misplaced(context: Context, blocks: list[typed.Block]) -> None:
    """Report misuse in the blocks of a function; `defer` shares some of them."""
    pending: list[Any] = list(blocks)
    walked: set[int] = set()
    while pending:
        node = pending.pop()
        if type(node) is typed.Block:
            if id(node) in walked:
                continue
            walked.add(id(node))
        _report_word(context, node)
        for child in children(node):
            pending.append(child)
            found = getattr(child, "type", None)
            if isinstance(found, _MODELS) and not _may_have(node, child, found):
                where = PLACES.get(type(node), "used like this")
                if type(node) is typed.Convert and node.type is ERROR:
                    continue
                is_typed = isinstance(node, typed.Call | typed.Return)
                shown = described(found) if is_typed else found.name
                diagnostic = catalog.MODEL_MISPLACED.at(child.span, where=where, found=shown)
                context.emit(_explained(diagnostic, node, child))


def _may_have(node: Any, child: Any, found: Type) -> bool:
    match node:
        case typed.BuiltinCall():
            return _fits_operation(node, child)
        case typed.Evaluate() | typed.LocalPlace() | typed.StaticPlace() | typed.FieldAddress():
            return True
        case typed.Load():
            return True
        case typed.Return():
            return isinstance(found, EventsType)
        case typed.DeclareScalar():
            return type(node.variable.type) is type(found)
        case typed.Assign():
            return child is node.place or type(node.place.type) is type(found)
        case typed.Call():
            return any(accepts(wanted, found) for wanted in _parameter_types(node, child))
        case _:
            return False


def _parameter_types(node: typed.Call, child: Any) -> list[Type]:
    """Return the types of the parameters that an argument is for."""
    rows = zip(node.function.parameters, node.arguments, strict=False)
    return [parameter.type for parameter, value in rows if value is child]


def _explained(diagnostic: Diagnostic, node: Any, child: Any) -> Diagnostic:
    """Add what would be right, or why it is wrong."""
    if isinstance(node, typed.Return):
        return diagnostic.note("it ends with the function; pass it to others")
    if isinstance(node, typed.Call):
        wanted = [row for row in _parameter_types(node, child) if isinstance(row, _MODELS)]
        if wanted:
            return diagnostic.note(f"the parameter is {described(wanted[0])}")
    return diagnostic


def _fits_operation(node: typed.BuiltinCall, child: Any) -> bool:
    """Whether an operation takes a part of a model there; those of models have it as parameter."""
    places = [number for number, row in enumerate(node.arguments) if row is child]
    parameters: tuple[Any, ...] = node.builtin.parameters
    if node.builtin.name in _NONE:
        return False
    if node.builtin.name in _FIRST_ONLY and 0 not in places:
        return False
    if node.builtin.name.startswith("tensor."):
        return True
    return any(
        number < len(parameters) and isinstance(parameters[number], _MODELS) for number in places
    )


def _report_word(context: Context, node: Any) -> None:
    """Report a value of another type for a variable or a parameter that is part of a model."""
    pairs: list[tuple[Any, Any]] = []
    match node:
        case typed.DeclareScalar(variable, value):
            pairs.append((variable.type, value))
        case typed.Assign(place, value):
            pairs.append((place.type, value))
        case typed.Call():
            rows = zip(node.function.parameters, node.arguments, strict=False)
            pairs += [(parameter.type, value) for parameter, value in rows]
    for wanted, value in pairs:
        if value is None or isinstance(value.type, _MODELS) or value.type is ERROR:
            continue
        if isinstance(wanted, EventsType):
            context.emit(catalog.NEEDS_EVENTS.at(value.span, found=value.type.name))
        elif isinstance(wanted, PopulationType):
            context.emit(catalog.NOT_A_POPULATION.at(value.span, found=value.type.name))
