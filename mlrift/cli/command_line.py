"""Reads a well-formed command line of `mlrc` without click, whose import is a tenth of a compile.

Words in, the plain words and the settings out. Whatever is not plainly right (an unknown option, a
missing or unknown value, `--help`, joined short options) is left to click, which reads the same
rows of `flags` and has the messages; so the two never disagree about a command line both accept.
"""

from mlrift.cli.flags import FLAGS, FLAGS_WITHOUT_NEXT_WORD, Flag, FlagKind

_ROWS = {name: row for row in FLAGS for name in row.names}
_LEVEL = "-O"


class NotPlain(Exception):
    """A command line that needs click."""


def read_plain(arguments: list[str]) -> tuple[list[str], dict[str, object]]:
    """Return the words that are no options and the settings by key; raises NotPlain."""
    settings = {row.key: row.default for row in FLAGS}
    words: list[str] = []
    rest = iter(arguments)
    for word in rest:
        if word == "--":
            words += rest
        elif not word.startswith("-"):
            words.append(word)
        else:
            row, value = _split(word)
            if row.kind not in FLAGS_WITHOUT_NEXT_WORD and value is None:
                value = next(rest, "-")
                if value.startswith("-"):
                    raise NotPlain(word)
            _store(settings, row, value)
    return words, settings


def _split(word: str) -> tuple[Flag, str | None]:
    """Return the option that a word names and the value in the same word."""
    name, equals, value = word.partition("=")
    if not word.startswith("--"):
        name, equals, value = (word[:2], word[2:], word[2:])
        if equals and name != _LEVEL:
            raise NotPlain(word)
    row = _ROWS.get(name)
    if row is None or (equals and row.kind is FlagKind.SWITCH):
        raise NotPlain(word)
    return row, value if equals else None


def _store(settings: dict[str, object], row: Flag, value: str | None) -> None:
    if value is None:
        settings[row.key] = row.when_given
    elif row.kind is FlagKind.TEXTS:
        before = settings[row.key]
        settings[row.key] = (*(before if isinstance(before, tuple) else ()), value)
    elif row.choices and value not in row.choices:
        raise NotPlain(value)
    else:
        settings[row.key] = value
