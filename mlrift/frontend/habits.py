"""Habits from other languages: the tokens around a syntax error in, advice on what is written here.

Only what is refused already comes here, so no advice can change what a program means. Each rule
looks at the refused token and a few before it; the first that applies speaks.
"""

from collections.abc import Callable

from mlrift.diagnostics.model import Diagnostic
from mlrift.frontend.lexer import NAME, TokenStream
from mlrift.frontend.tokens import TYPE_KEYWORD, TYPE_NAME
from mlrift.values import value

_TYPES = (TYPE_KEYWORD, TYPE_NAME)
_NEAR_TOKENS = 12


@value
class Advice:
    """A note, and what to type instead where that can be said."""

    note: str
    help: str = ""


_FUNCTION = Advice("a function begins with `fn`", "fn name(u64 a) -> u64 { ... }")
_IMPORT = Advice("files are imported by their paths", 'import "path.mlr"')
_PUBLIC = Advice("all names are public: leave this word out")
_GLOBAL = Advice("at top level a variable begins with `static` and a constant with `const`")
_AT_TOP_LEVEL = {
    **dict.fromkeys(("def", "func", "function", "fun", "sub"), _FUNCTION),
    **dict.fromkeys(("use", "using", "include", "from", "require", "load"), _IMPORT),
    **dict.fromkeys(("pub", "public", "private", "export", "inline"), _PUBLIC),
    **dict.fromkeys(("let", "var", "auto", "global"), _GLOBAL),
    **dict.fromkeys(("class", "record", "typedef", "union"), Advice("types are made by `struct`")),
}
_STATEMENTS = {
    **dict.fromkeys(("elif", "elsif", "elseif"), Advice("write it in two words", "else if")),
    **dict.fromkeys(
        ("switch", "case", "when"),
        Advice("values are compared by `match`", "match n { 1 => { ... } _ => { ... } }"),
    ),
    **dict.fromkeys(
        ("do", "repeat"),
        Advice("a loop that ends at its end is a `loop`", "loop { ... if done { break } }"),
    ),
    "unless": Advice("a condition is negated by `!`", "if !(condition) { ... }"),
    "foreach": Advice("`for` counts", "for i in 0..count { ... }"),
}
_OPERATORS = {"and": "&&", "or": "||", "not": "!"}
_ADDRESS = Advice("a struct and an array are their addresses; for a number use an array of one")
_POINTER_TYPE = Advice("there are no pointer types: an address is a `u64`", "u64 name")
_READ = Advice("memory is read by a builtin", "load64(address)")
_NO_CAST = Advice("there are no casts: the type that is declared decides; see also `f64_to_int`")
_TYPE_FIRST = Advice("the type stands before the name", "u64 name")
_RESULT = Advice("the type of the result stands behind an arrow", "-> u64")
_ARM = Advice("an arm is patterns, an arrow and a block", "1, 2 => { ... }")
_HEADS = ("if", "while", "else", "for", "loop")
_COUNTS = Advice("`for` counts", "for i in 0..count { ... }")


def advise(stream: TokenStream, index: int, diagnostic: Diagnostic) -> Diagnostic:
    """Return the diagnostic of the token at `index`, with advice where some fits."""
    if diagnostic.notes or diagnostic.helps:
        return diagnostic
    advice = _colon(stream, index, diagnostic.message)
    for rule in _RULES.get(diagnostic.code, ()):
        advice = advice or rule(stream, index)
    if advice is None:
        return diagnostic
    diagnostic = diagnostic.note(advice.note)
    return diagnostic.help(advice.help) if advice.help else diagnostic


def _top_level(stream: TokenStream, index: int) -> Advice | None:
    advice = _AT_TOP_LEVEL.get(stream.texts[index])
    if advice is not None:
        return advice
    is_declaration = stream.kinds[index] in _TYPES or stream.kinds[index] == NAME
    if not is_declaration or index + 2 >= len(stream.kinds) or stream.kinds[index + 1] != NAME:
        return None
    return _FUNCTION if stream.texts[index + 2] == "(" else _GLOBAL


def _statement_word(stream: TokenStream, index: int) -> Advice | None:
    """`elif x {`: the word stands before the refused token, on its line."""
    for place in range(index, max(-1, index - _NEAR_TOKENS), -1):
        if stream.texts[place] in (";", "}") or (place < index and stream.texts[place] == "{"):
            return None
        if stream.kinds[place] == NAME and stream.texts[place] in _STATEMENTS:
            return _STATEMENTS[stream.texts[place]]
    return None


def _word_operator(stream: TokenStream, index: int) -> Advice | None:
    for place in (index, index - 1):
        sign = _OPERATORS.get(stream.texts[place])
        if sign is not None:
            return Advice(f"`{stream.texts[place]}` is written `{sign}`")
    return None


def _pointer(stream: TokenStream, index: int) -> Advice | None:
    if index and stream.kinds[index - 1] in (*_TYPES, NAME):
        return _POINTER_TYPE if stream.texts[index] in ("*", "&") else None
    return {"&": _ADDRESS, "*": _READ}.get(stream.texts[index])


def _cast(stream: TokenStream, index: int) -> Advice | None:
    return _NO_CAST if stream.kinds[index] in _TYPES else None


def _as_cast(stream: TokenStream, index: int) -> Advice | None:
    """`n as u64`, which reads as the declaration of a u64."""
    is_cast = index > 1 and stream.kinds[index - 1] in _TYPES and stream.texts[index - 2] == "as"
    return _NO_CAST if is_cast else None


def _struct_name(stream: TokenStream, index: int) -> Advice | None:
    if index == 0 or stream.kinds[index - 1] != NAME:
        return None
    return Advice(f"'{stream.texts[index - 1]}' is not the name of a struct")


def _function_value(stream: TokenStream, index: int) -> Advice | None:
    if stream.texts[index] != "fn":
        return None
    return Advice("functions stand at top level and are named by their address", 'fn_addr("name")')


def _member_arrow(stream: TokenStream, index: int) -> Advice | None:
    if stream.texts[index] != "->":
        return None
    return Advice("a field is reached by a dot, whatever holds the struct", ".")


def _declarator(stream: TokenStream, index: int) -> Advice | None:
    """`u64 a[3]`, `u64[3] a = ...` and `u64 a, b`."""
    text, kinds, texts = stream.texts[index], stream.kinds, stream.texts
    if index < 2 or kinds[index - 1] != NAME:
        return None
    name, before = texts[index - 1], texts[index - 2]
    if text == "[" and kinds[index - 2] in _TYPES:
        return Advice("the length belongs to the type", f"{before}[N] {name}")
    if text == "=" and before == "]":
        return Advice("an array has no initial value: assign its elements")
    if text == "," and kinds[index - 2] in _TYPES:
        return Advice("a declaration has one name", f"{before} {name}")
    return None


def _colon(stream: TokenStream, index: int, message: str) -> Advice | None:
    """What a colon stands for is told by what was expected in its place."""
    if stream.texts[index] != ":":
        return None
    if "`=>`" in message:
        return _ARM
    if "`->`" in message:
        return _RESULT
    return _TYPE_FIRST if "expected a name" in message else None


def _several_results(stream: TokenStream, index: int) -> Advice | None:
    if stream.texts[index] != ",":
        return None
    for place in range(index, max(-1, index - _NEAR_TOKENS), -1):
        if stream.texts[place] == "return":
            return Advice("several results stand in parentheses", "return (a, b)")
        if stream.texts[place] in ("{", "}", ";"):
            return None
    return None


def _for_loop(stream: TokenStream, index: int) -> Advice | None:
    near = stream.texts[max(0, index - 4) : index]
    has_range = any(text.startswith("..") for text in near)
    return _COUNTS if "for" in near and not has_range else None


def _body(stream: TokenStream, index: int) -> Advice | None:
    near = stream.texts[max(0, index - _NEAR_TOKENS) : index]
    if near[-1:] == ["=>"]:
        return _ARM
    words = [word for word in near if word in _HEADS or word in ("{", "}")]
    if not words or words[-1] in ("{", "}") or stream.texts[index] in ("{", "}", ")", "]"):
        return None
    return Advice("the body of a statement is a block in braces")


_Rule = Callable[[TokenStream, int], Advice | None]
_RULES: dict[str, tuple[_Rule, ...]] = {
    "E0201": (
        _word_operator,
        _as_cast,
        _declarator,
        _several_results,
        _member_arrow,
        _statement_word,
        _for_loop,
        _pointer,
        _body,
    ),
    "E0202": (_word_operator, _pointer, _cast, _function_value),
    "E0203": (_top_level,),
    "E0218": (_statement_word, _struct_name),
}
