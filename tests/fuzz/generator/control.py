"""Statements with blocks: branches, bounded loops, `match`, `defer`, and ways out of a function."""

from collections.abc import Callable

from mlrift.typesystem import S64, U64, ScalarType
from tests.fuzz.generator.declared import Shape, Struct, Variable
from tests.fuzz.generator.expressions import ExpressionWriter
from tests.fuzz.generator.frame import Frame
from tests.fuzz.generator.statements import StatementWriter

_DEEPEST_BLOCK = 4
_BORDERS = (128, 256, 32768, 65536, 1 << 31, 1 << 32, 1 << 53, 1 << 63, (1 << 64) - 50)


class BodyWriter:
    """Writes blocks of statements for one function; `leave` writes a `return`."""

    def __init__(self, frame: Frame, results: tuple[ScalarType | Struct, ...]) -> None:
        self.frame = frame
        self.results = results
        self.expressions = ExpressionWriter(frame)
        self.simple = StatementWriter(frame, self.expressions)

    def statements(self, count: int) -> None:
        """Write about that many statements into the current block."""
        frame = self.frame
        blocks: tuple[tuple[int, Callable[[int], None]], ...] = (
            (10, self._if),
            (6, self._for),
            (1, self._for_far_away),
            (4, self._while),
            (2, self._loop),
            (6, self._match),
            (0 if frame.is_in_defer else 2, self._defer),
            (2 if frame.loops else 0, self._leave_loop),
            (0 if frame.is_in_defer or frame.depth < 2 else 2, self._leave_function),
        )
        left = count
        while left > 0:
            if frame.depth < _DEEPEST_BLOCK and left > 2 and frame.happens(0.25):
                inner = frame.chance.randint(1, min(left, 5))
                weights = [row[0] for row in blocks]
                frame.chance.choices(blocks, weights)[0][1](inner)
                left -= inner
            else:
                weights = [row[0] for row in self.simple.writers]
                frame.chance.choices(self.simple.writers, weights)[0][1]()
                left -= 1
        if frame.happens(0.25):
            self.observe(2)

    # ------------------------------------------------------------------------ observation

    def observe(self, most: int) -> None:
        """Mix what the visible names hold into the trace, so that mistakes show."""
        visible = self.frame.scope.visible()
        self.frame.chance.shuffle(visible)
        for variable in visible[:most]:
            if variable.name != "trace" and not self.frame.is_in_defer:
                self._observe(variable)

    def _observe(self, variable: Variable) -> None:
        name, kind = variable.name, variable.type
        match variable.shape:
            case Shape.SCALAR if isinstance(kind, ScalarType):
                self.frame.line(f"tick({_bits(name, kind)});")
            case Shape.STRUCT if isinstance(kind, Struct):
                for path, leaf in kind.leaves():
                    self.frame.line(f"tick({_bits(f'{name}.{path}', leaf)});")
            case Shape.ARRAY if isinstance(kind, ScalarType):
                self._observe_elements(name, min(variable.count, 40), [("", kind)])
            case Shape.STRUCT_ARRAY if isinstance(kind, Struct):
                self._observe_elements(name, variable.count, [*kind.leaves()])
            case Shape.BYTES:
                self._observe_elements(name, variable.count, [("", U64)])

    def _observe_elements(
        self, name: str, count: int, leaves: list[tuple[str, ScalarType]]
    ) -> None:
        if not self.frame.can_afford(3 * count * len(leaves)):
            return
        i = self.frame.program.fresh_name("it")
        with self.frame.block(f"for {i} in 0..{count}", count):
            for path, leaf in leaves:
                place = f"{name}[{i}].{path}" if path else f"{name}[{i}]"
                self.frame.line(f"tick({_bits(place, leaf)});")

    # --------------------------------------------------------------------------- branches

    def _condition(self) -> str:
        made = self.expressions.truth() if self.frame.happens(0.8) else self.expressions.word()
        is_paired = made.startswith("(") and made.endswith(")") and made.count("(") == 1
        return made[1:-1] if is_paired and self.frame.happens(0.7) else made

    def _if(self, count: int) -> None:
        frame = self.frame
        with frame.block(f"if {self._condition()}"):
            self.statements(count)
        while frame.happens(0.3):
            condition = self._condition()
            frame.lines[-1] += f" else if {condition} {{"
            self._continued(count)
        if frame.happens(0.4):
            frame.lines[-1] += " else {"
            self._continued(count)

    def _continued(self, count: int) -> None:
        frame = self.frame
        frame.depth += 1
        frame.scope.blocks.append({})
        self.statements(max(1, count // 2))
        frame.scope.blocks.pop()
        frame.depth -= 1
        frame.lines.append("    " * frame.depth + "}")

    def _match(self, count: int) -> None:
        frame = self.frame
        expressions = self.expressions
        if frame.happens(0.12) and self._match_structs(count):
            return
        scrutinee = expressions.small(16) if frame.happens(0.6) else expressions.word()
        with frame.block(f"match {scrutinee}"):
            for _ in range(frame.chance.randint(1, 4)):
                patterns = [self._pattern() for _ in range(frame.chance.choice((1, 1, 2, 3)))]
                with frame.block(f"{', '.join(patterns)} =>"):
                    self.statements(max(1, count // 2))
            if frame.happens(0.6):
                with frame.block("_ =>"):
                    self.statements(1)

    def _match_structs(self, count: int) -> bool:
        """Compare a struct variable with others of its type by content, if there are two."""
        frame = self.frame
        structs = [
            row
            for row in frame.scope.of(Shape.STRUCT)
            if isinstance(row.type, Struct) and row.type.is_comparable and not frame.is_in_defer
        ]
        if not structs:
            return False
        chosen = frame.chance.choice(structs)
        same = [row.name for row in structs if row.type is chosen.type]
        patterns = [frame.chance.choice(same) for _ in range(frame.chance.choice((1, 2)))]
        with frame.block(f"match {chosen.name}"):
            for pattern in patterns:
                with frame.block(f"{pattern} =>"):
                    self.statements(max(1, count // 2))
            with frame.block("_ =>"):
                self.statements(1)
        return True

    def _pattern(self) -> str:
        frame = self.frame
        draw = frame.chance.random()
        low = frame.chance.randrange(20)
        if draw < 0.5:
            return str(low)
        if draw < 0.75:
            dots = frame.chance.choice(("..", "..="))
            return f"{low}{dots}{low + frame.chance.randrange(8)}"
        if draw < 0.85:
            return f"{self.expressions.word(1)}..{self.expressions.word(1)}"
        return self.expressions.word(1)

    # ------------------------------------------------------------------------------ loops

    def _for_far_away(self, count: int) -> None:
        """A loop whose variable crosses a border of the signed or the narrow numbers."""
        frame, chance = self.frame, self.frame.chance
        name, trips = frame.program.fresh_name("it"), self._trips()
        start = chance.choice(_BORDERS) - chance.randint(0, trips - 1)
        dots = chance.choice(("..", "..="))
        end = start + trips - (dots == "..=")
        frame.loops += 1
        with frame.block(f"for {name} in {start}{dots}{end}", trips):
            frame.scope.declare(Variable(name, Shape.SCALAR, U64, is_writable=False))
            self.statements(count)
        frame.loops -= 1
        frame.scope.declare(Variable(name, Shape.SCALAR, U64, is_writable=False))

    def _trips(self) -> int:
        trips = self.frame.chance.choice((1, 2, 3, 4, 7, 8, 16, 40))
        return trips if self.frame.can_afford(6 * trips) else 1

    def _for(self, count: int) -> None:
        frame = self.frame
        name, trips = frame.program.fresh_name("it"), self._trips()
        is_signed = frame.happens(0.3)
        is_reused = False
        words = [
            row.name
            for row in frame.scope.of(Shape.SCALAR)
            if row.type is U64 and row.is_writable and row.name not in frame.program.statics
        ]
        if words and not is_signed and frame.happens(0.15):
            name, is_reused = frame.chance.choice(words), True
        kind = S64 if is_signed else U64
        start, bound = "0", trips
        if is_signed:
            low = frame.program.fresh_name("w")
            frame.line(f"i64 {low} = -{frame.chance.randrange(1, 4)}")
            start, bound = low, 0
            frame.scope.declare(Variable(low, Shape.SCALAR, S64, is_writable=False))
        elif frame.happens(0.4):
            start, bound = self.expressions.small(4), 0
        end = f"{trips}" if frame.happens(0.6) else f"{self.expressions.small(4)} + {trips}"
        dots = frame.chance.choice(("..", "..", "..="))
        if end != f"{trips}" or dots == "..=":
            bound = 0
        word = " in" if frame.happens(0.9) else ""
        frame.loops += 1
        with frame.block(f"for {name}{word} {start}{dots}{end}", trips + 5):
            variable = Variable(name, Shape.SCALAR, kind, is_writable=False, bound=bound)
            frame.scope.declare(variable)
            if not bound and frame.happens(0.15):
                frame.line(f"{name} = {name} + {self.expressions.small(4)}")
            self.statements(count)
        frame.loops -= 1
        if not is_reused:
            frame.scope.declare(Variable(name, Shape.SCALAR, kind, is_writable=False))

    def _while(self, count: int) -> None:
        """The counter steps first, so that `continue` cannot skip it."""
        frame, chance = self.frame, self.frame.chance
        name, trips = frame.program.fresh_name("c"), self._trips()
        is_signed = frame.happens(0.5)
        kind = chance.choice(("i64", "i32") if is_signed else ("u64", "u8"))
        start, stepping, test = self._counting(trips, is_signed)
        frame.line(f"{kind} {name} = {start}")
        frame.scope.declare(
            Variable(name, Shape.SCALAR, S64 if is_signed else U64, is_writable=False)
        )
        condition = f"{name} {test}"
        if frame.happens(0.4):
            condition = f"{condition} && {self.expressions.truth()}"
        frame.loops += 1
        with frame.block(f"while {condition}", trips):
            frame.line(f"{name} {stepping}")
            self.statements(count)
        frame.loops -= 1

    def _counting(self, trips: int, is_signed: bool) -> tuple[str, str, str]:
        """Return where a counter starts, how it steps and what holds until it has."""
        chance = self.frame.chance
        step = chance.choice((1, 1, 1, 2, 3, 8))
        end = trips * step
        if is_signed and self.frame.happens(0.2):
            return f"0 - {end}", f"+= {step}", chance.choice(("< 0", "!= 0"))
        if self.frame.happens(0.35):
            return str(end), f"-= {step}", chance.choice(("> 0", "!= 0", ">= 1", f">= {step}"))
        return "0", f"+= {step}", chance.choice((f"< {end}", f"!= {end}"))

    def _loop(self, count: int) -> None:
        frame = self.frame
        name, trips = frame.program.fresh_name("c"), self._trips()
        frame.line(f"u64 {name} = {trips}")
        frame.scope.declare(Variable(name, Shape.SCALAR, U64, is_writable=False))
        frame.loops += 1
        with frame.block("loop", trips):
            frame.line(f"if {name} == 0 {{ break }}")
            frame.line(f"{name} -= 1")
            self.statements(count)
        frame.loops -= 1

    def _leave_loop(self, count: int) -> None:
        frame = self.frame
        word = frame.chance.choice(("break", "continue"))
        with frame.block(f"if {self._condition()}"):
            self.statements(count // 2)
            frame.line(word)

    # -------------------------------------------------------------------- defer and return

    def _defer(self, count: int) -> None:
        frame = self.frame
        loops, frame.loops = frame.loops, 0
        repeats, frame.repeats = frame.repeats, 2
        with frame.block("defer"):
            frame.is_in_defer = True
            self.statements(min(count, 3))
            frame.is_in_defer = False
        frame.loops, frame.repeats = loops, repeats

    def _leave_function(self, count: int) -> None:
        frame = self.frame
        with frame.block(f"if {self._condition()}"):
            self.statements(count // 2)
            if frame.happens(0.04):
                frame.line(f"exit({frame.chance.randrange(2, 200)})")
            else:
                self.leave()

    def leave(self) -> None:
        """Write a `return`."""
        self.observe(self.frame.chance.choice((0, 2, 5)))
        values = [self._result(row) for row in self.results]
        if len(values) > 1:
            self.frame.line(f"return ({', '.join(values)})")
        elif values:
            self.frame.line(f"return {values[0]}")
        else:
            self.frame.line("return;")

    def _result(self, kind: ScalarType | Struct) -> str:
        if isinstance(kind, Struct):
            return self.expressions.struct(kind)
        return self.expressions.exact(kind)


def _bits(place: str, kind: ScalarType) -> str:
    """Return an expression of the value as a word; a NaN is like any other."""
    if not kind.is_float:
        return place
    return f"bits{8 * kind.size_bytes}({place})"
