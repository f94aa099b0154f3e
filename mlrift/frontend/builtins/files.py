"""Builtins of language.md 13.3: files, descriptors and unformatted output."""

from mlrift.frontend.builtins.declaration import Builtin
from mlrift.ir.builder import Builder
from mlrift.ir.core import Value
from mlrift.ir.ops.arith import Sub
from mlrift.typesystem import U64


def _write(builder: Builder, arguments: list[Value]) -> Value:
    return builder.call_external("os.write", arguments)


def _read(builder: Builder, arguments: list[Value]) -> Value:
    return builder.call_external("os.read", arguments)


def _file_open(builder: Builder, arguments: list[Value]) -> Value:
    return builder.call_external("os.open", arguments)


def _file_close(builder: Builder, arguments: list[Value]) -> Value:
    return builder.call_external("os.close", arguments)


def _file_size(builder: Builder, arguments: list[Value]) -> Value:
    return builder.call_external("os.file_size", arguments)


def _print_str(builder: Builder, arguments: list[Value]) -> Value:
    builder.call_external("core.text_print", arguments, ())
    return builder.word(0)


def _println_str(builder: Builder, arguments: list[Value]) -> Value:
    builder.call_external("core.text_print_line", arguments, ())
    return builder.word(0)


def _fmt_uint(builder: Builder, arguments: list[Value]) -> Value:
    end = builder.call_external("core.format_u64", arguments)
    return builder.emit(Sub(end, arguments[0]))


FILES = (
    Builtin("write", (U64, U64, U64), U64, _write, "write n bytes to a descriptor"),
    Builtin("read", (U64, U64, U64), U64, _read, "read up to n bytes from a descriptor"),
    Builtin("file_open", (U64, U64), U64, _file_open, "open to read (0) or create (1)"),
    Builtin("file_read", (U64, U64, U64), U64, _read, "read up to n bytes from a file"),
    Builtin("file_write", (U64, U64, U64), U64, _write, "write n bytes to a file"),
    Builtin("file_close", (U64,), U64, _file_close, "close a file"),
    Builtin("file_size", (U64,), U64, _file_size, "size in bytes; rewinds to the start"),
    Builtin("print_str", (U64,), U64, _print_str, "write NUL-terminated bytes"),
    Builtin("println_str", (U64,), U64, _println_str, "write NUL-terminated bytes and a new line"),
    Builtin("fmt_uint", (U64, U64), U64, _fmt_uint, "decimal digits into a buffer; their count"),
)
