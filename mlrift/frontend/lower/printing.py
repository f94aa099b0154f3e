"""Rules for `print`, `println` and f-strings (reference.md 7.9 and 14).

The arguments are evaluated first, then flattened into pieces: text known now, or a value with a
type that decides its format. Every piece has a greatest length, so the buffer's size is known; a
line of text alone is a constant. One line is one write.
"""

from mlrift.frontend import typed
from mlrift.frontend.lower.constant_text import float_text, word_text
from mlrift.frontend.lower.context import FunctionContext
from mlrift.frontend.lower.rules import expression
from mlrift.ir.core import Value
from mlrift.ir.ops.arith import Sub
from mlrift.ir.ops.convert import Widen
from mlrift.ir.ops.memory import Copy, Fresh, Store
from mlrift.typesystem import F32, I8, I16, I32, I64, MachineType, Tag
from mlrift.values import value

PRINT_BUFFER_BYTES = 4096
STANDARD_OUTPUT = 1

_LONGEST_BYTES = {
    Tag.UNSIGNED: 20,
    Tag.SIGNED: 20,
    Tag.BOOL: 5,
    Tag.CHAR: 1,
    Tag.F64: 32,
    Tag.F32: 32,
}
_FORMATTERS = {
    Tag.UNSIGNED: "core.format_u64",
    Tag.SIGNED: "core.format_i64",
    Tag.BOOL: "core.format_bool",
    Tag.F64: "core.format_f64",
    Tag.F32: "core.format_f64",
}
_CHUNKS: tuple[tuple[int, MachineType], ...] = ((8, I64), (4, I32), (2, I16), (1, I8))
_INLINE_TEXT_BYTES = 24


@value
class _ValuePiece:
    """A value to format when the program runs."""

    value: Value
    tag: Tag


@value
class _TextPiece:
    """An f-string that may hold a NUL, where its text then ends."""

    pieces: list["_Piece"]


_Piece = bytes | _ValuePiece | _TextPiece


# --------------------------------------------------------------------- pieces


def _print_pieces(context: FunctionContext, node: typed.Print) -> list[_Piece]:
    pieces: list[_Piece] = []
    for index, argument in enumerate(node.arguments):
        if index:
            pieces.append(b" ")
        _add_argument(context, argument, pieces)
    if node.ends_line:
        pieces.append(b"\n")
    return _joined(pieces)


def _format_pieces(context: FunctionContext, node: typed.FormatString) -> list[_Piece]:
    pieces: list[_Piece] = []
    for part in node.parts:
        if isinstance(part, bytes):
            pieces.append(part)
        else:
            _add_argument(context, part, pieces)
    return pieces


def _add_argument(context: FunctionContext, node: typed.Expression, pieces: list[_Piece]) -> None:
    """Evaluate an argument and add what it prints; text ends at its first NUL."""
    match node:
        case typed.StringConstant(data=data):
            pieces.append(data.partition(b"\0")[0])
        case typed.FormatString():
            pieces.extend(_until_nul(_format_pieces(context, node)))
        case typed.IntegerConstant(value=word, type=its_type):
            pieces.append(word_text(word, its_type.tag))
        case typed.FloatConstant(value=number):
            pieces.append(float_text(number))
        case _:
            pieces.append(_ValuePiece(context.value(node), node.type.tag))


def _until_nul(pieces: list[_Piece]) -> list[_Piece]:
    kept: list[_Piece] = []
    for piece in pieces:
        if isinstance(piece, bytes) and b"\0" in piece:
            kept.append(piece.partition(b"\0")[0])
            break
        kept.append(piece)
    if any(isinstance(piece, _ValuePiece) and piece.tag is Tag.CHAR for piece in kept):
        return [_TextPiece(_joined(kept))]
    return kept


def _joined(pieces: list[_Piece]) -> list[_Piece]:
    """Merge neighbouring texts and drop empty ones."""
    merged: list[_Piece] = []
    for piece in pieces:
        last = merged[-1] if merged else None
        if isinstance(piece, bytes) and isinstance(last, bytes):
            merged[-1] = last + piece
        elif piece:
            merged.append(piece)
    return merged


def _longest(pieces: list[_Piece]) -> int:
    return sum(map(_longest_of, pieces))


def _longest_of(piece: _Piece) -> int:
    if isinstance(piece, bytes):
        return len(piece)
    if isinstance(piece, _TextPiece):
        return _longest(piece.pieces)
    return _LONGEST_BYTES[piece.tag]


# -------------------------------------------------------------------- writing


def _write_pieces(context: FunctionContext, pieces: list[_Piece], buffer: Value) -> Value:
    """Format the pieces at `buffer` and return the address after the last byte."""
    builder = context.builder
    cursor, offset = buffer, 0
    for piece in pieces:
        if isinstance(piece, bytes):
            _write_text(context, piece, cursor, offset)
            offset += len(piece)
            continue
        target = context.offset(cursor, offset)
        if isinstance(piece, _TextPiece):
            end = _write_pieces(context, piece.pieces, target)
            cursor, offset = builder.call_external("core.format_until_nul", [target, end]), 0
            continue
        if piece.tag is Tag.CHAR:
            builder.emit(Store(target, piece.value, I8))
            offset += 1
            continue
        value = builder.emit(Widen(piece.value)) if piece.value.type is F32 else piece.value
        cursor, offset = builder.call_external(_FORMATTERS[piece.tag], [target, value]), 0
    return context.offset(cursor, offset)


def _write_text(context: FunctionContext, text: bytes, base: Value, offset: int) -> None:
    builder = context.builder
    if len(text) > _INLINE_TEXT_BYTES:
        source = context.global_address(context.module.add_constant(text))
        builder.emit(Copy(context.offset(base, offset), source, builder.word(len(text))))
        return
    done = 0
    for size, machine in _CHUNKS:
        while len(text) - done >= size:
            word = builder.word(int.from_bytes(text[done : done + size], "little"))
            builder.emit(Store(context.offset(base, offset + done), word, machine))
            done += size


def _write_out(context: FunctionContext, address: Value, size: Value) -> None:
    builder = context.builder
    builder.call_external("os.write", [builder.word(STANDARD_OUTPUT), address, size])


# ---------------------------------------------------------------------- rules


@expression(typed.Print)
def _print(context: FunctionContext, node: typed.Print) -> Value:
    builder = context.builder
    pieces = _print_pieces(context, node)
    builder.span = node.span
    size_bytes = _longest(pieces)
    if len(pieces) == 1 and isinstance(pieces[0], bytes):
        text = context.global_address(context.module.add_constant(pieces[0]))
        _write_out(context, text, builder.word(size_bytes))
    elif size_bytes <= PRINT_BUFFER_BYTES:
        if pieces:
            _print_line(context, pieces, context.print_buffer(size_bytes))
    else:
        buffer = builder.call_external("os.map", [builder.word(size_bytes)])
        _print_line(context, pieces, buffer)
        builder.call_external("os.unmap", [buffer, builder.word(size_bytes)])
    return builder.word(0)


def _print_line(context: FunctionContext, pieces: list[_Piece], buffer: Value) -> None:
    end = _write_pieces(context, pieces, buffer)
    _write_out(context, buffer, context.builder.emit(Sub(end, buffer)))


@expression(typed.FormatString)
def _format_string(context: FunctionContext, node: typed.FormatString) -> Value:
    builder = context.builder
    pieces = _joined(_format_pieces(context, node))
    builder.span = node.span
    buffer = builder.emit(Fresh(_longest(pieces) + 1))
    end = _write_pieces(context, pieces, buffer)
    if any(isinstance(piece, _TextPiece) for piece in pieces):
        builder.emit(Store(end, builder.word(0), I8))
    return buffer
