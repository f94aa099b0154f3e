"""`mlrc run`: the program's output, arguments and exit status are its own; nothing is written."""

import os
import subprocess
import sys
from pathlib import Path

from tests.harness.compiler import run_mlrc

ROOT = Path(__file__).resolve().parents[2]


def mlrc_run(text: str, *words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    Path("a.mlr").write_text(text)
    command = [sys.executable, "-m", "mlrift.cli.mlrc", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, input=stdin, capture_output=True, env=environment, check=False)


def test_the_exit_status_and_the_output_are_the_programs() -> None:
    done = mlrc_run('fn main() { println("hi") exit(7) }\n', "run", "a.mlr")
    assert (done.returncode, done.stdout, done.stderr) == (7, b"hi\n", b"")
    assert os.listdir(".") == ["a.mlr"]


ARGUMENTS = """
static u64 cli_argc
static u64 cli_argv
fn main() {
    for i in 0..cli_argc { println_str(load64(cli_argv + 8 * i)) }
}
"""


def test_words_after_the_file_are_the_programs() -> None:
    done = mlrc_run(ARGUMENTS, "run", "a.mlr", "-o", "--debug", "--", "x y", "", "check")
    assert done.stderr == b""
    assert done.stdout == b"a.mlr\n-o\n--debug\n--\nx y\n\ncheck\n"


def test_options_before_the_file_are_the_compilers() -> None:
    text = "fn main() {\nu8[4] a\nu64 i = time_ns() | 4\na[i] = 1\nprintln(a[i])\n}\n"
    for words in (["--debug", "run", "a.mlr"], ["run", "-O0", "--debug", "a.mlr"]):
        done = mlrc_run(text, *words)
        assert done.returncode != 0
        assert done.stderr


def test_death_by_a_signal_is_the_programs() -> None:
    done = mlrc_run("fn main() { store8(0, 1) }\n", "run", "a.mlr")
    assert done.returncode == -11


def test_an_error_of_the_program_text() -> None:
    done = mlrc_run("fn main() { x = 1 }\n", "run", "a.mlr")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"E0502" in done.stderr


def test_standard_input_is_passed_on() -> None:
    text = "fn main() { u64 p = alloc(8)\nu64 n = read(0, p, 8)\nwrite(1, p, n) }\n"
    assert mlrc_run(text, "run", "a.mlr", stdin=b"abc").stdout == b"abc"


def test_a_target_that_is_not_this_machine_is_refused() -> None:
    Path("a.mlr").write_text("fn main() { }\n")
    for option in ("--target=windows", "--emit=ir", "-c", "--targets=all", "--arch=arm64"):
        status, out, err = run_mlrc(["run", option, "a.mlr"])
        assert (status, out) == (1, "")
        assert "`mlrc run` compiles for this machine" in err


def test_an_output_name_is_refused() -> None:
    Path("a.mlr").write_text("fn main() { }\n")
    status, _, err = run_mlrc(["run", "-o", "b", "a.mlr"])
    assert status == 1
    assert "`mlrc run` writes no file; leave out -o" in err


def test_without_a_file_the_usage_is_printed() -> None:
    assert run_mlrc(["run"])[0] == 0
