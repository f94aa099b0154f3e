"""Control flow by the text alone: missing returns and unreachable statements (reference.md 9.1).

Works on the AST. `while true` and `loop` do not count as leaving the function.
"""

from mlrift.frontend import ast

_LEAVING = frozenset((ast.Return, ast.Break, ast.Continue))
NEVER_RETURNING = frozenset(("exit",))


def first_unreachable(statements: list[ast.Statement]) -> ast.Statement | None:
    """Return the first statement after a `return`, `break`, `continue` or `exit(...)`."""
    for position in range(len(statements) - 1):
        statement = statements[position]
        if type(statement) in _LEAVING or _is_exit(statement):
            return statements[position + 1]
    return None


def always_returns(block: ast.Block) -> bool:
    """Return whether every path through a block ends in `return` or `exit(...)`."""
    return any(_leaves_function(statement) for statement in reversed(block.statements))


def _leaves_function(statement: ast.Statement) -> bool:
    if type(statement) is ast.Return:
        return True
    if type(statement) is ast.If:
        otherwise = statement.otherwise
        return (
            otherwise is not None and always_returns(statement.then) and always_returns(otherwise)
        )
    if type(statement) is ast.Match:
        return _has_wildcard(statement) and all(always_returns(arm.body) for arm in statement.arms)
    return _is_exit(statement)


def _is_exit(statement: ast.Statement) -> bool:
    if type(statement) is not ast.ExpressionStatement:
        return False
    value = statement.value
    return type(value) is ast.Call and value.function.text in NEVER_RETURNING


def _has_wildcard(statement: ast.Match) -> bool:
    return any(
        type(arm.patterns[0]) is ast.WildcardPattern for arm in statement.arms if arm.patterns
    )


def widest_return(body: ast.Block) -> int:
    """Return the largest number of values that a `return` of the body gives, at least 1."""
    widest = 1
    blocks = [body]
    while blocks:
        for statement in blocks.pop().statements:
            if type(statement) is ast.Return:
                widest = max(widest, len(statement.values))
            elif type(statement) is ast.If:
                blocks.append(statement.then)
                if statement.otherwise is not None:
                    blocks.append(statement.otherwise)
            elif type(statement) is ast.Match:
                blocks.extend(arm.body for arm in statement.arms)
            elif isinstance(statement, ast.While | ast.Loop | ast.For):
                blocks.append(statement.body)
    return widest
