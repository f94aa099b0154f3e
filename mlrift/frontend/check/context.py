"""The state that all checkers share: names, scopes, the current function, and reporting.

`expressions` is the dispatch table of expression handlers by node class; every handler returns a
typed expression that is a value (never of type void). Errors found in names are kept with the
current function, because they count only when that function is reachable.
"""

from collections.abc import Callable, Iterable

from mlrift.diagnostics.model import Diagnostic, DiagnosticKind
from mlrift.diagnostics.sink import DiagnosticSink
from mlrift.diagnostics.suggest import did_you_mean
from mlrift.frontend import ast, typed
from mlrift.frontend.scopes import Constant, GlobalNames, LocalScopes, Signature

ExpressionHandlers = dict[type, Callable[..., typed.Expression]]


class Context:
    """Shared by the checkers of one program."""

    __slots__ = (
        "_reported_names",
        "_sink",
        "evaluate_constant",
        "expressions",
        "function",
        "names",
        "scopes",
    )

    def __init__(self, names: GlobalNames, sink: DiagnosticSink) -> None:
        self.names = names
        self.scopes = LocalScopes()
        self.function: Signature | None = None
        self.expressions: ExpressionHandlers = {}
        self.evaluate_constant: Callable[[ast.Const], Constant]
        self._sink = sink
        self._reported_names: set[str] = set()

    def enter_function(self, signature: Signature) -> None:
        """Make a function the current one; its scopes start empty."""
        self.function = signature
        self._reported_names.clear()

    def leave_function(self) -> None:
        """Go back to the top level."""
        self.function = None
        self._reported_names.clear()

    def emit(self, diagnostic: Diagnostic) -> None:
        """Report a finding that counts wherever it is."""
        self._sink.emit(diagnostic)

    def is_tolerated(self, kind: DiagnosticKind) -> bool:
        """Whether a mistake of this kind is a warning, so that the program will run."""
        return self._sink.is_demoted(kind)

    def emit_name_error(self, name: str, diagnostic: Diagnostic) -> None:
        """Report an unknown name once per function, if the function is reachable."""
        if name in self._reported_names:
            return
        self._reported_names.add(name)
        if self.function is None:
            self.emit(diagnostic)
        else:
            self.function.name_errors.append(diagnostic)

    def is_value(self, name: str) -> bool:
        """Whether a name is a variable, constant or function."""
        names = self.names
        known = (self.scopes.names, names.statics, names.constants, names.pending, names.functions)
        return any(name in row for row in known)

    def suggest_value(self, name: str) -> str:
        """Return a spelling suggestion among the names that can be used as values."""
        names = self.names
        return did_you_mean(
            name, (*self.scopes.names, *names.statics, *names.constants, *names.pending)
        )

    def suggest_function(self, name: str) -> str:
        """Return a spelling suggestion among everything that can be called."""
        return did_you_mean(name, self.names.callees)

    @staticmethod
    def suggest(name: str, known: Iterable[str]) -> str:
        """Return a spelling suggestion among `known`."""
        return did_you_mean(name, known)
