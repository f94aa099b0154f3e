"""Tensors and models of neurons: the values of one alternative in, the document out."""

from mlrift.frontend.layout.documents import Document, Group, Nest
from mlrift.frontend.layout.items import Item, ItemKind
from mlrift.frontend.layout.rows import Braces, Layout, flat_list
from mlrift.static_types import Any


class ModelLayout(Layout):
    """Lays out what the contextual words of a stream begin."""

    __slots__ = ()

    def tensor_type(self, values: list[Any]) -> Document:
        """`tensor f32[B, D]`."""
        word, element, opening, extents, closing = values
        return self._spaced(word, self._glued(element, self._bracketed(opening, extents, closing)))

    def csr_type(self, values: list[Any]) -> Document:
        """`csr f64[a, b]`."""
        word, element, opening, sources, comma, targets, closing = values
        axes = self._bracketed(opening, [sources, comma, targets], closing)
        return self._spaced(word, self._glued(element, axes))

    def vector_type(self, values: list[Any]) -> Document:
        """`vec f32[16]`."""
        word, element, opening, lanes, closing = values
        return self._spaced(word, self._glued(element, self._bracketed(opening, [lanes], closing)))

    def events_type(self, token: int) -> Document:
        """`events`."""
        return self._glued(token)

    def whole_span(self, token: int) -> Document:
        """`..`."""
        return self._glued(token)

    def span_to(self, values: list[Any]) -> Document:
        """`..end`."""
        return self._glued(*values)

    span_from = span_between = span_to

    def index_axes(self, values: list[Any]) -> Document:
        """`base[i, j..k]`."""
        base, opening, first, comma, others, closing = values
        return self._glued(base, self._bracketed(opening, [first, comma, *others], closing))

    def cast(self, values: list[Any]) -> Document:
        """`value as T`."""
        return self._spaced(*values)

    def quantity(self, values: list[Any]) -> Document:
        """`10ms`."""
        return self._glued(*values)

    def declare_view(self, values: list[Any]) -> Document:
        """`tensor T[N] name at address`."""
        return self._spaced(*values)

    def for_each(self, values: list[Any]) -> Document:
        """`for name in sequence { }`."""
        word, name, in_word, sequence, body = values
        return Group(self._spaced(word, name, in_word, Nest(sequence), body), has_block=True)

    def for_each_edge(self, values: list[Any]) -> Document:
        """`for i, j in connections { }`."""
        word, source, comma, target, in_word, sequence, body = values
        names = self._spaced(self._glued(source, comma), target)
        return Group(self._spaced(word, names, in_word, Nest(sequence), body), has_block=True)

    def build_statement(self, values: list[Any]) -> Document:
        """`build { }`."""
        return Group(self._spaced(*values), has_block=True)

    def decay(self, values: list[Any]) -> Document:
        """`decay name time_constant`."""
        return self._spaced(*values)

    decay_to = derivative = derivative_by = hold = decay

    def spike(self, values: list[Any]) -> Document:
        """`spike condition { }`."""
        word, condition, body = values
        return Group(self._spaced(word, Nest(condition), body), has_block=True)

    def dynamics(self, values: list[Any]) -> Item:
        """`dynamics name of struct by method fast { }`."""
        return Item(Group(self._spaced(*values)), ItemKind.TYPE)

    def plasticity(self, values: list[Any]) -> Item:
        """`plasticity struct(T pre, U post) { rules }`."""
        word, struct, opening, pre_type, pre, comma, post_type, post, closing, brace = values[:10]
        parameters = [self._spaced(pre_type, pre), comma, self._spaced(post_type, post)]
        head = self._glued(struct, self._bracketed(opening, parameters, closing))
        entries = self._separated(flat_list(values, 11))
        body = self._enclosed(brace, entries, values[-1], Braces.LINES)
        return Item(Group(self._spaced(word, head, body)), ItemKind.TYPE)

    def on_spike(self, values: list[Any]) -> Document:
        """`on pre { }`."""
        return Group(self._spaced(*values), has_block=True)
