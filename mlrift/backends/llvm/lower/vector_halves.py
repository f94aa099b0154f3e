"""Halves and bfloats in vectors, as integers: what `lower/convert.py` does, for every lane.

A CPU level with instructions for halves uses them; both give the same bits.
"""

from mlrift.backends.llvm.lower.vector_text import splat_text
from mlrift.backends.llvm.text import FunctionText
from mlrift.backends.llvm.types import VALUE_TYPE, padded_lanes
from mlrift.ir.core import Value
from mlrift.typesystem import F16, F32, I1, I32, VectorType, vec

_SCALE = "splat (float 0x46F0000000000000)"
_HALF = "splat (float 0x3FE0000000000000)"


class _Lanes:
    """Writes instructions on i32 lanes."""

    def __init__(self, out: FunctionText, lanes: int) -> None:
        self.out = out
        self.bits = VALUE_TYPE[vec(I32, lanes)]
        self.floats = VALUE_TYPE[vec(F32, lanes)]
        self.mask = VALUE_TYPE[vec(I1, lanes)]
        self.shorts = VALUE_TYPE[vec(F16, lanes)]

    def with_number(self, instruction: str, name: str, number: int) -> str:
        """Write an instruction whose second operand is a constant."""
        text = f"{instruction} {self.bits} {name}, {splat_text(I32, number)}"
        return self.out.temporary(text)

    def both(self, instruction: str, lhs: str, rhs: str) -> str:
        """Write an instruction with two operands."""
        return self.out.temporary(f"{instruction} {self.bits} {lhs}, {rhs}")

    def choose(self, mask: str, if_true: str, if_false: str) -> str:
        """Write a selection."""
        rows = f"{self.bits} {if_true}, {self.bits} {if_false}"
        return self.out.temporary(f"select {self.mask} {mask}, {rows}")

    def as_floats(self, name: str) -> str:
        """Read the bits as floats."""
        return self.out.temporary(f"bitcast {self.bits} {name} to {self.floats}")

    def as_bits(self, name: str) -> str:
        """Read floats as their bits."""
        return self.out.temporary(f"bitcast {self.floats} {name} to {self.bits}")


def half_to_single(out: FunctionText, made: Value, name: str, target: VectorType) -> None:
    """Shift the fields into place and scale by 2**112; the product is exact, subnormals too."""
    if out.converts_halves():
        halves = f"<{padded_lanes(target.lanes)} x half>"
        found = out.temporary(f"bitcast {VALUE_TYPE[vec(F16, target.lanes)]} {name} to {halves}")
        out.define(made, f"fpext {halves} {found} to {VALUE_TYPE[target]}")
        return
    write = _Lanes(out, target.lanes)
    bits = out.temporary(f"zext {write.shorts} {name} to {write.bits}")
    magnitude = write.with_number("and", bits, 0x7FFF)
    shifted = write.with_number("shl", magnitude, 13)
    unscaled = write.as_floats(shifted)
    finite = write.as_bits(out.temporary(f"fmul {write.floats} {unscaled}, {_SCALE}"))
    special = write.with_number("or", shifted, 0x7F800000)
    quiet = write.with_number("or", special, 0x00400000)
    is_nan = write.with_number("icmp ugt", magnitude, 0x7C00)
    not_finite = write.choose(is_nan, quiet, special)
    is_finite = write.with_number("icmp ult", magnitude, 0x7C00)
    found = write.choose(is_finite, finite, not_finite)
    sign = write.with_number("and", write.with_number("shl", bits, 16), -0x80000000)
    signed = write.both("or", found, sign)
    out.define(made, f"bitcast {write.bits} {signed} to {write.floats}")


def single_to_half(out: FunctionText, made: Value, name: str, source: VectorType) -> None:
    """Round to nearest even: normal results by integers, subnormal ones by a float addition."""
    if out.converts_halves():
        halves = f"<{padded_lanes(source.lanes)} x half>"
        found = out.temporary(f"fptrunc {VALUE_TYPE[source]} {name} to {halves}")
        out.define(made, f"bitcast {halves} {found} to {VALUE_TYPE[vec(F16, source.lanes)]}")
        return
    write = _Lanes(out, source.lanes)
    bits = write.as_bits(name)
    magnitude = write.with_number("and", bits, 0x7FFFFFFF)
    halved = write.with_number("lshr", magnitude, 13)
    rebiased = write.with_number("add", magnitude, 0x0FFF - (112 << 23))
    rounded = write.both("add", rebiased, write.with_number("and", halved, 1))
    normal = write.with_number("lshr", rounded, 13)
    small = write.as_floats(magnitude)
    aligned = write.as_bits(out.temporary(f"fadd {write.floats} {small}, {_HALF}"))
    subnormal = write.with_number("sub", aligned, 0x3F000000)
    is_subnormal = write.with_number("icmp ult", magnitude, 113 << 23)
    finite = write.choose(is_subnormal, subnormal, normal)
    nan = write.with_number("or", write.with_number("and", halved, 0x3FF), 0x7E00)
    is_nan = write.with_number("icmp ugt", magnitude, 0x7F800000)
    special = write.choose(is_nan, nan, splat_text(I32, 0x7C00))
    is_big = write.with_number("icmp uge", magnitude, 143 << 23)
    found = write.choose(is_big, special, finite)
    sign = write.with_number("and", write.with_number("lshr", bits, 16), 0x8000)
    signed = write.both("or", found, sign)
    out.define(made, f"trunc {write.bits} {signed} to {write.shorts}")


def single_to_bfloat(out: FunctionText, made: Value, name: str, source: VectorType) -> None:
    """The upper half, rounded to nearest even; NaNs are made quiet."""
    write = _Lanes(out, source.lanes)
    bits = write.as_bits(name)
    upper = write.with_number("lshr", bits, 16)
    raised = write.with_number("add", bits, 0x7FFF)
    rounded = write.both("add", raised, write.with_number("and", upper, 1))
    number = write.with_number("lshr", rounded, 16)
    nan = write.with_number("or", upper, 0x40)
    magnitude = write.with_number("and", bits, 0x7FFFFFFF)
    is_nan = write.with_number("icmp ugt", magnitude, 0x7F800000)
    found = write.choose(is_nan, nan, number)
    out.define(made, f"trunc {write.bits} {found} to {write.shorts}")
