"""Scalar arithmetic: one value a wave, results in scalar registers, SCC as the manual says.

Scalar f32 and f16 (gfx12, gfx115x) are in `salu_float.py`; branches and waits in `control.py`.
"""

from collections.abc import Callable, Mapping

from mlrift.emulator.code import Code
from mlrift.emulator.step import Semantics, Step


def _integer(step: Step) -> str:
    return step.element(0).integer


def _set_nonzero(step: Step, kind: str, found: str) -> None:
    step.registers.set_scc(step.code.binary("icmp ne", kind, found, "0"))


def _logic(operation: str, inverts_second: bool = False, inverts_result: bool = False) -> Semantics:
    """SCC says that the result is not 0."""

    def semantics(step: Step) -> None:
        code, kind = step.code, _integer(step)
        second = step.scalar(1)
        if inverts_second:
            second = code.binary("xor", kind, second, "-1")
        made = code.binary(operation, kind, step.scalar(0), second)
        if inverts_result:
            made = code.binary("xor", kind, made, "-1")
        step.write_scalar(made)
        _set_nonzero(step, kind, made)

    return semantics


def _sum(operation: str, has_input: bool) -> Semantics:
    """Unsigned: SCC is the carry or borrow."""

    def semantics(step: Step) -> None:
        code = step.code
        name = f"llvm.u{operation}.with.overflow.i32"
        total, carry = _overflowing(code, name, step.scalar(0), step.scalar(1))
        if has_input:
            more = code.convert("zext", "i1", step.registers.scc, "i32")
            total, again = _overflowing(code, name, total, more)
            carry = code.binary("or", "i1", carry, again)
        step.write_scalar(total)
        step.registers.set_scc(carry)

    return semantics


def _overflowing(code: Code, name: str, left: str, right: str) -> tuple[str, str]:
    pair = code.call("{ i32, i1 }", name, f"i32 {left}", f"i32 {right}")
    first = code.value(f"extractvalue {{ i32, i1 }} {pair}, 0")
    return first, code.value(f"extractvalue {{ i32, i1 }} {pair}, 1")


def _signed_sum(operation: str) -> Semantics:
    """SCC is the signed overflow."""

    def semantics(step: Step) -> None:
        name = f"llvm.s{operation}.with.overflow.i32"
        total, overflow = _overflowing(step.code, name, step.scalar(0), step.scalar(1))
        step.write_scalar(total)
        step.registers.set_scc(overflow)

    return semantics


def _no_carry(operation: str) -> Semantics:
    def semantics(step: Step) -> None:
        step.write_scalar(
            step.code.binary(operation, _integer(step), step.scalar(0), step.scalar(1))
        )

    return semantics


def _high_product(operation: str) -> Semantics:
    def semantics(step: Step) -> None:
        code = step.code
        factors = [code.convert(operation, "i32", step.scalar(number), "i64") for number in (0, 1)]
        whole = code.binary("lshr", "i64", code.binary("mul", "i64", *factors), "32")
        step.write_scalar(code.convert("trunc", "i64", whole, "i32"))

    return semantics


def _amount(step: Step, number: int, bits: int) -> str:
    """Return a shift amount below `bits`, as an integer of that width."""
    code, found, given = step.code, step.scalar(number), step.element(number).bits
    if given < bits:
        found = code.convert("zext", f"i{given}", found, f"i{bits}")
    elif given > bits:
        found = code.convert("trunc", f"i{given}", found, f"i{bits}")
    return code.binary("and", f"i{bits}", found, str(bits - 1))


def _shift(operation: str) -> Semantics:
    def semantics(step: Step) -> None:
        kind, bits = _integer(step), step.element(0).bits
        made = step.code.binary(operation, kind, step.scalar(0), _amount(step, 1, bits))
        step.write_scalar(made)
        _set_nonzero(step, kind, made)

    return semantics


def _shift_add(bits: int) -> Semantics:
    """SCC is the carry out of 32 bits."""

    def semantics(step: Step) -> None:
        code = step.code
        wide = [code.convert("zext", "i32", step.scalar(number), "i64") for number in (0, 1)]
        total = code.binary("add", "i64", code.binary("shl", "i64", wide[0], str(bits)), wide[1])
        step.write_scalar(code.convert("trunc", "i64", total, "i32"))
        step.registers.set_scc(code.binary("icmp ugt", "i64", total, str(0xFFFFFFFF)))

    return semantics


def _extreme(predicate: str) -> Semantics:
    """SCC says that source 0 was chosen."""

    def semantics(step: Step) -> None:
        kind, left, right = _integer(step), step.scalar(0), step.scalar(1)
        test = step.code.binary(f"icmp {predicate}", kind, left, right)
        step.write_scalar(step.code.choose(test, kind, left, right))
        step.registers.set_scc(test)

    return semantics


def _extract_bits(operation: str) -> Semantics:
    """Source 1: offset in bits 5:0, width in bits 22:16."""

    def semantics(step: Step) -> None:
        code, kind, bits = step.code, _integer(step), step.element(0).bits
        field = step.scalar(1)
        width = code.binary("and", "i32", code.binary("lshr", "i32", field, "16"), "127")
        offset = code.binary("and", "i32", field, str(bits - 1))
        if bits == 64:
            width = code.convert("zext", "i32", width, "i64")
            offset = code.convert("zext", "i32", offset, "i64")
        moved = code.binary(operation, kind, step.scalar(0), offset)
        rest = code.binary("sub", kind, str(bits), width)
        inside = code.binary("and", kind, rest, str(bits - 1))
        found = code.binary(operation, kind, code.binary("shl", kind, moved, inside), inside)
        whole = code.binary("icmp uge", kind, width, str(bits))
        found = code.choose(whole, kind, moved, found)
        none = code.binary("icmp eq", kind, width, "0")
        found = code.choose(none, kind, "0", found)
        step.write_scalar(found)
        _set_nonzero(step, kind, found)

    return semantics


def _mask_of_bits(step: Step) -> None:
    code, kind, bits = step.code, step.result_element().integer, step.result_element().bits
    width, offset = _amount(step, 0, bits), _amount(step, 1, bits)
    ones = code.binary("sub", kind, code.binary("shl", kind, "1", width), "1")
    step.write_scalar(code.binary("shl", kind, ones, offset))


def _absolute_difference(step: Step) -> None:
    code = step.code
    made = code.binary("sub", "i32", step.scalar(0), step.scalar(1))
    made = code.call("i32", "llvm.abs.i32", f"i32 {made}", "i1 false")
    step.write_scalar(made)
    _set_nonzero(step, "i32", made)


def _absolute(step: Step) -> None:
    made = step.code.call("i32", "llvm.abs.i32", f"i32 {step.scalar(0)}", "i1 false")
    step.write_scalar(made)
    _set_nonzero(step, "i32", made)


def _select(step: Step) -> None:
    kind = _integer(step)
    found = step.code.choose(step.registers.scc, kind, step.scalar(0), step.scalar(1))
    step.write_scalar(found)


def _pack(first_high: bool, second_high: bool) -> Semantics:
    def semantics(step: Step) -> None:
        code, words = step.code, [step.scalar_bits(0), step.scalar_bits(1)]
        low = code.binary("lshr", "i32", words[0], "16") if first_high else words[0]
        low = code.binary("and", "i32", low, "65535")
        if second_high:
            high = code.binary("and", "i32", words[1], "-65536")
        else:
            high = code.binary("shl", "i32", words[1], "16")
        step.write_scalar(code.binary("or", "i32", low, high))

    return semantics


# -- one source --


def _move(step: Step) -> None:
    step.write_scalar(step.scalar(0))


def _move_if(step: Step) -> None:
    """Keep the target's old value unless SCC is set."""
    kind = step.result_element().integer
    step.write_scalar(step.code.choose(step.registers.scc, kind, step.scalar(0), step.old_scalar()))


def _invert(step: Step) -> None:
    kind = _integer(step)
    made = step.code.binary("xor", kind, step.scalar(0), "-1")
    step.write_scalar(made)
    _set_nonzero(step, kind, made)


def _reverse(step: Step) -> None:
    kind = _integer(step)
    step.write_scalar(step.code.call(kind, f"llvm.bitreverse.{kind}", f"{kind} {step.scalar(0)}"))


def _count(inverts: bool) -> Semantics:
    def semantics(step: Step) -> None:
        code, kind, found = step.code, _integer(step), step.scalar(0)
        if inverts:
            found = code.binary("xor", kind, found, "-1")
        count = code.call(kind, f"llvm.ctpop.{kind}", f"{kind} {found}")
        if kind == "i64":
            count = code.convert("trunc", "i64", count, "i32")
        step.write_scalar(count)
        _set_nonzero(step, "i32", count)

    return semantics


def _zeros_before(name: str, adjust: Callable[[Step, str, str], str] | None = None) -> Semantics:
    """Zeros before the first one bit; -1 when there is none."""

    def semantics(step: Step) -> None:
        code, kind, found = step.code, _integer(step), step.scalar(0)
        if adjust is not None:
            found = adjust(step, kind, found)
        count = code.call(kind, f"llvm.{name}.{kind}", f"{kind} {found}", "i1 false")
        if kind == "i64":
            count = code.convert("trunc", "i64", count, "i32")
        none = code.binary("icmp eq", kind, found, "0")
        step.write_scalar(code.choose(none, "i32", "-1", count))

    return semantics


def _differs_from_sign(step: Step, kind: str, found: str) -> str:
    sign = step.code.binary("ashr", kind, found, str(int(kind[1:]) - 1))
    return step.code.binary("xor", kind, found, sign)


def _inverted(step: Step, kind: str, found: str) -> str:
    return step.code.binary("xor", kind, found, "-1")


def _sign_extend(bits: int) -> Semantics:
    def semantics(step: Step) -> None:
        code = step.code
        short = code.convert("trunc", "i32", step.scalar_bits(0), f"i{bits}")
        step.write_scalar(code.convert("sext", f"i{bits}", short, "i32"))

    return semantics


def _set_bit(value: int) -> Semantics:
    def semantics(step: Step) -> None:
        code, kind, bits = step.code, step.result_element().integer, step.result_element().bits
        bit = code.binary("shl", kind, "1", _amount(step, 0, bits))
        old = step.old_scalar()
        if value:
            made = code.binary("or", kind, old, bit)
        else:
            made = code.binary("and", kind, old, code.binary("xor", kind, bit, "-1"))
        step.write_scalar(made)

    return semantics


def _replicate_bits(step: Step) -> None:
    """Every bit twice."""
    code = step.code
    found = code.convert("zext", "i32", step.scalar(0), "i64")
    for shift, mask in (
        (16, 0x0000FFFF0000FFFF),
        (8, 0x00FF00FF00FF00FF),
        (4, 0x0F0F0F0F0F0F0F0F),
        (2, 0x3333333333333333),
        (1, 0x5555555555555555),
    ):
        moved = code.binary("shl", "i64", found, str(shift))
        found = code.binary("and", "i64", code.binary("or", "i64", found, moved), str(mask))
    twice = code.binary("shl", "i64", found, "1")
    step.write_scalar(code.binary("or", "i64", found, twice))


def _quad(keeps_whole: bool) -> Semantics:
    """s_wqm: all of a quad that has a bit; s_quadmask: one bit a quad."""

    def semantics(step: Step) -> None:
        code, kind, found = step.code, _integer(step), step.scalar(0)
        bits = step.element(0).bits
        nibbles = int("1" * (bits // 4), 16)
        for shift in (1, 2):
            found = code.binary("or", kind, found, code.binary("lshr", kind, found, str(shift)))
        found = code.binary("and", kind, found, str(nibbles))
        if keeps_whole:
            found = code.binary("mul", kind, found, "15")
        else:
            found = _gathered_nibbles(code, kind, found, bits)
        step.write_scalar(found)
        _set_nonzero(step, kind, found)

    return semantics


def _gathered_nibbles(code: Code, kind: str, found: str, bits: int) -> str:
    made = "0"
    for place in range(bits // 4):
        bit = code.binary("lshr", kind, found, str(3 * place))
        bit = code.binary("and", kind, bit, str(1 << place))
        made = code.binary("or", kind, made, bit)
    return made


# -- EXEC --

_Combine = Callable[[Code, str, str, str], str]


def _combine(operation: str, invert: str = "") -> _Combine:
    """Return a function of (kind, source, EXEC); `invert` is source, exec or result."""

    def make(code: Code, kind: str, source: str, active: str) -> str:
        if invert == "source":
            source = code.binary("xor", kind, source, "-1")
        elif invert == "exec":
            active = code.binary("xor", kind, active, "-1")
        made = code.binary(operation, kind, source, active)
        return code.binary("xor", kind, made, "-1") if invert == "result" else made

    return make


_COMBINATIONS: Mapping[str, _Combine] = {
    "and": _combine("and"),
    "or": _combine("or"),
    "xor": _combine("xor"),
    "nand": _combine("and", "result"),
    "nor": _combine("or", "result"),
    "xnor": _combine("xor", "result"),
    "and_not0": _combine("and", "source"),
    "and_not1": _combine("and", "exec"),
    "or_not0": _combine("or", "source"),
    "or_not1": _combine("or", "exec"),
}


def _save_exec(combine: _Combine) -> Semantics:
    """The target gets the old EXEC."""

    def semantics(step: Step) -> None:
        source, kind = step.scalar(0), _integer(step)
        old = step.exec_as(kind)
        step.write_scalar(old)
        step.set_exec(kind, combine(step.code, kind, source, old))
        _set_nonzero(step, "i32", step.registers.exec)

    return semantics


def _write_exec(combine: _Combine) -> Semantics:
    """The target gets the new EXEC."""

    def semantics(step: Step) -> None:
        kind = _integer(step)
        made = combine(step.code, kind, step.scalar(0), step.exec_as(kind))
        step.set_exec(kind, made)
        step.write_scalar(made)
        _set_nonzero(step, "i32", step.registers.exec)

    return semantics


# -- comparisons --


def _compare(predicate: str) -> Semantics:
    def semantics(step: Step) -> None:
        test = step.code.binary(f"icmp {predicate}", _integer(step), step.scalar(0), step.scalar(1))
        step.registers.set_scc(test)

    return semantics


def _compare_bit(wanted: int) -> Semantics:
    def semantics(step: Step) -> None:
        code, kind, bits = step.code, _integer(step), step.element(0).bits
        moved = code.binary("lshr", kind, step.scalar(0), _amount(step, 1, bits))
        bit = code.binary("and", kind, moved, "1")
        step.registers.set_scc(code.binary("icmp eq", kind, bit, str(wanted)))

    return semantics


_PREDICATES = {"eq": "eq", "lg": "ne", "gt": "gt", "ge": "ge", "lt": "lt", "le": "le"}


def _comparisons() -> dict[str, Semantics]:
    rows: dict[str, Semantics] = {}
    for name, predicate in _PREDICATES.items():
        for letter, sign in (("i", "s"), ("u", "u")):
            full = predicate if predicate in ("eq", "ne") else sign + predicate
            rows[f"s_cmp_{name}_{letter}32"] = _compare(full)
            rows[f"s_cmpk_{name}_{letter}32"] = _compare_constant(full, sign)
    for name in ("eq", "lg"):
        rows[f"s_cmp_{name}_u64"] = _compare(_PREDICATES[name])
    for bits in (32, 64):
        rows[f"s_bitcmp0_b{bits}"] = _compare_bit(0)
        rows[f"s_bitcmp1_b{bits}"] = _compare_bit(1)
    return rows


def _constant(step: Step, sign: str) -> str:
    """Return the 16-bit constant of a SOPK instruction."""
    number = step.immediate() & 0xFFFF
    return str(number - 0x10000 if sign == "s" and number >> 15 else number)


def _compare_constant(predicate: str, sign: str) -> Semantics:
    def semantics(step: Step) -> None:
        found = step.first_register()
        test = step.code.binary(f"icmp {predicate}", "i32", found, _constant(step, sign))
        step.registers.set_scc(test)

    return semantics


def _move_constant(step: Step) -> None:
    step.write_scalar(_constant(step, "s"))


def _move_constant_if(step: Step) -> None:
    found = step.code.choose(step.registers.scc, "i32", _constant(step, "s"), step.old_scalar())
    step.write_scalar(found)


def _add_constant(step: Step) -> None:
    name = "llvm.sadd.with.overflow.i32"
    total, overflow = _overflowing(step.code, name, step.first_register(), _constant(step, "s"))
    step.write_scalar(total)
    step.registers.set_scc(overflow)


def _multiply_constant(step: Step) -> None:
    step.write_scalar(step.code.binary("mul", "i32", step.first_register(), _constant(step, "s")))


# -- relative to M0 --


def _move_relative_source(step: Step) -> None:
    step.write_scalar(step.registers.indexed_scalar(step.source_register(), step.element(0).bits))


def _move_relative_target(step: Step) -> None:
    register = step.scalar_target()
    step.registers.set_indexed_scalar(register, step.scalar(0), step.element(0).bits)


def _each(names: str, row: Semantics) -> dict[str, Semantics]:
    return {name: row for name in names.split()}


ROWS: Mapping[str, Semantics] = {
    **_comparisons(),
    **{
        f"s_{name}_saveexec_b{bits}": _save_exec(combine)
        for name, combine in _COMBINATIONS.items()
        for bits in (32, 64)
    },
    **{
        f"s_{name}_wrexec_b{bits}": _write_exec(combine)
        for name, combine in _COMBINATIONS.items()
        for bits in (32, 64)
    },
    **_each("s_and_b32 s_and_b64", _logic("and")),
    **_each("s_or_b32 s_or_b64", _logic("or")),
    **_each("s_xor_b32 s_xor_b64", _logic("xor")),
    **_each("s_nand_b32 s_nand_b64", _logic("and", inverts_result=True)),
    **_each("s_nor_b32 s_nor_b64", _logic("or", inverts_result=True)),
    **_each("s_xnor_b32 s_xnor_b64", _logic("xor", inverts_result=True)),
    **_each("s_and_not1_b32 s_and_not1_b64", _logic("and", inverts_second=True)),
    **_each("s_or_not1_b32 s_or_not1_b64", _logic("or", inverts_second=True)),
    "s_add_u32": _sum("add", has_input=False),
    "s_addc_u32": _sum("add", has_input=True),
    "s_sub_u32": _sum("sub", has_input=False),
    "s_subb_u32": _sum("sub", has_input=True),
    "s_add_i32": _signed_sum("add"),
    "s_sub_i32": _signed_sum("sub"),
    "s_add_nc_u64": _no_carry("add"),
    "s_sub_nc_u64": _no_carry("sub"),
    "s_mul_u64": _no_carry("mul"),
    "s_mul_i32": _no_carry("mul"),
    "s_mul_hi_u32": _high_product("zext"),
    "s_mul_hi_i32": _high_product("sext"),
    **_each("s_lshl_b32 s_lshl_b64", _shift("shl")),
    **_each("s_lshr_b32 s_lshr_b64", _shift("lshr")),
    **_each("s_ashr_i32 s_ashr_i64", _shift("ashr")),
    **{f"s_lshl{bits}_add_u32": _shift_add(bits) for bits in (1, 2, 3, 4)},
    "s_min_i32": _extreme("slt"),
    "s_min_u32": _extreme("ult"),
    "s_max_i32": _extreme("sge"),
    "s_max_u32": _extreme("uge"),
    **_each("s_bfe_u32 s_bfe_u64", _extract_bits("lshr")),
    **_each("s_bfe_i32 s_bfe_i64", _extract_bits("ashr")),
    **_each("s_bfm_b32 s_bfm_b64", _mask_of_bits),
    "s_absdiff_i32": _absolute_difference,
    "s_abs_i32": _absolute,
    **_each("s_cselect_b32 s_cselect_b64", _select),
    "s_pack_ll_b32_b16": _pack(first_high=False, second_high=False),
    "s_pack_lh_b32_b16": _pack(first_high=False, second_high=True),
    "s_pack_hl_b32_b16": _pack(first_high=True, second_high=False),
    "s_pack_hh_b32_b16": _pack(first_high=True, second_high=True),
    **_each("s_mov_b32 s_mov_b64", _move),
    **_each("s_cmov_b32 s_cmov_b64", _move_if),
    **_each("s_not_b32 s_not_b64", _invert),
    **_each("s_brev_b32 s_brev_b64", _reverse),
    **_each("s_bcnt0_i32_b32 s_bcnt0_i32_b64", _count(inverts=True)),
    **_each("s_bcnt1_i32_b32 s_bcnt1_i32_b64", _count(inverts=False)),
    **_each("s_ctz_i32_b32 s_ctz_i32_b64", _zeros_before("cttz")),
    **_each("s_ff0_i32_b32 s_ff0_i32_b64", _zeros_before("cttz", _inverted)),
    **_each("s_clz_i32_u32 s_clz_i32_u64", _zeros_before("ctlz")),
    **_each("s_cls_i32 s_cls_i32_i64", _zeros_before("ctlz", _differs_from_sign)),
    "s_sext_i32_i8": _sign_extend(8),
    "s_sext_i32_i16": _sign_extend(16),
    **_each("s_bitset0_b32 s_bitset0_b64", _set_bit(0)),
    **_each("s_bitset1_b32 s_bitset1_b64", _set_bit(1)),
    "s_bitreplicate_b64_b32": _replicate_bits,
    **_each("s_wqm_b32 s_wqm_b64", _quad(keeps_whole=True)),
    **_each("s_quadmask_b32 s_quadmask_b64", _quad(keeps_whole=False)),
    **_each("s_movrels_b32 s_movrels_b64", _move_relative_source),
    **_each("s_movreld_b32 s_movreld_b64", _move_relative_target),
    "s_movk_i32": _move_constant,
    "s_cmovk_i32": _move_constant_if,
    "s_addk_i32": _add_constant,
    "s_mulk_i32": _multiply_constant,
}
