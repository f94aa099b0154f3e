"""Telemetry: the syntax tree and the tokens of one file in, counts and signals out."""

from mlrift.frontend import ast
from mlrift.frontend.lexer import TokenStream
from mlrift.frontend.tokens import TYPE_KEYWORD
from mlrift.frontend.walk import statements, walk
from mlrift.values import value

TRIVIAL_STATEMENTS = 2
LONG_TYPE_NAMES = {
    f"{sign}int{bits}": f"{sign or 'i'}{bits}" for sign in ("u", "") for bits in (8, 16, 32, 64)
}
_LENGTH_NAMES = ("len", "length", "size", "count", "n")
_CALLS = (ast.Call, ast.MethodCall)
_RAW_CALLS = ("call_ptr", "syscall_raw")


@value
class Telemetry:
    """The counts of one file; a call counts if its result is discarded or returned."""

    functions: int
    discarded_calls: int
    returned_calls: int
    pointer_statements: int
    statements: int
    trivial_functions: int
    long_type_names: int
    buffer_parameters: int
    register_accesses: int
    self_tail_calls: int
    raw_calls: int
    imports: int
    profile: str | None

    @property
    def calls(self) -> int:
        """The calls whose result is discarded or returned."""
        return self.discarded_calls + self.returned_calls


def measure(module: ast.SourceModule, stream: TokenStream) -> Telemetry:
    """Return the telemetry of a file."""
    functions = [row for row in module.items if type(row) is ast.Function]
    rows = [list(statements(row.body)) for row in functions]
    everything = [row for function in rows for row in function]
    nodes = [found for function in functions for found in walk(function.body)]
    return Telemetry(
        functions=len(functions),
        discarded_calls=sum(1 for row in everything if _discards_call(row)),
        returned_calls=sum(1 for row in everything if _returned_call(row) is not None),
        pointer_statements=sum(1 for row in everything if _is_pointer_statement(row)),
        statements=len(everything),
        trivial_functions=sum(1 for row in rows if len(row) <= TRIVIAL_STATEMENTS),
        long_type_names=count_long_type_names(stream),
        buffer_parameters=sum(1 for row in functions if _has_buffer_parameters(row)),
        register_accesses=sum(1 for row in nodes if _is_register_access(row)),
        self_tail_calls=_count_self_tail_calls(functions),
        raw_calls=sum(
            1 for row in nodes if type(row) is ast.Call and row.function.text in _RAW_CALLS
        ),
        imports=len(module.imports),
        profile=module.language_profile,
    )


def count_long_type_names(stream: TokenStream) -> int:
    """Return the number of type names that have a shorter form."""
    pairs = zip(stream.kinds, stream.texts, strict=True)
    return sum(1 for kind, text in pairs if kind == TYPE_KEYWORD and text in LONG_TYPE_NAMES)


def _discards_call(row: object) -> bool:
    return type(row) is ast.ExpressionStatement and isinstance(row.value, _CALLS)


def _returned_call(row: object) -> ast.Call | ast.MethodCall | None:
    if type(row) is ast.Return and len(row.values) == 1 and isinstance(row.values[0], _CALLS):
        return row.values[0]
    return None


def _is_pointer_statement(row: object) -> bool:
    return type(row) in (ast.PointerLoad, ast.PointerStore)


def _has_buffer_parameters(row: ast.Function) -> bool:
    """Return whether an address parameter is followed by a length parameter."""
    pairs = zip(row.parameters, row.parameters[1:], strict=False)
    return any(
        not first.is_slice
        and not second.is_slice
        and first.type.name in ("u64", "uint64")
        and second.name.text.rpartition("_")[2] in _LENGTH_NAMES
        for first, second in pairs
    )


def _is_register_access(row: object) -> bool:
    """Return whether a node is a volatile access at an address that is a number."""
    if type(row) in (ast.PointerLoad, ast.PointerStore):
        assert isinstance(row, ast.PointerLoad | ast.PointerStore)
        return row.is_volatile and type(row.address) is ast.IntegerLiteral
    if type(row) is not ast.Call or not row.function.text.startswith(("vload", "vstore")):
        return False
    return bool(row.arguments) and type(row.arguments[0]) is ast.IntegerLiteral


def _count_self_tail_calls(functions: list[ast.Function]) -> int:
    found = 0
    for row in functions:
        calls = [_returned_call(statement) for statement in statements(row.body)]
        name = row.name.text
        found += sum(1 for call in calls if type(call) is ast.Call and call.function.text == name)
    return found
