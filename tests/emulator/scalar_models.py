"""What scalar instructions compute, as functions of Python integers.

A model takes (a, b, scc, bits): sources as unsigned integers of the operation's width. It returns
(result, scc); scc None means that SCC stays. Written from the manuals' text.
"""

from collections.abc import Callable, Mapping

M32, M64 = (1 << 32) - 1, (1 << 64) - 1
Model = Callable[[int, int, int], tuple[int, int | None]]


def signed(a: int, bits: int = 32) -> int:
    return a - (1 << bits) if a >> (bits - 1) & 1 else a


def _logic(compute: Callable[[int, int], int], mask: int) -> Model:
    def model(a: int, b: int, _scc: int) -> tuple[int, int | None]:
        found = compute(a & mask, b & mask) & mask
        return found, int(found != 0)

    return model


def _plain(compute: Callable[[int, int], int], mask: int = M32) -> Model:
    return lambda a, b, _scc: (compute(a & mask, b & mask) & mask, None)


def _add(a: int, b: int, _scc: int) -> tuple[int, int]:
    total = (a & M32) + (b & M32)
    return total & M32, total >> 32


def _add_carry(a: int, b: int, scc: int) -> tuple[int, int]:
    total = (a & M32) + (b & M32) + scc
    return total & M32, total >> 32


def _subtract(a: int, b: int, _scc: int) -> tuple[int, int]:
    rest = (a & M32) - (b & M32)
    return rest & M32, int(rest < 0)


def _subtract_borrow(a: int, b: int, scc: int) -> tuple[int, int]:
    rest = (a & M32) - (b & M32) - scc
    return rest & M32, int(rest < 0)


def _overflowing(compute: Callable[[int, int], int]) -> Model:
    def model(a: int, b: int, _scc: int) -> tuple[int, int]:
        whole = compute(signed(a & M32), signed(b & M32))
        return whole & M32, int(signed(whole & M32) != whole)

    return model


def _extreme(chooses_first: Callable[[int, int], bool], is_signed: bool) -> Model:
    def model(a: int, b: int, _scc: int) -> tuple[int, int]:
        a, b = a & M32, b & M32
        x, y = (signed(a), signed(b)) if is_signed else (a, b)
        first = chooses_first(x, y)
        return (a if first else b), int(first)

    return model


def _shift_add(count: int) -> Model:
    def model(a: int, b: int, _scc: int) -> tuple[int, int]:
        total = ((a & M32) << count) + (b & M32)
        return total & M32, int(total > M32)

    return model


def _extract(bits: int, is_signed: bool) -> Model:
    mask = (1 << bits) - 1

    def model(a: int, b: int, _scc: int) -> tuple[int, int]:
        offset, width = b & (bits - 1), b >> 16 & 127
        source = signed(a & mask, bits) if is_signed else a & mask
        field = source >> offset & ((1 << width) - 1)
        if is_signed and 0 < width < bits and field >> (width - 1) & 1:
            field -= 1 << width
        return field & mask, int(field & mask != 0)

    return model


def _zeros(bits: int, find: Callable[[int], int]) -> Model:
    mask = (1 << bits) - 1
    return lambda a, _b, _scc: (find(a & mask) & M32, None)


def _first_one(a: int) -> int:
    return (a & -a).bit_length() - 1 if a else -1


def _leading(bits: int) -> Callable[[int], int]:
    return lambda a: bits - a.bit_length() if a else -1


def _sign_bits(bits: int) -> Callable[[int], int]:
    def find(a: int) -> int:
        other = a ^ ((1 << bits) - 1 if a >> (bits - 1) else 0)
        return bits - other.bit_length() if other else -1

    return find


def _quads(a: int) -> list[int]:
    return [int(a >> 4 * place & 15 != 0) for place in range(8)]


def _whole_quads(a: int, _b: int, _scc: int) -> tuple[int, int]:
    found = sum(15 * bit << 4 * place for place, bit in enumerate(_quads(a & M32)))
    return found, int(found != 0)


def _quad_mask(a: int, _b: int, _scc: int) -> tuple[int, int]:
    found = sum(bit << place for place, bit in enumerate(_quads(a & M32)))
    return found, int(found != 0)


def _twice(a: int, _b: int, _scc: int) -> tuple[int, None]:
    return sum((a >> place & 1) * 3 << 2 * place for place in range(32)), None


def _reverse(bits: int) -> Model:
    return lambda a, _b, _scc: (int(f"{a & ((1 << bits) - 1):0{bits}b}"[::-1], 2), None)


_TESTS: dict[str, Callable[[int, int], bool]] = {
    "eq": lambda a, b: a == b,
    "lg": lambda a, b: a != b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
}


def _compare(test: Callable[[int, int], bool], is_signed: bool) -> Model:
    def model(a: int, b: int, _scc: int) -> tuple[int, int]:
        x, y = a & M32, b & M32
        return 0, int(test(signed(x), signed(y)) if is_signed else test(x, y))

    return model


def _both_widths(stem: str, compute: Callable[[int, int], int]) -> dict[str, Model]:
    return {f"{stem}_b32": _logic(compute, M32), f"{stem}_b64": _logic(compute, M64)}


MODELS: Mapping[str, Model] = {
    **_both_widths("s_and", lambda a, b: a & b),
    **_both_widths("s_or", lambda a, b: a | b),
    **_both_widths("s_xor", lambda a, b: a ^ b),
    **_both_widths("s_nand", lambda a, b: ~(a & b)),
    **_both_widths("s_nor", lambda a, b: ~(a | b)),
    **_both_widths("s_xnor", lambda a, b: ~(a ^ b)),
    **_both_widths("s_and_not1", lambda a, b: a & ~b),
    **_both_widths("s_or_not1", lambda a, b: a | ~b),
    **_both_widths("s_not", lambda a, _b: ~a),
    "s_lshl_b32": _logic(lambda a, b: a << (b & 31), M32),
    "s_lshl_b64": _logic(lambda a, b: a << (b & 63), M64),
    "s_lshr_b32": _logic(lambda a, b: a >> (b & 31), M32),
    "s_lshr_b64": _logic(lambda a, b: a >> (b & 63), M64),
    "s_ashr_i32": _logic(lambda a, b: signed(a) >> (b & 31), M32),
    "s_ashr_i64": _logic(lambda a, b: signed(a, 64) >> (b & 63), M64),
    "s_add_u32": _add,
    "s_addc_u32": _add_carry,
    "s_sub_u32": _subtract,
    "s_subb_u32": _subtract_borrow,
    "s_add_i32": _overflowing(lambda a, b: a + b),
    "s_sub_i32": _overflowing(lambda a, b: a - b),
    "s_add_nc_u64": _plain(lambda a, b: a + b, M64),
    "s_sub_nc_u64": _plain(lambda a, b: a - b, M64),
    "s_mul_u64": _plain(lambda a, b: a * b, M64),
    "s_mul_i32": _plain(lambda a, b: a * b),
    "s_mul_hi_u32": _plain(lambda a, b: a * b >> 32),
    "s_mul_hi_i32": _plain(lambda a, b: signed(a) * signed(b) >> 32),
    **{f"s_lshl{count}_add_u32": _shift_add(count) for count in (1, 2, 3, 4)},
    "s_min_i32": _extreme(lambda a, b: a < b, is_signed=True),
    "s_min_u32": _extreme(lambda a, b: a < b, is_signed=False),
    "s_max_i32": _extreme(lambda a, b: a >= b, is_signed=True),
    "s_max_u32": _extreme(lambda a, b: a >= b, is_signed=False),
    "s_bfe_u32": _extract(32, is_signed=False),
    "s_bfe_i32": _extract(32, is_signed=True),
    "s_bfe_u64": _extract(64, is_signed=False),
    "s_bfe_i64": _extract(64, is_signed=True),
    "s_bfm_b32": _plain(lambda a, b: ((1 << (a & 31)) - 1) << (b & 31)),
    "s_absdiff_i32": _logic(lambda a, b: abs(signed((a - b) & M32)), M32),
    "s_abs_i32": _logic(lambda a, _b: abs(signed(a)), M32),
    "s_cselect_b32": lambda a, b, scc: ((a if scc else b) & M32, None),
    "s_cselect_b64": lambda a, b, scc: (a if scc else b, None),
    "s_pack_ll_b32_b16": _plain(lambda a, b: a & 0xFFFF | b << 16),
    "s_pack_lh_b32_b16": _plain(lambda a, b: a & 0xFFFF | b & 0xFFFF0000),
    "s_pack_hl_b32_b16": _plain(lambda a, b: a >> 16 | b << 16),
    "s_pack_hh_b32_b16": _plain(lambda a, b: a >> 16 | b & 0xFFFF0000),
    "s_mov_b32": _plain(lambda a, _b: a),
    "s_mov_b64": _plain(lambda a, _b: a, M64),
    "s_brev_b32": _reverse(32),
    "s_brev_b64": _reverse(64),
    "s_bcnt0_i32_b32": _logic(lambda a, _b: 32 - a.bit_count(), M32),
    "s_bcnt1_i32_b32": _logic(lambda a, _b: a.bit_count(), M32),
    "s_bcnt0_i32_b64": _logic(lambda a, _b: 64 - a.bit_count(), M64),
    "s_bcnt1_i32_b64": _logic(lambda a, _b: a.bit_count(), M64),
    "s_ctz_i32_b32": _zeros(32, _first_one),
    "s_ctz_i32_b64": _zeros(64, _first_one),
    "s_ff0_i32_b32": _zeros(32, lambda a: _first_one(~a & M32)),
    "s_clz_i32_u32": _zeros(32, _leading(32)),
    "s_clz_i32_u64": _zeros(64, _leading(64)),
    "s_cls_i32": _zeros(32, _sign_bits(32)),
    "s_cls_i32_i64": _zeros(64, _sign_bits(64)),
    "s_sext_i32_i8": _plain(lambda a, _b: signed(a & 0xFF, 8)),
    "s_sext_i32_i16": _plain(lambda a, _b: signed(a & 0xFFFF, 16)),
    "s_bitreplicate_b64_b32": _twice,
    "s_wqm_b32": _whole_quads,
    "s_quadmask_b32": _quad_mask,
    **{f"s_cmp_{name}_i32": _compare(test, is_signed=True) for name, test in _TESTS.items()},
    **{f"s_cmp_{name}_u32": _compare(test, is_signed=False) for name, test in _TESTS.items()},
    "s_cmp_eq_u64": lambda a, b, _scc: (0, int(a == b)),
    "s_cmp_lg_u64": lambda a, b, _scc: (0, int(a != b)),
    "s_bitcmp0_b32": lambda a, b, _scc: (0, int(not a >> (b & 31) & 1)),
    "s_bitcmp1_b64": lambda a, b, _scc: (0, a >> (b & 63) & 1),
}
"""Comparisons have no result."""
