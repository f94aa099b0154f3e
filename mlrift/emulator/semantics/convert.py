"""Conversions between number kinds. Floats to integers truncate and saturate; NaN becomes 0."""

from collections.abc import Callable, Mapping

from mlrift.emulator import floats
from mlrift.emulator.code import V16, V32, VDOUBLE, VFLOAT, VHALF, splat, vector
from mlrift.emulator.elements import DOUBLE, FLOAT, HALF, Kind
from mlrift.emulator.number_formats import float_as_small, small_float
from mlrift.emulator.step import Semantics, Step


def _to_integer(intrinsic: str) -> Semantics:
    """fptosi or fptoui, saturating."""

    def semantics(step: Step) -> None:
        source, target = step.element(0), step.result_element()
        step.write_bits(_truncated(step, intrinsic, source, step.lanes(0), target))

    return semantics


def _truncated(step: Step, intrinsic: str, source: Kind, found: str, target: Kind) -> str:
    code = step.code
    if source is HALF:
        source, found = FLOAT, code.convert("fpext", VHALF, found, VFLOAT)
    kind = vector(target.integer)
    name = f"llvm.{intrinsic}.sat.v32{target.integer}.v32f{source.bits}"
    return code.call(kind, name, f"{vector(source.name)} {found}")


def _from_integer(operation: str) -> Semantics:
    """sitofp or uitofp."""

    def semantics(step: Step) -> None:
        code, target = step.code, step.result_element()
        found = step.lane_bits(0)
        kind = vector(step.element(0).integer)
        if target is HALF:
            wide = code.convert(operation, kind, found, VFLOAT)
            step.write(code.convert("fptrunc", VFLOAT, wide, VHALF))
        else:
            step.write(code.convert(operation, kind, found, vector(target.name)))

    return semantics


def _float_to_float(step: Step) -> None:
    code, source, target = step.code, step.element(0), step.result_element()
    found = step.lanes(0)
    if target.bits > source.bits:
        step.write(code.convert("fpext", vector(source.name), found, vector(target.name)))
    else:
        step.write(code.convert("fptrunc", vector(source.name), found, vector(target.name)))


def _byte_to_float(place: int) -> Semantics:
    def semantics(step: Step) -> None:
        code = step.code
        moved = code.binary("lshr", V32, step.lane_words(0), splat("i32", 8 * place))
        byte = code.binary("and", V32, moved, splat("i32", 255))
        step.write(code.convert("uitofp", V32, byte, VFLOAT))

    return semantics


def _rounded_to_integer(name: str, offset: float) -> Semantics:
    """floor(x + offset) as i32."""

    def semantics(step: Step) -> None:
        code, found = step.code, step.lanes(0)
        wide = code.convert("fpext", VFLOAT, found, VDOUBLE)
        wide = code.binary("fadd", VDOUBLE, wide, floats.constant(DOUBLE, offset))
        whole = floats.intrinsic(code, DOUBLE, name, wide)
        step.write_bits(_truncated(step, "fptosi", DOUBLE, whole, step.result_element()))

    return semantics


def _offset_nibble(step: Step) -> None:
    """The low four bits, signed, divided by 16."""
    code = step.code
    top = code.binary("shl", V32, step.lane_words(0), splat("i32", 28))
    found = code.convert("sitofp", V32, code.binary("ashr", V32, top, splat("i32", 28)), VFLOAT)
    step.write(code.binary("fmul", VFLOAT, found, floats.constant(FLOAT, 0.0625)))


def _pack(step: Step, halves: list[str]) -> None:
    """Write two V16 as one dword."""
    code = step.code
    low, high = (code.convert("zext", V16, half, V32) for half in halves)
    high = code.binary("shl", V32, high, splat("i32", 16))
    step.write_result_word(code.binary("or", V32, low, high))


def _pack_toward_zero(step: Step) -> None:
    code = step.code
    _pack(
        step,
        [
            floats.as_bits(code, HALF, floats.toward_zero_half(code, step.lanes(number)))
            for number in (0, 1)
        ],
    )


def _normalised(step: Step, kind: Kind, found: str, is_signed: bool) -> str:
    """Return [-1, 1] or [0, 1] scaled to 16 bits."""
    code = step.code
    if kind is HALF:
        found = code.convert("fpext", VHALF, found, VFLOAT)
    low = floats.constant(FLOAT, -1.0 if is_signed else 0.0)
    found = floats.smaller(code, FLOAT, found, floats.constant(FLOAT, 1.0))
    nan = floats.is_nan(code, FLOAT, found)
    found = floats.larger(code, FLOAT, found, low)
    scale = floats.constant(FLOAT, 32767.0 if is_signed else 65535.0)
    whole = floats.intrinsic(code, FLOAT, "roundeven", code.binary("fmul", VFLOAT, found, scale))
    whole = code.select(nan, VFLOAT, "zeroinitializer", whole)
    return code.convert("fptosi" if is_signed else "fptoui", VFLOAT, whole, V16)


def _pack_normalised(make: Callable[[Step, int], str]) -> Semantics:
    def semantics(step: Step) -> None:
        _pack(step, [make(step, number) for number in (0, 1)])

    return semantics


def _signed_norm(step: Step, number: int) -> str:
    return _normalised(step, step.element(number), step.lanes(number), is_signed=True)


def _unsigned_norm(step: Step, number: int) -> str:
    return _normalised(step, step.element(number), step.lanes(number), is_signed=False)


def _one_norm(make: Callable[[Step, int], str]) -> Semantics:
    def semantics(step: Step) -> None:
        step.write_bits(make(step, 0))

    return semantics


def _pack_integers(intrinsic: str) -> Semantics:
    """Two floats to two saturated 16-bit integers."""

    def semantics(step: Step) -> None:
        code, halves = step.code, []
        for number in (0, 1):
            found = f"{VFLOAT} {step.lanes(number)}"
            halves.append(code.call(V16, f"llvm.{intrinsic}.sat.v32i16.v32f32", found))
        _pack(step, halves)

    return semantics


def _insert_byte(step: Step) -> None:
    """Source 0 as u8 into byte src1 of src2."""
    code = step.code
    byte = code.call("<32 x i8>", "llvm.fptoui.sat.v32i8.v32f32", f"{VFLOAT} {step.lanes(0)}")
    place = code.binary("and", V32, step.lane_words(1), splat("i32", 3))
    place = code.binary("shl", V32, place, splat("i32", 3))
    hole = code.binary("shl", V32, splat("i32", 255), place)
    kept = code.binary("xor", V32, hole, splat("i32", -1))
    kept = code.binary("and", V32, kept, step.lane_words(2))
    wide = code.binary("shl", V32, code.convert("zext", "<32 x i8>", byte, V32), place)
    step.write_result_word(code.binary("or", V32, kept, wide))


def _widened_half(operation: str) -> Semantics:
    def semantics(step: Step) -> None:
        found = step.lane_bits(0)
        if step.element(0).bits != 16:
            found = step.code.convert("trunc", V32, found, V16)
        step.write_result_word(step.code.convert(operation, V16, found, V32))

    return semantics


def _from_small_float(exponent_bits: int) -> Semantics:
    def semantics(step: Step) -> None:
        code = step.code
        # op_sel names the byte with its bits exchanged.
        select = step.instruction.modifier("op_sel") & 3
        place = 8 * ((select & 1) << 1 | select >> 1)
        moved = code.binary("lshr", V32, step.lane_words(0), splat("i32", place))
        byte = code.binary("and", V32, moved, splat("i32", 255))
        step.write(small_float(step.code, byte, exponent_bits))

    return semantics


def _pair_from_small_float(exponent_bits: int) -> Semantics:
    """Two bytes of the half that op_sel names to two f32."""

    def semantics(step: Step) -> None:
        code = step.code
        half = code.convert("zext", V16, step.lane_bits_16(0), V32)
        target = step.vector_target(0)
        for place in (0, 1):
            byte = code.binary("lshr", V32, half, splat("i32", 8 * place))
            byte = code.binary("and", V32, byte, splat("i32", 255))
            found = small_float(code, byte, exponent_bits)
            step.write_word(target + place, floats.as_bits(code, FLOAT, found))

    return semantics


def _pair_to_small_float(exponent_bits: int) -> Semantics:
    """Two f32 to two bytes in one half of the target; the other half stays."""

    def semantics(step: Step) -> None:
        code = step.code
        low, high = (float_as_small(code, step.lanes(number), exponent_bits) for number in (0, 1))
        word = code.binary("or", V32, low, code.binary("shl", V32, high, splat("i32", 8)))
        half = code.convert("trunc", V32, word, V16)
        step.write_half(step.vector_target(0), half, step.instruction.modifier("op_sel") >> 3 & 1)

    return semantics


ROWS: Mapping[str, Semantics] = {
    **{f"v_cvt_{kind}_i32": _from_integer("sitofp") for kind in ("f32", "f64")},
    **{f"v_cvt_{kind}_u32": _from_integer("uitofp") for kind in ("f32", "f64")},
    "v_cvt_f16_i16": _from_integer("sitofp"),
    "v_cvt_f16_u16": _from_integer("uitofp"),
    **{f"v_cvt_i32_{kind}": _to_integer("fptosi") for kind in ("f32", "f64")},
    **{f"v_cvt_u32_{kind}": _to_integer("fptoui") for kind in ("f32", "f64")},
    "v_cvt_i16_f16": _to_integer("fptosi"),
    "v_cvt_u16_f16": _to_integer("fptoui"),
    "v_cvt_f32_f16": _float_to_float,
    "v_cvt_f16_f32": _float_to_float,
    "v_cvt_f64_f32": _float_to_float,
    "v_cvt_f32_f64": _float_to_float,
    **{f"v_cvt_f32_ubyte{place}": _byte_to_float(place) for place in range(4)},
    "v_cvt_nearest_i32_f32": _rounded_to_integer("floor", 0.5),
    "v_cvt_floor_i32_f32": _rounded_to_integer("floor", 0.0),
    "v_cvt_off_f32_i4": _offset_nibble,
    "v_cvt_pk_rtz_f16_f32": _pack_toward_zero,
    "v_cvt_pk_norm_i16_f32": _pack_normalised(_signed_norm),
    "v_cvt_pk_norm_u16_f32": _pack_normalised(_unsigned_norm),
    "v_cvt_pk_norm_i16_f16": _pack_normalised(_signed_norm),
    "v_cvt_pk_norm_u16_f16": _pack_normalised(_unsigned_norm),
    "v_cvt_norm_i16_f16": _one_norm(_signed_norm),
    "v_cvt_norm_u16_f16": _one_norm(_unsigned_norm),
    "v_cvt_pk_i16_f32": _pack_integers("fptosi"),
    "v_cvt_pk_u16_f32": _pack_integers("fptoui"),
    "v_cvt_pk_u8_f32": _insert_byte,
    "v_cvt_i32_i16": _widened_half("sext"),
    "v_cvt_u32_u16": _widened_half("zext"),
    "v_cvt_f32_fp8": _from_small_float(4),
    "v_cvt_f32_bf8": _from_small_float(5),
    "v_cvt_pk_fp8_f32": _pair_to_small_float(4),
    "v_cvt_pk_bf8_f32": _pair_to_small_float(5),
    "v_cvt_pk_f32_fp8": _pair_from_small_float(4),
    "v_cvt_pk_f32_bf8": _pair_from_small_float(5),
}
