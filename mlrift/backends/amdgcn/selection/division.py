"""Quotients and roots: of floats correctly rounded, of words below 2**32 by reciprocals.

Words that are wider are divided by code that a pass makes (`device_divide`).
"""

from enum import Enum, unique

from mlrift.backends.amdgcn.isa.instruction import Inline, Literal
from mlrift.backends.amdgcn.isa.registers import NULL, VCC
from mlrift.backends.amdgcn.mir import MachineOperand
from mlrift.backends.amdgcn.selection.emitter import dwords_of, high_part, low_part
from mlrift.backends.amdgcn.selection.floats import ONE, FloatSource, float_operation
from mlrift.backends.amdgcn.selection.selector import Selector
from mlrift.backends.rules import Rules
from mlrift.ir.core import Value
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import FDiv, FSqrt, Sdiv, Srem, Udiv, Urem
from mlrift.typesystem import F32

RULES: Rules[Selector] = Rules("amdgcn")


@unique
class Division(Enum):
    """What is wanted of a division."""

    QUOTIENT = "quotient"
    REMAINDER = "remainder"


_ALMOST_TWO_TO_32 = 0x4F7FFFFE
_SHORT = 1 << 22


def _source(operand: MachineOperand) -> FloatSource:
    return FloatSource(operand)


def _minus(operand: MachineOperand) -> FloatSource:
    return FloatSource(operand, is_negated=True)


# floats


@RULES.rule(FDiv)
def divide(selector: Selector, made: FDiv) -> None:
    """A correctly rounded quotient: scaled operands, a reciprocal refined, and the fix-up."""
    if made.type is F32:
        over, under = selector.vector_word(made.lhs), selector.vector_word(made.rhs)
        _divide(selector, selector.place(made), over, under, _SINGLE)
    else:
        pairs = selector.vector_pair(made.lhs), selector.vector_pair(made.rhs)
        _divide(selector, selector.place(made), *pairs, _DOUBLE)


_SINGLE = ("f32", 1)
_DOUBLE = ("f64", 2)


def _divide(
    selector: Selector,
    target: MachineOperand,
    over: MachineOperand,
    under: MachineOperand,
    kind: tuple[str, int],
) -> None:
    name, size = kind
    scaled_under, scaled_over = selector.vector(size), selector.vector(size)
    selector.emit(f"v_div_scale_{name}", scaled_under, NULL, under, under, over)
    reciprocal: MachineOperand = selector.vector(size)
    selector.valu(f"v_rcp_{name}", reciprocal, scaled_under)
    for _ in range(size):
        reciprocal = _refined(selector, scaled_under, reciprocal, kind)
    selector.emit(f"v_div_scale_{name}", scaled_over, VCC, over, under, over)
    quotient: MachineOperand = selector.vector(size)
    selector.valu(f"v_mul_{name}", quotient, scaled_over, reciprocal)

    def fma(addend: MachineOperand, first: FloatSource, second: MachineOperand) -> MachineOperand:
        made = selector.vector(size)
        float_operation(selector, f"v_fma_{name}", made, first, _source(second), _source(addend))
        return made

    if size == 1:
        error = fma(scaled_over, _minus(scaled_under), quotient)
        quotient = fma(quotient, _source(error), reciprocal)
    error = fma(scaled_over, _minus(scaled_under), quotient)
    joined = selector.vector(size)
    selector.emit(f"v_div_fmas_{name}", joined, error, reciprocal, quotient)
    selector.emit(f"v_div_fixup_{name}", target, joined, under, over)


def _refined(
    selector: Selector,
    under: MachineOperand,
    reciprocal: MachineOperand,
    kind: tuple[str, int],
) -> MachineOperand:
    """Return a reciprocal after a step of Newton's method."""
    name, size = kind
    error, better = selector.vector(size), selector.vector(size)
    float_operation(selector, f"v_fma_{name}", error, _minus(under), _source(reciprocal), ONE)
    sources = [_source(row) for row in (error, reciprocal, reciprocal)]
    float_operation(selector, f"v_fma_{name}", better, *sources)
    return better


@RULES.rule(FSqrt)
def root(selector: Selector, made: FSqrt) -> None:
    """A correctly rounded root."""
    if made.type is F32:
        _single_root(selector, selector.vector_word(made.operand), selector.place(made))
    else:
        _double_root(selector, selector.vector_pair(made.operand), selector.place(made))


_TINY_SINGLE = 0x0F800000
_TWO_TO_32 = 0x4F800000
_TWO_TO_MINUS_16 = 0x37800000
_ZERO_OR_INFINITY = 0x260


def _single_root(selector: Selector, operand: MachineOperand, target: MachineOperand) -> None:
    """Take the hardware's root, and its neighbours where they are nearer."""
    vector = selector.vector
    is_tiny = selector.scalar()
    scaled, number, guess = vector(), vector(), vector()
    selector.valu("v_cmp_gt_f32", is_tiny, Literal(_TINY_SINGLE), operand)
    selector.valu("v_mul_f32", scaled, Literal(_TWO_TO_32), operand)
    selector.valu("v_cndmask_b32", number, operand, scaled, is_tiny)
    selector.valu("v_sqrt_f32", guess, number)
    best: MachineOperand = guess
    for step, comparison in ((-1, "v_cmp_ge_f32"), (1, "v_cmp_lt_f32")):
        near, error, better = vector(), vector(), vector()
        is_nearer = selector.scalar()
        selector.valu("v_add_nc_u32", near, Inline(step), guess)
        sources = (_minus(near), _source(guess), _source(number))
        float_operation(selector, "v_fma_f32", error, *sources)
        selector.valu(comparison, is_nearer, Inline(0), error)
        selector.valu("v_cndmask_b32", better, best, near, is_nearer)
        best = better
    unscaled, result, is_special = vector(), vector(), selector.scalar()
    selector.valu("v_mul_f32", unscaled, Literal(_TWO_TO_MINUS_16), best)
    selector.valu("v_cndmask_b32", result, best, unscaled, is_tiny)
    selector.valu("v_cmp_class_f32", is_special, number, Literal(_ZERO_OR_INFINITY))
    selector.valu("v_cndmask_b32", target, result, number, is_special)


_TINY_DOUBLE = 0x10000000


def _double_root(selector: Selector, operand: MachineOperand, target: MachineOperand) -> None:
    """Refine the hardware's reciprocal root (Goldschmidt), with the exact remainder twice."""

    def fma(first: FloatSource, second: MachineOperand, addend: FloatSource) -> MachineOperand:
        made = selector.vector(2)
        float_operation(selector, "v_fma_f64", made, first, _source(second), addend)
        return made

    is_tiny, exponent = selector.scalar(), selector.vector()
    number, guess = selector.vector(2), selector.vector(2)
    selector.valu("v_cmp_gt_f64", is_tiny, Literal(_TINY_DOUBLE), operand)
    selector.valu("v_cndmask_b32", exponent, Inline(0), Literal(256), is_tiny)
    selector.valu("v_ldexp_f64", number, operand, exponent)
    selector.valu("v_rsq_f64", guess, number)
    half: MachineOperand = selector.vector(2)
    root_: MachineOperand = selector.vector(2)
    selector.valu("v_mul_f64", root_, number, guess)
    selector.valu("v_mul_f64", half, guess, Inline(0.5))
    error = fma(_minus(half), root_, FloatSource(Inline(0.5)))
    root_ = fma(_source(root_), error, _source(root_))
    half = fma(_source(half), error, _source(half))
    for _ in range(2):
        rest = fma(_minus(root_), root_, _source(number))
        root_ = fma(_source(rest), half, _source(root_))
    back, result, is_special = selector.vector(), selector.vector(2), selector.scalar()
    selector.valu("v_cndmask_b32", back, Inline(0), Literal(0xFFFFFF80), is_tiny)
    selector.valu("v_ldexp_f64", result, root_, back)
    selector.valu("v_cmp_class_f64", is_special, number, Literal(_ZERO_OR_INFINITY))
    for part in (low_part, high_part):
        operands = part(result), part(number), is_special
        selector.valu("v_cndmask_b32", part(target), *operands)


# words


@RULES.rule(Udiv)
def unsigned_quotient(selector: Selector, made: Udiv) -> None:
    """A quotient of unsigned words."""
    _unsigned(selector, made, made.lhs, made.rhs, Division.QUOTIENT)


@RULES.rule(Urem)
def unsigned_remainder(selector: Selector, made: Urem) -> None:
    """A remainder of unsigned words."""
    _unsigned(selector, made, made.lhs, made.rhs, Division.REMAINDER)


def _unsigned(selector: Selector, made: Op, lhs: Value, rhs: Value, wanted: Division) -> None:
    target = selector.place(made)
    if selector.bound(lhs) >= 1 << 32 or selector.bound(rhs) >= 1 << 32:
        raise selector.refuse("a division of words of more than 32 bits was not expanded")
    low = target if dwords_of(target) == 1 else low_part(target)
    over, under = selector.vector_word(lhs), selector.vector_word(rhs)
    if selector.bound(lhs) < _SHORT and selector.bound(rhs) < _SHORT:
        divide_short(selector, low, over, under, wanted)
    else:
        divide_words(selector, low, over, under, wanted)
    if dwords_of(target) == 2:
        selector.copy(high_part(target), Inline(0))


@RULES.rule(Sdiv)
def signed_quotient(selector: Selector, made: Sdiv) -> None:
    """Words that are not negative, as a pass makes all."""
    _unsigned(selector, made, made.lhs, made.rhs, Division.QUOTIENT)


@RULES.rule(Srem)
def signed_remainder(selector: Selector, made: Srem) -> None:
    """Words that are not negative, as a pass makes all."""
    _unsigned(selector, made, made.lhs, made.rhs, Division.REMAINDER)


def divide_short(
    selector: Selector,
    target: MachineOperand,
    over: MachineOperand,
    under: MachineOperand,
    wanted: Division,
) -> None:
    """Divide words below 2**22 as floats, which never gives a quotient that is too great."""
    vector = selector.vector
    first, second, inverse, product = vector(), vector(), vector(), vector()
    selector.valu("v_cvt_f32_u32", first, over)
    selector.valu("v_cvt_f32_u32", second, under)
    selector.valu("v_rcp_iflag_f32", inverse, second)
    selector.valu("v_mul_f32", product, first, inverse)
    whole, rest, guess = vector(), vector(), vector()
    selector.valu("v_trunc_f32", whole, product)
    sources = (_minus(whole), _source(second), _source(first))
    float_operation(selector, "v_fma_f32", rest, *sources)
    selector.valu("v_cvt_u32_f32", guess, whole)
    carry = selector.scalar()
    selector.emit("v_cmp_ge_f32", carry, rest, second, modifiers={"abs": 1})
    quotient, back = vector(), vector()
    selector.valu_pair("v_add_co_ci_u32", (quotient, NULL), guess, Inline(0), carry)
    if wanted is Division.QUOTIENT:
        selector.copy(target, quotient)
        return
    selector.valu("v_mul_lo_u32", back, quotient, under)
    selector.valu("v_sub_nc_u32", target, over, back)


def divide_words(
    selector: Selector,
    target: MachineOperand,
    over: MachineOperand,
    under: MachineOperand,
    wanted: Division,
) -> None:
    """Divide words below 2**32: a fixed-point reciprocal, a step of Newton, two corrections."""
    vector = selector.vector
    number, inverse, scaled, fixed = vector(), vector(), vector(), vector()
    selector.valu("v_cvt_f32_u32", number, under)
    selector.valu("v_rcp_iflag_f32", inverse, number)
    selector.valu("v_mul_f32", scaled, Literal(_ALMOST_TWO_TO_32), inverse)
    selector.valu("v_cvt_u32_f32", fixed, scaled)
    negated, error, more, better = vector(), vector(), vector(), vector()
    selector.valu("v_sub_nc_u32", negated, Inline(0), under)
    selector.valu("v_mul_lo_u32", error, negated, fixed)
    selector.valu("v_mul_hi_u32", more, fixed, error)
    selector.valu("v_add_nc_u32", better, fixed, more)
    quotient: MachineOperand = vector()
    product = vector()
    rest: MachineOperand = vector()
    selector.valu("v_mul_hi_u32", quotient, over, better)
    selector.valu("v_mul_lo_u32", product, quotient, under)
    selector.valu("v_sub_nc_u32", rest, over, product)
    for step in range(2):
        is_last = step == 1
        mask = selector.scalar()
        selector.valu("v_cmp_ge_u32", mask, rest, under)
        if wanted is Division.QUOTIENT:
            next_quotient, corrected = vector(), target if is_last else vector()
            selector.valu("v_add_nc_u32", next_quotient, Inline(1), quotient)
            selector.valu("v_cndmask_b32", corrected, quotient, next_quotient, mask)
            quotient = corrected
        if wanted is Division.REMAINDER or not is_last:
            less = vector()
            following = target if is_last else vector()
            selector.valu("v_sub_nc_u32", less, rest, under)
            selector.valu("v_cndmask_b32", following, rest, less, mask)
            rest = following
