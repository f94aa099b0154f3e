"""The emulated card behind the seam of this process: `Device.open(driver=EmulatedDriver(...))`."""

import ctypes
import errno

from mlrift.backends.amdgcn.codeobject.read import LoadedObject
from mlrift.runtime.kfd import abi
from mlrift.runtime.kfd.driver import KFD_PATH, RealDriver
from mlrift.runtime.kfd.emulated.buffers import Buffer
from mlrift.runtime.kfd.emulated.card import DOORBELL_PAGE_BYTES, EmulatedCard
from mlrift.runtime.kfd.emulated.cards import CARDS, card_named, topology_files
from mlrift.runtime.kfd.emulated.execution import Executor
from mlrift.runtime.kfd.emulated.rules import RefusedRequest, RuleViolation
from mlrift.runtime.kfd.errors import DeviceError, failed
from mlrift.runtime.kfd.topology import Node, read_nodes
from mlrift.static_types import Any

_FIRST_DESCRIPTOR = 1 << 20
_TICK_SECONDS = 1e-6


class EmulatedDriver:
    """Cards by their gfx names, one after the other; launches go to an executor.

    Work is done when a doorbell is rung. Its clock counts what happens, not seconds: a pause costs
    as long as it asks for.
    """

    def __init__(self, executor: Executor, gfx: tuple[str, ...] = ("gfx1100",)) -> None:
        cards = []
        for name in gfx:
            card = card_named(name)
            if card is None:
                known = ", ".join(row.gfx for row in CARDS)
                raise DeviceError(f"{name} cannot be emulated, only: {known}")
            cards.append(card)
        self._files = topology_files(tuple(cards))
        self._executor = executor
        self._memory = RealDriver()
        self._seconds = 0.0
        self._opened: dict[int, str] = {}
        self._next_descriptor = _FIRST_DESCRIPTOR
        self._nodes = {row.gpu_id: row for row in read_nodes(self)}
        self._cards: dict[int, EmulatedCard] = {}
        self._doorbells: dict[int, tuple[EmulatedCard, int]] = {}

    def card(self, gpu_id: int) -> EmulatedCard:
        """Return the card of a number; raises RefusedRequest."""
        node = self._nodes.get(gpu_id)
        if node is None:
            raise RefusedRequest(errno.EINVAL, "ioctl", f"there is no gpu_id {gpu_id:#x}")
        if gpu_id not in self._cards:
            self._cards[gpu_id] = self._new_card(node)
        return self._cards[gpu_id]

    def open(self, path: str) -> int:
        """Open /dev/kfd or a render node."""
        nodes = {row.render_path for row in self._nodes.values()}
        if path != KFD_PATH and path not in nodes:
            raise failed(errno.ENOENT, "open render node", path)
        self._next_descriptor += 1
        self._opened[self._next_descriptor] = path
        return self._next_descriptor

    def close(self, descriptor: int) -> None:
        """Close; the last one of /dev/kfd has to leave nothing behind."""
        path = self._path(descriptor)
        del self._opened[descriptor]
        if path == KFD_PATH and KFD_PATH not in self._opened.values():
            left = [text for card in self._cards.values() for text in card.check_end()]
            self._cards.clear()
            if left:
                raise RuleViolation("at the end: " + "; ".join(left))

    def ioctl(self, descriptor: int, argument: ctypes.Structure) -> None:
        """Answer a request."""
        if self._path(descriptor) != KFD_PATH:
            raise RefusedRequest(errno.ENOTTY, "ioctl", "requests go to /dev/kfd")
        self._tick()
        self._card_of(argument).request(argument)

    def reserve(self, size: int) -> int:
        """Reserve address space of this process."""
        return self._memory.reserve(size)

    def map(self, descriptor: int, address: int, size: int, offset: int) -> int:
        """Show a buffer or the doorbells to the process."""
        path = self._path(descriptor)
        if path == KFD_PATH:
            return self._map_doorbells(size, offset)
        for card in self._cards.values():
            row = card.buffers.at_offset(offset)
            if row is not None:
                _check_view(row, address, size)
                row.is_seen_by_host = True
                return address
        raise failed(errno.EINVAL, "mmap", f"offset {offset:#x} is no buffer's")

    def unmap(self, address: int, size: int) -> None:
        """Take pages away."""
        self._doorbells.pop(address, None)
        self._memory.unmap(address, size)

    def read_text(self, path: str) -> str:
        """Read a file of the topology."""
        if path not in self._files:
            raise FileNotFoundError(errno.ENOENT, "no such file of the emulated topology", path)
        return self._files[path]

    def names(self, folder: str) -> list[str]:
        """List a folder of the topology."""
        start = folder.rstrip("/") + "/"
        rest = (name[len(start) :] for name in self._files if name.startswith(start))
        return sorted({row.split("/")[0] for row in rest})

    def ring_doorbell(self, address: int, count: int) -> None:
        """Note it, and do the work."""
        self._tick()
        for start, (card, _) in self._doorbells.items():
            if start <= address < start + DOORBELL_PAGE_BYTES:
                ctypes.c_uint64.from_address(address).value = count
                card.ring_doorbell(address - start, count)
                self._advance()
                return
        raise RuleViolation(f"a doorbell at {address:#x}, which is in no doorbell page")

    def note_memory(self, address: int, asked_bytes: int, name: str) -> None:
        """Learn what a buffer is called, and how large it really is."""
        for card in self._cards.values():
            card.buffers.note(address, asked_bytes, name)

    def note_code(self, address: int, loaded: LoadedObject) -> None:
        """Learn which file was loaded where."""
        self._executor.note_code(address, loaded)

    def pause(self, waited_seconds: float) -> None:
        """Let time pass: a tenth of what was waited."""
        self._advance()
        self._seconds += max(waited_seconds / 10, 1e-5)

    def now(self) -> float:
        """Return the seconds that have passed."""
        self._tick()
        return self._seconds

    def _advance(self) -> None:
        while any([card.advance() for card in self._cards.values()]):
            pass

    def _tick(self) -> None:
        self._seconds += _TICK_SECONDS

    def _path(self, descriptor: int) -> str:
        if descriptor not in self._opened:
            raise RuleViolation(f"the descriptor {descriptor} is not open")
        return self._opened[descriptor]

    def _card_of(self, argument: Any) -> EmulatedCard:
        """Return the card that a request names; those that name none go to one that is open."""
        number = getattr(argument, "gpu_id", 0) or getattr(argument, "node_id", 0)
        if not number and isinstance(argument, abi.MapMemoryToGpu | abi.UnmapMemoryFromGpu):
            number = ctypes.c_uint32.from_address(argument.device_ids_array_ptr).value
        if not number and hasattr(argument, "handle"):
            number = argument.handle >> 16
        if not number:
            for card in self._cards.values():
                if _owns(card, argument):
                    return card
        return self.card(number or next(iter(self._cards or self._nodes)))

    def _new_card(self, node: Node) -> EmulatedCard:
        return EmulatedCard(node, self._executor, self.now, self._back, self._drop)

    def _back(self, row: Buffer) -> None:
        """Put zeroed memory where the buffer is to be."""
        self._memory.place(row.address, row.size)

    def _drop(self, row: Buffer) -> None:
        """Leave the pages: the process unmaps them."""

    def _map_doorbells(self, size: int, offset: int) -> int:
        if size != DOORBELL_PAGE_BYTES:
            raise failed(errno.EINVAL, "mmap", f"doorbells are {DOORBELL_PAGE_BYTES} bytes")
        address = self._memory.reserve(size)
        self._memory.place(address, size)
        card = self.card(offset >> 16 & 0xFFFF)
        self._doorbells[address] = (card, size)
        return address


def _owns(card: EmulatedCard, argument: Any) -> bool:
    """Whether a request that names only a queue or an event is about this card's."""
    if isinstance(argument, abi.WaitEvents) and argument.num_events:
        return card.has_event(abi.EventData.from_address(argument.events_ptr).event_id)
    if isinstance(argument, abi.DestroyEvent):
        return card.has_event(argument.event_id)
    return isinstance(argument, abi.DestroyQueue) and card.has_queue(argument.queue_id)


def _check_view(row: Buffer, address: int, size: int) -> None:
    if address != row.address or size != row.size:
        raise failed(errno.EINVAL, "mmap", "a buffer is mapped whole, at its own address")
    if row.is_vram and not row.flags & abi.MemoryFlag.PUBLIC:
        raise failed(errno.EPERM, "mmap", "memory of the card that is not PUBLIC")
