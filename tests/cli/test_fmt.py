"""`mlrc fmt`: its options, and that it changes no token of any program we have."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlrift.driver.formatting import format_source
from mlrift.driver.living.rewriting import tokens_of
from tests.harness.compiler import run_mlrc

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("tests/run", "tests/errors", "examples", "std", "mlrift", "benchmarks")
PROGRAMS = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.mlr"))]
UGLY = "fn main(){\nf()\n}"
TIDY = "fn main(){\n    f()\n}\n"


def tokens(text: str) -> list[str]:
    """Return the tokens of a program; a `#lang` line without the blanks at its end."""
    stream = tokens_of(text)
    return [part.rstrip() if part.startswith("#") else part for part in stream.texts]


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_tokens_stay_and_formatting_again_changes_nothing(folder: str) -> None:
    for path in PROGRAMS:
        if not path.is_relative_to(ROOT / folder):
            continue
        text = path.read_bytes().decode("utf-8", "surrogateescape")
        formatted = format_source(text)
        assert format_source(formatted) == formatted, path
        if text.count('"') % 2 == 0 and "unterminated" not in path.name:
            assert tokens(formatted) == tokens(text), path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'fn f() {\nprint(f"{g("}  \n  {")} \n x")\n}\n',
            'fn f() {\n    print(f"{g("}  \n  {")} \n x")\n}\n',
        ),
        ('fn f() {\nelf"{"\n}\n', 'fn f() {\n    elf"{"\n}\n'),
        ('fn f() {\nprint(f"{\n', 'fn f() {\n    print(f"{\n'),
    ],
)
def test_strings_in_f_strings_are_strings(text: str, expected: str) -> None:
    assert format_source(text) == expected


def test_check_passes_a_formatted_file() -> None:
    Path("a.mlr").write_text(TIDY)
    assert run_mlrc(["fmt", "--check", "a.mlr"]) == (0, "", "")


def test_check_names_the_first_line_of_each_file_and_writes_nothing() -> None:
    Path("a.mlr").write_text(UGLY)
    Path("b.mlr").write_text(TIDY + "\n")
    status, out, err = run_mlrc(["fmt", "--check", "a.mlr", "b.mlr"])
    assert (status, out) == (1, "")
    assert err == (
        "mlrc fmt: a.mlr is not formatted, first at line 2\n"
        "mlrc fmt: b.mlr is not formatted, at its end\n"
    )
    assert Path("a.mlr").read_text() == UGLY


def test_in_place_rewrites_files_keeping_mode_and_links() -> None:
    Path("a.mlr").write_text(UGLY)
    os.chmod("a.mlr", 0o600)
    os.symlink("a.mlr", "link.mlr")
    Path("b.mlr").write_text(TIDY)
    before = os.stat("b.mlr").st_mtime_ns
    assert run_mlrc(["fmt", "-i", "link.mlr", "b.mlr"]) == (0, "", "")
    assert Path("a.mlr").read_text() == TIDY
    assert os.path.islink("link.mlr")
    assert os.stat("a.mlr").st_mode & 0o777 == 0o600
    assert os.stat("b.mlr").st_mtime_ns == before
    assert sorted(os.listdir(".")) == ["a.mlr", "b.mlr", "link.mlr"]


def test_in_place_keeps_bytes_that_are_not_utf_8() -> None:
    Path("a.mlr").write_bytes(b'fn f() {\n"\xff"\n}\n')
    assert run_mlrc(["fmt", "-i", "a.mlr"])[0] == 0
    assert Path("a.mlr").read_bytes() == b'fn f() {\n    "\xff"\n}\n'


def fmt_stdin(data: bytes, *options: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "mlrift.cli.mlrc", "fmt", "--stdin", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, input=data, capture_output=True, env=environment, check=False)


def test_standard_input() -> None:
    done = fmt_stdin(UGLY.encode() + b"// \xff")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == TIDY[:-1].encode() + b"// \xff\n"


def test_standard_input_can_be_checked() -> None:
    done = fmt_stdin(UGLY.encode(), "--check")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"standard input is not formatted, first at line 2" in done.stderr


@pytest.mark.parametrize(
    "words", [["--check", "-i", "a.mlr"], ["--stdin", "a.mlr"], ["--stdin", "-i"], ["--frob"]]
)
def test_options_that_contradict_each_other(words: list[str]) -> None:
    status, out, err = run_mlrc(["fmt", *words])
    assert (status, out) == (1, "")
    assert err.startswith("mlrc fmt: error: ")


def test_without_a_file_the_usage_is_printed() -> None:
    assert run_mlrc(["fmt"])[0] == 0


def test_an_unwritable_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a.mlr").write_text(UGLY)

    def refuse(*_: object, **__: object) -> tuple[int, str]:
        raise PermissionError(13, "Permission denied", "a.mlr")

    monkeypatch.setattr("os.replace", refuse)
    status, _, err = run_mlrc(["fmt", "-i", "a.mlr"])
    assert status == 1
    assert "Permission denied" in err
    assert Path("a.mlr").read_text() == UGLY
