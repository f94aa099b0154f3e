"""Words of models: names that are more only where nothing else can stand (reference.md 23, 24).

Raw tokens go in; NAMEs such as `tensor`, `events` or `decay` leave as words of the grammar where a
declaration or a line of a model begins, units right after a number, and an `@` inside a function as
the matrix product. Every program of 1.1 that uses these names as names means what it meant.
"""

from mlrift.diagnostics.sink import DiagnosticSink
from mlrift.frontend.lexer import KIND, NAME, UNITS, TokenStream, kinds_of, lex_region

EXTENDED_ELEMENTS = ("bf16",)

_TYPE_KEYWORD, _ANNOTATION = KIND["TYPE_KEYWORD"], KIND["ANNOTATION"]
_ELEMENTS = (NAME, _TYPE_KEYWORD)
_NUMBERS = (KIND["INTEGER"], KIND["FLOAT"])
_OPEN_BRACE, _CLOSE_BRACE, _OPEN, _CLOSE, _OPEN_BRACKET, _CLOSE_BRACKET = (
    KIND[mark] for mark in "{}()[]"
)
_ARROW, _EQUAL, _IN, _AS = KIND["->"], KIND["="], KIND["in"], KIND["AS"]
# After one of these a statement, a parameter or a result may begin.
_VALUE_ENDS = frozenset(
    (
        NAME,
        *_NUMBERS,
        *(KIND[name] for name in ("STRING", "CHAR", "FORMAT_STRING", "UNIT", "TYPE_NAME")),
        *(KIND[word] for word in ("true", "false")),
        _CLOSE,
        _CLOSE_BRACKET,
    )
)
_BEFORE_DECLARATIONS = _VALUE_ENDS | {
    0,
    _OPEN_BRACE,
    _CLOSE_BRACE,
    _OPEN,
    _ARROW,
    _ANNOTATION,
    *(KIND[text] for text in (",", ";", "break", "continue", "static", "const")),
}
_NOT_AFTER_HEAD = kinds_of("= += -= *= /= . [ == != < > <= >= + / % & | ^ && || ) ] } ,")


def mark_contextual_words(stream: TokenStream, sink: DiagnosticSink) -> None:
    """Give the words of models in a stream their kinds."""
    _split_matrix_products(stream, sink)
    if stream.starters:
        _Marker(stream).run()


def _split_matrix_products(stream: TokenStream, sink: DiagnosticSink) -> None:
    """Make `@` and what follows it of every `@name` inside braces."""
    kinds, texts, starts = stream.kinds, stream.texts, stream.starts
    at = depth = 0
    while at < len(kinds):
        kind = kinds[at]
        depth += (kind == _OPEN_BRACE) - (kind == _CLOSE_BRACE)
        if depth and kind == _ANNOTATION:
            end = starts[at] + len(texts[at])
            rest = lex_region(stream.file, starts[at] + 1, end, sink)
            kinds[at : at + 1] = [KIND["@"], *rest.kinds[:-1]]
            starts[at : at + 1] = [starts[at], *rest.starts[:-1]]
            texts[at : at + 1] = ["@", *rest.texts[:-1]]
        at += 1


class _Marker:
    """One walk over the tokens whose text is one of the words."""

    def __init__(self, stream: TokenStream) -> None:
        self._kinds = stream.kinds
        self._texts = stream.texts
        self._starts = stream.starts
        self._starters = stream.starters

    def run(self) -> None:
        """Mark all words."""
        words = self._starters
        marks = {
            "tensor": lambda index: self._element_type(index, KIND["TENSOR"]),
            "csr": lambda index: self._element_type(index, KIND["CSR"]),
            "vec": lambda index: self._element_type(index, KIND["VEC"]),
            "events": self._events,
            "build": self._build,
            "dynamics": self._dynamics,
            "plasticity": self._plasticity,
            "as": self._as,
            **dict.fromkeys(UNITS, self._unit),
        }
        for index in [place for place, text in enumerate(self._texts) if text in words]:
            if self._kinds[index] == NAME:
                marks[self._texts[index]](index)

    def _may_declare(self, index: int) -> bool:
        kinds = self._kinds
        before = kinds[index - 1] if index else 0
        is_cast = before == _TYPE_KEYWORD and index > 1 and kinds[index - 2] == _AS
        return is_cast or before in _BEFORE_DECLARATIONS

    def _element_type(self, index: int, kind: int) -> None:
        """`tensor f32[`, `vec f32[`, `csr f32[`."""
        kinds = self._kinds
        if (
            self._may_declare(index)
            and kinds[index + 1] in _ELEMENTS
            and kinds[index + 2 : index + 3] == [_OPEN_BRACKET]
        ):
            kinds[index] = kind

    def _events(self, index: int) -> None:
        kinds = self._kinds
        is_result = kinds[index - 1] == _ARROW
        if is_result or (self._may_declare(index) and kinds[index + 1] == NAME):
            kinds[index] = KIND["EVENTS"]

    def _build(self, index: int) -> None:
        if self._may_declare(index) and self._kinds[index + 1] == _OPEN_BRACE:
            self._kinds[index] = KIND["BUILD"]

    def _as(self, index: int) -> None:
        kinds = self._kinds
        follows_value = index > 0 and kinds[index - 1] in _VALUE_ENDS
        is_type = kinds[index + 1] == _TYPE_KEYWORD or self._texts[index + 1] in EXTENDED_ELEMENTS
        after = kinds[index + 2 : index + 4]
        is_pointer = after in ([_CLOSE, _ARROW], [_CLOSE, _EQUAL])
        if follows_value and is_type and not is_pointer:
            kinds[index] = KIND["AS"]

    def _unit(self, index: int) -> None:
        before = index - 1
        is_adjacent = self._starts[before] + len(self._texts[before]) == self._starts[index]
        if self._kinds[before] in _NUMBERS and is_adjacent:
            self._kinds[index] = KIND["UNIT"]

    def _dynamics(self, index: int) -> None:
        kinds, texts = self._kinds, self._texts
        if (
            kinds[index + 1] != NAME
            or texts[index + 2] not in ("by", "of")
            or index + 8 > len(kinds)
        ):
            return
        kinds[index] = KIND["DYNAMICS"]
        place = index + 2
        if texts[place] == "of":
            kinds[place] = KIND["OF"]
            place += 2
        if texts[place] == "by" and kinds[place] == NAME:
            kinds[place] = KIND["BY"]
            place += 2
        if texts[place] == "fast" and kinds[place] == NAME:
            kinds[place] = KIND["FAST"]
            place += 1
        if kinds[place] == _OPEN_BRACE:
            self._lines(place + 1)

    def _lines(self, place: int) -> None:
        """Mark the heads of the lines of a `dynamics` block."""
        kinds, texts = self._kinds, self._texts
        depth = 1
        while depth and kinds[place]:
            kind = kinds[place]
            depth += (kind == _OPEN_BRACE) - (kind == _CLOSE_BRACE)
            if kind == NAME and texts[place] in _HEADS and self._may_declare(place):
                self._head(place)
            place += 1

    def _head(self, index: int) -> None:
        kinds, text = self._kinds, self._texts[index]
        following = kinds[index + 1]
        if text == "spike":
            if following not in _NOT_AFTER_HEAD:
                kinds[index] = KIND["SPIKE"]
        elif text == "d":
            if kinds[index + 1 : index + 3] == [NAME, _EQUAL]:
                kinds[index] = KIND["DERIVATIVE"]
        elif text in ("decay", "hold"):
            if following == NAME and kinds[index + 2 : index + 3] != [_EQUAL]:
                kinds[index] = KIND[text.upper()]
        elif following in _AFTER_PREPOSITION and kinds[index - 1] in _VALUE_ENDS:
            kinds[index] = KIND[text.upper()]

    def _plasticity(self, index: int) -> None:
        kinds, texts = self._kinds, self._texts
        begins = kinds[index + 1 : index + 3] == [NAME, _OPEN]
        if not begins or not self._may_declare(index):
            return
        place = index + 3
        while kinds[place] not in (0, _CLOSE):
            place += 1
        if kinds[place] == 0 or kinds[place + 1] != _OPEN_BRACE:
            return
        kinds[index] = KIND["PLASTICITY"]
        place += 2
        depth = 1
        while depth and kinds[place]:
            kind = kinds[place]
            depth += (kind == _OPEN_BRACE) - (kind == _CLOSE_BRACE)
            if depth == 1 and texts[place] == "on" and kinds[place + 1] == NAME:
                kinds[place] = KIND["ON"]
            place += 1


_AFTER_PREPOSITION = frozenset((NAME, *_NUMBERS, _OPEN, KIND["-"]))  # `to` and `by`
_HEADS = ("d", "decay", "spike", "hold", "to", "by")
