"""ws2_32: sockets of the internet families, on host sockets."""

# ruff: noqa: PLR0917 - the system's own signatures

import errno
import select
import socket as host_socket
from collections.abc import Callable

from tests.support.guest_sockets import (
    GuestSocket,
    address_info,
    poll_sockets,
    read_address,
    resolve,
    write_address,
)
from tests.support.traps import ResultWidth
from tests.support.windows_process import WINSOCK, WindowsProcess

_DWORD = 0xFFFFFFFF
_INVALID_SOCKET = (1 << 64) - 1
_FAMILIES = {2: host_socket.AF_INET, 23: host_socket.AF_INET6}
_NUMBERS = {family: number for number, family in _FAMILIES.items()}
_KINDS = {1: host_socket.SOCK_STREAM, 2: host_socket.SOCK_DGRAM}
_FIRST_NUMBER = 0x1000
_NOT_STARTED, _HOST_NOT_FOUND = 10093, 11001
_SET_NON_BLOCKING = 0x8004667E
_SOCKET_LEVEL, _ERROR = 0xFFFF, 0x1007
_TIMEOUTS = (0x1005, 0x1006)
_WANT_READ, _WANT_WRITE = 0x300, 0x10
_READABLE = 0x100
_WSA_ERRORS = {
    errno.EBADF: 10038,
    errno.EACCES: 10013,
    errno.EINVAL: 10022,
    errno.EAGAIN: 10035,
    errno.EINPROGRESS: 10035,
    errno.EALREADY: 10037,
    errno.EPIPE: 10053,
    errno.EHOSTUNREACH: 10065,
}


def wsa_error(number: int) -> int:
    """Return Winsock's number of a host errno."""
    if not number:
        return 0
    return _WSA_ERRORS.get(number, number + 9950)


def _try(process: WindowsProcess, action: Callable[[], int | None], failure: int = _DWORD) -> int:
    if not process.winsock_started:
        return process.fail(_NOT_STARTED, failure)
    try:
        return action() or 0
    except OSError as error:
        return process.fail(wsa_error(error.errno or errno.EINVAL), failure)


def _find(process: WindowsProcess, number: int) -> GuestSocket:
    found = process.sockets.get(number)
    if found is None:
        raise OSError(errno.ENOTSOCK, "no socket")
    return found


def _add(process: WindowsProcess, host: host_socket.socket) -> int:
    number = next(n for n in range(_FIRST_NUMBER, 1 << 20, 4) if n not in process.sockets)
    process.sockets[number] = GuestSocket(host)
    return number


def _address(
    process: WindowsProcess, guest: GuestSocket, address: int, size: int
) -> tuple[str, int]:
    data = process.machine.read(address, min(size & _DWORD, 28))
    if _FAMILIES.get(int.from_bytes(data[:2], "little")) != guest.host.family:
        raise OSError(errno.EAFNOSUPPORT, "the family of the address")
    return read_address(data, guest.host.family)


def _store_address(
    process: WindowsProcess, guest: GuestSocket, found: tuple[str, int], address: int, size: int
) -> None:
    family = guest.host.family
    data = write_address(found, family, _NUMBERS[family].to_bytes(2, "little"))
    room = int.from_bytes(process.machine.read(size, 4), "little")
    process.machine.write_user(address, data[:room])
    process.machine.write_user(size, len(data).to_bytes(4, "little"))


@WINSOCK.export("WSAStartup", 2)
def start(process: WindowsProcess, version: int, data: int) -> int:
    """Start Winsock 2.2."""
    process.machine.write_user(data, (0x0202).to_bytes(2, "little") * 2 + bytes(404))
    process.winsock_started = True
    return 0


@WINSOCK.export("WSAGetLastError", 0)
def last_error(process: WindowsProcess) -> int:
    """Return the thread's last error."""
    return process.scheduler.running.last_error


@WINSOCK.export("socket", 3, ResultWidth.WORD64)
def socket(process: WindowsProcess, domain: int, kind: int, protocol: int) -> int:
    """Make a socket."""
    family, wanted = _FAMILIES.get(domain & _DWORD), _KINDS.get(kind & _DWORD)

    def action() -> int:
        if family is None or wanted is None:
            raise OSError(errno.EAFNOSUPPORT, "no such family or kind")
        return _add(process, host_socket.socket(family, wanted))

    return _try(process, action, _INVALID_SOCKET)


@WINSOCK.export("closesocket", 1)
def close_socket(process: WindowsProcess, number: int) -> int:
    """Close a socket."""

    def action() -> None:
        _find(process, number).host.close()
        del process.sockets[number]

    return _try(process, action)


@WINSOCK.export("bind", 3)
def bind(process: WindowsProcess, number: int, address: int, size: int) -> int:
    """Give a socket an address."""

    def action() -> None:
        guest = _find(process, number)
        guest.host.bind(_address(process, guest, address, size))

    return _try(process, action)


@WINSOCK.export("listen", 2)
def listen(process: WindowsProcess, number: int, backlog: int) -> int:
    """Let others connect."""
    return _try(process, lambda: _find(process, number).host.listen(backlog & 0xFFFF))


@WINSOCK.export("accept", 3, ResultWidth.WORD64)
def accept(process: WindowsProcess, number: int, address: int, size: int) -> int:
    """Return the next connection."""

    def action() -> int:
        guest = _find(process, number)
        host, peer = guest.wait_for(guest.host.accept, select.POLLIN)
        made = _add(process, host)
        if address:
            _store_address(process, process.sockets[made], peer[:2], address, size)
        return made

    return _try(process, action, _INVALID_SOCKET)


@WINSOCK.export("connect", 3)
def connect(process: WindowsProcess, number: int, address: int, size: int) -> int:
    """Connect to an address."""

    def action() -> None:
        guest = _find(process, number)
        guest.connect(_address(process, guest, address, size))

    return _try(process, action)


@WINSOCK.export("sendto", 6)
def send_to(
    process: WindowsProcess,
    number: int,
    buffer: int,
    size: int,
    flags: int,
    address: int,
    room: int,
) -> int:
    """Send bytes."""
    data = process.machine.read(buffer, size & _DWORD) if size & _DWORD else b""

    def action() -> int:
        guest = _find(process, number)
        if not address:
            return guest.wait_for(lambda: guest.host.send(data), select.POLLOUT)
        target = _address(process, guest, address, room)
        return guest.wait_for(lambda: guest.host.sendto(data, target), select.POLLOUT)

    return _try(process, action)


@WINSOCK.export("recvfrom", 6)
def receive_from(
    process: WindowsProcess,
    number: int,
    buffer: int,
    size: int,
    flags: int,
    address: int,
    room: int,
) -> int:
    """Receive bytes and who sent them."""

    def action() -> int:
        guest = _find(process, number)
        data, sender = guest.wait_for(lambda: guest.host.recvfrom(size & _DWORD), select.POLLIN)
        if data:
            process.machine.write_user(buffer, data)
        if address and sender:
            _store_address(process, guest, sender[:2], address, room)
        return len(data)

    return _try(process, action)


@WINSOCK.export("shutdown", 2)
def shutdown(process: WindowsProcess, number: int, how: int) -> int:
    """End receiving, sending, or both."""
    return _try(process, lambda: _find(process, number).host.shutdown(how & _DWORD))


@WINSOCK.export("setsockopt", 5)
def set_option(
    process: WindowsProcess, number: int, level: int, option: int, value: int, size: int
) -> int:
    """Set an option; the timeouts are taken and not kept."""

    def action() -> None:
        guest = _find(process, number)
        if level & _DWORD == _SOCKET_LEVEL and option & _DWORD in _TIMEOUTS:
            return
        word = int.from_bytes(process.machine.read(value, 4), "little")
        guest.set_option(level & _DWORD, option & _DWORD, word)

    return _try(process, action)


@WINSOCK.export("getsockopt", 5)
def get_option(
    process: WindowsProcess, number: int, level: int, option: int, value: int, size: int
) -> int:
    """Tell the error of a connection; other options are not emulated."""

    def action() -> None:
        guest = _find(process, number)
        if (level & _DWORD, option & _DWORD) != (_SOCKET_LEVEL, _ERROR):
            raise OSError(errno.ENOPROTOOPT, "not emulated")
        error = wsa_error(guest.take_error())
        process.machine.write_user(value, error.to_bytes(4, "little"))

    return _try(process, action)


@WINSOCK.export("getsockname", 3)
def get_name(process: WindowsProcess, number: int, address: int, size: int) -> int:
    """Tell the address of this end."""

    def action() -> None:
        guest = _find(process, number)
        _store_address(process, guest, guest.host.getsockname()[:2], address, size)

    return _try(process, action)


@WINSOCK.export("getpeername", 3)
def get_peer(process: WindowsProcess, number: int, address: int, size: int) -> int:
    """Tell the address of the other end."""

    def action() -> None:
        guest = _find(process, number)
        _store_address(process, guest, guest.host.getpeername()[:2], address, size)

    return _try(process, action)


@WINSOCK.export("ioctlsocket", 3)
def set_blocking(process: WindowsProcess, number: int, command: int, value: int) -> int:
    """Say whether calls wait."""

    def action() -> None:
        guest = _find(process, number)
        if command & _DWORD != _SET_NON_BLOCKING:
            raise OSError(errno.EINVAL, "not emulated")
        guest.is_blocking = process.machine.read(value, 4) == bytes(4)

    return _try(process, action)


@WINSOCK.export("WSAPoll", 3)
def poll(process: WindowsProcess, entries: int, count: int, milliseconds: int) -> int:
    """Wait for events, whose numbers are Winsock's own."""

    def action() -> int:
        rows = []
        for index in range(count & _DWORD):
            data = process.machine.read(entries + index * 16, 16)
            events = int.from_bytes(data[8:10], "little")
            if events & ~(_WANT_READ | _WANT_WRITE):
                raise OSError(errno.EINVAL, "events that cannot be wanted")
            wanted = select.POLLIN if events & _WANT_READ else 0
            wanted |= select.POLLOUT if events & _WANT_WRITE else 0
            rows.append((process.sockets.get(int.from_bytes(data[:8], "little")), wanted))
        span = milliseconds & _DWORD
        seconds = None if span == _DWORD else span / 1000
        found = poll_sockets(process.scheduler, rows, seconds)
        for index, events in enumerate(found):
            here = _READABLE if events & select.POLLIN else 0
            here |= _WANT_WRITE if events & select.POLLOUT else 0
            here |= 1 if events & select.POLLERR else 0
            here |= 2 if events & select.POLLHUP else 0
            here |= 4 if events & select.POLLNVAL else 0
            process.machine.write_user(entries + index * 16 + 10, here.to_bytes(2, "little"))
        return sum(1 for events in found if events)

    return _try(process, action)


@WINSOCK.export("getaddrinfo", 4)
def get_address_info(
    process: WindowsProcess, name: int, service: int, hints: int, result: int
) -> int:
    """Resolve a name to at most one address."""
    if not process.winsock_started:
        return _NOT_STARTED
    for family, address in resolve(process.machine.c_string(name)):
        data = write_address(address, family, _NUMBERS[family].to_bytes(2, "little"))
        memory = process.allocate_data(bytes(128))
        process.machine.write(memory, address_info(_NUMBERS[family], memory + 64, len(data)))
        process.machine.write(memory + 64, data)
        process.machine.write_user(result, memory.to_bytes(8, "little"))
        return 0
    return _HOST_NOT_FOUND


@WINSOCK.export("freeaddrinfo", 1, ResultWidth.NOTHING)
def free_address_info(process: WindowsProcess, result: int) -> None:
    """Unmap what was found, so that later use of it faults."""
    allocation = process.allocations.pop(result)
    process.machine.unmap(allocation.base, allocation.size_bytes)
