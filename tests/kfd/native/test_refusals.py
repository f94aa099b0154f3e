"""What kfd.mlr refuses: no card, no permission, files that are damaged or for another chip."""

import errno
import random
import struct
import subprocess
from pathlib import Path

import pytest

from mlrift.runtime.kfd.driver import KFD_PATH
from mlrift.runtime.kfd.supervisor.notifications import Call
from mlrift.runtime.kfd.supervisor.process_table import SupervisedProcess
from mlrift.runtime.kfd.supervisor.supervisor import Supervisor
from tests.kfd.cards import CHIPS
from tests.kfd.native.programs import FOLDER, built, supervised

LOADING = FOLDER / "loading.mlr"
RIGHT = "0 189 0\n1701 0\n"
DAMAGED_FILES = 12


def opens(error: int, start: str) -> type[Supervisor]:
    """Return a card whose files that begin like this cannot be opened."""

    class Closed(Supervisor):
        def _open(self, call: Call, process: SupervisedProcess) -> None:
            path = process.memory.read_string(call.arguments[1]).decode()
            if path.startswith(start):
                raise OSError(error, path)
            super()._open(call, process)

    return Closed


class Version2(Supervisor):
    """A driver with another interface."""

    def _ioctl(self, call: Call, process: SupervisedProcess) -> None:
        if call.arguments[1] == 0x80084B01:
            process.memory.write(call.arguments[2], struct.pack("<II", 2, 3))
            self._listener.answer(call, 0)
            return
        super()._ioctl(call, process)


def load(
    path: Path | str,
    capfd: pytest.CaptureFixture[str],
    kernel: str = "tripled",
    kind: type[Supervisor] = Supervisor,
) -> tuple[int, str, str]:
    return supervised(built(LOADING), capfd, str(path), kernel, kind=kind)


def code_object(chip: str = "gfx1100") -> bytes:
    return Path(f"{built(LOADING)}.{chip}.co").read_bytes()


def changed(offset: int, layout: str, *numbers: int) -> bytes:
    """Return the code object with other numbers at a place."""
    data = bytearray(code_object())
    struct.pack_into(layout, data, offset, *numbers)
    return bytes(data)


def segment(kind: int) -> int:
    """Return where the first program header of a kind is."""
    data = code_object()
    (start,) = struct.unpack_from("<Q", data, 32)
    (count,) = struct.unpack_from("<H", data, 56)
    places: list[int] = [start + 56 * index for index in range(count)]
    wanted = struct.pack("<I", kind)
    return next(place for place in places if data[place : place + 4] == wanted)


def bundle(name: bytes) -> bytes:
    """Return a bundle with the code object under a name."""
    data = code_object()
    start = 4096
    head = b"__CLANG_OFFLOAD_BUNDLE__" + struct.pack("<Q", 2)
    head += struct.pack("<QQQ", start, 0, 4) + b"host"
    head += struct.pack("<QQQ", start, len(data), len(name)) + name
    return head.ljust(start, b"\0") + data


@pytest.mark.skipif(Path(KFD_PATH).exists(), reason="this machine has a card")
def test_without_a_driver() -> None:
    program = built(LOADING)
    done = subprocess.run([program, "x", "y"], capture_output=True, text=True, check=False)
    message = "kfd: /dev/kfd is not there: no AMD card, or its driver (amdgpu) is not loaded\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", message)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (
            opens(errno.EACCES, KFD_PATH),
            "kfd: /dev/kfd may not be opened: add the user to the groups `render` and `video`",
        ),
        (opens(errno.EBUSY, KFD_PATH), "kfd: /dev/kfd cannot be opened: EBUSY (16)"),
        (
            opens(errno.ENOENT, "/sys/class/kfd"),
            "kfd: the driver has no card: /sys/class/kfd names none",
        ),
        (opens(errno.EPERM, "/dev/dri"), "kfd: /dev/dri/renderD128 may not be opened: add"),
        (Version2, "kfd: the driver has version 2.3 of its interface; 1.x is known"),
    ],
    ids=["permission", "busy", "no card", "render node", "version"],
)
def test_a_card_that_cannot_be_had(
    kind: type[Supervisor], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    status, output, messages = load("x", capfd, kind=kind)
    assert (status, output) == (1, "")
    assert messages.startswith(message)


def test_files_and_kernels_that_are_not_there(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "kernels.co"
    path.write_bytes(code_object())
    assert load(path, capfd) == (0, RIGHT, "")
    assert load(path, capfd, "tripl") == (0, "no such kernel\n", "")
    missing = tmp_path / "none.co"
    assert load(missing, capfd) == (1, "", f"kfd: {missing} cannot be read: ENOENT (2)\n")


@pytest.mark.parametrize("chip", CHIPS)
def test_code_for_another_chip(
    chip: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "kernels.co"
    path.write_bytes(code_object("gfx1201" if chip != "gfx1201" else "gfx1030"))
    found = "gfx1201" if chip != "gfx1201" else "gfx1030"
    status, output, messages = supervised(built(LOADING), capfd, str(path), "tripled", chip=chip)
    text = f"it is for {found}, the card is {chip}: compile with --target-arch={chip}"
    assert (status, output, messages) == (1, "", f"kfd: {path}: {text}\n")


def test_a_bundle_is_opened(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bundle.co"
    path.write_bytes(bundle(b"hipv4-amdgcn-amd-amdhsa--gfx1100:xnack-"))
    assert load(path, capfd) == (0, RIGHT, "")
    path.write_bytes(bundle(b"hipv4-amdgcn-amd-amdhsa--gfx1030"))
    message = "it has no code for gfx1100, only for gfx1030: compile with --target-arch=gfx1100"
    assert load(path, capfd) == (1, "", f"kfd: {path}: {message}\n")


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (lambda: b"text\n", "it is no ELF file"),
        (lambda: b"", "it is no code object"),
        (lambda: changed(4, "<B", 1), "it is no 64-bit little-endian ELF file"),
        (lambda: changed(18, "<H", 62), "it is no code for AMD cards"),
        (
            lambda: changed(48, "<I", 0x2C),
            "it is for a chip that is not known, the card is gfx1100",
        ),
        (lambda: changed(32, "<Q", 1 << 63), "it is damaged: its program headers are outside it"),
        (lambda: code_object()[:200], "it is damaged: its program headers are outside it"),
        (lambda: code_object()[:1500], "it is damaged: a segment is outside it"),
        (lambda: changed(segment(1) + 40, "<Q", 1 << 50), "it is damaged: a segment is outside it"),
        (lambda: changed(segment(2), "<I", 0), "it is damaged: it has no symbols"),
    ],
)
def test_damaged_code_objects(
    data: object, problem: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert callable(data)
    path = tmp_path / "kernels.co"
    path.write_bytes(data())
    status, output, messages = load(path, capfd)
    assert (status, output) == (1, "")
    assert messages.startswith(f"kfd: {path}: {problem}")


def test_code_objects_damaged_at_random_end_in_order(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Of the parts that the loader reads; kernels with changed code are the card's business."""
    numbers = random.Random(7)
    path = tmp_path / "kernels.co"
    whole = code_object()
    for _ in range(DAMAGED_FILES):
        data = bytearray(whole)
        for _ in range(3):
            data[numbers.randrange(16, 0x1C8)] = numbers.choice([0, 1, 0x7F, 0x80, 0xFF])
        path.write_bytes(data)
        status, _, messages = load(path, capfd, "another")
        assert status in {0, 1}, messages
        assert status == 0 or messages.startswith(f"kfd: {path}: ")
