"""What `mlrc` is given by mistake: a message, a status, never a traceback, nothing half written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.compiler import run_mlrc

SINGLE = "--arch=x86_64"
HELLO = 'fn main() { println("hi") }\n'


def refused(arguments: list[str], *fragments: str, status: int = 1) -> str:
    """Check that a command line fails with these words and without a traceback."""
    found, out, err = run_mlrc(arguments)
    assert (found, out) == (status, "")
    for fragment in fragments:
        assert fragment in err
    assert "Traceback" not in err
    return err


def test_a_missing_source() -> None:
    refused([SINGLE, "none.mlr"], "cannot open 'none.mlr': file not found")


def test_a_folder_as_source(tmp_path: Path) -> None:
    refused([SINGLE, str(tmp_path)], "cannot open", "directory")


def test_an_unreadable_source() -> None:
    Path("secret.mlr").write_text(HELLO)
    os.chmod("secret.mlr", 0)
    if os.access("secret.mlr", os.R_OK):
        pytest.skip("this user reads every file")
    refused([SINGLE, "secret.mlr"], "cannot open 'secret.mlr': permission denied")


def test_a_missing_import_is_reported_with_the_other_errors() -> None:
    Path("a.mlr").write_text('import "none.mlr"\nfn f() {}\nfn f() {}\nfn main() { lost() }\n')
    err = refused(
        [SINGLE, "a.mlr", "-o", "made"],
        "a.mlr:1:8: error: cannot open import: none.mlr",
        "redefinition of function 'f'",
        "compilation aborted: one or more imports could not be opened",
    )
    assert "lost" not in err
    assert not Path("made").exists()


def test_a_folder_as_import() -> None:
    Path("inner").mkdir()
    Path("a.mlr").write_text('import "inner"\nfn main() { }\n')
    refused([SINGLE, "a.mlr"], "cannot open import: inner")


def test_an_import_cycle_is_harmless() -> None:
    Path("inner").mkdir()
    Path("a.mlr").write_text('import "inner/b.mlr"\nfn one() -> u64 { return 1 }\n')
    Path("inner/b.mlr").write_text('import "../a.mlr"\nfn main() { println(one()) }\n')
    assert run_mlrc([SINGLE, "a.mlr", "-o", "made"])[0] == 0
    assert subprocess.run(["./made"], capture_output=True, check=True).stdout == b"1\n"


def test_a_file_that_imports_itself() -> None:
    Path("a.mlr").write_text('import "a.mlr"\nimport "./a.mlr"\nfn main() { }\n')
    assert run_mlrc([SINGLE, "a.mlr"])[0] == 0


def test_bytes_that_are_no_utf8_stay_as_they_are() -> None:
    Path("a.mlr").write_bytes(b'// \xff\nfn main() { print("\xfe\xc3") }\n')
    assert run_mlrc([SINGLE, "a.mlr", "-o", "made"])[0] == 0
    assert subprocess.run(["./made"], capture_output=True, check=True).stdout == b"\xfe\xc3"


def test_a_name_that_is_no_utf8() -> None:
    Path("a.mlr").write_bytes(b"fn main() { u64 \xff = 1 }\n")
    refused([SINGLE, "a.mlr"], "a.mlr:1:17: error: ")


def test_a_nul_byte_between_tokens() -> None:
    Path("a.mlr").write_bytes(b"fn main() { \0 }\n")
    refused([SINGLE, "a.mlr"], "a.mlr:1:13: error: unexpected NUL byte in source")


def test_an_empty_file() -> None:
    Path("a.mlr").write_text("")
    refused([SINGLE, "a.mlr"], "no 'main' function found")


def test_a_line_of_ten_megabytes() -> None:
    Path("a.mlr").write_text("fn main() { println(1) } //" + "x" * 10_000_000)
    assert run_mlrc([SINGLE, "a.mlr"])[0] == 0
    Path("b.mlr").write_text("fn main() { println(1) " + " " * 10_000_000 + "% }")
    assert len(refused([SINGLE, "b.mlr"], "b.mlr:1:")) < 2000


@pytest.mark.parametrize(
    ("before", "repeated", "after"),
    [
        ("fn main() { println(", "(", ")"),
        ("fn main() { ", "if 1 { ", "}"),
        ("fn main() { u64 a = ", "-", ""),
        ("fn main() { f(", "f(", ")"),
        ("fn main() { a", "[a", "]"),
        ("fn main() { ", "while 1 { ", ""),
    ],
)
def test_nesting_without_end(before: str, repeated: str, after: str) -> None:
    text = before + repeated * 10_000 + "1" + after * 10_000 + ") }"
    Path("a.mlr").write_text(text)
    refused([SINGLE, "a.mlr"], "nested deeper than 1000 levels")


def test_nesting_up_to_the_limit_compiles() -> None:
    Path("a.mlr").write_text(f"fn main() {{ println({'(' * 900}7{')' * 900}) }}")
    assert run_mlrc([SINGLE, "a.mlr", "-o", "made"])[0] == 0
    assert subprocess.run(["./made"], capture_output=True, check=True).stdout == b"7\n"


@pytest.mark.parametrize("output", ["a.mlr", "./a.mlr", "inner/../a.mlr", "link.mlr", "hard.mlr"])
def test_output_equal_to_input_is_refused(output: str) -> None:
    Path("inner").mkdir()
    Path("a.mlr").write_text(HELLO)
    os.symlink("a.mlr", "link.mlr")
    os.link("a.mlr", "hard.mlr")
    refused(["a.mlr", "-o", output], "is the input file", status=2)
    assert Path("a.mlr").read_text() == HELLO


@pytest.mark.parametrize("option", [SINGLE, "--emit=asm", "--emit=elf"])
def test_an_input_without_extension_would_overwrite_itself(option: str) -> None:
    Path("plain").write_text(HELLO)
    refused([option, "plain"], "is the input file", status=2)
    assert Path("plain").read_text() == HELLO


@pytest.mark.parametrize("option", ["-c", "--emit=pe", "--targets=all"])
def test_an_input_without_extension_is_fine_where_the_name_differs(option: str) -> None:
    Path("plain").write_text(HELLO)
    assert run_mlrc([option, "plain"])[0] == 0


@pytest.mark.parametrize("options", [[SINGLE], ["-c"], []])
def test_a_full_disk(options: list[str]) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    Path("a.mlr").write_text(HELLO)
    refused(
        [*options, "a.mlr", "-o", "/dev/full"], "cannot open output file for writing: /dev/full"
    )


@pytest.mark.parametrize("output", ["none/made", "inner", "a.mlr/made"])
def test_an_unwritable_output(output: str) -> None:
    Path("inner").mkdir()
    Path("a.mlr").write_text(HELLO)
    refused(["a.mlr", "-o", output], f"cannot open output file for writing: {output}")


def test_a_failure_leaves_the_old_output_alone() -> None:
    Path("made").write_text("old")
    Path("a.mlr").write_text("fn main() { lost() }\n")
    refused([SINGLE, "a.mlr", "-o", "made"], "undefined function 'lost'")
    assert Path("made").read_text() == "old"
    assert sorted(os.listdir(".")) == ["a.mlr", "made"]


def test_an_output_that_is_replaced_keeps_nothing_behind() -> None:
    Path("a.mlr").write_text(HELLO)
    Path("made").write_text("old")
    assert run_mlrc([SINGLE, "a.mlr", "-o", "made"])[0] == 0
    assert sorted(os.listdir(".")) == ["a.mlr", "made"]
    assert os.access("made", os.X_OK)


def test_a_reader_that_goes_away() -> None:
    Path("a.mlr").write_text(HELLO)
    command = [sys.executable, "-m", "mlrift.cli.mlrc", "--emit=ir", "a.mlr"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert b"Traceback" not in process.stderr.read()
    process.wait()


@pytest.mark.parametrize("name", ["none", "inner"])
def test_a_source_that_is_no_file_is_not_taken_for_the_output(name: str) -> None:
    Path("inner").mkdir()
    refused([SINGLE, name], f"cannot open '{name}'")
