"""What one process has of the emulated cards: its files, buffers, queues and doorbells.

Calls of the process enter, answers leave by the listener; what breaks a rule is raised. The files
that stand for /dev/kfd and the render node carry the client's number in their names, so that a
descriptor says whose it is however it was copied, inherited or passed on.
"""

import ctypes
import errno
import time
from collections.abc import Callable

from mlrift.runtime.kfd.abi import REQUESTS, MemoryFlag, WaitEvents, WaitResult
from mlrift.runtime.kfd.emulated.buffers import Buffer
from mlrift.runtime.kfd.emulated.card import DOORBELL_PAGE_BYTES
from mlrift.runtime.kfd.emulated.driver import view_problem
from mlrift.runtime.kfd.emulated.execution import Executor
from mlrift.runtime.kfd.emulated.machine import EmulatedMachine
from mlrift.runtime.kfd.emulated.rules import RefusedRequest
from mlrift.runtime.kfd.supervisor.notifications import Call, Listener
from mlrift.runtime.kfd.supervisor.process_table import SupervisedProcess
from mlrift.runtime.kfd.supervisor.shared_memory import (
    DOORBELL_FILE,
    MEMORY_FILE,
    Doorbells,
    SharedMemory,
)
from mlrift.runtime.kfd.trace import ARRAYS
from mlrift.static_types import Any
from mlrift.values import record

_BY_NUMBER = {row.number: row for row in REQUESTS}
_DRM_CONTEXT_ALLOCATE = 1
_FOREVER = 0xFFFFFFFF


@record
class PendingWait:
    """A WAIT_EVENTS that was not answered yet, and when it has to be by the process's clock."""

    call: Call
    argument: WaitEvents
    array: Any
    pointer: int
    deadline: float


class Client:
    """The cards as one process sees them. `clock` is the time of all supervised processes."""

    def __init__(
        self,
        process: SupervisedProcess,
        gfx: tuple[str, ...],
        executor: Executor,
        listener: Listener,
        clock: Callable[[], float],
    ) -> None:
        self.process = process
        self.image = process.image
        self._listener = listener
        self._clock = clock
        self._shared = SharedMemory(process.pid)
        self._machine = EmulatedMachine(
            gfx, executor, time.monotonic, self._back, self._shared.drop
        )
        self._doorbells: dict[int, Doorbells] = {}
        self._waits: list[PendingWait] = []

    @property
    def is_gone(self) -> bool:
        """Whether its process has ended, or executes another program."""
        return not self.process.is_alive

    # -- files --

    def give_kfd(self, call: Call) -> None:
        """Answer an open of /dev/kfd with the file of the doorbells of all cards."""
        for node in self._machine.nodes():
            if node.gpu_id not in self._doorbells:
                others = next(iter(self._doorbells.values()), None)
                made = Doorbells(self.process.pid, node.gpu_id << 16, DOORBELL_PAGE_BYTES, others)
                self._doorbells[node.gpu_id] = made
        self._listener.answer_with_file(call, next(iter(self._doorbells.values())).descriptor)

    def give_render_node(self, call: Call) -> None:
        """Answer an open of a render node with the file of all buffers."""
        self._listener.answer_with_file(call, self._shared.descriptor)

    def owns(self, file: str) -> bool:
        """Whether a file is one of this client's."""
        return file.split(" ", maxsplit=1)[0] in (
            f"/memfd:{DOORBELL_FILE}{self.process.pid}",
            f"/memfd:{MEMORY_FILE}{self.process.pid}",
        )

    def check_map(self, call: Call, file: str) -> None:
        """Refuse a map of one of the files that no driver would make."""
        address, size, _, _, _, offset = call.arguments
        if DOORBELL_FILE in file:
            if offset >> 16 not in self._doorbells or size != DOORBELL_PAGE_BYTES:
                rule = f"/dev/kfd maps doorbells only, {DOORBELL_PAGE_BYTES} bytes at their offset"
                raise RefusedRequest(errno.EINVAL, "mmap", rule)
            return
        row = self._machine.buffer_at(offset)
        problem = (
            f"offset {offset:#x} of the render node is no buffer's"
            if row is None
            else view_problem(row, address, size)
        )
        if problem:
            raise RefusedRequest(errno.EINVAL, "mmap", problem)

    # -- requests --

    def request(self, call: Call) -> None:
        """Answer a request of /dev/kfd; a wait may be answered later."""
        code, address = call.arguments[1], call.arguments[2]
        row = _BY_NUMBER.get(code & 0xFF)
        if row is None:
            rule = f"request {code:#x} is not known to the emulated driver"
            raise RefusedRequest(errno.ENOTTY, "ioctl", rule)
        size = ctypes.sizeof(row.argument)
        given = self.process.memory.read(address, min(code >> 16 & 0x3FFF, size))
        argument = row.argument.from_buffer_copy(given.ljust(size, b"\0"))
        array, pointer = self._local_array(argument)
        self._machine.request(argument)
        self._watch_new_queue(row.name, argument)
        if isinstance(argument, WaitEvents) and self._has_to_wait(argument):
            seconds = argument.timeout / 1e3
            deadline = float("inf") if argument.timeout == _FOREVER else self._clock() + seconds
            self._waits.append(PendingWait(call, argument, array, pointer, deadline))
            return
        self._give_answer(call, argument, array, pointer)

    def drm_request(self, call: Call) -> None:
        """Answer requests for a context of the graphics driver: there is one, number 1."""
        address = call.arguments[2]
        operation = int.from_bytes(self.process.memory.read(address, 4), "little")
        if operation == _DRM_CONTEXT_ALLOCATE:
            self.process.memory.write(address, (1).to_bytes(8, "little"))
        self._listener.answer(call, 0)

    def look_at_waits(self) -> None:
        """Answer waits whose events have come, and those that have lasted as long as they may."""
        waits, self._waits = self._waits, []
        for row in waits:
            if not self._listener.is_alive(row.call):
                continue
            if row.argument.num_events:
                row.argument.events_ptr = ctypes.addressof(row.array)
            self._machine.request(row.argument)
            if self._has_to_wait(row.argument) and self._clock() < row.deadline:
                self._waits.append(row)
            else:
                self._give_answer(row.call, row.argument, row.array, row.pointer)

    @staticmethod
    def _has_to_wait(argument: WaitEvents) -> bool:
        return bool(argument.wait_result != WaitResult.COMPLETE and argument.timeout != 0)

    def _give_answer(self, call: Call, argument: Any, array: Any, pointer: int) -> None:
        if array is not None:
            self.process.memory.write(pointer, bytes(array))
            setattr(argument, ARRAYS[type(argument)][0], pointer)
        room = min(call.arguments[1] >> 16 & 0x3FFF, ctypes.sizeof(argument))
        self.process.memory.write(call.arguments[2], bytes(argument)[:room])
        self._listener.answer(call, 0)

    def _local_array(self, argument: Any) -> tuple[Any, int]:
        """Copy the array that a request points to; return the copy and where it came from."""
        row = ARRAYS.get(type(argument))
        if row is None or not getattr(argument, row[0]):
            return None, 0
        pointer = int(getattr(argument, row[0]))
        made = (row[2] * getattr(argument, row[1]))()
        size = ctypes.sizeof(made)
        if size:
            ctypes.memmove(made, self.process.memory.read(pointer, size), size)
        setattr(argument, row[0], ctypes.addressof(made))
        return made, pointer

    def _watch_new_queue(self, name: str, argument: Any) -> None:
        if name == "CREATE_QUEUE":
            page = self._doorbells[argument.gpu_id]
            page.watch(argument.doorbell_offset & DOORBELL_PAGE_BYTES - 1)

    # -- work --

    def work(self) -> bool:
        """Do what was announced by doorbells; return whether anything was."""
        rung = [
            (gpu_id, place, number)
            for gpu_id, page in self._doorbells.items()
            for place, number in page.rung()
        ]
        if not rung:
            return False
        self._copy_process_memory(into_card=True)
        for gpu_id, place, number in rung:
            self._machine.card(gpu_id).ring_doorbell(place, number)
        self._machine.advance()
        self._copy_process_memory(into_card=False)
        return True

    def end(self) -> list[str]:
        """Take everything away; return what the process has left behind."""
        left = self._machine.end()
        self._shared.close()
        for page in self._doorbells.values():
            page.close()
        self._doorbells.clear()
        return left

    def _copy_process_memory(self, *, into_card: bool) -> None:
        """Copy what the card sees of the process's own memory."""
        for card in self._machine.cards():
            for row in card.buffers.live():
                if not row.flags & MemoryFlag.USERPTR:
                    continue
                if into_card:
                    data = self.process.memory.read(row.address, row.size)
                    ctypes.memmove(row.host, data, row.size)
                else:
                    self.process.memory.write(row.address, ctypes.string_at(row.host, row.size))

    def _back(self, row: Buffer) -> None:
        self._shared.back(row)
