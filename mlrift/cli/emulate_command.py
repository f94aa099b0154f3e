"""`mlrc emulate`: a kernel of a code object runs without a card, on buffers of numbers or files."""

import sys
from pathlib import Path

import click

from mlrift.cli.subcommand import STATUS_FAILED, carry_out
from mlrift.driver.device.emulation import (
    BadArgument,
    CodeObjectError,
    EmulatorError,
    EmulatorFault,
    Launch,
    run_launch,
)
from mlrift.driver.device.inspection import UnknownChip

USAGE = """usage: mlrc emulate FILE.co KERNEL --grid=X[,Y[,Z]] --block=X[,Y[,Z]] [--arg=ARGUMENT...]
       ARGUMENT: u64:5 u32:5 i32:-5 i64:-5 f32:1.5 f64:1.5
                 buffer:FILE.npy buffer:TYPE:zeros|ones|range|random:COUNT
"""
_FAILURES = (
    CodeObjectError,
    UnknownChip,
    BadArgument,
    EmulatorError,
    EmulatorFault,
    OSError,
)


def emulate(words: list[str]) -> int:
    """Carry out `mlrc emulate` with these words; returns the exit status."""
    return carry_out(emulate_command, "mlrc emulate", words, USAGE, _FAILURES)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.argument("file", required=False, metavar="FILE.co", type=click.Path(path_type=Path))
@click.argument("kernel", required=False, metavar="KERNEL")
@click.option("--grid", metavar="X[,Y[,Z]]", help="Workgroups.")
@click.option("--block", metavar="X[,Y[,Z]]", help="Work items of a group.")
@click.option("--arg", "arguments", multiple=True, help="An argument, in the kernel's order.")
@click.option("--out", "outputs", multiple=True, metavar="N=FILE.npy", help="Keep argument N.")
@click.option("--seed", type=int, metavar="N", help="Run waves in this random order.")
@click.option("--count", is_flag=True, help="Count instructions, bytes and cache lines.")
@click.option("--target-arch", metavar="GFX", help="Which chip of a bundle is meant.")
def emulate_command(file: Path | None, kernel: str | None, **words: object) -> int:
    """Run KERNEL of FILE.co in the emulator."""
    if file is None or kernel is None:
        sys.stderr.write(USAGE)
        return 0
    if words["grid"] is None or words["block"] is None:
        sys.stderr.write(f"mlrc emulate: error: --grid and --block are needed\n{USAGE}")
        return STATUS_FAILED
    launch = Launch(
        data=file.read_bytes(),
        kernel=kernel,
        grid=str(words["grid"]),
        block=str(words["block"]),
        arguments=_texts(words["arguments"]),
        outputs=_texts(words["outputs"]),
        seed=words["seed"] if isinstance(words["seed"], int) else None,
        is_counted=bool(words["count"]),
        chip_name=None if words["target_arch"] is None else str(words["target_arch"]),
    )
    sys.stdout.write(run_launch(launch))
    return 0


def _texts(found: object) -> tuple[str, ...]:
    return tuple(map(str, found)) if isinstance(found, tuple) else ()
