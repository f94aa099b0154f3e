"""Names that look like types of files not at hand: a token stream in, the types it seems to use.

A file may use types of one that is compiled before it without importing it. Only the layout hangs
on it: the line `Point p` is one declaration, not two statements.
"""

from mlrift.frontend.lexer import KIND, NAME, TokenStream
from mlrift.frontend.tokens import KnownTypes

_BOUNDARIES = frozenset(KIND[mark] for mark in "{};")
_PARAMETER_STARTS = frozenset(KIND[mark] for mark in ("(", ",", "[", "->"))

_AFTER_SIZE = [KIND["]"], NAME]


def types_at_line_starts(stream: TokenStream, known: KnownTypes) -> KnownTypes:
    """Return the names that begin a statement and have a name after them on the line."""
    return _with_names(known, {stream.texts[index] for index in _pairs_at_line_starts(stream)})


def types_in_signatures(stream: TokenStream, known: KnownTypes) -> KnownTypes:
    """Return the names that stand where parameters and results have their types."""
    kinds = stream.kinds
    names = {
        stream.texts[index]
        for index in range(1, len(kinds) - 1)
        if kinds[index] == NAME
        and kinds[index - 1] in _PARAMETER_STARTS
        and (kinds[index + 1] == NAME or kinds[index - 1] == KIND["->"])
    }
    return _with_names(types_at_line_starts(stream, known), names)


def _pairs_at_line_starts(stream: TokenStream) -> list[int]:
    found = []
    for index in range(1, len(stream.kinds) - 1):
        if stream.kinds[index] != NAME or not _begins_statement(stream, index):
            continue
        name = _index_of_declared_name(stream, index)
        between = stream.file.text[stream.starts[index] : stream.starts[name]]
        if name > index and stream.texts[name] != "as" and "\n" not in between:
            found.append(index)
    return found


def _begins_statement(stream: TokenStream, index: int) -> bool:
    previous_end = stream.starts[index - 1] + len(stream.texts[index - 1])
    before = stream.file.text[previous_end : stream.starts[index]]
    return stream.kinds[index - 1] in _BOUNDARIES or "\n" in before


def _index_of_declared_name(stream: TokenStream, index: int) -> int:
    """Return the index of `name` in `T name` or `T[N] name`; `index` if this is no such thing."""
    kinds = stream.kinds
    if kinds[index + 1] == NAME:
        return index + 1
    is_array = kinds[index + 1] == KIND["["] and kinds[index + 3 : index + 5] == _AFTER_SIZE
    return index + 4 if is_array else index


def _with_names(known: KnownTypes, names: set[str]) -> KnownTypes:
    return KnownTypes(known.names | names, known.structs | names)
