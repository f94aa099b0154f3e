"""Connections: rules that make them, their edges one by one, delivery and learning."""

from mlrift.diagnostics import catalog
from mlrift.frontend import ast, typed
from mlrift.frontend.builtins import models as lowering
from mlrift.frontend.check.context import Context, Wiring
from mlrift.frontend.check.conversions import coerce, to_word
from mlrift.frontend.check.models import made_typed as made
from mlrift.frontend.check.models.edge_columns import columns_of, require_columns
from mlrift.frontend.check.models.ranges import Rows, bounds, range_of
from mlrift.frontend.check.models.rules import RuleReader
from mlrift.frontend.scopes import Binding
from mlrift.frontend.typed import BinaryKind
from mlrift.ir.ops import csr
from mlrift.source import Span
from mlrift.static_types import TYPE_CHECKING, Any
from mlrift.typesystem import (
    ERROR,
    EVENTS,
    U32,
    U64,
    CsrType,
    ElementKind,
    EventsType,
    PopulationType,
    ScalarType,
    TensorType,
)

if TYPE_CHECKING:
    from mlrift.frontend.check.models.checker import ModelChecker

_WORD = 8
EDGE_SUMS = {"row_sum": "rows", "column_sum": "columns"}


def _delay_column(kind: CsrType) -> int | None:
    """Return the column that says how many steps later an edge delivers."""
    for number, (name, row) in enumerate(columns_of(kind)):
        if name == "delay" and not row.is_float:
            return number
    return None


class ConnectionChecker:
    """Handlers of connections."""

    def __init__(self, context: Context, wire: Wiring, models: "ModelChecker") -> None:
        self._context = context
        self._wire = wire
        self._models = models
        self._handlers = context.expressions
        self._rules = RuleReader(context)
        self._current: dict[tuple[str, str, str], typed.LocalVariable] = {}
        self._group: list[typed.Expression] | None = None

    # --------------------------------------------------------------- declarations

    def declare(self, node: ast.Declare) -> typed.Statement:
        """Check `csr T[a, b] w = rule`."""
        written = node.type
        assert isinstance(written, ast.CsrTypeName)
        found = self._wire.locals.declared(written)
        require_columns(self._context, found, written.element.span)
        variable = typed.LocalVariable(node.name.text, found, node.name.span)
        value = self.built(node, variable)
        self._wire.locals.bind(Binding(variable, True, node.name.text[0] == "_"))
        self._models.free_at_end(variable, lowering.free_connections)
        return typed.DeclareScalar(variable, value, node.span)

    def built(
        self, node: ast.Declare | ast.Static, variable: typed.LocalVariable | typed.StaticVariable
    ) -> typed.Expression:
        """Return the connections that a declaration makes; the variable gets its type."""
        written: Any = node.type
        context, span, found = self._context, node.span, variable.type
        sources = range_of(context, written.sources)
        targets = range_of(context, written.targets)
        value: typed.Expression = made.error(span)
        if sources is not None and targets is not None and isinstance(found, CsrType):
            words = [sources.population, sources.first, sources.end]
            words += [targets.population, targets.first, targets.end]
            own, other = sources.population.type, targets.population.type
            if isinstance(own, PopulationType) and isinstance(other, PopulationType):
                variable.type = found = CsrType(found.element, own.struct, other.struct)
            rule = self._rules.read(node.value, written.span, in_group=self._group is not None)
            if rule is not None:
                widths = tuple(row.size_bytes for _, row in columns_of(found))
                name, lower = "build", lowering.build(rule.kind, widths)
                if rule.kind is csr.ConnectionRule.EDGES:
                    name, lower = "tensor.edges", lowering.build_from_edges(widths)
                value = made.operation(name, lower, [*words, *rule.details], found, span)
                rules = self._models.learning.rules_of(found)
                if rules is not None and "post" in rules.sides and rule.seed is None:
                    value = made.operation("index", lowering.index_incoming, [value], found, span)
                if rule.seed is not None and isinstance(variable, typed.LocalVariable):
                    self._join_group(rule.seed, variable, span)
        return value

    def _join_group(
        self, seed: typed.Expression, variable: typed.LocalVariable, span: Span
    ) -> None:
        assert self._group is not None
        if not self._group:
            self._group.append(seed)
        self._group.append(typed.LocalRead(variable, variable.type, span))

    def build_group(self, node: ast.Build) -> typed.Statement | None:
        """Check `build { csr ... csr ... }`: declarations that share one sequence of draws."""
        outer, self._group = self._group, []
        checker = self._wire.statements
        for statement in node.body.statements:
            is_declaration = isinstance(statement, ast.Declare) and isinstance(
                statement.type, ast.CsrTypeName
            )
            if not is_declaration:
                self._context.emit(catalog.BUILD_NEEDS_CONNECTIONS.at(statement.span))
                continue
            made_statement = self.declare(statement)  # type: ignore[arg-type]  # is a Declare
            checker.prepend(made_statement)
        members, self._group = self._group, outer
        if not members:
            return None
        action = made.action("build group", lowering.build_group, members, node.span)
        return typed.Evaluate(action, node.span)

    # --------------------------------------------------------------------- edges

    def for_each_edge(self, node: ast.ForEachEdge) -> typed.Statement:
        """Check `for i, j in w { }`."""
        span = node.span
        sequence = self._handlers[type(node.sequence)](node.sequence)
        if not isinstance(sequence.type, CsrType):
            diagnostic = catalog.FOR_NEEDS_CONNECTIONS.at(
                node.sequence.span, found=sequence.type.name
            )
            self._context.emit(diagnostic)
        names = ("_connections", "_row", "_edge", "_last")
        base, row, edge, last = (typed.LocalVariable(name, U64, span) for name in names)
        if isinstance(sequence.type, CsrType | EventsType | PopulationType):
            base.type = sequence.type
        source = typed.LocalVariable(node.source.text, U64, node.source.span)
        target = typed.LocalVariable(node.target.text, U64, node.target.span)
        locals_ = self._wire.locals
        locals_.enter_block()
        locals_.bind(Binding(source, True, True, is_loop_variable=True))
        locals_.bind(Binding(target, True, True, is_loop_variable=True))
        key = (node.sequence.span.text, source.name, target.name)
        outer = self._current.get(key)
        self._current[key] = edge
        body = self._wire.statements.loop_body(node.body)
        if outer is None:
            del self._current[key]
        else:
            self._current[key] = outer
        locals_.leave_block()
        read = typed.LocalRead(base, U64, span)
        targets = made.load_word(read, csr.TARGETS, span)
        place = made.element(targets, typed.LocalRead(edge, U64, span), U32, span)
        set_target = typed.DeclareScalar(target, typed.Load(place, U32, span), span)
        inner = typed.For(
            edge,
            self._row_start(read, typed.LocalRead(row, U64, span), span),
            typed.LocalRead(last, U64, span),
            BinaryKind.ULT,
            typed.Block([set_target, *body.statements], body.span),
            span,
        )
        first = made.load_word(read, csr.SOURCE_FIRST, span)
        number = typed.Binary(BinaryKind.ADD, first, typed.LocalRead(row, U64, span), U64, span)
        following = typed.Binary(
            BinaryKind.ADD, typed.LocalRead(row, U64, span), made.word(1, span), U64, span
        )
        outer_body: list[typed.Statement] = [
            typed.DeclareScalar(source, number, span),
            typed.DeclareScalar(last, self._row_start(read, following, span), span),
            inner,
        ]
        self._wire.statements.prepend(typed.DeclareScalar(base, sequence, span))
        return typed.For(
            row,
            made.word(0, span),
            made.load_word(read, csr.ROWS, span),
            BinaryKind.ULT,
            typed.Block(outer_body, span),
            span,
        )

    def _row_start(
        self, connections: typed.Expression, row: typed.Expression, span: Span
    ) -> typed.Expression:
        return made.operation("row start", lowering.row_start, [connections, row], U64, span)

    def edge(
        self, base: typed.Expression, node: ast.IndexAxes
    ) -> tuple[typed.Expression, Span] | None:
        """Return the number of the edge that `w[i, j]` names; None after a report."""
        first, second = node.entries[0], node.entries[1]
        if (
            len(node.entries) != 2
            or isinstance(first, ast.IndexSpan)
            or isinstance(second, ast.IndexSpan)
        ):
            self._context.emit(catalog.NOT_AN_EDGE.at(node.span))
            return None
        if isinstance(first, ast.Identifier) and isinstance(second, ast.Identifier):
            key = (node.base.span.text, first.text, second.text)
            current = self._current.get(key)
            if current is not None:
                return typed.LocalRead(current, U64, node.span), node.span
        source = to_word(self._handlers[type(first)](first))
        target = to_word(self._handlers[type(second)](second))
        operands = [base, source, target]
        return made.operation("find", lowering.find_edge, operands, U64, node.span), node.span

    def element(
        self, base: typed.Expression, node: ast.IndexAxes, field: ast.Name | None
    ) -> tuple[typed.ElementAddress, ScalarType] | None:
        """Return the address of `w[i, j]` or `w[i, j].field`; None after a report."""
        assert isinstance(base.type, CsrType)
        number = self._column(base.type, field, node.span)
        found = self.edge(base, node)
        if number is None or found is None:
            return None
        row = columns_of(base.type)[number][1]
        address = self.column_address(base, number, node.span)
        return made.element(address, found[0], row, node.span), row

    def column_address(self, base: typed.Expression, number: int, span: Span) -> typed.Expression:
        """Return the address of an edge column."""
        return made.load_word(base, csr.FIRST_COLUMN + _WORD * number, span)

    def _column(
        self, kind: CsrType, field: ast.Name | None, span: Span, beside: int | None = None
    ) -> int | None:
        """Return the column of a field, or the only one there is (but for `beside`)."""
        rows = columns_of(kind)
        if field is None:
            others = [number for number in range(len(rows)) if number != beside]
            if len(others) == 1:
                return others[0]
            shown = ", ".join(f"`{name}`" for name, _ in rows)
            diagnostic = catalog.WHICH_FIELD.at(span, known=shown)
            self._context.emit(diagnostic.help(f"{span.text}.{rows[0][0]}"))
            return None
        for number, (name, _) in enumerate(rows):
            if name == field.text:
                return number
        suggestion = self._context.suggest(field.text, [name for name, _ in rows])
        diagnostic = catalog.NO_SUCH_FIELD.at(
            field.span, field=field.text, name=kind.element.name, suggestion=suggestion
        )
        self._context.emit(diagnostic)
        return None

    def index_axes(self, base: typed.Expression, node: ast.IndexAxes) -> Any:
        """Return `w[i, j]`, or the rows `w[a..b, n]`."""
        first = node.entries[0]
        if len(node.entries) == 2 and isinstance(first, ast.IndexSpan):
            count = made.load_word(base, csr.ROWS, node.span)
            start = made.load_word(base, csr.SOURCE_FIRST, node.span)
            end = typed.Binary(BinaryKind.ADD, start, count, U64, node.span)
            low, high = bounds(self._context, first, end)
            self._check_whole(node.entries[1])
            return Rows(base, low, high, base.type, node.span)
        found = self.element(base, node, None)
        if found is None:
            return made.error(node.span)
        return typed.Load(found[0], found[1], node.span)

    def _check_whole(self, node: ast.Expression) -> None:
        """Only rows can be chosen: the second entry names all targets."""
        if isinstance(node, ast.IndexSpan) and node.first is None and node.end is None:
            return
        found = self._handlers[type(node)](node)
        if not isinstance(found.type, PopulationType):
            diagnostic = catalog.PART_OF_TARGETS.at(node.span)
            self._context.emit(diagnostic.note("rows are w[a..b, n], n being all targets"))

    def member(self, base: typed.Expression, node: ast.Member) -> typed.Expression:
        """Return `w.len` (edges), or a column as a tensor."""
        span = node.span
        if node.member.text == "len":
            return made.load_word(base, csr.EDGES, span)
        assert isinstance(base.type, CsrType)
        number = self._column(base.type, node.member, span)
        if number is None:
            return made.error(span)
        row = columns_of(base.type)[number][1]
        address = self.column_address(base, number, span)
        length = made.load_word(base, csr.EDGES, span)
        return self._models.tensor_of_memory(address, row, length, span)

    # --------------------------------------------------------------------- methods

    def method(self, receiver: Any, node: ast.MethodCall) -> typed.Expression:
        """Return `w.send(...)`, `w.pre(s)`, `w.post(s)` or `w.degree(i)`."""
        name, arguments = node.method.text, node.arguments
        known = {"send": 2, "pre": 1, "post": 1, "degree": 1}
        has_value = name == "send" and len(arguments) == 3
        expected = known.get(name)
        if expected is None:
            return self._models.no_method(receiver, node, tuple(known))
        if len(arguments) != expected and not has_value:
            diagnostic = catalog.WRONG_BUILTIN_ARGUMENT_COUNT.at(
                node.method.span, name=name, expected=expected, found=len(arguments)
            )
            self._context.emit(diagnostic)
            return made.error(node.span)
        connections = receiver.connections if isinstance(receiver, Rows) else receiver
        if name == "degree":
            source = to_word(self._handlers[type(arguments[0])](arguments[0]))
            operands = [connections, source]
            return made.operation("degree", lowering.degree, operands, U64, node.span)
        events = self._events_of(receiver, arguments[0])
        if events is None:
            return made.error(node.span)
        if name == "send":
            return self._send(connections, events, node)
        return self._models.learning.apply(connections, events, name, node)

    def _events_of(self, receiver: Any, node: ast.Expression) -> typed.Expression | None:
        """Return the events that a delivery takes: those of the rows chosen."""
        events = self._handlers[type(node)](node)
        if not isinstance(events.type, EventsType):
            if events.type is not ERROR:
                self._context.emit(catalog.NEEDS_EVENTS.at(node.span, found=events.type.name))
            return None
        if not isinstance(receiver, Rows):
            return events
        operands = [events, receiver.first, receiver.end]
        return made.operation("slice", lowering.slice_events, operands, EVENTS, node.span)

    def _send(
        self, connections: typed.Expression, events: typed.Expression, node: ast.MethodCall
    ) -> typed.Expression:
        target = node.arguments[1]
        kind = connections.type
        assert isinstance(kind, CsrType)
        population: Any = None
        if isinstance(target, ast.Member):
            population = self._handlers[type(target.base)](target.base)
        if population is None or not isinstance(population.type, PopulationType):
            self._context.emit(catalog.SEND_TARGET.at(target.span))
            return made.error(node.span)
        assert isinstance(target, ast.Member)
        found = self._models.column(population, target.member)
        if found is None:
            return made.error(node.span)
        address, row = found
        if len(node.arguments) == 3:
            value = coerce(self._handlers[type(node.arguments[2])](node.arguments[2]), row)
            operands = [connections, events, address, population, value]
            return made.action("send", lowering.send_value(row.memory), operands, node.span)
        delay = _delay_column(kind)
        number = self._column(kind, None, node.span, beside=delay)
        if number is None:
            return made.error(node.span)
        name, element = columns_of(kind)[number]
        del name
        if element is not row:
            diagnostic = catalog.SEND_TYPES.at(target.span, target=row.name, edges=element.name)
            self._context.emit(diagnostic)
        lower = lowering.send(number, row.memory)
        if delay is not None:
            delay_memory = columns_of(kind)[delay][1].memory
            lower = lowering.send_later(number, row.memory, delay, delay_memory)
        operands = [connections, events, address, population]
        return made.action("send", lower, operands, node.span)

    def product(
        self, connections: typed.Expression, vector: typed.Expression, span: Span
    ) -> typed.Expression:
        """Return `w @ x`: for every target the sum of its edges' values times their sources'."""
        kind = connections.type
        assert isinstance(kind, CsrType)
        number = self._column(kind, None, connections.span)
        if number is None:
            return made.error(span)
        row = columns_of(kind)[number][1]
        if not isinstance(vector.type, TensorType) or vector.type.rank != 1:
            if vector.type is not ERROR:
                self._context.emit(catalog.EXPECTED_TENSOR.at(vector.span, found=vector.type.name))
            return made.error(span)
        if not row.is_float or vector.type.element.value != row.name:
            diagnostic = catalog.ELEMENT_KINDS_DIFFER.at(
                span, left=kind.name, right=vector.type.name
            )
            self._context.emit(diagnostic)
            return made.error(span)
        result = TensorType(vector.type.element, (None,), (None,))
        lower = lowering.product(number, row.memory, result.machine)
        return made.operation("tensor.product", lower, [connections, vector], result, span)

    def edge_sums(
        self, name: str, arguments: list[ast.Expression], span: Span
    ) -> typed.Expression | None:
        """Return `row_sum(w.field)` or `column_sum(w.field)`; None if that is no edge column."""
        if len(arguments) != 1:
            return None
        argument = arguments[0]
        field = argument.member if isinstance(argument, ast.Member) else None
        root = argument.base if isinstance(argument, ast.Member) else argument
        if not isinstance(root, ast.Identifier) or not self._context.extended_root(root):
            return None
        base = self._handlers[type(root)](root)
        if not isinstance(base.type, CsrType):
            return None
        number = self._column(base.type, field, span)
        if number is None:
            return made.error(span)
        row = columns_of(base.type)[number][1]
        if not row.is_float:
            found = f"`{row.name}`"
            diagnostic = catalog.TENSOR_ARGUMENTS.at(
                span, name=name, expected="f32 or f64 of connections", found=found
            )
            self._context.emit(diagnostic)
            return made.error(span)
        self._context.has_tensors = True
        element = ElementKind(row.name)
        result = TensorType(element, (None,), (None,))
        operands = [
            base,
            self.column_address(base, number, span),
            made.load_word(base, csr.EDGES, span),
        ]
        lower = lowering.edge_sums(EDGE_SUMS[name], row.size_bytes, result.machine)
        return made.operation("tensor.sums", lower, operands, result, span)

    # ------------------------------------------------------------------ assignments

    def change(self, base: typed.Expression, node: ast.Assign) -> typed.Statement:
        """Return `w = x`, `w.field *= x` and the like: a number for all edges, or a tensor."""
        assert isinstance(base.type, CsrType)
        target, span = node.target, node.span
        field = target.member if isinstance(target, ast.Member) else None
        value = self._handlers[type(node.value)](node.value)
        if node.operator is None and not isinstance(value.type, TensorType):
            return self.fill(base, field, value, span)
        number = self._column(base.type, field, target.span)
        if number is None:
            return typed.Evaluate(made.error(span), span)
        row = columns_of(base.type)[number][1]
        address = self.column_address(base, number, target.span)
        count = made.load_word(base, csr.EDGES, span)
        view = self._models.tensor_of_memory(address, row, count, target.span)
        return self._models.change_memory(view, address, node)

    def fill(
        self, base: typed.Expression, field: ast.Name | None, value: typed.Expression, span: Span
    ) -> typed.Statement:
        """Return `w = value`, which sets every edge."""
        assert isinstance(base.type, CsrType)
        number = self._column(base.type, field, span)
        if number is None:
            return typed.Evaluate(value, span)
        row = columns_of(base.type)[number][1]
        bits = to_word(coerce(value, row))
        lower = lowering.fill_edges(number, row.memory)
        return typed.Evaluate(made.action("fill", lower, [base, bits], span), span)
