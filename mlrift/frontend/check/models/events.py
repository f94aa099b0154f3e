"""Event streams: loops over them, their length, parts and delays."""

from mlrift.diagnostics import catalog
from mlrift.frontend import ast, typed
from mlrift.frontend.builtins import models as lowering
from mlrift.frontend.check.context import Context, Wiring
from mlrift.frontend.check.conversions import coerce, to_word
from mlrift.frontend.check.models import made_typed as made
from mlrift.frontend.check.models.ranges import bounds
from mlrift.frontend.scopes import Binding
from mlrift.frontend.typed import BinaryKind
from mlrift.source import Span
from mlrift.typesystem import DOUBLE, EVENTS, U32, U64, CsrType, EventsType, PopulationType


class EventChecker:
    """Handlers of event streams."""

    def __init__(self, context: Context, wire: Wiring) -> None:
        self._context = context
        self._wire = wire
        self._handlers = context.expressions

    def for_each(self, node: ast.ForEach) -> typed.Statement:
        """Check `for i in s { }`."""
        sequence = self._handlers[type(node.sequence)](node.sequence)
        span = node.span
        if not isinstance(sequence.type, EventsType):
            diagnostic = catalog.FOR_NEEDS_EVENTS.at(node.sequence.span, found=sequence.type.name)
            self._context.emit(diagnostic.note("`for` counts: for i in 0..n { }"))
        is_model = isinstance(sequence.type, EventsType | PopulationType | CsrType)
        stream = typed.LocalVariable("_events", sequence.type if is_model else U64, span)
        place = typed.LocalVariable("_place", U64, span)
        variable = typed.LocalVariable(node.name.text, U64, node.name.span)
        self._wire.locals.enter_block()
        self._wire.locals.bind(Binding(variable, True, True, is_loop_variable=True))
        body = self._wire.statements.loop_body(node.body)
        self._wire.locals.leave_block()
        read = typed.LocalRead(stream, U64, span)
        entries = made.load_word(read, 0, span)
        address = made.element(entries, typed.LocalRead(place, U64, span), U32, span)
        declare = typed.DeclareScalar(variable, typed.Load(address, U32, span), span)
        inner = typed.Block([declare, *body.statements], body.span)
        count = made.operation("count", lowering.count_events, [read], U64, span)
        limit = typed.LocalVariable("_count", U64, span)
        loop = typed.For(
            place,
            made.word(0, span),
            typed.LocalRead(limit, U64, span),
            BinaryKind.ULT,
            inner,
            span,
        )
        self._wire.statements.prepend(typed.DeclareScalar(stream, sequence, span))
        self._wire.statements.prepend(typed.DeclareScalar(limit, count, span))
        return loop

    def member(self, base: typed.Expression, node: ast.Member) -> typed.Expression:
        """Check `s.len`."""
        if node.member.text == "len":
            return made.operation("count", lowering.count_events, [base], U64, node.span)
        diagnostic = catalog.NO_SUCH_FIELD.at(
            node.member.span, field=node.member.text, name="events", suggestion=""
        )
        self._context.emit(diagnostic)
        return made.error(node.span)

    def index(self, base: typed.Expression, node: ast.Index) -> typed.Expression:
        """Check `s[a..b]` (neurons a to b - 1) and `s[k]` (the neuron of event k)."""
        span = node.span
        if not isinstance(node.index, ast.IndexSpan):
            number = to_word(self._handlers[type(node.index)](node.index))
            operands = [base, number]
            place = made.operation(lowering.EVENT, lowering.event_address, operands, U64, span)
            return typed.Load(place, U32, span)
        first, end = bounds(self._context, node.index, self._population(base, span))
        function = self._context.function
        lower = lowering.slice_events
        if function is not None and function.symbol.result is EVENTS:
            lower = lowering.slice_events_to_give
        return made.operation("slice", lower, [base, first, end], EVENTS, span)

    def _population(self, base: typed.Expression, span: Span) -> typed.Expression:
        return made.operation("population", lowering.population_of_events, [base], U64, span)

    def method(self, receiver: typed.Expression, node: ast.MethodCall) -> typed.Expression:
        """Check `s.delay(k)`."""
        if node.method.text != "delay":
            suggestion = self._context.suggest(node.method.text, ("delay",))
            diagnostic = catalog.NO_SUCH_OPERATION.at(
                node.method.span, name=node.method.text, found="events", suggestion=suggestion
            )
            self._context.emit(diagnostic)
            return made.error(node.span)
        if len(node.arguments) != 1:
            diagnostic = catalog.WRONG_BUILTIN_ARGUMENT_COUNT.at(
                node.method.span, name="delay", expected=1, found=len(node.arguments)
            )
            self._context.emit(diagnostic)
            return made.error(node.span)
        given = self._handlers[type(node.arguments[0])](node.arguments[0])
        if given.type.is_float:
            found = given.type.name
            diagnostic = catalog.NOT_A_WHOLE_NUMBER.at(given.span, name="delay", found=found)
            self._context.emit(diagnostic)
        steps = to_word(given)
        if type(steps) is typed.IntegerConstant and steps.value == 0:
            self._context.emit(catalog.NO_DELAY.at(node.arguments[0].span))
        operands = [receiver, steps]
        return made.operation("delay", lowering.delay_events, operands, EVENTS, node.span)

    def poisson(self, arguments: list[ast.Expression], span: Span) -> typed.Expression:
        """Check `poisson(n, probability, seed, step)`."""
        values = [self._handlers[type(row)](row) for row in arguments]
        if len(values) != 4 or not isinstance(values[0].type, PopulationType):
            given = values[0].type.name if values else "nothing"
            shown = f"{len(values)} arguments"
            diagnostic = catalog.POISSON_ARGUMENTS.at(
                span, found=shown if len(values) != 4 else given
            )
            self._context.emit(diagnostic)
            return made.error(span)
        count = made.load_word(values[0], 0, span)
        operands = [count, coerce(values[1], DOUBLE), to_word(values[2]), to_word(values[3])]
        return made.operation("poisson", lowering.poisson_events, operands, EVENTS, span)
