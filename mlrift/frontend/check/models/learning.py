"""A `plasticity` block becomes functions of one edge, and `w.pre(s)` their use (reference.md 24.7).

    on pre { post.se += w   w = w - 0.1 * post.xq }

gives two functions: one adds to `post.se` and leaves the edge as it is, one changes the edge and
adds nothing. Both start from the edge as it was, and neither reads what the first one adds to, so
together they are the block; but the second one may be done for many edges at once.
"""

from mlrift.diagnostics import catalog
from mlrift.frontend import ast, typed
from mlrift.frontend.builtins import models as lowering
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.models import made_syntax as made
from mlrift.frontend.check.models import made_typed, units
from mlrift.frontend.check.models.edge_columns import columns_of
from mlrift.frontend.check.models.intrinsics import with_intrinsics
from mlrift.frontend.check.models.structure import StructModel
from mlrift.ir.ops import csr
from mlrift.source import Span
from mlrift.typesystem import (
    DOUBLE,
    SINGLE,
    U64,
    CsrType,
    ScalarType,
    StructType,
    Tag,
)
from mlrift.values import field, record

_SOURCE, _TARGET, _EDGE = "_source", "_target", "_edge"
_SIDES = ("pre", "post")
_ADDING = (ast.BinaryOperator.ADD, ast.BinaryOperator.SUB)


@record
class Learning:
    """One `on` block: its functions ("" where a half is empty) and the columns that they get.

    `edges` are columns of the connections by number, `neurons` (side, number of a column).
    """

    add: str
    change: str
    edges: tuple[int, ...]
    neurons: tuple[tuple[str, int], ...]


@record
class RuleSet:
    """A `plasticity` block."""

    struct: StructType
    pre: StructModel
    post: StructModel
    span: Span
    sides: dict[str, Learning] = field(default_factory=dict)


def declare_rules(context: Context, node: ast.Plasticity, rules: RuleSet) -> list[ast.Function]:
    """Fill in the sides of a block; return the functions that they stand for."""
    functions: list[ast.Function] = []
    for entry in node.rules:
        side = entry.side.text
        if side not in _SIDES:
            context.emit(catalog.NOT_A_SIDE.at(entry.side.span, name=side))
            continue
        if side in rules.sides:
            first = next(row for row in node.rules if row.side.text == side)
            diagnostic = catalog.SIDE_TWICE.at(entry.side.span, name=side)
            context.emit(diagnostic.label(first.side.span, "the first one"))
            continue
        maker = _SideMaker(context, node, rules, entry)
        rules.sides[side] = maker.learning
        functions += maker.functions
    return functions


class _SideMaker:
    def __init__(
        self, context: Context, node: ast.Plasticity, rules: RuleSet, entry: ast.OnSpike
    ) -> None:
        self._context = context
        self._rules = rules
        self._names = {node.pre.text: "pre", node.post.text: "post"}
        self._own = entry.side.text
        self._other = "post" if self._own == "pre" else "pre"
        self._span = entry.span
        self._edge_fields = [
            (name, row.type)
            for name, row in rules.struct.fields.items()
            if isinstance(row.type, ScalarType)
        ]
        self._used: dict[tuple[str, int], None] = {}
        self.functions: list[ast.Function] = []
        body = made.rewritten(entry.body.statements, self._member)
        is_single = all(row.tag is Tag.F32 for _, row in self._edge_fields if row.is_float)
        if is_single:
            body = made.rewritten(made.in_single(body), units.in_single)
        body = with_intrinsics(context, body, SINGLE if is_single else DOUBLE)
        added = self._check_writes(body)
        changed = self._changed(body)
        self._refuse_reads(body, added)
        mentioned = set(made.names_in(body))
        edges = [number for number, (name, _) in enumerate(self._edge_fields) if name in mentioned]
        base = f"plasticity.{rules.struct.name}.{node.pre_type.name}.{node.post_type.name}"
        add = change = ""
        if added:
            add = f"{base}.{self._own}.add"
            self._add_function(add, body, edges, sorted(added))
        if changed:
            change = f"{base}.{self._own}.change"
            kept = made.rewritten(body, self._without_sums)
            self._change_function(change, _flat(kept), edges, changed)
        self.learning = Learning(add, change, tuple(edges), tuple(self._used))

    # ------------------------------------------------------------------------- reading

    def _member(self, node: object) -> object:
        """Replace `post.se` by the name of a local that holds it."""
        if not isinstance(node, ast.Member) or not isinstance(node.base, ast.Identifier):
            return None
        side = self._names.get(node.base.text)
        if side is None:
            return None
        model = self._rules.pre if side == "pre" else self._rules.post
        number = model.column(node.member.text)
        if number is None or not model.columns[number].is_field:
            suggestion = self._context.suggest(node.member.text, model.struct.fields)
            diagnostic = catalog.NO_SUCH_FIELD.at(
                node.member.span,
                field=node.member.text,
                name=model.struct.name,
                suggestion=suggestion,
            )
            self._context.emit(diagnostic)
            return ast.FloatLiteral(0.0, False, node.span)
        self._used.setdefault((side, number))
        return ast.Identifier(f"{side}:{node.member.text}", node.span)

    def _check_writes(self, body: list[ast.Statement]) -> set[str]:
        """Return the fields of neurons that are added to; report all other writes to neurons."""
        added: set[str] = set()
        for node in made.nodes_of(body):
            if not isinstance(node, ast.Assign) or not isinstance(node.target, ast.Identifier):
                continue
            side, dot, name = node.target.text.partition(":")
            if not dot:
                continue
            if side == self._other and node.operator in _ADDING:
                added.add(node.target.text)
                continue
            diagnostic = catalog.WRITE_IN_RULE.at(
                node.target.span, side=self._own, other=self._other, field=f"{side}.{name}"
            )
            if side == self._own:
                diagnostic = diagnostic.note("what a neuron does when it fires stands in `spike`")
            self._context.emit(diagnostic)
        return added

    def _changed(self, body: list[ast.Statement]) -> list[str]:
        names = [name for name, _ in self._edge_fields]
        found: dict[str, None] = {}
        for node in made.nodes_of(body):
            if not isinstance(node, ast.Assign) or not isinstance(node.target, ast.Identifier):
                continue
            if node.target.text in names:
                found.setdefault(node.target.text)
        return list(found)

    def _refuse_reads(self, body: list[ast.Statement], added: set[str]) -> None:
        if self._rules.pre is self._rules.post:
            # The two may be one population, whose sums threads make while others would read them.
            added = added | {f"{self._own}:{name.partition(':')[2]}" for name in added}
        targets = {id(node.target) for node in made.nodes_of(body) if isinstance(node, ast.Assign)}
        for node in made.nodes_of(body):
            is_read = isinstance(node, ast.Identifier) and id(node) not in targets
            if is_read and isinstance(node, ast.Identifier) and node.text in added:
                field_name = node.text.replace(":", ".")
                self._context.emit(catalog.READ_OF_SUM.at(node.span, field=field_name))

    def _without_sums(self, node: object) -> object:
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.target, ast.Identifier)
            and ":" in node.target.text
        ):
            return ast.Block([], node.span)
        return None

    # ----------------------------------------------------------------------- functions

    def _prologue(self, edges: list[int], body: list[ast.Statement]) -> list[ast.Statement]:
        result: list[ast.Statement] = []
        mentioned = set(made.names_in(body))
        for number in edges:
            name, row = self._edge_fields[number]
            if name in mentioned:
                result += made.load(name, f"{name}:base", _EDGE, row, self._span)
        for side, number in self._used:
            model = self._rules.pre if side == "pre" else self._rules.post
            column = model.columns[number]
            index = _SOURCE if side == "pre" else _TARGET
            name = f"{side}:{column.name}"
            if name in mentioned:
                result += made.load(name, f"{name}:base", index, column.type, self._span)
        return result

    def _parameters(self, edges: list[int]) -> list[tuple[str, str]]:
        rows = [("u64", _SOURCE), ("u64", _TARGET), ("u64", _EDGE)]
        rows += [("u64", f"{self._edge_fields[number][0]}:base") for number in edges]
        for side, number in self._used:
            model = self._rules.pre if side == "pre" else self._rules.post
            rows.append(("u64", f"{side}:{model.columns[number].name}:base"))
        return rows

    def _add_function(
        self, name: str, body: list[ast.Statement], edges: list[int], added: list[str]
    ) -> None:
        index = _TARGET if self._other == "post" else _SOURCE
        stores = [
            made.store(row, f"{row}:base", index, self._type_of(row), self._span) for row in added
        ]
        self._function(name, [*self._prologue(edges, body), *body, *stores], edges)

    def _change_function(
        self, name: str, body: list[ast.Statement], edges: list[int], changed: list[str]
    ) -> None:
        kinds = dict(self._edge_fields)
        stores = [made.store(row, f"{row}:base", _EDGE, kinds[row], self._span) for row in changed]
        self._function(name, [*self._prologue(edges, body), *body, *stores], edges)

    def _function(self, name: str, body: list[ast.Statement], edges: list[int]) -> None:
        self.functions.append(made.function(name, self._parameters(edges), None, body, self._span))

    def _type_of(self, name: str) -> ScalarType:
        side, _, text = name.partition(":")
        model = self._rules.pre if side == "pre" else self._rules.post
        number = model.column(text)
        assert number is not None
        return model.columns[number].type


def _flat(body: list[object]) -> list[ast.Statement]:
    """Return statements without the empty blocks that removed ones leave."""

    def clean(node: object) -> object:
        if isinstance(node, ast.Block):
            kept = [row for row in node.statements if not isinstance(row, ast.Block)]
            return ast.Block([made.rewritten(row, clean) for row in kept], node.span)
        return None

    kept = [row for row in body if not isinstance(row, ast.Block)]
    result: list[ast.Statement] = made.rewritten(kept, clean)
    return result


def _edges_of(kind: CsrType) -> str:
    """Return what edges are and connect, for messages."""
    if kind.source is None or kind.target is None:
        return kind.element.name
    return f"{kind.element.name} from {kind.source.name} to {kind.target.name}"


class LearningChecker:
    """Handler of `w.pre(s)` and `w.post(s)`."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def apply(
        self,
        connections: typed.Expression,
        events: typed.Expression,
        side: str,
        node: ast.MethodCall,
    ) -> typed.Expression:
        """Return the use of a rule on the edges of the neurons that fired."""
        context, span = self._context, node.span
        kind = connections.type
        assert isinstance(kind, CsrType)
        rules = self.rules_of(kind)
        if rules is None:
            diagnostic = catalog.NO_RULES.at(node.method.span, edges=_edges_of(kind))
            if isinstance(kind.element, ScalarType):
                diagnostic = diagnostic.note("weights without rules are sent: w.send(s, n.field)")
            context.emit(diagnostic)
            return made_typed.error(span)
        learning = rules.sides.get(side)
        if learning is None:
            diagnostic = catalog.NO_SUCH_SIDE.at(
                node.method.span, struct=kind.element.name, side=side
            )
            context.emit(diagnostic.label(rules.span, "the rules are declared here"))
            return made_typed.error(span)
        operands = [self._half(learning.add, span), self._half(learning.change, span)]
        operands += [connections, events]
        rows = [row for _, row in columns_of(kind)]
        widths = [rows[number].size_bytes for number in learning.edges]
        for name, number in learning.neurons:
            offset = csr.SOURCE_POPULATION if name == "pre" else csr.TARGET_POPULATION
            model = rules.pre if name == "pre" else rules.post
            widths.append(model.columns[number].type.size_bytes)
            population = made_typed.load_word(connections, offset, span)
            lower = lowering.column_address(model.streams, number, model.struct.name)
            operands.append(made_typed.operation("column", lower, [population], U64, span))
        sides = tuple(_SIDES.index(name) for name, _ in learning.neurons)
        lower = lowering.learn(side, learning.edges, tuple(widths), sides)
        return made_typed.action(side, lower, operands, span)

    def rules_of(self, kind: CsrType) -> RuleSet | None:
        """Return the rules for edges of a type, None when there are none."""
        found = [
            row
            for row in self._context.names.plasticity
            if row.struct is kind.element
            and kind.source in (None, row.pre.struct)
            and kind.target in (None, row.post.struct)
        ]
        return found[0] if found else None

    def _half(self, name: str, span: Span) -> typed.Expression:
        if not name:
            return made_typed.word(0, span)
        signature = self._context.names.functions[name]
        return made_typed.function_address(self._context, signature, span)
