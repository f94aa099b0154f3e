"""Locks and condition variables of emulated processes, keyed by the guest address of the object."""

import time
from collections import defaultdict

from tests.support.scheduler import GuestThread, Scheduler, WouldBlock

_CONDITION_NOTE = "waits on condition"


class LockTable:
    """Exclusive and shared ownership of lock objects."""

    def __init__(self) -> None:
        self._owners: dict[int, int] = {}
        self._readers: dict[int, int] = defaultdict(int)

    def owner(self, lock: int) -> int | None:
        """Return the number of the thread that owns `lock` exclusively."""
        return self._owners.get(lock)

    def is_free(self, lock: int) -> bool:
        """Say whether `lock` could be taken exclusively now."""
        return lock not in self._owners and not self._readers[lock]

    def try_acquire(self, lock: int, thread: GuestThread) -> bool:
        """Take `lock` exclusively if it is free."""
        if not self.is_free(lock):
            return False
        self._owners[lock] = thread.number
        return True

    def acquire(self, lock: int, thread: GuestThread) -> None:
        """Take `lock` exclusively, waiting if need be."""
        if not self.try_acquire(lock, thread):
            raise WouldBlock(lambda: self.is_free(lock))

    def acquire_shared(self, lock: int) -> None:
        """Take `lock` shared, waiting while somebody owns it."""
        if lock in self._owners:
            raise WouldBlock(lambda: lock not in self._owners)
        self._readers[lock] += 1

    def release(self, lock: int, thread: GuestThread) -> bool:
        """Give up exclusive ownership; False when `thread` does not own `lock`."""
        if self._owners.get(lock) != thread.number:
            return False
        del self._owners[lock]
        return True

    def release_shared(self, lock: int) -> bool:
        """Give up shared ownership; False when nobody has it."""
        if not self._readers[lock]:
            return False
        self._readers[lock] -= 1
        return True


class ConditionTable:
    """Who waits on which condition variable, in order of arrival."""

    def __init__(self, scheduler: Scheduler, locks: LockTable) -> None:
        self._scheduler = scheduler
        self._locks = locks
        self._waiters: dict[int, list[GuestThread]] = defaultdict(list)

    def wait(self, condition: int, lock: int, seconds: float | None) -> bool:
        """Release `lock`, wait to be woken, take `lock` again; False when `seconds` ran out."""
        thread = self._scheduler.running
        waiters = self._waiters[condition]
        if _CONDITION_NOTE not in thread.notes:
            self._locks.release(lock, thread)
            waiters.append(thread)
            thread.notes[_CONDITION_NOTE] = 1
        deadline = None if seconds is None else thread.deadline(seconds)

        def over() -> bool:
            late = deadline is not None and time.monotonic() >= deadline
            return thread not in waiters or late

        if not over():
            raise WouldBlock(over)
        self._locks.acquire(lock, thread)
        woken = thread not in waiters
        if not woken:
            waiters.remove(thread)
        del thread.notes[_CONDITION_NOTE]
        return woken

    def wake_one(self, condition: int) -> None:
        """Let the longest waiting thread go on."""
        if self._waiters[condition]:
            self._waiters[condition].pop(0)

    def wake_all(self, condition: int) -> None:
        """Let all waiting threads go on."""
        self._waiters[condition].clear()
