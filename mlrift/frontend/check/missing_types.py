"""`Thing x = 1` where no type is called Thing: two statements by the grammar, and one mistake.

The statements of a block and one that is only an unknown name in; the name that it was meant to
declare and the diagnostic out. Imported for mistakes only.
"""

from mlrift.diagnostics import catalog
from mlrift.diagnostics.model import Diagnostic
from mlrift.frontend import ast
from mlrift.frontend.check.context import Context
from mlrift.source import Span
from mlrift.typesystem import SCALARS

# What other languages call the types of this one.
_ELSEWHERE = {
    "int": "i64",
    "long": "i64",
    "isize": "i64",
    "ssize_t": "i64",
    "short": "i16",
    "uint": "u64",
    "unsigned": "u64",
    "usize": "u64",
    "size_t": "u64",
    "byte": "u8",
    "str": "u64",
    "string": "u64",
    "ptr": "u64",
    "pointer": "u64",
    "let": "u64",
    "var": "u64",
    "auto": "u64",
    "boolean": "bool",
    "half": "f16",
}


def declared_after(statements: list[ast.Statement], node: ast.Statement) -> ast.Identifier | None:
    """Return the name that starts the next statement, if it stands on the same line."""
    index = next(index for index, row in enumerate(statements) if row is node) + 1
    if index == len(statements):
        return None
    following = statements[index]
    name: ast.Expression | None = None
    if isinstance(following, ast.ExpressionStatement):
        name = following.value
    elif isinstance(following, ast.Assign) and following.operator is None:
        name = following.target
    if isinstance(name, ast.Identifier) and _line(name.span) == _line(node.span):
        return name
    return None


def unknown_type(context: Context, name: ast.Identifier, variable: str) -> Diagnostic:
    """Return the diagnostic for a declaration of `variable` with the unknown type `name`."""
    text = name.text
    meant = _ELSEWHERE.get(text, "u64" if text in context.names.enums else "")
    suggestion = "" if meant else context.suggest(text, (*context.names.types, *SCALARS))
    diagnostic = catalog.UNDECLARED_TYPE.at(name.span, name=text, suggestion=suggestion)
    if text in context.names.enums:
        diagnostic = diagnostic.note("members of an enum are integers; an enum is not a type")
    return diagnostic.help(f"{meant} {variable}") if meant else diagnostic


def _line(span: Span) -> int:
    return span.file.line_and_column(span.start)[0]
