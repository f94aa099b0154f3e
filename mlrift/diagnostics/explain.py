"""What each diagnostic means: the text of the files in `explanations/` in, explanations out.

An entry is `=== CODE [options]`, its meaning, `--- wrong` and `--- right`. What follows these two
is a program or, after `$ `, a command line in a folder that holds `primes.mlr` and `helper.mlr`.
The options are those of `mlrc` that the programs are compiled with; `+CODE` among them is a
diagnostic that always comes with this one. In programs the characters U+2400 and U+FFFD stand for
the bytes 0 and 255.
"""

import re

from mlrift.diagnostics.model import DiagnosticKind
from mlrift.values import value

COMMAND = "$ "
_ENTRY = "=== "
_WRONG = "--- wrong\n"
_RIGHT = "--- right\n"


@value
class Explanation:
    """The meaning of a code, with a program that is given it and a repaired one."""

    code: str
    options: tuple[str, ...]
    companions: tuple[str, ...]
    meaning: str
    wrong: str
    right: str


def parse_explanations(text: str) -> dict[str, Explanation]:
    """Return the explanations of a file by code; raises ValueError when one is there twice."""
    found: dict[str, Explanation] = {}
    for part in ("\n" + text).split("\n" + _ENTRY)[1:]:
        entry = _parse_entry(part.strip("\n") + "\n")
        if entry.code in found:
            raise ValueError(f"{entry.code} is explained twice")
        found[entry.code] = entry
    return found


def _parse_entry(text: str) -> Explanation:
    head, _, body = text.partition("\n")
    code, *words = head.split()
    options = tuple(word for word in words if not word.startswith("+"))
    companions = tuple(word[1:] for word in words if word.startswith("+"))
    meaning, _, examples = body.partition(_WRONG)
    wrong, _, right = examples.partition(_RIGHT)
    return Explanation(code, options, companions, meaning.strip(), wrong, right)


def source_bytes(program: str) -> bytes:
    """Return the bytes of a program of an entry."""
    text = program.encode()
    return text.replace("\u2400".encode(), b"\0").replace("\ufffd".encode(), b"\xff")


def readable_phrase(kind: DiagnosticKind) -> str:
    """Return the message of a kind with words in capitals where messages have names and numbers."""
    phrase = kind.phrase.replace("{suggestion}", "")
    phrase = phrase.replace("{{", "\0").replace("}}", "\1")
    phrase = re.sub(r"\{(\w+)(:\w+)?\}", lambda match: match[1].upper(), phrase)
    return phrase.replace("\0", "{").replace("\1", "}")
