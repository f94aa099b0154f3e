"""Streams: work in order on one queue; and events between streams, with the time."""

import contextlib

from mlrift.runtime.kfd.compute_queue import ComputeQueue
from mlrift.runtime.kfd.errors import DeviceError
from mlrift.runtime.kfd.hardware_queue import LOST_SECONDS, SPIN_SECONDS
from mlrift.runtime.kfd.session import Session
from mlrift.runtime.kfd.signals import Signal
from mlrift.static_types import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlrift.runtime.kfd.device import Device

_PENDING = 1


class Event:
    """A moment in a stream: reached when everything launched before `record()` has ended."""

    def __init__(self, session: Session, ticks_per_second: float) -> None:
        self._session = session
        self._ticks_per_second = ticks_per_second
        self._signal: Signal | None = session.signals.take(_PENDING)

    @property
    def signal(self) -> Signal:
        """The signal that falls to 0."""
        if self._signal is None:
            raise DeviceError("the event was closed")
        return self._signal

    @property
    def is_reached(self) -> bool:
        """Whether the moment has come."""
        return bool(self.signal.value <= 0)

    def wait(self) -> None:
        """Return when it is reached; raises DeviceLost after 5 s, or on a fault."""
        driver = self._session.driver
        begun = driver.now()
        while not self.is_reached:
            self._session.refuse_when_lost()
            waited = driver.now() - begun
            if waited > SPIN_SECONDS:
                self._session.check_faults()
            if waited > LOST_SECONDS:
                raise DeviceError(
                    f"the event was not reached in {LOST_SECONDS:.0f} s: is what it waits for"
                    " launched, and does the stream make progress?"
                )
            driver.pause(waited)

    def seconds_since(self, earlier: "Event") -> float:
        """Return the time from another event to this one, by the card's clock; both are reached."""
        self.wait()
        earlier.wait()
        ticks = int(self.signal.end_ts) - int(earlier.signal.end_ts)
        return ticks / self._ticks_per_second

    def close(self) -> None:
        """Give the signal back; no stream may be waiting for it."""
        self._session.signals.give_back(self.signal)
        self._signal = None


class Stream:
    """Launches in order on a queue of their own."""

    def __init__(self, device: "Device", session: Session, queue: ComputeQueue) -> None:
        self.device = device
        self.queue = queue
        self._session = session

    def record(self) -> Event:
        """Return an event that is reached when everything launched so far has ended."""
        event = Event(self._session, self.device.clock_frequency)
        self.queue.signal(event.signal)
        return event

    def wait_for(self, event: Event) -> None:
        """Let what is launched from here on begin when an event of any stream is reached."""
        self.queue.wait_for(event.signal)

    def synchronize(self) -> None:
        """Return when everything launched has ended; raises DeviceLost."""
        self.queue.synchronize()

    @contextlib.contextmanager
    def batch(self) -> "Iterator[None]":
        """Send all launches of a `with` block by one ring of the doorbell."""
        self.queue.hold()
        try:
            yield
        finally:
            self.queue.release()
