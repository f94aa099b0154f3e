"""Elements of tensors as scalars: loaded, stored, computed with, in code for one element.

A scalar is as `tensor_types.scalar_of` says, and after every op is one that the element kind has:
whole numbers wrap, halves are rounded. So fused ops give what separate ones would.
"""

from collections.abc import Callable

from mlrift.ir.core import Value
from mlrift.ir.numbers import to_single
from mlrift.ir.ops.arith import (
    Ashr,
    Constant,
    FAdd,
    FDiv,
    FMul,
    FSqrt,
    FSub,
    Lshr,
    Sdiv,
    Shl,
    Srem,
    Udiv,
    Urem,
    Xor,
)
from mlrift.ir.ops.compare import CompareFloat, FloatPredicate, IntegerPredicate
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
from mlrift.ir.ops.memory import Load, Store
from mlrift.ir.ops.tensor_map import BinaryKind, ComparePredicate, UnaryKind
from mlrift.ir.ops.tensor_types import ELEMENT_BYTES, FLOATS, HALVES, SIGNED, scalar_of
from mlrift.ir.passes.expand_tensors.emit import Emitter
from mlrift.ir.passes.expand_tensors.single_functions import single_exp, single_tanh
from mlrift.typesystem import F32, F64, I8, I16, I32, I64, ElementKind, MachineType

BOOL = ElementKind.BOOL
_MEMORY = {1: I8, 2: I16, 4: I32, 8: I64}
_WORD_BITS = 64
_SIGN = {F32: 0x8000_0000, F64: 1 << 63}
_GELU_FACTOR = 0.044715
_GELU_SCALE = 0.7978845608
# From here on a float of the kind is a whole number.
_WHOLE_FROM = {F32: 8388608.0, F64: 4503599627370496.0}


def element_shift(kind: ElementKind) -> int:
    """Return the logarithm of an element's size in bytes."""
    return ELEMENT_BYTES[kind].bit_length() - 1


def load_element(out: Emitter, address: Value, kind: ElementKind) -> Value:
    """Emit the load of an element as a scalar."""
    if kind in (ElementKind.F32, ElementKind.F64):
        return out.emit(Load(address, scalar_of(kind)))
    word = out.emit(Load(address, _MEMORY[ELEMENT_BYTES[kind]]))
    if kind is ElementKind.F16:
        return out.emit(HalfToSingle(word))
    if kind is ElementKind.BF16:
        return out.emit(BitsToFloat(out.shifted(word, 16), F32))
    return _sign_extended(out, word, kind) if kind in SIGNED else word


def store_element(out: Emitter, address: Value, value: Value, kind: ElementKind) -> None:
    """Emit the store of a scalar as an element; floats are rounded, words lose their upper bits."""
    if kind in (ElementKind.F32, ElementKind.F64):
        out.emit(Store(address, value, scalar_of(kind)))
        return
    if kind in HALVES:
        value = half_bits(out, value, kind)
    out.emit(Store(address, value, _MEMORY[ELEMENT_BYTES[kind]]))


def half_bits(out: Emitter, value: Value, kind: ElementKind) -> Value:
    """Emit the bits of the nearest half to an f32."""
    match value:
        case HalfToSingle(operand=SingleToHalf() as known) if kind is ElementKind.F16:
            return known
        case BitsToFloat(operand=Shl(lhs=Lshr() as known)) if kind is ElementKind.BF16:
            return known
        case _:
            return _rounded_to_half(out, value, kind)


def _rounded_to_half(out: Emitter, value: Value, kind: ElementKind) -> Value:
    if kind is ElementKind.F16:
        return out.emit(SingleToHalf(value))
    bits = out.emit(FloatToBits(value))
    odd = out.bit_and(out.emit(Lshr(bits, out.word(16))), out.word(1))
    rounded = out.add(out.add(bits, out.word(0x7FFF)), odd)
    quiet = out.bit_or(bits, out.word(0x40_0000))
    is_nan = out.emit(CompareFloat(FloatPredicate.NE, value, value))
    return out.emit(Lshr(out.select(is_nan, quiet, rounded), out.word(16)))


def in_kind(out: Emitter, value: Value, kind: ElementKind) -> Value:
    """Emit what a computed scalar becomes in an element kind: rounded or wrapped."""
    if kind is ElementKind.F16:
        return out.emit(HalfToSingle(half_bits(out, value, kind)))
    if kind is ElementKind.BF16:
        return out.emit(BitsToFloat(out.shifted(half_bits(out, value, kind), 16), F32))
    width = ELEMENT_BYTES[kind] * 8
    if kind in FLOATS or width == _WORD_BITS or kind is BOOL:
        return value
    if kind in SIGNED:
        return _sign_extended(out, value, kind)
    return out.bit_and(value, out.word((1 << width) - 1))


def _sign_extended(out: Emitter, word: Value, kind: ElementKind) -> Value:
    count = out.word(_WORD_BITS - ELEMENT_BYTES[kind] * 8)
    return out.emit(Ashr(out.emit(Shl(word, count)), count)) if count.value else word


def number(out: Emitter, value: float, kind: ElementKind) -> Value:
    """Emit a constant of the scalar type of an element kind."""
    scalar = scalar_of(kind)
    if scalar is I64:
        return out.word(int(value))
    if scalar is F32:
        return out.emit(Constant(to_single(value), F32))
    return out.emit(Constant(float(value), F64))


# ---- two elements ----


def binary(out: Emitter, kind: BinaryKind, lhs: Value, rhs: Value, element: ElementKind) -> Value:
    """Emit a function of two elements."""
    if element in FLOATS:
        made = _float_binary(out, kind, lhs, rhs)
    else:
        made = _word_binary(out, kind, lhs, rhs, element)
    return in_kind(out, made, element)


_FLOAT_OPS = {
    BinaryKind.ADD: FAdd,
    BinaryKind.SUB: FSub,
    BinaryKind.MUL: FMul,
    BinaryKind.DIV: FDiv,
}


def _float_binary(out: Emitter, kind: BinaryKind, lhs: Value, rhs: Value) -> Value:
    op_class = _FLOAT_OPS.get(kind)
    if op_class is not None:
        return out.emit(op_class(lhs, rhs))
    is_max = kind is BinaryKind.MAX
    predicate = FloatPredicate.GT if is_max else FloatPredicate.LT
    left_wins = out.emit(CompareFloat(predicate, lhs, rhs))
    right_wins = out.emit(CompareFloat(predicate, rhs, lhs))
    equal = out.emit(CompareFloat(FloatPredicate.EQ, lhs, rhs))
    bits, other = out.emit(FloatToBits(lhs)), out.emit(FloatToBits(rhs))
    combined = out.bit_and(bits, other) if is_max else out.bit_or(bits, other)
    scalar = lhs.type
    assert isinstance(scalar, MachineType)
    same = out.emit(BitsToFloat(combined, scalar))
    rest = out.select(equal, same, out.emit(FAdd(lhs, rhs)))
    return out.select(left_wins, lhs, out.select(right_wins, rhs, rest))


def _word_binary(
    out: Emitter, kind: BinaryKind, lhs: Value, rhs: Value, element: ElementKind
) -> Value:
    is_signed = element in SIGNED
    simple = _WORD_OPS.get(kind)
    if simple is not None:
        return simple(out, lhs, rhs)
    if kind is BinaryKind.DIV:
        return out.emit(Sdiv(lhs, rhs) if is_signed else Udiv(lhs, rhs))
    if kind is BinaryKind.REM:
        return out.emit(Srem(lhs, rhs) if is_signed else Urem(lhs, rhs))
    if kind in (BinaryKind.SHL, BinaryKind.SHR):
        count = out.bit_and(rhs, out.word(ELEMENT_BYTES[element] * 8 - 1))
        if kind is BinaryKind.SHL:
            return out.emit(Shl(lhs, count))
        return out.emit(Ashr(lhs, count) if is_signed else Lshr(lhs, count))
    below = IntegerPredicate.SLT if is_signed else IntegerPredicate.ULT
    first, second = (lhs, rhs) if kind is BinaryKind.MIN else (rhs, lhs)
    return out.select(out.compare(below, first, second), lhs, rhs)


_WORD_OPS: dict[BinaryKind, Callable[[Emitter, Value, Value], Value]] = {
    BinaryKind.ADD: lambda out, lhs, rhs: out.add(lhs, rhs),
    BinaryKind.SUB: lambda out, lhs, rhs: out.sub(lhs, rhs),
    BinaryKind.MUL: lambda out, lhs, rhs: out.mul(lhs, rhs),
    BinaryKind.AND: lambda out, lhs, rhs: out.bit_and(lhs, rhs),
    BinaryKind.OR: lambda out, lhs, rhs: out.bit_or(lhs, rhs),
    BinaryKind.XOR: lambda out, lhs, rhs: out.emit(Xor(lhs, rhs)),
}


def compare(
    out: Emitter, predicate: ComparePredicate, lhs: Value, rhs: Value, element: ElementKind
) -> Value:
    """Emit a comparison of two elements as an element of bool."""
    if element in FLOATS:
        truth: Value = out.emit(CompareFloat(FloatPredicate(predicate.value), lhs, rhs))
    else:
        name = predicate.value
        if predicate not in (ComparePredicate.EQ, ComparePredicate.NE):
            name = ("s" if element in SIGNED else "u") + name
        truth = out.compare(IntegerPredicate(name), lhs, rhs)
    return out.emit(TruthToWord(truth))


def select(out: Emitter, condition: Value, if_true: Value, if_false: Value) -> Value:
    """Emit the choice of one of two elements by an element of bool."""
    truth = out.compare(IntegerPredicate.NE, condition, out.word(0))
    return out.select(truth, if_true, if_false)


# ---- other kinds ----


def cast(out: Emitter, value: Value, before: ElementKind, after: ElementKind) -> Value:
    """Emit an element of another kind."""
    if before is after:
        return value
    if after is BOOL:
        zero = number(out, 0, before)
        return compare(out, ComparePredicate.NE, value, zero, before)
    return in_kind(out, _converted(out, value, before, after), after)


def _converted(out: Emitter, value: Value, before: ElementKind, after: ElementKind) -> Value:
    target = scalar_of(after)
    if before in FLOATS:
        if target is value.type:
            return value
        if target is I64:
            return out.emit(FloatToSigned(value))
        return out.emit(Widen(value) if target is F64 else Narrow(value))
    if target is I64:
        return value
    if before is not ElementKind.U64:
        return out.emit(SignedToFloat(value, target))
    # The upper half of u64: halved with the lost bit kept, so that it is rounded once.
    halved = out.bit_or(out.emit(Lshr(value, out.word(1))), out.bit_and(value, out.word(1)))
    is_large = out.compare(IntegerPredicate.SLT, value, out.word(0))
    converted = out.emit(SignedToFloat(out.select(is_large, halved, value), target))
    return out.select(is_large, out.emit(FAdd(converted, converted)), converted)


# ---- one element ----


def unary(out: Emitter, kind: UnaryKind, value: Value, element: ElementKind) -> Value:
    """Emit a function of an element; halves are computed in f32 and rounded at the end."""
    if element in FLOATS:
        made = _FLOAT_UNARY[kind](out, value)
    else:
        made = _word_unary(out, kind, value, element)
    return in_kind(out, made, element)


def _word_unary(out: Emitter, kind: UnaryKind, value: Value, element: ElementKind) -> Value:
    zero = out.word(0)
    if kind is UnaryKind.NEG:
        return out.sub(zero, value)
    if kind is UnaryKind.NOT:
        ones = out.word(1 if element is BOOL else -1)
        return out.emit(Xor(value, ones))
    if element not in SIGNED:
        return value
    is_below = out.compare(IntegerPredicate.SLT, value, zero)
    return out.select(is_below, out.sub(zero, value) if kind is UnaryKind.ABS else zero, value)


def _scalar(value: Value) -> MachineType:
    assert isinstance(value.type, MachineType)
    return value.type


def _like(out: Emitter, constant: float, value: Value) -> Value:
    kind = ElementKind.F64 if value.type is F64 else ElementKind.F32
    return number(out, constant, kind)


def _negated(out: Emitter, value: Value) -> Value:
    scalar = _scalar(value)
    bits = out.emit(Xor(out.emit(FloatToBits(value)), out.word(_SIGN[scalar])))
    return out.emit(BitsToFloat(bits, scalar))


def _absolute(out: Emitter, value: Value) -> Value:
    scalar = _scalar(value)
    bits = out.bit_and(out.emit(FloatToBits(value)), out.word(_SIGN[scalar] - 1))
    return out.emit(BitsToFloat(bits, scalar))


def _with_sign_of(out: Emitter, value: Value, signed: Value) -> Value:
    scalar = _scalar(value)
    sign = out.bit_and(out.emit(FloatToBits(signed)), out.word(_SIGN[scalar]))
    bits = out.bit_or(out.emit(FloatToBits(value)), sign)
    return out.emit(BitsToFloat(bits, scalar))


def _nearest_whole(out: Emitter, value: Value) -> Value:
    """Round to a whole number, halves to even; large ones, infinities and NaNs stay."""
    border = _like(out, _WHOLE_FROM[_scalar(value)], value)
    size = _absolute(out, value)
    whole = out.emit(FSub(out.emit(FAdd(size, border)), border))
    is_small = out.emit(CompareFloat(FloatPredicate.LT, size, border))
    return out.select(is_small, _with_sign_of(out, whole, value), value)


def _floor(out: Emitter, value: Value) -> Value:
    whole = _nearest_whole(out, value)
    is_above = out.emit(CompareFloat(FloatPredicate.GT, whole, value))
    return out.select(is_above, out.emit(FSub(whole, _like(out, 1.0, value))), whole)


def _ceil(out: Emitter, value: Value) -> Value:
    return _negated(out, _floor(out, _negated(out, value)))


def _exp(out: Emitter, value: Value) -> Value:
    if value.type is F64:
        return out.call_external("core.math_float_exp", [value], (F64,))
    return single_exp(out, value)


def _elementary(double: str, single: str) -> Callable[[Emitter, Value], Value]:
    """Emit a call of a function of std; that of f32 takes and gives the wider number."""

    def call(out: Emitter, value: Value) -> Value:
        if value.type is F64:
            return out.call_external(double, [value], (F64,))
        return out.emit(Narrow(out.call_external(single, [out.emit(Widen(value))], (F64,))))

    return call


def _tanh(out: Emitter, value: Value) -> Value:
    if value.type is F64:
        return out.call_external("core.math_float_tanh", [value], (F64,))
    return single_tanh(out, value)


def _sigmoid(out: Emitter, value: Value) -> Value:
    one = _like(out, 1.0, value)
    return out.emit(FDiv(one, out.emit(FAdd(one, _exp(out, _negated(out, value))))))


def _relu(out: Emitter, value: Value) -> Value:
    zero = _like(out, 0.0, value)
    return out.select(out.emit(CompareFloat(FloatPredicate.LT, value, zero)), zero, value)


def _gelu(out: Emitter, value: Value) -> Value:
    cube = out.emit(FMul(out.emit(FMul(value, value)), value))
    bent = out.emit(FAdd(value, out.emit(FMul(_like(out, _GELU_FACTOR, value), cube))))
    curve = _tanh(out, out.emit(FMul(_like(out, _GELU_SCALE, value), bent)))
    half = out.emit(FMul(_like(out, 0.5, value), value))
    return out.emit(FMul(half, out.emit(FAdd(_like(out, 1.0, value), curve))))


def reciprocal_root(out: Emitter, value: Value) -> Value:
    """Emit 1 / sqrt(x)."""
    return out.emit(FDiv(_like(out, 1.0, value), out.emit(FSqrt(value))))


def exponential(out: Emitter, value: Value) -> Value:
    """Emit exp(x)."""
    return _exp(out, value)


_FLOAT_UNARY: dict[UnaryKind, Callable[[Emitter, Value], Value]] = {
    UnaryKind.NEG: _negated,
    UnaryKind.ABS: _absolute,
    UnaryKind.SQRT: lambda out, value: out.emit(FSqrt(value)),
    UnaryKind.RSQRT: reciprocal_root,
    UnaryKind.EXP: _exp,
    UnaryKind.LOG: _elementary("core.math_float_log", "core.math_single_log"),
    UnaryKind.TANH: _tanh,
    UnaryKind.SIN: _elementary("core.math_float_sin", "core.math_wide_sin"),
    UnaryKind.COS: _elementary("core.math_float_cos", "core.math_wide_cos"),
    UnaryKind.SIGMOID: _sigmoid,
    UnaryKind.RELU: _relu,
    UnaryKind.SILU: lambda out, value: out.emit(FMul(value, _sigmoid(out, value))),
    UnaryKind.GELU: _gelu,
    UnaryKind.FLOOR: _floor,
    UnaryKind.CEIL: _ceil,
    UnaryKind.ROUND: _nearest_whole,
}
