"""Which subcommand a command line means: its words in, the command and the other words out."""

from collections.abc import Callable

from mlrift.cli.flags import FLAGS_WITH_VALUE
from mlrift.values import value

COMPILING_COMMANDS = ("run", "test")
_LC_VALUE_OPTIONS = {"--min-fitness", "--promote", "--deprecate", "--reject"}
_TAKE_VALUE = FLAGS_WITH_VALUE | _LC_VALUE_OPTIONS


@value
class Command:
    """A subcommand; `before` and `after` are the words on both sides of its name."""

    name: str
    before: list[str]
    after: list[str]


def find_command(arguments: list[str]) -> Command | None:
    """Return the subcommand: the first word that is no option and no option's value."""
    index = _first_plain_word(arguments, 0)
    if index < 0 or arguments[index] not in (*_STANDALONE, *COMPILING_COMMANDS):
        return None
    return Command(arguments[index], arguments[:index], arguments[index + 1 :])


def standalone(command: Command) -> Callable[[list[str]], int] | None:
    """Return what carries out a command that takes none of the compiler's options, or None."""
    return _STANDALONE.get(command.name)


def separate_program_arguments(command: Command) -> list[str]:
    """Return the words of `run` or `test` with `--` before those that are for the program."""
    index = _first_plain_word(command.after, 0)
    end = len(command.after) if index < 0 else index + 1
    words = [*command.before, *command.after[: max(index, 0)]]
    if index < 0:
        return [*words, *command.after, "--", command.name]
    return [*words, "--", command.name, command.after[index], *command.after[end:]]


def _first_plain_word(arguments: list[str], start: int) -> int:
    """Return the index of the first word that is no option and no option's value, or -1."""
    index = start
    while index < len(arguments):
        if not arguments[index].startswith("-"):
            return index
        index += 2 if arguments[index] in _TAKE_VALUE else 1
    return -1


def _check_code_objects(words: list[str]) -> int:
    from mlrift.cli.code_object_commands import check_code_objects  # noqa: PLC0415

    return check_code_objects(words)


def _disassemble(words: list[str]) -> int:
    from mlrift.cli.code_object_commands import disassemble  # noqa: PLC0415

    return disassemble(words)


def _document(words: list[str]) -> int:
    from mlrift.cli.doc_command import write_pages  # noqa: PLC0415

    return write_pages(words)


def _emulate(words: list[str]) -> int:
    from mlrift.cli.emulate_command import emulate  # noqa: PLC0415

    return emulate(words)


def _explain(words: list[str]) -> int:
    from mlrift.cli.explain_command import explain  # noqa: PLC0415 - one command a process

    return explain(words)


def _format(words: list[str]) -> int:
    from mlrift.cli.fmt_command import format_files  # noqa: PLC0415

    return format_files(words)


def _improve(words: list[str]) -> int:
    from mlrift.cli.lc_command import lc  # noqa: PLC0415

    return lc(words)


_STANDALONE: dict[str, Callable[[list[str]], int]] = {
    "check-co": _check_code_objects,
    "disassemble": _disassemble,
    "doc": _document,
    "emulate": _emulate,
    "explain": _explain,
    "fmt": _format,
    "lc": _improve,
}
