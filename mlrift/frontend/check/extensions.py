"""Where the checkers of tensors, models and vectors are reached: by node, by what a type can do.

`expressions` and `statements` are handlers of syntax that only they have. The methods answer for
operands of their types; which checker does is decided by the type alone.
"""

from mlrift.diagnostics import catalog
from mlrift.frontend import ast, typed
from mlrift.frontend.ast import BinaryOperator, UnaryOperator
from mlrift.frontend.check.context import Context, Wiring
from mlrift.frontend.check.models.checker import ModelChecker
from mlrift.frontend.check.models.connections import EDGE_SUMS
from mlrift.frontend.check.scalar_casts import CastChecker
from mlrift.frontend.check.several_results import ResultChecker
from mlrift.frontend.check.tensors.checker import TensorChecker
from mlrift.frontend.scopes import Callee, Signature
from mlrift.source import Span
from mlrift.static_types import TYPE_CHECKING, Any
from mlrift.typesystem import CsrType, ScalarType, StructType, TensorType, VecType

if TYPE_CHECKING:
    from mlrift.frontend.check.vectors.checker import VectorChecker


class Extensions:
    """The checkers of tensors, models and vectors of one program."""

    def __init__(self, context: Context, wire: Wiring) -> None:
        self.tensors = TensorChecker(context, wire)
        self.models = ModelChecker(context, wire, self.tensors)
        self.results = ResultChecker(context, wire, self.tensors)
        self._vectors: VectorChecker | None = None
        casts = CastChecker(context, self)
        self.expressions: dict[type, Any] = {
            **self.tensors.expressions(),
            **self.models.expressions(),
            ast.Cast: casts.cast,
            ast.IndexAxes: self._index_axes,
            ast.IndexSpan: self.models.misplaced_span,
        }
        self.statements: dict[type, Any] = {
            **self.tensors.statements(),
            **self.models.statements(),
        }
        self._context = context
        self._wire = wire

    @property
    def vectors(self) -> "VectorChecker":
        """The checker of vectors, made when a program has the first."""
        if self._vectors is None:
            from mlrift.frontend.check.vectors.checker import (  # noqa: PLC0415 - in few programs
                VectorChecker,
            )

            self._vectors = VectorChecker(self._context, self._wire)
        return self._vectors

    def cast(self, value: typed.Expression, node: ast.Cast) -> typed.Expression | None:
        """Return `value as T` of a tensor or a vector; None for other values."""
        if isinstance(value.type, TensorType):
            return self.tensors.cast(value, node)
        if isinstance(value.type, VecType):
            return self.vectors.cast(value, node)
        return None

    def member(self, base: typed.Expression, node: ast.Member) -> typed.Expression:
        """Return `base.name`."""
        if isinstance(base.type, VecType):
            return self.vectors.member(base, node)
        if isinstance(base.type, TensorType):
            return self.tensors.member(base, node)
        return self.models.member(base, node)

    def index(self, base: typed.Expression, node: ast.Index) -> typed.Expression:
        """Return `base[index]` or `base[first..end]`."""
        if isinstance(base.type, VecType):
            return self.vectors.index(base, node)
        if isinstance(base.type, TensorType):
            return self.tensors.index(base, [node.index], node.span)
        return self.models.index(base, node)

    def _index_axes(self, node: ast.IndexAxes) -> typed.Expression:
        base = self._context.expressions[type(node.base)](node.base)
        if isinstance(base.type, TensorType):
            return self.tensors.index(base, node.entries, node.span)
        return self.models.index_axes(base, node)

    def place(self, base: typed.Expression, target: ast.Index | ast.Member) -> typed.Place:
        """Return what an assignment to an element or a field stores to."""
        if isinstance(base.type, VecType):
            return self.vectors.place(target)
        if isinstance(base.type, TensorType):
            return self.tensors.place(base, target)
        return self.models.place(base, target)

    def element_of_model(self, node: ast.Member) -> tuple[typed.ElementAddress, ScalarType] | None:
        """Return the element that `n[i].field` or `w[i, j].field` names, None for all else."""
        return self.models.element(node)

    def edge_of_model(self, node: ast.IndexAxes) -> tuple[typed.ElementAddress, ScalarType] | None:
        """Return the element that `w[i, j]` names, None when it is of a tensor."""
        return self.models.edge(node)

    def assign(self, node: ast.Assign) -> typed.Statement | None:
        """Return an assignment to (part of) a tensor or a model; None for ordinary ones."""
        if self._context.has_vectors:
            vector = self.vectors.assign(node)
            if vector is not None:
                return vector
        found = self.tensors.assign(node)
        if found is None and self._context.has_models:
            found = self.models.assign(node)
        return found

    def declare_connections(self, node: ast.Declare) -> typed.Statement:
        """Return the declaration of `csr T[a, b] w = rule`."""
        return self.models.connections.declare(node)

    def declare_population(self, node: ast.DeclareArray, struct: StructType) -> typed.Statement:
        """Return the declaration of `Lif[count] n`."""
        return self.models.declare_population(node, struct)

    def unary(
        self, operator: UnaryOperator, operand: typed.Expression, span: Span
    ) -> typed.Expression:
        """Return `-operand`."""
        if isinstance(operand.type, VecType):
            return self.vectors.unary(operator, operand, span)
        if isinstance(operand.type, TensorType):
            return self.tensors.unary(operator, operand, span)
        return self.models.no_operator(operator.value, operand, span)

    def binary(
        self,
        operator: BinaryOperator,
        left: typed.Expression,
        right: typed.Expression,
        operator_span: Span,
        span: Span,
    ) -> typed.Expression:
        """Return `left operator right`, one of which is a tensor, a vector or of a model."""
        if isinstance(left.type, VecType) or isinstance(right.type, VecType):
            return self.vectors.binary(operator, left, right, span)
        if operator is BinaryOperator.MATMUL and isinstance(left.type, CsrType):
            return self.models.connections.product(left, right, span)
        for operand in (left, right):
            if self.models.is_model(operand.type):
                return self.models.no_operator(operator.value, operand, operator_span)
        return self.tensors.binary(operator, left, right, operator_span, span)

    def call(
        self, name: ast.Name, arguments: list[ast.Expression], span: Span
    ) -> typed.Expression | None:
        """Return the call of an operation on models, or None when `name` is none of them."""
        if name.text == "poisson":
            return self.models.poisson(arguments, span)
        if name.text in EDGE_SUMS:
            return self.models.connections.edge_sums(name.text, arguments, span)
        return None

    def value_call(
        self, callee: Callee | None, name: ast.Name, values: list[typed.Expression], span: Span
    ) -> typed.Expression | None:
        """Return an operation on vectors or tensors; functions of the program are first."""
        if self._context.has_vectors:
            made = self.vectors.call(callee, name.text, values, span)
            if made is not None:
                return made
        if not self._context.has_tensors:
            return None
        if type(callee) is Signature and self.tensors.has_shapes(callee.symbol):
            return None
        return self.tensors.call(name.text, values, span, callee)

    def method(self, node: ast.MethodCall) -> typed.Expression:
        """Return `receiver.method(arguments)` whose receiver starts with one of their variables."""
        receiver = self._context.expressions[type(node.receiver)](node.receiver)
        if isinstance(receiver.type, TensorType):
            return self.tensors.method(receiver, node) or self._operation(receiver, node)
        if isinstance(receiver.type, VecType):
            return self._operation(receiver, node)
        return self.models.method(receiver, node)

    def _operation(self, receiver: typed.Expression, node: ast.MethodCall) -> typed.Expression:
        """Return `x.f(y)` as `f(x, y)`."""
        handlers = self._context.expressions
        values = [receiver, *(handlers[type(row)](row) for row in node.arguments)]
        return self._wire.calls.call_with(node.method, values, node.span, catalog.UNKNOWN_METHOD)
