"""cli.md names every option and value of the commands; diagnostics.md is up to date."""

import re
from pathlib import Path

import click
import pytest

from mlrift.cli.click_command import click_command
from mlrift.cli.code_object_commands import check_command, disassemble_command
from mlrift.cli.doc_command import doc_command
from mlrift.cli.emulate_command import emulate_command
from mlrift.cli.fmt_command import fmt_command
from mlrift.cli.lc_command import lc_command
from mlrift.cli.mlr import USAGE
from mlrift.driver.selection import EMIT_KINDS
from mlrift.targets import CPUS, SYSTEMS, TARGETS, Target
from tests.docs import std_page
from tests.docs.diagnostics_page import PAGE, diagnostics_page

CLI = (Path(__file__).resolve().parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
CODE_SPANS = {span.strip() for span in re.findall(r"`([^`\n]+)`", CLI)}
OPTION_SPANS = {re.split(r"[= ]", span)[0] for span in CODE_SPANS}


COMMANDS = (
    click_command(lambda _words, _settings: 0),
    doc_command,
    fmt_command,
    lc_command,
    check_command,
    disassemble_command,
    emulate_command,
)
# Spelled with a name inside, or with a suffix.
NAMED_KERNELS = {"--emit-amdgpu-NAME", "--emit-amdgpu-NAME-N", "-D"}


def _options() -> list[str]:
    rows = [row for command in COMMANDS for row in command.params if isinstance(row, click.Option)]
    return [name for row in rows for name in (*row.opts, *row.secondary_opts)]


@pytest.mark.parametrize("option", [*_options(), "-h", "--help"])
def test_option_is_documented(option: str) -> None:
    assert option in OPTION_SPANS


@pytest.mark.parametrize("kind", EMIT_KINDS)
def test_emit_kind_is_documented(kind: str) -> None:
    assert kind in CODE_SPANS


@pytest.mark.parametrize("target", TARGETS, ids=lambda row: str(row.name))
def test_target_is_documented_with_its_slice_id(target: Target) -> None:
    row = next(line for line in CLI.splitlines() if line.startswith(f"| `{target.name}` |"))
    assert all(f"`{alias}`" in row for alias in target.aliases)
    assert row.endswith(f"| {target.slice_id} |")


def test_names_of_systems_and_cpus_are_documented() -> None:
    for row in (*SYSTEMS, *CPUS):
        assert {row.name, *row.aliases} <= CODE_SPANS


def test_usage_of_mlr_is_documented() -> None:
    for line in USAGE.splitlines():
        if "mlr " in line:
            assert line.removeprefix("usage: ").strip() in CLI


def test_documented_options_exist() -> None:
    known = {*_options(), "--help", "-h", "--list", "--explain", "--extract", "-o"}
    known |= {"--device", "--selftest", "--only"}
    documented = {span for span in OPTION_SPANS if re.fullmatch(r"--?[A-Za-z0-9-]+", span)}
    levels = {"-O0", "-O1", "-O2", "-O3"}
    assert documented <= known | levels | NAMED_KERNELS


def test_page_of_diagnostics_is_current() -> None:
    current = PAGE.read_text(encoding="utf-8") == diagnostics_page()
    assert current, "run `python -m tests.docs.diagnostics_page`"


def test_list_of_the_library_is_current() -> None:
    current = std_page.PAGE.read_text(encoding="utf-8") == std_page.std_page()
    assert current, "run `python -m tests.docs.std_page`"
