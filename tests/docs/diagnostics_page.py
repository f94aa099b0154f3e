"""The catalogue of diagnostics as a page: `python -m tests.docs.diagnostics_page` writes it."""

import re
from pathlib import Path

from mlrift.diagnostics.catalog import ALL_KINDS
from mlrift.diagnostics.model import DiagnosticKind

PAGE = Path(__file__).resolve().parents[2] / "docs" / "diagnostics.md"

_INTRODUCTION = """# Diagnostics

Every message of `mlrc` that has a code. Words in capitals stand for names, numbers and types of
your program. A code keeps its meaning for ever. How messages are printed is in
[cli.md](cli.md#18-diagnostics).

This page is generated: `python -m tests.docs.diagnostics_page`.
"""

_GROUPS = (
    ("E01", "Files and options", "The file, its imports, the command line."),
    ("E02", "Syntax", "The text is not a program. At most 20 are reported."),
    ("E03", "Declarations and statements", "The program says something that means nothing."),
    (
        "E04",
        "Shapes of types",
        "A value of the wrong kind. `--no-check-types` makes these warnings; integers are then "
        "converted where they meet floats.",
    ),
    ("E05", "Names", "In functions that are never called these are warnings (W0310), or nothing."),
    ("E06", "Linking", "The program cannot be put together."),
    ("W03", "Warnings", "They never change the exit status."),
)


def diagnostics_page() -> str:
    """Return the text of the page."""
    parts = [_INTRODUCTION]
    for prefix, title, text in _GROUPS:
        rows = "".join(_row(kind) for kind in ALL_KINDS if kind.code.startswith(prefix))
        parts.append(f"## {title}\n\n{text}\n\n| code | message |\n|---|---|\n{rows}")
    listed = sum(part.count("\n| `") for part in parts)
    if listed != len(ALL_KINDS):
        raise ValueError("a code belongs to no group of the page")
    return "\n".join(parts)


def _row(kind: DiagnosticKind) -> str:
    phrase = kind.phrase.replace("{suggestion}", "")
    phrase = phrase.replace("{{", "\0").replace("}}", "\1")
    phrase = re.sub(r"\{(\w+)\}", lambda match: match[1].upper(), phrase)
    phrase = phrase.replace("\0", "{").replace("\1", "}").replace("|", "\\|")
    return f"| `{kind.code}` | {phrase} |\n"


if __name__ == "__main__":
    PAGE.write_text(diagnostics_page(), encoding="utf-8")
