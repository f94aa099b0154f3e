"""Conversions between words, truth values and floats, and choices between values."""

from mlrift.backends.amdgcn.isa.instruction import Inline, Literal
from mlrift.backends.amdgcn.mir import MachineOperand
from mlrift.backends.amdgcn.selection.compare import (
    choose_by,
    mask_of,
    mask_source,
    one_dword_kind,
    test,
)
from mlrift.backends.amdgcn.selection.constants import word_operand
from mlrift.backends.amdgcn.selection.emitter import dwords_of, high_part, low_part, part_of
from mlrift.backends.amdgcn.selection.floats import FloatSource, float_operation, float_source
from mlrift.backends.amdgcn.selection.selector import Home, Selector
from mlrift.backends.rules import Rules
from mlrift.ir.core import Value
from mlrift.ir.ops.arith import Constant, Lshr, Select
from mlrift.ir.ops.compare import CompareInteger
from mlrift.ir.ops.convert import (
    BitsToFloat,
    FloatToBits,
    FloatToSigned,
    HalfToSingle,
    Narrow,
    SignedToFloat,
    SingleToHalf,
    TruthToWord,
    Widen,
)
from mlrift.typesystem import F32, F64

RULES: Rules[Selector] = Rules("amdgcn")
_TWO_TO_63_HIGH = 0x43E00000
_MINUS_TWO_TO_63_HIGH = 0xC3E00000


@RULES.rule(TruthToWord)
def truth_to_word(selector: Selector, made: TruthToWord) -> None:
    """0 or 1."""
    target = selector.place(made)
    low = target if dwords_of(target) == 1 else low_part(target)
    operand = made.operand
    if isinstance(operand, Constant) or selector.home(operand) in (Home.TRUTH, Home.FLAG):
        selector.copy(low, selector.word(operand))
    else:
        selector.valu("v_cndmask_b32", low, Inline(0), Inline(1), mask_of(selector, operand))
    if dwords_of(target) == 2:
        selector.copy(high_part(target), Inline(0))


# choices


@RULES.rule(Select)
def select(selector: Selector, made: Select) -> None:
    """One of two values, dword by dword."""
    if _extreme(selector, made):
        return
    match selector.home(made):
        case Home.SCALAR:
            _scalar_select(selector, made)
        case Home.TRUTH:
            truth = test(selector, made.condition)
            operands = selector.word(made.if_true), selector.word(made.if_false)
            choose_by(selector, truth, selector.place(made), *operands)
        case Home.MASK:
            _mask_select(selector, made)
        case _:
            _vector_select(selector, made)


def _extreme(selector: Selector, made: Select) -> bool:
    """Append a minimum or maximum of words of one dword, if the choice is one."""
    compared = selector.match(made.condition, CompareInteger)
    if compared is None or selector.size_of(made) != 1:
        return False
    kind = one_dword_kind(selector, compared)
    order = compared.predicate.value[1:]
    if kind is None or order not in ("lt", "le", "gt", "ge"):
        return False
    if (compared.lhs, compared.rhs) == (made.if_true, made.if_false):
        is_least = order in ("lt", "le")
    elif (compared.rhs, compared.lhs) == (made.if_true, made.if_false):
        is_least = order in ("gt", "ge")
    else:
        return False
    operation = f"{'min' if is_least else 'max'}_{kind}"
    target = selector.place(made)
    if selector.home(made) is Home.SCALAR:
        operands = selector.scalar_word(compared.lhs), selector.scalar_word(compared.rhs)
        selector.emit(f"s_{operation}", target, *operands)
    else:
        operands = selector.word(compared.lhs), selector.word(compared.rhs)
        selector.valu(f"v_{operation}", target, *operands)
    return True


def _scalar_select(selector: Selector, made: Select) -> None:
    target = selector.place(made)
    if dwords_of(target) == 2:
        if made.type is F64:
            one = selector.in_scalar(selector.double(made.if_true))
            other = selector.in_scalar(selector.double(made.if_false))
        else:
            one, other = selector.scalar_pair(made.if_true), selector.scalar_pair(made.if_false)
    else:
        one, other = selector.scalar_word(made.if_true), selector.scalar_word(made.if_false)
    choose_by(selector, test(selector, made.condition), target, one, other)


def _mask_select(selector: Selector, made: Select) -> None:
    condition = mask_of(selector, made.condition)
    one, other = selector.scalar(), selector.scalar()
    selector.emit("s_and_b32", one, condition, mask_source(selector, made.if_true))
    selector.emit("s_and_not1_b32", other, mask_source(selector, made.if_false), condition)
    selector.emit("s_or_b32", selector.place(made), one, other)


def _vector_select(selector: Selector, made: Select) -> None:
    target = selector.place(made)
    if made.type is F32:
        first, second = (
            float_source(selector, made.if_false),
            float_source(selector, made.if_true),
        )
        mask = FloatSource(mask_of(selector, made.condition))
        float_operation(selector, "v_cndmask_b32", target, first, second, mask)
        return
    condition = mask_of(selector, made.condition)
    one, other = _dwords(selector, made.if_true), _dwords(selector, made.if_false)
    for number in range(dwords_of(target)):
        part = part_of(target, number)
        selector.valu("v_cndmask_b32", part, other[number], one[number], condition)


def _dwords(selector: Selector, chosen: Value) -> list[MachineOperand]:
    if chosen.type in (F64,) or not hasattr(chosen.type, "lanes"):
        return list(selector.words(chosen))
    place = selector.place(chosen)
    return [part_of(place, number) for number in range(dwords_of(place))]


# bits


@RULES.rule(BitsToFloat)
def bits_to_float(selector: Selector, made: BitsToFloat) -> None:
    """The same registers, read in another way."""
    target = selector.place(made)
    if made.to is F32:
        selector.copy(target, selector.word(made.operand))
        return
    low, high = selector.words(made.operand)
    selector.copy(low_part(target), low)
    selector.copy(high_part(target), high)


@RULES.rule(FloatToBits)
def float_to_bits(selector: Selector, made: FloatToBits) -> None:
    """The same registers, read in another way."""
    target = selector.place(made)
    if made.operand.type is F32:
        low: MachineOperand = selector.word(made.operand)
        high: MachineOperand = Inline(0)
    else:
        low, high = selector.words(made.operand)
    if dwords_of(target) == 1:
        selector.copy(target, low)
        return
    selector.copy(low_part(target), low)
    selector.copy(high_part(target), high)


# between floats


@RULES.rule(Widen)
def widen(selector: Selector, made: Widen) -> None:
    """f32 to f64."""
    source = float_source(selector, made.operand)
    float_operation(selector, "v_cvt_f64_f32", selector.place(made), source)


@RULES.rule(Narrow)
def narrow(selector: Selector, made: Narrow) -> None:
    """f64 to f32."""
    source = float_source(selector, made.operand)
    float_operation(selector, "v_cvt_f32_f64", selector.place(made), source)


@RULES.rule(HalfToSingle)
def half_to_single(selector: Selector, made: HalfToSingle) -> None:
    """f16 to f32."""
    source = selector.vector_word(made.operand)
    selector.valu("v_cvt_f32_f16", selector.place(made), source)


@RULES.rule(SingleToHalf)
def single_to_half(selector: Selector, made: SingleToHalf) -> None:
    """f32 to f16; the upper half of the register is made zero."""
    source = float_source(selector, made.operand)
    target = selector.place(made)
    half = selector.vector()
    float_operation(selector, "v_cvt_f16_f32", half, source)
    low = target if dwords_of(target) == 1 else low_part(target)
    selector.valu("v_and_b32", low, Literal(0xFFFF), half)
    if dwords_of(target) == 2:
        selector.copy(high_part(target), Inline(0))


# from words


@RULES.rule(SignedToFloat)
def signed_to_float(selector: Selector, made: SignedToFloat) -> None:
    """A word to the nearest float."""
    target, operand = selector.place(made), made.operand
    kind = "f32" if made.to is F32 else "f64"
    byte = _byte_of(selector, operand) if made.to is F32 else None
    if byte is not None:
        selector.valu(f"v_cvt_f32_ubyte{byte[1]}", target, byte[0])
    elif selector.bound(operand) < 1 << 32:
        selector.valu(f"v_cvt_{kind}_u32", target, selector.word(operand))
    elif selector.is_signed_word(operand):
        selector.valu(f"v_cvt_{kind}_i32", target, selector.word(operand))
    elif made.to is F64:
        _word_to_double(selector, operand, target)
    else:
        _word_to_single(selector, operand, target)


def _byte_of(selector: Selector, operand: Value) -> tuple[MachineOperand, int] | None:
    """Return the register and the number of a byte that is a small word, or None."""
    if selector.bound(operand) > _BYTE or isinstance(operand, Constant):
        return None
    shifted = selector.match(operand, Lshr)
    if shifted is not None and isinstance(shifted.rhs, Constant):
        count = int(shifted.rhs.value)
        if count in (8, 16, 24) and selector.is_small(shifted.lhs):
            return selector.word(shifted.lhs), count // 8
    return selector.word(operand), 0


_BYTE = 255


def _word_to_double(selector: Selector, operand: Value, target: MachineOperand) -> None:
    low, high = selector.words(operand)
    upper, scaled, lower = selector.vector(2), selector.vector(2), selector.vector(2)
    selector.valu("v_cvt_f64_i32", upper, high)
    selector.valu("v_cvt_f64_u32", lower, low)
    selector.valu("v_ldexp_f64", scaled, upper, Inline(32))
    selector.valu("v_add_f64", target, scaled, lower)


def _word_to_single(selector: Selector, operand: Value, target: MachineOperand) -> None:
    """Shift the leading bit to the top, note lost bits in the lowest one, convert, and scale."""
    low, high = selector.words(operand)
    sign, most = selector.vector(), selector.vector()
    selector.valu("v_xor_b32", sign, low, high)
    selector.valu("v_ashrrev_i32", most, Inline(31), sign)
    limit, leading, count = selector.vector(), selector.vector(), selector.vector()
    selector.valu("v_add_nc_u32", limit, Inline(32), most)
    selector.valu("v_cls_i32", leading, high)
    selector.valu("v_add_nc_u32", leading, Inline(-1), leading)
    selector.valu("v_min_u32", count, leading, limit)
    shifted = selector.vector(2)
    selector.valu("v_lshlrev_b64", shifted, count, selector.pair(operand))
    sticky, top = selector.vector(), selector.vector()
    selector.valu("v_min_u32", sticky, Inline(1), low_part(shifted))
    selector.valu("v_or_b32", top, high_part(shifted), sticky)
    number, exponent = selector.vector(), selector.vector()
    selector.valu("v_cvt_f32_i32", number, top)
    selector.valu("v_sub_nc_u32", exponent, Inline(32), count)
    selector.valu("v_ldexp_f32", target, number, exponent)


# to words


@RULES.rule(FloatToSigned)
def float_to_signed(selector: Selector, made: FloatToSigned) -> None:
    """Truncate towards zero, saturating; NaN gives 0."""
    target = selector.place(made)
    number = selector.vector(2)
    if made.operand.type is F32:
        whole = selector.vector()
        float_operation(selector, "v_trunc_f32", whole, float_source(selector, made.operand))
        selector.valu("v_cvt_f64_f32", number, whole)
    else:
        float_operation(selector, "v_trunc_f64", number, float_source(selector, made.operand))
    _double_to_word(selector, number, target)


def _double_to_word(selector: Selector, number: MachineOperand, target: MachineOperand) -> None:
    """Take a whole f64 apart by 2**32; what does not fit saturates both halves."""
    scaled, upper, rest = selector.vector(2), selector.vector(2), selector.vector(2)
    selector.valu("v_ldexp_f64", scaled, number, word_operand(-32))
    selector.valu("v_floor_f64", upper, scaled)
    factor = selector.constant_pair(0xC1F0000000000000)
    selector.valu("v_fma_f64", rest, upper, factor, number)
    is_above, is_below = selector.scalar(), selector.scalar()
    selector.valu("v_cmp_le_f64", is_above, Literal(_TWO_TO_63_HIGH), number)
    selector.valu("v_cmp_ge_f64", is_below, Literal(_MINUS_TWO_TO_63_HIGH), number)
    low, middle = selector.vector(), selector.vector()
    selector.valu("v_cvt_u32_f64", low, rest)
    selector.valu("v_cndmask_b32", middle, low, Inline(-1), is_above)
    lowest = target if dwords_of(target) == 1 else low_part(target)
    selector.valu("v_cndmask_b32", lowest, middle, Inline(0), is_below)
    if dwords_of(target) == 2:
        selector.valu("v_cvt_i32_f64", high_part(target), upper)
