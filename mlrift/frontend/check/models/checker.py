"""The checker of models: what each piece of syntax means when an operand is part of one."""

from mlrift.diagnostics import catalog
from mlrift.frontend import ast, typed
from mlrift.frontend.builtins import models as lowering
from mlrift.frontend.builtins.models import Lowering
from mlrift.frontend.check.context import Context, Wiring
from mlrift.frontend.check.conversions import coerce, to_word
from mlrift.frontend.check.models import made_typed as made
from mlrift.frontend.check.models import units
from mlrift.frontend.check.models.connections import ConnectionChecker
from mlrift.frontend.check.models.events import EventChecker
from mlrift.frontend.check.models.learning import LearningChecker
from mlrift.frontend.check.models.misuse import report_misplaced
from mlrift.frontend.check.models.parameters import entry_checks
from mlrift.frontend.check.models.ranges import Rows
from mlrift.frontend.check.models.structure import Block, StructModel
from mlrift.frontend.check.tensors.checker import TensorChecker
from mlrift.frontend.scopes import Binding, Signature
from mlrift.frontend.typed import BinaryKind
from mlrift.source import Span
from mlrift.static_types import Any
from mlrift.typesystem import (
    DOUBLE,
    ERROR,
    EVENTS,
    U64,
    CsrType,
    EventsType,
    PopulationType,
    ScalarType,
    StructType,
    TensorType,
    Type,
)


class ModelChecker:
    """Handlers of populations; events and connections have their own."""

    def __init__(self, context: Context, wire: Wiring, tensors: TensorChecker) -> None:
        self._context = context
        self._wire = wire
        self._tensors = tensors
        self._handlers = context.expressions
        self._events = EventChecker(context, wire)
        self.connections = ConnectionChecker(context, wire, self)
        self.learning = LearningChecker(context)

    def expressions(self) -> dict[type, Any]:
        """Return the handlers of expressions that only models have."""
        return {ast.Quantity: self._quantity}

    def statements(self) -> dict[type, Any]:
        """Return the handlers of statements that only models have."""
        misplaced = (ast.Decay, ast.Derivative, ast.Spike, ast.Hold)
        return {
            ast.ForEach: self._events.for_each,
            ast.ForEachEdge: self.connections.for_each_edge,
            ast.Build: self.connections.build_group,
            **dict.fromkeys(misplaced, self._misplaced_line),
        }

    def enter(self, signature: Signature) -> list[typed.Statement]:
        """Return what a function does before all else."""
        begins = entry_checks(signature)
        statics = self._context.names.static_models
        if not statics:
            return begins
        if signature.symbol.name == "main":
            begins += [self._static(row) for row in statics]
        elif signature.symbol.is_export:
            begins.append(self._first_call(statics))
        return begins

    def _first_call(self, statics: list[ast.Static]) -> typed.Statement:
        """Return what makes the statics of a library that has no `main`, if nobody has yet."""
        last, span = self._context.names.statics[statics[-1].name.text], statics[-1].span
        read = typed.StaticRead(last, U64, span)
        is_absent = typed.Binary(
            BinaryKind.EQ, read, typed.IntegerConstant(0, U64, span), U64, span
        )
        made_now = typed.Block([self._static(row) for row in statics], span)
        return typed.If(is_absent, made_now, None, span)

    def _static(self, node: ast.Static) -> typed.Statement:
        """Return the statement that makes a static population or static connections."""
        variable = self._context.names.statics[node.name.text]
        found, span = variable.type, node.span
        if isinstance(found, PopulationType) and node.size is not None:
            model = self._context.names.models[found.struct.name]
            count = to_word(self._handlers[type(node.size)](node.size))
            lower = lowering.new_population(model.streams, model.widths(), model.struct.name)
            value = made.operation("new population", lower, [count], found, span)
        else:
            value = self.connections.built(node, variable)
        return typed.Assign(typed.StaticPlace(variable, variable.type, span), value, span)

    def leave(self, blocks: list[typed.Block]) -> None:
        """Report parts of models where none can be, when a function has been checked."""
        report_misplaced(self._context, blocks)

    def is_model(self, kind: Type) -> bool:
        """Whether a type is a population, an event stream or connections."""
        return isinstance(kind, PopulationType | EventsType | CsrType)

    # ------------------------------------------------------------------- odd places

    def _quantity(self, node: ast.Quantity) -> typed.Expression:
        return typed.FloatConstant(units.in_milliseconds(node), DOUBLE, node.span)

    def _misplaced_line(self, node: ast.Statement) -> None:
        self._context.emit(catalog.MISPLACED_MODEL_LINE.at(node.span))

    def misplaced_span(self, node: ast.IndexSpan) -> typed.Expression:
        """Report `a..b` where it says nothing."""
        self._context.emit(catalog.MISPLACED_RANGE.at(node.span))
        return made.error(node.span)

    def no_operator(self, operator: str, operand: typed.Expression, span: Span) -> typed.Expression:
        """Report an operator on a part of a model."""
        diagnostic = catalog.OPERATOR_ON_MODEL.at(span, operator=operator, found=operand.type.name)
        self._context.emit(diagnostic)
        return made.error(span)

    # ----------------------------------------------------------------- declarations

    def declare_population(self, node: ast.DeclareArray, struct: StructType) -> typed.Statement:
        """Check `Lif[count] n`."""
        model = self._context.names.models[struct.name]
        name = node.name
        count = self._handlers[type(node.size)](node.size)
        if count.type.is_float or isinstance(count.type, StructType):
            diagnostic = catalog.POPULATION_SIZE.at(node.size.span, found=count.type.name)
            self._context.emit(diagnostic)
        variable = typed.LocalVariable(name.text, PopulationType(model.struct), name.span)
        self._wire.locals.bind(Binding(variable, True, name.text[0] == "_"))
        lower = lowering.new_population(model.streams, model.widths(), struct.name)
        value = made.operation("new population", lower, [to_word(count)], variable.type, node.span)
        self.free_at_end(variable, lowering.free_population)
        return typed.DeclareScalar(variable, value, node.span)

    def free_at_end(self, variable: typed.LocalVariable, lower: Lowering) -> None:
        """Give storage back when a function ends or makes it anew; what main has stays."""
        function = self._context.function
        if function is None or function.symbol.name == "main":
            return
        span = variable.span
        read = typed.LocalRead(variable, variable.type, span)
        free = typed.Evaluate(made.action("free", lower, [read], span), span)
        self._wire.statements.prepend(free)
        self._wire.statements.at_end(typed.Block([free], span))

    # ---------------------------------------------------------------------- reading

    def _struct_model(self, base: typed.Expression) -> StructModel:
        assert isinstance(base.type, PopulationType)
        return self._context.names.models[base.type.struct.name]

    def length(self, population: typed.Expression, span: Span) -> typed.Expression:
        """Return the number of neurons."""
        return made.load_word(population, 0, span)

    def column(
        self, population: typed.Expression, name: ast.Name
    ) -> tuple[typed.Expression, ScalarType] | None:
        """Return the address of a field's column and its type; None after a report."""
        model = self._struct_model(population)
        number = model.column(name.text)
        if number is None or not model.columns[number].is_field:
            suggestion = self._context.suggest(name.text, model.struct.fields)
            diagnostic = catalog.NO_SUCH_FIELD.at(
                name.span, field=name.text, name=model.struct.name, suggestion=suggestion
            )
            self._context.emit(diagnostic)
            return None
        lower = lowering.column_address(model.streams, number, model.struct.name)
        address = made.operation("column", lower, [population], U64, name.span)
        return address, model.columns[number].type

    def member(self, base: typed.Expression, node: ast.Member) -> typed.Expression:
        """Return `n.len`, `n.field`, `s.len` or a column of connections."""
        if isinstance(base.type, EventsType):
            return self._events.member(base, node)
        if isinstance(base.type, CsrType):
            return self.connections.member(base, node)
        if node.member.text == "len":
            return self.length(base, node.span)
        found = self.column(base, node.member)
        if found is None:
            return made.error(node.span)
        address, row = found
        return self.tensor_of_memory(address, row, self.length(base, node.span), node.span)

    def tensor_of_memory(
        self, address: typed.Expression, row: ScalarType, length: typed.Expression, span: Span
    ) -> typed.Expression:
        """Return memory as a tensor of one axis."""
        return self._tensors.tensor_of_memory(address, row, length, span)

    def change_memory(
        self, view: typed.Expression, address: typed.Expression, node: ast.Assign
    ) -> typed.Statement:
        """Return the assignment of a tensor or a number to memory seen as a tensor."""
        return self._tensors.assign_to_memory(view, address, node)

    def index(self, base: typed.Expression, node: ast.Index) -> typed.Expression:
        """Return `s[a..b]`; a neuron or a row is no value by itself."""
        if isinstance(base.type, EventsType):
            return self._events.index(base, node)
        if isinstance(base.type, PopulationType) and not isinstance(node.index, ast.IndexSpan):
            field = next(iter(self._struct_model(base).struct.fields))
            diagnostic = catalog.NOT_A_VALUE.at(node.span, what="a neuron")
            self._context.emit(diagnostic.help(f"{node.span.text}.{field}"))
        elif isinstance(base.type, CsrType):
            diagnostic = catalog.NOT_A_VALUE.at(node.span, what="a row of connections")
            self._context.emit(diagnostic.note("edges are w[i, j], rows to send from w[a..b, n]"))
        elif base.type is not ERROR:
            self._context.emit(catalog.MISPLACED_RANGE.at(node.index.span))
        return made.error(node.span)

    def index_axes(self, base: typed.Expression, node: ast.IndexAxes) -> typed.Expression:
        """Return `w[i, j]`."""
        if isinstance(base.type, CsrType):
            found: typed.Expression = self.connections.index_axes(base, node)
            return found
        self._context.emit(catalog.NOT_AN_EDGE.at(node.span))
        return made.error(node.span)

    # ------------------------------------------------------------------------ places

    def element(self, node: ast.Member) -> tuple[typed.ElementAddress, ScalarType] | None:
        """Return the element that `n[i].field` or `w[i, j].field` names, None for all else."""
        inner = node.base
        if isinstance(inner, ast.IndexAxes):
            connections = self._handlers[type(inner.base)](inner.base)
            if not isinstance(connections.type, CsrType):
                return None
            return self.connections.element(connections, inner, node.member) or self._nothing(node)
        if not isinstance(inner, ast.Index) or isinstance(inner.index, ast.IndexSpan):
            return None
        population = self._handlers[type(inner.base)](inner.base)
        if not isinstance(population.type, PopulationType):
            return None
        index = to_word(self._handlers[type(inner.index)](inner.index))
        found = self.column(population, node.member)
        if found is None:
            return self._nothing(node)
        address, row = found
        operands = [population, index]
        checked = made.operation(lowering.NEURON, lowering.neuron_number, operands, U64, inner.span)
        return made.element(address, checked, row, node.span), row

    def edge(self, node: ast.IndexAxes) -> tuple[typed.ElementAddress, ScalarType] | None:
        """Return the element that `w[i, j]` names, None when it is of something else."""
        connections = self._handlers[type(node.base)](node.base)
        if not isinstance(connections.type, CsrType):
            return None
        return self.connections.element(connections, node, None) or self._nothing(node)

    def _nothing(self, node: ast.Expression) -> tuple[typed.ElementAddress, ScalarType]:
        """Return an element for what was reported."""
        zero = made.error(node.span)
        return made.element(zero, zero, U64, node.span), U64

    def assign(self, node: ast.Assign) -> typed.Statement | None:
        """Return an assignment to a column, to all edges or to a tensor's part; None for others."""
        target = node.target
        if isinstance(target, ast.Member) and not isinstance(
            target.base, ast.Index | ast.IndexAxes
        ):
            base = self._handlers[type(target.base)](target.base)
            if isinstance(base.type, PopulationType):
                return self._assign_column(base, target, node)
            if isinstance(base.type, CsrType):
                return self.connections.change(base, node)
        if isinstance(target, ast.Identifier):
            base = self._handlers[type(target)](target)
            if isinstance(base.type, CsrType):
                return self.connections.change(base, node)
            if isinstance(base.type, PopulationType):
                diagnostic = catalog.NO_ASSIGNMENT_TO_MODEL.at(target.span, found=base.type.name)
                self._context.emit(diagnostic)
                return typed.Evaluate(made.error(node.span), node.span)
        return None

    def _assign_column(
        self, population: typed.Expression, target: ast.Member, node: ast.Assign
    ) -> typed.Statement:
        """Return `n.v = value`: a number for all neurons, or a tensor."""
        found = self.column(population, target.member)
        if found is None:
            return typed.Evaluate(made.error(node.span), node.span)
        address, row = found
        value = self._handlers[type(node.value)](node.value)
        if node.operator is not None or isinstance(value.type, TensorType):
            length = self.length(population, node.span)
            view = self.tensor_of_memory(address, row, length, target.span)
            return self._tensors.assign_to_memory(view, address, node)
        model = self._struct_model(population)
        number = model.column(target.member.text)
        assert number is not None
        bits = to_word(coerce(value, row))
        lower = lowering.fill_column(model.streams, number, row.memory, model.struct.name)
        return typed.Evaluate(made.action("fill", lower, [population, bits], node.span), node.span)

    def place(self, base: typed.Expression, target: ast.Index | ast.Member) -> typed.Place:
        """Report an assignment to what can't be assigned."""
        if base.type is not ERROR:
            kind = catalog.NO_ASSIGNMENT_TO_MODEL
            self._context.emit(kind.at(target.span, found=base.type.name))
        variable = typed.LocalVariable("<error>", ERROR, target.span)
        return typed.LocalPlace(variable, ERROR, target.span)

    def poisson(self, arguments: list[ast.Expression], span: Span) -> typed.Expression:
        """Return `poisson(n, probability, seed, step)`."""
        return self._events.poisson(arguments, span)

    # ----------------------------------------------------------------------- methods

    def method(self, receiver: Any, node: ast.MethodCall) -> typed.Expression:
        """Return `n.step(dt)`, `w.send(s, n.field)` and the like."""
        if isinstance(receiver, Rows) or isinstance(receiver.type, CsrType):
            return self.connections.method(receiver, node)
        if isinstance(receiver.type, EventsType):
            return self._events.method(receiver, node)
        if isinstance(receiver.type, PopulationType):
            if node.method.text == "step":
                return self._step(receiver, node)
            return self.no_method(receiver, node, ("step",))
        return self._wire.calls.function_of_method(node)

    def no_method(
        self, receiver: typed.Expression, node: ast.MethodCall, known: tuple[str, ...]
    ) -> typed.Expression:
        """Report a method that a part of a model does not have."""
        suggestion = self._context.suggest(node.method.text, known)
        diagnostic = catalog.NO_SUCH_OPERATION.at(
            node.method.span, name=node.method.text, found=receiver.type.name, suggestion=suggestion
        )
        self._context.emit(diagnostic)
        return made.error(node.span)

    def _step(self, population: typed.Expression, node: ast.MethodCall) -> typed.Expression:
        context, model = self._context, self._struct_model(population)
        arguments = node.arguments
        if not 1 <= len(arguments) <= 2:
            diagnostic = catalog.STEP_ARGUMENTS.at(node.method.span, found=len(arguments))
            context.emit(diagnostic.help(f"{node.receiver.span.text}.step(0.1ms)"))
            return made.error(node.span)
        block = self._block(model, node)
        time_step = coerce(self._handlers[type(arguments[0])](arguments[0]), DOUBLE)
        if block is None:
            return made.error(node.span)
        self._check_time_step(arguments[0], time_step, block)
        signature = context.names.functions[block.function]
        body = made.function_address(context, signature, node.span)
        columns = (block.columns, block.doubles, block.singles)
        shortest = block.shortest[0] if block.shortest is not None else None
        lower = lowering.step(model.streams, block.stream, shortest, columns, model.struct.name)
        operands = [body, population, time_step]
        if block.preparation:
            prepare = context.names.functions[block.preparation]
            operands.append(made.function_address(context, prepare, node.span))
            lower = lowering.prepared(lower)
        return made.operation(lowering.STEP, lower, operands, EVENTS, node.span)

    def _block(self, model: StructModel, node: ast.MethodCall) -> Block | None:
        """Return the block that a step is by: the second argument, or the only one there is."""
        blocks = model.blocks
        if len(node.arguments) == 2:
            name = node.arguments[1]
            if isinstance(name, ast.Identifier) and name.text in blocks:
                return blocks[name.text]
            shown = ", ".join(f"`{row}`" for row in blocks)
            diagnostic = catalog.NO_SUCH_BLOCK.at(
                name.span, name=name.span.text, struct=model.struct.name, known=shown
            )
            self._context.emit(diagnostic)
            return None
        own = blocks.get(model.struct.name)
        if own is not None or len(blocks) == 1:
            return own or next(iter(blocks.values()))
        shown = ", ".join(f"`{row}`" for row in blocks) or "none"
        method, struct = node.method.span, model.struct.name
        diagnostic = catalog.WHICH_BLOCK.at(method, struct=struct, known=shown)
        if blocks and node.arguments:
            time_step = node.arguments[0].span.text
            diagnostic = diagnostic.help(
                f"{node.receiver.span.text}.step({time_step}, {next(iter(blocks))})"
            )
        self._context.emit(diagnostic)
        return None

    def _check_time_step(self, node: ast.Expression, value: typed.Expression, block: Block) -> None:
        context = self._context
        units.expect(context, node, units.TIME, "a time step")
        if type(value) is not typed.FloatConstant:
            return
        if block.has_units and not units.has_units(node) and node.span.text[0].isdigit():
            diagnostic = catalog.STEP_WITHOUT_UNIT.at(node.span, name=block.name)
            context.emit(diagnostic.help(f"{node.span.text}ms"))
        if not value.value > 0.0:
            context.emit(catalog.BAD_TIME_STEP.at(node.span, found=node.span.text))
        elif block.shortest is not None and value.value > block.shortest[0]:
            unit = " ms" if block.has_units else ""
            diagnostic = catalog.STEP_TOO_LONG.at(
                node.span,
                step=f"{value.value:g}{unit}",
                shortest=f"{block.shortest[0]:g}{unit}",
            )
            context.emit(diagnostic.label(block.shortest[1], "the shortest time constant"))
