"""Syntax trees as short text, so that a test can say what it expects in one line.

Names, types and integers print as themselves, a binary operation as `(a + b)`, every other node as
its class with its fields in order; spans and absent annotations are left out.
"""

from enum import Enum
from typing import Any

from mlrift.diagnostics.sink import DiagnosticSink
from mlrift.frontend import ast
from mlrift.frontend.parser import parse_module
from mlrift.frontend.tokens import NO_KNOWN_TYPES
from mlrift.source import SourceFile


def parse_text(text: str) -> tuple[ast.SourceModule, DiagnosticSink]:
    """Parse a file given as text."""
    sink = DiagnosticSink()
    return parse_module(SourceFile("test.mlr", text), NO_KNOWN_TYPES, sink), sink


def parse_valid(text: str) -> ast.SourceModule:
    """Parse a file that must have no errors."""
    module, sink = parse_text(text)
    assert not sink.has_errors, [entry.message for entry in sink.diagnostics()]
    return module


def items(text: str) -> list[str]:
    """Return the items of a file as text."""
    return [tree_text(item) for item in parse_valid(text).items]


def statements(text: str, prelude: str = "") -> list[str]:
    """Return the statements of a function body as text; `prelude` holds items before it."""
    function = parse_valid(f"{prelude} fn test() {{ {text} }}").items[-1]
    assert isinstance(function, ast.Function)
    return [tree_text(statement) for statement in function.body.statements]


def expression(text: str, prelude: str = "") -> str:
    """Return one expression as text."""
    (only,) = statements(f"result = {text}", prelude)
    return only.removeprefix("Assign(result, None, ").removesuffix(")")


def errors(text: str) -> list[str]:
    """Return `line:column code message` of every diagnostic of a file."""
    _, sink = parse_text(text)
    rows = []
    for entry in sink.diagnostics():
        assert entry.span is not None
        rows.append(f"{entry.span.line}:{entry.span.column} {entry.code} {entry.message}")
    return rows


def tree_text(node: Any) -> str:  # noqa: C901 - one row per class
    """Return any part of a tree as text."""
    match node:
        case ast.Name() | ast.Identifier():
            return node.text
        case ast.TypeName():
            return node.name
        case ast.IntegerLiteral():
            return str(node.value)
        case ast.ExpressionStatement():
            return tree_text(node.value)
        case ast.Block():
            return "{" + "; ".join(tree_text(statement) for statement in node.statements) + "}"
        case ast.Binary():
            left, right = tree_text(node.left), tree_text(node.right)
            return f"({left} {node.operator.value} {right})"
        case ast.Unary():
            return f"{node.operator.value}{tree_text(node.operand)}"
        case list():
            return "[" + ", ".join(map(tree_text, node)) + "]"
        case tuple():
            return " ".join(map(tree_text, node))
        case Enum():
            return str(node.value)
        case _ if hasattr(node, "__slots__"):
            fields = [getattr(node, name) for name in node.__slots__ if name != "span"]
            given = [field for field in fields if field != ()]
            return f"{type(node).__name__}({', '.join(map(tree_text, given))})"
    return repr(node)
