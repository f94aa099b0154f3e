"""Diagnostic values: a catalogue entry, filled in and placed.

A `DiagnosticKind` is declared once in `catalog.py`; `KIND.at(span, name=...)` turns it into a
`Diagnostic`. Diagnostics are frozen: `label`, `note` and `help` return an extended copy.
"""

from enum import Enum, unique

from mlrift.source import Span
from mlrift.values import replace, value


@unique
class Severity(Enum):
    """How bad it is; only errors stop a build."""

    ERROR = "error"
    WARNING = "warning"


@value
class Label:
    """A second place a message talks about."""

    span: Span
    text: str


@value
class DiagnosticKind:
    """One entry of the catalogue; `phrase` is a format string with named arguments."""

    code: str
    severity: Severity
    phrase: str

    def at(self, span: Span | None, **arguments: object) -> "Diagnostic":
        """Return the diagnostic at a place (None: it has no place in any source file)."""
        return Diagnostic(self, self.severity, self.phrase.format(**arguments), span)


@value
class Diagnostic:
    """One message: what, where, and what else to know about it."""

    kind: DiagnosticKind
    severity: Severity
    message: str
    span: Span | None
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    helps: tuple[str, ...] = ()

    @property
    def code(self) -> str:
        """The stable code, as in `E0301`."""
        return self.kind.code

    def label(self, span: Span, text: str) -> "Diagnostic":
        """Return a copy that also points at `span`."""
        return replace(self, labels=(*self.labels, Label(span, text)))

    def note(self, text: str) -> "Diagnostic":
        """Return a copy with one more explanation."""
        return replace(self, notes=(*self.notes, text))

    def help(self, text: str) -> "Diagnostic":
        """Return a copy with one more proposal that can be typed in as written."""
        return replace(self, helps=(*self.helps, text))

    def with_severity(self, severity: Severity) -> "Diagnostic":
        """Return a copy that is an error or a warning as told."""
        return replace(self, severity=severity)
