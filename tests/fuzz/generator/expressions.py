"""Expressions: each method returns text of one kind, fully parenthesised.

A *word* is an integer, bool or char of any tag; a *truth* is a word that is 0 or 1; a *single* and
a *double* are floats of that kind. No expression depends on an address, and none on a NaN's bits.
"""

from collections.abc import Callable
from functools import partial

from mlrift.typesystem import BOOL, CHAR, DOUBLE, HALF, SINGLE, ScalarType
from tests.fuzz.generator import numbers
from tests.fuzz.generator.calls import CallWriter
from tests.fuzz.generator.declared import FLOATS, WORDS, Shape, Struct, Variable
from tests.fuzz.generator.frame import Frame
from tests.fuzz.generator.places import PlaceWriter

_ARITHMETIC = ("+", "-", "*", "&", "|", "^", "+", "-")
_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
_WORD_TYPES = frozenset((*WORDS, BOOL, CHAR, HALF))
_SMALL_BUILTINS: tuple[tuple[str, int], ...] = (
    ("bit_get", 2),
    ("bit_set", 2),
    ("bit_clear", 2),
    ("bit_toggle", 2),
    ("bit_range", 3),
    ("bit_insert", 4),
    ("signed_lt", 2),
    ("signed_gt", 2),
    ("signed_le", 2),
    ("signed_ge", 2),
)


class ExpressionWriter:
    """Writes expressions for one function."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._chance = frame.chance
        self.places = PlaceWriter(frame, self.word)
        self.calls = CallWriter(frame, self, self.places)

    # ------------------------------------------------------------------------------ words

    def word(self, depth: int = 2) -> str:
        """Return an integer, bool or char."""
        if depth <= 0 or self._frame.happens(0.15):
            return self._word_leaf()
        writers: tuple[tuple[int, Callable[[int], str]], ...] = (
            (30, self._arithmetic),
            (9, self._shift),
            (8, self._division),
            (9, self.truth),
            (5, self._logical),
            (7, self._unary),
            (9, self._builtin),
            (12, lambda level: self.calls.word_call(level) or self._word_leaf()),
            (4, self._from_float),
            (5, self._load),
        )
        weights = [row[0] for row in writers]
        return self._chance.choices(writers, weights)[0][1](depth - 1)

    def _word_leaf(self) -> str:
        program, chance = self._frame.program, self._chance
        draw = chance.random()
        if draw < 0.62:
            place = self.places.scalar(_WORD_TYPES)
            if place is not None:
                return place[0]
        if draw > 0.97:
            return numbers.character(chance) if draw > 0.985 else chance.choice(("true", "false"))
        if draw > 0.90 and program.constants:
            return chance.choice(program.constants)
        if draw > 0.88:
            return f"sizeof({chance.choice(program.sizes)})"
        return numbers.integer(chance, program.is_calm)

    def small(self, below: int, depth: int = 1) -> str:
        """Return a word from 0 to `below` - 1; `below` is a power of two."""
        if self._frame.happens(0.3):
            return str(self._chance.randrange(below))
        return f"({self.word(depth)} & {below - 1})"

    def _arithmetic(self, depth: int) -> str:
        operator = self._chance.choice(_ARITHMETIC)
        left, right = self.word(depth), self.word(depth)
        if self._frame.program.is_calm and operator in "+-*":
            return f"(({left} & 1023) {operator} ({right} & 1023))"
        return f"({left} {operator} {right})"

    def _shift(self, depth: int) -> str:
        count = self.word(0) if self._frame.happens(0.5) else str(self._chance.randrange(70))
        return f"({self.word(depth)} {self._chance.choice(('<<', '>>'))} {count})"

    def _division(self, depth: int) -> str:
        operator = self._chance.choice("/%")
        left, right = self.word(depth), self.word(depth)
        if self._frame.program.is_risky and self._frame.happens(0.15):
            return f"({left} {operator} {right})"
        if self._frame.happens(0.5):
            divisor = self._chance.choice((1, 2, 3, 5, 7, 8, 10, 16, 100, 255, 1000, 65537))
            return f"({left} {operator} {divisor})"
        return f"({left} {operator} (({right} & 0xFFFF) | 1))"

    def truth(self, depth: int = 1) -> str:
        """Return a word that is 0 or 1."""
        draw = self._chance.random()
        operator = self._chance.choice(_COMPARISONS)
        if draw < 0.6:
            return f"({self.word(depth)} {operator} {self.word(depth)})"
        if draw < 0.75:
            return f"({self.float(depth)} {operator} {self.float(depth)})"
        if draw < 0.85:
            return f"(!{self.word(depth)})"
        if draw < 0.93:
            equality = self.places.struct_equality()
            if equality is not None:
                return equality
        return f"({self.truth(depth - 1)} {self._chance.choice(('&&', '||'))} {self._test()})"

    def _test(self) -> str:
        return f"({self.word(0)} {self._chance.choice(_COMPARISONS)} {self.word(0)})"

    def _logical(self, depth: int) -> str:
        operator = self._chance.choice(("&&", "||"))
        return f"({self.word(depth)} {operator} {self.word(depth)})"

    def _unary(self, depth: int) -> str:
        operator = self._chance.choice("-~!")
        if operator == "-" and self._frame.program.is_calm:
            operator = "!"
        return f"({operator}{self.word(depth)})"

    def _builtin(self, depth: int) -> str:
        name, count = self._chance.choice(_SMALL_BUILTINS)
        return f"{name}({', '.join(self.word(depth - 1) for _ in range(count))})"

    def _from_float(self, depth: int) -> str:
        choice = self._chance.randrange(5)
        if choice == 0:
            return f"f64_to_int({self.double(depth)})"
        if choice == 1:
            return f"f32_to_int({self.single(depth)})"
        if choice == 2:
            return f"half_bits({self.single(depth)})"
        if choice == 3:
            return f"bits64({self.double(depth)})"
        return f"bits32({self.single(depth)})"

    def _load(self, depth: int) -> str:
        choices = [
            self.places.load,
            self.places.byte,
            self.places.text,
            self._ticked,
            self._field_of_value,
        ]
        made = self._chance.choice(choices)(depth)
        return made if made is not None else self._word_leaf()

    def _field_of_value(self, depth: int) -> str | None:
        """Return a field of a struct that is no variable: of a call or in parentheses."""
        structs = self._frame.program.structs
        if not structs:
            return None
        struct = self._chance.choice(structs)
        fields = [name for name, kind in struct.leaves() if kind in _WORD_TYPES]
        if not fields:
            return None
        value = self.calls.call_for(struct, depth - 1)
        if value is None:
            value = f"({self.struct(struct, 0)})"
        return f"{value}.{self._chance.choice(fields)}"

    def _ticked(self, depth: int) -> str:
        self._frame.spend(1)
        return f"tick({self.word(depth - 1)})"

    # ----------------------------------------------------------------------------- floats

    def float(self, depth: int = 2) -> str:
        """Return a float of either kind."""
        return self.double(depth) if self._frame.happens(0.6) else self.single(depth)

    def double(self, depth: int = 2) -> str:
        """Return an f64."""
        return self._floating(DOUBLE, depth)

    def single(self, depth: int = 2) -> str:
        """Return an f32."""
        return self._floating(SINGLE, depth)

    def _floating(self, kind: ScalarType, depth: int) -> str:
        if depth <= 0 or self._frame.happens(0.15):
            return self._float_leaf(kind)
        draw = self._chance.random()
        if draw < 0.5:
            return self._float_arithmetic(kind, depth - 1)
        if draw < 0.58:
            return f"(-{self._floating(kind, depth - 1)})"
        if draw < 0.7:
            call = self.calls.call_for(kind, depth - 1)
            return call if call is not None else self._float_leaf(kind)
        return self._float_builtin(kind, depth - 1)

    def _float_leaf(self, kind: ScalarType) -> str:
        if self._frame.happens(0.65):
            place = self.places.scalar(frozenset((kind,)))
            if place is not None:
                return place[0]
        named = self._frame.program.floats.get(kind)
        if named and self._frame.happens(0.2):
            return self._chance.choice(named)
        return numbers.floating(self._chance) + ("f" if kind is SINGLE else "")

    def _float_arithmetic(self, kind: ScalarType, depth: int) -> str:
        operator = self._chance.choice("++--**/")
        left, right = self._floating(kind, depth), self._floating(kind, depth)
        if kind is DOUBLE and self._frame.happens(0.2):
            right = self.single(depth - 1)
        elif kind is DOUBLE and self._frame.happens(0.1):
            left = self.single(depth - 1)
        return f"({left} {operator} {right})"

    def _float_builtin(self, kind: ScalarType, depth: int) -> str:
        choices: tuple[Callable[[], str], ...]
        if kind is DOUBLE:
            choices = (
                lambda: f"int_to_f64({self.word(depth)})",
                lambda: f"f32_to_f64({self.single(depth)})",
                lambda: f"{self._chance.choice(('sqrt', 'sqrt_f64'))}({self.double(depth)})",
                lambda: f"fma_f64({', '.join(self.double(depth - 1) for _ in range(3))})",
            )
        else:
            choices = (
                lambda: f"int_to_f32({self.word(depth)})",
                lambda: f"f64_to_f32({self.double(depth)})",
                lambda: f"sqrt_f32({self.single(depth)})",
                lambda: f"f16_to_f32({self.small(65536, depth)})",
            )
        return self._chance.choice(choices)()

    # ----------------------------------------------------------------------- destinations

    def convertible(self, wanted: ScalarType, depth: int = 2) -> str:
        """Return what a destination of that type may be given, converting if need be."""
        if wanted is BOOL:
            return self.truth(depth)
        if wanted in FLOATS:
            draw = self._chance.random()
            if draw < 0.2:
                return self.word(depth)
            return self.float(depth) if draw < 0.45 else self._floating(wanted, depth)
        return self.word(depth)

    def exact(self, wanted: ScalarType, depth: int = 2) -> str:
        """Return a value that needs no conversion, as a result of a function must be."""
        return (
            self._floating(wanted, depth) if wanted in FLOATS else self.convertible(wanted, depth)
        )

    def initial(self, wanted: ScalarType, depth: int = 2) -> str:
        """Return a value that a declaration of that type may have."""
        made = self.convertible(wanted, depth)
        is_strict = made in ("true", "false") or made[0] == "'"
        return f"({made} + 0)" if is_strict and wanted is not BOOL else made

    def struct(self, struct: Struct, depth: int = 1) -> str:
        """Return a struct value."""
        draw = self._chance.random()
        if draw < 0.6:
            place = self.places.struct(struct)
            if place is not None:
                return place
        if draw < 0.75:
            call = self.calls.call_for(struct, depth)
            if call is not None:
                return call
        return self.struct_literal(struct, depth)

    def struct_literal(self, struct: Struct, depth: int = 1) -> str:
        """Return a struct literal, by position or by name, often with fields left out."""
        rows = list(struct.fields)
        write: Callable[[str, str], str]
        if self._frame.happens(0.5):
            self._chance.shuffle(rows)
            write = "{}: {}".format
        else:
            write = "{1}".format
        if self._frame.happens(0.3):
            del rows[self._chance.randrange(1, len(rows) + 1) :]
        fields = [write(name, self._field(row, depth)) for name, row in rows]
        return f"{struct.name} {{ {', '.join(fields)} }}"

    def _field(self, wanted: ScalarType | Struct, depth: int) -> str:
        if isinstance(wanted, Struct):
            return self.struct(wanted, depth - 1)
        return self.initial(wanted, depth)

    def printed(self, depth: int = 2) -> str:
        """Return an argument of print or f-string that is no text."""
        draw = self._chance.random()
        if draw < 0.6:
            return self.word(depth)
        if draw < 0.9:
            return self.float(depth)
        chars = [row for row in self._frame.scope.of(Shape.SCALAR) if row.type in (CHAR, BOOL)]
        return self._chance.choice(chars).name if chars else self.truth(depth)

    def format_string(self, depth: int = 1) -> str:
        """Return an f-string."""
        parts = [self._chance.choice(("", "a", "x=", " - ", "{{", "}}", "\\n", "100%"))]
        for _ in range(self._chance.randint(1, 3)):
            write = partial(self.printed, depth)
            if depth > 0 and self._frame.happens(0.1):
                write = partial(self.format_string, depth - 1)
            parts += ["{" + self._plain(write) + "}", self._text_part()]
        return 'f"' + "".join(parts) + '"'

    def _text_part(self) -> str:
        return self._chance.choice(("", ", ", " ", "|", "\\t"))

    def _plain(self, write: Callable[[], str]) -> str:
        """Return text that may stand in an f-string: without braces."""
        for _ in range(4):
            made = write()
            if "{" not in made or (made.startswith('f"') and made.count("{") < 3):
                return made
        return "1"

    def argument(self, parameter: Variable, depth: int = 1) -> str | None:
        """Return an argument for a scalar or struct parameter."""
        if isinstance(parameter.type, Struct):
            handles = [
                row.name
                for row in self._frame.scope.of(Shape.HANDLE)
                if row.type is parameter.type and not self._frame.is_in_defer
            ]
            if handles and self._frame.happens(0.3):
                return self._chance.choice(handles)
            return self.struct(parameter.type, depth)
        if parameter.bound:
            return self.small(parameter.bound, depth)
        return self.convertible(parameter.type, depth)
