"""The supervisor: a program runs, and its calls to the driver are answered by emulated cards.

An executable enters, its exit status leaves. The program is stopped only while a call of it is
answered; what the card executes takes no time by the clock that the program reads. A broken rule
ends the program with a report on standard error. Its children see the cards as it does, each with
addresses and queues of its own, and are waited for.
"""

import contextlib
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
from mlrift.runtime.kfd.driver import KFD_PATH, TOPOLOGY
from mlrift.runtime.kfd.emulated.emulator_executor import EmulatorExecutor
from mlrift.runtime.kfd.emulated.execution import Executor
from mlrift.runtime.kfd.emulated.machine import EmulatedMachine
from mlrift.runtime.kfd.emulated.rules import RefusedRequest, RuleViolation
from mlrift.runtime.kfd.errors import DeviceError, DeviceLost
from mlrift.runtime.kfd.supervisor import child, filter
from mlrift.runtime.kfd.supervisor.client import Client
from mlrift.runtime.kfd.supervisor.notifications import Call, Listener
from mlrift.runtime.kfd.supervisor.process_table import (
    ProcessTable,
    SupervisedProcess,
    has_filtered,
)
from mlrift.runtime.kfd.supervisor.shared_memory import DOORBELL_FILE, MEMORY_FILE
from mlrift.runtime.kfd.supervisor.start_state import leave_clock_to_the_kernel
from mlrift.static_types import Any

_LOOK_MILLISECONDS = 0.2
_COMPENSATED_CLOCKS = (time.CLOCK_MONOTONIC, time.CLOCK_MONOTONIC_RAW, time.CLOCK_BOOTTIME)
_TYPE_DRM, _TYPE_KFD = ord("d"), ord("K")
_LATE_LOOK_SECONDS = 0.05
_SIGNALLED = 128
STATUS_RULE_BROKEN = 1


class Supervisor:
    """Runs one program on emulated cards. `messages` collects what rules were broken."""

    def __init__(self, gfx: tuple[str, ...], executor: Executor | None = None) -> None:
        self._gfx = gfx
        self._executor: Executor = executor or EmulatorExecutor()
        machine = EmulatedMachine(gfx, self._executor, time.monotonic, _nothing, _nothing)
        self._files = machine.files
        self._render_paths = {row.render_path for row in machine.nodes()}
        self._clients: dict[int, Client] = {}
        self._stolen_seconds = 0.0
        self._main = 0
        self.messages: list[str] = []

    def run(self, image: Path, arguments: list[str]) -> int:
        """Run a program to its end; return its exit status, 1 when it broke a rule."""
        with tempfile.TemporaryDirectory(prefix="mlrift-topology-") as folder:
            self._topology = Path(folder)
            self._write_topology()
            process, descriptor = _start(image, arguments)
            self._listener = Listener(descriptor)
            self._processes = ProcessTable()
            self._main = process.pid
            try:
                self._serve(process)
            except (RuleViolation, DeviceLost) as error:
                self._report(str(error))
                self._kill_all(process)
                return STATUS_RULE_BROKEN
            finally:
                if process.poll() is None:
                    process.kill()
                os.close(descriptor)
        for client in self._clients.values():
            self._end(client)
        if self.messages:
            return STATUS_RULE_BROKEN
        return process.returncode

    def pass_on(self, number: int) -> None:
        """Send a signal to the program: its end is for it to decide."""
        if not self._main:
            raise SystemExit(_SIGNALLED + number)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._main, number)

    def _serve(self, process: "subprocess.Popen[bytes]") -> None:
        """Answer calls until the program and all of its children have ended."""
        waiting = select.poll()
        waiting.register(self._listener.descriptor, select.POLLIN)
        late_look = 0.0
        while True:
            ready = waiting.poll(_LOOK_MILLISECONDS)
            self._look_at_doorbells()
            self._look_at_waits()
            events = ready[0][1] if ready else 0
            if events & select.POLLIN:
                self._take_call()
            elif events & select.POLLHUP:
                break
            if time.monotonic() > late_look:
                late_look = time.monotonic() + _LATE_LOOK_SECONDS
                self._look_at_children()
                if process.poll() is not None and not has_filtered():
                    break
        process.wait()
        self._look_at_doorbells()

    def _take_call(self) -> None:
        call = self._listener.receive()
        if call is None:
            return
        try:
            process = self._processes.of_thread(call.pid)
        except OSError:
            self._listener.let_pass(call)
            return
        try:
            self._answer(call, process)
        except (RuleViolation, DeviceLost) as error:
            self._stop(process.pid, error)

    def _look_at_doorbells(self) -> None:
        """Do the work that was announced; the programs' clock stands still meanwhile."""
        for pid, client in list(self._clients.items()):
            begun = time.monotonic()
            try:
                if client.work():
                    self._stolen_seconds += time.monotonic() - begun
            except (RuleViolation, DeviceLost) as error:
                self._stop(pid, error)
            except OSError:
                if client.process.is_alive:
                    raise

    def _look_at_waits(self) -> None:
        """Answer processes that wait for events, as soon as there are any."""
        for client in self._clients.values():
            with contextlib.suppress(OSError):  # of a process that has ended meanwhile
                client.look_at_waits()

    def _look_at_children(self) -> None:
        """Take from processes that have ended what they had of the cards."""
        for pid, client in list(self._clients.items()):
            if pid != self._main and client.is_gone:
                self._end(self._clients.pop(pid))

    def _stop(self, pid: int, error: Exception) -> None:
        """End the program for what it did wrong; of its children, the guilty one."""
        if pid == self._main:
            raise error
        self._report(f"process {pid}: {error}")
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        client = self._clients.pop(pid, None)
        if client is not None:
            client.end()

    def _kill_all(self, process: "subprocess.Popen[bytes]") -> None:
        process.send_signal(signal.SIGKILL)
        for pid in self._clients:
            if pid != self._main:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        process.wait()

    def _end(self, client: Client) -> None:
        """Tell what a process has left behind."""
        left = client.end()
        pid = client.process.pid
        if left:
            whose = "" if pid == self._main else f"process {pid} "
            self._report(f"{whose}at the end: " + "; ".join(left))

    # -- calls --

    def _answer(self, call: Call, process: SupervisedProcess) -> None:
        number = call.number
        try:
            if number in (filter.OPEN, filter.OPENAT):
                self._open(call, process)
            elif number == filter.IOCTL:
                self._ioctl(call, process)
            elif number == filter.MMAP:
                self._map(call, process)
            else:
                self._clock(call, process)
        except RefusedRequest as error:
            self._tell(f"{error.call}: {error.rule}")
            self._listener.fail(call, error.errno or errno.EINVAL)
        except OSError as error:
            self._listener.fail(call, error.errno or errno.EFAULT)

    def _open(self, call: Call, process: SupervisedProcess) -> None:
        is_relative = call.number == filter.OPENAT
        place = call.arguments[1 if is_relative else 0]
        path = process.memory.read_string(place).decode(errors="surrogateescape")
        if path == KFD_PATH:
            self._client_of(process).give_kfd(call)
        elif path in self._render_paths:
            self._client_of(process).give_render_node(call)
        elif path.startswith(TOPOLOGY):
            self._give_topology(call, path)
        else:
            if path.endswith(".co"):
                self._note_code(process.path_of(path))
            self._listener.let_pass(call)

    def _client_of(self, process: SupervisedProcess) -> Client:
        """Return what a process has of the cards; a new program in it begins with nothing."""
        known = self._clients.get(process.pid)
        if known is not None and known.image == process.image:
            return known
        if known is not None:
            self._end(known)
        self._note_embedded_code(process.executable)
        made = Client(process, self._gfx, self._executor, self._listener, self._now)
        self._clients[process.pid] = made
        return made

    def _give_topology(self, call: Call, path: str) -> None:
        place = self._topology / path.removeprefix(TOPOLOGY).lstrip("/")
        if not place.exists():
            raise FileNotFoundError(errno.ENOENT, path)
        descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._listener.answer_with_file(call, descriptor)
        finally:
            os.close(descriptor)

    def _ioctl(self, call: Call, process: SupervisedProcess) -> None:
        """Answer requests of the files that we gave; the driver knows each process by itself."""
        file = process.file_of(call.arguments[0])
        kind = call.arguments[1] >> 8 & 0xFF
        if kind == _TYPE_DRM and MEMORY_FILE in file:
            self._client_of(process).drm_request(call)
        elif kind == _TYPE_KFD and DOORBELL_FILE in file:
            client = self._clients.get(process.pid)
            if client is None or not client.owns(file):
                self._listener.fail(call, errno.EBADF)
            else:
                client.request(call)
        else:
            self._listener.let_pass(call)

    def _map(self, call: Call, process: SupervisedProcess) -> None:
        file = process.file_of(call.arguments[4])
        if DOORBELL_FILE in file or MEMORY_FILE in file:
            client = self._clients.get(process.pid)
            if client is None or not client.owns(file):
                rule = "the descriptor is another process's: open the file anew after a fork"
                raise RefusedRequest(errno.EINVAL, "mmap", rule)
            client.check_map(call, file)
        self._listener.let_pass(call)

    def _clock(self, call: Call, process: SupervisedProcess) -> None:
        clock, address = call.arguments[0], call.arguments[1]
        if clock not in _COMPENSATED_CLOCKS:
            self._listener.let_pass(call)
            return
        now = time.clock_gettime_ns(clock) - int(self._stolen_seconds * 1e9)
        seconds, nanoseconds = divmod(now, 10**9)
        process.memory.write(address, struct.pack("<qq", seconds, nanoseconds))
        self._listener.answer(call, 0)

    # -- the rest --

    def _now(self) -> float:
        return time.monotonic() - self._stolen_seconds

    def _note_code(self, path: str) -> None:
        """Learn names and lines from a code object that a program is about to read."""
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
        for name, text in self._files.items():
            place = self._topology / name.removeprefix(TOPOLOGY).lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="ascii")

    def _report(self, message: str) -> None:
        self.messages.append(message)
        self._tell(message)

    @staticmethod
    def _tell(message: str) -> None:
        print(f"mlr: emulated device: {message}", file=sys.stderr, flush=True)


def _nothing(_argument: Any) -> None:
    """Do nothing: the machine that is only read from has no memory."""


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
    said, found, _, _ = socket.recv_fds(ours, 16, 1)
    ours.close()
    if not found:
        process.wait()
        raise DeviceError("the program cannot be supervised: the kernel lacks seccomp listeners")
    if said == b"traced":
        ended = leave_clock_to_the_kernel(process.pid)
        if ended is not None:
            process.returncode = os.waitstatus_to_exitcode(ended)
    return process, found[0]
