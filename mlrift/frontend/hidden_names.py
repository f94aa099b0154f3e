"""Names of the library that a program declares itself: the library keeps its own under another.

Token streams enter; in those of the library every name that the program's own files declare at top
level, too, is changed to one that no program can write. So the library may grow without breaking
programs whose functions have had the new names for years, and what it calls is always its own.
"""

from collections.abc import Iterable, Sequence

from mlrift.frontend.lexer import KIND, NAME, TokenStream
from mlrift.frontend.tokens import scan_declared_types

PREFIX = "std."
_OPEN, _CLOSE, _DOT, _COLON, _OPEN_SIZE, _CLOSE_SIZE = (KIND[mark] for mark in "{}.:[]")
_FUNCTION, _STRUCT = KIND["fn"], KIND["struct"]
_DECLARING = frozenset(KIND[word] for word in ("struct", "enum", "device", "type"))
_VARIABLES = frozenset(KIND[word] for word in ("const", "static"))
_ADDRESS_OF = ["fn_addr", "("]


def hide_names(program: Iterable[TokenStream], library: Sequence[TokenStream]) -> list[TokenStream]:
    """Rename in the library what the program declares; return the streams that were changed."""
    own = {name for stream in program for name in declared_names(stream)}
    hidden = own.intersection(name for stream in library for name in declared_names(stream))
    if not hidden:
        return []
    types = hidden.intersection(
        name for row in library for name in scan_declared_types(row).structs
    )
    return [stream for stream in library if _rename(stream, hidden, types)]


def declared_names(stream: TokenStream) -> list[str]:
    """Return the names that a file declares at top level, without methods and externs."""
    kinds, texts = stream.kinds, stream.texts
    names: list[str] = []
    depth = 0
    for index, kind in enumerate(kinds):
        if kind == _OPEN:
            depth += 1
        elif kind == _CLOSE:
            depth -= 1
        elif depth == 0:
            place = _name_place(kinds, index)
            if place and kinds[place] == NAME:
                names.append(texts[place])
    return names


def _name_place(kinds: list[int], index: int) -> int:
    """Return the index of the name that the keyword at `index` declares, 0 when it is none."""
    kind = kinds[index]
    if kind == _FUNCTION:
        return 0 if kinds[index + 1] == NAME and kinds[index + 2] == _DOT else index + 1
    if kind in _DECLARING:
        return index + 1
    if kind not in _VARIABLES:
        return 0
    place = min(index + 2, len(kinds) - 1)
    if kinds[place] == _OPEN_SIZE and _CLOSE_SIZE in kinds[place:]:
        place = min(kinds.index(_CLOSE_SIZE, place) + 1, len(kinds) - 1)
    return place


def _rename(stream: TokenStream, hidden: set[str], types: set[str]) -> bool:
    """Change the names, but not those of members; return whether there were any."""
    kinds, texts = stream.kinds, stream.texts
    found = False
    fields_end = 0
    for index, kind in enumerate(kinds):
        if kind == _STRUCT and _CLOSE in kinds[index:]:
            fields_end = kinds.index(_CLOSE, index)
        if kind == NAME:
            named = hidden if index >= fields_end or kinds[index - 1] == _STRUCT else types
            is_member = kinds[index - 1] == _DOT or kinds[index + 1] == _COLON
            if texts[index] in named and not is_member:
                texts[index] = PREFIX + texts[index]
                found = True
        elif texts[index - 2 : index] == _ADDRESS_OF and texts[index][1:-1] in hidden:
            texts[index] = f'"{PREFIX}{texts[index][1:-1]}"'
            found = True
    return found
