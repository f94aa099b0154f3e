"""What vector instructions compute, as numpy functions of three sources of 64 bits each.

A model takes (a, b, c, bit): sources 0 to 2 as uint64 arrays (32-bit sources in the low half) and
a bit a lane, VCC. It returns the result's bits, or (bits, carry). Written from the manuals' text,
not from the emulator's code.
"""

from collections.abc import Callable, Mapping

import numpy as np

from mlrift.static_types import Any

Array = Any
"""Numbers of any type; checkers cannot follow the arithmetic of mixed ones."""
Model = Callable[[Array, Array, Array, Array], "Array | tuple[Array, Array]"]

MASK = np.uint64(0xFFFFFFFF)


def u32(a: Array) -> Array:
    return (a & MASK).astype(np.uint64)


def i32(a: Array) -> Array:
    return u32(a).astype(np.uint32).view(np.int32).astype(np.int64)


def u16(a: Array) -> Array:
    return a & np.uint64(0xFFFF)


def i16(a: Array) -> Array:
    return u16(a).astype(np.uint16).view(np.int16).astype(np.int64)


def i64(a: Array) -> Array:
    return a.view(np.int64)


def f16(a: Array) -> Array:
    return u16(a).astype(np.uint16).view(np.float16)


def f32(a: Array) -> Array:
    return u32(a).astype(np.uint32).view(np.float32)


def f64(a: Array) -> Array:
    return a.view(np.float64)


def raw(found: Array) -> Array:
    """Return the bits of a result, whatever its type is."""
    kind = {2: np.uint16, 4: np.uint32, 8: np.uint64}[found.itemsize]
    return np.ascontiguousarray(found).view(kind).astype(np.uint64)


def low(found: Array) -> Array:
    """Return the low dword of integers."""
    return found.astype(np.int64).view(np.uint64) & MASK


def _integer(read: Callable[[Array], Array], compute: Callable[..., Array], count: int) -> Model:
    def model(a: Array, b: Array, c: Array, _bit: Array) -> Array:
        return low(compute(*(read(found) for found in (a, b, c)[:count])))

    return model


def _float(read: Callable[[Array], Array], compute: Callable[..., Array], count: int) -> Model:
    def model(a: Array, b: Array, c: Array, _bit: Array) -> Array:
        sources = [read(found) for found in (a, b, c)[:count]]
        return raw(compute(*sources).astype(sources[0].dtype))

    return model


def _compare(read: Callable[[Array], Array], compute: Callable[..., Array]) -> Model:
    def model(a: Array, b: Array, _c: Array, _bit: Array) -> tuple[Array, Array]:
        return np.zeros_like(a), compute(read(a), read(b))

    return model


def smaller(a: Array, b: Array) -> Array:
    return np.where(a == b, np.where(np.signbit(a), a, b), np.fmin(a, b))


def larger(a: Array, b: Array) -> Array:
    return np.where(a == b, np.where(np.signbit(a), b, a), np.fmax(a, b))


def _fused(a: Array, b: Array, c: Array) -> Array:
    return a.astype(np.longdouble) * b.astype(np.longdouble) + c.astype(np.longdouble)


def _median(a: Array, b: Array, c: Array) -> Array:
    return np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), c))


def _add_carry(a: Array, b: Array, _c: Array, bit: Array) -> tuple[Array, Array]:
    total = u32(a) + u32(b) + bit
    return total & MASK, total > MASK


def _add(a: Array, b: Array, _c: Array, _bit: Array) -> tuple[Array, Array]:
    total = u32(a) + u32(b)
    return total & MASK, total > MASK


def _subtract(a: Array, b: Array, _c: Array, _bit: Array) -> tuple[Array, Array]:
    return (u32(a) - u32(b)) & MASK, u32(a) < u32(b)


def _subtract_borrow(a: Array, b: Array, _c: Array, bit: Array) -> tuple[Array, Array]:
    return (u32(a) - u32(b) - bit) & MASK, u32(a) < u32(b) + bit


def _swapped(model: Model) -> Model:
    return lambda a, b, c, bit: model(b, a, c, bit)


def _wide_unsigned(a: Array, b: Array, c: Array, _bit: Array) -> tuple[Array, Array]:
    total = u32(a) * u32(b) + c
    return total, total < c


def _wide_signed(a: Array, b: Array, c: Array, _bit: Array) -> Array:
    return (i32(a) * i32(b) + i64(c)).view(np.uint64)


def _bits24(a: Array) -> Array:
    return u32(a) & np.uint64(0xFFFFFF)


def _signed24(a: Array) -> Array:
    field = _bits24(a).astype(np.int64)
    return np.where(field >> 23 & 1, field - (1 << 24), field)


def _extract(a: Array, b: Array, c: Array) -> Array:
    width = c & np.uint64(31)
    moved = a >> (b & np.uint64(31))
    return moved & ((np.uint64(1) << width) - np.uint64(1))


def _extract_signed(a: Array, b: Array, c: Array, _bit: Array) -> Array:
    width = (u32(c) & np.uint64(31)).astype(np.int64)
    moved = i32(a) >> (u32(b) & np.uint64(31)).astype(np.int64)
    field = moved & ((np.int64(1) << width) - 1)
    sign = np.where(width > 0, field >> np.maximum(width - 1, 0) & 1, 0)
    return low(np.where(sign, field - (np.int64(1) << width), field))


def _leading_zeros(a: Array) -> Array:
    return np.array([32 - int(x).bit_length() if x else -1 for x in a])


def _trailing_zeros(a: Array) -> Array:
    return np.array([(int(x) & -int(x)).bit_length() - 1 if x else -1 for x in a])


def _signs(a: Array) -> Array:
    found = [int(x) ^ (-1 if x < 0 else 0) for x in a]
    return np.array([32 - x.bit_length() if x else -1 for x in found])


def _count(a: Array, b: Array) -> Array:
    return np.array([int(x).bit_count() for x in a], np.uint64) + b


def _reversed_bits(a: Array) -> Array:
    return np.array([int(f"{int(x):032b}"[::-1], 2) for x in a], np.uint64)


def _permuted(a: Array, b: Array, c: Array, _bit: Array) -> Array:
    pool = u32(a) << np.uint64(32) | u32(b)
    result = np.zeros_like(a)
    for place in range(4):
        selector = (c >> np.uint64(8 * place)) & np.uint64(255)
        byte = pool >> (np.minimum(selector, np.uint64(7)) * np.uint64(8)) & np.uint64(255)
        for number in range(4):
            sign = (pool >> np.uint64(16 * number + 15) & np.uint64(1)) * np.uint64(255)
            byte = np.where(selector == 8 + number, sign, byte)
        byte = np.where(selector == 12, np.uint64(0), byte)
        byte = np.where(selector > 12, np.uint64(255), byte)
        result |= byte << np.uint64(8 * place)
    return result


def _differences(bits: int) -> Model:
    def model(a: Array, b: Array, c: Array, _bit: Array) -> Array:
        total, mask = u32(c), np.uint64((1 << bits) - 1)
        for place in range(0, 32, bits):
            x, y = (u32(found) >> np.uint64(place) & mask for found in (a, b))
            total = total + np.where(x > y, x - y, y - x)
        return total & MASK

    return model


def _truncated(found: Array, least: int, greatest: int) -> Array:
    whole = np.trunc(np.nan_to_num(found.astype(np.float64), nan=0.0, posinf=1e300, neginf=-1e300))
    return np.clip(whole, least, greatest).astype(np.int64)


def _to_signed(read: Callable[[Array], Array], bits: int = 32) -> Model:
    least = -(1 << bits - 1)
    mask = np.uint64((1 << bits) - 1)
    return lambda a, _b, _c, _bit: low(_truncated(read(a), least, -least - 1)) & mask


def _to_unsigned(read: Callable[[Array], Array], bits: int = 32) -> Model:
    return lambda a, _b, _c, _bit: low(_truncated(read(a), 0, (1 << bits) - 1))


def _toward_zero(found: Array) -> Array:
    near = found.astype(np.float16)
    beyond = np.abs(near.astype(np.float64)) > np.abs(found.astype(np.float64))
    bits = near.view(np.uint16) - beyond
    return np.where(np.isnan(found), near.view(np.uint16), bits).astype(np.uint64)


def _pack_toward_zero(a: Array, b: Array, _c: Array, _bit: Array) -> Array:
    return _toward_zero(f32(a)) | _toward_zero(f32(b)) << np.uint64(16)


def _select(a: Array, b: Array, _c: Array, bit: Array) -> Array:
    return np.where(bit != 0, u32(b), u32(a))


def _fraction(found: Array, largest: Array) -> Array:
    rest = found - np.floor(found)
    return np.where(rest > largest, largest, rest)


def _classes(found: Array, wanted: Array) -> Array:
    """sNaN, qNaN, -inf, -normal, -denormal, -0, 0, denormal, normal, inf."""
    bits = raw(found)
    mantissa = {2: 10, 4: 23, 8: 52}[found.itemsize]
    quiet = bits >> np.uint64(mantissa - 1) & np.uint64(1)
    tiny = np.finfo(found.dtype).smallest_normal
    size = np.abs(found)
    kind = np.where(size >= tiny, 8, np.where(size > 0, 7, 6))
    kind = np.where(np.isinf(found), 9, kind)
    kind = np.where(np.signbit(found), 11 - kind, kind)
    kind = np.where(np.isnan(found), quiet.astype(np.int64), kind)
    return (wanted >> kind.astype(np.uint64) & np.uint64(1)) != 0


def _class_model(read: Callable[[Array], Array]) -> Model:
    return lambda a, b, _c, _bit: (np.zeros_like(a), _classes(read(a), u16(b)))


def _byte_model(place: int) -> Model:
    shift, mask = np.uint64(8 * place), np.uint64(255)
    return lambda a, _b, _c, _bit: raw((a >> shift & mask).astype(np.float32))


def _halves(compute: Callable[..., Array], read: Callable[[Array], Array], count: int) -> Model:
    """A packed operation: the same on both halves."""

    def model(a: Array, b: Array, c: Array, _bit: Array) -> Array:
        made = []
        for shift in (0, 16):
            sources = [read(found >> np.uint64(shift)) for found in (a, b, c)[:count]]
            result = compute(*sources)
            if result.dtype.kind == "f":
                made.append(raw(result.astype(np.float16)))
            else:
                made.append(low(result) & np.uint64(0xFFFF))
        return made[0] | made[1] << np.uint64(16)

    return model


_SHIFT = np.uint64(31)
_SHIFT64 = np.uint64(63)
_INTEGER_TESTS: dict[str, Callable[..., Array]] = {
    "lt": np.less,
    "eq": np.equal,
    "le": np.less_equal,
    "gt": np.greater,
    "ne": np.not_equal,
    "ge": np.greater_equal,
}


def _ordered(test: Callable[..., Array]) -> Callable[..., Array]:
    return lambda a, b: test(a, b) & ~np.isnan(a) & ~np.isnan(b)


def _not(test: Callable[..., Array]) -> Callable[..., Array]:
    return lambda a, b: ~test(a, b)


_FLOAT_TESTS: dict[str, Callable[..., Array]] = {
    "lt": np.less,
    "eq": np.equal,
    "le": np.less_equal,
    "gt": np.greater,
    "lg": _ordered(np.not_equal),
    "ge": np.greater_equal,
    "o": _ordered(lambda a, b: np.ones(len(a), bool) | (b == a)),
    "u": _not(_ordered(lambda a, b: np.ones(len(a), bool) | (b == a))),
    "nge": _not(np.greater_equal),
    "nlg": _not(_ordered(np.not_equal)),
    "ngt": _not(np.greater),
    "nle": _not(np.less_equal),
    "neq": _not(np.equal),
    "nlt": _not(np.less),
}
_FLOATS = {"f16": f16, "f32": f32, "f64": f64}
_INTEGERS = {"i16": i16, "u16": u16, "i32": i32, "u32": u32, "i64": i64, "u64": lambda a: a}

COMPARISONS: Mapping[str, Model] = {
    **{
        f"v_cmp_{name}_{kind}": _compare(read, test)
        for name, test in _INTEGER_TESTS.items()
        for kind, read in _INTEGERS.items()
    },
    **{
        f"v_cmp_{name}_{kind}": _compare(read, test)
        for name, test in _FLOAT_TESTS.items()
        for kind, read in _FLOATS.items()
    },
    **{f"v_cmp_class_{kind}": (_class_model(read)) for kind, read in _FLOATS.items()},
}

FLOAT_OPERATIONS: Mapping[str, Model] = {
    **{f"v_add_{kind}": _float(read, np.add, 2) for kind, read in _FLOATS.items()},
    **{f"v_sub_{kind}": _float(read, np.subtract, 2) for kind, read in _FLOATS.items()},
    **{f"v_subrev_{kind}": _float(read, lambda a, b: b - a, 2) for kind, read in _FLOATS.items()},
    **{f"v_mul_{kind}": _float(read, np.multiply, 2) for kind, read in _FLOATS.items()},
    **{f"v_min_{kind}": _float(read, smaller, 2) for kind, read in _FLOATS.items()},
    **{f"v_max_{kind}": _float(read, larger, 2) for kind, read in _FLOATS.items()},
    **{f"v_floor_{kind}": _float(read, np.floor, 1) for kind, read in _FLOATS.items()},
    **{f"v_ceil_{kind}": _float(read, np.ceil, 1) for kind, read in _FLOATS.items()},
    **{f"v_trunc_{kind}": _float(read, np.trunc, 1) for kind, read in _FLOATS.items()},
    **{f"v_rndne_{kind}": _float(read, np.rint, 1) for kind, read in _FLOATS.items()},
    "v_fma_f32": _float(f32, _fused, 3),
    "v_fmac_f32": _float(f32, _fused, 3),
    "v_fma_f16": _float(f16, _fused, 3),
    "v_fract_f32": _float(f32, lambda a: _fraction(a, np.float32(1 - 2**-24)), 1),
    "v_fract_f64": _float(f64, lambda a: _fraction(a, 1 - 2**-53), 1),
    "v_min3_f32": _float(f32, lambda a, b, c: smaller(smaller(a, b), c), 3),
    "v_max3_f32": _float(f32, lambda a, b, c: larger(larger(a, b), c), 3),
    "v_cvt_f32_f16": lambda a, _b, _c, _bit: raw(f16(a).astype(np.float32)),
    "v_cvt_f16_f32": lambda a, _b, _c, _bit: raw(f32(a).astype(np.float16)),
    "v_cvt_f64_f32": lambda a, _b, _c, _bit: raw(f32(a).astype(np.float64)),
    "v_cvt_f32_f64": lambda a, _b, _c, _bit: raw(f64(a).astype(np.float32)),
    "v_cvt_f32_i32": lambda a, _b, _c, _bit: raw(i32(a).astype(np.float32)),
    "v_cvt_f32_u32": lambda a, _b, _c, _bit: raw(u32(a).astype(np.float32)),
    "v_cvt_f64_i32": lambda a, _b, _c, _bit: raw(i32(a).astype(np.float64)),
    "v_cvt_f64_u32": lambda a, _b, _c, _bit: raw(u32(a).astype(np.float64)),
    "v_cvt_f16_i16": lambda a, _b, _c, _bit: raw(i16(a).astype(np.float16)),
    "v_cvt_f16_u16": lambda a, _b, _c, _bit: raw(u16(a).astype(np.float16)),
    "v_cvt_i32_f32": _to_signed(f32),
    "v_cvt_u32_f32": _to_unsigned(f32),
    "v_cvt_i32_f64": _to_signed(f64),
    "v_cvt_u32_f64": _to_unsigned(f64),
    "v_cvt_i16_f16": _to_signed(f16, 16),
    "v_cvt_u16_f16": _to_unsigned(f16, 16),
    "v_cvt_pk_rtz_f16_f32": _pack_toward_zero,
    **{f"v_cvt_f32_ubyte{place}": (_byte_model(place)) for place in range(4)},
    "v_pk_add_f16": _halves(np.add, f16, 2),
    "v_pk_mul_f16": _halves(np.multiply, f16, 2),
    "v_pk_fma_f16": _halves(_fused, f16, 3),
    "v_pk_min_f16": _halves(smaller, f16, 2),
    "v_pk_max_f16": _halves(larger, f16, 2),
}
"""NaN results are compared as NaN, not by their bits."""

INTEGER_OPERATIONS: Mapping[str, Model] = {
    "v_mov_b32": _integer(u32, lambda a: a, 1),
    "v_not_b32": _integer(u32, lambda a: ~a, 1),
    "v_bfrev_b32": _integer(u32, _reversed_bits, 1),
    "v_clz_i32_u32": _integer(u32, _leading_zeros, 1),
    "v_ctz_i32_b32": _integer(u32, _trailing_zeros, 1),
    "v_cls_i32": _integer(i32, _signs, 1),
    "v_and_b32": _integer(u32, np.bitwise_and, 2),
    "v_or_b32": _integer(u32, np.bitwise_or, 2),
    "v_xor_b32": _integer(u32, np.bitwise_xor, 2),
    "v_xnor_b32": _integer(u32, lambda a, b: ~(a ^ b), 2),
    "v_add_nc_u32": _integer(u32, np.add, 2),
    "v_sub_nc_u32": _integer(u32, np.subtract, 2),
    "v_subrev_nc_u32": _integer(u32, lambda a, b: b - a, 2),
    "v_add_co_u32": _add,
    "v_sub_co_u32": _subtract,
    "v_subrev_co_u32": _swapped(_subtract),
    "v_add_co_ci_u32": _add_carry,
    "v_sub_co_ci_u32": _subtract_borrow,
    "v_subrev_co_ci_u32": _swapped(_subtract_borrow),
    "v_cndmask_b32": _select,
    "v_mul_lo_u32": _integer(u32, np.multiply, 2),
    "v_mul_hi_u32": _integer(u32, lambda a, b: a * b >> np.uint64(32), 2),
    "v_mul_hi_i32": _integer(i32, lambda a, b: a * b >> 32, 2),
    "v_mul_u32_u24": _integer(_bits24, np.multiply, 2),
    "v_mul_i32_i24": _integer(_signed24, np.multiply, 2),
    "v_mul_hi_u32_u24": _integer(_bits24, lambda a, b: a * b >> np.uint64(32), 2),
    "v_mul_hi_i32_i24": _integer(_signed24, lambda a, b: a * b >> 32, 2),
    "v_mad_u32_u24": lambda a, b, c, _bit: (_bits24(a) * _bits24(b) + u32(c)) & MASK,
    "v_mad_i32_i24": lambda a, b, c, _bit: low(_signed24(a) * _signed24(b) + i32(c)),
    "v_mad_u64_u32": _wide_unsigned,
    "v_mad_i64_i32": _wide_signed,
    "v_mad_u32_u16": lambda a, b, c, _bit: (u16(a) * u16(b) + u32(c)) & MASK,
    "v_mad_i32_i16": lambda a, b, c, _bit: low(i16(a) * i16(b) + i32(c)),
    "v_lshlrev_b32": _integer(u32, lambda a, b: b << (a & _SHIFT), 2),
    "v_lshrrev_b32": _integer(u32, lambda a, b: b >> (a & _SHIFT), 2),
    "v_ashrrev_i32": _integer(i32, lambda a, b: b >> (a & 31), 2),
    "v_lshlrev_b64": lambda a, b, _c, _bit: b << (a & _SHIFT64),
    "v_lshrrev_b64": lambda a, b, _c, _bit: b >> (a & _SHIFT64),
    "v_ashrrev_i64": lambda a, b, _c, _bit: (i64(b) >> i64(a & _SHIFT64)).view(np.uint64),
    "v_min_u32": _integer(u32, np.minimum, 2),
    "v_max_u32": _integer(u32, np.maximum, 2),
    "v_min_i32": _integer(i32, np.minimum, 2),
    "v_max_i32": _integer(i32, np.maximum, 2),
    "v_min3_u32": _integer(u32, lambda a, b, c: np.minimum(np.minimum(a, b), c), 3),
    "v_max3_i32": _integer(i32, lambda a, b, c: np.maximum(np.maximum(a, b), c), 3),
    "v_med3_u32": _integer(u32, _median, 3),
    "v_med3_i32": _integer(i32, _median, 3),
    "v_maxmin_u32": _integer(u32, lambda a, b, c: np.minimum(np.maximum(a, b), c), 3),
    "v_minmax_i32": _integer(i32, lambda a, b, c: np.maximum(np.minimum(a, b), c), 3),
    "v_add3_u32": _integer(u32, lambda a, b, c: a + b + c, 3),
    "v_or3_b32": _integer(u32, lambda a, b, c: a | b | c, 3),
    "v_xor3_b32": _integer(u32, lambda a, b, c: a ^ b ^ c, 3),
    "v_and_or_b32": _integer(u32, lambda a, b, c: a & b | c, 3),
    "v_xad_u32": _integer(u32, lambda a, b, c: (a ^ b) + c, 3),
    "v_lshl_add_u32": _integer(u32, lambda a, b, c: (a << (b & _SHIFT)) + c, 3),
    "v_lshl_or_b32": _integer(u32, lambda a, b, c: a << (b & _SHIFT) | c, 3),
    "v_add_lshl_u32": _integer(u32, lambda a, b, c: a + b << (c & _SHIFT), 3),
    "v_bfe_u32": _integer(u32, _extract, 3),
    "v_bfe_i32": _extract_signed,
    "v_bfi_b32": _integer(u32, lambda a, b, c: a & b | ~a & c, 3),
    "v_bfm_b32": _integer(
        u32, lambda a, b: ((np.uint64(1) << (a & _SHIFT)) - np.uint64(1)) << (b & _SHIFT), 2
    ),
    "v_alignbit_b32": lambda a, b, c, _bit: (
        (u32(a) << np.uint64(32) | u32(b)) >> (c & _SHIFT) & MASK
    ),
    "v_alignbyte_b32": lambda a, b, c, _bit: (
        (u32(a) << np.uint64(32) | u32(b)) >> ((c & np.uint64(3)) * np.uint64(8)) & MASK
    ),
    "v_bcnt_u32_b32": _integer(u32, _count, 2),
    "v_perm_b32": _permuted,
    "v_sad_u8": _differences(8),
    "v_sad_u16": _differences(16),
    "v_sad_u32": _differences(32),
    "v_pk_add_u16": _halves(np.add, u16, 2),
    "v_pk_sub_i16": _halves(np.subtract, i16, 2),
    "v_pk_mul_lo_u16": _halves(np.multiply, u16, 2),
    "v_pk_mad_i16": _halves(lambda a, b, c: a * b + c, i16, 3),
    "v_pk_min_i16": _halves(np.minimum, i16, 2),
    "v_pk_max_u16": _halves(np.maximum, u16, 2),
    "v_pk_lshlrev_b16": _halves(lambda a, b: b << (a & np.uint64(15)), u16, 2),
    "v_pk_ashrrev_i16": _halves(lambda a, b: b >> (a & 15), i16, 2),
}
