"""Text to IR. Syntax, names and result types are checked here, all else by `verify.py`.

Every op gets a span in the text, so that messages about parsed IR point at lines.
"""

import mlrift.ir.ops  # noqa: F401  # fills the registry
from mlrift.ir.assembly import Assembly
from mlrift.ir.core import Block, BlockParameter, Function, Global, Linkage, Module
from mlrift.ir.op import REGISTRY
from mlrift.ir.text.cursor import Cursor
from mlrift.ir.text.parse_op import BodyScope, RawOp, read_op, resolve_ops
from mlrift.ir.text.tokens import Token, TokenKind, unescape
from mlrift.source import SourceFile

_LINKAGE = {
    "kept": Linkage.KEPT,
    "exported": Linkage.EXPORTED,
    "external": Linkage.EXTERNAL,
}
_MAX_SIZE_BYTES = 1 << 48


def parse_module(text: str, path: str = "<ir>") -> Module:
    """Return the module a text describes; raise IrSyntaxError when it describes none."""
    cursor = Cursor(text, path)
    module = Module("module")
    if cursor.accept_word("module"):
        module.name = cursor.expect(TokenKind.SYMBOL).text
    while cursor.token.kind is not TokenKind.END:
        _item(cursor, module)
    return module


def _item(cursor: Cursor, module: Module) -> None:
    linkage = Linkage.INTERNAL
    if cursor.token.text in _LINKAGE:
        linkage = _LINKAGE[cursor.advance().text]
    word = cursor.expect(TokenKind.WORD)
    if word.text in ("global", "constant"):
        _global(cursor, module, linkage, word)
    elif word.text == "function" and linkage is not Linkage.EXTERNAL:
        _function(cursor, module, linkage)
    elif word.text == "declare" and linkage is Linkage.INTERNAL:
        function = _head(cursor, module, Linkage.EXTERNAL)
        _flags(cursor, function)
    else:
        raise cursor.error(f"expected a global, a function or a declaration, got `{word.text}`")


def _global(cursor: Cursor, module: Module, linkage: Linkage, word: Token) -> None:
    name = cursor.expect(TokenKind.SYMBOL)
    if name.text in module.globals:
        raise cursor.error(f"a second global @{name.text}", name)
    size_bytes = cursor.natural(_MAX_SIZE_BYTES)
    align = cursor.natural(_MAX_SIZE_BYTES) if cursor.accept_word("align") else 8
    data = b""
    if cursor.accept("="):
        data = _bytes(cursor)
    if len(data) > size_bytes:
        raise cursor.error(f"{len(data)} bytes of data in a global of {size_bytes}", name)
    if align & (align - 1) or align == 0:
        raise cursor.error("the alignment is no power of two", name)
    made = Global(name.text, size_bytes, align, data, linkage, word.text == "constant")
    module.globals[name.text] = made


def _bytes(cursor: Cursor) -> bytes:
    token = cursor.expect(TokenKind.STRING)
    try:
        return unescape(token.text)
    except ValueError:
        raise cursor.error("a string holds ASCII and escapes of two digits", token) from None


def _head(cursor: Cursor, module: Module, linkage: Linkage) -> Function:
    name = cursor.expect(TokenKind.SYMBOL)
    if name.text in module.functions:
        raise cursor.error(f"a second function @{name.text}", name)
    parameters = _parameters(cursor, linkage) if cursor.accept("(") else []
    results = cursor.types() if cursor.accept("->") else ()
    function = Function(name.text, parameters, results, linkage)
    module.functions[name.text] = function
    return function


def _parameters(cursor: Cursor, linkage: Linkage) -> list[BlockParameter]:
    """Read `%a : i64, %b : f64)`; declarations may leave the names out."""
    parameters: list[BlockParameter] = []
    while not cursor.accept(")"):
        if parameters:
            cursor.require(",")
        if linkage is Linkage.EXTERNAL and cursor.token.kind is TokenKind.WORD:
            parameters.append(BlockParameter(cursor.type()))
            continue
        name = cursor.expect(TokenKind.VALUE).text
        cursor.require(":")
        parameters.append(BlockParameter(cursor.type(), name))
    return parameters


def _flags(cursor: Cursor, function: Function) -> None:
    function.is_naked = cursor.accept_word("naked")
    function.realigns_stack = cursor.accept_word("realigned")
    function.is_simd = cursor.accept_word("simd")
    function.is_inline = cursor.accept_word("inline")
    if cursor.accept_word("level"):
        function.level = int(cursor.expect(TokenKind.NUMBER).text)
    function.returns = not cursor.accept_word("noreturn")
    if cursor.accept_word("section"):
        token = cursor.token
        try:
            function.section = _bytes(cursor).decode("utf-8", "surrogatepass")
        except ValueError:
            raise cursor.error("a section's name is UTF-8", token) from None


def _function(cursor: Cursor, module: Module, linkage: Linkage) -> None:
    function = _head(cursor, module, linkage)
    _flags(cursor, function)
    if cursor.accept_word("assembly"):
        function.assembly = _assembly(cursor)
        return
    cursor.require("{")
    scope = BodyScope(cursor, SourceFile(cursor.path, cursor.text))
    for parameter in function.parameters:
        _define(scope, parameter, cursor.token)
    raw: list[tuple[Block, RawOp]] = []
    while not cursor.accept("}"):
        if cursor.token.kind is TokenKind.BLOCK:
            function.blocks.append(_block(scope, function))
            continue
        if not function.blocks:
            raise cursor.error("expected a block")
        raw.append((function.blocks[-1], read_op(scope, REGISTRY)))
    resolve_ops(scope, raw)
    for row in (*function.parameters, *(p for block in function.blocks for p in block.parameters)):
        row.name = "" if row.name.isdigit() else row.name


def _assembly(cursor: Cursor) -> Assembly:
    """Read `{ in rax out rdx "instruction" }`."""
    rows: dict[str, list[str]] = {"in": [], "out": [], "": []}
    cursor.require("{")
    while not cursor.accept("}"):
        token = cursor.token
        if token.kind is TokenKind.STRING:
            try:
                rows[""].append(_bytes(cursor).decode("utf-8", "surrogatepass"))
            except UnicodeDecodeError:
                raise cursor.error("an instruction is UTF-8", token) from None
            continue
        kind = cursor.expect(TokenKind.WORD)
        if kind.text not in rows:
            raise cursor.error("expected `in`, `out` or an instruction", kind)
        rows[kind.text].append(cursor.expect(TokenKind.WORD).text)
    return Assembly(tuple(rows[""]), tuple(rows["in"]), tuple(rows["out"]))


def _block(scope: BodyScope, function: Function) -> Block:
    cursor = scope.cursor
    token = cursor.expect(TokenKind.BLOCK)
    if token.text in scope.blocks:
        raise cursor.error(f"a second block ^{token.text}", token)
    parameters: list[BlockParameter] = []
    if cursor.accept("("):
        parameters = _parameters(cursor, Linkage.INTERNAL)
    cursor.require(":")
    if not function.blocks:
        if parameters:
            raise cursor.error("the first block takes the function's parameters", token)
        parameters = list(function.parameters)
    else:
        for parameter in parameters:
            _define(scope, parameter, token)
    made = Block(token.text, parameters)
    scope.blocks[token.text] = made
    return made


def _define(scope: BodyScope, value: BlockParameter, token: Token) -> None:
    if value.name in scope.values:
        raise scope.cursor.error(f"a second value %{value.name}", token)
    scope.values[value.name] = value
