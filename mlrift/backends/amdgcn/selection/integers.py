"""Sums, products and bits of words: one dword where the facts allow it, and fused forms.

Uniform words are computed by the scalar unit, what differs between lanes by the vector unit.
"""

from mlrift.backends.amdgcn.isa.instruction import Inline
from mlrift.backends.amdgcn.isa.registers import NULL
from mlrift.backends.amdgcn.mir import MachineOperand
from mlrift.backends.amdgcn.selection.compare import mask_source
from mlrift.backends.amdgcn.selection.emitter import dwords_of, high_part, low_part
from mlrift.backends.amdgcn.selection.selector import Home, Selector
from mlrift.backends.rules import Rules
from mlrift.ir.core import Value
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import Add, And, Constant, Mul, Or, Shl, Sub, Xor
from mlrift.typesystem import I1

RULES: Rules[Selector] = Rules("amdgcn")
_FACTOR_END = 1 << 24
_SHIFT_END = 32


def is_scalar(selector: Selector, made: Value) -> bool:
    """Whether a word is computed by the scalar unit."""
    return selector.home(made) is Home.SCALAR


def inner(selector: Selector, operand: Value, kind: type[Op]) -> Op | None:
    """Return the one-dword op that a vector instruction for two may take over, or None."""
    if not isinstance(operand, kind):
        return None
    if selector.size_of(operand) != 1:
        return None
    return selector.match(operand, kind)


def small_shift(operand: Value) -> int | None:
    """Return a constant shift count below 32, or None."""
    if isinstance(operand, Constant) and 0 <= int(operand.value) < _SHIFT_END:
        return int(operand.value)
    return None


# sums


@RULES.rule(Add)
def add(selector: Selector, made: Add) -> None:
    """A sum: fused with a shift, a product or another sum where one has no other user."""
    target = selector.place(made)
    if dwords_of(target) == 2:
        _add_wide(selector, made, target)
    elif is_scalar(selector, made):
        _add_scalar(selector, made, target)
    elif not (
        _add_fused(selector, target, made.lhs, made.rhs)
        or _add_fused(selector, target, made.rhs, made.lhs)
    ):
        selector.valu("v_add_nc_u32", target, selector.word(made.lhs), selector.word(made.rhs))


def _add_scalar(selector: Selector, made: Add, target: MachineOperand) -> None:
    for one, other in ((made.lhs, made.rhs), (made.rhs, made.lhs)):
        shifted = selector.match(one, Shl)
        if shifted is not None and selector.size_of(shifted) == 1:
            count = small_shift(shifted.rhs)
            if count in (1, 2, 3, 4) and not isinstance(shifted.lhs, Constant):
                first = selector.scalar_word(shifted.lhs)
                second = selector.scalar_word(other)
                selector.emit(f"s_lshl{count}_add_u32", target, first, second)
                return
    selector.emit(
        "s_add_u32", target, selector.scalar_word(made.lhs), selector.scalar_word(made.rhs)
    )


def _add_fused(selector: Selector, target: MachineOperand, operand: Value, other: Value) -> bool:
    """Append one instruction for the sum and what made an operand, if there is such a one."""
    shifted = inner(selector, operand, Shl)
    if isinstance(shifted, Shl):
        count = small_shift(shifted.rhs)
        if count is not None:
            words = selector.word(shifted.lhs), Inline(count), selector.word(other)
            selector.valu("v_lshl_add_u32", target, *words)
            return True
    product = inner(selector, operand, Mul)
    if isinstance(product, Mul) and _are_factors(selector, product):
        words3 = selector.word(product.lhs), selector.word(product.rhs), selector.word(other)
        selector.valu("v_mad_u32_u24", target, *words3)
        return True
    total = inner(selector, operand, Add)
    if isinstance(total, Add):
        words3 = selector.word(total.lhs), selector.word(total.rhs), selector.word(other)
        selector.valu("v_add3_u32", target, *words3)
        return True
    return False


def _are_factors(selector: Selector, product: Mul) -> bool:
    return selector.bound(product.lhs) < _FACTOR_END and selector.bound(product.rhs) < _FACTOR_END


def _add_wide(selector: Selector, made: Add, target: MachineOperand) -> None:
    if is_scalar(selector, made):
        if selector.rules.has_wide_scalar:
            lhs, rhs = selector.scalar_pair(made.lhs), selector.scalar_pair(made.rhs)
            selector.emit("s_add_nc_u64", target, lhs, rhs)
            return
        _scalar_carry(selector, made, target, ("s_add_u32", "s_addc_u32"))
        return
    for one, other in ((made.lhs, made.rhs), (made.rhs, made.lhs)):
        product = selector.match(one, Mul)
        if product is not None and _is_wide_product(selector, product):
            factors = selector.word(product.lhs), selector.word(product.rhs)
            addend = selector.pair(other)
            selector.valu_pair("v_mad_u64_u32", (target, NULL), *factors, addend)
            return
    add_words(selector, target, selector.words(made.lhs), selector.words(made.rhs))


def _is_wide_product(selector: Selector, product: Mul) -> bool:
    return (
        selector.is_divergent(product)
        and selector.is_small(product.lhs)
        and selector.is_small(product.rhs)
    )


Words = tuple[MachineOperand, MachineOperand]


def add_words(selector: Selector, target: MachineOperand, lhs: Words, rhs: Words) -> None:
    """Append a 64-bit sum of the vector unit."""
    carry = selector.scalar()
    selector.valu_pair("v_add_co_u32", (low_part(target), carry), lhs[0], rhs[0])
    selector.valu_pair("v_add_co_ci_u32", (high_part(target), NULL), lhs[1], rhs[1], carry)


def _scalar_carry(
    selector: Selector, made: Add | Sub, target: MachineOperand, operations: tuple[str, str]
) -> None:
    lhs = [selector.in_scalar(row) for row in selector.words(made.lhs)]
    rhs = [selector.in_scalar(row) for row in selector.words(made.rhs)]
    selector.emit(operations[0], low_part(target), lhs[0], rhs[0])
    selector.emit(operations[1], high_part(target), lhs[1], rhs[1])


@RULES.rule(Sub)
def subtract(selector: Selector, made: Sub) -> None:
    """A difference."""
    target = selector.place(made)
    if dwords_of(target) == 2:
        _subtract_wide(selector, made, target)
    elif is_scalar(selector, made):
        lhs, rhs = selector.scalar_word(made.lhs), selector.scalar_word(made.rhs)
        selector.emit("s_sub_u32", target, lhs, rhs)
    else:
        selector.valu("v_sub_nc_u32", target, selector.word(made.lhs), selector.word(made.rhs))


def _subtract_wide(selector: Selector, made: Sub, target: MachineOperand) -> None:
    if is_scalar(selector, made):
        if selector.rules.has_wide_scalar:
            lhs, rhs = selector.scalar_pair(made.lhs), selector.scalar_pair(made.rhs)
            selector.emit("s_sub_nc_u64", target, lhs, rhs)
            return
        _scalar_carry(selector, made, target, ("s_sub_u32", "s_subb_u32"))
        return
    subtract_words(selector, target, selector.words(made.lhs), selector.words(made.rhs))


def subtract_words(selector: Selector, target: MachineOperand, lhs: Words, rhs: Words) -> None:
    """Append a 64-bit difference of the vector unit."""
    borrow = selector.scalar()
    selector.valu_pair("v_sub_co_u32", (low_part(target), borrow), lhs[0], rhs[0])
    selector.valu_pair("v_sub_co_ci_u32", (high_part(target), NULL), lhs[1], rhs[1], borrow)


# products


@RULES.rule(Mul)
def multiply(selector: Selector, made: Mul) -> None:
    """A product of one dword, of two small words, or of any."""
    target = selector.place(made)
    if is_scalar(selector, made):
        _multiply_scalar(selector, made, target)
    elif dwords_of(target) == 1:
        operation = "v_mul_u32_u24" if _are_factors(selector, made) else "v_mul_lo_u32"
        selector.valu(operation, target, selector.word(made.lhs), selector.word(made.rhs))
    else:
        _multiply_wide(selector, made, target)


def _multiply_scalar(selector: Selector, made: Mul, target: MachineOperand) -> None:
    lhs, rhs = selector.scalar_word(made.lhs), selector.scalar_word(made.rhs)
    if dwords_of(target) == 1:
        selector.emit("s_mul_i32", target, lhs, rhs)
        return
    if selector.rules.has_wide_scalar:
        first, second = selector.scalar_pair(made.lhs), selector.scalar_pair(made.rhs)
        selector.emit("s_mul_u64", target, first, second)
        return
    selector.emit("s_mul_i32", low_part(target), lhs, rhs)
    total: MachineOperand = selector.scalar()
    selector.emit("s_mul_hi_u32", total, lhs, rhs)
    for one, other in ((made.lhs, rhs), (made.rhs, lhs)):
        if not selector.is_small(one):
            part, following = selector.scalar(), selector.scalar()
            selector.emit("s_mul_i32", part, selector.in_scalar(selector.high_word(one)), other)
            selector.emit("s_add_u32", following, total, part)
            total = following
    selector.copy(high_part(target), total)


def _multiply_wide(selector: Selector, made: Mul, target: MachineOperand) -> None:
    lhs, rhs = selector.word(made.lhs), selector.word(made.rhs)
    if not (selector.is_small(made.lhs) and selector.is_small(made.rhs)) and (
        selector.is_signed_word(made.lhs) and selector.is_signed_word(made.rhs)
    ):
        selector.valu_pair("v_mad_i64_i32", (target, NULL), lhs, rhs, Inline(0))
        return
    crossed = [
        (selector.high_word(one), other)
        for one, other in ((made.lhs, rhs), (made.rhs, lhs))
        if not selector.is_small(one)
    ]
    if not crossed:
        selector.valu_pair("v_mad_u64_u32", (target, NULL), lhs, rhs, Inline(0))
        return
    product = selector.vector(2)
    selector.valu_pair("v_mad_u64_u32", (product, NULL), lhs, rhs, Inline(0))
    parts = []
    for high, other in crossed:
        part = selector.vector()
        selector.valu("v_mul_lo_u32", part, high, other)
        parts.append(part)
    selector.copy(low_part(target), low_part(product))
    operation = "v_add3_u32" if len(parts) > 1 else "v_add_nc_u32"
    selector.valu(operation, high_part(target), high_part(product), *parts)


# bits


@RULES.rule(Or)
def disjunction(selector: Selector, made: Or) -> None:
    """Bits in either; fused with a shift, a conjunction or another disjunction."""
    target = selector.place(made) if made.type is not I1 else None
    if (
        target is not None
        and dwords_of(target) == 1
        and not is_scalar(selector, made)
        and (
            _or_fused(selector, target, made.lhs, made.rhs)
            or _or_fused(selector, target, made.rhs, made.lhs)
        )
    ):
        return
    bits(selector, made, "or", made.lhs, made.rhs)


def _or_fused(selector: Selector, target: MachineOperand, operand: Value, other: Value) -> bool:
    shifted = inner(selector, operand, Shl)
    if isinstance(shifted, Shl) and (count := small_shift(shifted.rhs)) is not None:
        words = selector.word(shifted.lhs), Inline(count), selector.word(other)
        selector.valu("v_lshl_or_b32", target, *words)
        return True
    for kind, operation in ((And, "v_and_or_b32"), (Or, "v_or3_b32")):
        found = inner(selector, operand, kind)
        if isinstance(found, And | Or):
            words3 = selector.word(found.lhs), selector.word(found.rhs), selector.word(other)
            selector.valu(operation, target, *words3)
            return True
    return False


@RULES.rule(Xor)
def exclusive(selector: Selector, made: Xor) -> None:
    """Bits in one of both."""
    bits(selector, made, "xor", made.lhs, made.rhs)


def bits(selector: Selector, made: Op, name: str, lhs: Value, rhs: Value) -> None:
    """Append a bitwise operation of words or truth values."""
    target = selector.place(made)
    match selector.home(made):
        case Home.MASK:
            first, second = mask_source(selector, lhs), mask_source(selector, rhs)
            selector.emit(f"s_{name}_b32", target, first, second)
        case Home.SCALAR | Home.TRUTH:
            _scalar_bits(selector, target, name, lhs, rhs)
        case _:
            pairs = zip(selector.words(lhs), selector.words(rhs), strict=True)
            for number, (first, second) in enumerate(pairs):
                if number < dwords_of(target):
                    part = target if dwords_of(target) == 1 else _part(target, number)
                    bits_of_word(selector, part, name, first, second)


def _part(target: MachineOperand, number: int) -> MachineOperand:
    return high_part(target) if number else low_part(target)


def _scalar_bits(
    selector: Selector, target: MachineOperand, name: str, lhs: Value, rhs: Value
) -> None:
    if dwords_of(target) == 1:
        first, second = selector.scalar_word(lhs), selector.scalar_word(rhs)
        kept = _kept(name, first, second)
        if kept is None:
            selector.emit(f"s_{name}_b32", target, first, second)
        else:
            selector.copy(target, kept)
    else:
        first, second = selector.scalar_pair(lhs), selector.scalar_pair(rhs)
        selector.emit(f"s_{name}_b64", target, first, second)


def bits_of_word(
    selector: Selector,
    target: MachineOperand,
    name: str,
    lhs: MachineOperand,
    rhs: MachineOperand,
) -> None:
    """Append a bitwise operation of the vector unit, or the copy that it comes to."""
    kept = _kept(name, lhs, rhs)
    if kept is None:
        selector.valu(f"v_{name}_b32", target, lhs, rhs)
    else:
        selector.copy(target, kept)


def _kept(name: str, lhs: MachineOperand, rhs: MachineOperand) -> MachineOperand | None:
    """Return what a bitwise operation with 0 or all ones comes to, None for others."""
    for one, other in ((lhs, rhs), (rhs, lhs)):
        if isinstance(one, Inline) and one.number in (0, -1):
            return _simple_bits(name, int(one.number), other)
    return None


def _simple_bits(name: str, constant: int, other: MachineOperand) -> MachineOperand | None:
    if name == "and":
        return other if constant == -1 else Inline(0)
    if constant == 0:
        return other
    return Inline(-1) if name == "or" else None
