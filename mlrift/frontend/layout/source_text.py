"""`format_stream`: the tokens of a parsed file in, its text laid out anew.

The tokens and comments of the result are those of the source, in the same order; only what stands
between them, blanks at line ends and the indentation inside block comments may differ. So the
program stays what it was.
"""

from mlrift.frontend.layout.comments import Trivia, read_trivia
from mlrift.frontend.layout.documents import Comments, Gap
from mlrift.frontend.layout.expressions import ExpressionLayout
from mlrift.frontend.layout.items import Item, ItemKind, ItemLayout
from mlrift.frontend.layout.lines import Line, joined
from mlrift.frontend.layout.models import ModelLayout
from mlrift.frontend.layout.printer import Printer
from mlrift.frontend.layout.rows import LayoutSource
from mlrift.frontend.layout.statements import StatementLayout
from mlrift.frontend.lexer import BYTE_ORDER_MARK, END, TokenStream
from mlrift.frontend.parser import reduce_tokens


def format_stream(stream: TokenStream) -> str:
    """Return the text of a file that was parsed without errors, laid out."""
    del stream.kinds[stream.kinds.index(END) + 1 :]  # expressions in f-strings, from parsing
    count = len(stream.kinds)
    del stream.texts[count:], stream.starts[count:]
    trivia = read_trivia(stream)
    source = LayoutSource(stream, trivia, {count - 1})
    owners = (
        ExpressionLayout(source),
        StatementLayout(source),
        ItemLayout(source),
        ModelLayout(source),
    )
    items: list[Item] = reduce_tokens(stream, owners)
    lines = _print(items, Printer(stream, trivia, source.entries), trivia)
    mark = BYTE_ORDER_MARK if stream.file.text.startswith(BYTE_ORDER_MARK) else ""
    return mark + joined(lines)


def _print(items: list[Item], printer: Printer, trivia: list[Trivia]) -> list[Line]:
    """Print the items, and empty lines around those that are functions and types."""
    empty_lines: list[int] = []
    previous: tuple[ItemKind, bool] | None = None
    for item in items:
        printer.print(Gap.NEWLINE if previous is None else Gap.ENTRY)
        end = len(printer.lines)
        printer.first_word_line = -1
        printer.print(item.document)
        is_long = len(printer.lines) - 1 > printer.first_word_line
        current = (item.kind, is_long)
        if previous is not None and _wants_empty_line(previous, current):
            empty_lines.append(end)
        previous = current
    printer.print(Gap.ENTRY)
    printer.print(Comments(len(trivia) - 1))
    for index in reversed(empty_lines):
        if printer.lines[index].code:
            printer.lines.insert(index, Line(""))
    return printer.lines


def _wants_empty_line(above: tuple[ItemKind, bool], below: tuple[ItemKind, bool]) -> bool:
    """Tell whether an empty line stands between two items: not in a row of short ones."""
    if above == below == (above[0], False):
        return False
    return ItemKind.LINE not in (above[0], below[0]) or above[0] is not below[0]
