"""The checker of vectors: what each piece of syntax means when an operand is one."""

from mlrift.diagnostics import catalog
from mlrift.diagnostics.suggest import did_you_mean
from mlrift.frontend import ast, typed
from mlrift.frontend.ast import BinaryOperator, UnaryOperator
from mlrift.frontend.builtins import vector as ir
from mlrift.frontend.check.context import Context, Wiring
from mlrift.frontend.check.conversions import to_word
from mlrift.frontend.check.tensors.extents import element_kind
from mlrift.frontend.check.vectors import arithmetic, operations
from mlrift.frontend.check.vectors.misuse import report_misplaced
from mlrift.frontend.check.vectors.nodes import (
    BITS,
    SCALARS,
    SIGNED,
    described,
    failed,
    fitted,
    operation,
    zeros,
)
from mlrift.frontend.check.vectors.types import read_type
from mlrift.frontend.scopes import Binding, Callee, Signature
from mlrift.source import Span
from mlrift.typesystem import ERROR, Type, VecType


class VectorChecker:
    """Handlers of vectors."""

    def __init__(self, context: Context, wire: Wiring) -> None:
        self._context = context
        self._wire = wire
        self._functions: list[Signature] = []

    # ------------------------------------------------------------------------ declarations

    def type_of(self, name: ast.VectorTypeName) -> Type:
        """Return the type that a name means; ERROR after a report."""
        return read_type(self._context, name)

    def refuse(self, name: ast.AnyTypeName, what: str) -> None:
        """Report the type of a vector where there can be none."""
        diagnostic = catalog.NOT_WITH_VECTORS.at(name.span, what=what, found=f"`{name.span.text}`")
        note = "vectors are in registers; memory has lanes: `vec_load_f32`, `vec_store`"
        self._context.emit(diagnostic.note(note))

    def declare(self, node: ast.Declare) -> typed.Statement:
        """Check `vec f32[16] name`, which is zeros, and `vec f32[16] name = value`."""
        assert type(node.type) is ast.VectorTypeName
        declared = self.type_of(node.type)
        value: typed.Expression | None = None
        if node.value is not None:
            calls = self._wire.calls
            found = calls.possibly_void(node.value)
            value = calls.reject_void(found, catalog.VOID_INITIALIZER)
        if isinstance(declared, VecType):
            value = zeros(declared, node.span) if value is None else self._fitted(value, declared)
        variable = typed.LocalVariable(node.name.text, declared, node.name.span)
        self._wire.locals.bind(Binding(variable, True, node.name.text[0] == "_"))
        if value is None or value.type is ERROR:
            value = failed(node.span)
        return typed.DeclareScalar(variable, value, node.span)

    def _fitted(self, value: typed.Expression, wanted: VecType) -> typed.Expression:
        return fitted(self._context, value, wanted)

    def assign(self, node: ast.Assign) -> typed.Statement | None:
        """Check an assignment to a vector; None if the target is something else."""
        target = node.target
        if type(target) is not ast.Identifier:
            return None
        binding = self._context.scopes.names.get(target.text)
        if binding is None or not isinstance(binding.variable.type, VecType):
            return None
        declared = binding.variable.type
        calls = self._wire.calls
        value = calls.reject_void(calls.possibly_void(node.value), catalog.VOID_ASSIGNED)
        if node.operator is not None:
            binding.is_read = True
            old = typed.LocalRead(binding.variable, declared, target.span)
            value = self.binary(node.operator, old, value, node.span)
        value = self._fitted(value, declared)
        if value.type is ERROR:
            return typed.Evaluate(value, node.span)
        place = typed.LocalPlace(binding.variable, declared, target.span)
        return typed.Assign(place, value, node.span)

    def place(self, target: ast.Index | ast.Member) -> typed.Place:
        """Report an assignment to a lane."""
        diagnostic = catalog.NOT_WITH_VECTORS.at(
            target.span, what="a place in memory", found=f"`{target.span.text}`"
        )
        if type(target) is ast.Index:
            base = target.base.span.text
            diagnostic = diagnostic.help(f"{base} = vec_set({base}, {target.index.span.text}, ...)")
        self._context.emit(diagnostic)
        variable = typed.LocalVariable("<error>", ERROR, target.span)
        return typed.LocalPlace(variable, ERROR, target.span)

    # --------------------------------------------------------------------------- functions

    def resolve(self, signature: Signature) -> None:
        """Give the parameters and the result of a function their types."""
        symbol, node = signature.symbol, signature.node
        what = _why_not(signature)
        by_name = {row.name: row for row in symbol.parameters}
        for row in node.parameters:
            if type(row.type) is ast.VectorTypeName:
                if what or row.is_slice:
                    self.refuse(row.type, what or "a slice")
                else:
                    by_name[row.name.text].type = self.type_of(row.type)
        if type(node.result) is ast.VectorTypeName:
            if what:
                self.refuse(node.result, what)
            else:
                symbol.result = self.type_of(node.result)
        self._functions.append(signature)

    def has_vectors(self, symbol: typed.FunctionSymbol) -> bool:
        """Whether a function has vectors among its parameters or as its result."""
        return has_vectors(symbol)

    def refuse_address(self, span: Span) -> None:
        """Report the address of a function with vectors, which only calls by name can have."""
        found = "its parameters or its result are vectors"
        diagnostic = catalog.NOT_WITH_VECTORS.at(span, what="a function by address", found=found)
        self._context.emit(diagnostic)

    def arguments(
        self, symbol: typed.FunctionSymbol, values: list[typed.Expression]
    ) -> list[typed.Expression]:
        """Return the arguments of a call, those for vectors as such."""
        return [
            self._fitted(value, row.type) if isinstance(row.type, VecType) else value
            for value, row in zip(values, symbol.parameters, strict=True)
        ]

    def returned(self, value: typed.Expression, result: VecType) -> typed.Expression:
        """Return one of the values of a function whose results are vectors."""
        return self._fitted(value, result)

    def leave(self, blocks: list[typed.Block]) -> None:
        """Report vectors where none can be."""
        report_misplaced(self._context, blocks)

    def finish(self) -> None:
        """Report functions with vectors that call themselves, which cannot go into callers."""
        for signature in self._functions:
            if has_vectors(signature.symbol) and _calls(signature, signature):
                symbol = signature.symbol
                diagnostic = catalog.RECURSIVE_VECTORS.at(symbol.span, name=symbol.name)
                self._context.emit(diagnostic.note("a function with vectors goes into its callers"))

    # -------------------------------------------------------------------------- operations

    def member(self, base: typed.Expression, node: ast.Member) -> typed.Expression:
        """Report `base.name`: vectors have no members."""
        found = base.type
        assert isinstance(found, VecType)
        return arithmetic.no_operation(
            self._context, f"`.{node.member.text}`", found, node.member.span
        )

    def index(self, base: typed.Expression, node: ast.Index) -> typed.Expression:
        """Return `base[index]`: a lane."""
        found = base.type
        assert isinstance(found, VecType)
        if type(node.index) is ast.IndexSpan:
            return arithmetic.no_operation(self._context, "range", found, node.span)
        index = self._context.expressions[type(node.index)](node.index)
        if index.type is ERROR:
            return failed(node.span)
        if index.type.is_float or isinstance(index.type, VecType):
            text = described(index.type)
            self._context.emit(catalog.INDEX_IS_FLOAT.at(node.index.span, found=text))
            return failed(node.span)
        bits = BITS[found.kind] if found.kind in SIGNED else 0
        arguments = [base, to_word(index)]
        return operation("lane", SCALARS[found.kind], arguments, node.span, ir.lane(bits))

    def unary(
        self, operator: UnaryOperator, operand: typed.Expression, span: Span
    ) -> typed.Expression:
        """Return `-operand`, `!operand` or `~operand`."""
        return arithmetic.unary(self._context, operator, operand, span)

    def binary(
        self,
        operator: BinaryOperator,
        left: typed.Expression,
        right: typed.Expression,
        span: Span,
    ) -> typed.Expression:
        """Return `left operator right`."""
        return arithmetic.binary(self._context, operator, left, right, span)

    def cast(self, value: typed.Expression, node: ast.Cast) -> typed.Expression:
        """Return `value as KIND`."""
        kind = element_kind(self._context, node.type)
        return failed(node.span) if kind is None else arithmetic.cast(value, kind, node.span)

    def call(
        self, callee: Callee | None, name: str, values: list[typed.Expression], span: Span
    ) -> typed.Expression | None:
        """Return an operation on vectors; None if `name` means none with these operands."""
        has_vector = any(isinstance(row.type, VecType) for row in values)
        if type(callee) is Signature and (has_vectors(callee.symbol) or not has_vector):
            return None
        return operations.call(self._context, name, values, span)

    def suggest(self, name: str) -> str:
        """Return a spelling suggestion among the operations."""
        return did_you_mean(name, operations.OPERATIONS)


def has_vectors(symbol: typed.FunctionSymbol) -> bool:
    """Whether a function has vectors among its parameters or as its result."""
    return isinstance(symbol.result, VecType) or any(
        isinstance(row.type, VecType) for row in symbol.parameters
    )


def _why_not(signature: Signature) -> str:
    """Return what a function is that can have no vectors, empty for all others."""
    symbol = signature.symbol
    if type(signature.node) is ast.Extern:
        return "an extern function"
    if symbol.is_naked:
        return "a naked function"
    if symbol.is_export:
        return "an exported function"
    if symbol.is_kernel:
        return "a kernel"
    return ""


def _calls(start: Signature, wanted: Signature) -> bool:
    """Whether a function calls another, directly or not."""
    pending, seen = [start], {start.symbol.name}
    while pending:
        for name, callee in pending.pop().callees.items():
            if callee is wanted:
                return True
            if name not in seen:
                seen.add(name)
                pending.append(callee)
    return False
