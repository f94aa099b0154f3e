"""`mlrc --emit=lib`: names of files, what is refused, and that failures leave old files alone."""

from pathlib import Path

import pytest

from tests.harness.compiler import run_mlrc

TEXT = "@export fn twice(u64 a) -> u64 { return a * 2 }\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "stats.mlr"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        ("--emit=lib", "libstats.h libstats.so"),
        ("--emit=shared --arch=arm64", "libstats.h libstats.so"),
        ("--emit=so --target=android", "libstats.h libstats.so"),
        ("--emit=lib --target=macos", "libstats.dylib libstats.h"),
        ("--emit=dylib", "libstats.dylib libstats.h"),
        ("--emit=lib --target=windows", "stats.dll stats.h stats.lib"),
        ("--emit=dll --arch=arm64", "stats.dll stats.h stats.lib"),
        ("--emit=staticlib", "libstats.a libstats.h"),
        ("--emit=archive --target=macos", "libstats.a libstats.h"),
        ("--emit=staticlib --target=windows", "stats.h stats.lib"),
    ],
)
def test_default_names(source: Path, flags: str, names: str) -> None:
    status, output, messages = run_mlrc([*flags.split(), str(source)])
    assert (status, messages) == (0, "")
    made = sorted(row.name for row in source.parent.iterdir() if row != source)
    assert " ".join(made) == names
    assert output.splitlines()[0].endswith(f"-> {source.parent / made[0]}") or len(made) > 1
    assert "header -> " in output


def test_an_output_name_decides_what_is_written(source: Path) -> None:
    folder = source.parent
    for name, magic in (("x.a", b"!<arch>\n"), ("x.lib", b"!<arch>\n"), ("x.so", b"\x7fELF")):
        status, _, _ = run_mlrc(["--emit=lib", str(source), "-o", str(folder / name)])
        assert status == 0 and (folder / name).read_bytes().startswith(magic)
    assert (folder / "x.so").stat().st_mode & 0o111 and not (folder / "x.a").stat().st_mode & 0o111


def test_the_header_goes_where_it_is_wanted(source: Path) -> None:
    header = source.parent / "other.hpp"
    words = ["--emit=lib", f"--header={header}", str(source)]
    for _ in range(2):  # the second time from the cache
        header.unlink(missing_ok=True)
        status, output, _ = run_mlrc(words)
        assert status == 0 and f"header -> {header}" in output
        assert "uint64_t twice(uint64_t a);" in header.read_text()
    assert not (source.parent / "libstats.h").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--header=x.h", "--header is for libraries: add --emit=lib"),
        ("--emit=lib --freestanding", "a library has no start: leave out --freestanding"),
        ("--emit=dll --target=linux", "--emit=dll"),
        ("--emit=lib --targets=all", "a library is for one --target and --arch"),
        ("--emit=lib --header={source}", "is another file of this compilation"),
        ("--emit=library", "unknown --emit kind 'library'"),
    ],
)
def test_flags_that_contradict_are_refused(source: Path, flags: str, message: str) -> None:
    words = flags.replace("{source}", str(source)).split()
    status, _, messages = run_mlrc([*words, str(source)])
    assert status in (1, 2) and message in messages and source.read_text() == TEXT
    assert [row for row in source.parent.iterdir() if row != source] == []


def test_a_failure_leaves_old_files_alone(source: Path) -> None:
    folder = source.parent
    for name in ("libstats.so", "libstats.h"):
        (folder / name).write_text("old")
    source.write_text("fn twice(u64 a) -> u64 { return a * 2 }\n")
    status, _, messages = run_mlrc(["--emit=lib", str(source)])
    assert status == 1 and "E0607" in messages
    source.write_text(TEXT)
    status, _, messages = run_mlrc(["--emit=lib", "--header=/none/x.h", str(source)])
    assert status == 1 and "/none/x.h" in messages
    assert [(folder / name).read_text() for name in ("libstats.so", "libstats.h")] == ["old"] * 2


def test_a_name_that_compiled_code_needs_is_refused(source: Path) -> None:
    source.write_text(
        "@export fn memset(u64 p, u64 v, u64 n) -> u64 { return p + v + n }\n"
        "@export fn room() -> u64 { u64[99] a a[3] = 1 return alloc(9) + a[room_index()] }\n"
        "fn room_index() -> u64 { return time_ns() % 90 }\n"
    )
    status, _, messages = run_mlrc(["--emit=lib", str(source)])
    assert status == 1 and "E0603" in messages and "memset" in messages


def test_a_name_that_no_loader_could_ask_for_is_refused(source: Path) -> None:
    for name in ("x\udcff.so", "x\n.so"):
        status, _, messages = run_mlrc(["--emit=lib", str(source), "-o", str(source.parent / name)])
        assert status == 1 and "must be printable UTF-8" in messages


def test_comments_of_any_bytes_reach_the_header(source: Path) -> None:
    source.write_bytes(b"// caf\xe9 */ /* \\\n@export fn f() -> u64 { return 1 }\n")
    assert run_mlrc(["--emit=lib", str(source)])[0] == 0
    header = (source.parent / "libstats.h").read_bytes()
    assert b"/* caf\xe9 * / / * \\ */\n" in header


def test_a_library_is_not_for_running(source: Path) -> None:
    status, _, messages = run_mlrc(["run", "--emit=lib", str(source)])
    assert status == 1 and "compiles for this machine" in messages


def test_externs_are_looked_for_when_the_library_is_made(source: Path) -> None:
    source.write_text(
        "extern fn GetTickCount() -> u32\n@export fn f() -> u64 { return GetTickCount() }\n"
    )
    status, _, messages = run_mlrc(["--emit=lib", str(source)])
    assert status == 1 and "E0601" in messages
    status, _, messages = run_mlrc(["--emit=dll", str(source)])
    assert status == 0, messages


def test_statics_of_the_command_line_are_zero(source: Path) -> None:
    source.write_text("static u64 cli_argc\n@export fn count() -> u64 { return cli_argc }\n")
    status, _, messages = run_mlrc(["--emit=lib", str(source)])
    assert status == 0, messages
