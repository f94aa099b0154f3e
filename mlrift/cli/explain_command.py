"""`mlrc explain CODE`: what a diagnostic means, with a wrong and a right program.

A code in, its explanation on standard output and the exit status out.
"""

import sys
import textwrap
from pathlib import Path

import mlrift.diagnostics
from mlrift.diagnostics.catalog import ALL_KINDS
from mlrift.diagnostics.explain import Explanation, parse_explanations
from mlrift.diagnostics.model import DiagnosticKind

USAGE = "usage: mlrc explain CODE, as in `mlrc explain E0301`\n"
STATUS_FAILED = 1
NEAR_CODES = 3
FOLDER = Path(mlrift.diagnostics.__file__).parent / "explanations"


def explain(words: list[str]) -> int:
    """Print the explanation of each code; returns the exit status."""
    options = [word for word in words if word.startswith("-")]
    if not words or any(word in ("-h", "--help") for word in options):
        sys.stdout.write(USAGE)
        return 0
    if options:
        sys.stderr.write(f"mlrc explain: error: unknown option '{options[0]}'\n{USAGE}")
        return STATUS_FAILED
    known = {kind.code: kind for kind in ALL_KINDS}
    entries = read_explanations()
    status = 0
    for word in words:
        kind = known.get(word.upper())
        if kind is None:
            near = ", ".join(near_codes(word.upper(), list(known)))
            sys.stderr.write(f"mlrc explain: error: no diagnostic '{word}'; near: {near}\n")
            status = STATUS_FAILED
            continue
        sys.stdout.write(describe(kind, entries.get(kind.code)))
    return status


def read_explanations() -> dict[str, Explanation]:
    """Return all explanations by code."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.txt"))]
    return parse_explanations("\n".join(texts))


def near_codes(word: str, codes: list[str]) -> list[str]:
    """Return the codes most like `word`: same letter and nearest number, else alike in letters."""
    digits = word[1:]
    if word[:1] in ("E", "W") and digits.isdecimal() and digits.isascii():
        same = [code for code in codes if code[0] == word[0]]
        return sorted(same, key=lambda code: (abs(int(code[1:]) - int(digits)), code))[:NEAR_CODES]
    import difflib  # noqa: PLC0415 - for mistakes only

    return difflib.get_close_matches(word, codes, NEAR_CODES, 0.0)


def describe(kind: DiagnosticKind, entry: Explanation | None) -> str:
    """Return what is printed for one code."""
    phrase = kind.phrase.replace("{suggestion}", "").replace("{{", "{").replace("}}", "}")
    parts = [f"{kind.code} ({kind.severity.value}): {phrase}\n"]
    if entry is not None:
        parts.append(entry.meaning + "\n")
        options = f", compiled with `{' '.join(entry.options)}`" if entry.options else ""
        if entry.wrong:
            parts.append(f"Wrong{options}:\n\n{textwrap.indent(entry.wrong, '    ')}")
            parts.append(f"Right:\n\n{textwrap.indent(entry.right, '    ')}")
    return "\n".join(parts)
