"""Statements: declarations, assignments, output and memory; `control.py` has the rest."""

from collections.abc import Callable

from mlrift.typesystem import BOOL, DOUBLE, S64, U64, ScalarType
from mlrift.typesystem import SCALARS as KEYWORDS
from tests.fuzz.generator.declared import FLOATS, SCALARS, STORED, WORDS, Shape, Struct, Variable
from tests.fuzz.generator.expressions import ExpressionWriter
from tests.fuzz.generator.frame import Frame

_COUNTS = (1, 2, 3, 4, 5, 8, 16, 17, 32)
_WORD_COMPOUNDS = ("+=", "-=", "*=", "&=", "|=", "^=", "<<=", ">>=")
_FLOAT_COMPOUNDS = ("+=", "-=", "*=", "/=")
_STORES = (
    ("store8", 1),
    ("store16", 2),
    ("store32", 4),
    ("store64", 8),
    ("vstore8", 1),
    ("vstore16", 2),
    ("vstore32", 4),
    ("vstore64", 8),
)
_ATOMICS = ("atomic_add", "atomic_sub", "atomic_and", "atomic_or", "atomic_xor")


class StatementWriter:
    """Writes simple statements of one function."""

    def __init__(self, frame: Frame, expressions: ExpressionWriter) -> None:
        self._frame = frame
        self._chance = frame.chance
        self._expressions = expressions
        self._places = expressions.places
        self.writers: tuple[tuple[int, Callable[[], None]], ...] = (
            (16, self.declare_scalar),
            (4, self._declare_array),
            (5, self._declare_struct),
            (2, self._declare_struct_array),
            (24, self._assign),
            (14, self._compound),
            (4, self._assign_struct),
            (2, self._repoint),
            (12, self._print),
            (5, self._call),
            (3, self._tuple),
            (4, self._declare_bytes),
            (5, self._store),
            (2, self._move_memory),
            (2, self._callable),
            (3, self._atomic),
            (2, self._text),
            (3, self._pointer_statement),
        )

    # ----------------------------------------------------------------------- declarations

    def name_for(self, start: str) -> str:
        """Return a new name, or one of an outer block to shadow."""
        blocks = self._frame.scope.blocks
        if len(blocks) > 1 and self._frame.happens(0.25):
            outer = [
                row.name
                for block in blocks[:-1]
                for row in block.values()
                if row.is_writable and row.name not in blocks[-1]
            ]
            if outer:
                return self._chance.choice(outer)
        return self._frame.program.fresh_name(start)

    def spelled(self, kind: ScalarType) -> str:
        """Return one of the spellings of a scalar type."""
        return self._one_of([*_spellings(kind), *self._frame.program.aliases.get(kind, [])])

    def _one_of(self, names: list[str]) -> str:
        return names[0] if self._frame.happens(0.7) else self._chance.choice(names)

    def declare_scalar(self) -> None:
        """Declare a scalar, mostly with a value."""
        kind = self._chance.choice(SCALARS)
        name = self.name_for("v")
        text = f"{self.spelled(kind)} {name}"
        if self._frame.happens(0.93):
            text += f" = {self._expressions.initial(kind)}"
        self._frame.line(text)
        self._frame.scope.declare(Variable(name, Shape.SCALAR, kind))

    def _declare_array(self) -> None:
        kind = self._chance.choice(STORED)
        count = 600 if self._frame.happens(0.06) else self._chance.choice(_COUNTS)
        size = str(count)
        if self._frame.program.counts and self._frame.happens(0.3):
            count, size = self._chance.choice([*self._frame.program.counts.items()])
        name = self.name_for("a")
        self._frame.line(f"{self.spelled(kind)}[{size}] {name}")
        array = Variable(name, Shape.ARRAY, kind, count)
        self._frame.scope.declare(array)
        self._fill(array)

    def _fill(self, array: Variable) -> None:
        most = min(array.count, 32)
        if self._frame.happens(0.25) or not self._frame.can_afford(4 * most):
            return
        i = self._frame.program.fresh_name("it")
        kind = array.type
        assert isinstance(kind, ScalarType)
        with self._frame.block(f"for {i} in 0..{most}", most):
            self._frame.scope.declare(Variable(i, Shape.SCALAR, U64, is_writable=False, bound=most))
            self._frame.line(f"{array.name}[{i}] = {self._expressions.convertible(kind, 1)}")
        self._frame.scope.declare(Variable(i, Shape.SCALAR, U64))

    def _declare_struct(self) -> None:
        struct = self._some_struct()
        if struct is None:
            return
        name = self.name_for("s")
        text = f"{struct.name} {name}"
        if self._frame.happens(0.75):
            handles = [row for row in self._frame.scope.of(Shape.HANDLE) if row.type is struct]
            if handles and self._frame.happens(0.3) and not self._frame.is_in_defer:
                text += f" = {self._chance.choice(handles).name}"
            else:
                text += f" = {self._expressions.struct(struct)}"
        self._frame.line(text)
        self._frame.scope.declare(Variable(name, Shape.STRUCT, struct))
        if self._frame.happens(0.2):
            handle = self._frame.program.fresh_name("h")
            self._frame.line(f"u64 {handle} = {name}")
            self._frame.scope.declare(Variable(handle, Shape.HANDLE, struct))

    def _some_struct(self) -> Struct | None:
        structs = self._frame.program.structs
        return self._chance.choice(structs) if structs else None

    def _declare_struct_array(self) -> None:
        struct = self._some_struct()
        if struct is None:
            return
        name, count = self.name_for("t"), self._chance.choice((1, 2, 3, 4, 8))
        self._frame.line(f"{struct.name}[{count}] {name}")
        self._frame.scope.declare(Variable(name, Shape.STRUCT_ARRAY, struct, count))

    def _declare_bytes(self) -> None:
        arrays = [
            row
            for row in self._frame.scope.of(Shape.ARRAY)
            if row.type in WORDS and row.type.size_bytes * row.count >= 8
        ]
        name = self._frame.program.fresh_name("p")
        if arrays and not self._frame.is_in_defer and self._frame.happens(0.4):
            array = self._chance.choice([row for row in arrays if row.type in (U64, S64)] or arrays)
            size_bytes = array.type.size_bytes * array.count
            if array.type not in (U64, S64):
                size_bytes = min(size_bytes, 7)
            self._frame.line(f"u64 {name} = {array.name}")
        else:
            size_bytes = self._chance.choice((8, 16, 24, 64, 100))
            self._frame.line(f"u64 {name} = alloc({size_bytes})")
        self._frame.scope.declare(Variable(name, Shape.BYTES, U64, size_bytes))

    def _callable(self) -> None:
        functions = [row for row in self._frame.program.functions if row.takes_words]
        if functions:
            function = self._chance.choice(functions)
            name = self._frame.program.fresh_name("fp")
            self._frame.line(f'u64 {name} = fn_addr("{function.name}")')
            variable = Variable(name, Shape.CALLABLE, U64, function=function)
            self._frame.scope.declare(variable)

    def _text(self) -> None:
        texts = [row.name for row in self._frame.scope.of(Shape.TEXT)]
        if texts and self._frame.repeats < 40 and self._frame.happens(0.5):
            if not self._frame.is_in_defer:
                self._frame.line(f"println_str({self._chance.choice(texts)})")
            return
        name = self._frame.program.fresh_name("q")
        value = self._expressions.format_string() if self._frame.happens(0.7) else '"text\\x41"'
        self._frame.line(f"u64 {name} = {value}")
        self._frame.scope.declare(Variable(name, Shape.TEXT, U64))

    def _tuple(self) -> None:
        made = self._expressions.calls.tuple_call(1)
        if made is None:
            return
        text, function = made
        variables: list[Variable] = []
        for result in function.results:
            assert isinstance(result, ScalarType)
            kind = result
            if kind not in FLOATS and kind is not BOOL:
                kind = self._chance.choice(WORDS)
            name = self._frame.program.fresh_name("m")
            variables.append(Variable(name, Shape.SCALAR, kind))
        names = ", ".join(
            f"{self._one_of(_spellings(row.type))} {row.name}"
            for row in variables
            if isinstance(row.type, ScalarType)
        )
        self._frame.line(f"; ({names}) = {text}")
        for variable in variables:
            self._frame.scope.declare(variable)

    # ------------------------------------------------------------------------ assignments

    def _assign(self) -> None:
        target = self._places.target()
        if target is None:
            self.declare_scalar()
            return
        text, kind = target
        self._frame.line(f"{text} = {self._expressions.convertible(kind)}")

    def _compound(self) -> None:
        target = self._places.target()
        if target is None:
            return
        text, kind = target
        if kind is BOOL:
            operator = self._chance.choice(("&=", "|=", "^="))
            self._frame.line(f"{text} {operator} {self._expressions.truth()}")
        elif kind in FLOATS:
            operator = self._chance.choice(_FLOAT_COMPOUNDS)
            self._frame.line(f"{text} {operator} {self._expressions.float()}")
        elif self._frame.happens(0.12):
            operator = self._chance.choice(("/=", "%="))
            self._frame.line(f"{text} {operator} {self._chance.choice((1, 3, 10, 64, 255))}")
        else:
            operator = self._chance.choice(_WORD_COMPOUNDS)
            if self._frame.program.is_calm and operator in ("*=", "-=", "+="):
                operator = "^="
            self._frame.line(f"{text} {operator} {self._expressions.word()}")

    def _assign_struct(self) -> None:
        target = self._places.struct_target()
        if target is not None:
            text, struct = target
            self._frame.line(f"{text} = {self._expressions.struct(struct)}")

    def _repoint(self) -> None:
        structs = self._frame.scope.of(Shape.STRUCT)
        if not structs or self._frame.is_in_defer:
            return
        chosen = self._chance.choice(structs)
        assert isinstance(chosen.type, Struct)
        handles = [
            row.name for row in self._frame.scope.of(Shape.HANDLE) if row.type is chosen.type
        ]
        if handles and self._frame.happens(0.4):
            self._frame.line(f"{chosen.name} = {self._chance.choice(handles)}")
        else:
            self._frame.line(f"{chosen.name} = {self._expressions.struct(chosen.type)}")

    # ----------------------------------------------------------------------------- output

    def _print(self) -> None:
        if self._frame.repeats > 40:
            self._assign()
            return
        self._frame.spend(10)
        count = self._chance.choice((1, 1, 2, 3, 5))
        arguments = [self._printed() for _ in range(count)]
        if self._frame.repeats == 1 and self._frame.happens(0.01):
            arguments += [self._expressions.word(0) for _ in range(230)]
        if self._frame.happens(0.1):
            self._frame.line(f"print_str({self._expressions.format_string()})")
            arguments = ['""']
        name = "print" if self._frame.happens(0.15) else "println"
        self._frame.line(f"{name}({', '.join(arguments)})")

    def _printed(self) -> str:
        draw = self._chance.random()
        if draw < 0.12:
            return self._expressions.format_string()
        return '"here"' if draw < 0.2 else self._expressions.printed()

    def _call(self) -> None:
        made = self._expressions.calls.any_call(2)
        if made is not None:
            self._frame.line(made + ";")

    # ----------------------------------------------------------------------------- memory

    def _store(self) -> None:
        name, size_bytes = self._chance.choice(_STORES)
        address = self._places.address(size_bytes)
        if address is not None:
            self._frame.line(f"{name}({address}, {self._expressions.word()})")

    def _move_memory(self) -> None:
        regions = self._frame.scope.of(Shape.BYTES)
        if not regions or self._frame.is_in_defer:
            return
        region = self._chance.choice(regions)
        size_bytes = self._chance.randrange(1, region.count + 1)
        if self._frame.happens(0.5):
            byte = self._expressions.word(1)
            self._frame.line(f"memset({region.name}, {byte}, {size_bytes})")
        elif region.count >= 16:
            half = region.count // 2
            source = f"{region.name} + {half}"
            self._frame.line(f"memcpy({region.name}, {source}, {min(half, size_bytes)})")

    def _atomic(self) -> None:
        address = self._places.aligned_address()
        if address is None or self._frame.is_in_defer:
            return
        value = self._expressions.word(1)
        if self._frame.happens(0.2):
            self._frame.line(f"atomic_store({address}, {value})")
            return
        name = self._frame.program.fresh_name("o")
        call = f"{self._chance.choice(_ATOMICS)}({address}, {value})"
        if self._frame.happens(0.3):
            call = f"atomic_cas({address}, {self._expressions.word(1)}, {value})"
        self._frame.line(f"i64 {name} = {call}")
        self._frame.scope.declare(Variable(name, Shape.SCALAR, S64))

    def _pointer_statement(self) -> None:
        kind = self._chance.choice((*WORDS, *FLOATS))
        address = self._places.address(kind.size_bytes)
        if address is None:
            return
        word = self._chance.choice(("unsafe", "volatile"))
        if self._frame.happens(0.5):
            value = self._expressions.word(1)
            if kind in FLOATS:
                value = f"int_to_f{'64' if kind is DOUBLE else '32'}({value})"
            self._frame.line(f"{word} {{ *({address} as {kind.name}) = {value} }}")
            return
        targets = [
            row
            for row in self._frame.scope.of(Shape.SCALAR)
            if row.is_writable
            and isinstance(row.type, ScalarType)
            and row.type is not BOOL
            and (row.type in FLOATS) == (kind in FLOATS)
        ]
        if targets:
            name = self._chance.choice(targets).name
            self._frame.line(f"{word} {{ *({address} as {kind.name}) -> {name} }}")


def _spellings(kind: ScalarType) -> list[str]:
    """Return the keywords for a type."""
    return [name for name, row in KEYWORDS.items() if row is kind]
