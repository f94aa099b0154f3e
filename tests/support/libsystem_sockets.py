"""libSystem: sockets of the internet families, on host sockets."""

# ruff: noqa: PLR0917 - the system's own signatures

import errno
import socket as host_socket

from tests.support.guest_sockets import (
    GuestSocket,
    address_info,
    poll_sockets,
    read_address,
    resolve,
    write_address,
)
from tests.support.mac_process import LIBSYSTEM, PAGE_BYTES, WORD32, MacProcess
from tests.support.machine import Protection
from tests.support.traps import ResultWidth

_FAMILIES = {2: host_socket.AF_INET, 30: host_socket.AF_INET6}
_NUMBERS = {family: number for number, family in _FAMILIES.items()}
_KINDS = {1: host_socket.SOCK_STREAM, 2: host_socket.SOCK_DGRAM}
_FIRST_NUMBER = 500
_NO_SUCH_NAME = 8
_SOCKET_LEVEL, _NO_SIGNAL, _ERROR = 0xFFFF, 0x1022, 0x1007
_WORDS = 4


def _find(process: MacProcess, number: int) -> GuestSocket:
    found = process.sockets.get(number & WORD32)
    if found is None:
        known = number & WORD32 in process.files
        raise OSError(errno.ENOTSOCK if known else errno.EBADF, "no socket")
    return found


def _add(process: MacProcess, host: host_socket.socket) -> int:
    number = next(n for n in range(_FIRST_NUMBER, 1 << 16) if n not in process.sockets)
    process.sockets[number] = GuestSocket(host)
    return number


def _address(process: MacProcess, guest: GuestSocket, address: int, size: int) -> tuple[str, int]:
    data = process.machine.read(address, min(size & WORD32, 28))
    if _FAMILIES.get(data[1]) != guest.host.family:
        raise OSError(errno.EAFNOSUPPORT, "the family of the address")
    return read_address(data, guest.host.family)


def _store_address(
    process: MacProcess, guest: GuestSocket, found: tuple[str, int], address: int, size: int
) -> None:
    family = guest.host.family
    length = 16 if family == host_socket.AF_INET else 28
    data = write_address(found, family, bytes((length, _NUMBERS[family])))
    room = int.from_bytes(process.machine.read(size, 4), "little")
    process.machine.write_user(address, data[:room])
    process.machine.write_user(size, len(data).to_bytes(4, "little"))


@LIBSYSTEM.export("_socket", 3)
def socket(process: MacProcess, domain: int, kind: int, protocol: int) -> int:
    """Make a socket."""
    family, wanted = _FAMILIES.get(domain & WORD32), _KINDS.get(kind & WORD32)
    if family is None or wanted is None:
        return process.fail(errno.EAFNOSUPPORT)
    return process.on_host(lambda: _add(process, host_socket.socket(family, wanted)))


@LIBSYSTEM.export("_bind", 3)
def bind(process: MacProcess, number: int, address: int, size: int) -> int:
    """Give a socket an address."""

    def action() -> None:
        guest = _find(process, number)
        guest.host.bind(_address(process, guest, address, size))

    return process.on_host(action)


@LIBSYSTEM.export("_listen", 2)
def listen(process: MacProcess, number: int, backlog: int) -> int:
    """Let others connect."""
    return process.on_host(lambda: _find(process, number).host.listen(backlog & 0xFFFF))


@LIBSYSTEM.export("_accept", 3)
def accept(process: MacProcess, number: int, address: int, size: int) -> int:
    """Return the next connection."""

    def action() -> int:
        guest = _find(process, number)
        host, peer = guest.wait_for(guest.host.accept, 1)
        made = _add(process, host)
        if address:
            _store_address(process, process.sockets[made], peer[:2], address, size)
        return made

    return process.on_host(action)


@LIBSYSTEM.export("_connect", 3)
def connect(process: MacProcess, number: int, address: int, size: int) -> int:
    """Connect to an address."""

    def action() -> None:
        guest = _find(process, number)
        guest.connect(_address(process, guest, address, size))

    return process.on_host(action)


@LIBSYSTEM.export("_sendto", 6, ResultWidth.WORD64)
def send_to(
    process: MacProcess, number: int, buffer: int, size: int, flags: int, address: int, room: int
) -> int:
    """Send bytes."""
    data = process.machine.read(buffer, size) if size else b""

    def action() -> int:
        guest = _find(process, number)
        if not address:
            return guest.wait_for(lambda: guest.host.send(data), _WORDS)
        target = _address(process, guest, address, room)
        return guest.wait_for(lambda: guest.host.sendto(data, target), _WORDS)

    return process.on_host(action)


@LIBSYSTEM.export("_recvfrom", 6, ResultWidth.WORD64)
def receive_from(
    process: MacProcess, number: int, buffer: int, size: int, flags: int, address: int, room: int
) -> int:
    """Receive bytes and who sent them."""

    def action() -> int:
        guest = _find(process, number)
        data, sender = guest.wait_for(lambda: guest.host.recvfrom(size), 1)
        if data:
            process.machine.write_user(buffer, data)
        if address and sender:
            _store_address(process, guest, sender[:2], address, room)
        return len(data)

    return process.on_host(action)


@LIBSYSTEM.export("_shutdown", 2)
def shutdown(process: MacProcess, number: int, how: int) -> int:
    """End receiving, sending, or both."""
    return process.on_host(lambda: _find(process, number).host.shutdown(how & WORD32))


@LIBSYSTEM.export("_setsockopt", 5)
def set_option(
    process: MacProcess, number: int, level: int, option: int, value: int, size: int
) -> int:
    """Set an option; the timeouts are taken and not kept."""

    def action() -> None:
        guest = _find(process, number)
        is_own = level & WORD32 == _SOCKET_LEVEL
        if is_own and option & WORD32 in (_NO_SIGNAL, 0x1005, 0x1006):
            return
        word = int.from_bytes(process.machine.read(value, 4), "little")
        guest.set_option(level & WORD32, option & WORD32, word)

    return process.on_host(action)


@LIBSYSTEM.export("_getsockopt", 5)
def get_option(
    process: MacProcess, number: int, level: int, option: int, value: int, size: int
) -> int:
    """Tell the error of a connection; other options are not emulated."""

    def action() -> None:
        guest = _find(process, number)
        if (level & WORD32, option & WORD32) != (_SOCKET_LEVEL, _ERROR):
            raise OSError(errno.ENOPROTOOPT, "not emulated")
        number_here = process.mac_errno(guest.take_error())
        process.machine.write_user(value, number_here.to_bytes(4, "little"))

    return process.on_host(action)


@LIBSYSTEM.export("_getsockname", 3)
def get_name(process: MacProcess, number: int, address: int, size: int) -> int:
    """Tell the address of this end."""

    def action() -> None:
        guest = _find(process, number)
        _store_address(process, guest, guest.host.getsockname()[:2], address, size)

    return process.on_host(action)


@LIBSYSTEM.export("_getpeername", 3)
def get_peer(process: MacProcess, number: int, address: int, size: int) -> int:
    """Tell the address of the other end."""

    def action() -> None:
        guest = _find(process, number)
        _store_address(process, guest, guest.host.getpeername()[:2], address, size)

    return process.on_host(action)


@LIBSYSTEM.export("_poll", 3)
def poll(process: MacProcess, entries: int, count: int, milliseconds: int) -> int:
    """Wait for events; the numbers of the events are the host's."""

    def action() -> int:
        rows = []
        for index in range(count):
            data = process.machine.read(entries + index * 8, 8)
            wanted = int.from_bytes(data[4:6], "little")
            number = int.from_bytes(data[:4], "little")
            is_open = number in process.sockets or number in process.files
            rows.append((_find(process, number) if is_open else None, wanted))
        span = milliseconds & WORD32
        seconds = None if span == WORD32 else span / 1000
        events = poll_sockets(process.scheduler, rows, seconds)
        for index, found in enumerate(events):
            process.machine.write_user(entries + index * 8 + 6, found.to_bytes(2, "little"))
        return sum(1 for found in events if found)

    return process.on_host(action)


@LIBSYSTEM.export("_getaddrinfo", 4)
def get_address_info(process: MacProcess, name: int, service: int, hints: int, result: int) -> int:
    """Resolve a name to at most one address."""
    for family, address in resolve(process.machine.c_string(name)):
        length = 16 if family == host_socket.AF_INET else 28
        data = write_address(address, family, bytes((length, _NUMBERS[family])))
        memory = process.allocate(128, Protection.READ | Protection.WRITE)
        process.machine.write(memory, address_info(_NUMBERS[family], memory + 64, length))
        process.machine.write(memory + 64, data)
        process.machine.write_user(result, memory.to_bytes(8, "little"))
        return 0
    return _NO_SUCH_NAME


@LIBSYSTEM.export("_freeaddrinfo", 1, ResultWidth.NOTHING)
def free_address_info(process: MacProcess, result: int) -> None:
    """Unmap what was found, so that later use of it faults."""
    process.machine.unmap(result, PAGE_BYTES)
