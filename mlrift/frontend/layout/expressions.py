"""Expressions: the values of one alternative in, the document out."""

from mlrift.frontend.layout.documents import Document, Gap, Group, Nest, Sequence, Word
from mlrift.frontend.layout.rows import Layout, flat_list
from mlrift.static_types import Any

# The grammar's levels: operators of one of them chain without parentheses.
_LEVELS = ("||", "&&", "== !=", "< <= > >=", "+ -", "* / % @", "<< >>", "& | ^")
_LEVEL_OF = {operator: level for level, row in enumerate(_LEVELS, 1) for operator in row.split()}
_LAST_LEVEL_OF_LINES = 2  # each operand of `||` and `&&` gets a line of its own


class ExpressionLayout(Layout):
    """Lays out expressions."""

    __slots__ = ()

    # ------------------------------------------------------------------- literals

    def integer(self, token: int) -> Document:
        """`42`."""
        return Word(token)

    float_literal = string = char = true_literal = false_literal = format_string = integer
    identifier = type = integer

    # ------------------------------------------------------------------ operators

    def binary(self, values: list[Any]) -> Document:
        """`left operator right`: a chain of operators of one level breaks before them."""
        left, token, right = values
        level = _LEVEL_OF[self._text(token)]
        link: list[Document] = [Gap.LINE, Word(token), Gap.SPACE, right]
        operand: list[Document] = link if level <= _LAST_LEVEL_OF_LINES else [Group(Sequence(link))]
        if isinstance(left, Group) and left.chain_level == level:
            _links_of(left).extend(operand)
            return left
        return Group(Sequence([left, Nest(Sequence(operand))]), level)

    def unary(self, values: list[Any]) -> Document:
        """`-operand`."""
        return self._glued(*values)

    def parenthesized(self, values: list[Any]) -> Document:
        """`(expression)`."""
        return self._glued(*values)

    def index(self, values: list[Any]) -> Document:
        """`base[index]`."""
        return self._glued(*values)

    member = index

    def method_call(self, values: list[Any]) -> Document:
        """`receiver.method(arguments)`."""
        return self._glued(*values)

    # -------------------------------------------------------------- calls, literals

    def call(self, values: list[Any]) -> Document:
        """`function(arguments)`."""
        return self._glued(*values)

    def generic_call(self, values: list[Any]) -> Document:
        """`function<T>(arguments)`."""
        name, opening, types, closing, arguments = values
        return self._glued(name, opening, self._one_line(types), closing, arguments)

    def no_arguments(self, values: list[Any]) -> Document:
        """`()`."""
        return self._bracketed(values[0], [], values[1])

    def some_arguments(self, values: list[Any]) -> Document:
        """`(a, b)`."""
        return self._bracketed(*values)

    def first_of_list(self, value: Any) -> list[Any]:
        """Start a list separated by commas."""
        return [value]

    def more_of_list(self, values: list[Any]) -> list[Any]:
        """Continue a list separated by commas, which it keeps."""
        entries: list[Any] = values[0]
        entries += values[1:]
        return entries

    def sizeof(self, values: list[Any]) -> Document:
        """`sizeof(T)`."""
        return self._glued(*values)

    def struct_literal(self, values: list[Any]) -> Document:
        """`P { 1, 2 }`."""
        braces = self._braced(values[1], flat_list(values, 3), values[-1])
        return Group(self._spaced(values[0], braces))

    def positional_field(self, value: Document) -> Document:
        """A field of a struct literal given by its position."""
        return value

    def named_field(self, values: list[Any]) -> Document:
        """`name: value` in a struct literal."""
        name, colon, value = values
        return self._spaced(self._glued(name, colon), value)

    def _one_line(self, values: list[Any]) -> Document:
        """Return `T, U`."""
        return self._spaced(*self._separated(values))


def _links_of(chain: Group) -> list[Document]:
    """Return the operators and operands after the first operand of a chain."""
    match chain.content:
        case Sequence([_, Nest(Sequence(links))]):
            return links
    raise AssertionError(f"not a chain of operators: {chain}")
