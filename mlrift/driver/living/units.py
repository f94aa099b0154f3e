"""Build units: which files a file is compiled with, as a Makefile's `SRCS` says (cli.md 3.3).

A path in, the unit out. `$(NAME)` of the same Makefile and `$(wildcard PATTERN)` are understood.
"""

import re
from pathlib import Path

from mlrift.values import value

MAKEFILE_NAMES = ("GNUmakefile", "makefile", "Makefile")
SOURCES_VARIABLE = "SRCS"
SOURCE_SUFFIXES = (".mlr", ".kr")
MAX_EXPANSIONS = 20
_ASSIGNMENT = re.compile(r"^([A-Za-z0-9_.-]+)\s*(\+|:{1,3}|\?)?=\s*(.*)$")
_REFERENCE = re.compile(r"\$[({]([^(){}]*)[)}]")


@value
class Unit:
    """Files that are compiled together; `folder` is the Makefile's."""

    folder: Path
    files: tuple[Path, ...]


def find_unit(path: Path) -> Unit | None:
    """Return the unit of the nearest enclosing Makefile whose `SRCS` names the file."""
    wanted = path.resolve()
    for folder in wanted.parents:
        for name in MAKEFILE_NAMES:
            makefile = folder / name
            if not makefile.is_file():
                continue
            text = makefile.read_text(encoding="utf-8", errors="surrogateescape")
            files = _sources(text, folder)
            if wanted in files:
                return Unit(folder, files)
    return None


def _sources(text: str, folder: Path) -> tuple[Path, ...]:
    words = _expand(_variables(text).get(SOURCES_VARIABLE, ""), _variables(text), folder).split()
    files = [(folder / word).resolve() for word in words if word.endswith(SOURCE_SUFFIXES)]
    return tuple(dict.fromkeys(files))


def _variables(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in text.replace("\\\n", " ").splitlines():
        if line.startswith("\t"):
            continue
        match = _ASSIGNMENT.match(line.partition("#")[0].strip())
        if match is None:
            continue
        name, operator, value = match[1], match[2], match[3]
        if operator == "+":
            found[name] = f"{found.get(name, '')} {value}"
        elif operator != "?" or name not in found:
            found[name] = value
    return found


def _expand(text: str, variables: dict[str, str], folder: Path) -> str:
    """Replace references, innermost first; one that means nothing here becomes empty."""

    def value_of(reference: re.Match[str]) -> str:
        function, _, rest = reference[1].partition(" ")
        if function == "wildcard":
            found = [path for pattern in rest.split() for path in sorted(folder.glob(pattern))]
            return " ".join(str(path.relative_to(folder)) for path in found)
        return variables.get(reference[1], "")

    for _ in range(MAX_EXPANSIONS):
        expanded = _REFERENCE.sub(value_of, text)
        if expanded == text:
            break
        text = expanded
    return text
