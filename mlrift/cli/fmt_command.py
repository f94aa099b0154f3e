"""`mlrc fmt`: re-indented source to standard output, into the files, or nowhere (cli.md 3.2)."""

import sys
from pathlib import Path

import click

from mlrift.cli.source_files import UnreadableSource, decode_source, encode_source, read_source
from mlrift.driver.artifacts import replace_content
from mlrift.driver.formatting import format_source

STATUS_FAILED = 1
USAGE = """usage: mlrc fmt FILE.mlr              print the file re-indented
       mlrc fmt --check FILE.mlr...   exit with 1 if a file would change
       mlrc fmt -i FILE.mlr...        re-indent the files themselves
       mlrc fmt --stdin               re-indent standard input
"""


def format_files(words: list[str]) -> int:
    """Carry out `mlrc fmt` with these words; returns the exit status."""
    try:
        result = fmt_command.main(words, prog_name="mlrc fmt", standalone_mode=False)
    except click.UsageError as error:
        sys.stderr.write(f"mlrc fmt: error: {error.format_message()}\n{USAGE}")
        return STATUS_FAILED
    except (UnreadableSource, OSError) as error:
        sys.stderr.write(f"mlrc fmt: error: {error}\n")
        return STATUS_FAILED
    return int(result or 0)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.argument("files", nargs=-1, metavar="FILE.mlr")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if a file would change.")
@click.option("-i", "in_place", is_flag=True, help="Write the result into the file.")
@click.option("--stdin", "standard_input", is_flag=True, help="Read standard input, not a file.")
def fmt_command(files: tuple[str, ...], check: bool, in_place: bool, standard_input: bool) -> int:
    """Print FILE.mlr re-indented, four spaces a brace level."""
    if check and in_place:
        raise click.UsageError("--check writes nothing and -i does; give one of them")
    if standard_input:
        if files or in_place:
            raise click.UsageError("--stdin reads no file")
        text = decode_source(sys.stdin.buffer.read())
        return _check("standard input", text) if check else _print(text)
    if not files:
        sys.stderr.write(USAGE)
        return 0
    if check:
        return max([_check(name, read_source(Path(name))) for name in files])
    if in_place:
        return max([_rewrite(Path(name)) for name in files])
    return _print(read_source(Path(files[-1])))


def _print(text: str) -> int:
    sys.stdout.write(format_source(text))
    return 0


def _check(name: str, text: str) -> int:
    """Say whether a text would change, and where first."""
    formatted = format_source(text)
    if formatted == text:
        return 0
    rows = zip(text.split("\n"), formatted.split("\n"), strict=False)
    line = next((number for number, (old, new) in enumerate(rows, 1) if old != new), None)
    place = f"first at line {line}" if line else "at its end"
    sys.stderr.write(f"mlrc fmt: {name} is not formatted, {place}\n")
    return STATUS_FAILED


def _rewrite(path: Path) -> int:
    """Re-indent a file in place; a file that would not change is not touched."""
    text = read_source(path)
    formatted = format_source(text)
    if formatted != text:
        replace_content(path, encode_source(formatted))
    return 0
