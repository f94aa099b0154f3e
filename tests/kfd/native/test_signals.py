"""Signals between queues, and what ends a program: signals of the system, and forks."""

import os
import re
import signal

import pytest

from mlrift.runtime.kfd import abi
from mlrift.runtime.kfd.emulated.card import EmulatedCard
from mlrift.runtime.kfd.supervisor.supervisor import Supervisor
from tests.harness.run_files import IS_THOROUGH
from tests.kfd.native.programs import FOLDER, Hasty, Slow, built, supervised

PROGRAM = FOLDER / "signals.mlr"
GIVEN_BACK = "kfd: a signal ends the program; the card was given back\n"
TRAPPED = "kfd: a failed check ends the program; the card was given back\n"
SLOTS_BYTES = 1024 * 1024
THOROUGH = pytest.mark.skipif(not IS_THOROUGH, reason="compiles the program once more")
PARENTS = "kfd: the card is the parent's after a fork\n"


def result(case: str, capfd: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    return supervised(built(PROGRAM), capfd, case)


def test_queues_wait_for_each_other_in_more_turns_than_a_ring_has_room_for(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert result("many", capfd) == (0, "800\n", "")


def test_a_signal_is_one_of_the_module(capfd: pytest.CaptureFixture[str]) -> None:
    status, _, messages = result("bad", capfd)
    assert status != 0
    assert messages.startswith("kfd_signal_after: this is no signal of `kfd_signal_alloc`\n")


def test_a_signal_that_nobody_sets_loses_the_device(capfd: pytest.CaptureFixture[str]) -> None:
    status, output, messages = supervised(built(PROGRAM), capfd, "nothing", kind=Hasty)
    assert (status, output) == (1, "1\n")
    assert messages.startswith(
        "kfd: no progress for 5 s in a wait for a signal: 0 of 2 launches completed; the device is"
        " lost, its queues are left alone\n"
    )


@pytest.mark.parametrize(
    "number",
    [signal.SIGHUP, signal.SIGINT, signal.SIGABRT, signal.SIGTERM],
)
def test_a_signal_that_ends_the_program(
    number: signal.Signals, capfd: pytest.CaptureFixture[str]
) -> None:
    # nohup and shells that start a command in the background have some ignored
    before = signal.signal(number, signal.SIG_DFL)
    try:
        assert result(f"s{int(number)}", capfd) == (-number, "", GIVEN_BACK)
    finally:
        signal.signal(number, before)


class Interrupting(Slow):
    """Sends a signal to the program when it waits for the card."""

    def _look_at_waits(self) -> None:
        waits = [row for client in self._clients.values() for row in client._waits]
        if waits and self._is_quiet:
            self._is_quiet = False
            os.kill(self._main, signal.SIGTERM)
        super()._look_at_waits()

    _is_quiet = True


def test_a_signal_during_a_wait(capfd: pytest.CaptureFixture[str]) -> None:
    found = supervised(built(PROGRAM), capfd, "long", kind=Interrupting)
    assert found == (-signal.SIGTERM, "", GIVEN_BACK)
    assert supervised(built(PROGRAM), capfd, "long", kind=Slow) == (0, "1\n", "")


class Faulting(Slow):
    """A card with a fault, or one that is reset, while the program waits."""

    def _look_at_waits(self) -> None:
        for client in self._clients.values():
            for card in client._machine.cards():
                if client._waits and not card.has_faulted:
                    self._break(card)
        super()._look_at_waits()

    def _break(self, card: EmulatedCard) -> None:
        failure = abi.MemoryExceptionFailure(ReadOnly=1)
        slots = next(row for row in card.buffers.live() if row.size == SLOTS_BYTES)
        card.report_fault(slots.end + 16, failure)


class Resetting(Faulting):
    """A card that is reset while the program waits."""

    def _break(self, card: EmulatedCard) -> None:
        card.report_reset()


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (
            Faulting,
            r"kfd: memory fault in the kernel `add` at 0x\w+, 16 bytes behind the buffer of 1048576"
            r" bytes at 0x\w+: a store to read-only memory\n",
        ),
        (Resetting, r"kfd: the card was reset during the kernel `add`\n"),
    ],
)
def test_what_the_driver_tells_of_a_broken_card(
    kind: type[Supervisor], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    status, output, said = supervised(built(PROGRAM), capfd, "long", kind=kind)
    assert (status, output) == (1, "")
    assert re.fullmatch(message, said)


def test_a_wrong_address_ends_the_program(capfd: pytest.CaptureFixture[str]) -> None:
    assert result("wrong", capfd) == (-signal.SIGSEGV, "", GIVEN_BACK)


@pytest.mark.parametrize(
    ("case", "flags", "status", "messages"),
    [
        ("z", (), 136, TRAPPED),
        ("o", (), -signal.SIGSEGV, GIVEN_BACK),
        pytest.param("t", ("--debug", "-O0"), 1, TRAPPED, marks=THOROUGH),
    ],
    ids=["division", "stack overflow", "check"],
)
def test_mistakes_that_end_the_program(
    case: str,
    flags: tuple[str, ...],
    status: int,
    messages: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    found, output, said = supervised(built(PROGRAM, *flags), capfd, case)
    assert (found, output) == (status, "")
    assert messages in said


def test_a_signal_that_is_ignored_stays_so(capfd: pytest.CaptureFixture[str]) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert result("s1", capfd) == (0, "not ended\n", "")
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(
    ("case", "expected", "messages"),
    [
        ("f", "0 0 1\n", ""),
        ("fi", "1 0 1\n", PARENTS),
        ("ft", f"0 {int(signal.SIGSEGV)} 1\n", PARENTS),
        ("fr", "9 0 1\n", ""),
    ],
)
def test_a_forked_child_leaves_the_card_alone(
    case: str, expected: str, messages: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert result(case, capfd) == (0, expected, messages)
