"""Arithmetic of f32 and f64 but division: signs and absolute values go into the instructions."""

from mlrift.backends.amdgcn.isa.instruction import Inline, Literal
from mlrift.backends.amdgcn.mir import MachineOperand
from mlrift.backends.amdgcn.selection.emitter import high_part, low_part
from mlrift.backends.amdgcn.selection.selector import Selector
from mlrift.backends.rules import Rules
from mlrift.ir.core import Value
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import And, Constant, FAdd, FMul, FMultiplyAdd, FSub
from mlrift.ir.ops.convert import BitsToFloat, FloatToBits
from mlrift.ir.ops.device import ContractedProduct, ShuffleXor
from mlrift.typesystem import F32, F64
from mlrift.values import value

RULES: Rules[Selector] = Rules("amdgcn")
_SIGN_32 = 1 << 31
_SIGN_64 = 1 << 63


@value
class FloatSource:
    """An operand of a float instruction with the modifiers that apply to it."""

    operand: MachineOperand
    is_negated: bool = False
    is_absolute: bool = False


def float_source(selector: Selector, number: Value) -> FloatSource:
    """Return a float as an operand, with its sign operations as modifiers."""
    is_negated = False
    inner = negated_value(number)
    while inner is not None:
        is_negated = not is_negated
        number, inner = inner, negated_value(inner)
    absolute = _absolute_value(number)
    operand = _operand(selector, number if absolute is None else absolute)
    return FloatSource(operand, is_negated, absolute is not None)


def _operand(selector: Selector, number: Value) -> MachineOperand:
    return selector.word(number) if number.type is F32 else selector.double(number)


def negated_value(number: Value) -> Value | None:
    """Return what `-0.0 - x` negates, or None."""
    if isinstance(number, FSub) and isinstance(number.lhs, Constant):
        zero = number.lhs.value
        if zero == 0 and str(zero).startswith("-"):
            return number.rhs
    return None


def _absolute_value(number: Value) -> Value | None:
    """Return that of which `bits(x) & 0x7ff...` is the absolute value, or None."""
    if not isinstance(number, BitsToFloat) or not isinstance(number.operand, And):
        return None
    masked = number.operand
    for one, other in ((masked.lhs, masked.rhs), (masked.rhs, masked.lhs)):
        if isinstance(one, FloatToBits) and isinstance(other, Constant):
            sign = _SIGN_32 if number.to is F32 else _SIGN_64
            if other.value == sign - 1 and one.operand.type is number.to:
                return one.operand
    return None


def float_operation(
    selector: Selector, operation: str, target: MachineOperand, *sources: FloatSource
) -> None:
    """Append a float instruction with the modifiers of its sources."""
    modifiers: dict[str, int] = {}
    negated = sum(row.is_negated << bit for bit, row in enumerate(sources))
    absolute = sum(row.is_absolute << bit for bit, row in enumerate(sources))
    if negated:
        modifiers["neg"] = negated
    if absolute:
        modifiers["abs"] = absolute
    operands = [row.operand for row in sources]
    selector.valu(operation, target, *operands, modifiers=modifiers)


def _binary(selector: Selector, made: Op, operation: str, lhs: Value, rhs: Value) -> None:
    kind = "f32" if made.type is F32 else "f64"
    first, second = float_source(selector, lhs), float_source(selector, rhs)
    float_operation(selector, f"{operation}_{kind}", selector.place(made), first, second)


def _add_from_lane(selector: Selector, made: FAdd) -> bool:
    """Append a sum with what another lane of the row has, if it is one."""
    for one, other in ((made.lhs, made.rhs), (made.rhs, made.lhs)):
        crossed = selector.match(one, ShuffleXor)
        if (
            crossed is not None
            and 0 < crossed.mask < ROW
            and selector.blocks[one] is selector.block
        ):
            operands = selector.vector_word(crossed.value), selector.vector_word(other)
            modifiers = row_exchange(crossed.mask)
            selector.emit("v_add_f32", selector.place(made), *operands, modifiers=modifiers)
            return True
    return False


ROW = 16
_ROW_XMASK = 0x160


def row_exchange(distance: int) -> dict[str, int]:
    """Return the modifiers that give a first source from lane ^ distance in a row of 16."""
    return {"dpp_ctrl": _ROW_XMASK + distance, "row_mask": 15, "bank_mask": 15, "bound_ctrl": 1}


@RULES.rule(FAdd)
def add(selector: Selector, made: FAdd) -> None:
    """A sum; of a negated one a difference."""
    if made.type is F32:
        if _add_from_lane(selector, made):
            return
        if (other := negated_value(made.rhs)) is not None:
            _binary(selector, made, "v_sub", made.lhs, other)
            return
        if (other := negated_value(made.lhs)) is not None:
            _binary(selector, made, "v_sub", made.rhs, other)
            return
    _binary(selector, made, "v_add", made.lhs, made.rhs)


@RULES.rule(FSub)
def subtract(selector: Selector, made: FSub) -> None:
    """A difference; what only changes the sign changes the bit."""
    inner = negated_value(made)
    if inner is not None:
        _negate(selector, made, inner)
    elif made.type is F32:
        _binary(selector, made, "v_sub", made.lhs, made.rhs)
    else:
        first, second = float_source(selector, made.lhs), float_source(selector, made.rhs)
        turned = FloatSource(second.operand, not second.is_negated, second.is_absolute)
        float_operation(selector, "v_add_f64", selector.place(made), first, turned)


def _negate(selector: Selector, made: Op, inner: Value) -> None:
    target = selector.place(made)
    if made.type is F32:
        selector.valu("v_xor_b32", target, Literal(_SIGN_32), selector.word(inner))
        return
    low, high = selector.words(inner)
    selector.copy(low_part(target), low)
    selector.valu("v_xor_b32", high_part(target), Literal(_SIGN_32), high)


@RULES.rule(FMul)
def multiply(selector: Selector, made: FMul) -> None:
    """A product."""
    _binary(selector, made, "v_mul", made.lhs, made.rhs)


def _fused(selector: Selector, made: Op, factor: Value, other: Value, addend: Value) -> None:
    kind = "f64" if made.type is F64 else "f32"
    sources = [float_source(selector, row) for row in (factor, other, addend)]
    float_operation(selector, f"v_fma_{kind}", selector.place(made), *sources)


@RULES.rule(FMultiplyAdd)
def fused(selector: Selector, made: FMultiplyAdd) -> None:
    """A fused product and sum."""
    _fused(selector, made, made.factor, made.other, made.addend)


@RULES.rule(ContractedProduct)
def contracted(selector: Selector, made: ContractedProduct) -> None:
    """A fused product and sum, as that is one instruction."""
    _fused(selector, made, made.factor, made.other, made.addend)


ONE = FloatSource(Inline(1.0))
