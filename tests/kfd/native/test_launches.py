"""Launches, arguments, memory and copies of programs that import hip.mlr, on emulated cards."""

import time
from pathlib import Path

import pytest

from tests.harness.run_files import IS_THOROUGH
from tests.kfd.cards import CHIPS
from tests.kfd.native.programs import FOLDER, Hasty, Slow, built, need_supervision, supervised

LAUNCHES = FOLDER / "launches.mlr"
REFUSED_LAUNCHES = """\
launch of `doubled`: a group of 32 along an axis; it was compiled for 64
launch of `doubled`: a group with 66048 bytes of LDS
launch of `doubled`: there are no groups
"""
REFUSED_COPIES = """\
hipMemcpy: no 2197152 bytes of the device to read
hipMemcpy: no 8 bytes of the device to read
hipMemcpy: an address is 0
hipMemcpy: an address is 0
mlr: emulated device: ALLOC_MEMORY_OF_GPU: 35184372088832 bytes wanted"""


class Silent(Hasty):
    """A card that does nothing."""

    def _look_at_doorbells(self) -> None:
        """Leave the work undone."""


def result(
    case: str, capfd: pytest.CaptureFixture[str], chip: str = "gfx1100"
) -> tuple[int, str, str]:
    return supervised(built(LAUNCHES), capfd, case, chip=chip)


@pytest.mark.parametrize("chip", CHIPS)
def test_arguments_of_all_sizes_are_where_the_kernel_looks(
    chip: str, capfd: pytest.CaptureFixture[str]
) -> None:
    expected = "0\n1.500000 2.500000 7 3.500000\n1\n1\n"
    message = "hipModuleLaunchKernel: an argument of `mixed` is missing\n"
    assert result("small", capfd, chip) == (0, expected, message)


@pytest.mark.parametrize("chip", CHIPS)
def test_hidden_arguments_have_the_sizes_of_the_launch(
    chip: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert result("hidden", capfd, chip) == (0, "0\n192\n", "")


def test_launches_wait_for_room_in_the_rings(capfd: pytest.CaptureFixture[str]) -> None:
    assert result("many", capfd) == (0, "1300 1300 2\n1\n", "")


def test_groups_share_memory_and_wrong_sizes_are_refused(capfd: pytest.CaptureFixture[str]) -> None:
    assert result("lds", capfd) == (0, "9\n9\n9\n0\n126 124 0\n", REFUSED_LAUNCHES)


@pytest.mark.parametrize("chip", CHIPS)
def test_private_memory_has_its_backing(chip: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert result("private", capfd, chip) == (0, "0\n32\n", "")


def test_copies_between_all_kinds_of_memory(capfd: pytest.CaptureFixture[str]) -> None:
    status, output, messages = result("copies", capfd)
    right = "0\n" * 4 + "0 1\n" * 5
    assert (status, output) == (0, right + "0 1\n1 1 1\n0\n0\n0\n0\n1 0 2 0\n")
    assert messages.startswith(REFUSED_COPIES)


def test_opening_again_and_again_leaves_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    assert result("y", capfd) == (0, "done\n", "")


@pytest.mark.skipif(not IS_THOROUGH, reason="opens the card 10,000 times")
def test_opening_ten_thousand_times_leaves_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    assert result("ten thousand", capfd) == (0, "done\n", "")


def test_the_device_and_its_counts(capfd: pytest.CaptureFixture[str]) -> None:
    expected = "0 1 0 101\n0 0 1\n1 1\ngfx1100\na launch failed: the device is lost\n"
    message = "queue: 0 launched, 0 read, 0 completed\n"
    assert result("n", capfd) == (0, expected, message)


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("small", "0\n1.500000 2.500000 7 3.500000\n1\n1\n"),
        ("hidden", "0\n192\n"),
        ("many", "1300 1300 2\n1\n"),
        ("lds", "9\n9\n9\n0\n126 124 0\n"),
        ("private", "0\n32\n"),
        ("y", "done\n"),
    ],
)
def test_packets_of_the_command_processor(
    case: str,
    expected: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLRIFT_PHASE2A_DISPATCH", "1")
    assert result(case, capfd)[:2] == (0, expected)


def test_packets_of_the_command_processor_give_fewer_registers(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLRIFT_PHASE2A_DISPATCH", "1")
    message = "kfd: a kernel wants registers that launches by PM4 do not give\n"
    assert result("private", capfd, "gfx1030") == (1, "", message)


def test_a_kernel_that_does_not_end_loses_the_device(capfd: pytest.CaptureFixture[str]) -> None:
    begun = time.monotonic()
    status, output, messages = supervised(built(LAUNCHES), capfd, "x", kind=Silent)
    assert output == "0\n719 1\n0\n719 719\n"
    assert messages.startswith(
        "kfd: no progress for 5 s in the kernel `add_one`: 0 of 1 launches completed; the device is"
        " lost, its queues are left alone\nmlr: emulated device: at the end: COMPUTE_AQL queue"
    )
    assert status == 1
    assert time.monotonic() - begun < 10


def test_a_long_wait_sleeps_until_the_interrupt(capfd: pytest.CaptureFixture[str]) -> None:
    need_supervision()
    program = built(LAUNCHES)
    supervisor = Slow(("gfx1100",))
    path = Path(f"{program}.gfx1100")
    capfd.readouterr()
    status = supervisor.run(path, [str(path), "many"])
    output, messages = capfd.readouterr()
    assert (status, output, messages) == (0, "1300 1300 2\n1\n", "")
    assert 10 < supervisor.requests < 1000
