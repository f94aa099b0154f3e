"""Syntax trees made by the checker: what the lines of a model stand for, with their own places."""

import struct
from collections.abc import Callable, Iterable

from mlrift.frontend import ast
from mlrift.frontend.ast import BinaryOperator
from mlrift.source import Span
from mlrift.static_types import Any
from mlrift.typesystem import ScalarType

_WORD_MASK = (1 << 64) - 1


def name(text: str, span: Span) -> ast.Identifier:
    """Return a name used as a value."""
    return ast.Identifier(text, span)


def number(value: int, span: Span) -> ast.IntegerLiteral:
    """Return an integer literal."""
    return ast.IntegerLiteral(value & _WORD_MASK, span)


def binary(
    operator: BinaryOperator, left: ast.Expression, right: ast.Expression, span: Span
) -> ast.Binary:
    """Return `left operator right`."""
    return ast.Binary(operator, left, right, span, span)


def assign(target: str, value: ast.Expression, span: Span) -> ast.Assign:
    """Return `target = value`."""
    return ast.Assign(name(target, span), None, value, span)


def declare(type_name: str, text: str, value: ast.Expression | None, span: Span) -> ast.Declare:
    """Return `type name = value`."""
    return ast.Declare(ast.TypeName(type_name, span), ast.Name(text, span), value, span)


def when(condition: ast.Expression, body: list[ast.Statement], span: Span) -> ast.If:
    """Return `if condition { body }`."""
    return ast.If(condition, ast.Block(body, span), None, span)


def element_address(base: str, index: str, element: ScalarType, span: Span) -> ast.Expression:
    """Return `base + index * size`."""
    offset = binary(BinaryOperator.MUL, name(index, span), number(element.size_bytes, span), span)
    return binary(BinaryOperator.ADD, name(base, span), offset, span)


def load(
    target: str, base: str, index: str, element: ScalarType, span: Span
) -> list[ast.Statement]:
    """Return the declaration of `target` with an element of the array at `base`."""
    address = element_address(base, index, element, span)
    type_name = ast.TypeName(element.name, span)
    fetch = ast.PointerLoad(False, address, type_name, ast.Name(target, span), span)
    return [declare(element.name, target, None, span), fetch]


def store(source: str, base: str, index: str, element: ScalarType, span: Span) -> ast.Statement:
    """Return the assignment of `source` to an element of the array at `base`."""
    address = element_address(base, index, element, span)
    type_name = ast.TypeName(element.name, span)
    return ast.PointerStore(False, address, type_name, name(source, span), span)


def function(
    text: str,
    parameters: list[tuple[str, str]],
    result: str | None,
    body: list[ast.Statement],
    span: Span,
) -> ast.Function:
    """Return an inline function; parameters are (type, name)."""
    rows = [
        ast.Parameter(ast.TypeName(type_name, span), False, ast.Name(row, span), span)
        for type_name, row in parameters
    ]
    given = ast.TypeName(result, span) if result is not None else None
    annotations = [ast.Annotation("inline", None, span)]
    return ast.Function(
        annotations, None, ast.Name(text, span), [], rows, given, ast.Block(body, span), span
    )


Replace = Callable[[Any], Any]


def rewritten(node: Any, replace: Replace) -> Any:
    """Return a copy of a tree with the nodes that `replace` gives; None keeps one as it is."""
    found = replace(node)
    if found is not None:
        return found
    if isinstance(node, list):
        return [rewritten(row, replace) for row in node]
    if isinstance(node, tuple):
        return tuple(rewritten(row, replace) for row in node)
    kind = type(node)
    if kind.__module__ != ast.__name__ or not hasattr(kind, "__match_args__"):
        return node
    fields = [getattr(node, row) for row in kind.__match_args__]
    if not any(isinstance(row, list | tuple) or _is_node(row) for row in fields):
        return node
    return kind(*[rewritten(row, replace) for row in fields])


def _is_node(value: Any) -> bool:
    return type(value).__module__ == ast.__name__


def names_in(root: Any) -> list[str]:
    """Return the text of every name in a tree, in order, each once."""
    found: dict[str, None] = {}
    for node in nodes_of(root):
        if isinstance(node, ast.Identifier | ast.Name):
            found.setdefault(node.text)
    return list(found)


def nodes_of(root: Any) -> Iterable[Any]:
    """Yield all nodes of a tree, parents first."""
    pending = [root]
    while pending:
        node = pending.pop()
        if isinstance(node, list | tuple):
            pending.extend(reversed(node))
        elif _is_node(node):
            yield node
            if hasattr(type(node), "__match_args__"):
                rows = [getattr(node, row) for row in type(node).__match_args__]
                pending.extend(reversed(rows))


def single(value: float) -> float:
    """Return a number rounded to f32."""
    result: float = struct.unpack("<f", struct.pack("<f", value))[0]
    return result


def in_single(node: Any) -> Any:
    """Return a tree whose float literals are f32."""

    def replace(found: Any) -> Any:
        if isinstance(found, ast.FloatLiteral) and not found.is_single:
            return ast.FloatLiteral(single(found.value), True, found.span)
        return None

    return rewritten(node, replace)
