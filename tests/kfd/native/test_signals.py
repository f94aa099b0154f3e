"""Signals between queues, and what ends a program: signals of the system, and forks."""

import signal

import pytest

from tests.kfd.native.programs import FOLDER, built, supervised

PROGRAM = FOLDER / "signals.mlr"
GIVEN_BACK = "kfd: a signal ends the program; the card was given back\n"
TRAPPED = "kfd: a failed check ends the program; the card was given back\n"
LEFT = "mlr: emulated device: at the end: COMPUTE_AQL"
PARENTS = "kfd: the card is the parent's after a fork\n"


def result(case: str, capfd: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    return supervised(built(PROGRAM), capfd, case)


def test_queues_wait_for_each_other_in_more_turns_than_a_ring_has_room_for(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert result("many", capfd) == (0, "1400\n", "")


def test_a_signal_is_one_of_the_module(capfd: pytest.CaptureFixture[str]) -> None:
    status, _, messages = result("bad", capfd)
    assert status != 0
    assert messages.startswith("kfd_signal_after: this is no signal of `kfd_signal_alloc`\n")


def test_a_signal_that_nobody_sets_loses_the_device(capfd: pytest.CaptureFixture[str]) -> None:
    status, output, messages = result("nothing", capfd)
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


def test_a_wrong_address_ends_the_program(capfd: pytest.CaptureFixture[str]) -> None:
    assert result("wrong", capfd) == (-signal.SIGSEGV, "", GIVEN_BACK)


@pytest.mark.parametrize(
    ("case", "flags", "status", "messages"),
    [
        ("z", (), 136, TRAPPED),
        ("o", (), -signal.SIGSEGV, GIVEN_BACK),
        ("t", ("--debug", "-O0"), 1, TRAPPED),
        ("z", ("--no-auto-teardown",), 1, LEFT),
        ("s15", ("--no-auto-teardown",), 1, LEFT),
    ],
    ids=["division", "stack overflow", "check", "division, own teardown", "signal, own teardown"],
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
