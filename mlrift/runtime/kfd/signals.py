"""Signals of 64 bytes, which a card decrements and a process watches (gpu.md 5.6).

A pool makes them in one page; a signal's value, event and timestamps are read at its address.
"""

import ctypes

from mlrift.runtime.kfd.errors import DeviceError
from mlrift.runtime.kfd.memory import Allocation

SIGNAL_BYTES = 64
_KIND_USER = 1


class Signal(ctypes.Structure):
    """`amd_signal_t`: `value` falls by one with every packet that names the signal."""

    _fields_ = [
        ("kind", ctypes.c_int64),
        ("value", ctypes.c_int64),
        ("event_mailbox_ptr", ctypes.c_uint64),
        ("event_id", ctypes.c_uint32),
        ("reserved1", ctypes.c_uint32),
        ("start_ts", ctypes.c_uint64),
        ("end_ts", ctypes.c_uint64),
        ("queue_ptr", ctypes.c_uint64),
        ("reserved2", ctypes.c_uint32 * 2),
    ]

    @property
    def address(self) -> int:
        """Where it is, as packets name it."""
        return ctypes.addressof(self)


class SignalPool:
    """Signals in one allocation; taken, and given back."""

    def __init__(self, allocation: Allocation) -> None:
        last = allocation.size // SIGNAL_BYTES
        self._free = [allocation.address + SIGNAL_BYTES * n for n in reversed(range(last))]

    def take(self, value: int) -> Signal:
        """Return a signal with this value; raises DeviceError when all are in use."""
        if not self._free:
            raise DeviceError("every signal of the device is in use: close events no longer needed")
        signal = Signal.from_address(self._free.pop())
        ctypes.memset(signal.address, 0, SIGNAL_BYTES)
        signal.kind, signal.value = _KIND_USER, value
        return signal

    def give_back(self, signal: Signal) -> None:
        """Take a signal back that no packet names any more."""
        self._free.append(signal.address)
