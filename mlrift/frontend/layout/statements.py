"""Statements: the values of one alternative in, the document out."""

from mlrift.frontend.layout.documents import Document, Gap, Group, Nest, Sequence, Word
from mlrift.frontend.layout.rows import Braces, Layout, flat_list
from mlrift.static_types import Any
from mlrift.values import value


@value
class _Separator:
    """A `;` between statements."""

    token: int


class StatementLayout(Layout):
    """Lays out statements.

    A block stays on one line if its source begins there, it fits, and it holds one statement
    without a block.
    """

    __slots__ = ()

    def block(self, values: list[Any]) -> Document:
        """`{ statements }`; its lines are the caller's."""
        statements = [
            entry.token if isinstance(entry, _Separator) else entry
            for entry in flat_list(values, 2)
        ]
        entries = self._separated(statements)
        is_simple = not any(_has_block(statement) for statement in statements)
        is_single = len(entries) <= 1 and is_simple
        braces = self._braces_of(values[0]) if is_single else Braces.LINES
        return self._enclosed(values[0], entries, values[-1], braces)

    def no_statement(self, token: int) -> _Separator:
        """`;`."""
        return _Separator(token)

    def expression_statement(self, value: Document) -> Document:
        """`f(x)`."""
        return value

    def assign(self, values: list[Any]) -> Document:
        """`target = value`, `target += value`."""
        return self._spaced(*values)

    # -------------------------------------------------------------- declarations

    def declare(self, values: list[Any]) -> Document:
        """`T name`."""
        return self._spaced(*values)

    declare_value = declare

    def declare_array(self, values: list[Any]) -> Document:
        """`T[N] name`."""
        *array, name = values
        return self._spaced(self._glued(*array), name)

    def declare_tuple(self, values: list[Any]) -> Document:
        """`(T a, U b) = value`; the fourth value is the flat list `, U b , V c`."""
        opening, type_name, name, more, closing, equal, value = values
        entries: list[Any] = [self._spaced(type_name, name)]
        for at in range(0, len(more), 3):
            entries += [more[at], self._spaced(*more[at + 1 : at + 3])]
        return self._spaced(self._bracketed(opening, entries, closing), equal, value)

    # -------------------------------------------------------------- control flow

    def return_nothing(self, token: int) -> Document:
        """`return`."""
        return self._glued(token)

    def return_value(self, values: list[Any]) -> Document:
        """`return value`."""
        return self._spaced(*values)

    def return_tuple(self, values: list[Any]) -> Document:
        """`return (a, b)`."""
        word, opening, first, comma, others, closing = values
        return self._spaced(word, self._bracketed(opening, [first, comma, *others], closing))

    def if_statement(self, values: list[Any]) -> Document:
        """`if condition { }`."""
        word, condition, then = values
        return self._with_blocks(self._spaced(word, Nest(condition), then))

    def if_else(self, values: list[Any]) -> Document:
        """`if condition { } else { }`, or `else if`: all blocks on one line, or none."""
        word, condition, then, otherwise_word, otherwise = values
        if isinstance(otherwise, Group):
            otherwise = otherwise.content
        keyword = Word(otherwise_word, hang=0)
        return self._with_blocks(self._spaced(word, Nest(condition), then, keyword, otherwise))

    def while_statement(self, values: list[Any]) -> Document:
        """`while condition { }`."""
        word, condition, body = values
        return self._with_blocks(self._spaced(word, Nest(condition), body))

    def loop_statement(self, values: list[Any]) -> Document:
        """`loop { }`."""
        return self._with_blocks(self._spaced(*values))

    def for_statement(self, values: list[Any]) -> Document:
        """`for name in start..end { }`."""
        word, name, in_word, start, dots, end, body = values
        bounds = Nest(self._glued(start, dots, end))
        return self._with_blocks(self._spaced(word, name, in_word, bounds, body))

    def break_statement(self, token: int) -> Document:
        """`break`."""
        return self._glued(token)

    continue_statement = break_statement

    def defer_statement(self, values: list[Any]) -> Document:
        """`defer { }`."""
        return self._with_blocks(self._spaced(*values))

    def _with_blocks(self, content: Document) -> Document:
        return Group(content, has_block=True)

    # --------------------------------------------------------------------- match

    def match_statement(self, values: list[Any]) -> Document:
        """`match scrutinee { arms }`."""
        arms = self._enclosed(values[2], flat_list(values, 4), values[-1], Braces.LINES)
        return self._with_blocks(self._spaced(values[0], Nest(values[1]), arms))

    def arm(self, values: list[Any]) -> Document:
        """`pattern, pattern => { }`."""
        patterns, arrow, body = values
        return Group(self._spaced(self._filled(self._separated(patterns)), arrow, body))

    def value_pattern(self, value: Document) -> Document:
        """A value, or `_`."""
        return value

    def range_pattern(self, values: list[Any]) -> Document:
        """`start..end`."""
        return self._glued(*values)

    def _filled(self, entries: list[Document]) -> Document:
        """Return entries with as many to a line as fit."""
        others: list[Document] = [Group(Sequence([Gap.LINE, entry])) for entry in entries[1:]]
        return Group(Sequence([entries[0], Nest(Sequence(others))]))

    # -------------------------------------------------------- unsafe, volatile, asm

    def pointer_target(self, values: list[Any]) -> Document:
        """`*(address as T)`."""
        star, opening, address, word, type_name, closing = values
        inside = self._spaced(address, word, type_name)
        return self._glued(star, opening, inside, closing)

    def pointer_load(self, values: list[Any]) -> Document:
        """`unsafe { *(address as T) -> name }`."""
        word, opening, target, arrow, name = values[:5]
        semicolons = values[5] if len(values) == 7 else []
        action = self._glued(self._spaced(target, arrow, name), *semicolons)
        return self._spaced(word, opening, action, values[-1])

    pointer_store = pointer_load

    def asm_line(self, values: list[Any]) -> Document:
        """`asm("instruction")`."""
        *call, constraints = values
        return self._constrained(self._glued(*call), constraints)

    def asm_block(self, values: list[Any]) -> Document:
        """`asm { "instruction"; "instruction" }`; strings and semicolons are both tokens."""
        strings = values[2] if len(values) == 5 else []
        entries = self._instructions(strings)
        braces = self._enclosed(values[1], entries, values[-2], self._braces_of(values[1]))
        return self._constrained(Group(self._spaced(values[0], braces)), values[-1])

    def _instructions(self, tokens: list[int]) -> list[Document]:
        """Return one document an instruction, with the `;` after it."""
        entries: list[Document] = []
        for token in tokens:
            if self._text(token) == ";" and entries:
                entries[-1] = self._glued(entries[-1], token)
            else:
                entries.append(self._glued(token))
        return entries

    def constraints(self, values: list[Any]) -> list[Document]:
        """All constraint clauses of a block."""
        return values

    def constraint(self, values: list[Any]) -> Document:
        """`in(variable -> register, ...)`."""
        return self._glued(values[0], self._bracketed(values[1], flat_list(values, 3), values[-1]))

    def binding(self, values: list[Any]) -> Document:
        """`a` or `a -> b`."""
        return self._spaced(*values)

    def _constrained(self, code: Document, constraints: list[Document]) -> Document:
        clauses: list[Document] = [Group(Sequence([Gap.LINE, clause])) for clause in constraints]
        return Sequence([code, Nest(Sequence(clauses))]) if clauses else code


def _has_block(statement: Any) -> bool:
    return isinstance(statement, Group) and statement.has_block
