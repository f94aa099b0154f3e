"""The post-lexer: all context sensitivity of the language, none of it in the parser.

Raw tokens go in; some NAMEs and `<`s leave with another kind because of their neighbours:
TYPE_NAME (a struct or alias at the start of a declaration), STRUCT_NAME (at the start of a struct
literal), GENERIC_LESS (`f<T>(`, reference.md Q12), ASM_OUT and ASM_CLOBBERS (asm constraints).
Also answers, before any parsing, what a file imports and which types it declares.
"""

from collections.abc import Iterable, Iterator

from mlrift.diagnostics.sink import DiagnosticSink
from mlrift.frontend.lexer import KIND, NAME, STRING, TokenStream, kinds_of
from mlrift.values import value

TYPE_KEYWORD = KIND["TYPE_KEYWORD"]
TYPE_NAME = KIND["TYPE_NAME"]
STRUCT_NAME = KIND["STRUCT_NAME"]
GENERIC_LESS = KIND["GENERIC_LESS"]

_ASM, _IN, _IMPORT, _STRUCT, _TYPE = (
    KIND[word] for word in ("asm", "in", "import", "struct", "type")
)
_OPEN, _CLOSE, _OPEN_BRACE, _CLOSE_BRACE = (KIND[mark] for mark in "(){}")
_OPEN_BRACKET, _CLOSE_BRACKET, _COMMA, _DOT, _LESS, _MORE, _EQUAL = (
    KIND[mark] for mark in "[],.<>="
)
_ANNOTATION = KIND["ANNOTATION"]
_AFTER_ANNOTATION = kinds_of("fn extern const static struct enum type device") | {_ANNOTATION}
_SIZES = (KIND["INTEGER"], NAME)
_TYPE_WORDS = (NAME, TYPE_KEYWORD)
_CONSTRAINT_KINDS = {"out": KIND["ASM_OUT"], "clobbers": KIND["ASM_CLOBBERS"]}
# After these a struct's name followed by `{` does not start a literal.
_BEFORE_NAME_ONLY = frozenset(KIND[text] for text in ("struct", "enum", "->", "."))


@value
class DeclaredTypes:
    """The type names that one file declares: structs, and aliases with what they stand for."""

    structs: frozenset[str]
    aliases: dict[str, str]


@value
class KnownTypes:
    """The type names visible in a file; `structs` includes the aliases of structs."""

    names: frozenset[str]
    structs: frozenset[str]


NO_KNOWN_TYPES = KnownTypes(frozenset(), frozenset())


def known_types(
    declarations: Iterable[DeclaredTypes], before: KnownTypes = NO_KNOWN_TYPES
) -> KnownTypes:
    """Return what several files declare, added to what is known before them."""
    structs = set(before.structs)
    aliases: dict[str, str] = {}
    for declared in declarations:
        structs |= declared.structs
        aliases |= declared.aliases
    pending = dict(aliases)
    while found := [name for name, target in pending.items() if target in structs]:
        for name in found:
            structs.add(name)
            del pending[name]
    return KnownTypes(before.names | structs | aliases.keys(), frozenset(structs))


def scan_declared_types(stream: TokenStream) -> DeclaredTypes:
    """Return the types a file declares, wherever in the file."""
    kinds, texts = stream.kinds, stream.texts
    structs = {texts[index + 1] for index in _places(kinds, _STRUCT) if kinds[index + 1] == NAME}
    aliases = {
        texts[index + 1]: texts[index + 3]
        for index in _places(kinds, _TYPE)
        if kinds[index + 1 : index + 3] == [NAME, _EQUAL] and kinds[index + 3] in _TYPE_WORDS
    }
    return DeclaredTypes(frozenset(structs), aliases)


def scan_imports(stream: TokenStream) -> list[int]:
    """Return the index of the path string of every import of a file, in order."""
    kinds = stream.kinds
    return [index + 1 for index in _places(kinds, _IMPORT) if kinds[index + 1] == STRING]


def resolve_contextual_kinds(stream: TokenStream, known: KnownTypes, sink: DiagnosticSink) -> None:
    """Give every token of a stream the kind that its neighbours decide."""
    _mark_generic_calls(stream)
    _mark_asm_constraints(stream)
    if stream.starters or _has_matrix_product(stream.kinds):
        from mlrift.frontend.contextual_words import (  # noqa: PLC0415 - for files with such words
            mark_contextual_words,
        )

        mark_contextual_words(stream, sink)
    if known.names:
        _mark_types(stream, known)


def _places(kinds: list[int], kind: int) -> Iterator[int]:
    """Yield the index of every token of a kind; the last token, END, is never one."""
    index = -1
    for _ in range(kinds.count(kind)):
        index = kinds.index(kind, index + 1)
        yield index


def _mark_generic_calls(stream: TokenStream) -> None:
    kinds = stream.kinds
    for index in _places(kinds, _LESS):
        if index == 0 or kinds[index - 1] != NAME or kinds[index + 1] not in _TYPE_WORDS:
            continue
        end = index + 1
        while kinds[end] in (NAME, TYPE_KEYWORD, _COMMA):
            end += 1
        if kinds[end] == _MORE and kinds[end + 1] == _OPEN:
            kinds[index] = GENERIC_LESS


def _has_matrix_product(kinds: list[int]) -> bool:
    """Return whether some `@name` stands where no declaration can follow."""
    return any(kinds[index + 1] not in _AFTER_ANNOTATION for index in _places(kinds, _ANNOTATION))


def _mark_asm_constraints(stream: TokenStream) -> None:
    kinds, texts = stream.kinds, stream.texts
    for index in _places(kinds, _ASM):
        closing = _CLOSE if kinds[index + 1] == _OPEN else _CLOSE_BRACE
        position = _after(kinds, closing, index)
        while kinds[position] == _IN or texts[position] in _CONSTRAINT_KINDS:
            if kinds[position + 1] != _OPEN:
                break
            kinds[position] = _CONSTRAINT_KINDS.get(texts[position], _IN)
            position = _after(kinds, _CLOSE, position)


def _after(kinds: list[int], kind: int, index: int) -> int:
    """Return the index after the next token of a kind, or that of END."""
    while kinds[index] not in (kind, 0):
        index += 1
    return index + (kinds[index] == kind)


def _mark_types(stream: TokenStream, known: KnownTypes) -> None:
    kinds, texts = stream.kinds, stream.texts
    names = known.names
    for index in [place for place, text in enumerate(texts) if text in names]:
        if kinds[index] != NAME:
            continue
        previous = kinds[index - 1] if index else 0
        following = kinds[index + 1]
        if following == _OPEN_BRACE:
            if texts[index] in known.structs and previous not in _BEFORE_NAME_ONLY:
                kinds[index] = STRUCT_NAME
        elif previous != _DOT and _starts_declaration(stream, index):
            kinds[index] = TYPE_NAME


def _starts_declaration(stream: TokenStream, index: int) -> bool:
    kinds, texts = stream.kinds, stream.texts
    following = kinds[index + 1]
    if following == NAME:
        is_cast = texts[index + 1] == "as" and kinds[index + 2] in _TYPE_WORDS
        return not is_cast
    if following != _OPEN_BRACKET:
        return False
    if kinds[index + 2] in _SIZES and kinds[index + 3] == _CLOSE_BRACKET:
        return kinds[index + 4] == NAME
    return _has_name_after_brackets(kinds, index + 1)


def _has_name_after_brackets(kinds: list[int], index: int) -> bool:
    """Return whether a name follows the brackets that open at `index`: a population's size."""
    depth = 0
    while kinds[index]:
        depth += (kinds[index] == _OPEN_BRACKET) - (kinds[index] == _CLOSE_BRACKET)
        if not depth:
            return kinds[index + 1] == NAME
        index += 1
    return False
