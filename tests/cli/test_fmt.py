"""`mlrc fmt`: its options, files and messages; what it does to a program is test_fmt_style.py's."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.compiler import run_mlrc

ROOT = Path(__file__).resolve().parents[2]
UGLY = "fn main() {\nf()\n}"
TIDY = "fn main() {\n    f()\n}\n"


def test_the_file_is_printed_and_stays() -> None:
    Path("a.mlr").write_text(UGLY)
    assert run_mlrc(["fmt", "a.mlr"]) == (0, TIDY, "")
    assert Path("a.mlr").read_text() == UGLY


def test_a_missing_file() -> None:
    status, out, err = run_mlrc(["fmt", "none.mlr"])
    assert (status, out) == (1, "")
    assert "cannot open 'none.mlr': file not found" in err


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
    assert done.stdout == TIDY[:-1].encode() + b"  // \xff\n"


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


BROKEN = "fn main() {\n  f(\n}\n"


@pytest.mark.parametrize("options", [[], ["--check"], ["-i"]])
def test_source_that_does_not_parse_is_reported_and_stays(options: list[str]) -> None:
    Path("a.mlr").write_text(BROKEN)
    status, out, err = run_mlrc(["fmt", *options, "a.mlr"])
    assert (status, out) == (1, "")
    assert err.startswith("a.mlr:3:1: error: expected `)` or an expression")
    assert err.endswith("1 parse error(s)\n")
    assert Path("a.mlr").read_text() == BROKEN


def test_one_broken_file_does_not_keep_the_others_from_being_formatted() -> None:
    Path("a.mlr").write_text(BROKEN)
    Path("b.mlr").write_text(UGLY)
    assert run_mlrc(["fmt", "-i", "a.mlr", "b.mlr"])[0] == 1
    assert Path("b.mlr").read_text() == TIDY


def test_a_folder_stands_for_the_files_in_it() -> None:
    Path("code/parts").mkdir(parents=True)
    Path("code/a.mlr").write_text(UGLY)
    Path("code/parts/b.mlr").write_text(UGLY)
    Path("code/notes.txt").write_text(UGLY)
    status, _, err = run_mlrc(["fmt", "--check", "code"])
    assert status == 1
    assert [line.split()[2] for line in err.splitlines()] == [
        os.path.join("code", "a.mlr"),
        os.path.join("code", "parts", "b.mlr"),
    ]
    assert run_mlrc(["fmt", "-i", "code"]) == (0, "", "")
    assert Path("code/parts/b.mlr").read_text() == TIDY
    assert Path("code/notes.txt").read_text() == UGLY
    assert run_mlrc(["fmt", "--check", "code"]) == (0, "", "")


def test_a_folder_without_programs_is_an_error() -> None:
    Path("code").mkdir()
    status, _, err = run_mlrc(["fmt", "--check", "code"])
    assert (status, err) == (1, "mlrc fmt: error: no .mlr file in 'code'\n")


def test_types_of_imported_files_are_known() -> None:
    Path("part.mlr").write_text("struct Point { u64 x; u64 y }\ntype Place = Point\n")
    text = 'import "part.mlr"\n\nfn main() {\n    Place p\n    p = Place { 1, 2 }\n}\n'
    Path("a.mlr").write_text(text.replace("    Place p\n    p", "Place\np p"))
    assert run_mlrc(["fmt", "a.mlr"]) == (0, text, "")


@pytest.mark.parametrize(
    "body",
    ["Point p = Point { 1, 2 }", "Point[4] row", "Point p\n    p.x = 1"],
)
def test_types_of_files_not_imported_are_guessed(body: str) -> None:
    text = f"fn main() {{\n    {body}\n}}\n"
    Path("a.mlr").write_text(text)
    assert run_mlrc(["fmt", "a.mlr"]) == (0, text, "")


def test_types_of_signatures_are_guessed() -> None:
    text = "fn make(u64 x) -> Point {\n    return Point { x, 2 }\n}\n"
    Path("a.mlr").write_text(text)
    assert run_mlrc(["fmt", "a.mlr"]) == (0, text, "")


def test_line_ends_of_windows_become_ours_outside_of_strings() -> None:
    Path("a.mlr").write_bytes(b'fn f() {\r\n  // c\r\n  print("a\r\nb")\r\n}\r\n')
    assert run_mlrc(["fmt", "-i", "a.mlr"])[0] == 0
    assert Path("a.mlr").read_bytes() == b'fn f() {\n    // c\n    print("a\r\nb")\n}\n'


def test_a_byte_order_mark_stays() -> None:
    Path("a.mlr").write_bytes(b"\xef\xbb\xbffn f() {}")
    assert run_mlrc(["fmt", "-i", "a.mlr"])[0] == 0
    assert Path("a.mlr").read_bytes() == b"\xef\xbb\xbffn f() { }\n"


def test_an_empty_file_is_one_empty_line() -> None:
    Path("a.mlr").write_text(" \n\n")
    assert run_mlrc(["fmt", "-i", "a.mlr"])[0] == 0
    assert Path("a.mlr").read_text() == "\n"
    assert run_mlrc(["fmt", "--check", "a.mlr"])[0] == 0


def test_deep_nesting_is_no_matter() -> None:
    text = "fn f() {\n    return " + "(" * 900 + "1" + ")" * 900 + "\n}\n"
    Path("a.mlr").write_text(text)
    assert run_mlrc(["fmt", "a.mlr"])[0] == 0
