"""Ops from text: first as named pieces, then as objects once the values they use exist.

Blocks may stand in any order, so an op can use a value that is defined further down.
"""

from collections.abc import Callable, Mapping

from mlrift.ir.core import Block, Successor, Value
from mlrift.ir.numbers import WORD_MASK, bits_to_double
from mlrift.ir.op import Op
from mlrift.ir.ops.rare import load_family
from mlrift.ir.text.cursor import Cursor
from mlrift.ir.text.form import Form, Piece, pieces
from mlrift.ir.text.tokens import Token, TokenKind
from mlrift.source import SourceFile, Span
from mlrift.typesystem import I64, VOID_MACHINE
from mlrift.values import field, record

_MAX_DIGITS = 40
_MAX_SIZE_BYTES = 1 << 48


@record
class BodyScope:
    """What is known while the body of one function is read."""

    cursor: Cursor
    file: SourceFile
    values: dict[str, Value] = field(default_factory=dict)
    blocks: dict[str, Block] = field(default_factory=dict)


@record
class ValueName:
    """A value that is used, by name."""

    token: Token


@record
class EdgeName:
    """An edge by the names of its block and its arguments."""

    block: Token
    arguments: list[ValueName]


Written = ValueName | list[ValueName] | EdgeName | object


@record
class RawOp:
    """An op as written: its class, the name of its result and its fields."""

    op_class: type[Op]
    result: Token | None
    start: Token
    span: Span
    fields: dict[str, Written]

    def used(self) -> list[ValueName]:
        """Return the values it names."""
        found: list[ValueName] = []
        for written in self.fields.values():
            if isinstance(written, ValueName):
                found.append(written)
            elif isinstance(written, EdgeName):
                found += written.arguments
            elif isinstance(written, list):
                found += written
        return found


def read_op(scope: BodyScope, registry: Mapping[str, type[Op]]) -> RawOp:
    """Read one op."""
    cursor = scope.cursor
    start = cursor.token
    result = None
    if start.kind is TokenKind.VALUE:
        result = cursor.advance()
        cursor.require("=")
    mnemonic = cursor.expect(TokenKind.WORD)
    if mnemonic.text not in registry:
        load_family(mnemonic.text)
    op_class = registry.get(mnemonic.text)
    if op_class is None:
        raise cursor.error(f"no op is called `{mnemonic.text}`", mnemonic)
    fields: dict[str, Written] = {}
    for piece in pieces(op_class):
        if piece.form is Form.BARE_VALUES:
            fields[piece.name] = _bare_values(cursor, mnemonic.line)
            continue
        if piece.lead.strip():
            cursor.require(piece.lead.strip())
        fields[piece.name] = _READERS[piece.form](cursor, piece)
    span = Span(scope.file, start.start, cursor.previous.end)
    return RawOp(op_class, result, start, span, fields)


def resolve_ops(scope: BodyScope, raw: list[tuple[Block, RawOp]]) -> None:
    """Make the ops and put them in their blocks, in order."""
    made: dict[RawOp, Op] = {}
    waiting = [row for _, row in raw]
    while waiting:
        postponed = []
        for row in waiting:
            if all(name.token.text in scope.values for name in row.used()):
                made[row] = _make(scope, row, scope.values)
            else:
                postponed.append(row)
        if len(postponed) == len(waiting):
            _make_cycles(scope, postponed, made)
            break
        waiting = postponed
    for block, row in raw:
        block.ops.append(made[row])


def _make_cycles(scope: BodyScope, waiting: list[RawOp], made: dict[RawOp, Op]) -> None:
    """Make ops that use each other (only broken IR has them) through stand-ins."""
    stand_ins: dict[str, Value] = {}
    for row in waiting:
        if row.result is not None and row.result.text not in scope.values:
            stand_in = stand_ins[row.result.text] = Value()
            stand_in.type = I64
    values = stand_ins | scope.values
    for row in waiting:
        for name in row.used():
            if name.token.text not in values:
                raise scope.cursor.error(f"no value is called %{name.token.text}", name.token)
    for row in waiting:
        made[row] = _make(scope, row, values)
    replacements = {stand_ins[text]: scope.values[text] for text in stand_ins}
    for row in waiting:
        made[row].replace_operands(replacements)


def _make(scope: BodyScope, row: RawOp, values: Mapping[str, Value]) -> Op:
    arguments = [_resolved(scope, written, values) for written in row.fields.values()]
    made: Op = row.op_class(*arguments)
    made.span = row.span
    if row.result is None:
        return made
    if made.type is VOID_MACHINE:
        raise scope.cursor.error(f"`{made.MNEMONIC}` has no result", row.result)
    if row.result.text in scope.values:
        raise scope.cursor.error(f"a second value %{row.result.text}", row.result)
    scope.values[row.result.text] = made
    return made


def _resolved(scope: BodyScope, written: Written, values: Mapping[str, Value]) -> object:
    if isinstance(written, ValueName):
        return values[written.token.text]
    if isinstance(written, list):
        return [_resolved(scope, row, values) for row in written]
    if isinstance(written, EdgeName):
        block = scope.blocks.get(written.block.text)
        if block is None:
            raise scope.cursor.error(f"no block is called ^{written.block.text}", written.block)
        return Successor(block, [values[row.token.text] for row in written.arguments])
    return written


def _value(cursor: Cursor, piece: Piece) -> ValueName:
    return ValueName(cursor.expect(TokenKind.VALUE))


def _values(cursor: Cursor, piece: Piece) -> list[ValueName]:
    cursor.require("(")
    return _values_to_parenthesis(cursor)


def _values_to_parenthesis(cursor: Cursor) -> list[ValueName]:
    found: list[ValueName] = []
    while not cursor.accept(")"):
        if found:
            cursor.require(",")
        found.append(ValueName(cursor.expect(TokenKind.VALUE)))
    return found


def _bare_values(cursor: Cursor, line: int) -> list[ValueName]:
    """Read values up to the end of the line, which alone ends them."""
    found: list[ValueName] = []
    if cursor.token.kind is TokenKind.VALUE and cursor.token.line == line:
        found.append(ValueName(cursor.advance()))
        while cursor.accept(","):
            found.append(ValueName(cursor.expect(TokenKind.VALUE)))
    return found


def _edge(cursor: Cursor, piece: Piece) -> EdgeName:
    block = cursor.expect(TokenKind.BLOCK)
    return EdgeName(block, _values_to_parenthesis(cursor) if cursor.accept("(") else [])


def _member(cursor: Cursor, piece: Piece) -> object:
    word = cursor.expect(TokenKind.WORD)
    found = piece.members.get(word.text)
    if found is None:
        names = ", ".join(piece.members)
        raise cursor.error(f"expected one of {names}, got `{word.text}`", word)
    return found


def _number(cursor: Cursor, piece: Piece) -> int | float:
    """Read a constant: whole numbers are words (modulo 2**64), all others floats."""
    token = cursor.expect(TokenKind.NUMBER)
    text = token.text
    if "nan" in text:
        return bits_to_double(int(text[text.index("x") + 1 : -1], 16))
    if len(text) > _MAX_DIGITS and text.lstrip("-").isdigit():
        raise cursor.error("a word has at most 20 digits", token)
    if text.lstrip("-").isdigit():
        value = int(text)
        if not -(1 << 63) <= value <= WORD_MASK:
            raise cursor.error(f"{text} does not fit in a word", token)
        return value & WORD_MASK
    return float(text)


def _numbers(cursor: Cursor, piece: Piece) -> tuple[int | float, ...]:
    cursor.require("(")
    found: list[int | float] = []
    while not cursor.accept(")"):
        if found:
            cursor.require(",")
        found.append(_number(cursor, piece))
    return tuple(found)


_READERS: dict[Form, Callable[[Cursor, Piece], Written]] = {
    Form.VALUE: _value,
    Form.VALUES: _values,
    Form.EDGE: _edge,
    Form.TYPE: lambda cursor, piece: cursor.type(),
    Form.TYPES: lambda cursor, piece: cursor.types(),
    Form.MEMBER: _member,
    Form.SYMBOL: lambda cursor, piece: cursor.expect(TokenKind.SYMBOL).text,
    Form.INTEGER: lambda cursor, piece: cursor.natural(_MAX_SIZE_BYTES),
    Form.NUMBER: _number,
    Form.NUMBERS: _numbers,
}
