"""Names of the library that a program uses without importing their module: the sink's unknown names
get the import as help. Used for programs that are refused only.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from mlrift.diagnostics import catalog
from mlrift.diagnostics.model import Diagnostic
from mlrift.diagnostics.sink import DiagnosticSink

UNKNOWN_NAMES = (
    catalog.UNDEFINED_FUNCTION,
    catalog.UNDECLARED_IDENTIFIER,
    catalog.UNDECLARED_TYPE,
    catalog.UNKNOWN_METHOD,
)
_DECLARATION = re.compile(
    r"^(?:@\w+(?:\([^)]*\))?\s+)*"
    r"(?:fn (?:\w+\.)?|const \w+ |static \w+(?:\[\w+\])? |struct |type |enum )([A-Za-z]\w*)",
    re.MULTILINE,
)


def advise_imports(sink: DiagnosticSink, library_root: Path) -> None:
    """Add `import "std/NAME.mlr"` to each unknown name that a module of the library declares."""
    if not any(row.kind in UNKNOWN_NAMES for row in sink.diagnostics()):
        return
    modules = dict(_declarations(library_root))

    def advised(diagnostic: Diagnostic) -> Diagnostic:
        if diagnostic.kind not in UNKNOWN_NAMES or diagnostic.span is None:
            return diagnostic
        module = modules.get(diagnostic.span.text)
        return diagnostic.help(f'import "std/{module}.mlr"') if module else diagnostic

    sink.amend(advised)


def _declarations(library_root: Path) -> Iterator[tuple[str, str]]:
    """Yield names and modules; of several for one name, the one that bears its name is the last."""
    found = [
        (name, path.stem)
        for path in (library_root / "std").glob("*.mlr")
        for name in _DECLARATION.findall(path.read_text(encoding="utf-8"))
    ]
    yield from sorted(found, key=lambda row: (row[0].startswith(row[1]), len(row[1]), row[1]))
