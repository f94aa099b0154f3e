"""The catalogue and the explanations as a page: `python -m tests.docs.diagnostics_page` writes it.

What the page shows is tested where `mlrc explain` is (tests/cli/test_explain.py).
"""

from pathlib import Path

from mlrift.cli.explain_command import read_explanations
from mlrift.diagnostics.catalog import ALL_KINDS
from mlrift.diagnostics.explain import COMMAND, Explanation, readable_phrase
from mlrift.diagnostics.model import DiagnosticKind

PAGE = Path(__file__).resolve().parents[2] / "docs" / "diagnostics.md"

_INTRODUCTION = """# Diagnostics

Every message of `mlrc` that has a code: what it means, a program that is given it, and a repaired
one. Words in capitals stand for names, numbers and types of your program. A code keeps its meaning
for ever. `mlrc explain E0301` prints the same, `mlrc explain --list` the codes. How messages are
printed is in [cli.md](cli.md#18-diagnostics).

This page is generated: `python -m tests.docs.diagnostics_page`. Every program of it is compiled by
the tests.
"""

_GROUPS: tuple[tuple[str | tuple[str, ...], str, str], ...] = (
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
    (
        ("E070", "E071", "E072", "E073", "E074"),
        "Tensors and vectors",
        "Shapes and kinds of elements that do not fit, tensors and vectors where none can be.",
    ),
    (
        ("E075", "E076", "E077", "E078", "E079"),
        "Models",
        "Dynamics, events, connections and plasticity.",
    ),
    (
        ("E080", "E081", "E082"),
        "Kernels",
        "What `@kernel` functions, and functions that they call, may have.",
    ),
    (
        ("E083", "E084"),
        "Code for kernels",
        "What a chip cannot do, and commands for kernels that have none.",
    ),
    (("W03", "W04"), "Warnings", "They never change the exit status."),
)


def diagnostics_page() -> str:
    """Return the text of the page."""
    entries = read_explanations()
    parts = [_INTRODUCTION]
    listed = 0
    for prefix, title, text in _GROUPS:
        kinds = [kind for kind in ALL_KINDS if kind.code.startswith(prefix)]
        listed += len(kinds)
        rows = "".join(_row(kind) for kind in kinds)
        parts.append(f"## {title}\n\n{text}\n\n| code | message |\n|---|---|\n{rows}")
        parts += [_entry(kind, entries.get(kind.code)) for kind in kinds]
    if listed != len(ALL_KINDS):
        raise ValueError("a code belongs to no group of the page")
    return "\n".join(parts)


def _row(kind: DiagnosticKind) -> str:
    phrase = readable_phrase(kind).replace("|", "\\|")
    return f"| [{kind.code}](#{kind.code.lower()}) | {phrase} |\n"


def _entry(kind: DiagnosticKind, entry: Explanation | None) -> str:
    head = f"### {kind.code}\n\n**{kind.severity.value}: {readable_phrase(kind)}**\n"
    if entry is None:
        return head
    options = f" with `{' '.join(entry.options)}`" if entry.options else ""
    return (
        f"{head}\n{entry.meaning}\n\nWrong{options}:\n\n{_block(entry.wrong)}\n"
        f"Right:\n\n{_block(entry.right)}"
    )


def _block(example: str) -> str:
    language = "console" if example.startswith(COMMAND) else "mlr"
    return f"```{language}\n{example}```\n"


if __name__ == "__main__":
    PAGE.write_text(diagnostics_page(), encoding="utf-8")
