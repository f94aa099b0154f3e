"""Shifts of words, and fields of bits."""

from mlrift.backends.amdgcn.isa.instruction import Inline
from mlrift.backends.amdgcn.mir import MachineOperand
from mlrift.backends.amdgcn.selection.emitter import dwords_of, high_part, is_vector, low_part
from mlrift.backends.amdgcn.selection.integers import bits, inner, is_scalar, small_shift
from mlrift.backends.amdgcn.selection.selector import Selector
from mlrift.backends.rules import Rules
from mlrift.ir.core import Value
from mlrift.ir.ops.arith import Add, And, Ashr, Constant, Lshr, Mul, Shl
from mlrift.typesystem import I1
from mlrift.values import value

RULES: Rules[Selector] = Rules("amdgcn")
_WORD = 32


@value
class _Shift:
    """The operations of a kind of shift: scalar and vector, of one dword and of two."""

    scalar: str
    scalar_pair: str
    vector: str
    vector_pair: str


_LEFT = _Shift("s_lshl_b32", "s_lshl_b64", "v_lshlrev_b32", "v_lshlrev_b64")
_RIGHT = _Shift("s_lshr_b32", "s_lshr_b64", "v_lshrrev_b32", "v_lshrrev_b64")
_SIGNED = _Shift("s_ashr_i32", "s_ashr_i64", "v_ashrrev_i32", "v_ashrrev_i64")


def _narrow(
    selector: Selector,
    kind: _Shift,
    target: MachineOperand,
    word: MachineOperand,
    count: MachineOperand,
) -> None:
    if isinstance(count, Inline) and count.number == 0:
        selector.copy(target, word)
    elif not is_vector(target):
        selector.emit(kind.scalar, target, selector.in_scalar(word), selector.in_scalar(count))
    else:
        selector.valu(kind.vector, target, count, word)


def _wide(
    selector: Selector,
    kind: _Shift,
    target: MachineOperand,
    pair: MachineOperand,
    count: MachineOperand,
) -> None:
    """Shift a pair; a target of one dword gets the low one."""
    is_on_scalars = not is_vector(target)
    whole = target
    if dwords_of(target) == 1:
        whole = selector.scalar(2) if is_on_scalars else selector.vector(2)
    if is_on_scalars:
        operands = selector.in_scalar(pair), selector.in_scalar(count)
        selector.emit(kind.scalar_pair, whole, *operands)
    else:
        selector.valu(kind.vector_pair, whole, count, pair)
    if whole is not target:
        selector.copy(target, low_part(whole))


def _count(selector: Selector, count: Value) -> MachineOperand:
    if isinstance(count, Constant):
        return Inline(int(count.value) & 63)
    return selector.word(count)


def _constant(count: Value) -> int | None:
    return int(count.value) & 63 if isinstance(count, Constant) else None


def _loose_pair(selector: Selector, value_: Value) -> MachineOperand:
    """Return a pair of which only the low dword matters."""
    if isinstance(value_, Constant) or selector.size_of(value_) == 2:
        return selector.pair(value_)
    word = selector.word(value_)
    made = selector.vector(2) if is_vector(word) else selector.scalar(2)
    selector.assemble(made, word, Inline(0))
    return made


@RULES.rule(Shl)
def shift_left(selector: Selector, made: Shl) -> None:
    """To the left, fused with a sum before it."""
    target = selector.place(made)
    count = _constant(made.rhs)
    operand = _count(selector, made.rhs)
    if dwords_of(target) == 1:
        if selector.bound(made.rhs) >= _WORD:
            _wide(selector, _LEFT, target, _loose_pair(selector, made.lhs), operand)
        elif not _shift_sum(selector, made, target):
            _narrow(selector, _LEFT, target, selector.word(made.lhs), operand)
    elif count is not None and count >= _WORD:
        selector.copy(low_part(target), Inline(0))
        word = selector.word(made.lhs)
        _narrow(selector, _LEFT, high_part(target), word, Inline(count - _WORD))
    else:
        _wide(selector, _LEFT, target, selector.pair(made.lhs), operand)


def _shift_sum(selector: Selector, made: Shl, target: MachineOperand) -> bool:
    total = inner(selector, made.lhs, Add)
    if is_scalar(selector, made) or not isinstance(total, Add):
        return False
    words = selector.word(total.lhs), selector.word(total.rhs), _count(selector, made.rhs)
    selector.valu("v_add_lshl_u32", target, *words)
    return True


@RULES.rule(Lshr)
def shift_right(selector: Selector, made: Lshr) -> None:
    """To the right, zeros in."""
    target = selector.place(made)
    count = _constant(made.rhs)
    operand = _count(selector, made.rhs)
    if count is not None and count >= _WORD:
        high = _high_product(selector, made.lhs)
        if high is None:
            high = selector.high_word(made.lhs)
        part = target if dwords_of(target) == 1 else low_part(target)
        _narrow(selector, _RIGHT, part, high, Inline(count - _WORD))
        if dwords_of(target) == 2:
            selector.copy(high_part(target), Inline(0))
    elif selector.is_small(made.lhs) and selector.bound(made.rhs) < _WORD:
        part = target if dwords_of(target) == 1 else low_part(target)
        _narrow(selector, _RIGHT, part, selector.word(made.lhs), operand)
        if dwords_of(target) == 2:
            selector.copy(high_part(target), Inline(0))
    elif count is not None and dwords_of(target) == 1 and not is_scalar(selector, made):
        low, high = selector.words(made.lhs)
        selector.valu("v_alignbit_b32", target, high, low, Inline(count))
    else:
        _wide(selector, _RIGHT, target, selector.pair(made.lhs), operand)


def _high_product(selector: Selector, operand: Value) -> MachineOperand | None:
    """Return the high dword of a product of two small words, if the operand is one."""
    product = selector.match(operand, Mul)
    if product is None or not (selector.is_small(product.lhs) and selector.is_small(product.rhs)):
        return None
    if is_scalar(selector, product):
        made = selector.scalar()
        operands = selector.scalar_word(product.lhs), selector.scalar_word(product.rhs)
        selector.emit("s_mul_hi_u32", made, *operands)
        return made
    made = selector.vector()
    words = selector.word(product.lhs), selector.word(product.rhs)
    selector.valu("v_mul_hi_u32", made, *words)
    return made


def _sign_extension(selector: Selector, made: Ashr, target: MachineOperand) -> bool:
    """Append a signed bit field for `(x << c) >> c` of the vector unit, if it is that."""
    shifted = selector.match(made.lhs, Shl)
    count = _constant(made.rhs)
    if shifted is None or count is None or count <= _WORD or is_scalar(selector, made):
        return False
    if _constant(shifted.rhs) != count or dwords_of(target) != 1:
        return False
    selector.valu(
        "v_bfe_i32", target, selector.word(shifted.lhs), Inline(0), Inline(2 * _WORD - count)
    )
    return True


@RULES.rule(Ashr)
def shift_right_signed(selector: Selector, made: Ashr) -> None:
    """To the right, sign bits in."""
    target = selector.place(made)
    count = _constant(made.rhs)
    if _sign_extension(selector, made, target):
        return
    if selector.is_signed_word(made.lhs) and (count is not None or _is_short(selector, made)):
        operand = Inline(min(count, _WORD - 1)) if count is not None else selector.word(made.rhs)
        part = target if dwords_of(target) == 1 else low_part(target)
        _narrow(selector, _SIGNED, part, selector.word(made.lhs), operand)
        if dwords_of(target) == 2:
            selector.copy(high_part(target), selector.sign_of(part))
    elif count is not None and count >= _WORD:
        part = target if dwords_of(target) == 1 else low_part(target)
        high = selector.high_word(made.lhs)
        _narrow(selector, _SIGNED, part, high, Inline(count - _WORD))
        if dwords_of(target) == 2:
            selector.copy(high_part(target), selector.sign_of(high))
    else:
        _wide(selector, _SIGNED, target, selector.pair(made.lhs), _count(selector, made.rhs))


def _is_short(selector: Selector, made: Ashr) -> bool:
    return selector.bound(made.rhs) < _WORD


@RULES.rule(And)
def conjunction(selector: Selector, made: And) -> None:
    """Bits in both: a field where one side is a shift and the other a mask."""
    if made.type is I1 or not _field(selector, made):
        bits(selector, made, "and", made.lhs, made.rhs)


def _field(selector: Selector, made: And) -> bool:
    """Append a bit field for a shift and a mask of the vector unit, if it is one."""
    target = selector.place(made)
    if dwords_of(target) != 1 or is_scalar(selector, made):
        return False
    for operand, mask in ((made.lhs, made.rhs), (made.rhs, made.lhs)):
        if not isinstance(mask, Constant):
            continue
        ones = int(mask.value)
        shifted = inner(selector, operand, Lshr)
        if not isinstance(shifted, Lshr) or ones & (ones + 1) or not ones:
            continue
        count = small_shift(shifted.rhs)
        if count is None or count + ones.bit_length() > _WORD:
            continue
        width = Inline(ones.bit_length())
        selector.valu("v_bfe_u32", target, selector.word(shifted.lhs), Inline(count), width)
        return True
    return False
