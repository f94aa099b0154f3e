"""The sink: diagnostics go in as they are found, come out once each and in source order.

Stages emit and go on; between stages the driver asks `has_errors`. The order of files is the order
given by `set_file_order` (the program's), files not named there follow in order of appearance.
"""

from collections.abc import Callable, Iterable

from mlrift.diagnostics.model import Diagnostic, DiagnosticKind, Severity
from mlrift.source import SourceFile


class DiagnosticSink:
    """Collects, deduplicates, counts and orders diagnostics.

    Errors of a kind in `demoted` are stored as warnings (`--no-check-types`).
    """

    def __init__(self, demoted: Iterable[DiagnosticKind] = ()) -> None:
        self._demoted = frozenset(demoted)
        self._diagnostics: list[Diagnostic] = []
        self._seen: set[tuple[object, ...]] = set()
        self._file_order: dict[int, int] = {}
        self.error_count = 0
        self.warning_count = 0

    def emit(self, diagnostic: Diagnostic) -> None:
        """Add a diagnostic unless the same message at the same place is already there."""
        if diagnostic.kind in self._demoted:
            diagnostic = diagnostic.with_severity(Severity.WARNING)
        span = diagnostic.span
        place = (id(span.file), span.start, span.end) if span is not None else ()
        key = (diagnostic.code, diagnostic.message, *place)
        if key in self._seen:
            return
        self._seen.add(key)
        self._diagnostics.append(diagnostic)
        if diagnostic.severity is Severity.ERROR:
            self.error_count += 1
        else:
            self.warning_count += 1

    def amend(self, change: Callable[[Diagnostic], Diagnostic]) -> None:
        """Replace every diagnostic by what `change` makes of it."""
        self._diagnostics = [change(diagnostic) for diagnostic in self._diagnostics]

    def is_demoted(self, kind: DiagnosticKind) -> bool:
        """Whether errors of a kind count as warnings here."""
        return kind in self._demoted

    @property
    def has_errors(self) -> bool:
        """Whether the build must stop."""
        return self.error_count > 0

    def set_file_order(self, files: Iterable[SourceFile]) -> None:
        """State the order in which the files of the program are reported."""
        self._file_order = {id(file): index for index, file in enumerate(files)}

    def diagnostics(self) -> list[Diagnostic]:
        """Return everything in file order, then position; messages without a place come last."""
        order = dict(self._file_order)
        for diagnostic in self._diagnostics:
            if diagnostic.span is not None:
                order.setdefault(id(diagnostic.span.file), len(order))

        def key(diagnostic: Diagnostic) -> tuple[int, int]:
            span = diagnostic.span
            return (order[id(span.file)], span.start) if span is not None else (len(order), 0)

        return sorted(self._diagnostics, key=key)
