"""Documents: what a layout consists of, before it is known where lines end.

A `Group` is printed on one line if that fits, else its own `LINE`s and `SOFT_LINE`s end lines; the
groups in it then decide for themselves. Tokens are known by their index, and each is in a document
exactly once.
"""

from collections.abc import Callable
from enum import Enum, unique

from mlrift.values import record


@unique
class Gap(Enum):
    """What is between two documents."""

    SPACE = "a blank"
    LINE = "a blank, or a line end in a broken group"
    SOFT_LINE = "nothing, or a line end in a broken group"
    NEWLINE = "a line end"
    ENTRY = "a line end, and an empty line where the source has one"


@record
class Word:
    """A token; `hang` indents it where a comment pushes it to a line of its own."""

    token: int
    hang: int = 1


@record
class Comments:
    """The comments before a token, printed here because the token itself is further left."""

    token: int


@record
class Sequence:
    """Documents one after the other."""

    parts: "list[Document]"
    width: int = 0
    breaks: bool = False


@record
class Nest:
    """A document whose lines are indented by some more levels."""

    content: "Document"
    levels: int = 1
    width: int = 0
    breaks: bool = False


@record
class Group:
    """A document on one line if it fits.

    `chain_level` marks a chain of operators of one level, `has_block` a statement with a block.
    """

    content: "Document"
    chain_level: int = 0
    has_block: bool = False
    width: int = 0
    breaks: bool = False


Document = Gap | Word | Comments | Sequence | Nest | Group
Parent = Sequence | Nest | Group

_FLAT_WIDTHS = {Gap.SPACE: 1, Gap.LINE: 1, Gap.SOFT_LINE: 0, Gap.NEWLINE: 0, Gap.ENTRY: 0}
_BREAKING = (Gap.NEWLINE, Gap.ENTRY)


def measure(root: Document, measure_leaf: Callable[[Word | Comments], tuple[int, bool]]) -> None:
    """Set the width on one line of every document, and whether it cannot be on one line."""
    pending: list[tuple[Document, bool]] = [(root, False)]
    while pending:
        document, is_ready = pending.pop()
        if not isinstance(document, Parent):
            continue
        children = children_of(document)
        if is_ready:
            sizes = [size_of(child, measure_leaf) for child in children]
            document.width = sum(width for width, _ in sizes)
            document.breaks = any(breaks for _, breaks in sizes)
        else:
            pending.append((document, True))
            pending += [(child, False) for child in children]


def children_of(document: Parent) -> "list[Document]":
    """Return the documents right below one."""
    return document.parts if isinstance(document, Sequence) else [document.content]


def first_token(document: Document) -> int:
    """Return the first token of a document; -1 if it has none."""
    pending = [document]
    while pending:
        current = pending.pop()
        if isinstance(current, Word):
            return current.token
        if isinstance(current, Parent):
            pending += reversed(children_of(current))
    return -1


def size_of(
    document: Document, measure_leaf: Callable[[Word | Comments], tuple[int, bool]]
) -> tuple[int, bool]:
    """Return the width of a measured document on one line, and whether it cannot be on one."""
    if isinstance(document, Gap):
        return _FLAT_WIDTHS[document], document in _BREAKING
    if isinstance(document, Word | Comments):
        return measure_leaf(document)
    return document.width, document.breaks
