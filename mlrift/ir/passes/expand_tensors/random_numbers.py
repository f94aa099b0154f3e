"""Random elements by counter: splitmix64 of the seed and the element's number."""

from mlrift.ir.core import Value
from mlrift.ir.ops.arith import Constant, FAdd, FMul, FSqrt, Mul, Xor
from mlrift.ir.ops.convert import Narrow, SignedToFloat
from mlrift.ir.ops.tensor import RandomKind
from mlrift.ir.passes.expand_tensors.emit import Emitter
from mlrift.typesystem import F32, F64, ElementKind

GOLDEN = 0x9E37_79B9_7F4A_7C15
MIX = ((30, 0xBF58_476D_1CE4_E5B9), (27, 0x94D0_49BB_1331_11EB))
LAST_SHIFT = 31
TWO_PI = 6.283185307179586


def random_element(
    out: Emitter, kind: RandomKind, seed: Value, counter: Value, element: ElementKind
) -> Value:
    """Emit element number `counter`."""
    if kind is RandomKind.BITS:
        return draw(out, seed, counter)
    if kind is RandomKind.UNIFORM:
        if element is ElementKind.F64:
            return _fraction(out, draw(out, seed, counter), 53)
        bits = out.shifted_right(draw(out, seed, counter), 40)
        scale = out.emit(Constant(2.0**-24, F32))
        return out.emit(FMul(out.emit(SignedToFloat(bits, F32)), scale))
    return _normal(out, seed, counter, element)


def draw(out: Emitter, seed: Value, counter: Value) -> Value:
    """Emit 64 random bits."""
    mixed = out.add(seed, out.mul(counter, out.word(GOLDEN)))
    for shift, factor in MIX:
        folded = out.emit(Xor(mixed, out.shifted_right(mixed, shift)))
        mixed = out.emit(Mul(folded, out.word(factor)))
    return out.emit(Xor(mixed, out.shifted_right(mixed, LAST_SHIFT)))


def _fraction(out: Emitter, bits: Value, count: int) -> Value:
    """Emit the upper bits as an f64 from 0 up to 1."""
    upper = out.shifted_right(bits, 64 - count)
    scale = out.emit(Constant(2.0**-count, F64))
    return out.emit(FMul(out.emit(SignedToFloat(upper, F64)), scale))


def _normal(out: Emitter, seed: Value, counter: Value, element: ElementKind) -> Value:
    """Emit sqrt(-2 log(1 - u)) cos(2 pi v) of two uniform numbers."""
    first = out.shifted(counter, 1)
    one = out.emit(Constant(1.0, F64))
    minus = out.emit(Constant(-1.0, F64))
    uniform = _fraction(out, draw(out, seed, first), 53)
    rest = out.emit(FAdd(one, out.emit(FMul(minus, uniform))))
    log = out.call_external("core.math_float_log", [rest], (F64,))
    length = out.emit(FSqrt(out.emit(FMul(out.emit(Constant(-2.0, F64)), log))))
    turn = _fraction(out, draw(out, seed, out.add(first, out.word(1))), 53)
    angle = out.emit(FMul(out.emit(Constant(TWO_PI, F64)), turn))
    # The angle is below 2 pi: the reduction for near arguments will do.
    wave = out.call_external("core.math_float_cos_near", [angle], (F64,))
    number = out.emit(FMul(length, wave))
    return number if element is ElementKind.F64 else out.emit(Narrow(number))
