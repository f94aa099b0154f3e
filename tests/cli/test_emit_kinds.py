"""Every value of `--emit` in cli.md 2.2 with the system and CPU it stands for, and its limits."""

from pathlib import Path

import pytest

from mlrift.driver.options import Product
from mlrift.driver.selection import select
from mlrift.targets import target_for
from tests.harness.compiler import run_mlrc

ALIASES = {
    "linux-x64": "elfexe elf linux elf-x86_64 linux-x86_64 linux-x86-64",
    "linux-arm64": "elf-arm64 linux-arm64",
    "mac-x64": "macho mac macos darwin mac-x64",
    "mac-arm64": "mac-arm64",
    "win-x64": "pe win windows win-x64 windows-x64",
    "win-arm64": "win-arm64 windows-arm64",
    "android-arm64": "android",
}
ROWS = [(alias, name) for name, aliases in ALIASES.items() for alias in aliases.split()]


@pytest.mark.parametrize(("alias", "name"), ROWS)
def test_an_alias_is_one_program_for_one_target(alias: str, name: str) -> None:
    chosen = select(alias, None, None, None)
    assert chosen.product is Product.EXECUTABLE
    assert [target.name for target in chosen.targets] == [name]


@pytest.mark.parametrize(
    ("alias", "name"),
    [row for row in ROWS if not row[0].endswith(("x64", "arm64", "x86_64", "x86-64"))],
)
def test_the_architecture_goes_with_an_alias_that_names_none(alias: str, name: str) -> None:
    (target,) = select(alias, "arm64", None, None).targets
    assert target is target_for(target.system, target.cpu)
    assert target.name == name.replace("x64", "arm64")


def test_of_an_option_given_twice_the_last_counts() -> None:
    Path("a.mlr").write_text("fn main() { }\n")
    assert run_mlrc(["--arch=x86_64", "--arch=arm64", "-o", "b", "a.mlr", "-o", "c"])[0] == 0
    assert not Path("b").exists()
    assert Path("c").read_bytes()[18] == 183  # ELF's number of arm64


def test_a_dump_writes_no_file() -> None:
    Path("a.mlr").write_text("fn main() { }\n")
    status, out, err = run_mlrc(["--emit=ir", "a.mlr"])
    assert (status, err) == (0, "")
    assert out.startswith("function main:")
    assert [path.name for path in Path().iterdir()] == ["a.mlr"]


def test_options_of_a_check_may_follow_the_file() -> None:
    Path("a.mlr").write_text("fn f() { return 1 }\n")
    assert run_mlrc(["check", "a.mlr"])[0] == 1
    assert run_mlrc(["check", "a.mlr", "--no-check-types"])[0] == 0
