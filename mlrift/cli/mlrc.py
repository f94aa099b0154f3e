"""The `mlrc` command: flags in, one driver call, an exit status out (cli.md 1 and 2)."""

import gc
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from mlrift import VERSION
from mlrift.cli.command_line import NotPlain, read_plain
from mlrift.cli.commands import (
    COMPILING_COMMANDS,
    find_command,
    separate_program_arguments,
    standalone,
)
from mlrift.cli.environment import cache_folder, library_roots
from mlrift.driver.device.selection import KernelWords, select_kernels
from mlrift.driver.options import (
    LIBRARY_PRODUCTS,
    MOST_LEVELS,
    CompileOptions,
    DebugInfo,
    ErrorFormat,
    FatFormat,
    Optimisation,
    Product,
    RuntimeChecks,
    Startup,
    Teardown,
    TypeShapes,
)
from mlrift.driver.selection import (
    EMIT_KINDS,
    Selection,
    SelectionError,
    default_output,
    output_for_chip,
    select,
    with_output,
)
from mlrift.static_types import NoReturn
from mlrift.targets import SYSTEMS_WITH_GUARD_PAGES

USAGE = """usage: mlrc [options] FILE.mlr [-o OUTPUT]
       mlrc check|doc|fmt|lc|test [options] FILE.mlr
       mlrc run [options] FILE.mlr [ARGUMENT...]
       mlrc explain CODE... | --list
       mlrc disassemble|check-co|emulate FILE.co ...
`mlrc --help` lists the options.
"""
STATUS_FAILED = 1
STATUS_SAME_FILE = 2
TRACEBACK_VARIABLE = "MLRIFT_TRACEBACK"
SUBCOMMANDS = ("check", *COMPILING_COMMANDS)
NAMED_KERNEL = "--emit-amdgpu-"


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
    _end(status)


def _end(status: int) -> NoReturn:
    """Exit at once: taking apart what the system takes back anyway costs as much as parsing."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        status = status or STATUS_FAILED
    os._exit(status)


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
    if any(word.startswith(NAMED_KERNEL) for word in arguments):
        from mlrift.cli.named_kernel_command import (  # noqa: PLC0415 - one command a process
            write_named_kernels,
        )

        return write_named_kernels(arguments)
    command = find_command(arguments)
    if command is not None:
        carry_out = standalone(command)
        if carry_out is not None:
            return carry_out([*command.before, *command.after])
        arguments = separate_program_arguments(command)
    try:
        words, flags = read_plain(arguments)
    except NotPlain:
        return _run_click(arguments)
    return _compile(words, flags)


def _run_click(arguments: list[str]) -> int:
    """Let click read a command line, and say what is wrong with it or what help it asks for."""
    import click  # noqa: PLC0415 - a well-formed command line needs none of it

    from mlrift.cli.click_command import click_command  # noqa: PLC0415

    try:
        command = click_command(_compile)
        result = command.main(arguments, prog_name="mlrc", standalone_mode=False)
    except click.UsageError as error:
        sys.stderr.write(f"mlrc: error: {error.format_message()}\n{USAGE}")
        return STATUS_FAILED
    except (click.Abort, EOFError):
        return STATUS_FAILED
    return int(result or 0)


def _compile(words: Sequence[str], flags: dict[str, object]) -> int:
    """Carry out a compilation, a check, `run` or `test`."""
    if flags["version"]:
        sys.stdout.write(f"mlrc {VERSION}\n")
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
        _check_library_flags(selection, flags)
    except SelectionError as error:
        sys.stderr.write(f"mlrc: error: {error}\n")
        return STATUS_FAILED
    for name in selection.unknown_targets:
        sys.stderr.write(f"mlrc: warning: unknown --targets name '{name}'\n")
    options = _options(source, selection, flags)
    if isinstance(options, str):
        sys.stderr.write(f"mlrc: error: {options}\n")
        return STATUS_FAILED
    if flags["explain_ops"] or flags["bandwidth"] is not None:
        return _explain_ops(options, flags)
    if subcommand == "run":
        from mlrift.cli.run_command import run_program  # noqa: PLC0415 - one command a process

        return run_program(options, words[1:])
    if subcommand == "test":
        from mlrift.cli.test_command import run_tests  # noqa: PLC0415 - one command a process

        return run_tests(options)
    from mlrift.driver.build import build  # noqa: PLC0415 - help and usage need none of it

    return build(options)


def _explain_ops(options: CompileOptions, flags: dict[str, object]) -> int:
    """Print what loops cost instead of compiling."""
    if not flags["explain_ops"]:
        sys.stderr.write("mlrc: error: --bandwidth is for --explain-ops\n")
        return STATUS_FAILED
    from mlrift.cli.explain_ops_command import (  # noqa: PLC0415 - one command a process
        print_costs,
    )

    return print_costs(options, _text(flags["bandwidth"]))


def _selection(flags: dict[str, object], subcommand: str | None) -> Selection:
    chosen = _chosen_products(flags)
    if subcommand in COMPILING_COMMANDS:
        from mlrift.cli.host_selection import host_selection  # noqa: PLC0415 - for these two only

        return host_selection(f"mlrc {subcommand}", chosen, flags)
    output = _text(flags["output"])
    if output is not None:
        chosen = with_output(chosen, output)
    if subcommand == "check":
        return Selection(Product.CHECK, chosen.targets, chosen.unknown_targets)
    return chosen


def _chosen_products(flags: dict[str, object]) -> Selection:
    emit = "obj" if flags["object_only"] else _text(flags["emit"])
    arch, target, targets = (_text(flags[name]) for name in ("arch", "target", "targets"))
    explain = bool(flags["explain_kernels"])
    chips, card = _text(flags["target_arch"]), _text(flags["card"])
    words = KernelWords(emit, arch, target, targets, chips, explain, card)
    if words.concern_kernels:
        return select_kernels(words)
    return select(emit, arch, target, targets)


def _check_library_flags(selection: Selection, flags: dict[str, object]) -> None:
    """Refuse options that go with libraries alone, or with everything but libraries."""
    is_library = selection.product in LIBRARY_PRODUCTS
    if flags["header"] is not None and not is_library:
        raise SelectionError("--header is for libraries: add --emit=lib")
    kind = EMIT_KINDS.get(_text(flags["emit"]) or "")
    if flags["targets"] is not None and kind is not None and kind.product in LIBRARY_PRODUCTS:
        raise SelectionError("--targets makes a fat file: a library is for one --target and --arch")
    if flags["freestanding"] and is_library:
        raise SelectionError("a library has no start: leave out --freestanding")


def _options(source: Path, selection: Selection, flags: dict[str, object]) -> CompileOptions | str:
    level = _text(flags["level"])
    if level not in (None, "0", "1", "2", "3"):
        return f"unknown optimisation level '-O{level}'; known: -O0, -O2"
    highest = _text(flags["processor_level"]) or str(MOST_LEVELS)
    if not highest.isdecimal() or int(highest) > MOST_LEVELS:
        return f"no processor has the level '{highest}': write 0 to {MOST_LEVELS}"
    dumps = flags["dump"] if isinstance(flags["dump"], tuple) else ()
    for name in dumps:
        if not name.startswith("after:"):
            return f"unknown --dump value '{name}'; write --dump=after:PASS"
    checks = RuntimeChecks(_text(flags["debug"]) or RuntimeChecks.NONE.value)
    if checks is RuntimeChecks.GUARD_PAGES and selection.product is not Product.CHECK:
        for target in selection.targets:
            if target.system not in SYSTEMS_WITH_GUARD_PAGES:
                return f"--debug=guard-pages is not for {target.name}; add --target=linux"
    quick = bool(flags["no_optimisation"]) or level == "0"
    named = _text(flags["output"])
    output = Path(named) if named is not None else None
    if output is None:
        output = default_output(source, selection.product, selection.targets)
    output = output_for_chip(output, selection)
    # Lone surrogates, which stand for bytes of no UTF-8, are not printable.
    if selection.product in LIBRARY_PRODUCTS and not output.name.isprintable():
        return "the name of a library is part of it, so it must be printable UTF-8"
    return CompileOptions(
        source=source,
        output=output,
        product=selection.product,
        targets=selection.targets,
        optimisation=Optimisation.NONE if quick else Optimisation.FULL,
        processor_level=int(highest),
        debug_info=DebugInfo.FULL if flags["debug_info"] else DebugInfo.NONE,
        checks=checks,
        startup=Startup.FREESTANDING if flags["freestanding"] else Startup.HOSTED,
        type_shapes=TypeShapes.ERRORS if flags["check_types"] else TypeShapes.WARNINGS,
        error_format=_error_format(flags),
        fat_format=FatFormat(int(str(flags["fat_format"]))),
        library_roots=library_roots(),
        dump_after=tuple(name.removeprefix("after:") for name in dumps),
        cache_folder=cache_folder(),
        header=None if flags["header"] is None else Path(str(flags["header"])),
        kernels=selection.kernels,
        chips=selection.chips,
        card=_text(flags["card"]) or "",
        teardown=Teardown.BY_PROGRAM if flags["no_teardown"] else Teardown.AUTOMATIC,
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
