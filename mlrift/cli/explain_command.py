"""`mlrc explain CODE` and `--list`: what diagnostics mean, with a wrong and a right program.

Codes or words in, explanations or a list on standard output and the exit status out.
"""

import sys
import textwrap
from pathlib import Path

import mlrift.diagnostics
from mlrift.diagnostics.catalog import ALL_KINDS
from mlrift.diagnostics.explain import Explanation, parse_explanations, readable_phrase
from mlrift.diagnostics.model import DiagnosticKind

USAGE = """usage: mlrc explain CODE...        as in `mlrc explain E0301`
       mlrc explain --list [WORD...]  all codes, or those whose messages have the words
"""
STATUS_FAILED = 1
NEAR_CODES = 3
FOLDER = Path(mlrift.diagnostics.__file__).parent / "explanations"


def explain(words: list[str]) -> int:
    """Print the explanation of each code, or the list of codes; returns the exit status."""
    options = [word for word in words if word.startswith("-")]
    plain = [word for word in words if not word.startswith("-")]
    if not words or any(word in ("-h", "--help") for word in options):
        sys.stdout.write(USAGE)
        return 0
    unknown = [word for word in options if word != "--list"]
    if unknown:
        sys.stderr.write(f"mlrc explain: error: unknown option '{unknown[0]}'\n{USAGE}")
        return STATUS_FAILED
    return _list(plain) if options else _explain(plain)


def _list(words: list[str]) -> int:
    kinds = [kind for kind in ALL_KINDS if all(_mentions(kind, word) for word in words)]
    if not kinds:
        sys.stderr.write(f"mlrc explain: error: no message has '{' '.join(words)}'\n")
        return STATUS_FAILED
    sys.stdout.write("".join(f"{kind.code}  {readable_phrase(kind)}\n" for kind in kinds))
    return 0


def _explain(words: list[str]) -> int:
    known = {kind.code: kind for kind in ALL_KINDS}
    entries = read_explanations()
    status = 0
    explained: list[str] = []
    for word in words:
        kind = known.get(word.upper())
        if kind is None:
            sys.stderr.write(f"mlrc explain: error: no diagnostic '{word}'; {_instead(word)}\n")
            status = STATUS_FAILED
            continue
        explained.append(describe(kind, entries.get(kind.code)))
    sys.stdout.write("\n".join(explained))
    return status


def _instead(word: str) -> str:
    """Return which codes may be meant by something that is none."""
    has_digits = any(character.isdigit() for character in word)
    if word and not has_digits and any(_mentions(kind, word) for kind in ALL_KINDS):
        return f"see `mlrc explain --list {word}`"
    return f"near: {', '.join(near_codes(word.upper(), [kind.code for kind in ALL_KINDS]))}"


def _mentions(kind: DiagnosticKind, word: str) -> bool:
    text = readable_phrase(kind).lower()
    return word.lower() in text or kind.code.startswith(word.upper())


def read_explanations() -> dict[str, Explanation]:
    """Return all explanations by code."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.txt"))]
    return parse_explanations("\n".join(texts))


def near_codes(word: str, codes: list[str]) -> list[str]:
    """Return the codes most like `word`: same letter and nearest number, else alike in letters."""
    letter, digits = word[:1], word[1:]
    if word.isdecimal():
        letter, digits = "", word
    if letter in ("E", "W", "") and digits.isdecimal() and digits.isascii():
        number = int(digits)
        same = [code for code in codes if code.startswith(letter)]
        return sorted(same, key=lambda code: (abs(int(code[1:]) - number), code))[:NEAR_CODES]
    import difflib  # noqa: PLC0415 - for mistakes only

    return difflib.get_close_matches(word, codes, NEAR_CODES, 0.0)


def describe(kind: DiagnosticKind, entry: Explanation | None) -> str:
    """Return what is printed for one code."""
    parts = [f"{kind.code} ({kind.severity.value}): {readable_phrase(kind)}\n"]
    if entry is not None:
        parts.append(entry.meaning + "\n")
        options = f", compiled with `{' '.join(entry.options)}`" if entry.options else ""
        if entry.wrong:
            parts.append(f"Wrong{options}:\n\n{textwrap.indent(entry.wrong, '    ')}")
            parts.append(f"Right:\n\n{textwrap.indent(entry.right, '    ')}")
    return "\n".join(parts)
