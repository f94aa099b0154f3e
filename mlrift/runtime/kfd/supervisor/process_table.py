"""Processes under the supervisor: whose calls they are, what they execute, and their ends.

A process is known by its first call that the filter hands over. What it opened for the card is its
own: neither a child nor the program that replaces it has a part in that, as with the real driver.
"""

import os
from pathlib import Path

from mlrift.runtime.kfd.supervisor.process_memory import ProcessMemory, process_of

_ZOMBIE, _DEAD = "Z", "X"


class SupervisedProcess:
    """One process. `image` tells what it executes now from what it executed before."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.memory = ProcessMemory(pid)

    @property
    def image(self) -> bytes:
        """What the kernel told the program at its start, which has a random address in it."""
        try:
            return Path(f"/proc/{self.pid}/auxv").read_bytes()
        except OSError:
            return b""

    @property
    def executable(self) -> Path:
        """The file that it executes."""
        return Path(f"/proc/{self.pid}/exe")

    @property
    def is_alive(self) -> bool:
        """Whether it can still make a call."""
        try:
            text = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return False
        return text.rpartition(")")[2].split()[0] not in (_ZOMBIE, _DEAD)

    def file_of(self, descriptor: int) -> str:
        """Return what a descriptor refers to, as the kernel calls it; "" for none."""
        try:
            return os.readlink(f"/proc/{self.pid}/fd/{descriptor}")
        except OSError:
            return ""

    def path_of(self, name: str) -> str:
        """Return where a name of a file is, seen from its current folder."""
        return os.path.join(f"/proc/{self.pid}/cwd", name)


class ProcessTable:
    """All processes that have made a call."""

    def __init__(self) -> None:
        self._rows: dict[int, SupervisedProcess] = {}

    def of_thread(self, thread: int) -> SupervisedProcess:
        """Return the process of a thread; raises OSError when it has gone."""
        found = self._rows.get(thread)
        if found is not None:
            return found
        pid = process_of(thread)
        return self._rows.setdefault(pid, SupervisedProcess(pid))


def has_filtered() -> bool:
    """Whether some process alive has more filters of calls than this one.

    Those of other supervisors count, too: this is for where nobody buries the dead, whose filters
    the kernel keeps, so that it cannot say that there is no process any more.
    """
    own = _filters("self")
    return any(_filters(name) > own for name in os.listdir("/proc") if name.isdecimal())


def _filters(name: str) -> int:
    """Return how many filters a process has; 0 for one that has ended."""
    try:
        text = Path(f"/proc/{name}/status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    rows = dict(line.partition(":")[::2] for line in text.splitlines())
    if rows.get("State", "").split()[:1] in ([_ZOMBIE], [_DEAD]):
        return 0
    return int(rows.get("Seccomp_filters", "0"))
