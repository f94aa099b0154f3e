"""Walking syntax trees: a node in, every node below it out, in the order of the source."""

from collections.abc import Iterator

from mlrift.frontend import ast
from mlrift.static_types import Any

_LEAVES = frozenset({ast.TypeName, ast.Name, ast.IntegerLiteral, ast.StringLiteral})
_NODES = frozenset(
    value
    for value in vars(ast).values()
    if isinstance(value, type) and "__match_args__" in vars(value)
)
_STATEMENTS = frozenset(ast.Statement.__args__)


def walk(root: Any) -> Iterator[Any]:
    """Yield a node and all nodes below it, parents first."""
    pending = [root]
    while pending:
        current = pending.pop()
        yield current
        if type(current) not in _LEAVES:
            pending.extend(reversed(list(_children(current))))


def statements(root: Any) -> Iterator[Any]:
    """Yield all statements below a node, however deep."""
    return (found for found in walk(root) if type(found) in _STATEMENTS)


def _children(parent: Any) -> Iterator[Any]:
    for field in type(parent).__slots__:
        value = getattr(parent, field)
        if type(value) in _NODES:
            yield value
        elif type(value) is list:
            for row in value:
                parts = row if type(row) is tuple else (row,)
                yield from (part for part in parts if type(part) in _NODES)
