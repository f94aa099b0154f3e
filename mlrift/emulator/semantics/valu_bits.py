"""Vector operations on bits, bytes and halves of a dword."""

from collections.abc import Mapping

from mlrift.emulator.code import V16, V32, splat
from mlrift.emulator.elements import I32
from mlrift.emulator.semantics.valu_integer import choose_extreme, shifted, signs_changed
from mlrift.emulator.step import Semantics, Step


def _extract_bits(operation: str) -> Semantics:
    """Bits [src1, src1 + src2) of src0, sign or zero extended."""

    def semantics(step: Step) -> None:
        code = step.code
        width = code.binary("and", V32, step.lanes(2), splat("i32", 31))
        moved = shifted(step, operation, I32, step.lanes(0), 1)
        none = code.binary("icmp eq", V32, width, "zeroinitializer")
        rest = code.binary("sub", V32, splat("i32", 32), width)
        rest = code.binary("and", V32, rest, splat("i32", 31))
        top = code.binary("shl", V32, moved, rest)
        found = code.binary(operation, V32, top, rest)
        step.write(code.select(none, V32, "zeroinitializer", found))

    return semantics


def _insert_bits(step: Step) -> None:
    code, mask = step.code, step.lanes(0)
    kept = code.binary("and", V32, mask, step.lanes(1))
    inverse = code.binary("xor", V32, mask, splat("i32", -1))
    step.write(code.binary("or", V32, kept, code.binary("and", V32, inverse, step.lanes(2))))


def _mask_of_bits(step: Step) -> None:
    """`((1 << src0) - 1) << src1`."""
    code = step.code
    one = shifted(step, "shl", I32, splat("i32", 1), 0)
    ones = code.binary("sub", V32, one, splat("i32", 1))
    step.write(shifted(step, "shl", I32, ones, 1))


def _align(unit_bits: int) -> Semantics:
    """Low dword of `src0:src1 >> src2` bits or bytes."""

    def semantics(step: Step) -> None:
        code = step.code
        count = step.lanes(2)
        if step.element(2).bits == 16:
            count = code.convert("zext", V16, count, V32)
        if unit_bits == 8:
            count = code.binary("and", V32, count, splat("i32", 3))
            count = code.binary("shl", V32, count, splat("i32", 3))
        values = [f"{V32} {item}" for item in (step.lanes(0), step.lanes(1), count)]
        step.write(code.call(V32, "llvm.fshr.v32i32", *values))

    return semantics


def _count_bits(step: Step) -> None:
    count = step.code.call(V32, "llvm.ctpop.v32i32", f"{V32} {step.lanes(0)}")
    step.write(step.code.binary("add", V32, count, step.lanes(1)))


def _count_lanes_below(high: bool) -> Semantics:
    """Set bits of src0 at lanes before this one, plus src1; lanes 32 and up have none here."""
    masks = ", ".join(f"i32 {0 if high else (1 << lane) - 1}" for lane in range(32))

    def semantics(step: Step) -> None:
        code = step.code
        below = code.binary("and", V32, step.lanes(0), f"<{masks}>")
        count = code.call(V32, "llvm.ctpop.v32i32", f"{V32} {below}")
        step.write(code.binary("add", V32, count, step.lanes(1)))

    return semantics


def _permute_bytes(step: Step) -> None:
    """Each byte of src2 selects a byte of src0:src1, a sign, 0 or 0xFF."""
    code, result = step.code, "zeroinitializer"
    low, high = step.lanes(1), step.lanes(0)
    for place in range(4):
        selector = code.binary("lshr", V32, step.lanes(2), splat("i32", 8 * place))
        selector = code.binary("and", V32, selector, splat("i32", 255))
        byte = _selected_byte(step, low, high, selector)
        byte = code.binary("shl", V32, byte, splat("i32", 8 * place))
        result = code.binary("or", V32, result, byte)
    step.write(result)


def _selected_byte(step: Step, low: str, high: str, selector: str) -> str:
    code = step.code
    is_high = code.binary(
        "icmp ne", V32, code.binary("and", V32, selector, splat("i32", 4)), "zeroinitializer"
    )
    word = code.select(is_high, V32, high, low)
    count = code.binary("and", V32, selector, splat("i32", 3))
    count = code.binary("shl", V32, count, splat("i32", 3))
    byte = code.binary("and", V32, code.binary("lshr", V32, word, count), splat("i32", 255))
    # 8 to 11: the sign of bits 15, 31, 47, 63.
    is_sign = code.binary("icmp ugt", V32, selector, splat("i32", 7))
    second = code.binary("icmp ugt", V32, selector, splat("i32", 9))
    word = code.select(second, V32, high, low)
    odd = code.binary("and", V32, selector, splat("i32", 1))
    count = code.binary("shl", V32, odd, splat("i32", 4))
    count = code.binary("sub", V32, splat("i32", 16), count)
    sign = code.binary("ashr", V32, code.binary("shl", V32, word, count), splat("i32", 31))
    sign = code.binary("and", V32, sign, splat("i32", 255))
    byte = code.select(is_sign, V32, sign, byte)
    is_zero = code.binary("icmp eq", V32, selector, splat("i32", 12))
    byte = code.select(is_zero, V32, "zeroinitializer", byte)
    is_ones = code.binary("icmp ugt", V32, selector, splat("i32", 12))
    return code.select(is_ones, V32, splat("i32", 255), byte)


def _absolute_differences(bits: int, is_masked: bool = False) -> Semantics:
    """Sum over the fields of a dword of |a - b|, plus src2; masked: fields where b is not 0."""

    def semantics(step: Step) -> None:
        code, total = step.code, step.lanes(2)
        for place in range(0, 32, bits):
            left, right = (
                code.binary(
                    "and",
                    V32,
                    code.binary("lshr", V32, step.lanes(number), splat("i32", place)),
                    splat("i32", (1 << bits) - 1),
                )
                for number in (0, 1)
            )
            larger = choose_extreme("ugt")(step, V32, left, right)
            smaller = choose_extreme("ult")(step, V32, left, right)
            difference = code.binary("sub", V32, larger, smaller)
            if is_masked:
                none = code.binary("icmp eq", V32, right, "zeroinitializer")
                difference = code.select(none, V32, "zeroinitializer", difference)
            total = code.binary("add", V32, total, difference)
        step.write(total)

    return semantics


def _high_absolute_differences(step: Step) -> None:
    """Like v_sad_u8, with the sum of differences in the high half."""
    code, total = step.code, "zeroinitializer"
    for place in range(0, 32, 8):
        left, right = (
            code.binary(
                "and",
                V32,
                code.binary("lshr", V32, step.lanes(number), splat("i32", place)),
                splat("i32", 255),
            )
            for number in (0, 1)
        )
        larger = choose_extreme("ugt")(step, V32, left, right)
        smaller = choose_extreme("ult")(step, V32, left, right)
        total = code.binary("add", V32, total, code.binary("sub", V32, larger, smaller))
    total = code.binary("shl", V32, total, splat("i32", 16))
    step.write(code.binary("add", V32, total, step.lanes(2)))


def _average_bytes(step: Step) -> None:
    """v_lerp_u8: byte-wise (a + b + rounding bit of c) / 2."""
    code, result = step.code, "zeroinitializer"
    for place in range(0, 32, 8):
        parts = [
            code.binary("lshr", V32, step.lanes(number), splat("i32", place))
            for number in (0, 1, 2)
        ]
        total = code.binary("and", V32, parts[2], splat("i32", 1))
        for part in parts[:2]:
            byte = code.binary("and", V32, part, splat("i32", 255))
            total = code.binary("add", V32, total, byte)
        total = code.binary("lshr", V32, total, splat("i32", 1))
        total = code.binary("shl", V32, total, splat("i32", place))
        result = code.binary("or", V32, result, total)
    step.write(result)


def _saturate_bytes(step: Step) -> None:
    """Two i16 to two u8, saturated."""
    code, word = step.code, step.lane_words(0)
    result = "zeroinitializer"
    for place in (0, 16):
        half = code.binary("shl", V32, word, splat("i32", 16 - place))
        half = code.binary("ashr", V32, half, splat("i32", 16))
        half = choose_extreme("sgt")(step, V32, half, "zeroinitializer")
        half = choose_extreme("slt")(step, V32, half, splat("i32", 255))
        half = code.binary("shl", V32, half, splat("i32", place // 2))
        result = code.binary("or", V32, result, half)
    step.write_result_word(result)


def _pack_saturated(predicates: tuple[str, str], low: int, high: int) -> Semantics:
    """Two dwords to two saturated halves."""

    def semantics(step: Step) -> None:
        code, halves = step.code, []
        for number in (0, 1):
            found = choose_extreme(predicates[0])(step, V32, step.lanes(number), splat("i32", low))
            found = choose_extreme(predicates[1])(step, V32, found, splat("i32", high))
            halves.append(code.binary("and", V32, found, splat("i32", 0xFFFF)))
        top = code.binary("shl", V32, halves[1], splat("i32", 16))
        step.write_result_word(code.binary("or", V32, halves[0], top))

    return semantics


def _pack_halves(step: Step) -> None:
    code = step.code
    halves = [code.convert("zext", V16, signs_changed(step, number), V32) for number in (0, 1)]
    top = code.binary("shl", V32, halves[1], splat("i32", 16))
    step.write_result_word(code.binary("or", V32, halves[0], top))


ROWS: Mapping[str, Semantics] = {
    "v_bfe_u32": _extract_bits("lshr"),
    "v_bfe_i32": _extract_bits("ashr"),
    "v_bfi_b32": _insert_bits,
    "v_bfm_b32": _mask_of_bits,
    "v_alignbit_b32": _align(1),
    "v_alignbyte_b32": _align(8),
    "v_bcnt_u32_b32": _count_bits,
    "v_mbcnt_lo_u32_b32": _count_lanes_below(high=False),
    "v_mbcnt_hi_u32_b32": _count_lanes_below(high=True),
    "v_perm_b32": _permute_bytes,
    "v_sad_u8": _absolute_differences(8),
    "v_sad_u16": _absolute_differences(16),
    "v_sad_u32": _absolute_differences(32),
    "v_msad_u8": _absolute_differences(8, is_masked=True),
    "v_sad_hi_u8": _high_absolute_differences,
    "v_lerp_u8": _average_bytes,
    "v_sat_pk_u8_i16": _saturate_bytes,
    "v_cvt_pk_u16_u32": _pack_saturated(("ugt", "ult"), 0, 0xFFFF),
    "v_cvt_pk_i16_i32": _pack_saturated(("sgt", "slt"), -0x8000, 0x7FFF),
    "v_pack_b32_f16": _pack_halves,
}
