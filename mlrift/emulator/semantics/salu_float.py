"""Scalar floats (gfx12), and the scalar forms of transcendental vector operations.

A scalar is broadcast, the vector semantics computes it, and lane 0 is the result: the two agree by
construction. Source modifiers are applied by the same code.
"""

from collections.abc import Mapping

from mlrift.emulator import floats
from mlrift.emulator.elements import HALF
from mlrift.emulator.semantics import convert, valu_float
from mlrift.emulator.semantics.compare import FLOAT_PREDICATES
from mlrift.emulator.step import Semantics, Step


def _as_vector(semantics: Semantics) -> Semantics:
    def scalar(step: Step) -> None:
        step.is_scalar_result = True
        semantics(step)

    return scalar


def _compare(predicate: str) -> Semantics:
    def semantics(step: Step) -> None:
        mask = step.code.binary(f"fcmp {predicate}", step.kind(0), step.lanes(0), step.lanes(1))
        step.registers.set_scc(step.code.value(f"extractelement <32 x i1> {mask}, i32 0"))

    return semantics


def _high_half_to_float(step: Step) -> None:
    code = step.code
    word = code.binary("lshr", "i32", step.scalar_bits(0), "16")
    half = code.convert("bitcast", "i16", code.convert("trunc", "i32", word, "i16"), "half")
    found = code.convert("fpext", "half", half, "float")
    step.write_scalar(found)


def _pack_toward_zero(step: Step) -> None:
    code, words = step.code, []
    for number in (0, 1):
        half = floats.toward_zero_half(code, step.lanes(number))
        bits = floats.as_bits(code, HALF, half)
        words.append(code.value(f"extractelement <32 x i16> {bits}, i32 0"))
    low, high = (code.convert("zext", "i16", word, "i32") for word in words)
    high = code.binary("shl", "i32", high, "16")
    step.write_scalar_word(code.binary("or", "i32", low, high))


_ARITHMETIC = ("add", "sub", "mul", "min", "max", "minimum", "maximum", "fmac", "fmaak", "fmamk")
_ROUNDING = ("ceil", "floor", "trunc", "rndne")
_TRANSCENDENTAL = ("exp", "log", "rcp", "rsq", "sqrt")
_CONVERSIONS = ("f32_i32", "f32_u32", "i32_f32", "u32_f32", "f16_f32", "f32_f16")

ROWS: Mapping[str, Semantics] = {
    **{
        f"s_{name}_{kind}": _as_vector(valu_float.ROWS[f"v_{name}_{kind}"])
        for name in (*_ARITHMETIC, *_ROUNDING)
        for kind in ("f32", "f16")
    },
    **{
        f"v_s_{name}_{kind}": _as_vector(valu_float.ROWS[f"v_{name}_{kind}"])
        for name in _TRANSCENDENTAL
        for kind in ("f32", "f16")
    },
    **{
        f"s_cmp_{name}_{kind}": _compare(predicate)
        for name, predicate in FLOAT_PREDICATES.items()
        for kind in ("f32", "f16")
    },
    **{f"s_cvt_{name}": _as_vector(convert.ROWS[f"v_cvt_{name}"]) for name in _CONVERSIONS},
    "s_cvt_hi_f32_f16": _high_half_to_float,
    "s_cvt_pk_rtz_f16_f32": _pack_toward_zero,
}
