"""Private memory of a lane: frame objects get offsets, `FrameSlot` operands become numbers.

    v1 = scratch_load_b32 null, frame1+4     v1 = scratch_load_b32 null, null {offset=68}
    v2 = v_add_nc_u32 v3, frame1+0           v2 = v_add_nc_u32 v3, 64

Objects lie in the order of `MachineFunction.frame`: arrays first, registers spilled later behind
them, so the offset of an object is final as soon as it exists.

gfx10 finds private memory through FLAT_SCR, which the kernel sets from two more user registers and
the wave's offset (gpu.md 3.5): `claim_scratch` moves the other arrivals to make room for them.
"""

from mlrift.backends.amdgcn.allocation.rewrite import SPARE_SGPR
from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.instruction import Access, Inline, Literal
from mlrift.backends.amdgcn.isa.registers import NULL, Register, RegisterFile, sgpr
from mlrift.backends.amdgcn.mir import (
    FrameSlot,
    MachineBlock,
    MachineFunction,
    MachineInstruction,
    MachineOperand,
)

_OFFSET_LIMITS = {
    Generation.GFX10: 2047,
    Generation.GFX11: 4095,
    Generation.GFX12: (1 << 23) - 1,
}
_FLAT_SCRATCH_DWORDS = 2
_FLAT_SCRATCH_LOW = 20 | 31 << 11
"""Hardware register 20, all 32 bits."""
_FLAT_SCRATCH_HIGH = 21 | 31 << 11
_GRANULE_BYTES = 4
_ANY_OFFSET = 1 << 31
_VADDR_OF_LOAD, _SADDR = 1, 2
_ACCESS_BINARY = (Access.WRITE, Access.READ, Access.READ)


def frame_offsets(function: MachineFunction) -> list[int]:
    """Return the offset of each frame object and, last, the size of the frame."""
    offsets: list[int] = []
    end = 0
    for slot in function.frame:
        end = -(-end // slot.align_bytes) * slot.align_bytes
        offsets.append(end)
        end += slot.size_bytes
    return [*offsets, -(-end // _GRANULE_BYTES) * _GRANULE_BYTES]


def reach_far_arrays(function: MachineFunction, generation: Generation) -> None:
    """Before allocation: an offset that no instruction can have with an index is added to the
    index. gfx10 has no scalar register beside it, and offsets below zero are for nobody.
    """
    offsets = frame_offsets(function)
    if offsets == [0]:
        return
    limit = _OFFSET_LIMITS[generation] if generation is Generation.GFX10 else _ANY_OFFSET
    for block in function.blocks:
        made: list[MachineInstruction] = []
        for row in block.instructions:
            slot = row.operands[_SADDR] if _is_scratch(row) else None
            if isinstance(slot, FrameSlot) and not _is_null(row.operands[_index_position(row)]):
                offset = offsets[slot.number] + slot.offset_bytes
                if not 0 <= offset <= limit:
                    made.append(_added(function, row, offset))
            made.append(row)
        block.instructions = made


def _added(function: MachineFunction, row: MachineInstruction, offset: int) -> MachineInstruction:
    position = _index_position(row)
    sum_ = function.new_register(RegisterFile.VECTOR)
    operands: list[MachineOperand] = [sum_, _constant(offset), row.operands[position]]
    row.operands[position] = sum_
    row.operands[_SADDR] = NULL
    return MachineInstruction("v_add_nc_u32", operands, _ACCESS_BINARY, {}, row.span)


def resolve_frame(function: MachineFunction, generation: Generation) -> int:
    """After allocation: replace the frame slots; return the bytes of private memory of a lane."""
    offsets = frame_offsets(function)
    if offsets == [0]:
        return 0
    limit = _OFFSET_LIMITS[generation]
    for block in function.blocks:
        made: list[MachineInstruction] = []
        for row in block.instructions:
            for position, operand in enumerate(row.operands):
                if isinstance(operand, FrameSlot):
                    offset = offsets[operand.number] + operand.offset_bytes
                    if _is_scratch(row):
                        made += _addressed(row, position, offset, limit)
                    else:
                        row.operands[position] = _constant(offset)
            made.append(row)
        block.instructions = made
    return offsets[-1]


def _addressed(
    row: MachineInstruction, position: int, offset: int, limit: int
) -> list[MachineInstruction]:
    """Put an offset into a scratch instruction; return what must stand before it."""
    total = offset + row.modifiers.get("offset", 0)
    near = total if total <= limit else total & limit
    row.operands[position] = NULL if near == total else SPARE_SGPR
    if near:
        row.modifiers = {**row.modifiers, "offset": near}
    else:
        row.modifiers.pop("offset", None)
    if near == total:
        return []
    operands: list[MachineOperand] = [SPARE_SGPR, _constant(total - near)]
    move = MachineInstruction("s_mov_b32", operands, (Access.WRITE, Access.READ), {}, row.span)
    return [move]


def _is_scratch(row: MachineInstruction) -> bool:
    return isinstance(row.operation, str) and row.operation.startswith("scratch_")


def _index_position(row: MachineInstruction) -> int:
    return 0 if row.access[0] is Access.READ else _VADDR_OF_LOAD


def _is_null(operand: MachineOperand) -> bool:
    return operand == NULL


def _constant(number: int) -> MachineOperand:
    return Inline(number) if -16 <= number <= 64 else Literal(number & 0xFFFFFFFF)


def claim_scratch(function: MachineFunction) -> None:
    """Make room for flat_scratch_init on gfx10: group ids arrive two registers later."""
    first = _flat_scratch_init(function).first
    moved: dict[Register, Register] = {}
    for index, (virtual, register) in enumerate(function.arrives):
        if register.file is RegisterFile.SCALAR and register.first >= first:
            later = sgpr(register.first + _FLAT_SCRATCH_DWORDS, register.count)
            moved[register] = later
            function.arrives[index] = (virtual, later)
    for row in function.blocks[0].instructions:
        if moved.keys() & {operand for operand in row.operands if type(operand) is Register}:
            row.operands = [
                moved.get(operand, operand) if type(operand) is Register else operand
                for operand in row.operands
            ]


def set_flat_scratch(function: MachineFunction) -> None:
    """Begin a gfx10 kernel that has private memory with the set-up of FLAT_SCR."""
    base = _flat_scratch_init(function)
    ends = [base.first + base.count]
    for _, register in function.arrives:
        if register.file is RegisterFile.SCALAR:
            ends.append(register.first + register.count)
    low, high, wave = sgpr(base.first), sgpr(base.first + 1), sgpr(max(ends))
    read = (Access.READ, Access.READ)
    block: MachineBlock = function.blocks[0]
    block.instructions[:0] = [
        MachineInstruction("s_add_u32", [low, low, wave], _ACCESS_BINARY),
        MachineInstruction("s_addc_u32", [high, high, Inline(0)], _ACCESS_BINARY),
        MachineInstruction("s_setreg_b32", [_FLAT_SCRATCH_LOW, low], read),
        MachineInstruction("s_setreg_b32", [_FLAT_SCRATCH_HIGH, high], read),
    ]


def _flat_scratch_init(function: MachineFunction) -> Register:
    """Return the user registers that follow the kernel argument pointer."""
    has_arguments = any(register == sgpr(0, 2) for _, register in function.arrives)
    return sgpr(2 if has_arguments else 0, 2)
