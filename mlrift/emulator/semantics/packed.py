"""Packed halves (VOP3P), mixed precision, and dot products.

`op_sel` picks the half that makes the low result, `op_sel_hi` the one that makes the high result;
`neg_lo` and `neg_hi` negate them.
"""

from collections.abc import Callable, Mapping

from mlrift.emulator import floats
from mlrift.emulator.code import V16, V32, V64, VDOUBLE, VFLOAT, Code, splat, vector
from mlrift.emulator.elements import FLOAT, HALF, I16, Kind
from mlrift.emulator.number_formats import bf16_as_float, float_as_bf16, small_float
from mlrift.emulator.semantics.valu_integer import choose_extreme
from mlrift.emulator.step import Semantics, Step

_PackedOperation = Callable[[Step, list[str]], str]


def _half(step: Step, number: int, is_high: int, kind: Kind) -> str:
    """Return the half of a source that one of the two results uses."""
    code, instruction = step.code, step.instruction
    word = step.lane_words(number)
    if _picks_high(step, number, is_high):
        word = code.binary("lshr", V32, word, splat("i32", 16))
    half = code.convert("trunc", V32, word, V16)
    if not kind.is_float:
        return half
    found = floats.as_floats(code, kind, half)
    if not step.mode.takes_denormals(16):
        found = floats.flushed_small(code, kind, found)
    if instruction.modifier("neg_hi" if is_high else "neg_lo") >> number & 1:
        found = code.value(f"fneg {vector(kind.name)} {found}")
    return found


def _picks_high(step: Step, number: int, is_high: int) -> bool:
    """Whether the high half of a source is used; without op_sel_hi, each half makes its own."""
    if "op_sel_hi" not in step.row.modifiers:
        return bool(is_high)
    select = step.selection("op_sel_hi" if is_high else "op_sel")
    return bool(select >> number & 1)


def _packed(kind: Kind, sources: int, operation: _PackedOperation) -> Semantics:
    """Do an operation on the two low halves and on the two high halves."""

    def semantics(step: Step) -> None:
        code, halves = step.code, []
        for is_high in (0, 1):
            found = [_half(step, number, is_high, kind) for number in range(sources)]
            made = operation(step, found)
            if kind.is_float:
                made = floats.as_bits(code, kind, step.finished(kind, made))
            halves.append(code.convert("zext", V16, made, V32))
        high = code.binary("shl", V32, halves[1], splat("i32", 16))
        step.write_result_word(code.binary("or", V32, halves[0], high))

    return semantics


def _integer(operation: str, saturating: str = "") -> Semantics:
    def make(step: Step, found: list[str]) -> str:
        if saturating and step.instruction.modifier("clamp"):
            values = [f"{V16} {half}" for half in found]
            return step.code.call(V16, f"llvm.{saturating}.v32i16", *values)
        return step.code.binary(operation, V16, *found)

    return _packed(I16, 2, make)


def _integer_extreme(predicate: str) -> Semantics:
    choose = choose_extreme(predicate)
    return _packed(I16, 2, lambda step, found: choose(step, V16, *found))


def _shift(operation: str) -> Semantics:
    def make(step: Step, found: list[str]) -> str:
        count = step.code.binary("and", V16, found[0], splat("i16", 15))
        return step.code.binary(operation, V16, found[1], count)

    return _packed(I16, 2, make)


def _multiply_add(step: Step, found: list[str]) -> str:
    product = step.code.binary("mul", V16, found[0], found[1])
    return step.code.binary("add", V16, product, found[2])


def _float(operation: str) -> Semantics:
    return _packed(HALF, 2, lambda step, found: step.code.binary(operation, vector("half"), *found))


def _float_extreme(make: Callable[[Code, Kind, str, str], str]) -> Semantics:
    return _packed(HALF, 2, lambda step, found: make(step.code, HALF, *found))


def _float_propagating(make: Callable[[Code, Kind, str, str], str]) -> Semantics:
    def operation(step: Step, found: list[str]) -> str:
        chosen = make(step.code, HALF, *found)
        return floats.propagating(step.code, HALF, found[0], found[1], chosen)

    return _packed(HALF, 2, operation)


def _fused(step: Step, found: list[str]) -> str:
    return floats.fused(step.code, HALF, *found)


# -- mixed precision: each source is f32, or a half of a register --


def _mixed_source(step: Step, number: int) -> str:
    code, instruction = step.code, step.instruction
    word = step.lane_words(number)
    if instruction.modifier("op_sel_hi") >> number & 1:
        if instruction.modifier("op_sel") >> number & 1:
            word = code.binary("lshr", V32, word, splat("i32", 16))
        half = floats.as_floats(code, HALF, code.convert("trunc", V32, word, V16))
        found = code.convert("fpext", vector("half"), half, VFLOAT)
    else:
        found = floats.as_floats(code, FLOAT, word)
    if instruction.modifier("neg_hi") >> number & 1:
        found = floats.absolute(code, FLOAT, found)
    if instruction.modifier("neg_lo") >> number & 1:
        found = code.value(f"fneg {VFLOAT} {found}")
    return found


def _mixed(step: Step) -> str:
    return floats.fused(step.code, FLOAT, *(_mixed_source(step, number) for number in range(3)))


def _mix_to_float(step: Step) -> None:
    made = step.finished(FLOAT, _mixed(step))
    step.write_result_word(floats.as_bits(step.code, FLOAT, made))


def _mix_to_half(is_high: int) -> Semantics:
    def semantics(step: Step) -> None:
        code = step.code
        half = code.convert("fptrunc", VFLOAT, _mixed(step), vector("half"))
        bits = floats.as_bits(code, HALF, step.finished(HALF, half))
        step.write_half(step.vector_target(0), bits, is_high)

    return semantics


# -- dot products --


def _field(step: Step, number: int, place: int, bits: int, is_signed: bool) -> str:
    """Return a field of a source as i32."""
    code = step.code
    top = code.binary("shl", V32, step.lane_words(number), splat("i32", 32 - place - bits))
    return code.binary("ashr" if is_signed else "lshr", V32, top, splat("i32", 32 - bits))


def _integer_dot(bits: int, signs: tuple[bool, bool] | None) -> Semantics:
    """Sum of products of 4-, 8- or 16-bit fields plus src2; None: neg_lo says which are signed."""

    def semantics(step: Step) -> None:
        code = step.code
        negative = step.instruction.modifier("neg_lo")
        first, second = signs or (bool(negative & 1), bool(negative & 2))
        addend = "sext" if first or second else "zext"
        total = code.convert(addend, V32, step.lane_words(2), V64)
        for place in range(0, 32, bits):
            left = _field(step, 0, place, bits, first)
            right = _field(step, 1, place, bits, second)
            product = code.binary("mul", V32, left, right)
            wide = code.convert("sext" if bits < 16 or first else "zext", V32, product, V64)
            total = code.binary("add", V64, total, wide)
        if step.instruction.modifier("clamp"):
            total = _clamped_dot(step, total, first or second)
        step.write_result_word(code.convert("trunc", V64, total, V32))

    return semantics


def _clamped_dot(step: Step, total: str, is_signed: bool) -> str:
    if not is_signed:
        return choose_extreme("ult")(step, V64, total, splat("i64", 0xFFFFFFFF))
    total = choose_extreme("slt")(step, V64, total, splat("i64", 0x7FFFFFFF))
    return choose_extreme("sgt")(step, V64, total, splat("i64", -0x80000000))


def _pair(step: Step, number: int, is_bf16: bool) -> list[str]:
    """Return both halves of a source as doubles."""
    code, found = step.code, []
    for is_high in (0, 1):
        if is_bf16:
            wide = bf16_as_float(code, _half(step, number, is_high, I16))
            if step.instruction.modifier("neg_hi" if is_high else "neg_lo") >> number & 1:
                wide = code.value(f"fneg {VFLOAT} {wide}")
            found.append(code.convert("fpext", VFLOAT, wide, VDOUBLE))
        else:
            half = _half(step, number, is_high, HALF)
            found.append(code.convert("fpext", vector("half"), half, VDOUBLE))
    return found


def _sum_of_products(step: Step, addend: str, is_bf16: bool) -> str:
    """Return the sum in f64: the products are exact there."""
    code = step.code
    left, right = _pair(step, 0, is_bf16), _pair(step, 1, is_bf16)
    total = addend
    for first, second in zip(left, right, strict=True):
        product = code.binary("fmul", VDOUBLE, first, second)
        total = code.binary("fadd", VDOUBLE, total, product)
    return total


def _float_dot(is_bf16: bool) -> Semantics:
    """Two products plus an f32, rounded once."""

    def semantics(step: Step) -> None:
        code = step.code
        addend = floats.as_floats(code, FLOAT, step.lane_words(2))
        if step.instruction.modifier("neg_lo") >> 2 & 1:
            addend = code.value(f"fneg {VFLOAT} {addend}")
        wide = code.convert("fpext", VFLOAT, addend, VDOUBLE)
        total = code.convert("fptrunc", VDOUBLE, _sum_of_products(step, wide, is_bf16), VFLOAT)
        made = step.finished(FLOAT, total)
        step.write_result_word(floats.as_bits(code, FLOAT, made))

    return semantics


def _half_dot(step: Step) -> None:
    code = step.code
    addend = floats.as_floats(code, HALF, step.lane_bits_16(2))
    wide = floats.widened(code, HALF, addend)
    total = floats.narrowed(code, HALF, _sum_of_products(step, wide, is_bf16=False))
    bits = floats.as_bits(code, HALF, total)
    step.write_half(step.vector_target(0), bits, step.instruction.modifier("op_sel") >> 3 & 1)


def _bf16_dot(step: Step) -> None:
    code = step.code
    addend = bf16_as_float(code, step.lane_bits_16(2))
    wide = code.convert("fpext", VFLOAT, addend, VDOUBLE)
    total = floats.odd_float(code, _sum_of_products(step, wide, is_bf16=True))
    bits = float_as_bf16(code, total)
    step.write_half(step.vector_target(0), bits, step.instruction.modifier("op_sel") >> 3 & 1)


def _small_float_dot(left_bits: int, right_bits: int) -> Semantics:
    """Four products of fp8 or bf8 plus an f32."""

    def semantics(step: Step) -> None:
        code = step.code
        addend = floats.as_floats(code, FLOAT, step.lane_words(2))
        total = code.convert("fpext", VFLOAT, addend, VDOUBLE)
        for place in range(0, 32, 8):
            factors = []
            for number, exponent_bits in ((0, left_bits), (1, right_bits)):
                byte = _field(step, number, place, 8, is_signed=False)
                found = small_float(code, byte, exponent_bits)
                factors.append(floats.widened(code, FLOAT, found))
            product = code.binary("fmul", VDOUBLE, *factors)
            total = code.binary("fadd", VDOUBLE, total, product)
        made = floats.narrowed(code, FLOAT, total)
        step.write_result_word(floats.as_bits(code, FLOAT, made))

    return semantics


_DOT_ROWS: Mapping[str, Semantics] = {
    "v_dot2_f32_f16": _float_dot(is_bf16=False),
    "v_dot2c_f32_f16": _float_dot(is_bf16=False),
    "v_dot2acc_f32_f16": _float_dot(is_bf16=False),
    "v_dot2acc_f32_bf16": _float_dot(is_bf16=True),
    "v_dot2_f32_bf16": _float_dot(is_bf16=True),
    "v_dot2_f16_f16": _half_dot,
    "v_dot2_bf16_bf16": _bf16_dot,
    "v_dot2_i32_i16": _integer_dot(16, (True, True)),
    "v_dot2_u32_u16": _integer_dot(16, (False, False)),
    "v_dot4_i32_i8": _integer_dot(8, (True, True)),
    "v_dot4c_i32_i8": _integer_dot(8, (True, True)),
    "v_dot4_u32_u8": _integer_dot(8, (False, False)),
    "v_dot4_i32_iu8": _integer_dot(8, None),
    "v_dot8_i32_i4": _integer_dot(4, (True, True)),
    "v_dot8_u32_u4": _integer_dot(4, (False, False)),
    "v_dot8_i32_iu4": _integer_dot(4, None),
    "v_dot4_f32_fp8_fp8": _small_float_dot(4, 4),
    "v_dot4_f32_fp8_bf8": _small_float_dot(4, 5),
    "v_dot4_f32_bf8_fp8": _small_float_dot(5, 4),
    "v_dot4_f32_bf8_bf8": _small_float_dot(5, 5),
}

ROWS: Mapping[str, Semantics] = {
    **_DOT_ROWS,
    "v_pk_add_u16": _integer("add", "uadd.sat"),
    "v_pk_sub_u16": _integer("sub", "usub.sat"),
    "v_pk_add_i16": _integer("add", "sadd.sat"),
    "v_pk_sub_i16": _integer("sub", "ssub.sat"),
    "v_pk_mul_lo_u16": _integer("mul"),
    "v_pk_mad_u16": _packed(I16, 3, _multiply_add),
    "v_pk_mad_i16": _packed(I16, 3, _multiply_add),
    "v_pk_min_u16": _integer_extreme("ult"),
    "v_pk_max_u16": _integer_extreme("ugt"),
    "v_pk_min_i16": _integer_extreme("slt"),
    "v_pk_max_i16": _integer_extreme("sgt"),
    "v_pk_lshlrev_b16": _shift("shl"),
    "v_pk_lshrrev_b16": _shift("lshr"),
    "v_pk_ashrrev_i16": _shift("ashr"),
    "v_pk_add_f16": _float("fadd"),
    "v_pk_mul_f16": _float("fmul"),
    "v_pk_fma_f16": _packed(HALF, 3, _fused),
    "v_pk_fmac_f16": _packed(HALF, 3, _fused),
    "v_pk_min_f16": _float_extreme(floats.smaller),
    "v_pk_max_f16": _float_extreme(floats.larger),
    "v_pk_minimum_f16": _float_propagating(floats.smaller),
    "v_pk_maximum_f16": _float_propagating(floats.larger),
    "v_fma_mix_f32": _mix_to_float,
    "v_fma_mixlo_f16": _mix_to_half(0),
    "v_fma_mixhi_f16": _mix_to_half(1),
}
