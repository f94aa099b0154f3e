"""A card: open it, load code, make arrays, launch, close.

    with Device.open() as device:
        x = device.array(np.arange(1000, dtype=np.float32))
        device.load("saxpy.co")["saxpy"].launch(4, 256, [x, y, 1000, 2.0])
        device.synchronize()

What is open at the end of the process is closed there, also at one by SIGTERM or SIGHUP: a process
that leaves its queues makes the next one stall.
"""

import atexit
import contextlib
import ctypes
import os
import signal
import threading
import weakref
from enum import Enum, unique
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from mlrift.backends.amdgcn.chips import Chip, chip_named
from mlrift.backends.amdgcn.codeobject.errors import CodeObjectError
from mlrift.backends.amdgcn.codeobject.read import read
from mlrift.container.device_code import code_for
from mlrift.container.errors import FatError
from mlrift.runtime.kfd import abi
from mlrift.runtime.kfd.aql import AqlQueue
from mlrift.runtime.kfd.arrays import DeviceArray
from mlrift.runtime.kfd.compute_queue import ComputeQueue
from mlrift.runtime.kfd.driver import Driver, RealDriver
from mlrift.runtime.kfd.errors import DeviceError
from mlrift.runtime.kfd.memory import Allocation, Placement
from mlrift.runtime.kfd.pm4 import Pm4Queue
from mlrift.runtime.kfd.program import Program
from mlrift.runtime.kfd.sdma import CopyQueue
from mlrift.runtime.kfd.session import Session
from mlrift.runtime.kfd.stream import Stream
from mlrift.runtime.kfd.topology import Node, read_nodes
from mlrift.static_types import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

_STAGING_BYTES = 4 << 20
_SIGNALLED = 128


@unique
class QueueKind(Enum):
    """How launches reach the card."""

    AQL = "aql"
    PM4 = "pm4"


_OPEN: "weakref.WeakSet[Device]" = weakref.WeakSet()


class Device:
    """An open card. `node` is its row of the topology, `chip` what we compile for it."""

    def __init__(self, driver: Driver, node: Node, queue_kind: QueueKind) -> None:
        self.node = node
        self.chip = _chip_of(node)
        self._queue_kind = queue_kind
        self._session = Session(driver, node)
        self._streams: list[Stream] = []
        self._copies: CopyQueue | None = None
        self._staging: Allocation | None = None
        self._is_closed = False
        self._why_closed = "the device was closed"
        self.clock_frequency = self._read_clock_frequency()
        _OPEN.add(self)
        _end_orderly_when_terminated()

    @classmethod
    def open(
        cls,
        number: int = 0,
        *,
        driver: Driver | None = None,
        queue_kind: QueueKind = QueueKind.AQL,
    ) -> "Device":
        """Open a card by its place in `Device.nodes()`; raises KfdError and DeviceError.

        `driver` is the kernel's unless another is given: a recording, a replay, the emulated one.
        """
        used: Driver = RealDriver() if driver is None else driver
        nodes = read_nodes(used)
        if not nodes:
            used.close(used.open("/dev/kfd"))  # its error says more, if there is one
            raise DeviceError("the kernel's topology has no card: see `mlr doctor --gpu`")
        if not 0 <= number < len(nodes):
            raise DeviceError(f"there is no device {number}; there are {len(nodes)}, from 0 on")
        return cls(used, nodes[number], queue_kind)

    @staticmethod
    def nodes(driver: Driver | None = None) -> list[Node]:
        """Return the cards that there are."""
        return read_nodes(RealDriver() if driver is None else driver)

    @property
    def gfx(self) -> str:
        """The chip's name."""
        return self.node.gfx

    @property
    def is_lost(self) -> bool:
        """Whether the card has faulted; nothing more can be launched."""
        return bool(self._session.lost)

    @property
    def default_stream(self) -> Stream:
        """The stream of launches that name none."""
        if not self._streams:
            self.stream()
        return self._streams[0]

    def stream(self) -> Stream:
        """Return a new stream with a queue of its own; raises KfdError when none is left."""
        self._check_open()
        made = Stream(self, self._session, self._make_queue())
        self._streams.append(made)
        return made

    def load(self, source: "str | os.PathLike[str] | bytes") -> Program:
        """Put a code object (a file or its bytes, also a bundle or a fat file) on the card.

        Raises CodeObjectError when it is none, DeviceError when it is for another chip.
        """
        self._check_open()
        data = source if isinstance(source, bytes) else Path(source).read_bytes()
        try:
            loaded = read(code_for(data, self.gfx), self.chip)
        except FatError as error:
            raise DeviceError(str(error)) from error
        if loaded.chip.name != self.gfx:
            raise DeviceError(
                f"the code object is for {loaded.chip.name}, the device is {self.gfx}:"
                f" compile with --target-arch={self.gfx}"
            )
        size = max((row.end for row in loaded.segments), default=0)
        if size == 0:
            raise CodeObjectError("nothing in it is loaded", "code object")
        code = self._session.memory.allocate(size, Placement.CODE, "code")
        code.bytes()[:size] = loaded.memory(code.address)
        self._session.driver.note_code(code.address, loaded)
        return Program(
            loaded, code, self.node.lds_bytes, self._first_stream, self._session.memory.free
        )

    def empty(
        self,
        shape: "int | Sequence[int]",
        dtype: DTypeLike = np.float32,
        placement: Placement = Placement.HOST,
    ) -> DeviceArray:
        """Return an array of zeros; raises KfdError when there is not that much memory."""
        self._check_open()
        rows = (shape,) if isinstance(shape, int) else tuple(shape)
        bytes_ = int(np.prod(rows, dtype=np.int64)) * np.dtype(dtype).itemsize
        name = f"array of {rows} {np.dtype(dtype)}"
        made = self._session.memory.allocate(max(bytes_, 1), placement, name)
        return DeviceArray(made, rows, dtype, self._session.memory.free, self.copy)

    def array(self, contents: ArrayLike, placement: Placement = Placement.HOST) -> DeviceArray:
        """Return a copy of an array on the card."""
        host = np.ascontiguousarray(contents)
        made = self.empty(host.shape, host.dtype, placement)
        made.fill(host)
        return made

    def share(self, array: "np.ndarray[Any, Any]") -> DeviceArray:
        """Let the card use a numpy array in place; it has to begin at a page and to stay alive."""
        self._check_open()
        if not array.flags.c_contiguous:
            raise DeviceError("only contiguous arrays can be shared")
        name = f"shared array of {array.shape} {array.dtype}"
        made = self._session.memory.share(array.ctypes.data, array.nbytes, name)
        return DeviceArray(made, array.shape, array.dtype, self._session.memory.free, self.copy)

    def copy(self, destination: int, source: int, size: int) -> None:
        """Copy bytes between any addresses of the card and the process, and wait.

        Addresses that the card does not know go through a staging buffer.
        """
        self._check_open()
        known = self._session.memory.live()
        to_card, from_card = _is_in(known, destination), _is_in(known, source)
        if to_card and from_card:
            self._engine().copy(destination, source, size)
            return
        staging = self._stage()
        for offset in range(0, size, staging.size):
            part = min(size - offset, staging.size)
            if from_card:
                self._engine().copy(staging.address, source + offset, part)
                _move(destination + offset, staging.address, part)
            else:
                _move(staging.address, source + offset, part)
                self._engine().copy(destination + offset, staging.address, part)

    def synchronize(self) -> None:
        """Wait for everything launched on every stream."""
        for row in self._streams:
            row.synchronize()

    def memory_bytes(self) -> tuple[int, int]:
        """Return the card's memory and what of it is free."""
        return self.node.memory_bytes, self._session.memory.available_bytes()

    def close(self) -> None:
        """Wait, remove the queues and give everything back. May be called again."""
        if self._is_closed:
            return
        self._is_closed = True
        _OPEN.discard(self)
        with contextlib.ExitStack() as last:
            last.callback(self._session.close)
            if self._copies is not None:
                last.callback(self._copies.destroy)
            for row in self._streams:
                last.callback(row.queue.destroy)

    def __enter__(self) -> "Device":
        """Return the device; the end of the block closes it."""
        return self

    def __exit__(
        self,
        _kind: "type[BaseException] | None",
        _error: "BaseException | None",
        _traceback: "TracebackType | None",
    ) -> None:
        """Close it."""
        self.close()

    def _make_queue(self) -> ComputeQueue:
        if self._queue_kind is QueueKind.AQL:
            return AqlQueue(self._session)
        return Pm4Queue(self._session, self.chip.generation)

    def _first_stream(self) -> Stream:
        return self.default_stream

    def _engine(self) -> CopyQueue:
        if self._copies is None:
            self._copies = CopyQueue(self._session)
        return self._copies

    def _stage(self) -> Allocation:
        if self._staging is None:
            memory = self._session.memory
            self._staging = memory.allocate(_STAGING_BYTES, Placement.HOST, "staging buffer")
        return self._staging

    def forget(self) -> None:
        """Leave everything to the process that opened the device, after a fork, in the child."""
        self._is_closed = True
        self._why_closed = "the device belongs to the parent process: open it anew after a fork"
        self._session.lost = self._why_closed

    def _check_open(self) -> None:
        if self._is_closed:
            raise DeviceError(self._why_closed)

    def _read_clock_frequency(self) -> float:
        asked = abi.GetClockCounters(gpu_id=self.node.gpu_id)
        self._session.ioctl(asked)
        return float(asked.system_clock_freq) or 1e9


def _chip_of(node: Node) -> Chip:
    chip = chip_named(node.gfx)
    if chip is None:
        raise DeviceError(f"{node.gfx} is not a chip that we compile for")
    return chip


def _is_in(rows: list[Allocation], address: int) -> bool:
    return any(row.address <= address < row.end for row in rows)


def _move(destination: int, source: int, size: int) -> None:
    ctypes.memmove(destination, source, size)


def _end_orderly_when_terminated() -> None:
    """Let SIGTERM and SIGHUP end the process by its exit handlers, unless somebody handles them."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _exit)


def _exit(number: int, _frame: object) -> None:
    raise SystemExit(_SIGNALLED + number)


def _forget_all() -> None:
    for row in list(_OPEN):
        row.forget()
    _OPEN.clear()


os.register_at_fork(after_in_child=_forget_all)


@atexit.register
def _close_all() -> None:
    for row in list(_OPEN):
        with contextlib.suppress(Exception):
            row.close()
