"""The `mlrc` command: flags in, one driver call, an exit status out (cli.md 1 and 2)."""

import gc
import io
import os
import sys
from pathlib import Path

import click

from mlrift import VERSION
from mlrift.cli.commands import (
    COMPILING_COMMANDS,
    find_command,
    separate_program_arguments,
    standalone,
)
from mlrift.cli.environment import cache_folder, library_roots
from mlrift.driver.options import (
    CompileOptions,
    DebugInfo,
    ErrorFormat,
    FatFormat,
    Optimisation,
    Product,
    RuntimeChecks,
    Startup,
    TypeShapes,
)
from mlrift.driver.selection import Selection, SelectionError, default_output, select

USAGE = """usage: mlrc [options] FILE.mlr [-o OUTPUT]
       mlrc check|fmt|lc|test [options] FILE.mlr
       mlrc run [options] FILE.mlr [ARGUMENT...]
       mlrc explain CODE
`mlrc --help` lists the options.
"""
STATUS_FAILED = 1
STATUS_SAME_FILE = 2
TRACEBACK_VARIABLE = "MLRIFT_TRACEBACK"
SUBCOMMANDS = ("check", *COMPILING_COMMANDS)
LATER_OPTIONS = ("--emit-amdgpu-", "--target-arch", "--target=amdgpu-native", "--target=hip-amd")


def main() -> None:
    """Run `mlrc` with the process's arguments and exit with its status."""
    gc.disable()  # one compilation a process: trees die with it, and collecting costs a third
    status = 0
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")  # bytes of names and of sources
    try:
        status = run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except KeyboardInterrupt:
        status = 130
    except OSError as error:
        sys.stderr.write(f"mlrc: error: {error}\n")
        status = STATUS_FAILED
    except MemoryError:
        sys.stderr.write("mlrc: error: out of memory\n")
        status = STATUS_FAILED
    except Exception as error:
        _report_bug(error)
        status = STATUS_FAILED
    sys.exit(status)


def _report_bug(error: Exception) -> None:
    """Say that the compiler, not the program, is wrong, and how to learn where."""
    sys.stderr.write(
        f"mlrc: internal error: {type(error).__name__}: {error}\n"
        "mlrc: this is a bug in mlrc, not in your program; please report it with the program\n"
    )
    if os.environ.get(TRACEBACK_VARIABLE):
        import traceback  # noqa: PLC0415 - for bugs only

        traceback.print_exception(error)
    else:
        sys.stderr.write(f"mlrc: run it again with {TRACEBACK_VARIABLE}=1 for a traceback\n")


def run(arguments: list[str]) -> int:
    """Carry out one command line and return the exit status."""
    if not arguments:
        sys.stderr.write(USAGE)
        return 0
    later = _find_later(arguments)
    if later:
        sys.stderr.write(f"mlrc: error: {later} is not supported yet\n")
        return STATUS_FAILED
    command = find_command(arguments, compile_command)
    if command is not None:
        carry_out = standalone(command)
        if carry_out is not None:
            return carry_out([*command.before, *command.after])
        arguments = separate_program_arguments(command, compile_command)
    try:
        result = compile_command.main(arguments, prog_name="mlrc", standalone_mode=False)
    except click.UsageError as error:
        sys.stderr.write(f"mlrc: error: {error.format_message()}\n{USAGE}")
        return STATUS_FAILED
    except (click.Abort, EOFError):
        return STATUS_FAILED
    return int(result or 0)


@click.command(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Without --arch, --target, --emit or -c the result is a fat file for eight targets.",
)
@click.argument("words", nargs=-1, metavar="[check|fmt|lc|run|test|explain] FILE.mlr")
@click.option("-o", "output", metavar="OUTPUT", help="Where to write the result.")
@click.option("--emit", metavar="KIND", help="elfexe, macho, pe, android, obj, asm or ir.")
@click.option("-c", "object_only", is_flag=True, help="The same as --emit=obj.")
@click.option("--arch", metavar="CPU", help="One target for x86_64 or arm64.")
@click.option("--target", metavar="OS", help="One target for linux, macos, windows or android.")
@click.option("--targets", metavar="LIST", help="A fat file with these slices (comma list, all).")
@click.option("-O", "level", metavar="LEVEL", help="0: no optimisation; 2: all (the default).")
@click.option("--O0", "no_optimisation", is_flag=True, help="The same as -O0.")
@click.option("-g", "debug_info", is_flag=True, help="Write DWARF debug information.")
@click.option(
    "--debug", is_flag=True, help="Check bounds, null, division and overflow at run time."
)
@click.option("--check-types/--no-check-types", default=True, help="Type-shape rules are errors.")
@click.option("--error-format", type=click.Choice(["text", "json"]), default="text")
@click.option("--fat-format", type=click.Choice(["2", "3"]), default="3", help="Container version.")
@click.option("--dump", multiple=True, metavar="after:PASS", help="Print the IR after a pass.")
@click.option("--freestanding", is_flag=True, help="No start-up code: main is the entry point.")
@click.option(
    "--ir",
    "--legacy",
    "--coalesce",
    "--no-coalesce",
    "--no-auto-teardown",
    "accepted",
    is_flag=True,
    hidden=True,
)
@click.option("--version", "version", is_flag=True, help="Print the version.")
def compile_command(words: tuple[str, ...], version: bool, **flags: object) -> int:
    """Compile FILE.mlr, or check or re-indent it."""
    if version:
        click.echo(f"mlrc {VERSION}")
        return 0
    subcommand = words[0] if words and words[0] in SUBCOMMANDS else None
    files = words[1:] if subcommand else words
    if subcommand in COMPILING_COMMANDS:
        files = files[:1]
    if not files:
        sys.stderr.write(USAGE)
        return 0
    source = Path(files[-1])
    try:
        selection = _selection(flags, subcommand)
    except SelectionError as error:
        sys.stderr.write(f"mlrc: error: {error}\n")
        return STATUS_FAILED
    for name in selection.unknown_targets:
        sys.stderr.write(f"mlrc: warning: unknown --targets name '{name}'\n")
    options = _options(source, selection, flags)
    if isinstance(options, str):
        sys.stderr.write(f"mlrc: error: {options}\n")
        return STATUS_FAILED
    if subcommand == "run":
        from mlrift.cli.run_command import run_program  # noqa: PLC0415 - one command a process

        return run_program(options, words[1:])
    if subcommand == "test":
        from mlrift.cli.test_command import run_tests  # noqa: PLC0415 - one command a process

        return run_tests(options)
    from mlrift.driver.build import build  # noqa: PLC0415 - help and usage need none of it

    return build(options)


def _find_later(arguments: list[str]) -> str:
    """Return the first word of the command line that a later version carries out, or ""."""
    return next((f"'{word}'" for word in arguments if word.startswith(LATER_OPTIONS)), "")


def _selection(flags: dict[str, object], subcommand: str | None) -> Selection:
    emit = "obj" if flags["object_only"] else _text(flags["emit"])
    chosen = select(emit, _text(flags["arch"]), _text(flags["target"]), _text(flags["targets"]))
    if subcommand in COMPILING_COMMANDS:
        from mlrift.cli.host_selection import host_selection  # noqa: PLC0415 - for these two only

        return host_selection(f"mlrc {subcommand}", chosen, flags)
    if subcommand == "check":
        return Selection(Product.CHECK, chosen.targets, chosen.unknown_targets)
    return chosen


def _options(source: Path, selection: Selection, flags: dict[str, object]) -> CompileOptions | str:
    level = _text(flags["level"])
    if level not in (None, "0", "1", "2", "3"):
        return f"unknown optimisation level '-O{level}'; known: -O0, -O2"
    dumps = flags["dump"] if isinstance(flags["dump"], tuple) else ()
    for name in dumps:
        if not name.startswith("after:"):
            return f"unknown --dump value '{name}'; write --dump=after:PASS"
    quick = bool(flags["no_optimisation"]) or level == "0"
    output = _text(flags["output"])
    return CompileOptions(
        source=source,
        output=Path(output)
        if output is not None
        else default_output(source, selection.product, selection.targets),
        product=selection.product,
        targets=selection.targets,
        optimisation=Optimisation.NONE if quick else Optimisation.FULL,
        debug_info=DebugInfo.FULL if flags["debug_info"] else DebugInfo.NONE,
        checks=RuntimeChecks.DEBUG if flags["debug"] else RuntimeChecks.NONE,
        startup=Startup.FREESTANDING if flags["freestanding"] else Startup.HOSTED,
        type_shapes=TypeShapes.ERRORS if flags["check_types"] else TypeShapes.WARNINGS,
        error_format=_error_format(flags),
        fat_format=FatFormat(int(str(flags["fat_format"]))),
        library_roots=library_roots(),
        dump_after=tuple(name.removeprefix("after:") for name in dumps),
        cache_folder=cache_folder(),
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _error_format(flags: dict[str, object]) -> ErrorFormat:
    if flags["error_format"] == "json":
        return ErrorFormat.JSON
    if sys.stderr.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb":
        return ErrorFormat.COLOURED
    return ErrorFormat.TEXT


if __name__ == "__main__":
    main()
