"""How a subcommand of its own is carried out: click reads the words, mistakes become messages."""

import sys

import click

from mlrift.cli.source_files import UnreadableSource
from mlrift.driver.formatting import NotAProgram

STATUS_FAILED = 1


def carry_out(
    command: click.Command,
    name: str,
    words: list[str],
    usage: str,
    failures: tuple[type[Exception], ...] = (UnreadableSource, OSError),
) -> int:
    """Return the exit status; each of `failures` is told with its message."""
    try:
        result = command.main(words, prog_name=name, standalone_mode=False)
    except click.UsageError as error:
        sys.stderr.write(f"{name}: error: {error.format_message()}\n{usage}")
        return STATUS_FAILED
    except NotAProgram as error:
        sys.stderr.write(error.messages)
        return STATUS_FAILED
    except failures as error:
        sys.stderr.write(f"{name}: error: {error}\n")
        return STATUS_FAILED
    return int(result or 0)
