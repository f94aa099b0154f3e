"""Critical regions (reference.md 18): `alloc` between `acquire(...)` and `release(...)`.

Only the top-level statements of a body are looked at, as `mlrc check` always did; a finding is a
warning.
"""

from mlrift.diagnostics import catalog
from mlrift.frontend import ast
from mlrift.frontend.check.context import Context


def warn_critical_regions(context: Context, node: ast.Function) -> None:
    """Report call statements `alloc(...)` inside a critical region of a function body."""
    depth = 0
    for statement in node.body.statements:
        if type(statement) is not ast.ExpressionStatement:
            continue
        call = statement.value
        if type(call) is not ast.Call:
            continue
        match call.function.text:
            case "acquire":
                depth += 1
            case "release":
                depth = max(depth - 1, 0)
            case "alloc" if depth:
                name = node.name.text
                context.emit(catalog.ALLOC_IN_CRITICAL_SECTION.at(call.span, name=name))
