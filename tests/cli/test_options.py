"""Options, help and exit statuses: cli.md 1, 2.3 and 2.4."""

import subprocess
from pathlib import Path

import pytest

from tests.harness.compiler import run_mlrc


@pytest.fixture(autouse=True)
def _program() -> None:
    Path("hello.mlr").write_text('fn main() { println("hi") }\n')


@pytest.mark.parametrize("arguments", [[], ["--arch=x86_64"], ["-o", "made"], ["check"], ["fmt"]])
def test_without_a_file_the_usage_is_shown_and_all_is_well(arguments: list[str]) -> None:
    status, out, err = run_mlrc(arguments)
    assert (status, out) == (0, "")
    assert err.startswith("usage: mlrc")


def test_version() -> None:
    status, out, err = run_mlrc(["--version"])
    assert (status, err) == (0, "")
    assert out.startswith("mlrc 1.1.0")
    assert out.count("\n") == 1


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_names_every_option(option: str) -> None:
    status, out, err = run_mlrc([option])
    assert (status, err) == (0, "")
    for name in ("--arch", "--target", "--targets", "--emit", "-c", "-o", "-g", "--debug", "-O"):
        assert name in out


@pytest.mark.parametrize(
    "option", ["--bogus", "--debugX", "--deb", "--arch=riscv64", "--arch=z80", "--target=beos"]
)
def test_unknown_options_and_values_are_refused(option: str) -> None:
    status, out, err = run_mlrc([option, "hello.mlr", "-o", "made"])
    assert (status, out) == (1, "")
    assert "mlrc: error: " in err
    assert not Path("made").exists()


def test_an_unknown_kind_lists_the_known_ones() -> None:
    status, _, err = run_mlrc(["--emit=tape", "hello.mlr"])
    assert status == 1
    assert all(kind in err for kind in ("'tape'", "elfexe", "macho", "pe", "android", "obj", "ir"))


@pytest.mark.parametrize("arguments", [["-o"], ["--arch"], ["--emit"]])
def test_an_option_without_its_value_is_refused(arguments: list[str]) -> None:
    assert run_mlrc(["hello.mlr", *arguments])[0] == 1


def test_targets_without_any_known_name_are_refused() -> None:
    status, _, err = run_mlrc(["--targets=beos", "hello.mlr"])
    assert status == 1
    assert "linux-x64" in err


@pytest.mark.parametrize(
    "options", [["--emit=pe", "--target=linux"], ["--emit=mac-arm64", "--arch=x86_64"]]
)
def test_options_that_contradict_each_other_are_refused(options: list[str]) -> None:
    assert run_mlrc([*options, "hello.mlr"])[0] == 1


def test_pages_guard_blocks_only_where_the_system_has_them() -> None:
    status, _, err = run_mlrc(["--debug=guard-pages", "hello.mlr"])
    assert (status, err) == (
        1,
        "mlrc: error: --debug=guard-pages is not for win-x64; add --target=linux\n",
    )
    assert run_mlrc(["--debug=guard-pages", "--target=linux", "hello.mlr"])[0] == 0
    assert run_mlrc(["check", "--debug=guard-pages", "hello.mlr"])[0] == 0
    status, _, err = run_mlrc(["--debug=all", "hello.mlr"])
    assert status == 1
    assert "'all' is not one of 'checks', 'guard-pages'" in err


@pytest.mark.parametrize(
    "option",
    ["--ir", "--legacy", "--coalesce", "--no-coalesce", "--no-auto-teardown", "--check-types"],
)
def test_old_options_are_accepted(option: str) -> None:
    assert run_mlrc([option, "--arch=x86_64", "hello.mlr"])[0] == 0


@pytest.mark.parametrize("option", ["-O0", "--O0", "-O2", "-g", "--debug"])
def test_programs_of_every_level_do_the_same(option: str) -> None:
    assert run_mlrc([option, "--arch=x86_64", "hello.mlr"])[0] == 0
    assert subprocess.run(["./hello"], capture_output=True, check=True).stdout == b"hi\n"


def test_debug_information_is_in_the_program() -> None:
    assert run_mlrc(["-g", "--arch=x86_64", "hello.mlr"])[0] == 0
    data = Path("hello").read_bytes()
    for name in (b".debug_info", b".debug_abbrev", b".debug_line", b".debug_str", b".symtab"):
        assert name in data


def test_type_shapes_become_warnings() -> None:
    Path("odd.mlr").write_text("fn odd() { return 5 }\nfn main() { odd() }\n")
    status, _, err = run_mlrc(["--arch=x86_64", "odd.mlr"])
    assert status == 1
    assert "type check failed" in err
    status, _, err = run_mlrc(["--no-check-types", "--arch=x86_64", "odd.mlr"])
    assert status == 0
    assert "warning: return with value in void function" in err


def test_a_subcommand_is_an_exact_word() -> None:
    Path("checked").write_text("fn main() { }\n")
    assert run_mlrc(["checked", "-o", "made"])[0] == 0
    assert run_mlrc(["--arch=x86_64", "hello.mlr", "-o", "lc"])[0] == 0
