"""What each diagnostic means: the text of the files in `explanations/` in, explanations out.

An entry is `=== CODE [options]`, its meaning, and usually `--- wrong` and `--- right`, each
followed by a program. The options are those of `mlrc` that the programs are compiled with.
"""

from dataclasses import dataclass

_ENTRY = "=== "
_WRONG = "--- wrong\n"
_RIGHT = "--- right\n"


@dataclass(frozen=True, slots=True)
class Explanation:
    """The meaning of a code, with a program that is given it and a repaired one ("" if none)."""

    code: str
    options: tuple[str, ...]
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
    code, *options = head.split()
    meaning, _, examples = body.partition(_WRONG)
    wrong, _, right = examples.partition(_RIGHT)
    return Explanation(code, tuple(options), meaning.strip(), wrong, right)
