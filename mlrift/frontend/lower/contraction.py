"""Contraction in device code: f32 products that a sum in the same expression takes at once.

`a * b + c`, `c + a * b`, `a * b - c`, `c - a * b` and `c += a * b` of f32 become one op each, which
devices round as they like and hosts round once. f64 is never contracted.
"""

from mlrift.frontend import typed
from mlrift.frontend.lower.context import FunctionContext
from mlrift.frontend.typed import BinaryKind
from mlrift.ir.core import Value
from mlrift.ir.ops.arith import Constant, FSub
from mlrift.ir.ops.device import ContractedProduct
from mlrift.typesystem import F32, Tag

_SUMS = frozenset({BinaryKind.FADD, BinaryKind.FSUB})


def contracted(context: FunctionContext, node: typed.Binary) -> Value | None:
    """Emit a sum that has a product; None when it is none. Operands run from left to right."""
    if node.kind not in _SUMS or node.type.tag is not Tag.F32:
        return None
    is_difference = node.kind is BinaryKind.FSUB
    left, right = _product(node.left), _product(node.right)
    if left is not None:
        factor, other = context.value(left.left), context.value(left.right)
        addend = context.value(node.right)
        if is_difference:
            addend = _negated(context, addend)
        return _emit(context, node, factor, other, addend)
    if right is not None:
        addend = context.value(node.left)
        factor, other = context.value(right.left), context.value(right.right)
        if is_difference:
            factor = _negated(context, factor)
        return _emit(context, node, factor, other, addend)
    return None


def contracted_update(
    context: FunctionContext, node: typed.CompoundAssign, old: Value
) -> Value | None:
    """Emit `old += a * b` or `old -= a * b`; None for anything else."""
    product = _product(node.operand)
    if node.kind not in _SUMS or product is None or old.type is not F32:
        return None
    factor, other = context.value(product.left), context.value(product.right)
    if node.kind is BinaryKind.FSUB:
        factor = _negated(context, factor)
    return _emit(context, node, factor, other, old)


def _emit(
    context: FunctionContext,
    node: typed.Binary | typed.CompoundAssign,
    factor: Value,
    other: Value,
    addend: Value,
) -> Value:
    context.builder.span = node.span
    return context.builder.emit(ContractedProduct(factor, other, addend))


def _product(node: typed.Expression) -> typed.Binary | None:
    if isinstance(node, typed.Binary) and node.kind is BinaryKind.FMUL and node.type.tag is Tag.F32:
        return node
    return None


def _negated(context: FunctionContext, value: Value) -> Value:
    zero = context.builder.emit(Constant(-0.0, F32))
    return context.builder.emit(FSub(zero, value))
