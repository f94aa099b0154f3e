"""Number formats that LLVM lacks as vectors: bf16, fp8 (e4m3) and bf8 (e5m2), to and from f32."""

from mlrift.emulator import floats
from mlrift.emulator.code import V16, V32, VFLOAT, Code, splat
from mlrift.emulator.elements import FLOAT


def bf16_as_float(code: Code, half: str) -> str:
    """Return bf16 bits (V16) as floats."""
    wide = code.convert("zext", V16, half, V32)
    return floats.as_floats(code, FLOAT, code.binary("shl", V32, wide, splat("i32", 16)))


def float_as_bf16(code: Code, found: str) -> str:
    """Return floats rounded to nearest even bf16 (V16)."""
    bits = floats.as_bits(code, FLOAT, found)
    odd = code.binary("and", V32, code.binary("lshr", V32, bits, splat("i32", 16)), splat("i32", 1))
    raised = code.binary("add", V32, bits, splat("i32", 0x7FFF))
    raised = code.binary("add", V32, raised, odd)
    quiet = code.binary("or", V32, bits, splat("i32", 0x0040_0000))
    raised = code.select(floats.is_nan(code, FLOAT, found), V32, quiet, raised)
    return code.convert("trunc", V32, code.binary("lshr", V32, raised, splat("i32", 16)), V16)


def small_float(code: Code, byte: str, exponent_bits: int) -> str:
    """Return bytes (dwords 0 to 255) of fp8 (e4m3) or bf8 (e5m2) as floats."""
    mantissa_bits = 7 - exponent_bits
    bias = (1 << exponent_bits - 1) - 1
    size = code.binary("and", V32, byte, splat("i32", 127))
    # The bits moved to f32's place are the number times a power of two, denormals included.
    moved = code.binary("shl", V32, size, splat("i32", 23 - mantissa_bits))
    found = floats.as_floats(code, FLOAT, moved)
    found = code.binary("fmul", VFLOAT, found, floats.constant(FLOAT, 2.0 ** (127 - bias)))
    if exponent_bits == 4:
        special = code.binary("icmp eq", V32, size, splat("i32", 127))
        value = floats.constant(FLOAT, float("nan"))
    else:
        special = code.binary("icmp uge", V32, size, splat("i32", 124))
        is_infinite = code.binary("icmp eq", V32, size, splat("i32", 124))
        value = code.select(
            is_infinite,
            VFLOAT,
            floats.constant(FLOAT, float("inf")),
            floats.constant(FLOAT, float("nan")),
        )
    found = code.select(special, VFLOAT, value, found)
    sign = code.binary(
        "shl", V32, code.binary("lshr", V32, byte, splat("i32", 7)), splat("i32", 31)
    )
    return floats.intrinsic(code, FLOAT, "copysign", found, floats.as_floats(code, FLOAT, sign))


def float_as_small(code: Code, found: str, exponent_bits: int) -> str:
    """Return floats rounded to nearest even fp8 (e4m3) or bf8 (e5m2), as dwords 0 to 255.

    What is too large becomes NaN in fp8, which has no infinity, and infinity in bf8.
    """
    mantissa_bits = 7 - exponent_bits
    bias = (1 << exponent_bits - 1) - 1
    size = floats.absolute(code, FLOAT, found)
    huge = floats.constant(FLOAT, 2.0**20)
    size = code.select(code.binary("fcmp ogt", VFLOAT, size, huge), VFLOAT, huge, size)
    power = floats.exponent(code, FLOAT, size)
    lowest = splat("i32", 128 - bias)
    small = code.binary("icmp ult", V32, power, lowest)
    power = code.select(small, V32, lowest, power)
    # Adding a number whose last bit is the unit of the result rounds to it.
    unit = code.binary("add", V32, power, splat("i32", 23 - mantissa_bits))
    magic = floats.as_floats(code, FLOAT, code.binary("shl", V32, unit, splat("i32", 23)))
    rounded = code.binary("fsub", VFLOAT, code.binary("fadd", VFLOAT, size, magic), magic)
    scaled = code.binary("fmul", VFLOAT, rounded, floats.constant(FLOAT, 2.0 ** (bias - 127)))
    bits = floats.as_bits(code, FLOAT, scaled)
    byte = code.binary("lshr", V32, bits, splat("i32", 23 - mantissa_bits))
    largest, beyond = (448.0, 0x7F) if exponent_bits == 4 else (57344.0, 0x7C)
    over = code.binary("fcmp ogt", VFLOAT, rounded, floats.constant(FLOAT, largest))
    byte = code.select(over, V32, splat("i32", beyond), byte)
    byte = code.select(floats.is_nan(code, FLOAT, found), V32, splat("i32", 0x7F), byte)
    sign = code.binary("lshr", V32, floats.as_bits(code, FLOAT, found), splat("i32", 31))
    return code.binary("or", V32, byte, code.binary("shl", V32, sign, splat("i32", 7)))
