"""`mlrc fmt`: formatted source to standard output, into the files, or nowhere (docs/cli.md 1.6)."""

import sys
from pathlib import Path

import click

from mlrift.cli.environment import library_roots
from mlrift.cli.source_files import UnreadableSource, decode_source, encode_source, read_source
from mlrift.cli.subcommand import STATUS_FAILED, carry_out
from mlrift.driver.artifacts import replace_content
from mlrift.driver.formatting import NotAProgram, format_source
from mlrift.driver.resources import standard_library_root

STANDARD_INPUT = "standard input"
USAGE = """usage: mlrc fmt FILE.mlr              print the file formatted
       mlrc fmt --check PATH...       exit with 1 if a file would change
       mlrc fmt -i PATH...            format the files themselves
       mlrc fmt --stdin               format standard input
"""


def format_files(words: list[str]) -> int:
    """Carry out `mlrc fmt` with these words; returns the exit status."""
    return carry_out(fmt_command, "mlrc fmt", words, USAGE)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.argument("files", nargs=-1, metavar="FILE.mlr")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if a file would change.")
@click.option("-i", "in_place", is_flag=True, help="Write the result into the file.")
@click.option("--stdin", "standard_input", is_flag=True, help="Read standard input, not a file.")
def fmt_command(files: tuple[str, ...], check: bool, in_place: bool, standard_input: bool) -> int:
    """Print FILE.mlr formatted; with --check and -i, a folder stands for all .mlr files in it."""
    if check and in_place:
        raise click.UsageError("--check writes nothing and -i does; give one of them")
    if standard_input:
        if files or in_place:
            raise click.UsageError("--stdin reads no file")
        text = decode_source(sys.stdin.buffer.read())
        return _check(STANDARD_INPUT, text) if check else _print(STANDARD_INPUT, text)
    if not files:
        sys.stderr.write(USAGE)
        return 0
    if check:
        return max(_check_file(path) for path in _files_of(files))
    if in_place:
        return max(_rewrite(path) for path in _files_of(files))
    return _print(files[-1], read_source(Path(files[-1])))


def _files_of(names: tuple[str, ...]) -> list[Path]:
    """Return the files named, and those in the folders named."""
    paths: list[Path] = []
    for name in names:
        path = Path(name)
        found = sorted(path.rglob("*.mlr")) if path.is_dir() else [path]
        if not found:
            raise UnreadableSource(f"no .mlr file in '{name}'")
        paths += found
    return paths


def _formatted(name: str, text: str) -> str:
    return format_source(text, name, (*library_roots(), standard_library_root()))


def _print(name: str, text: str) -> int:
    sys.stdout.write(_formatted(name, text))
    return 0


def _check_file(path: Path) -> int:
    """Check one file; one that does not parse is reported, and the others are checked too."""
    try:
        return _check(str(path), read_source(path))
    except NotAProgram as error:
        sys.stderr.write(error.messages)
        return STATUS_FAILED


def _check(name: str, text: str) -> int:
    """Say whether a text would change, and where first."""
    formatted = _formatted(name, text)
    if formatted == text:
        return 0
    rows = zip(text.split("\n"), formatted.split("\n"), strict=False)
    line = next((number for number, (old, new) in enumerate(rows, 1) if old != new), None)
    place = f"first at line {line}" if line else "at its end"
    sys.stderr.write(f"mlrc fmt: {name} is not formatted, {place}\n")
    return STATUS_FAILED


def _rewrite(path: Path) -> int:
    """Format a file in place; one that would not change, or does not parse, is not touched."""
    text = read_source(path)
    try:
        formatted = _formatted(str(path), text)
    except NotAProgram as error:
        sys.stderr.write(error.messages)
        return STATUS_FAILED
    if formatted != text:
        replace_content(path, encode_source(formatted))
    return 0
