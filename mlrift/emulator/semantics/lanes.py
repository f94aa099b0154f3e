"""Moves between lanes: readlane, permlane, DPP and what the LDS hardware does without memory."""

from collections.abc import Mapping

from mlrift.emulator.code import LANES, V1, V32, splat
from mlrift.emulator.layout import VGPR_BYTES, ContextOffset
from mlrift.emulator.step import NoSemantics, Semantics, Step

_ROW = 16


def _row_address(step: Step, row: int) -> str:
    return step.code.address("%context", ContextOffset.DATA + VGPR_BYTES * row)


def lane_of(step: Step, word: str, lane: str) -> str:
    """Return one lane of a vector of dwords, by a number that is taken modulo 32."""
    code = step.code
    inside = code.binary("and", "i32", lane, str(LANES - 1))
    return code.value(f"extractelement {V32} {word}, i32 {inside}")


def _read_first_lane(step: Step) -> None:
    code = step.code
    word = step.lane_words(0)
    number = code.call("i32", "llvm.cttz.i32", f"i32 {step.registers.exec}", "i1 false")
    step.write_scalar_word(lane_of(step, word, number))


def _read_lane(step: Step) -> None:
    step.write_scalar_word(lane_of(step, step.lane_words(0), step.scalar(1)))


def _write_lane(step: Step) -> None:
    code, target = step.code, step.vector_target(0)
    lane = code.binary("and", "i32", step.scalar(1), str(LANES - 1))
    old = step.registers.vector(target)
    value = step.scalar(0)
    step.registers.set_vector(
        target, code.value(f"insertelement {V32} {old}, i32 {value}, i32 {lane}")
    )


def gathered(step: Step, words: str, indices: str) -> str:
    """Return lane indices[l] of a vector for each lane l."""
    code = step.code
    code.store(V32, words, _row_address(step, 0), 64)
    code.store(V32, indices, _row_address(step, 1), 64)
    code.call_void("lane.gather", "ptr %context")
    return code.load(V32, _row_address(step, 2), 64)


def active_at(step: Step, indices: str) -> str:
    """Return which of the lanes that indices name are active."""
    code = step.code
    moved = code.binary("lshr", V32, code.broadcast("i32", step.registers.exec), indices)
    bit = code.binary("and", V32, moved, splat("i32", 1))
    return code.binary("icmp ne", V32, bit, "zeroinitializer")


def _permute_row(step: Step, selectors: str, is_crossed: bool) -> None:
    """Each lane reads the lane of its row of 16 (or of the other row) that its selector names."""
    code = step.code
    rows = ", ".join(
        f"i32 {(lane // _ROW * _ROW) ^ (_ROW if is_crossed else 0)}" for lane in range(LANES)
    )
    inside = code.binary("and", V32, selectors, splat("i32", _ROW - 1))
    indices = code.binary("or", V32, inside, f"<{rows}>")
    found = gathered(step, step.lane_words(0), indices)
    options = step.instruction.modifier("op_sel")
    if not options & 1:
        active = active_at(step, indices)
        if options & 2:
            found = code.select(active, V32, found, "zeroinitializer")
        else:
            step.narrow_mask(active)
    step.write_word(step.vector_target(0), found)


def _permute_lanes(is_crossed: bool) -> Semantics:
    """Selectors are 16 nibbles in sources 1 and 2."""

    def semantics(step: Step) -> None:
        code = step.code
        low, high = (code.broadcast("i32", step.scalar(number)) for number in (1, 2))
        shifts = ", ".join(f"i32 {lane % 8 * 4}" for lane in range(LANES))
        uses_high = ", ".join(
            f"i1 {'true' if lane % _ROW >= 8 else 'false'}" for lane in range(LANES)
        )
        word = code.select(f"<{uses_high}>", V32, high, low)
        selectors = code.binary("lshr", V32, word, f"<{shifts}>")
        _permute_row(step, selectors, is_crossed)

    return semantics


def _permute_lanes_variable(is_crossed: bool) -> Semantics:
    def semantics(step: Step) -> None:
        _permute_row(step, step.lane_words(1), is_crossed)

    return semantics


def _same(step: Step) -> None:
    """v_permlane64 in wave32: nothing to exchange."""
    step.write_word(step.vector_target(0), step.lane_words(0))


# -- DPP --


def _quad(control: int) -> list[int]:
    return [lane & ~3 | control >> 2 * (lane & 3) & 3 for lane in range(LANES)]


def _within_row(control: int) -> list[int]:
    """Row operations; -1 where the source lane is outside the row."""
    count = control & 15
    found = []
    for lane in range(LANES):
        place = lane % _ROW
        match control >> 4:
            case 0x10:
                place += count
            case 0x11:
                place -= count
            case 0x12:
                place = (place - count) % _ROW
            case 0x15:
                place = count
            case 0x16:
                place ^= count
        found.append(lane // _ROW * _ROW + place if 0 <= place < _ROW else -1)
    return found


def dpp_lanes(control: int) -> list[int]:
    """Return the source lane of each lane, -1 for none, for a `dpp_ctrl`."""
    if control < 0x100:
        return _quad(control)
    if control == 0x140:
        return [lane ^ 15 for lane in range(LANES)]
    if control == 0x141:
        return [lane ^ 7 for lane in range(LANES)]
    if control >> 4 in (0x10, 0x11, 0x12, 0x15, 0x16):
        return _within_row(control)
    raise NoSemantics(f"DPP control {control:#x}")


def _shuffled(step: Step, word: str, lanes: list[int]) -> str:
    order = ", ".join(f"i32 {lane if lane >= 0 else 0}" for lane in lanes)
    return step.code.value(f"shufflevector {V32} {word}, {V32} poison, {V32} <{order}>")


def apply_dpp(step: Step) -> None:
    """Replace source 0 by other lanes' and narrow the lanes that are written."""
    instruction = step.instruction
    if instruction.row.format.extension.name == "DPP16":
        lanes = dpp_lanes(instruction.modifier("dpp_ctrl"))
        reads_inactive = bool(instruction.modifier("fi"))
        gives_zero = bool(instruction.modifier("bound_ctrl"))
        rows = instruction.modifiers.get("row_mask", 15)
        banks = instruction.modifiers.get("bank_mask", 15)
    else:
        control = instruction.modifier("dpp8")
        lanes = [lane & ~7 | control >> 3 * (lane & 7) & 7 for lane in range(LANES)]
        reads_inactive = instruction.row.format.extension.name == "DPP8_FI"
        reads_inactive = reads_inactive or bool(instruction.modifier("fi"))
        gives_zero, rows, banks = True, 15, 15
    word = _shuffled(step, step.lane_words(0), lanes)
    valid = _bits([lane >= 0 for lane in lanes])
    if not reads_inactive:
        mask = step.registers.exec_mask()
        order = ", ".join(f"i32 {lane if lane >= 0 else 0}" for lane in lanes)
        active = step.code.value(f"shufflevector {V1} {mask}, {V1} poison, {V32} <{order}>")
        valid = step.code.binary("and", V1, valid, active)
    written = _bits([bool(rows >> lane // _ROW & banks_bit(banks, lane)) for lane in range(LANES)])
    if gives_zero:
        word = step.code.select(valid, V32, word, "zeroinitializer")
    else:
        written = step.code.binary("and", V1, written, valid)
    step.first_source = word
    step.narrow_mask(written)


def banks_bit(banks: int, lane: int) -> int:
    """Return whether the bank of four lanes that a lane is in is written."""
    return banks >> (lane % _ROW // 4) & 1


def _bits(flags: list[bool]) -> str:
    return f"<{', '.join('i1 ' + ('true' if flag else 'false') for flag in flags)}>"


# -- the LDS crossbar --


def _byte_indices(step: Step, field: str) -> str:
    """Return lane numbers from byte addresses, the instruction's offset added."""
    code = step.code
    address = step.field_words(field)[0]
    offset = step.instruction.modifier("offset")
    total = code.binary("add", V32, address, splat("i32", offset))
    lane = code.binary("lshr", V32, total, splat("i32", 2))
    return code.binary("and", V32, lane, splat("i32", LANES - 1))


def _pull(reads_inactive: bool) -> Semantics:
    def semantics(step: Step) -> None:
        indices = _byte_indices(step, "addr")
        found = gathered(step, step.field_words("data0")[0], indices)
        if not reads_inactive:
            active = active_at(step, indices)
            found = step.code.select(active, V32, found, "zeroinitializer")
        step.write_word(step.vector_target(0), found)

    return semantics


def _push(step: Step) -> None:
    code = step.code
    code.store(V32, step.field_words("data0")[0], _row_address(step, 0), 64)
    code.store(V32, _byte_indices(step, "addr"), _row_address(step, 1), 64)
    code.store(V32, "zeroinitializer", _row_address(step, 2), 64)
    code.call_void("lane.scatter", "ptr %context", f"i32 {step.registers.exec}")
    step.write_word(step.vector_target(0), code.load(V32, _row_address(step, 2), 64))


def swizzle_lanes(pattern: int) -> list[int]:
    """Return the source lanes of a ds_swizzle pattern."""
    if pattern >= 0xE000:
        return list(range(LANES))
    if pattern >= 0xC000:
        rotation, keep = pattern >> 5 & 31, pattern & 31
        count = -rotation if pattern >> 10 & 1 else rotation
        return [lane & keep | (lane + count) & ~keep & 31 for lane in range(LANES)]
    if pattern & 0x8000:
        return _quad(pattern & 0xFF)
    and_mask, or_mask, xor_mask = pattern & 31, pattern >> 5 & 31, pattern >> 10 & 31
    return [((lane & and_mask) | or_mask) ^ xor_mask for lane in range(LANES)]


def _swizzle(step: Step) -> None:
    lanes = swizzle_lanes(step.instruction.modifier("offset"))
    found = _shuffled(step, step.field_words("addr")[0], lanes)
    indices = f"<{', '.join(f'i32 {lane}' for lane in lanes)}>"
    found = step.code.select(active_at(step, indices), V32, found, "zeroinitializer")
    step.write_word(step.vector_target(0), found)


# -- registers chosen by M0 --


def _relative_source(step: Step) -> None:
    found = step.registers.indexed_vector(step.vector_register(1))
    step.write_word(step.vector_target(0), found)


def _relative_target(step: Step) -> None:
    step.registers.set_indexed_vector(step.vector_target(0), step.lane_words(0))


ROWS: Mapping[str, Semantics] = {
    "v_readfirstlane_b32": _read_first_lane,
    "v_readlane_b32": _read_lane,
    "v_writelane_b32": _write_lane,
    "v_permlane16_b32": _permute_lanes(is_crossed=False),
    "v_permlanex16_b32": _permute_lanes(is_crossed=True),
    "v_permlane16_var_b32": _permute_lanes_variable(is_crossed=False),
    "v_permlanex16_var_b32": _permute_lanes_variable(is_crossed=True),
    "v_permlane64_b32": _same,
    "v_movrels_b32": _relative_source,
    "v_movreld_b32": _relative_target,
    "ds_bpermute_b32": _pull(reads_inactive=False),
    "ds_bpermute_fi_b32": _pull(reads_inactive=True),
    "ds_permute_b32": _push,
    "ds_swizzle_b32": _swizzle,
}
