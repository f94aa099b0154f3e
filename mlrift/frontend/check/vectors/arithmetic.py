"""Operators and `as` on vectors: typed operands in, the typed operation out, or a report."""

from mlrift.diagnostics import catalog
from mlrift.frontend import typed
from mlrift.frontend.ast import BinaryOperator, UnaryOperator
from mlrift.frontend.builtins import vector as ir
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.vectors.nodes import (
    BITS,
    FLOATS,
    HALVES,
    INTEGERS,
    SIGNED,
    described,
    failed,
    fitted,
    operation,
)
from mlrift.ir.ops.compare import FloatPredicate, IntegerPredicate
from mlrift.ir.ops.vector_arith import BinaryKind, ConvertKind, UnaryKind
from mlrift.source import Span
from mlrift.typesystem import (
    ERROR,
    F32,
    F64,
    KIND_MACHINES,
    ElementKind,
    MachineType,
    VecType,
    vec_type,
)

_ARITHMETIC: dict[BinaryOperator, BinaryKind] = {
    BinaryOperator.ADD: BinaryKind.ADD,
    BinaryOperator.SUB: BinaryKind.SUB,
    BinaryOperator.MUL: BinaryKind.MUL,
    BinaryOperator.DIV: BinaryKind.DIV,
    BinaryOperator.BIT_AND: BinaryKind.AND,
    BinaryOperator.BIT_OR: BinaryKind.OR,
    BinaryOperator.BIT_XOR: BinaryKind.XOR,
    BinaryOperator.SHL: BinaryKind.SHL,
}
_COMPARISONS: dict[BinaryOperator, str] = {
    BinaryOperator.EQ: "eq",
    BinaryOperator.NE: "ne",
    BinaryOperator.LT: "lt",
    BinaryOperator.LE: "le",
    BinaryOperator.GT: "gt",
    BinaryOperator.GE: "ge",
}
_NUMBERS = INTEGERS | FLOATS
_BITS = INTEGERS | {ElementKind.BOOL}
_LANES_OF: dict[BinaryOperator, frozenset[ElementKind]] = {
    **dict.fromkeys((BinaryOperator.ADD, BinaryOperator.SUB, BinaryOperator.MUL), _NUMBERS),
    BinaryOperator.DIV: FLOATS,
    **dict.fromkeys((BinaryOperator.BIT_AND, BinaryOperator.BIT_OR, BinaryOperator.BIT_XOR), _BITS),
    **dict.fromkeys((BinaryOperator.SHL, BinaryOperator.SHR), INTEGERS),
    **dict.fromkeys(_COMPARISONS, _NUMBERS),
}


def unary(
    context: Context, operator: UnaryOperator, operand: typed.Expression, span: Span
) -> typed.Expression:
    """Return `-operand`, `~operand` or, of truth values, `!operand`."""
    found = operand.type
    assert isinstance(found, VecType)
    is_truth = found.kind is ElementKind.BOOL
    if operator is UnaryOperator.NEGATE and found.kind in _NUMBERS:
        return operation("-", found, [operand], span, ir.unary(UnaryKind.NEG))
    if operator is UnaryOperator.COMPLEMENT and found.kind in INTEGERS:
        return operation("~", found, [operand], span, ir.unary(UnaryKind.NOT))
    if operator is not UnaryOperator.NEGATE and is_truth:
        return operation("~", found, [operand], span, ir.unary(UnaryKind.NOT))
    return no_operation(context, f"`{operator.value}`", found, span)


def no_operation(context: Context, what: str, found: VecType, span: Span) -> typed.Expression:
    """Report lanes that something is not for."""
    diagnostic = catalog.NO_VECTOR_OPERATION.at(span, operation=what, found=described(found))
    if found.kind in HALVES:
        diagnostic = diagnostic.note("halves are stored and converted: compute `... as f32`")
    context.emit(diagnostic)
    return failed(span)


def binary(
    context: Context,
    operator: BinaryOperator,
    left: typed.Expression,
    right: typed.Expression,
    span: Span,
) -> typed.Expression:
    """Return `left operator right`, one of which is a vector; a scalar is in every lane."""
    if left.type is ERROR or right.type is ERROR:
        return failed(span)
    made = left.type if isinstance(left.type, VecType) else right.type
    assert isinstance(made, VecType)
    if made.kind not in _LANES_OF.get(operator, frozenset()):
        return no_operation(context, f"`{operator.value}`", made, span)
    are_vectors = isinstance(left.type, VecType) and isinstance(right.type, VecType)
    if are_vectors and left.type is not right.type:
        diagnostic = catalog.VECTORS_DIFFER.at(
            right.span, left=described(left.type), right=described(right.type)
        )
        context.emit(diagnostic)
        return failed(span)
    left, right = fitted(context, left, made), fitted(context, right, made)
    if left.type is ERROR or right.type is ERROR:
        return failed(span)
    if operator in _COMPARISONS:
        return _compared(_COMPARISONS[operator], made, [left, right], span)
    kind = _ARITHMETIC.get(operator)
    if kind is None:
        kind = BinaryKind.ASHR if made.kind in SIGNED else BinaryKind.LSHR
    return operation(operator.value, made, [left, right], span, ir.binary(kind))


def _compared(
    name: str, found: VecType, operands: list[typed.Expression], span: Span
) -> typed.Expression:
    made = vec_type(ElementKind.BOOL, found.lanes)
    if found.kind in FLOATS:
        return operation(name, made, operands, span, ir.compare_floats(FloatPredicate(name)))
    if name not in ("eq", "ne"):
        name = f"{'s' if found.kind in SIGNED else 'u'}{name}"
    return operation(name, made, operands, span, ir.compare_integers(IntegerPredicate(name)))


def cast(value: typed.Expression, kind: ElementKind, span: Span) -> typed.Expression:
    """Return `value as KIND`."""
    found = value.type
    assert isinstance(found, VecType)
    made = vec_type(kind, found.lanes)
    if kind is found.kind:
        return value
    if found.kind in FLOATS | HALVES and kind in INTEGERS and BITS[kind] < BITS[ElementKind.I32]:
        return narrowed(cast(value, ElementKind.I32, span), kind, span)
    if kind is ElementKind.BOOL:
        if found.kind in HALVES:
            value = cast(value, ElementKind.F32, span)
        return operation("as", made, [value], span, ir.is_not_zero)
    return operation("as", made, [value], span, ir.convert(_steps(found.kind, kind)))


def narrowed(value: typed.Expression, kind: ElementKind, span: Span) -> typed.Expression:
    """Return integers as narrower ones: those that do not fit become the nearest end."""
    found = value.type
    assert isinstance(found, VecType)
    bits, is_signed = BITS[kind], found.kind in SIGNED
    least = -(1 << (bits - 1)) if kind in SIGNED and is_signed else 0
    most = (1 << (bits - 1)) - 1 if kind in SIGNED else (1 << bits) - 1
    below = BinaryKind.SMIN if is_signed else BinaryKind.UMIN
    above = BinaryKind.SMAX if is_signed else BinaryKind.UMAX
    made = vec_type(kind, found.lanes)
    lower = ir.clamp(made.machine.element, below, above, (least, most))
    return operation("narrow", made, [value], span, lower)


def _steps(source: ElementKind, target: ElementKind) -> tuple[tuple[ConvertKind, MachineType], ...]:
    """Return the conversions from one kind of lanes to another."""
    machine = KIND_MACHINES[target]
    if source in HALVES:
        first = (ConvertKind.WIDEN, F32)
        return (first, *(_steps(ElementKind.F32, target) if target is not ElementKind.F32 else ()))
    if target in HALVES:
        last = (ConvertKind.NARROW, machine)
        return (*(_steps(source, ElementKind.F32) if source is not ElementKind.F32 else ()), last)
    if source in FLOATS and target in FLOATS:
        return ((ConvertKind.WIDEN if machine is F64 else ConvertKind.NARROW, machine),)
    if source in FLOATS:
        kind = ConvertKind.TO_SIGNED if target in SIGNED else ConvertKind.TO_UNSIGNED
        return ((kind, machine),)
    if source is ElementKind.BOOL:
        if target in INTEGERS:
            return ((ConvertKind.ZEXT, machine),)
        return ((ConvertKind.ZEXT, KIND_MACHINES[ElementKind.I32]), (_FROM_SIGNED, machine))
    if target in FLOATS:
        is_signed = source in SIGNED or source is ElementKind.U64
        return ((_FROM_SIGNED if is_signed else ConvertKind.FROM_UNSIGNED, machine),)
    if BITS[source] == BITS[target]:
        return ()
    if BITS[source] > BITS[target]:
        return ((ConvertKind.TRUNC, machine),)
    return ((ConvertKind.SEXT if source in SIGNED else ConvertKind.ZEXT, machine),)


_FROM_SIGNED = ConvertKind.FROM_SIGNED
