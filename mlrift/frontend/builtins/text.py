"""Builtins of reference.md 13.4 on NUL-terminated text."""

from mlrift.frontend.builtins.declaration import Builtin
from mlrift.ir.builder import Builder
from mlrift.ir.core import Value
from mlrift.typesystem import U64


def _str_len(builder: Builder, arguments: list[Value]) -> Value:
    return builder.call_external("core.text_length", arguments)


def _str_eq(builder: Builder, arguments: list[Value]) -> Value:
    return builder.call_external("core.text_equal", arguments)


TEXT = (
    Builtin("str_len", (U64,), U64, _str_len, "bytes before the NUL"),
    Builtin("str_eq", (U64, U64), U64, _str_eq, "1 when two texts have the same bytes"),
)
