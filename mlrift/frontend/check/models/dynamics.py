"""A `dynamics` block becomes the function of one neuron (reference.md 24.2).

    dynamics Lif by euler {           fn dynamics.Lif(u64 neuron, f64 dt, u64 v.base, ...) -> u64 {
        d v = (ri - v) / 10.0    =>       f64 v   unsafe { *(v.base + neuron * 8 as f64) -> v }
        spike v >= 1.0 { v = 0.0 }        v = v + dt * (ri - v) / 10.0
    }                                     if v >= 1.0 { v = 0.0  fired = 1 }
                                          unsafe { *(v.base + neuron * 8 as f64) = v }
                                          return fired }

Enters: the syntax tree of the block. Leaves: one of a function that the other checkers check like
any other, so lines of a block may hold whatever statements may. Names with dots cannot clash.
"""

from mlrift.diagnostics import catalog
from mlrift.frontend import ast
from mlrift.frontend.ast import BinaryOperator
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.models import made_syntax as made
from mlrift.frontend.check.models import units
from mlrift.frontend.check.models.exact_systems import ExactSystems
from mlrift.frontend.check.models.integrators import METHODS, Line, Surroundings, advance
from mlrift.frontend.check.models.intrinsics import between, with_intrinsics
from mlrift.frontend.check.models.structure import Block, Column, StructModel
from mlrift.frontend.check.models.time_constants import TimeConstants
from mlrift.source import Span
from mlrift.typesystem import DOUBLE, SINGLE, U8, U16, U32, ScalarType, Tag

# Methods by which `decay` lines are advanced, too; others are for `d` lines only.
_OTHER_METHODS = ("rk4", "exponential", "exact")
_NEURON, _FIRED, _TIME_STEP = "_neuron", "_fired", "dt"
_LARGEST_U8, _LARGEST_U16 = 0xFF, 0xFFFF
_LONG_HOLD = 60.0  # milliseconds: more than 65535 steps only if a step is below a microsecond
_FLOATS = ("f32", "f64")


def declare_block(
    context: Context, model: StructModel, node: ast.Dynamics
) -> tuple[Block, list[ast.Function]]:
    """Return what is known of a block and the functions that it stands for."""
    return _BlockMaker(context, model, node).run()


class _BlockMaker:
    def __init__(self, context: Context, model: StructModel, node: ast.Dynamics) -> None:
        self._context = context
        self._model = model
        self._node = node
        self._function = f"dynamics.{node.name.text}"
        self._block = Block(node.name.text, self._function, node.name.span)
        self._holds: dict[str, str] = {}  # variable -> the column of its counter
        own = frozenset(row.name for row in model.columns)
        self._around = Surroundings(context, own, ExactSystems(self._function))
        self._written: dict[str, None] = {}
        self._condition: Span | None = None
        self._systems = 0
        self._integrated: dict[str, ScalarType] = {}
        lines = node.body.statements
        self._is_single = self._uses_single(lines)
        kind = SINGLE if self._is_single else DOUBLE
        is_limit = node.method.text == "euler"
        limited = self._block if is_limit else None
        self._time_constants = TimeConstants(context, limited, kind, own)
        self._lines: list[ast.Statement] = with_intrinsics(
            context, made.in_single(lines) if self._is_single else lines, kind
        )

    def run(self) -> tuple[Block, list[ast.Function]]:
        """Make the block and its functions: of one neuron, and what runs before all of them."""
        self._is_known(self._node.method)
        self._block.has_units = units.has_units(self._lines)
        self._collect_holds()
        body = self._body()
        if self._is_single:
            body = made.rewritten(body, units.in_single)
        used = self._used_columns(body)
        self._block.columns = tuple(used)
        self._block.doubles = self._integrated_columns(DOUBLE)
        self._block.singles = self._integrated_columns(SINGLE)
        rows = [self._model.columns[number] for number in used]
        span = self._node.span
        prologue: list[ast.Statement] = []
        for row in rows:
            prologue += made.load(row.name, f"{row.name}:base", _NEURON, row.type, span)
        for variable, counter in self._holds.items():
            prologue += _count_down(variable, counter, span)
        if _TIME_STEP in made.names_in(body):
            step = "f32" if self._is_single else "f64"
            prologue.append(made.declare(step, _TIME_STEP, made.name("dt:f64", span), span))
        prologue.append(made.declare("u64", _FIRED, made.number(0, span), span))
        epilogue: list[ast.Statement] = [
            made.store(row.name, f"{row.name}:base", _NEURON, row.type, span)
            for row in rows
            if row.name in self._written or not row.is_field
        ]
        epilogue.append(ast.Return([made.name(_FIRED, span)], span))
        parameters = [("u64", _NEURON), ("f64", "dt:f64")]
        parameters += [("u64", f"{row.name}:base") for row in rows]
        function = made.function(
            self._function, parameters, "u64", [*prologue, *body, *epilogue], span
        )
        functions = [function]
        preparation = self._around.exact.preparation(span)
        if preparation is not None:
            functions.append(preparation)
            self._block.preparation = preparation.name.text
            systems = self._around.exact.systems
            self._block.tables = {row.table: row.table_words for row in systems}
        return self._block, functions

    def _uses_single(self, lines: list[ast.Statement]) -> bool:
        """Whether all variables that the block integrates are f32: then its literals are, too."""
        kinds = set()
        for line in lines:
            if isinstance(line, ast.Decay | ast.Derivative):
                column = self._model.column(line.name.text)
                if column is not None:
                    kinds.add(self._model.columns[column].type.tag)
        return kinds == {Tag.F32}

    def _integrated_columns(self, kind: ScalarType) -> tuple[int, ...]:
        """Return the numbers of the columns of a type that lines of the block integrate."""
        names = [name for name, row in self._integrated.items() if row is kind]
        numbers = [self._model.column(name) for name in names]
        return tuple(number for number in numbers if number is not None)

    def _used_columns(self, body: list[ast.Statement]) -> list[int]:
        mentioned = set(made.names_in(body))
        columns = self._model.columns
        own = set(self._holds.values())
        return [
            number
            for number, row in enumerate(columns)
            if (row.is_field and row.name in mentioned) or row.name in own
        ]

    # ------------------------------------------------------------------------------- holds

    def _collect_holds(self) -> None:
        """Give every variable that is held a counter, as narrow as its durations allow."""
        widest: dict[str, ScalarType] = {}
        for node in made.nodes_of(self._lines):
            if not isinstance(node, ast.Hold):
                continue
            name = node.name.text
            if self._variable(node.name) is None:
                continue
            width = self._counter_type(node.duration)
            known = widest.get(name)
            if known is None or width.size_bytes > known.size_bytes:
                widest[name] = width
        for name, width in widest.items():
            counter = f"{name}:hold:{self._node.name.text}"
            self._holds[name] = counter
            self._model.columns.append(Column(counter, width, is_field=False))

    def _variable(self, name: ast.Name) -> Column | None:
        """Return the column of a float field that a line integrates; None after a report."""
        number = self._model.column(name.text)
        struct = self._model.struct.name
        if number is None:
            suggestion = self._context.suggest(name.text, self._model.struct.fields)
            diagnostic = catalog.NO_SUCH_FIELD.at(
                name.span, field=name.text, name=struct, suggestion=suggestion
            )
            self._context.emit(diagnostic)
            return None
        column = self._model.columns[number]
        if column.type not in (DOUBLE, SINGLE):
            diagnostic = catalog.NOT_A_VARIABLE.at(
                name.span, field=name.text, found=column.type.name
            )
            self._context.emit(diagnostic)
            return None
        return column

    # ------------------------------------------------------------------------------- lines

    def _body(self) -> list[ast.Statement]:
        result: list[ast.Statement] = []
        system: list[ast.Derivative] = []
        for line in self._lines:
            if isinstance(line, ast.Derivative):
                system.append(line)
                continue
            result += self._system(system)
            system = []
            result += self._line(line)
        return result + self._system(system)

    def _line(self, line: ast.Statement) -> list[ast.Statement]:
        if isinstance(line, ast.Decay):
            return self._decay(line)
        if isinstance(line, ast.Spike):
            return self._spike(line)
        self._note_writes(line)
        return [] if self._refuse_misplaced(line) else [line]

    def _refuse_misplaced(self, line: ast.Statement) -> bool:
        """Report lines of a model inside other statements."""
        kinds = (ast.Decay, ast.Derivative, ast.Spike, ast.Hold)
        found = [node for node in made.nodes_of(line) if isinstance(node, kinds)]
        for node in found:
            self._context.emit(catalog.MISPLACED_MODEL_LINE.at(node.span))
        return bool(found)

    def _note_writes(self, root: object) -> None:
        for node in made.nodes_of(root):
            if isinstance(node, ast.Assign) and isinstance(node.target, ast.Identifier):
                self._written.setdefault(node.target.text)
            elif isinstance(node, ast.PointerLoad):
                self._written.setdefault(node.name.text)

    def _decay(self, line: ast.Decay) -> list[ast.Statement]:
        column = self._variable(line.name)
        if column is None:
            return []
        time_constant = self._time_constants.checked(line.time_constant)
        self._written.setdefault(line.name.text)
        self._integrated[line.name.text] = column.type
        span = line.span
        value: ast.Expression = made.name(line.name.text, span)
        distance: ast.Expression = value
        if line.level is not None:
            distance = made.binary(BinaryOperator.SUB, line.level, value, span)
        if self._node.method.text in _OTHER_METHODS:
            return self._decay_by_method(line, column, distance, time_constant)
        step = made.name(_TIME_STEP, span)
        if self._node.is_fast:
            factor = made.binary(BinaryOperator.DIV, step, time_constant, span)
            return [self._fast_decay(line, distance, factor)]
        moved = made.binary(
            BinaryOperator.DIV,
            made.binary(BinaryOperator.MUL, distance, step, span),
            time_constant,
            span,
        )
        operator = BinaryOperator.SUB if line.level is None else BinaryOperator.ADD
        return [made.assign(line.name.text, made.binary(operator, value, moved, span), span)]

    def _decay_by_method(
        self,
        line: ast.Decay,
        column: Column,
        distance: ast.Expression,
        time_constant: ast.Expression,
    ) -> list[ast.Statement]:
        """Return a decay as the system of one equation `d x = (level - x) / T`."""
        span = line.span
        rate: ast.Expression = made.binary(BinaryOperator.DIV, distance, time_constant, span)
        if line.level is None:
            rate = ast.Unary(ast.UnaryOperator.NEGATE, rate, span)
        row = Line(line.name.text, column.type.name, rate, None, span)
        return self._apart(advance(self._around, [row], self._node.method.text, self._node.is_fast))

    def _fast_decay(
        self, line: ast.Decay, distance: ast.Expression, factor: ast.Expression
    ) -> ast.Statement:
        """`x = fma(distance, +-dt / T, x)`: the factor is the same for all neurons."""
        span = line.span
        if line.level is None:
            factor = ast.Unary(ast.UnaryOperator.NEGATE, factor, span)
        value = self._fused(distance, factor, made.name(line.name.text, span), span)
        return made.assign(line.name.text, value, span)

    def _fused(
        self, left: ast.Expression, right: ast.Expression, addend: ast.Expression, span: Span
    ) -> ast.Expression:
        name = "fma_fused_f32" if self._is_single else "fma_fused_f64"
        return ast.Call(ast.Name(name, span), [], [left, right, addend], span)

    def _system(self, system: list[ast.Derivative]) -> list[ast.Statement]:
        """Return the statements that advance consecutive `d` lines together."""
        rows: list[Line] = []
        for line in system:
            column = self._variable(line.name)
            if column is None:
                continue
            if self._block.has_units:
                units.expect(self._context, line.rate, units.RATE, _derivative_of(line))
            self._written.setdefault(line.name.text)
            self._integrated[line.name.text] = column.type
            held = f"_held:{line.name.text}" if line.name.text in self._holds else None
            rows.append(Line(line.name.text, column.type.name, line.rate, held, line.span))
            self._time_constants.note_divisor(line)
        if not rows:
            return []
        method = self._method(system)
        if method is None:
            return []
        return self._apart(advance(self._around, rows, method, self._node.is_fast))

    def _apart(self, statements: list[ast.Statement]) -> list[ast.Statement]:
        """Give the hidden variables of a system names that no other system of the block has."""
        self._systems += 1
        mark = f":{self._systems}"
        if self._systems == 1:
            return statements

        def renamed(node: object) -> object:
            if not isinstance(node, ast.Identifier | ast.Name):
                return None
            is_hidden = node.text.startswith("_") and ":" in node.text
            if not is_hidden or node.text.startswith("_held:"):
                return None
            return type(node)(node.text + mark, node.span)

        return [made.rewritten(row, renamed) for row in statements]

    def _method(self, system: list[ast.Derivative]) -> str | None:
        """Return the method of a system; None after a report."""
        names = [line.method for line in system if line.method is not None] or [self._node.method]
        if not all([self._is_known(row) for row in names if row is not self._node.method]):
            return None
        if names[0].text not in METHODS:
            return None
        if len({row.text for row in names}) > 1:
            other = next(row for row in names if row.text != names[0].text)
            diagnostic = catalog.METHODS_DIFFER.at(
                other.span, first=names[0].text, second=other.text
            )
            self._context.emit(diagnostic.label(names[0].span, "the method of the first line"))
        return names[0].text

    def _is_known(self, method: ast.Name) -> bool:
        if method.text in METHODS:
            return True
        suggestion = self._context.suggest(method.text, METHODS)
        diagnostic = catalog.UNKNOWN_METHOD_OF_INTEGRATION.at(
            method.span, name=method.text, suggestion=suggestion
        )
        self._context.emit(diagnostic)
        return False

    def _spike(self, line: ast.Spike) -> list[ast.Statement]:
        if self._block.stream >= 0:
            diagnostic = catalog.SECOND_SPIKE.at(line.condition.span)
            assert self._condition is not None
            self._context.emit(diagnostic.label(self._condition, "the first one"))
            return []
        self._condition = line.condition.span
        self._block.stream = self._model.streams
        self._model.streams += 1
        span = line.span
        body: list[ast.Statement] = [made.assign(_FIRED, made.number(1, span), span)]
        for node in line.body.statements:
            if isinstance(node, ast.Hold):
                body += self._hold(node)
                continue
            self._note_writes(node)
            if not self._refuse_misplaced(node):
                body.append(node)
        condition = line.condition
        for variable in self._holds:
            held = made.name(f"_held:{variable}", span)
            is_free = made.binary(BinaryOperator.EQ, held, made.number(0, span), span)
            condition = made.binary(BinaryOperator.AND, is_free, condition, span)
        return [made.when(condition, body, span)]

    def _hold(self, node: ast.Hold) -> list[ast.Statement]:
        counter = self._holds.get(node.name.text)
        if counter is None:
            return []
        span = node.span
        duration = node.duration
        units.expect(self._context, duration, units.TIME, "the duration of `hold`")
        known = self._time_constants.constant(duration)
        if known is not None and not known >= 0.0:
            self._context.emit(catalog.BAD_DURATION.at(duration.span, found=duration.span.text))
            return []
        if self._is_time(duration):
            steps = made.binary(BinaryOperator.DIV, duration, made.name("dt:f64", span), span)
            half = ast.FloatLiteral(0.5, False, span)
            rounded = made.binary(BinaryOperator.ADD, steps, half, span)
            most = (1 << 8 * self._counter_type(duration).size_bytes) - 1
            counted = between(rounded, 0.0, float(most))
            duration = ast.Cast(counted, ast.TypeName("u64", span), span)
        return [made.assign(counter, duration, span)]

    def _is_time(self, node: ast.Expression) -> bool:
        """Return whether a duration is a time: a float or a number with a unit."""
        kinds = (ast.FloatLiteral, ast.Quantity)
        return any(
            isinstance(row, kinds)
            or (isinstance(row, ast.Cast) and row.type.name in _FLOATS)
            or (isinstance(row, ast.Identifier) and self._is_float(row.text))
            for row in made.nodes_of(node)
        )

    def _is_float(self, name: str) -> bool:
        """Return whether a name of the block is that of a float: a field, a constant, a local."""
        number = self._model.column(name)
        if number is not None:
            return self._model.columns[number].type.is_float
        constant = self._context.names.pending.get(name)
        if constant is not None:
            return constant.type.name in _FLOATS
        return any(
            isinstance(row, ast.Declare) and row.name.text == name and row.type.name in _FLOATS
            for row in made.nodes_of(self._node.body)
        )

    def _counter_type(self, duration: ast.Expression) -> ScalarType:
        """Return what holds the longest of these durations, if it is known, in few bytes."""
        known = self._time_constants.constant(duration)
        if known is None:
            return U32
        if self._is_time(duration):
            return U16 if known <= _LONG_HOLD else U32
        if known <= _LARGEST_U8:
            return U8
        return U16 if known <= _LARGEST_U16 else U32


def _count_down(variable: str, counter: str, span: Span) -> list[ast.Statement]:
    """`_held = counter > 0; counter -= _held`, without a branch."""
    held = f"_held:{variable}"
    is_held = made.binary(BinaryOperator.GT, made.name(counter, span), made.number(0, span), span)
    less = made.binary(BinaryOperator.SUB, made.name(counter, span), made.name(held, span), span)
    return [made.declare("u64", held, is_held, span), made.assign(counter, less, span)]


def _derivative_of(line: ast.Derivative) -> str:
    return f"the derivative of `{line.name.text}`"
