"""The supervisor: a program runs, and its calls to the driver are answered by emulated cards.

An executable enters, its exit status leaves. The program is stopped only while a call of it is
answered; what the card executes takes no time by the clock that the program reads. A broken rule
ends the program with a report on standard error.
"""

import contextlib
import ctypes
import errno
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mlrift.backends.amdgcn.codeobject.bundle import MAGIC, bundle_entries
from mlrift.backends.amdgcn.codeobject.errors import CodeObjectError
from mlrift.backends.amdgcn.codeobject.read import read
from mlrift.runtime.kfd.abi import REQUESTS, MemoryFlag
from mlrift.runtime.kfd.driver import KFD_PATH, TOPOLOGY
from mlrift.runtime.kfd.emulated.buffers import Buffer
from mlrift.runtime.kfd.emulated.card import DOORBELL_PAGE_BYTES
from mlrift.runtime.kfd.emulated.driver import view_problem
from mlrift.runtime.kfd.emulated.emulator_executor import EmulatorExecutor
from mlrift.runtime.kfd.emulated.machine import EmulatedMachine
from mlrift.runtime.kfd.emulated.rules import RefusedRequest, RuleViolation
from mlrift.runtime.kfd.errors import DeviceError, DeviceLost
from mlrift.runtime.kfd.supervisor import child, filter
from mlrift.runtime.kfd.supervisor.notifications import Call, Listener
from mlrift.runtime.kfd.supervisor.process_memory import ProcessMemory, process_of
from mlrift.runtime.kfd.supervisor.shared_memory import Doorbells, SharedMemory
from mlrift.runtime.kfd.trace import ARRAYS
from mlrift.static_types import Any

_BY_NUMBER = {row.number: row for row in REQUESTS}
_LOOK_SECONDS = 2e-4
_COMPENSATED_CLOCKS = (time.CLOCK_MONOTONIC, time.CLOCK_MONOTONIC_RAW, time.CLOCK_BOOTTIME)
_AT_CURRENT_FOLDER = -100
_TYPE_DRM = ord("d")
_DRM_CONTEXT_ALLOCATE = 1
STATUS_RULE_BROKEN = 1


class Supervisor:
    """Runs one program on emulated cards. `messages` collects what rules were broken."""

    def __init__(self, gfx: tuple[str, ...], executor: EmulatorExecutor | None = None) -> None:
        self._gfx = gfx
        self._executor = executor or EmulatorExecutor()
        self._shared = SharedMemory()
        self._machine = EmulatedMachine(
            gfx, self._executor, time.monotonic, self._back, self._shared.drop
        )
        self._doorbells: dict[int, Doorbells] = {}
        self._kinds: dict[int, str] = {}
        self._stolen_seconds = 0.0
        self.messages: list[str] = []

    def run(self, image: Path, arguments: list[str]) -> int:
        """Run a program to its end; return its exit status, 1 when it broke a rule."""
        self._note_embedded_code(image)
        with tempfile.TemporaryDirectory(prefix="mlrift-topology-") as folder:
            self._topology = Path(folder)
            self._write_topology()
            process, listener = _start(image, arguments)
            self._listener = Listener(listener)
            self._memory = ProcessMemory(process.pid)
            self._process = process.pid
            try:
                self._serve(process)
            except (RuleViolation, DeviceLost) as error:
                self._report(str(error))
                process.send_signal(signal.SIGKILL)
                process.wait()
                return STATUS_RULE_BROKEN
            finally:
                if process.poll() is None:
                    process.kill()
                os.close(listener)
        left = self._machine.end()
        if left:
            self._report("at the end: " + "; ".join(left))
        if self.messages:
            return STATUS_RULE_BROKEN
        return process.returncode

    def _serve(self, process: "subprocess.Popen[bytes]") -> None:
        descriptor = self._listener.descriptor
        while process.poll() is None:
            ready, _, _ = select.select([descriptor], [], [], _LOOK_SECONDS)
            self._look_at_doorbells()
            if ready:
                call = self._listener.receive()
                if call is not None:
                    self._answer(call)
        self._look_at_doorbells()

    def _look_at_doorbells(self) -> None:
        """Do the work that was announced; the program's clock stands still meanwhile."""
        rung = [
            (gpu_id, place, number)
            for gpu_id, page in self._doorbells.items()
            for place, number in page.rung()
        ]
        if not rung:
            return
        begun = time.monotonic()
        self._copy_process_memory(into_card=True)
        for gpu_id, place, number in rung:
            self._machine.card(gpu_id).ring_doorbell(place, number)
        self._machine.advance()
        self._copy_process_memory(into_card=False)
        self._stolen_seconds += time.monotonic() - begun

    def _copy_process_memory(self, *, into_card: bool) -> None:
        """Copy what the card sees of the process's own memory."""
        for card in self._machine.cards():
            for row in card.buffers.live():
                if not row.flags & MemoryFlag.USERPTR:
                    continue
                if into_card:
                    data = self._memory.read(row.address, row.size)
                    ctypes.memmove(row.host, data, row.size)
                else:
                    self._memory.write(row.address, ctypes.string_at(row.host, row.size))

    # -- calls --

    def _answer(self, call: Call) -> None:
        number = call.number
        try:
            if call.pid != self._process and process_of(call.pid) != self._process:
                self._answer_child(call)
            elif number in (filter.OPEN, filter.OPENAT):
                self._open(call)
            elif number == filter.IOCTL:
                self._ioctl(call)
            elif number == filter.MMAP:
                self._map(call)
            else:
                self._clock(call)
        except RefusedRequest as error:
            self._tell(f"{error.call}: {error.rule}")
            self._listener.fail(call, error.errno or errno.EINVAL)
        except OSError as error:
            self._listener.fail(call, error.errno or errno.EFAULT)

    def _answer_child(self, call: Call) -> None:
        """Let a child do what it wants, but for requests: the card is its parent's."""
        if call.number == filter.IOCTL:
            self._listener.fail(call, errno.EBADF)
        else:
            self._listener.let_pass(call)

    def _open(self, call: Call) -> None:
        is_relative = call.number == filter.OPENAT
        path = self._memory.read_string(call.arguments[1 if is_relative else 0]).decode(
            errors="surrogateescape"
        )
        if path == KFD_PATH:
            self._give(call, self._kfd_file(), path)
        elif path in {row.render_path for row in self._machine.nodes()}:
            self._give(call, self._shared.descriptor, path)
        elif path.startswith(TOPOLOGY):
            self._give_topology(call, path)
        else:
            if path.endswith(".co"):
                self._note_code(path)
            self._listener.let_pass(call)

    def _give(self, call: Call, descriptor: int, path: str) -> None:
        made = self._listener.answer_with_file(call, descriptor)
        if made >= 0:
            self._kinds[made] = path

    def _give_topology(self, call: Call, path: str) -> None:
        place = self._topology / path.removeprefix(TOPOLOGY).lstrip("/")
        if not place.exists():
            raise FileNotFoundError(errno.ENOENT, path)
        descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._listener.answer_with_file(call, descriptor)
        finally:
            os.close(descriptor)

    def _kfd_file(self) -> int:
        """Return the file that stands for /dev/kfd: the doorbells of all cards."""
        for node in self._machine.nodes():
            if node.gpu_id not in self._doorbells:
                files = next(iter(self._doorbells.values()), None)
                place = node.gpu_id << 16
                self._doorbells[node.gpu_id] = Doorbells(place, DOORBELL_PAGE_BYTES, files)
        return next(iter(self._doorbells.values())).descriptor

    def _ioctl(self, call: Call) -> None:
        descriptor, code, address = call.arguments[0], call.arguments[1], call.arguments[2]
        if code >> 8 & 0xFF == _TYPE_DRM:
            self._drm(call, address)
            return
        if self._kinds.get(descriptor) != KFD_PATH:
            self._listener.let_pass(call)
            return
        row = _BY_NUMBER.get(code & 0xFF)
        if row is None:
            rule = f"request {code:#x} is not known to the emulated driver"
            raise RefusedRequest(errno.ENOTTY, "ioctl", rule)
        size = ctypes.sizeof(row.argument)
        given = self._memory.read(address, min(code >> 16 & 0x3FFF, size))
        argument = row.argument.from_buffer_copy(given.ljust(size, b"\0"))
        array, pointer = self._local_array(argument)
        self._machine.request(argument)
        self._after(row.name, argument)
        if array is not None:
            self._memory.write(pointer, bytes(array))
            setattr(argument, ARRAYS[row.argument][0], pointer)
        self._memory.write(address, bytes(argument)[: len(given)])
        self._listener.answer(call, 0)

    def _local_array(self, argument: Any) -> tuple[Any, int]:
        """Copy the array that a request points to; return the copy and where it came from."""
        row = ARRAYS.get(type(argument))
        if row is None or not getattr(argument, row[0]):
            return None, 0
        pointer = int(getattr(argument, row[0]))
        made = (row[2] * getattr(argument, row[1]))()
        if ctypes.sizeof(made):
            ctypes.memmove(made, self._memory.read(pointer, ctypes.sizeof(made)), len(bytes(made)))
        setattr(argument, row[0], ctypes.addressof(made))
        return made, pointer

    def _after(self, name: str, argument: Any) -> None:
        """Begin to watch the doorbell of a new queue."""
        if name == "CREATE_QUEUE":
            page = self._doorbells[argument.gpu_id]
            page.watch(argument.doorbell_offset & DOORBELL_PAGE_BYTES - 1)

    def _drm(self, call: Call, address: int) -> None:
        """Answer requests for a context of the graphics driver: there is one, number 1."""
        operation = int.from_bytes(self._memory.read(address, 4), "little")
        if operation == _DRM_CONTEXT_ALLOCATE:
            self._memory.write(address, (1).to_bytes(8, "little"))
        self._listener.answer(call, 0)

    def _map(self, call: Call) -> None:
        address, size, _, _, descriptor, offset = call.arguments
        path = self._kinds.get(descriptor)
        if path is None:
            self._listener.let_pass(call)
            return
        if path == KFD_PATH:
            if offset >> 16 not in self._doorbells or size != DOORBELL_PAGE_BYTES:
                rule = f"/dev/kfd maps doorbells only, {DOORBELL_PAGE_BYTES} bytes at their offset"
                raise RefusedRequest(errno.EINVAL, "mmap", rule)
        else:
            row = self._machine.buffer_at(offset)
            problem = (
                f"offset {offset:#x} of the render node is no buffer's"
                if row is None
                else view_problem(row, address, size)
            )
            if problem:
                raise RefusedRequest(errno.EINVAL, "mmap", problem)
        self._listener.let_pass(call)

    def _clock(self, call: Call) -> None:
        clock, address = call.arguments[0], call.arguments[1]
        if clock not in _COMPENSATED_CLOCKS:
            self._listener.let_pass(call)
            return
        now = time.clock_gettime_ns(clock) - int(self._stolen_seconds * 1e9)
        seconds, nanoseconds = divmod(now, 10**9)
        self._memory.write(address, struct.pack("<qq", seconds, nanoseconds))
        self._listener.answer(call, 0)

    # -- the rest --

    def _back(self, row: Buffer) -> None:
        self._shared.back(row)

    def _note_code(self, path: str) -> None:
        """Learn names and lines from a code object that the program is about to read."""
        try:
            self._executor.note_code(read(Path(path).read_bytes()))
        except (OSError, CodeObjectError):
            return

    def _note_embedded_code(self, image: Path) -> None:
        """Learn the same from code objects that are in the program itself, as a bundle."""
        data = image.read_bytes()
        place = data.find(MAGIC)
        while place >= 0:
            with contextlib.suppress(CodeObjectError):
                for row in bundle_entries(data[place:]):
                    if row.gfx_name in self._gfx:
                        self._executor.note_code(read(row.data))
            place = data.find(MAGIC, place + len(MAGIC))

    def _write_topology(self) -> None:
        for name, text in self._machine.files.items():
            place = self._topology / name.removeprefix(TOPOLOGY).lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="ascii")

    def _report(self, message: str) -> None:
        self.messages.append(message)
        self._tell(message)

    @staticmethod
    def _tell(message: str) -> None:
        print(f"mlr: emulated device: {message}", file=sys.stderr, flush=True)


def _start(image: Path, arguments: list[str]) -> "tuple[subprocess.Popen[bytes], int]":
    """Start a program with its filter; return it and the listener of its calls."""
    ours, theirs = socket.socketpair()
    code = os.memfd_create("mlrift-filter", 0)
    os.write(code, filter.build_filter())
    program = os.open(image, os.O_RDONLY)
    words = [sys.executable, "-I", "-S", str(Path(child.__file__))]
    words += [str(program), str(code), str(theirs.fileno()), *arguments]
    descriptors = (program, code, theirs.fileno())
    process = subprocess.Popen(words, pass_fds=descriptors)
    os.close(program)
    os.close(code)
    theirs.close()
    _, found, _, _ = socket.recv_fds(ours, 16, 1)
    ours.close()
    if not found:
        process.wait()
        raise DeviceError("the program cannot be supervised: the kernel lacks seccomp listeners")
    return process, found[0]
