"""`mlr` as its users see it: processes, their output and their ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mlrift import targets
from mlrift.container.fat import Extra, ExtraKind, Slice, write_fat, write_fat_version2
from mlrift.runtime.host import host_named
from tests.container.samples import ROOT, RunMlr, mlr_command

NO_MEMORY_FILES = (
    "import mlrift.runtime.launcher as launcher\nlauncher.has_memory_files = lambda: False"
)
REFUSED_MEMORY_FILES = (
    "import os\n"
    "def refuse(*arguments):\n"
    "    raise PermissionError(13, 'Permission denied')\n"
    "os.memfd_create = refuse\n"
    "os.supports_fd.add(os.execve)"
)


@pytest.mark.parametrize("prelude", ["", NO_MEMORY_FILES, REFUSED_MEMORY_FILES])
def test_arguments_and_status_pass_through(
    prelude: str, run_mlr: RunMlr, probe_path: Path, tmp_path: Path
) -> None:
    words = ["7", "a b", "", "--version", "-o", 'x\\y"z', "ü"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    result = run_mlr(probe_path, *words, prelude=prelude, environment=environment)
    lines = result.stdout.decode().split("\n")
    assert lines[:8] == [str(probe_path), *words]
    assert lines[8] == "default=1"
    assert result.returncode == 7 and result.stderr == b""
    assert lines[9].startswith("exe=/memfd:mlr" if not prelude else f"exe={tmp_path}/mlr-")
    assert [path.name for path in tmp_path.iterdir()] == [probe_path.name]  # nothing left behind


def test_version_2_runs(run_mlr: RunMlr, probe_image: bytes, tmp_path: Path) -> None:
    path = tmp_path / "old.mlrbo"
    path.write_bytes(write_fat_version2([Slice(row, probe_image) for row in targets.TARGETS]))
    result = run_mlr(path, "5", "x")
    assert result.returncode == 5 and result.stdout.split()[1:3] == [b"5", b"x"]


def test_double_dash_ends_the_options(run_mlr: RunMlr, probe_path: Path) -> None:
    assert run_mlr("--", probe_path, "6").returncode == 6


@pytest.mark.parametrize("prelude", ["", NO_MEMORY_FILES])
def test_death_by_signal_is_repeated(prelude: str, run_mlr: RunMlr, probe_path: Path) -> None:
    assert run_mlr(probe_path, "abort", prelude=prelude).returncode == -signal.SIGKILL


@pytest.mark.parametrize("prelude", ["", NO_MEMORY_FILES])
def test_a_signal_to_the_runner_reaches_the_program(
    prelude: str, probe_path: Path, tmp_path: Path
) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    command = mlr_command(probe_path, "wait", prelude=prelude)
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        process.terminate()
        assert process.wait(timeout=20) == -signal.SIGTERM
    assert [path.name for path in tmp_path.iterdir()] == [probe_path.name]


@pytest.mark.parametrize(
    "given", [{}, {"LC_CTYPE": "C"}, {"LANG": "C.UTF-8", "LC_CTYPE": "C.UTF-8"}]
)
def test_the_environment_is_unchanged(
    given: dict[str, str], run_mlr: RunMlr, probe_path: Path
) -> None:
    environment = {**given, "WORD": "a=b c", "EMPTY": ""}
    result = run_mlr(probe_path, "environment", environment=environment)
    expected = {**environment, "PYTHONPATH": str(ROOT)}
    assert dict(row.split("=", 1) for row in result.stdout.decode().splitlines()) == expected


def test_descriptors_do_not_leak(run_mlr: RunMlr, tmp_path: Path) -> None:
    script = tmp_path / "list"
    script.write_bytes(b"#!/bin/sh\nls /proc/$$/fd\n")
    script.chmod(0o755)
    direct = subprocess.run([script], capture_output=True, check=True).stdout
    assert run_mlr(script).stdout == direct


@pytest.mark.parametrize("mode", [0o755, 0o644])
def test_a_plain_executable_runs_with_its_arguments(
    mode: int, run_mlr: RunMlr, probe_image: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "plain"
    path.write_bytes(probe_image)
    path.chmod(mode)
    result = run_mlr(path, "3", "word")
    assert result.returncode == 3
    assert result.stdout.split()[:3] == [str(path).encode(), b"3", b"word"]


@pytest.mark.parametrize("mode", [0o755, 0o644])
def test_a_script_runs_with_its_arguments(mode: int, run_mlr: RunMlr, tmp_path: Path) -> None:
    path = tmp_path / "script"
    path.write_bytes(b'#!/bin/sh\necho "$@"\nexit 9\n')
    path.chmod(mode)
    result = run_mlr(path, "a", "b c")
    assert (result.returncode, result.stdout) == (9, b"a b c\n")


def test_no_slice_for_this_machine(run_mlr: RunMlr, tmp_path: Path) -> None:
    path = tmp_path / "other.mlrbo"
    path.write_bytes(
        write_fat([Slice(targets.ANDROID_ARM64, b"x"), Slice(targets.WINDOWS_ARM64, b"y")])
    )
    result = run_mlr(path)
    lines = result.stderr.decode().splitlines()
    assert result.returncode == 1 and result.stdout == b"" and len(lines) == 3
    assert lines[0] == "mlr: no native binary found for this architecture"
    assert "win-arm64, android-arm64" in lines[1]
    explained = run_mlr("--explain", path)
    assert explained.returncode == 1 and b"which the file lacks" in explained.stdout


def damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-40] ^= 255
    path.write_bytes(data)


def test_bad_files_give_one_message(run_mlr: RunMlr, probe_path: Path, tmp_path: Path) -> None:
    text, empty, short = tmp_path / "a.txt", tmp_path / "empty", tmp_path / "short.mlrbo"
    text.write_text("fn main() {}\n")
    empty.touch()
    short.write_bytes(probe_path.read_bytes()[:-7])
    foreign = tmp_path / "foreign"
    foreign.write_bytes(b"\x7fELF" + bytes(200))
    foreign.chmod(0o755)
    damage(probe_path)
    missing = tmp_path / "missing"
    for arguments, words in (
        ((missing,), f"mlr: cannot open '{missing}': No such file or directory"),
        ((tmp_path,), f"mlr: cannot open '{tmp_path}': Is a directory"),
        ((text,), f"mlr: '{text}' is not an MLRift program"),
        ((empty,), f"mlr: '{empty}' is not an MLRift program (the file is empty)"),
        ((short,), f"mlr: cannot open '{short}': the file is "),
        (("/dev/zero",), "mlr: '/dev/zero' is not an MLRift program"),
        ((foreign,), "mlr: exec failed (errno=8)"),
        (("--list", probe_path), f"mlr: cannot open '{probe_path}': "),
        (("--list", missing), f"mlr: cannot open '{missing}'"),
        (("--list", text), f"mlr: '{text}' is not"),
        (("--list", foreign), f"mlr: '{foreign}' is not a fat file"),
        (("--list",), "mlr: --list takes one FILE"),
        (("--explain", text, text), "mlr: --explain takes one FILE"),
        (("--extract", "linux-x64"), "mlr: --extract takes TARGET"),
        (("--extract", "linux-x64", "-o"), "mlr: -o needs"),
        (("--extract", "linux-x64", "--what", text), "mlr: unknown option '--what'"),
        (("--vers",), "mlr: unknown option '--vers'"),
        (("-x", text), "mlr: unknown option '-x'"),
        (("--",), "mlr: unknown option '--'"),
    ):
        result = run_mlr(*arguments)
        assert result.returncode == 1 and result.stdout == b"", arguments
        assert result.stderr.decode().startswith(words), result.stderr
        assert b"Traceback" not in result.stderr


def test_banner_help_and_version(run_mlr: RunMlr) -> None:
    bare, usage, version = run_mlr(), run_mlr("--help"), run_mlr("--version")
    assert (bare.returncode, usage.returncode, version.returncode) == (0, 0, 0)
    assert bare.stdout == usage.stdout and b"usage: mlr PROGRAM" in bare.stdout
    assert bare.stdout.startswith(b"mlr 1.1.0") and version.stdout.startswith(b"mlr 1.1.0")
    assert version.stdout.count(b"\n") == 1


def test_list_and_explain(run_mlr: RunMlr, probe_image: bytes, tmp_path: Path) -> None:
    path = tmp_path / "all.mlrbo"
    extra = Extra(ExtraKind.DEVICE_CODE, "gfx1100", b"co" * 50)
    path.write_bytes(write_fat([Slice(row, probe_image) for row in targets.TARGETS], [extra]))
    listed = run_mlr("--list", path).stdout.decode()
    assert all(f"\n{row.name} " in listed for row in targets.TARGETS)
    assert "lzma2" in listed and "device code" in listed and "version 3" in listed
    explained = run_mlr("--explain", path).stdout.decode()
    assert "linux-x64 (id 1)" in explained and "sealed memory file" in explained


def test_extract(run_mlr: RunMlr, probe_path: Path, probe_image: bytes, tmp_path: Path) -> None:
    assert run_mlr("--extract", "linux-x86_64", "-o", tmp_path / "out", probe_path).returncode == 0
    assert (tmp_path / "out").read_bytes() == probe_image
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o755
    assert run_mlr("--extract", "linux-x64", probe_path).returncode == 0
    assert (tmp_path / "probe-linux-x64").read_bytes() == probe_image
    before = probe_path.read_bytes()
    link = tmp_path / "link"
    link.symlink_to(probe_path)
    for output in (probe_path, link):
        refused = run_mlr("--extract", "linux-x64", probe_path, f"-o{output}")
        assert refused.returncode == 1 and b"is the input itself" in refused.stderr
    assert probe_path.read_bytes() == before
    for name, words in (("mac-x64", b"has no slice for mac-x64"), ("moon", b"unknown target")):
        missing = run_mlr("--extract", name, probe_path)
        assert missing.returncode == 1 and words in missing.stderr
    nowhere = run_mlr("--extract", "linux-x64", "-o", tmp_path / "no" / "out", probe_path)
    assert nowhere.returncode == 1 and b"cannot write" in nowhere.stderr


def test_a_closed_pipe_is_no_traceback(probe_path: Path) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "wb") as output:
        result = subprocess.run(
            [*mlr_command("--list", probe_path)],
            stdout=output,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=False,
        )
    assert result.returncode == 1 and result.stderr == b""


def test_closed_standard_streams_do_not_matter(probe_path: Path) -> None:
    shell = ["sh", "-c", '"$@" <&- >&- 2>&-', "sh", *mlr_command(probe_path, "4")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert subprocess.run(shell, env=environment, check=False).returncode == 4


def test_runs_as_a_module() -> None:
    command = [sys.executable, "-m", "mlrift.cli.mlr", "--version"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    assert result.stdout.startswith(b"mlr 1.1.0")


def test_only_the_standard_library_is_imported(probe_path: Path) -> None:
    code = (
        "import sys\n"
        "from mlrift.cli import mlr, mlr_views\n"
        "mlr_views.show('--list', sys.argv[1:])\n"
        "print([name for name in sys.modules if name.split('.')[0] not in sys.stdlib_module_names"
        " and not name.startswith(('mlrift', '_distutils_hack', '__main__', '__editable__'))],"
        " file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, str(probe_path)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    assert result.stderr == b"[]\n"


@pytest.mark.parametrize(
    ("system", "machine", "expected"),
    [
        ("Linux", "x86_64", targets.LINUX_X86_64),
        ("Linux", "aarch64", targets.LINUX_ARM64),
        ("Darwin", "arm64", targets.MACOS_ARM64),
        ("Darwin", "x86_64", targets.MACOS_X86_64),
        ("windows", "AMD64", targets.WINDOWS_X86_64),
        ("windows", "ARM64", targets.WINDOWS_ARM64),
        ("android", "aarch64", targets.ANDROID_ARM64),
        ("android", "x86_64", targets.ANDROID_X86_64),
        ("Linux", "riscv64", None),
        ("FreeBSD", "amd64", None),
    ],
)
def test_host_names(system: str, machine: str, expected: targets.Target | None) -> None:
    assert host_named(system, machine, "test").target is expected
