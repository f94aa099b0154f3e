"""Vector integer arithmetic: sums, products, shifts, bits, bytes, minima.

A row is an operation and the function that writes its result through a `Step`. Shift amounts are
taken modulo the width, as the hardware takes them.
"""

from collections.abc import Callable, Mapping

from mlrift.emulator.code import V1, V16, V32, V64, splat, vector
from mlrift.emulator.elements import I32, Kind
from mlrift.emulator.step import Semantics, Step


def _plain(operation: str) -> Semantics:
    def semantics(step: Step) -> None:
        made = step.code.binary(operation, step.kind(0), step.lanes(0), step.lanes(1))
        step.write(made)

    return semantics


def _saturating(operation: str, intrinsic: str) -> Semantics:
    """Sum or difference; `clamp` asks for saturation."""

    def semantics(step: Step) -> None:
        kind, left, right = step.kind(0), step.lanes(0), step.lanes(1)
        if step.instruction.modifier("clamp"):
            name = f"llvm.{intrinsic}.v32{step.element(0).name}"
            made = step.code.call(kind, name, f"{kind} {left}", f"{kind} {right}")
        else:
            made = step.code.binary(operation, kind, left, right)
        step.write(made)

    return semantics


def _saturating_reversed(intrinsic: str) -> Semantics:
    def semantics(step: Step) -> None:
        kind, left, right = step.kind(0), step.lanes(1), step.lanes(0)
        if step.instruction.modifier("clamp"):
            name = f"llvm.{intrinsic}.v32{step.element(0).name}"
            made = step.code.call(kind, name, f"{kind} {left}", f"{kind} {right}")
        else:
            made = step.code.binary("sub", kind, left, right)
        step.write(made)

    return semantics


def choose_extreme(predicate: str) -> Callable[[Step, str, str, str], str]:
    """Return a maker of the minimum or maximum of two vectors."""

    def make(step: Step, kind: str, left: str, right: str) -> str:
        test = step.code.binary(f"icmp {predicate}", kind, left, right)
        return step.code.select(test, kind, left, right)

    return make


def _extreme(predicate: str) -> Semantics:
    make = choose_extreme(predicate)

    def semantics(step: Step) -> None:
        step.write(make(step, step.kind(0), step.lanes(0), step.lanes(1)))

    return semantics


def _extreme_of_three(first: str, second: str) -> Semantics:
    """`second(first(src0, src1), src2)`."""
    inner, outer = choose_extreme(first), choose_extreme(second)

    def semantics(step: Step) -> None:
        kind = step.kind(0)
        made = inner(step, kind, step.lanes(0), step.lanes(1))
        step.write(outer(step, kind, made, step.lanes(2)))

    return semantics


def _median(less: str, greater: str) -> Semantics:
    smaller, larger = choose_extreme(less), choose_extreme(greater)

    def semantics(step: Step) -> None:
        kind, a, b, c = step.kind(0), step.lanes(0), step.lanes(1), step.lanes(2)
        low, high = smaller(step, kind, a, b), larger(step, kind, a, b)
        step.write(larger(step, kind, low, smaller(step, kind, high, c)))

    return semantics


def _shift(operation: str) -> Semantics:
    """Shift source 1 by source 0."""

    def semantics(step: Step) -> None:
        step.write(shifted(step, operation, step.element(1), step.lanes(1), 0))

    return semantics


def shifted(step: Step, operation: str, element: Kind, value: str, amount: int) -> str:
    """Return a value shifted by a source, modulo its width."""
    code, kind = step.code, vector(element.name)
    count, bits = step.lanes(amount), step.element(amount).bits
    if bits < element.bits:
        count = code.convert("zext", step.kind(amount), count, kind)
    elif bits > element.bits:
        count = code.convert("trunc", step.kind(amount), count, kind)
    count = code.binary("and", kind, count, splat(element.name, element.bits - 1))
    return code.binary(operation, kind, value, count)


def _unary(make: Callable[[Step, str], str]) -> Semantics:
    def semantics(step: Step) -> None:
        step.write(make(step, step.lanes(0)))

    return semantics


def _then(first: str, second: str) -> Semantics:
    """`second(first(src0, src1), src2)`, both plain operations on dwords."""

    def semantics(step: Step) -> None:
        made = step.code.binary(first, V32, step.lanes(0), step.lanes(1))
        step.write(step.code.binary(second, V32, made, step.lanes(2)))

    return semantics


def _move(step: Step) -> None:
    step.write_bits(step.lane_bits(0))


def _invert(step: Step, found: str) -> str:
    return step.code.binary("xor", step.kind(0), found, splat(step.element(0).name, -1))


def _intrinsic(name: str, more: str = "") -> Callable[[Step, str], str]:
    def make(step: Step, found: str) -> str:
        extra = (more,) if more else ()
        full = f"llvm.{name}.v32{step.element(0).name}"
        return step.code.call(step.kind(0), full, f"{step.kind(0)} {found}", *extra)

    return make


def _count_zeros(name: str) -> Callable[[Step, str], str]:
    """Zeros before the first one; -1 when there is no one."""

    def make(step: Step, found: str) -> str:
        code = step.code
        count = code.call(V32, f"llvm.{name}.v32i32", f"{V32} {found}", "i1 false")
        none = code.binary("icmp eq", V32, found, "zeroinitializer")
        return code.select(none, V32, splat("i32", -1), count)

    return make


def _count_signs(step: Step, found: str) -> str:
    """How many bits equal the sign; -1 when all do."""
    code = step.code
    sign = code.binary("ashr", V32, found, splat("i32", 31))
    return _count_zeros("ctlz")(step, code.binary("xor", V32, found, sign))


# -- carries --


def _add_carry(has_input: bool) -> Semantics:
    def semantics(step: Step) -> None:
        code, left, right = step.code, step.lanes(0), step.lanes(1)
        total = code.binary("add", V32, left, right)
        carry = code.binary("icmp ult", V32, total, left)
        if has_input:
            more = code.convert("zext", V1, step.mask_source(), V32)
            whole = code.binary("add", V32, total, more)
            again = code.binary("icmp ult", V32, whole, total)
            carry, total = code.binary("or", V1, carry, again), whole
        _write_with_carry(step, total, carry, splat("i32", -1))

    return semantics


def _subtract_borrow(left: int, right: int, has_input: bool) -> Semantics:
    def semantics(step: Step) -> None:
        code, first, second = step.code, step.lanes(left), step.lanes(right)
        rest = code.binary("sub", V32, first, second)
        borrow = code.binary("icmp ult", V32, first, second)
        if has_input:
            more = code.convert("zext", V1, step.mask_source(), V32)
            again = code.binary("icmp ult", V32, rest, more)
            rest = code.binary("sub", V32, rest, more)
            borrow = code.binary("or", V1, borrow, again)
        _write_with_carry(step, rest, borrow, "zeroinitializer")

    return semantics


def _write_with_carry(step: Step, result: str, carry: str, saturated: str) -> None:
    if step.instruction.modifier("clamp"):
        result = step.code.select(carry, V32, saturated, result)
    step.write(result)
    step.write_mask_result(carry)


# -- products --


def _extended(step: Step, number: int, operation: str, bits: int) -> str:
    """Return the low `bits` of a source, extended to i64."""
    code, found = step.code, step.lanes(number)
    if bits < step.element(number).bits:
        found = code.convert("trunc", step.kind(number), found, vector(f"i{bits}"))
    return code.convert(operation, vector(f"i{bits}"), found, V64)


def _product(operation: str, bits: int, high: bool, adds: bool = False) -> Semantics:
    """Low or high dword of the product of the low `bits` of two sources; plus source 2."""

    def semantics(step: Step) -> None:
        code = step.code
        factors = [_extended(step, number, operation, bits) for number in (0, 1)]
        whole = code.binary("mul", V64, *factors)
        if high:
            whole = code.binary("lshr", V64, whole, splat("i64", 32))
        made = code.convert("trunc", V64, whole, V32)
        if adds:
            made = _plus_source(step, made, operation, whole)
        step.write(made)

    return semantics


def _plus_source(step: Step, made: str, operation: str, whole: str) -> str:
    """Add source 2; `clamp` saturates."""
    code = step.code
    if not step.instruction.modifier("clamp"):
        return code.binary("add", V32, made, step.lanes(2))
    total = code.binary("add", V64, whole, code.convert(operation, V32, step.lanes(2), V64))
    if operation == "zext":
        limit = splat("i64", 0xFFFFFFFF)
        total = choose_extreme("ult")(step, V64, total, limit)
    else:
        total = choose_extreme("slt")(step, V64, total, splat("i64", 0x7FFFFFFF))
        total = choose_extreme("sgt")(step, V64, total, splat("i64", -0x80000000))
    return code.convert("trunc", V64, total, V32)


def _low_product(step: Step) -> None:
    step.write(step.code.binary("mul", step.kind(0), step.lanes(0), step.lanes(1)))


def _wide_product(operation: str, predicate: str) -> Semantics:
    """64-bit product plus a 64-bit addend, with the carry out."""

    def semantics(step: Step) -> None:
        code = step.code
        factors = [_extended(step, number, operation, 32) for number in (0, 1)]
        product, addend = code.binary("mul", V64, *factors), step.lanes(2)
        total = code.binary("add", V64, product, addend)
        step.write(total)
        if predicate == "ult":
            carry = code.binary("icmp ult", V64, total, addend)
        else:
            left = code.binary("xor", V64, total, product)
            right = code.binary("xor", V64, total, addend)
            both = code.binary("and", V64, left, right)
            carry = code.binary("icmp slt", V64, both, "zeroinitializer")
        if len(step.written_operands) > 1:
            step.write_mask_result(carry)

    return semantics


def _short_product_sum(operation: str) -> Semantics:
    """Product of two 16-bit sources plus a dword."""

    def semantics(step: Step) -> None:
        code = step.code
        factors = [code.convert(operation, V16, _half_of(step, number), V32) for number in (0, 1)]
        step.write(code.binary("add", V32, code.binary("mul", V32, *factors), step.lanes(2)))

    return semantics


def _half_of(step: Step, number: int) -> str:
    found = step.lanes(number)
    if step.element(number) is I32:
        if step.instruction.modifier("op_sel") >> number & 1:
            found = step.code.binary("lshr", V32, found, splat("i32", 16))
        return step.code.convert("trunc", V32, found, V16)
    return found


def _multiply_add(step: Step) -> None:
    kind = step.kind(0)
    product = step.code.binary("mul", kind, step.lanes(0), step.lanes(1))
    step.write(step.code.binary("add", kind, product, step.lanes(2)))


def _shift_then(operation: str) -> Semantics:
    """`(src0 << src1) operation src2`."""

    def semantics(step: Step) -> None:
        made = shifted(step, "shl", I32, step.lanes(0), 1)
        step.write(step.code.binary(operation, V32, made, step.lanes(2)))

    return semantics


def _then_shift(operation: str) -> Semantics:
    """`(src0 operation src1) << src2`."""

    def semantics(step: Step) -> None:
        made = step.code.binary(operation, V32, step.lanes(0), step.lanes(1))
        step.write(shifted(step, "shl", I32, made, 2))

    return semantics


def _select(step: Step) -> None:
    """Source 1 where the mask is set, else source 0; float modifiers act on bits."""
    element = step.element(0)
    first, second = (signs_changed(step, number) for number in (0, 1))
    kind = vector(element.integer)
    step.write_bits(step.code.select(step.mask_source(), kind, second, first))


def signs_changed(step: Step, number: int) -> str:
    """Return the bits of a source with `abs` and `neg` applied to its top bit."""
    code, element, found = step.code, step.element(number), step.lane_bits(number)
    kind, top = vector(element.integer), 1 << (element.bits - 1)
    if step.instruction.modifier("abs") >> number & 1:
        found = code.binary("and", kind, found, splat(element.integer, top - 1))
    if step.instruction.modifier("neg") >> number & 1:
        found = code.binary("xor", kind, found, splat(element.integer, -top))
    return found


def _swap(step: Step) -> None:
    first, second = (step.vector_register(number) for number in (0, 1))
    left, right = step.registers.vector(first), step.registers.vector(second)
    step.write_word(first, right)
    step.write_word(second, left)


def _exclusive_nor(step: Step) -> None:
    made = step.code.binary("xor", V32, step.lanes(0), step.lanes(1))
    step.write(step.code.binary("xor", V32, made, splat("i32", -1)))


ROWS: Mapping[str, Semantics] = {
    "v_mov_b32": _move,
    "v_mov_b16": _move,
    "v_swap_b32": _swap,
    "v_not_b32": _unary(_invert),
    "v_not_b16": _unary(_invert),
    "v_bfrev_b32": _unary(_intrinsic("bitreverse")),
    "v_clz_i32_u32": _unary(_count_zeros("ctlz")),
    "v_ctz_i32_b32": _unary(_count_zeros("cttz")),
    "v_cls_i32": _unary(_count_signs),
    "v_cndmask_b32": _select,
    "v_cndmask_b16": _select,
    **{f"v_and_b{bits}": _plain("and") for bits in (16, 32)},
    **{f"v_or_b{bits}": _plain("or") for bits in (16, 32)},
    **{f"v_xor_b{bits}": _plain("xor") for bits in (16, 32)},
    "v_xnor_b32": _exclusive_nor,
    "v_add_nc_u32": _saturating("add", "uadd.sat"),
    "v_sub_nc_u32": _saturating("sub", "usub.sat"),
    "v_subrev_nc_u32": _saturating_reversed("usub.sat"),
    "v_add_nc_i32": _saturating("add", "sadd.sat"),
    "v_sub_nc_i32": _saturating("sub", "ssub.sat"),
    "v_add_nc_u16": _saturating("add", "uadd.sat"),
    "v_sub_nc_u16": _saturating("sub", "usub.sat"),
    "v_add_nc_i16": _saturating("add", "sadd.sat"),
    "v_sub_nc_i16": _saturating("sub", "ssub.sat"),
    "v_add_co_u32": _add_carry(has_input=False),
    "v_add_co_ci_u32": _add_carry(has_input=True),
    "v_sub_co_u32": _subtract_borrow(0, 1, has_input=False),
    "v_sub_co_ci_u32": _subtract_borrow(0, 1, has_input=True),
    "v_subrev_co_u32": _subtract_borrow(1, 0, has_input=False),
    "v_subrev_co_ci_u32": _subtract_borrow(1, 0, has_input=True),
    "v_mul_lo_u32": _low_product,
    "v_mul_lo_u16": _low_product,
    "v_mul_hi_u32": _product("zext", 32, high=True),
    "v_mul_hi_i32": _product("sext", 32, high=True),
    "v_mul_u32_u24": _product("zext", 24, high=False),
    "v_mul_i32_i24": _product("sext", 24, high=False),
    "v_mul_hi_u32_u24": _product("zext", 24, high=True),
    "v_mul_hi_i32_i24": _product("sext", 24, high=True),
    "v_mad_u32_u24": _product("zext", 24, high=False, adds=True),
    "v_mad_i32_i24": _product("sext", 24, high=False, adds=True),
    "v_mad_u64_u32": _wide_product("zext", "ult"),
    "v_mad_i64_i32": _wide_product("sext", "slt"),
    "v_mad_u16": _multiply_add,
    "v_mad_i16": _multiply_add,
    "v_mad_u32_u16": _short_product_sum("zext"),
    "v_mad_i32_i16": _short_product_sum("sext"),
    **{f"v_lshlrev_b{bits}": _shift("shl") for bits in (16, 32, 64)},
    **{f"v_lshrrev_b{bits}": _shift("lshr") for bits in (16, 32, 64)},
    **{f"v_ashrrev_i{bits}": _shift("ashr") for bits in (16, 32, 64)},
    **{f"v_min_u{bits}": _extreme("ult") for bits in (16, 32)},
    **{f"v_max_u{bits}": _extreme("ugt") for bits in (16, 32)},
    **{f"v_min_i{bits}": _extreme("slt") for bits in (16, 32)},
    **{f"v_max_i{bits}": _extreme("sgt") for bits in (16, 32)},
    **{f"v_min3_u{bits}": _extreme_of_three("ult", "ult") for bits in (16, 32)},
    **{f"v_max3_u{bits}": _extreme_of_three("ugt", "ugt") for bits in (16, 32)},
    **{f"v_min3_i{bits}": _extreme_of_three("slt", "slt") for bits in (16, 32)},
    **{f"v_max3_i{bits}": _extreme_of_three("sgt", "sgt") for bits in (16, 32)},
    **{f"v_med3_u{bits}": _median("ult", "ugt") for bits in (16, 32)},
    **{f"v_med3_i{bits}": _median("slt", "sgt") for bits in (16, 32)},
    "v_maxmin_u32": _extreme_of_three("ugt", "ult"),
    "v_minmax_u32": _extreme_of_three("ult", "ugt"),
    "v_maxmin_i32": _extreme_of_three("sgt", "slt"),
    "v_minmax_i32": _extreme_of_three("slt", "sgt"),
    "v_add3_u32": _then("add", "add"),
    "v_or3_b32": _then("or", "or"),
    "v_xor3_b32": _then("xor", "xor"),
    "v_and_or_b32": _then("and", "or"),
    "v_xad_u32": _then("xor", "add"),
    "v_lshl_add_u32": _shift_then("add"),
    "v_lshl_or_b32": _shift_then("or"),
    "v_add_lshl_u32": _then_shift("add"),
}

__all__ = ["ROWS", "Semantics", "choose_extreme", "shifted", "signs_changed"]
