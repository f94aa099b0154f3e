"""Sockets of emulated processes: host sockets that never block, and threads that wait instead.

Addresses come and go as pairs of host and port; the layouts are the systems' business.
"""

import errno
import os
import select
import socket
from collections.abc import Callable, Sequence
from typing import TypeVar

from tests.support.scheduler import Scheduler, WouldBlock

_Result = TypeVar("_Result")
Address = tuple[str, int]
_OPTIONS = {
    (0xFFFF, 0x4): (socket.SOL_SOCKET, socket.SO_REUSEADDR),
    (0xFFFF, 0x8): (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
    (0xFFFF, 0x20): (socket.SOL_SOCKET, socket.SO_BROADCAST),
    (0xFFFF, 0x1001): (socket.SOL_SOCKET, socket.SO_SNDBUF),
    (0xFFFF, 0x1002): (socket.SOL_SOCKET, socket.SO_RCVBUF),
    (6, 1): (socket.IPPROTO_TCP, socket.TCP_NODELAY),
    (41, 27): (socket.IPPROTO_IPV6, socket.IPV6_V6ONLY),
}
_READ, _WRITE, _ERROR, _HANG_UP = select.POLLIN, select.POLLOUT, select.POLLERR, select.POLLHUP


class GuestSocket:
    """A socket of the program; the host's own never blocks."""

    def __init__(self, host: socket.socket) -> None:
        self.host = host
        self.is_blocking = True
        self._is_connecting = False
        host.setblocking(False)

    def wait_for(self, action: Callable[[], _Result], event: int) -> _Result:
        """Do what may have to wait: park the thread, or for a non-blocking socket let it fail."""
        try:
            return action()
        except BlockingIOError:
            if not self.is_blocking:
                raise
            raise WouldBlock(lambda: bool(found_events(self, event))) from None

    def connect(self, address: Address) -> None:
        """Connect; the call is made again when the connection stands or has failed."""
        if self._is_connecting:
            self._is_connecting = False
            self.raise_error()
            return
        number = self.host.connect_ex(address)
        if number == errno.EINPROGRESS and self.is_blocking:
            self._is_connecting = True
            raise WouldBlock(lambda: bool(found_events(self, _WRITE)))
        if number:
            raise OSError(number, os.strerror(number))

    def raise_error(self) -> None:
        """Raise the error that the connection ended with."""
        number = self.take_error()
        if number:
            raise OSError(number, os.strerror(number))

    def take_error(self) -> int:
        """Return that error and forget it."""
        return self.host.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    def set_option(self, level: int, option: int, value: int) -> None:
        """Set one of the options whose numbers Windows and macOS share."""
        found = _OPTIONS.get((level, option))
        if found is None:
            raise OSError(errno.ENOPROTOOPT, "no such option")
        self.host.setsockopt(*found, value)


def found_events(guest: GuestSocket | None, wanted: int) -> int:
    """Return the events of a socket now: those wanted, errors and hang-ups; None is no socket."""
    if guest is None:
        return select.POLLNVAL
    poll = select.poll()
    poll.register(guest.host, wanted)
    return next((events for _number, events in poll.poll(0)), 0)


def poll_sockets(
    scheduler: Scheduler, rows: Sequence[tuple[GuestSocket | None, int]], seconds: float | None
) -> list[int]:
    """Wait until a socket has an event or the time is over; return the events of each."""
    if seconds != 0:
        scheduler.wait_until(lambda: any(found_events(*row) for row in rows), seconds)
    return [found_events(*row) for row in rows]


def read_address(data: bytes, family: int) -> Address:
    """Return what `sockaddr_in` or `sockaddr_in6` holds, whatever its first two bytes."""
    port = int.from_bytes(data[2:4], "big")
    if family == socket.AF_INET and len(data) >= 16:
        return socket.inet_ntop(family, data[4:8]), port
    if family == socket.AF_INET6 and len(data) >= 28:
        return socket.inet_ntop(family, data[8:24]), port
    raise OSError(errno.EINVAL, "address too short")


def write_address(address: Address, family: int, start: bytes) -> bytes:
    """Return such a structure, beginning with the two bytes that the system has there."""
    port = address[1].to_bytes(2, "big")
    packed = socket.inet_pton(family, address[0].split("%")[0])
    if family == socket.AF_INET:
        return start + port + packed + bytes(8)
    return start + port + bytes(4) + packed + bytes(4)


def resolve(name: bytes) -> list[tuple[socket.AddressFamily, Address]]:
    """Return the addresses of a name: its own numbers or those of this host, nobody is asked."""
    text = "127.0.0.1" if name.lower() == b"localhost" else name.decode("latin-1")
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, text)
        except OSError:
            continue
        return [(family, (text, 0))]
    return []


def address_info(family: int, address: int, size_bytes: int) -> bytes:
    """Return a `struct addrinfo` of a stream, the last of its list."""
    words = b"".join(value.to_bytes(4, "little") for value in (0, family, 1, 6))
    return words + b"".join(value.to_bytes(8, "little") for value in (size_bytes, 0, address, 0))
