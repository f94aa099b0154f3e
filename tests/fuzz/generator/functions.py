"""Functions: plain ones, methods, tuples, slices, and recursion of every shape."""

from random import Random

from mlrift.typesystem import S64, U64, ScalarType
from tests.fuzz.generator.control import BodyWriter
from tests.fuzz.generator.declared import (
    FLOATS,
    SCALARS,
    WORDS,
    Function,
    Program,
    Scope,
    Shape,
    Struct,
    Variable,
)
from tests.fuzz.generator.frame import Frame

_MOST_STEPS = 1500
_JOINS = ("+", "-", "*", "^", "&", "|", "<<", ">>", "/ 3 +", "% 1000 *")


class FunctionWriter:
    """Writes the functions of a program; each may call those before it."""

    def __init__(self, program: Program, chance: Random) -> None:
        self._program = program
        self._chance = chance

    def write(self) -> None:
        """Write one function of some kind."""
        writers = (
            (6, self._plain),
            (2, self._method),
            (2, self._generic),
            (4, self._recursive),
            (2, self._mutual),
        )
        self._chance.choices(writers, [row[0] for row in writers])[0][1]()

    # ------------------------------------------------------------------------------ plain

    def _plain(self) -> None:
        name = self._program.fresh_name("fun")
        parameters = tuple(
            self._parameter() for _ in range(self._chance.choice((0, 1, 2, 3, 5, 14)))
        )
        self._finish(Function(name, parameters, self._results()))

    def _method(self) -> None:
        if not self._program.structs:
            return
        struct = self._chance.choice(self._program.structs)
        receiver = Variable("self", Shape.STRUCT, struct)
        others = tuple(self._scalar_parameter() for _ in range(self._chance.randrange(3)))
        name = self._program.fresh_name("met")
        self._finish(Function(name, (receiver, *others), self._results(), is_method=True))

    def _generic(self) -> None:
        """A function with type parameters: every T is a word."""
        name = self._program.fresh_name("gen")
        parameters = tuple(Variable(row, Shape.SCALAR, U64) for row in ("a", "b"))
        function = Function(name, parameters, (U64,), is_generic=True)
        frame = self._frame(function)
        body = BodyWriter(frame, function.results)
        body.statements(self._chance.randrange(3))
        body.leave()
        self._add(function, f"fn {name}<T>(T a, T b) -> T", frame)

    def _results(self) -> tuple[ScalarType | Struct, ...]:
        draw = self._chance.random()
        if draw < 0.12:
            return ()
        if draw < 0.24 and self._program.structs:
            return (self._chance.choice(self._program.structs),)
        if draw < 0.4:
            count = self._chance.choice((2, 3))
            return tuple(self._chance.choice((*WORDS, *FLOATS)) for _ in range(count))
        return (self._chance.choice(SCALARS),)

    def _scalar_parameter(self) -> Variable:
        name = self._program.fresh_name("x")
        return Variable(name, Shape.SCALAR, self._chance.choice(SCALARS))

    def _parameter(self) -> Variable:
        draw = self._chance.random()
        if draw < 0.1 and self._program.structs:
            struct = self._chance.choice(self._program.structs)
            return Variable(self._program.fresh_name("x"), Shape.STRUCT, struct)
        if draw < 0.2:
            kinds: list[ScalarType | Struct] = [*SCALARS, *self._program.structs]
            return Variable(self._program.fresh_name("d"), Shape.SLICE, self._chance.choice(kinds))
        if draw < 0.25:
            count = self._chance.choice((8, 16))
            return Variable(self._program.fresh_name("p"), Shape.BYTES, U64, count)
        return self._scalar_parameter()

    def _finish(self, function: Function) -> None:
        frame = self._frame(function)
        body = BodyWriter(frame, function.results)
        body.statements(self._chance.randint(1, 9))
        if function.results or self._chance.random() < 0.3:
            body.leave()
        self._add(function, self._head(function), frame)

    # -------------------------------------------------------------------------- recursion

    def _recursive(self) -> None:
        """Self-recursion: before or after other work, once or twice, with or without a frame."""
        chance = self._chance
        name = self._program.fresh_name("rec")
        is_double = chance.random() < 0.35
        depth = 8 if is_double else chance.choice((8, 16, 32))
        counter = Variable("n", Shape.SCALAR, U64, is_writable=False, bound=depth)
        others = tuple(self._scalar_parameter() for _ in range(chance.randrange(3)))
        result = chance.choice(SCALARS)
        function = Function(name, (counter, *others), (result,))
        frame = self._frame(function)
        frame.repeats = 60 if is_double else depth
        frame.most_steps = 4 * _MOST_STEPS
        body = BodyWriter(frame, function.results)
        if chance.random() < 0.4:
            body.statements(chance.randint(1, 3))
        with frame.block("if n < 2" if is_double else "if n == 0"):
            body.statements(chance.randrange(2))
            body.leave()
        if chance.random() < 0.6:
            body.statements(chance.randint(1, 4))
        self._recursive_return(function, body, is_double)
        self._add(function, self._head(function), frame)

    def _recursive_return(self, function: Function, body: BodyWriter, is_double: bool) -> None:
        frame, chance = body.frame, self._chance
        while chance.random() < 0.3:
            with frame.block(f"if {body.expressions.truth()}"):
                frame.line(f"return {self._self_call(function, body, 1)}")
        first = self._self_call(function, body, 1)
        kind = function.results[0]
        assert isinstance(kind, ScalarType)
        if is_double:
            second = self._self_call(function, body, 2)
        elif chance.random() < 0.4:
            frame.line(f"return {first}")
            return
        else:
            second = body.expressions.exact(kind, 1)
        if chance.random() < 0.5:
            first, second = second, first
        join = chance.choice(("+", "-", "*", "/") if kind in FLOATS else _JOINS)
        if chance.random() < 0.2 and kind not in FLOATS:
            frame.line(f"i64 r = {first} {join} {second}")
            body.statements(1)
            frame.line("return r")
            return
        frame.line(f"return {first} {join} {second}")

    def _self_call(self, function: Function, body: BodyWriter, less: int) -> str:
        given = [body.expressions.argument(row) or "0" for row in function.parameters[1:]]
        return f"{function.name}({', '.join([f'n - {less}', *given])})"

    def _mutual(self) -> None:
        """Two functions that call each other, one step down each time."""
        chance = self._chance
        names = [self._program.fresh_name("mut") for _ in range(2)]
        counter = Variable("n", Shape.SCALAR, U64, is_writable=False, bound=16)
        other = Variable("acc", Shape.SCALAR, chance.choice((U64, S64)))
        made: list[tuple[Function, Frame]] = []
        for name, callee in zip(names, reversed(names), strict=True):
            function = Function(name, (counter, other), (chance.choice(WORDS),))
            frame = self._frame(function)
            frame.repeats = 16
            body = BodyWriter(frame, function.results)
            with frame.block("if n == 0"):
                body.leave()
            body.statements(chance.randrange(3))
            call = f"{callee}(n - 1, {body.expressions.word(1)})"
            rest = f" {chance.choice('+-*^')} {body.expressions.word(1)}"
            frame.line(f"return {call}{rest if chance.random() < 0.5 else ''}")
            made.append((function, frame))
        cost = sum(frame.steps for _, frame in made) + 20
        for function, frame in made:
            frame.steps = cost
            self._add(function, self._head(function), frame)

    # --------------------------------------------------------------------------- assembly

    def _frame(self, function: Function) -> Frame:
        scope = Scope(self._program)
        for row in function.parameters:
            scope.declare(row)
        return Frame(self._program, self._chance, scope, _MOST_STEPS)

    def _head(self, function: Function) -> str:
        shown = function.parameters
        parameters = ", ".join(_declaration(row) for row in shown)
        name = function.name
        if function.is_method:
            receiver = function.parameters[0].type
            name = f"{receiver.name}.{name}"
        result = function.results[0].name if function.results else ""
        return f"fn {name}({parameters})" + (f" -> {result}" if result else "")

    def _add(self, function: Function, head: str, frame: Frame) -> None:
        function.cost = frame.steps + 2
        self._program.functions.append(function)
        self._program.items.append("\n".join([head + " {", *frame.lines, "}"]))


def _declaration(row: Variable) -> str:
    if row.shape is Shape.SLICE:
        return f"[{row.type.name}] {row.name}"
    return f"{row.type.name} {row.name}"
