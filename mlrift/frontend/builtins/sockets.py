"""Builtins that `std/net.mlr` is written in: one for each call of the system.

Addresses, options and error numbers are those of Linux on every system.
"""

from __future__ import annotations

from mlrift.frontend.builtins.declaration import Builtin
from mlrift.static_types import TYPE_CHECKING
from mlrift.typesystem import U64

if TYPE_CHECKING:
    from mlrift.ir.builder import Builder
    from mlrift.ir.core import Value


def _call(name: str, parameter_count: int, summary: str) -> Builtin:
    symbol = "os." + name.removeprefix("os_")

    def lower(builder: Builder, arguments: list[Value]) -> Value:
        return builder.call_external(symbol, arguments)

    return Builtin(name, (U64,) * parameter_count, U64, lower, summary)


SOCKETS = (
    _call("os_socket_open", 3, "a socket: domain, kind, protocol"),
    _call("os_socket_close", 1, "close a socket"),
    _call("os_socket_bind", 3, "give a socket an address: descriptor, address, its size"),
    _call("os_socket_listen", 2, "let others connect; so many may wait"),
    _call("os_socket_accept", 1, "wait for a connection; its descriptor"),
    _call("os_socket_connect", 3, "connect to an address"),
    _call("os_socket_send", 5, "send bytes, to an address unless that is 0; their count"),
    _call("os_socket_receive", 4, "receive bytes and, unless that is 0, the sender's address"),
    _call("os_socket_shutdown", 2, "end receiving (0), sending (1) or both (2)"),
    _call("os_socket_set", 5, "set an option: descriptor, level, option, value, its size"),
    _call("os_socket_error", 1, "the error a connection ended with, 0 if there is none"),
    _call("os_socket_address", 3, "the address of this end (0) or the other (1)"),
    _call("os_socket_blocking", 2, "whether calls wait (1) or fail instead (0)"),
    _call("os_resolve", 3, "addresses of a host's name, where the system has a resolver"),
    _call("os_socket_poll", 3, "wait for events of entries, for some nanoseconds at most"),
)
