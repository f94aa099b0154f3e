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
from mlrift.static_types import TYPE_CHECKING
from mlrift.typesystem import EXTENDED_KINDS, TensorType
from mlrift.values import value

if TYPE_CHECKING:
    from mlrift.frontend.check.access import AccessChecker
    from mlrift.frontend.check.assignments import AssignmentChecker
    from mlrift.frontend.check.calls import CallChecker
    from mlrift.frontend.check.constants import ConstantChecker
    from mlrift.frontend.check.expressions import ExpressionChecker
    from mlrift.frontend.check.extensions import Extensions
    from mlrift.frontend.check.kernels.calls import DeviceCalls
    from mlrift.frontend.check.locals import LocalChecker
    from mlrift.frontend.check.statements import StatementChecker


class ExpressionHandlers(dict[type, Callable[..., typed.Expression]]):
    """Handlers by node class; those of what only models and tensors have come when first needed."""

    __slots__ = ("context",)

    context: "Context"

    def __missing__(self, node: type) -> Callable[..., typed.Expression]:
        self.update(self.context.extensions.expressions)
        return self[node]


@value
class Wiring:
    """The checkers that those of tensors and models use."""

    statements: "StatementChecker"
    expressions: "ExpressionChecker"
    access: "AccessChecker"
    calls: "CallChecker"
    locals: "LocalChecker"
    assignments: "AssignmentChecker"
    constants: "ConstantChecker"


class Context:
    """Shared by the checkers of one program."""

    __slots__ = (
        "_device_calls",
        "_extensions",
        "_reported_names",
        "_sink",
        "evaluate_constant",
        "expressions",
        "function",
        "has_kernels",
        "has_models",
        "has_tensor_fields",
        "has_tensors",
        "has_vectors",
        "names",
        "scopes",
        "tensor_signatures",
        "vector_signatures",
        "wire",
    )

    def __init__(self, names: GlobalNames, sink: DiagnosticSink) -> None:
        self.names = names
        self.scopes = LocalScopes()
        self.function: Signature | None = None
        self.has_kernels = False  # set by the first `@kernel`
        self._device_calls: DeviceCalls | None = None
        self.has_models = False  # set by the first `dynamics` or `plasticity`
        self.tensor_signatures: list[Signature] = []  # whose types wait for the constants
        self.has_tensor_fields = False  # set by the first struct with one
        self.has_tensors = False  # set by the first type `tensor` or field of a population
        self.vector_signatures: list[Signature] = []  # whose types wait for the constants
        self.has_vectors = False  # set by the first type `vec` or operation on vectors
        self.expressions = ExpressionHandlers()
        self.expressions.context = self
        self.wire: Wiring
        self._extensions: Extensions | None = None
        self.evaluate_constant: Callable[[ast.Const], Constant]
        self._sink = sink
        self._reported_names: set[str] = set()

    @property
    def extensions(self) -> "Extensions":
        """The checkers of tensors and models, which few programs need."""
        if self._extensions is None:
            from mlrift.frontend.check.extensions import (  # noqa: PLC0415 - in few programs
                Extensions,
            )

            self._extensions = Extensions(self, self.wire)
        return self._extensions

    @property
    def device_calls(self) -> "DeviceCalls":
        """The checker of calls of device builtins, which few programs need."""
        if self._device_calls is None:
            from mlrift.frontend.check.kernels.calls import (  # noqa: PLC0415 - in few programs
                DeviceCalls,
            )

            self._device_calls = DeviceCalls(self)
        return self._device_calls

    def extended_root(self, node: ast.Expression) -> bool:
        """Whether the variable that an expression starts with is a tensor or part of a model."""
        if self.has_tensor_fields and self._begins_with_field(node):
            return True
        while isinstance(node, ast.Member | ast.Index | ast.IndexAxes | ast.MethodCall):
            node = node.receiver if isinstance(node, ast.MethodCall) else node.base
        if not isinstance(node, ast.Identifier):
            made = (ast.Call, ast.Binary, ast.Unary, ast.Cast)
            return (self.has_tensors or self.has_vectors) and type(node) in made
        binding = self.scopes.names.get(node.text)
        if binding is not None:
            return type(binding.variable.type) in EXTENDED_KINDS
        static = self.names.statics.get(node.text)
        return static is not None and type(static.type) in EXTENDED_KINDS

    def _begins_with_field(self, node: ast.Expression) -> bool:
        from mlrift.frontend.check.tensors.fields import (  # noqa: PLC0415 - with such fields only
            chain_type,
        )

        return type(chain_type(self, node)) is TensorType

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
