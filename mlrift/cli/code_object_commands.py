"""`mlrc disassemble` and `mlrc check-co`: what is in a code object, and whether it keeps the rules.

Both take files of any compiler, and bundles of several chips.
"""

import sys
from pathlib import Path

import click

from mlrift.cli.subcommand import STATUS_FAILED, carry_out
from mlrift.driver.device.inspection import (
    CodeObjectError,
    UnknownChip,
    chip_of_words,
    explanation_of,
    findings_of,
    kernel_names,
    listing_of,
)

SHOW_USAGE = "usage: mlrc disassemble [--explain [--card=NAME]] [--target-arch=GFX] FILE.co\n"
CHECK_USAGE = "usage: mlrc check-co [--target-arch=GFX] FILE.co...\n"
_FAILURES = (CodeObjectError, UnknownChip, OSError)
_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_CHIP = click.option("--target-arch", metavar="GFX", help="Which chip of a bundle is meant.")


def disassemble(words: list[str]) -> int:
    """Carry out `mlrc disassemble` with these words; returns the exit status."""
    return carry_out(disassemble_command, "mlrc disassemble", words, SHOW_USAGE, _FAILURES)


def check_code_objects(words: list[str]) -> int:
    """Carry out `mlrc check-co` with these words; returns the exit status."""
    return carry_out(check_command, "mlrc check-co", words, CHECK_USAGE, _FAILURES)


@click.command(context_settings=_SETTINGS)
@click.argument("file", required=False, metavar="FILE.co", type=click.Path(path_type=Path))
@click.option("--explain", is_flag=True, help="Say what the kernels need and cost instead.")
@click.option("--card", metavar="NAME", help="The card of --explain, as rx7900xtx.")
@_CHIP
def disassemble_command(
    file: Path | None, explain: bool, card: str | None, target_arch: str | None
) -> int:
    """Print the kernels of FILE.co: instructions, words and lines of the source."""
    if file is None:
        sys.stderr.write(SHOW_USAGE)
        return 0
    chip = chip_of_words(target_arch)
    data = file.read_bytes()
    text = explanation_of(data, chip, card or "") if explain else listing_of(data, chip)
    sys.stdout.write(text)
    return 0


@click.command(context_settings=_SETTINGS)
@click.argument("files", nargs=-1, metavar="FILE.co...", type=click.Path(path_type=Path))
@_CHIP
def check_command(files: tuple[Path, ...], target_arch: str | None) -> int:
    """Check the machine code of FILE.co: waits, hazards, EXEC, registers, memory."""
    if not files:
        sys.stderr.write(CHECK_USAGE)
        return 0
    chip = chip_of_words(target_arch)
    count = 0
    for file in files:
        data = file.read_bytes()
        names = kernel_names(data, chip)
        found = findings_of(data, chip)
        count += len(found)
        for line in found:
            sys.stderr.write(f"{file}: {line}\n")
        if not found:
            kernels = "1 kernel" if len(names) == 1 else f"{len(names)} kernels"
            sys.stdout.write(f"mlrc check-co: {file} - {kernels}, OK\n")
    return STATUS_FAILED if count else 0
