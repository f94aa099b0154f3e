"""Fat files with code for cards: entries, stored once, that the program gets when it runs."""

import subprocess
import sys
from pathlib import Path

import pytest

from mlrift.backends.amdgcn.codeobject.bundle import MAGIC, bundle_entries
from mlrift.container import device_code
from mlrift.container.fat import read_fat
from mlrift.runtime.kfd import DeviceError
from mlrift.targets import LINUX_ARM64, LINUX_X86_64
from tests.harness.compiler import run_mlrc
from tests.kfd.cards import emulated
from tests.kfd.native.programs import EXAMPLES, need_supervision, supervised
from tests.support.engines import default_engine

EXPECTED = (EXAMPLES / "heat.expected").read_text()
TARGETS = "--targets=linux-x64,linux-arm64"
CHIPS = "--target-arch=gfx1201,gfx1030"


@pytest.fixture(scope="module", name="fat")
def _fat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("fat") / "heat.mlrbo"
    words = ["--target=amdgpu-native", TARGETS, CHIPS, str(EXAMPLES / "heat.mlr"), "-o", str(made)]
    status, output, errors = run_mlrc(words)
    assert (status, errors) == (0, "")
    assert "\ndevice code: gfx1201(" in output
    assert [row.name for row in made.parent.iterdir()] == ["heat.mlrbo"]
    return made


def run(*words: object) -> tuple[int, str, str]:
    """Run `mlr`."""
    command = [sys.executable, "-m", "mlrift.cli.mlr", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def run_image(
    image: bytes, folder: Path, capfd: pytest.CaptureFixture[str]
) -> tuple[int, str, str]:
    """Run a program for a gfx1030."""
    path = folder / "program.gfx1030"
    path.write_bytes(image)
    path.chmod(0o700)
    return supervised(folder / "program", capfd, chip="gfx1030")


def test_entries_are_listed_and_stored_once(fat: Path) -> None:
    status, output, _ = run("--list", fat)
    assert status == 0
    rows = [line.split() for line in output.splitlines()]
    codes = {row[0]: row for row in rows if row[-2:] == ["device", "code"]}
    assert list(codes) == ["gfx1030", "gfx1201"]
    assert codes["gfx1030"][2] == codes["gfx1201"][2]
    held = read_fat(fat.read_bytes())
    code = held.extra(held.extras[0])
    assert code.startswith(b"\x7fELF")
    assert all(code[:64] not in held.slice(row.slice_id) for row in held.entries)


@pytest.mark.parametrize("chip", ["gfx1030", "gfx1201"])
def test_the_card_decides_which_entry_runs(fat: Path, chip: str) -> None:
    need_supervision()
    assert run(f"--device=emulated:{chip}", fat) == (0, EXPECTED, "")


def test_a_chip_without_an_entry_is_told_what_there_is(fat: Path) -> None:
    need_supervision()
    message = (
        "kfd: the program: it has no code for gfx1100, only for gfx1201, gfx1030: compile with"
        " --target-arch=gfx1100\n"
    )
    assert run("--device=emulated", fat) == (1, "", message)


def test_what_is_taken_out_is_whole(
    fat: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    program, code = tmp_path / "program.gfx1201", tmp_path / "heat.co"
    assert run("--extract", "linux-x64", "-o", program, fat)[0] == 0
    assert supervised(tmp_path / "program", capfd, chip="gfx1201") == (0, EXPECTED, "")
    assert run("--extract", "gfx1030", "-o", code, fat)[0] == 0
    held = read_fat(fat.read_bytes())
    assert code.read_bytes() == held.extra(held.extras[0])
    found = bundle_entries(program.read_bytes()[program.read_bytes().rindex(MAGIC) :])
    assert [row.gfx_name for row in found] == ["gfx1030", "gfx1201"]
    assert "cards:   code for gfx1030, gfx1201," in run("--explain", fat)[1]


def test_other_systems_run_the_kernels_themselves(fat: Path) -> None:
    engine = default_engine(LINUX_ARM64)
    missing = engine.missing()
    if missing is not None:
        pytest.skip(missing)
    held = read_fat(fat.read_bytes())
    image = device_code.program(held, LINUX_ARM64.slice_id)
    assert image == held.slice(LINUX_ARM64.slice_id)
    assert engine.run(image).stdout.decode() == EXPECTED


def test_entries_are_loaded_from_python(fat: Path) -> None:
    with emulated("gfx1030") as device:
        assert list(device.load(fat)) == ["spread"]
    with emulated("gfx1100") as device, pytest.raises(DeviceError, match="only: gfx1030, gfx1201"):
        device.load(fat.read_bytes())


def test_damage_is_found_by_the_runner_and_by_the_program(
    fat: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "damaged"
    data = bytearray(fat.read_bytes())
    held = read_fat(bytes(data))
    data[held.blobs[held.extras[0].blob_index].offset + 40] ^= 1
    path.write_bytes(data)
    status, output, messages = run("--device=emulated:gfx1030", path)
    assert (status, output) == (1, "")
    assert messages.startswith("mlr: ")
    assert "entry 'gfx1030'" in messages
    whole = bytearray(device_code.program(held, LINUX_X86_64.slice_id))
    whole[whole.rindex(held.extra(held.extras[0])) + 100] ^= 1
    for made, message in (
        (bytes(whole), "the code for gfx1030 behind it is damaged: another hash"),
        (bytes(whole[:-40]), "its device code is not behind it: start the fat file with `mlr`"),
        (bytes(whole[:-8]) + bytes([255] * 8), "its device code is not behind it"),
    ):
        status, output, messages = run_image(made, tmp_path, capfd)
        assert (status, output) == (1, "")
        assert messages.startswith(f"kfd: the program: {message}")


def test_code_of_another_version_of_the_program_is_not_used(
    fat: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    held = read_fat(fat.read_bytes())
    image = held.slice(LINUX_X86_64.slice_id)
    other = bytearray(held.extra(held.extras[0]))
    other[200] ^= 1
    padded = image.ljust(len(image) + -len(image) % 16, b"\0")
    data = device_code.bundle([("gfx1030", bytes(other))])
    trailer = device_code.TRAILER_MAGIC + len(padded).to_bytes(8, "little")
    made = padded + data + trailer + len(data).to_bytes(8, "little")
    message = "kfd: the program: the code for gfx1030 behind it is damaged: another hash\n"
    assert run_image(made, tmp_path, capfd) == (1, "", message)


def test_files_like_those_of_1_1_have_it_in_the_program(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    made = tmp_path / "heat.mlrbo"
    words = ["--target=amdgpu-native", "--targets=linux-x64", "--fat-format=2", CHIPS]
    assert run_mlrc([*words, str(EXAMPLES / "heat.mlr"), "-o", str(made)])[0] == 0
    image = read_fat(made.read_bytes()).slice(LINUX_X86_64.slice_id)
    assert run_image(image, tmp_path, capfd) == (0, EXPECTED, "")


def test_a_program_that_reads_its_code_has_files_beside_it_too(tmp_path: Path) -> None:
    made = tmp_path / "saxpy.mlrbo"
    words = ["--target=amdgpu-native", "--targets=linux-x64", CHIPS]
    assert run_mlrc([*words, str(EXAMPLES / "saxpy.mlr"), "-o", str(made)])[0] == 0
    names = {row.name for row in tmp_path.iterdir()}
    assert names == {"saxpy.mlrbo", "saxpy.mlrbo.gfx1030.co", "saxpy.mlrbo.gfx1201.co"}
    held = read_fat(made.read_bytes())
    beside = (tmp_path / "saxpy.mlrbo.gfx1030.co").read_bytes()
    assert held.extra(held.extras[0]) == beside


def test_the_bundle_is_that_of_code_objects() -> None:
    assert device_code.BUNDLE_MAGIC == MAGIC
    made = bundle_entries(device_code.bundle([("gfx1030", b"one"), ("gfx1100", b"three")]))
    assert [(row.gfx_name, row.data) for row in made] == [
        ("gfx1030", b"one"),
        ("gfx1100", b"three"),
    ]
