"""Rules of connection: `fixed_out(4, seed)` and the like, as the operands of `csr.build`."""

from mlrift.diagnostics import catalog
from mlrift.frontend import ast, typed
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.conversions import to_word
from mlrift.frontend.check.models import made_typed as made
from mlrift.frontend.scopes import Signature
from mlrift.ir.ops.csr import ConnectionRule
from mlrift.source import Span
from mlrift.typesystem import CsrType, TensorType
from mlrift.values import record

_SIGNATURES = {
    "fixed_out": "fixed_out(edges, generator)",
    "fixed_in": "fixed_in(edges, generator)",
    "bernoulli": "bernoulli(divisor, generator)",
    "lattice": "lattice(first, last)",
    "all": "all()",
    "one_to_one": "one_to_one()",
    "edges": "edges(sources, targets)",
    "where": "where(function)",
    "part": "part(connections)",
}
_COUNTS = {"all": 0, "one_to_one": 0, "where": 1, "part": 1}
_GENERATORS = ("xorshift32", "splitmix64")


@record
class Rule:
    """A rule and its words; `seed` is set when the draws are those of a group."""

    kind: ConnectionRule
    details: list[typed.Expression]
    seed: typed.Expression | None = None


class RuleReader:
    """Reads the initial value of connections."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def read(self, node: ast.Expression | None, place: Span, in_group: bool) -> Rule | None:
        """Return the rule that a value is; None after a report."""
        if not isinstance(node, ast.Call) or node.function.text not in _SIGNATURES:
            span = place if node is None else node.span
            known = ", ".join(_SIGNATURES.values())
            self._context.emit(catalog.NOT_A_RULE.at(span).note(f"rules are {known}"))
            return None
        name, arguments = node.function.text, node.arguments
        if len(arguments) != _COUNTS.get(name, 2):
            diagnostic = catalog.WRONG_BUILTIN_ARGUMENT_COUNT.at(
                node.function.span, name=name, expected=_COUNTS.get(name, 2), found=len(arguments)
            )
            self._context.emit(diagnostic.help(_SIGNATURES[name]))
            return None
        if name == "where":
            return self._where(arguments[0])
        if name == "edges":
            return self._edges(node)
        if name == "part":
            return self._part(arguments[0])
        kind = ConnectionRule(name)
        if not arguments:
            return Rule(kind, [])
        first = self._word(arguments[0], name)
        if name == "lattice":
            return Rule(kind, [first, self._word(arguments[1], name)])
        return self._drawn(kind, first, arguments[1], in_group)

    def _word(self, node: ast.Expression, name: str) -> typed.Expression:
        value = self._context.expressions[type(node)](node)
        if value.type.is_float:
            diagnostic = catalog.NOT_A_WHOLE_NUMBER.at(node.span, name=name, found=value.type.name)
            if name == "bernoulli":
                diagnostic = diagnostic.note("bernoulli(10, seed) connects one pair in ten")
            self._context.emit(diagnostic)
        return to_word(value)

    def _drawn(
        self, kind: ConnectionRule, first: typed.Expression, node: ast.Expression, in_group: bool
    ) -> Rule | None:
        """Return a rule with a generator: a seed, `splitmix64(seed)` or `xorshift32(seed)`."""
        generator = "splitmix64"
        seed_node = node
        if isinstance(node, ast.Call) and node.function.text in _GENERATORS:
            generator = node.function.text
            if len(node.arguments) != 1:
                diagnostic = catalog.WRONG_BUILTIN_ARGUMENT_COUNT.at(
                    node.function.span, name=generator, expected=1, found=len(node.arguments)
                )
                self._context.emit(diagnostic)
                return None
            seed_node = node.arguments[0]
        seed = self._word(seed_node, kind.value)
        if generator == "splitmix64":
            if in_group:
                self._context.emit(catalog.GROUP_NEEDS_XORSHIFT.at(node.span))
            return Rule(kind, [first, seed])
        if kind is not ConnectionRule.BERNOULLI:
            self._context.emit(catalog.XORSHIFT_NEEDS_BERNOULLI.at(node.span, rule=kind.value))
            return None
        if in_group:
            return Rule(ConnectionRule.BERNOULLI_GROUP, [first], seed)
        return Rule(ConnectionRule.BERNOULLI_XORSHIFT, [first, seed])

    def _where(self, node: ast.Expression) -> Rule | None:
        signature = None
        if isinstance(node, ast.Identifier):
            signature = self._context.names.functions.get(node.text)
        if not isinstance(signature, Signature) or len(signature.symbol.parameters) != 2:
            found = "something else"
            if isinstance(signature, Signature):
                found = f"one of {len(signature.symbol.parameters)}"
            self._context.emit(catalog.WHERE_NEEDS_FUNCTION.at(node.span, found=found))
            return None
        address = made.function_address(self._context, signature, node.span)
        return Rule(ConnectionRule.WHERE, [address])

    def _part(self, node: ast.Expression) -> Rule | None:
        """Return the edges of other connections that lie in the ranges."""
        value = self._context.expressions[type(node)](node)
        if not isinstance(value.type, CsrType):
            self._context.emit(catalog.PART_NEEDS_CONNECTIONS.at(node.span, found=value.type.name))
            return None
        return Rule(ConnectionRule.PART, [to_word(value)])

    def _edges(self, node: ast.Call) -> Rule | None:
        """Return edges from two tensors of u32."""
        rows = [self._context.expressions[type(row)](row) for row in node.arguments]
        for row in rows:
            if not isinstance(row.type, TensorType) or row.type.element.value != "u32":
                self._context.emit(catalog.EDGES_NEED_TENSORS.at(row.span, found=row.type.name))
                return None
        return Rule(ConnectionRule.EDGES, rows)
