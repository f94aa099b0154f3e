"""Top-level items: the values of one alternative in, the document out."""

from enum import Enum, unique

from mlrift.frontend.layout.documents import Document, Gap, Group, Sequence, first_token
from mlrift.frontend.layout.rows import Layout, flat_list
from mlrift.static_types import Any
from mlrift.values import record, value


@unique
class ItemKind(Enum):
    """What an item is, as far as empty lines around it go."""

    FUNCTION = "function"
    TYPE = "struct, enum or device"
    LINE = "anything else"


@record
class Item:
    """One item with the semicolons after it."""

    document: Document
    kind: ItemKind


@value
class _Separator:
    """A `;` between items."""

    token: int


@value
class _Access:
    """The access word of a register."""

    token: int


class ItemLayout(Layout):
    """Lays out the items of a file and the file of them."""

    __slots__ = ()

    def module(self, entries: list[Any]) -> list[Item]:
        """A whole file."""
        items: list[Item] = []
        for entry in entries:
            if not isinstance(entry, _Separator):
                items.append(entry)
            elif items:
                items[-1].document = self._glued(items[-1].document, entry.token)
            else:
                items.append(Item(self._glued(entry.token), ItemKind.LINE))
        self._source.entries.update(first_token(item.document) for item in items)
        return items

    def no_item(self, token: int) -> _Separator:
        """`;`."""
        return _Separator(token)

    def language_profile(self, token: int) -> Item:
        """`#lang stable`."""
        return Item(self._glued(token), ItemKind.LINE)

    def import_item(self, values: list[Any]) -> Item:
        """`import "path"`."""
        return Item(self._spaced(*values), ItemKind.LINE)

    def plain_item(self, item: Item) -> Item:
        """An item without annotations."""
        return item

    def annotated_item(self, values: list[Any]) -> Item:
        """An item with annotations, each on the line where its source ends."""
        tokens, item = values
        parts: list[Document] = []
        for token in tokens:
            following = self._source.trivia[token + 1]
            if following.has_newline:
                self._source.entries.add(token + 1)
            parts += [self._glued(token), Gap.NEWLINE if following.has_newline else Gap.SPACE]
        return Item(Sequence([*parts, item.document]), item.kind)

    # ------------------------------------------------------------------ functions

    def function(self, values: list[Any]) -> Item:
        """`fn name(parameters) -> T { }`."""
        return Item(Group(self._spaced(*values)), ItemKind.FUNCTION)

    def signature(self, values: list[Any]) -> Document:
        """`fn [Receiver.]name<T>(parameters) -> T`."""
        word, first, generics, dot, second, parameters, result = values
        return self._spaced(word, self._glued(first, generics, dot, second, parameters), result)

    def generics(self, values: list[Any]) -> Document:
        """`<T, U>`; the third value is the flat list `, U , V`."""
        opening, first, *more, closing = values
        names = [self._glued(first)]
        flat = more[0] if more else []
        for at in range(0, len(flat), 2):
            names[-1] = self._glued(names[-1], flat[at])
            names.append(self._glued(flat[at + 1]))
        return self._glued(opening, self._spaced(*names), closing)

    def bracketed_list(self, values: list[Any]) -> Document:
        """`(parameters)`."""
        return self._bracketed(values[0], flat_list(values, 2), values[-1])

    def parameter(self, values: list[Any]) -> Document:
        """`T name`."""
        return self._spaced(*values)

    def slice_parameter(self, values: list[Any]) -> Document:
        """`[T] name`."""
        *slice_type, name = values
        return self._spaced(self._glued(*slice_type), name)

    def result(self, values: list[Any]) -> Document:
        """`-> T`."""
        return self._spaced(*values)

    def results(self, values: list[Any]) -> Document:
        """`-> (T, U)`; the fourth value is the flat list `, U , V`."""
        arrow, opening, first, others, closing = values
        return self._spaced(arrow, self._bracketed(opening, [first, *others], closing))

    def extern(self, values: list[Any]) -> Item:
        """`extern fn name(parameters) -> T`."""
        extern_word, word, name, parameters, result = values
        signature = self._spaced(extern_word, word, self._glued(name, parameters), result)
        return Item(signature, ItemKind.LINE)

    # --------------------------------------------------------- constants and statics

    def const(self, values: list[Any]) -> Item:
        """`const T name = value`."""
        return Item(self._spaced(*values), ItemKind.LINE)

    static = const

    def static_array(self, values: list[Any]) -> Item:
        """`static T[N] name = [1, 2]`."""
        word, type_name, opening, size, closing, name, equal, value = values
        array = self._glued(type_name, opening, size, closing)
        return Item(self._spaced(word, array, name, equal, value), ItemKind.LINE)

    def initializer_list(self, values: list[Any]) -> Document:
        """`{ 1, 2 }` or `[1, 2]`."""
        return self._bracketed(values[0], flat_list(values, 2), values[-1])

    # ----------------------------------------------------------------------- types

    def struct(self, values: list[Any]) -> Item:
        """`struct name { fields }`."""
        word, name, opening = values[:3]
        braces = self._braced(opening, flat_list(values, 4), values[-1])
        return Item(Group(self._spaced(word, name, braces)), ItemKind.TYPE)

    enum = struct

    def field(self, values: list[Any]) -> Document:
        """`T name`."""
        return self._spaced(*values)

    def array_field(self, values: list[Any]) -> Document:
        """`T[N] name`."""
        *array, name = values
        return self._spaced(self._glued(*array), name)

    def enum_member(self, values: list[Any]) -> Document:
        """`name` or `name = 3`."""
        return self._spaced(*values)

    def alias(self, values: list[Any]) -> Item:
        """`type name = T`."""
        return Item(self._spaced(*values), ItemKind.LINE)

    # --------------------------------------------------------------------- devices

    def device(self, values: list[Any]) -> Item:
        """`device name at base { registers }`; an access word belongs to the register before it."""
        *head, opening = values[:5]
        parts: list[Any] = []
        for part in flat_list(values, 6):
            if isinstance(part, _Access) and parts and not isinstance(parts[-1], int):
                parts[-1] = self._spaced(parts[-1], part.token)
            else:
                parts.append(self._glued(part.token) if isinstance(part, _Access) else part)
        braces = self._braced(opening, parts, values[-1])
        return Item(Group(self._spaced(*head, braces)), ItemKind.TYPE)

    def register(self, values: list[Any]) -> Document:
        """`NAME at offset : T`."""
        return self._spaced(*values)

    def register_access(self, token: int) -> _Access:
        """`rw`, `ro` or `wo`."""
        return _Access(token)
