"""Two independent vector instructions become one that does both (VOPD of gfx11 and gfx12).

    v1 = v_mul_f32 v2, v3
    v5 = v_lshlrev_b32 2, v6      ->  v_dual_mul_f32 v1, v2, v3 :: v_dual_and_b32 v4, v7, v8
    v4 = v_and_b32 v7, v8             v5 = v_lshlrev_b32 2, v6

The second one moves up to the first, over nothing that it depends on and not towards a load that it
is the first to use. The targets must be an even and an odd register, equal sources in different
banks, and at most two scalar registers or one literal are read (gpu.md 4.1).
"""

from mlrift.backends.amdgcn.allocation.units import physical_accesses
from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.instruction import Access, Literal, Operand, Unit
from mlrift.backends.amdgcn.isa.limits import pair_conflict
from mlrift.backends.amdgcn.isa.registers import EXEC, VCC, Register, RegisterFile
from mlrift.backends.amdgcn.mir import (
    MachineBlock,
    MachineFunction,
    MachineInstruction,
    MachineOperand,
    Pseudo,
)
from mlrift.backends.amdgcn.operations import facts_of
from mlrift.values import record

_WINDOW = 12
_SCALARS = 2
_EITHER = frozenset(
    {
        "v_fmac_f32",
        "v_mul_f32",
        "v_add_f32",
        "v_sub_f32",
        "v_subrev_f32",
        "v_mul_dx9_zero_f32",
        "v_mov_b32",
        "v_cndmask_b32",
        "v_max_f32",
        "v_min_f32",
    }
)
_SECOND_ONLY = frozenset({"v_add_nc_u32", "v_lshlrev_b32", "v_and_b32"})
_COMMUTATIVE = frozenset(
    {"v_fmac_f32", "v_mul_f32", "v_add_f32", "v_max_f32", "v_min_f32", "v_add_nc_u32", "v_and_b32"}
)
_BARRIERS = frozenset({Unit.BARRIER, Unit.CACHE, Unit.BRANCH, Unit.MESSAGE, Unit.END, Unit.WAIT})


@record
class _Entry:
    """An instruction: bit sets of the units it reads and writes, whether nothing may pass it, and
    its operands as halves of a pair (none: it cannot be one).
    """

    made: MachineInstruction
    reads: int
    writes: int
    is_fixed: bool
    loads: bool
    halves: list[dict[str, MachineOperand]]


def pair_instructions(function: MachineFunction, generation: Generation) -> None:
    """Make pairs in each block of a function with physical registers."""
    if generation is Generation.GFX10:
        return
    for block in function.blocks:
        _pair_block(block, generation)


def _pair_block(block: MachineBlock, generation: Generation) -> None:
    entries = [_entry(made, generation) for made in block.instructions]
    if sum(1 for row in entries if row.halves) < 2:
        return
    gone: set[int] = set()
    pending = 0
    made: list[MachineInstruction] = []
    for index, entry in enumerate(entries):
        if index in gone:
            continue
        pending &= ~(entry.reads | entry.writes)
        if entry.loads:
            pending |= entry.writes
        partner = _partner(entries, index, gone, pending) if entry.halves else None
        if partner is None:
            made.append(entry.made)
            continue
        position, pair = partner
        gone.add(position)
        made.append(pair)
    block.instructions = made


def _entry(made: MachineInstruction, generation: Generation) -> _Entry:
    if isinstance(made.operation, Pseudo):
        return _Entry(made, 0, 0, True, False, [])
    facts = facts_of(made.operation, generation)
    reads, writes = physical_accesses(made, facts)
    writes_exec = facts.writes_exec or any(
        operand == EXEC and access is not Access.READ
        for operand, access in zip(made.operands, made.access, strict=True)
    )
    is_fixed = facts.unit in _BARRIERS or writes_exec
    loads = facts.loads or facts.unit is Unit.LDS
    return _Entry(made, _bits(reads), _bits(writes), is_fixed, loads, _halves(made))


def _bits(units: list[int]) -> int:
    bits = 0
    for unit in units:
        bits |= 1 << unit
    return bits


def _halves(made: MachineInstruction) -> list[dict[str, MachineOperand]]:
    """Return the operands of a half in the orders in which they can stand."""
    operation, operands = made.operation, made.operands
    if made.modifiers or (operation not in _EITHER and operation not in _SECOND_ONLY):
        return []
    if operation == "v_cndmask_b32" and operands[3] != VCC:
        return []
    if operation == "v_mov_b32":
        return [{"vdst": operands[0], "src0": operands[1]}]
    orders = [(operands[1], operands[2])]
    if operation in _COMMUTATIVE:
        orders.append((operands[2], operands[1]))
    return [
        {"vdst": operands[0], "src0": first, "vsrc1": second}
        for first, second in orders
        if _is_vector(second)
    ]


def _is_vector(operand: MachineOperand) -> bool:
    return type(operand) is Register and operand.file is RegisterFile.VECTOR


def _partner(
    entries: list[_Entry], index: int, gone: set[int], pending: int
) -> tuple[int, MachineInstruction] | None:
    """Return the position of the instruction to pair with, and the pair."""
    first = entries[index]
    reads = writes = 0
    for position in range(index + 1, min(index + 1 + _WINDOW, len(entries))):
        if position in gone:
            continue
        second = entries[position]
        if second.is_fixed:
            return None
        blocked = second.reads & (writes | first.writes | pending)
        blocked |= second.writes & (reads | writes | first.writes | pending)
        if second.halves and not blocked:
            pair = _paired(first, second)
            if pair is not None:
                return position, pair
        reads |= second.reads
        writes |= second.writes
        if second.loads:
            pending |= second.writes
    return None


def _paired(first: _Entry, second: _Entry) -> MachineInstruction | None:
    for upper, lower in ((first, second), (second, first)):
        if upper.made.operation in _SECOND_ONLY:
            continue
        for left in upper.halves:
            for right in lower.halves:
                if _fit(upper, left, lower, right):
                    return _pair(upper.made, left, lower.made, right)
    return None


def _fit(
    upper: _Entry,
    left: dict[str, MachineOperand],
    lower: _Entry,
    right: dict[str, MachineOperand],
) -> bool:
    scalars: set[MachineOperand] = set()
    literals: set[MachineOperand] = set()
    for half in (left, right):
        source = half["src0"]
        if isinstance(source, Literal):
            literals.add(source)
        elif isinstance(source, Register) and source.file is not RegisterFile.VECTOR:
            scalars.add(source)
    if "v_cndmask_b32" in (upper.made.operation, lower.made.operation):
        scalars.add(VCC)
    if len(literals) > 1 or len(scalars) + len(literals) > _SCALARS:
        return False
    return not pair_conflict(_operands(left), _operands(right))


def _operands(half: dict[str, MachineOperand]) -> dict[str, Operand]:
    return {field: row for field, row in half.items() if isinstance(row, Register)}


def _pair(
    upper: MachineInstruction,
    left: dict[str, MachineOperand],
    lower: MachineInstruction,
    right: dict[str, MachineOperand],
) -> MachineInstruction:
    names = [str(row.operation).replace("v_", "v_dual_", 1) for row in (upper, lower)]
    operands = [*left.values(), *right.values()]
    access: list[Access] = []
    for half, row in ((left, upper), (right, lower)):
        access += [row.access[0], *[Access.READ] * (len(half) - 1)]
    return MachineInstruction(" :: ".join(names), operands, tuple(access), {}, upper.span)
