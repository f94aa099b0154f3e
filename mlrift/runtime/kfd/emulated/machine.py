"""The cards of an emulated machine: which request is for which, and all of them together."""

import ctypes
import errno
from collections.abc import Callable

from mlrift.runtime.kfd import abi
from mlrift.runtime.kfd.driver import TOPOLOGY
from mlrift.runtime.kfd.emulated.buffers import HANDLE_SHIFT, Buffer
from mlrift.runtime.kfd.emulated.card import EmulatedCard, EventPage
from mlrift.runtime.kfd.emulated.cards import CARDS, card_named, topology_files
from mlrift.runtime.kfd.emulated.execution import Executor
from mlrift.runtime.kfd.emulated.rules import RefusedRequest
from mlrift.runtime.kfd.errors import DeviceError
from mlrift.runtime.kfd.topology import Node, nodes_of
from mlrift.static_types import Any

_DOORBELL_CARD_SHIFT = 16


class EmulatedMachine:
    """Cards by their gfx names. `files` are those of /sys, `nodes` what they say."""

    def __init__(
        self,
        gfx: tuple[str, ...],
        executor: Executor,
        clock: Callable[[], float],
        back: Callable[[Buffer], None],
        drop: Callable[[Buffer], None],
    ) -> None:
        rows = []
        for name in gfx:
            card = card_named(name)
            if card is None:
                known = ", ".join(row.gfx for row in CARDS)
                raise DeviceError(f"{name} cannot be emulated, only: {known}")
            rows.append(card)
        self.files = topology_files(tuple(rows))
        self._executor = executor
        self._clock = clock
        self._back = back
        self._drop = drop
        self._cards: dict[int, EmulatedCard] = {}
        self._page = EventPage()

    def read_text(self, path: str) -> str:
        """Return a file of the topology."""
        if path not in self.files:
            raise FileNotFoundError(errno.ENOENT, "no such file of the emulated topology", path)
        return self.files[path]

    def names(self, folder: str) -> list[str]:
        """Return the names in a folder of the topology."""
        start = folder.rstrip("/") + "/"
        rest = (name[len(start) :] for name in self.files if name.startswith(start))
        return sorted({row.split("/")[0] for row in rest})

    def nodes(self) -> list[Node]:
        """Return the cards as the topology describes them."""
        return nodes_of(self.read_text, self.names, TOPOLOGY)

    def card(self, gpu_id: int) -> EmulatedCard:
        """Return the card of a number; raises RefusedRequest."""
        found = self._cards.get(gpu_id)
        if found is not None:
            return found
        for node in self.nodes():
            if node.gpu_id == gpu_id:
                made = EmulatedCard(
                    node, self._executor, self._clock, self._back, self._drop, page=self._page
                )
                self._cards[gpu_id] = made
                return made
        raise RefusedRequest(errno.EINVAL, "ioctl", f"there is no gpu_id {gpu_id:#x}")

    def cards(self) -> list[EmulatedCard]:
        """Return the cards that a request has named."""
        return list(self._cards.values())

    def request(self, argument: ctypes.Structure) -> None:
        """Answer a request in place; raises RefusedRequest. Its pointers have to be valid here."""
        self._card_of(argument).request(argument)

    def card_of_doorbell(self, offset: int) -> EmulatedCard:
        """Return the card whose doorbells are mapped by an offset."""
        return self.card(offset >> _DOORBELL_CARD_SHIFT & 0xFFFF)

    def buffer_at(self, offset: int) -> Buffer | None:
        """Return the buffer that an offset of the render node maps."""
        for card in self._cards.values():
            for row in card.buffers.live():
                if row.map_offset == offset:
                    return row
        return None

    def advance(self) -> bool:
        """Let all queues do what they can; return whether anything was done."""
        has_moved = False
        while any([card.advance() for card in self._cards.values()]):
            has_moved = True
        return has_moved

    def end(self) -> list[str]:
        """Forget all cards; return what the process has left behind on them."""
        left = [text for card in self._cards.values() for text in card.check_end()]
        self._cards.clear()
        self._page = EventPage()
        return left

    def _card_of(self, argument: Any) -> EmulatedCard:
        """Return the card that a request names; those that name none go to one that is open."""
        number = getattr(argument, "gpu_id", 0) or getattr(argument, "node_id", 0)
        if not number and isinstance(argument, abi.MapMemoryToGpu | abi.UnmapMemoryFromGpu):
            number = ctypes.c_uint32.from_address(argument.device_ids_array_ptr).value
        if not number and hasattr(argument, "handle"):
            number = argument.handle >> HANDLE_SHIFT
        if not number:
            for card in self._cards.values():
                if _owns(card, argument):
                    return card
            number = next(iter(self._cards), 0) or self.nodes()[0].gpu_id
        return self.card(number)


def _owns(card: EmulatedCard, argument: Any) -> bool:
    """Whether a request that names only a queue or an event is about this card's."""
    if isinstance(argument, abi.WaitEvents) and argument.num_events:
        return card.has_event(abi.EventData.from_address(argument.events_ptr).event_id)
    if isinstance(argument, abi.DestroyEvent | abi.SetEvent | abi.ResetEvent):
        return card.has_event(argument.event_id)
    is_of_queue = isinstance(argument, abi.DestroyQueue | abi.SetCuMask)
    return is_of_queue and card.has_queue(argument.queue_id)
