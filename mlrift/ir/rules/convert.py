"""Rewrites of conversions that undo each other, bit for bit."""

from mlrift.ir.core import Value
from mlrift.ir.ops.arith import And, Constant
from mlrift.ir.ops.convert import BitsToFloat, FloatToBits
from mlrift.ir.rules.declaration import Make, Rules
from mlrift.typesystem import F32, I64

_SINGLE_MASK = 0xFFFF_FFFF


def simplify_float_to_bits(made: FloatToBits, make: Make) -> Value | None:
    """The bits of a float that was made from bits."""
    match made:
        case FloatToBits(BitsToFloat(bits, to)):
            return make(And(bits, make(Constant(_SINGLE_MASK, I64)))) if to is F32 else bits
    return None


def simplify_bits_to_float(made: BitsToFloat, make: Make) -> Value | None:
    """A float from the bits of a float of that type."""
    match made:
        case BitsToFloat(FloatToBits(x), to) if x.type is to:
            return x
    return None


CONVERT_RULES: Rules = {
    FloatToBits: simplify_float_to_bits,
    BitsToFloat: simplify_bits_to_float,
}
