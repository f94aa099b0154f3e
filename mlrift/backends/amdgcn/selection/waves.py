"""What lanes of a wave tell each other: shuffles, ballots, reductions."""

from mlrift.backends.amdgcn.isa.instruction import Inline, Literal
from mlrift.backends.amdgcn.mir import MachineOperand
from mlrift.backends.amdgcn.selection.compare import fresh_mask
from mlrift.backends.amdgcn.selection.emitter import (
    dwords_of,
    high_part,
    is_vector,
    low_part,
    part_of,
)
from mlrift.backends.amdgcn.selection.floats import ROW, row_exchange
from mlrift.backends.amdgcn.selection.integers import add_words
from mlrift.backends.amdgcn.selection.selector import Selector
from mlrift.backends.rules import Rules
from mlrift.ir.core import Value
from mlrift.ir.ops.arith import Constant
from mlrift.ir.ops.device import Ballot, Reduction, Shuffle, ShuffleXor, WaveReduce
from mlrift.typesystem import F32, F64, I64

RULES: Rules[Selector] = Rules("amdgcn")
_DISTANCES = (16, 8, 4, 2, 1)
_LANE_MASK = 31
_ADDRESS_MASK = 124


def _vector_dwords(selector: Selector, value: Value) -> list[MachineOperand]:
    """Return the dwords of a value, in vector registers."""
    if value.type is F32 or (value.type is I64 and selector.size_of(value) == 1):
        return [selector.vector_word(value)]
    return [selector.in_vector(row) for row in selector.words(value)]


def _targets(selector: Selector, made: Value) -> list[MachineOperand]:
    place = selector.place(made)
    return [part_of(place, number) for number in range(dwords_of(place))]


@RULES.rule(Shuffle)
def shuffle(selector: Selector, made: Shuffle) -> None:
    """What another lane has."""
    targets = _targets(selector, made)
    sources = _vector_dwords(selector, made.value)[: len(targets)]
    if not selector.is_divergent(made.lane):
        lane = selector.scalar_word(made.lane)
        if isinstance(made.lane, Constant):
            lane = Inline(int(made.lane.value) & _LANE_MASK)
        for target, source in zip(targets, sources, strict=True):
            _read_lane(selector, target, source, lane)
        return
    address = _lane_address(selector, made.lane)
    for target, source in zip(targets, sources, strict=True):
        selector.emit("ds_bpermute_b32", target, address, source)


def _read_lane(
    selector: Selector, target: MachineOperand, source: MachineOperand, lane: MachineOperand
) -> None:
    made = selector.scalar()
    selector.emit("v_readlane_b32", made, source, lane)
    selector.copy(target, made)


def _lane_address(selector: Selector, lane: Value) -> MachineOperand:
    shifted = selector.vector()
    selector.valu("v_lshlrev_b32", shifted, Inline(2), selector.word(lane))
    if selector.bound(lane) <= _LANE_MASK:
        return shifted
    address = selector.vector()
    selector.valu("v_and_b32", address, Literal(_ADDRESS_MASK), shifted)
    return address


@RULES.rule(ShuffleXor)
def shuffle_xor(selector: Selector, made: ShuffleXor) -> None:
    """What the lane at a distance has."""
    targets = _targets(selector, made)
    sources = _vector_dwords(selector, made.value)[: len(targets)]
    for target, source in zip(targets, sources, strict=True):
        exchange(selector, target, source, made.mask & _LANE_MASK)


def exchange(
    selector: Selector, target: MachineOperand, source: MachineOperand, distance: int
) -> None:
    """Append what gives every lane the dword of lane ^ distance."""
    if distance == 0:
        selector.copy(target, source)
    elif distance < ROW:
        made = target if is_vector(target) else selector.vector()
        selector.emit("v_mov_b32", made, source, modifiers=row_exchange(distance))
        if made is not target:
            selector.copy(target, made)
    else:
        _exchange_rows(selector, target, source, distance)


def _exchange_rows(
    selector: Selector, target: MachineOperand, source: MachineOperand, distance: int
) -> None:
    """Read the other row of 16 lanes; a nibble says which lane of it."""
    nibbles = [lane ^ (distance & (ROW - 1)) for lane in range(ROW)]
    choice = selector.kept_pair(sum(nibble << (4 * lane) for lane, nibble in enumerate(nibbles)))
    made = selector.vector()
    selector.undefined(made)
    selector.emit("v_permlanex16_b32", made, source, low_part(choice), high_part(choice))
    selector.copy(target, made)


@RULES.rule(Ballot)
def ballot(selector: Selector, made: Ballot) -> None:
    """The mask as a word."""
    place = selector.place(made)
    if dwords_of(place) == 1:
        selector.copy(place, fresh_mask(selector, made.condition))
        return
    selector.copy(low_part(place), fresh_mask(selector, made.condition))
    selector.copy(high_part(place), Inline(0))


# reductions


_SINGLE = {
    Reduction.SUM: "v_add_f32",
    Reduction.MAXIMUM: "v_max_f32",
    Reduction.MINIMUM: "v_min_f32",
}
_WORD = {
    Reduction.SUM: "v_add_nc_u32",
    Reduction.MAXIMUM: "v_max_u32",
    Reduction.MINIMUM: "v_min_u32",
}
_DOUBLE = {
    Reduction.SUM: "v_add_f64",
    Reduction.MAXIMUM: "v_max_f64",
    Reduction.MINIMUM: "v_min_f64",
}


@RULES.rule(WaveReduce)
def wave_reduce(selector: Selector, made: WaveReduce) -> None:
    """Combine with lane ^ 16, then 8, 4, 2 and 1: every lane has the result."""
    if made.type is F32:
        total = selector.vector_word(made.operand)
        for distance in _DISTANCES:
            total = _step(selector, _SINGLE[made.reduction], total, distance)
    elif made.type is I64 and _is_one_dword(selector, made):
        total = selector.vector_word(made.operand)
        for distance in _DISTANCES:
            total = _step(selector, _WORD[made.reduction], total, distance)
    else:
        total = selector.vector_pair(made.operand)
        for distance in _DISTANCES:
            total = _wide_step(selector, made, total, distance)
    place = selector.place(made)
    for number in range(dwords_of(place)):
        has_it = number < dwords_of(total)
        source = part_of(total, number) if has_it else Inline(0)
        selector.copy(part_of(place, number), source)


def _is_one_dword(selector: Selector, made: WaveReduce) -> bool:
    if made.reduction is Reduction.SUM:
        return selector.size_of(made) == 1
    return selector.is_small(made.operand)


def _step(
    selector: Selector, operation: str, total: MachineOperand, distance: int
) -> MachineOperand:
    made = selector.vector()
    if distance >= ROW:
        other = selector.vector()
        exchange(selector, other, total, distance)
        selector.emit(operation, made, other, total)
    else:
        selector.emit(operation, made, total, total, modifiers=row_exchange(distance))
    return made


def _wide_step(
    selector: Selector, made: WaveReduce, total: MachineOperand, distance: int
) -> MachineOperand:
    other, following = selector.vector(2), selector.vector(2)
    for part in (low_part, high_part):
        exchange(selector, part(other), part(total), distance)
    if made.type is F64:
        selector.emit(_DOUBLE[made.reduction], following, total, other)
    elif made.reduction is Reduction.SUM:
        halves = (low_part(total), high_part(total)), (low_part(other), high_part(other))
        add_words(selector, following, *halves)
    else:
        mask = selector.scalar()
        name = "gt" if made.reduction is Reduction.MAXIMUM else "lt"
        selector.emit(f"v_cmp_{name}_u64", mask, total, other)
        for part in (low_part, high_part):
            operands = part(other), part(total), mask
            selector.emit("v_cndmask_b32", part(following), *operands)
    return following
