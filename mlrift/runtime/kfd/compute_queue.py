"""What both kinds of compute queues are to a stream: dispatches in order, signals, waiting."""

from typing import Protocol

from mlrift.runtime.kfd.launch import Layout, Shape
from mlrift.runtime.kfd.signals import Signal
from mlrift.static_types import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


class ComputeQueue(Protocol):
    """Work that a card does in the order in which it was given."""

    def dispatch(self, shape: Shape, layout: Layout, given: "Sequence[Any]") -> None:
        """Append a launch; nothing is allocated. Waits only when the ring or window is full."""

    def signal(self, signal: Signal) -> None:
        """Let `signal` fall by one, with the time, when everything before has ended."""

    def wait_for(self, signal: Signal) -> None:
        """Let what follows begin when `signal` is 0."""

    def hold(self) -> None:
        """Keep what follows until `release`."""

    def release(self) -> None:
        """Send what was kept, with one ring of the doorbell."""

    def synchronize(self) -> None:
        """Return when all dispatches have ended; raises DeviceLost."""

    def destroy(self) -> None:
        """Wait, and remove the queue."""
