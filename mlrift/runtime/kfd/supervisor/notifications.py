"""Calls of the supervised process, received and answered (seccomp_unotify(2))."""

import ctypes
import errno
import fcntl
import os

from mlrift.static_types import Any

_RECEIVE = 0xC0502100
_SEND = 0xC0182101
_IS_VALID = 0x40082102
_ADD_DESCRIPTOR = 0x40182103
_SEND_AT_ONCE = 2
_CONTINUE = 1


class Call(ctypes.Structure):
    """`struct seccomp_notif`: who made which call with which arguments."""

    _fields_ = [
        ("id", ctypes.c_uint64),
        ("pid", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("number", ctypes.c_int32),
        ("architecture", ctypes.c_uint32),
        ("instruction", ctypes.c_uint64),
        ("arguments", ctypes.c_uint64 * 6),
    ]


class _Answer(ctypes.Structure):
    """`struct seccomp_notif_resp`."""

    _fields_ = [
        ("id", ctypes.c_uint64),
        ("result", ctypes.c_int64),
        ("error", ctypes.c_int32),
        ("flags", ctypes.c_uint32),
    ]


class _AddDescriptor(ctypes.Structure):
    """`struct seccomp_notif_addfd`."""

    _fields_ = [
        ("id", ctypes.c_uint64),
        ("flags", ctypes.c_uint32),
        ("source", ctypes.c_uint32),
        ("target", ctypes.c_uint32),
        ("target_flags", ctypes.c_uint32),
    ]


class Listener:
    """The receiving end. A process that has gone meanwhile needs no answer."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def receive(self) -> Call | None:
        """Return the next call; None when its process has gone."""
        call = Call()
        return call if self._ioctl(_RECEIVE, call) is not None else None

    def let_pass(self, call: Call) -> None:
        """Let the kernel make the call."""
        self._ioctl(_SEND, _Answer(call.id, 0, 0, _CONTINUE))

    def answer(self, call: Call, result: int) -> None:
        """Return a result from the call."""
        self._ioctl(_SEND, _Answer(call.id, result, 0, 0))

    def fail(self, call: Call, number: int) -> None:
        """Fail the call with an error number."""
        self._ioctl(_SEND, _Answer(call.id, 0, -number, 0))

    def answer_with_file(self, call: Call, descriptor: int) -> int:
        """Give the process a copy of a descriptor, as the call's result; return its number there.

        -1 when the process has gone.
        """
        asked = _AddDescriptor(call.id, _SEND_AT_ONCE, descriptor, 0, os.O_CLOEXEC)
        found = self._ioctl(_ADD_DESCRIPTOR, asked)
        return -1 if found is None else found

    def is_alive(self, call: Call) -> bool:
        """Whether the process still waits for the answer, so that its memory is its own."""
        return self._ioctl(_IS_VALID, ctypes.c_uint64(call.id)) is not None

    def _ioctl(self, request: int, argument: Any) -> int | None:
        while True:
            try:
                return int(fcntl.ioctl(self.descriptor, request, argument))
            except OSError as error:
                if error.errno == errno.ENOENT:
                    return None
                if error.errno != errno.EINTR:
                    raise
