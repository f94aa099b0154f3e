"""Builtins of reference.md 13.3: files, descriptors and unformatted output."""

from collections.abc import Callable

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


def _of_system(symbol: str) -> Callable[[Builder, list[Value]], Value]:
    def emit(builder: Builder, arguments: list[Value]) -> Value:
        return builder.call_external(symbol, arguments)

    return emit


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
    Builtin("file_open", (U64, U64), U64, _file_open, "read 0, write 1, append 2, change 3, new 4"),
    Builtin("file_read", (U64, U64, U64), U64, _read, "read up to n bytes from a file"),
    Builtin("file_write", (U64, U64, U64), U64, _write, "write n bytes to a file"),
    Builtin("file_close", (U64,), U64, _file_close, "close a file"),
    Builtin("file_size", (U64,), U64, _file_size, "size in bytes; rewinds to the start"),
    Builtin("print_str", (U64,), U64, _print_str, "write NUL-terminated bytes"),
    Builtin("println_str", (U64,), U64, _println_str, "write NUL-terminated bytes and a new line"),
    Builtin("fmt_uint", (U64, U64), U64, _fmt_uint, "decimal digits into a buffer; their count"),
)

# What `std/fs.mlr` is written in. Errors are negative errno values.
FILE_SYSTEM = (
    Builtin(
        "os_file_seek",
        (U64, U64, U64),
        U64,
        _of_system("os.file_seek"),
        "move the position, from the start (0), itself (1), the end (2); where it is then",
    ),
    Builtin(
        "os_file_truncate", (U64, U64), U64, _of_system("os.file_truncate"), "cut or extend a file"
    ),
    Builtin("os_file_sync", (U64,), U64, _of_system("os.file_sync"), "wait until it is on disk"),
    Builtin(
        "os_file_info",
        (U64, U64),
        U64,
        _of_system("os.file_info"),
        "kind, size, time of change and permissions of a path, in four words",
    ),
    Builtin(
        "os_file_info_open",
        (U64, U64),
        U64,
        _of_system("os.file_info_open"),
        "the same of an open file",
    ),
    Builtin(
        "os_is_terminal",
        (U64,),
        U64,
        _of_system("os.is_terminal"),
        "1 if a descriptor is a terminal",
    ),
    Builtin("os_file_remove", (U64,), U64, _of_system("os.file_remove"), "remove a file"),
    Builtin(
        "os_file_rename", (U64, U64), U64, _of_system("os.file_rename"), "give a file a new path"
    ),
    Builtin(
        "os_file_map",
        (U64, U64, U64, U64),
        U64,
        _of_system("os.file_map"),
        "map bytes of a file to read (0) or to change (1): descriptor, offset, size, mode",
    ),
    Builtin("os_file_unmap", (U64, U64), U64, _of_system("os.file_unmap"), "end a mapping"),
    Builtin("os_folder_make", (U64,), U64, _of_system("os.folder_make"), "make a folder"),
    Builtin(
        "os_folder_remove", (U64,), U64, _of_system("os.folder_remove"), "remove an empty folder"
    ),
    Builtin("os_folder_open", (U64,), U64, _of_system("os.folder_open"), "start a listing"),
    Builtin(
        "os_folder_next",
        (U64, U64, U64),
        U64,
        _of_system("os.folder_next"),
        "the next name of a listing into a buffer; its kind, 0 at the end",
    ),
    Builtin("os_folder_close", (U64,), U64, _of_system("os.folder_close"), "end a listing"),
    Builtin(
        "os_folder_current",
        (U64, U64),
        U64,
        _of_system("os.folder_current"),
        "the path of the working folder into a buffer",
    ),
)
