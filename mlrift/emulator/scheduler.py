"""Who runs when: waves in quanta, groups one after another or interleaved when they wait.

A group runs until it ends or until all its waves only use up quanta: then the next one gets its
turn, so a barrier over the whole grid is passed. With a seed, waves of several groups are picked at
random with random quanta, always the same for the same seed. Invariant: every launch ends, with
the grid finished or with an exception: waves that repeat their state while memory stays as it is
would repeat it for ever.
"""

import ctypes
import random
from collections.abc import Callable, Iterator
from typing import Protocol

from mlrift.emulator.layout import Status, WaveOffset, WaveState
from mlrift.emulator.waves import Group
from mlrift.values import value

_PROBE_ROUNDS = 96
_FIRST_PROBE = 4
_QUANTUM = 1_000_000
_COHERENT_SHARE = 256
"""An atomic or coherent load costs this part of a quantum."""

_RANDOM_GROUPS = 6
_RANDOM_QUANTA = (1, 3, 7, 40, 300, 5000)
_COMPARED = (
    (0, WaveOffset.QUANTUM),
    (WaveOffset.FLAT_SCRATCH, WaveOffset.SGPR_WRITTEN),
    (WaveOffset.VGPR, WaveOffset.BYTES),
)
"""What of a wave's state decides what it will do."""


@value
class Schedule:
    """How waves take turns. `quantum` is in instructions; None lets the scheduler choose.

    `resident_groups` is how many groups the device holds at once.
    """

    seed: int | None
    quantum: int | None
    resident_groups: int
    budget: int | None


class Deadlock(Exception):
    """No wave can make progress; `wave` is one that waits."""

    def __init__(self, group: Group, wave: int) -> None:
        super().__init__()
        self.group = group
        self.wave = wave


class OutOfBudget(Exception):
    """The launch has used its wave-instructions up."""


class Waves(Protocol):
    """Who executes waves."""

    def run_group(self, group: Group, quantum: int) -> Status:
        """Run a group until its waves have ended (END) or those left only yield (YIELD)."""

    def turn(self, group: Group, wave: int, quantum: int) -> bool:
        """Give one wave a turn; return whether it ended or came to a barrier."""

    def memory_changes(self) -> int:
        """Return how many stores and atomics have changed memory."""

    def instructions(self) -> int:
        """Return how many wave-instructions were executed."""


class Scheduler:
    """Runs a grid."""

    def __init__(self, schedule: Schedule, waves: Waves) -> None:
        self.schedule = schedule
        self.waves = waves
        self.quantum = schedule.quantum or _QUANTUM
        self.most_active = 0
        self._random = None if schedule.seed is None else random.Random(schedule.seed)

    @property
    def coherent_cost(self) -> int:
        """What an atomic or coherent load takes from a quantum beyond one instruction."""
        if self.schedule.quantum is not None or self._random is not None:
            return 0
        return max(1, self.quantum // _COHERENT_SHARE)

    def run(self, groups: Iterator[Group], finish: Callable[[Group], None]) -> None:
        """Run all groups; `finish` gets each that has ended."""
        active: list[Group] = []
        idle_rounds, next_probe = 0, _FIRST_PROBE
        has_more = True
        while has_more or active:
            changes = self.waves.memory_changes()
            has_more = has_more and self._admit(active, groups, idle_rounds)
            has_moved = self._turns(active)
            if has_moved:
                self._remove_ended(active, finish)
            self._check_budget()
            is_stuck = not (has_more and self._has_room(active))
            if has_moved or self.waves.memory_changes() != changes or not is_stuck:
                idle_rounds = 0 if has_moved else idle_rounds + 1
                next_probe = _FIRST_PROBE
                continue
            idle_rounds += 1
            if idle_rounds >= next_probe:
                self._probe(active)
                next_probe *= 4

    def _remove_ended(self, active: list[Group], finish: Callable[[Group], None]) -> None:
        for group in [group for group in active if _has_ended(group)]:
            active.remove(group)
            finish(group)

    def _admit(self, active: list[Group], groups: Iterator[Group], idle_rounds: int) -> bool:
        """Begin new groups; return whether there may be more."""
        for _ in range(self._wanted(active, idle_rounds) - len(active)):
            following = next(groups, None)
            if following is None:
                return False
            active.append(following)
            self.most_active = max(self.most_active, len(active))
        return True

    def _turns(self, active: list[Group]) -> bool:
        """Give every group its turn; return whether a wave ended or passed a barrier."""
        if self._random is not None:
            return self._round(active)
        ended = [self.waves.run_group(group, self.quantum) is Status.END for group in active]
        return any(ended)

    def _has_room(self, active: list[Group]) -> bool:
        return len(active) < self.schedule.resident_groups

    def _wanted(self, active: list[Group], idle_rounds: int) -> int:
        """Return how many groups should be active."""
        limit = self.schedule.resident_groups
        if self._random is not None:
            return min(limit, max(_RANDOM_GROUPS, len(active) + (idle_rounds > 0)))
        # Groups that are still here after their turn wait for something: let others begin.
        return min(limit, len(active) + 1)

    # -- turns --

    def _round(self, active: list[Group]) -> bool:
        """Give every wave a turn; return whether a wave ended or came to a barrier."""
        turns = [
            (group, wave)
            for group in active
            for wave, state in enumerate(group.states())
            if state == WaveState.RUNNABLE
        ]
        if self._random is not None:
            self._random.shuffle(turns)
        has_moved = False
        for group, wave in turns:
            quantum = self.quantum
            if self._random is not None:
                quantum = self._random.choice(_RANDOM_QUANTA)
            has_moved = self.waves.turn(group, wave, quantum) or has_moved
        return has_moved

    # -- ends --

    def _check_budget(self) -> None:
        budget = self.schedule.budget
        if budget is not None and self.waves.instructions() > budget:
            raise OutOfBudget

    def _probe(self, active: list[Group]) -> None:
        """Step every wave chunk by chunk: a state that comes back with memory unchanged is a
        deadlock.
        """
        first, changes = _states(active), self.waves.memory_changes()
        quantum, chooser = self.quantum, self._random
        self.quantum, self._random = 1, None
        try:
            for _ in range(_PROBE_ROUNDS):
                if self._round(active) or self.waves.memory_changes() != changes:
                    return
                if _states(active) == first:
                    group, wave = _waiting(active)
                    raise Deadlock(group, wave)
        finally:
            self.quantum, self._random = quantum, chooser


def _has_ended(group: Group) -> bool:
    return all(state == WaveState.ENDED for state in group.states())


def _states(active: list[Group]) -> int:
    parts = []
    for group in active:
        for wave, state in enumerate(group.states()):
            if state != WaveState.ENDED:
                address = group.address(wave)
                parts += [
                    ctypes.string_at(address + start, end - start) for start, end in _COMPARED
                ]
    return hash(tuple(parts))


def _waiting(active: list[Group]) -> tuple[Group, int]:
    for group in active:
        for wave, state in enumerate(group.states()):
            if state == WaveState.RUNNABLE:
                return group, wave
    return active[0], 0
