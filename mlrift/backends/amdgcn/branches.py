"""Branches: falling through where possible before encoding, distances after it.

    s_cbranch_scc1 @2          s_cbranch_scc0 @3        @2 follows
    s_branch @3           ->
    block 2                    block 2

A distance is a signed 16-bit number of words. What is further away is reached by an inverted branch
over a jump through two scalar registers that allocation keeps free in kernels of such a size.
"""

from mlrift.backends.amdgcn.isa.instruction import Access, Inline, Literal
from mlrift.backends.amdgcn.isa.registers import sgpr
from mlrift.backends.amdgcn.mir import (
    BlockTarget,
    MachineBlock,
    MachineFunction,
    MachineInstruction,
    MachineOperand,
)

INVERTED = {
    "s_cbranch_scc0": "s_cbranch_scc1",
    "s_cbranch_scc1": "s_cbranch_scc0",
    "s_cbranch_vccz": "s_cbranch_vccnz",
    "s_cbranch_vccnz": "s_cbranch_vccz",
    "s_cbranch_execz": "s_cbranch_execnz",
    "s_cbranch_execnz": "s_cbranch_execz",
}
FAR_TARGET = sgpr(104, 2)
"""The registers of a far jump."""
FAR_KERNEL_INSTRUCTIONS = 8_000
"""From this size on a kernel keeps FAR_TARGET free: 32,767 words, three or four to an instruction
in the worst case, and what later passes add.
"""

_REACH_WORDS = 32_700
_WORD_BYTES = 4


def fall_through(function: MachineFunction) -> None:
    """Remove branches to the next block and jumps over jumps."""
    for index, block in enumerate(function.blocks[:-1]):
        following = function.blocks[index + 1].number
        _turn_around(block, following)
        while block.instructions and _goes_to(block.instructions[-1], following):
            block.instructions.pop()


def _turn_around(block: MachineBlock, following: int) -> None:
    if len(block.instructions) < 2:
        return
    first, last = block.instructions[-2:]
    if last.operation != "s_branch" or not _goes_to(first, following):
        return
    if isinstance(first.operation, str) and first.operation in INVERTED:
        first.operation = INVERTED[first.operation]
        first.operands = list(last.operands)
        block.instructions.pop()


def _goes_to(made: MachineInstruction, number: int) -> bool:
    return is_branch(made) and made.operands[-1] == BlockTarget(number)


def is_branch(made: MachineInstruction) -> bool:
    """Whether an instruction goes to a block."""
    return bool(made.operands) and type(made.operands[-1]) is BlockTarget


def relax(function: MachineFunction, sizes: list[list[int]]) -> None:
    """Replace branches that do not reach; `sizes` (bytes, by block and instruction) follow."""
    while True:
        offsets = block_offsets(function, sizes)
        far = [
            (block_index, index)
            for block_index, block in enumerate(function.blocks)
            for index, made, end in _branches(block, sizes[block_index], offsets)
            if made.operation != _FAR_LOW and abs(_words(made, offsets, end)) > _REACH_WORDS
        ]
        if not far:
            return
        for block_index, index in reversed(far):
            block = function.blocks[block_index]
            jump = _far_jump(block.instructions[index])
            block.instructions[index : index + 1] = jump
            sizes[block_index][index : index + 1] = [_FAR_SIZES[str(row.operation)] for row in jump]


def resolve_branches(function: MachineFunction, sizes: list[list[int]]) -> None:
    """Replace the blocks that branches name by distances."""
    offsets = block_offsets(function, sizes)
    for block, rows in zip(function.blocks, sizes, strict=True):
        for index, made, end in _branches(block, rows, offsets):
            words = _words(made, offsets, end)
            if made.operation != _FAR_LOW:
                made.operands[-1] = words
                continue
            distance = words * _WORD_BYTES + _FAR_SIZES[_FAR_LOW]
            made.operands[-1] = Literal(distance & 0xFFFFFFFF)
            block.instructions[index + 1].operands[-1] = Inline(-1 if distance < 0 else 0)


def far_registers(function: MachineFunction) -> int:
    """Return the scalar registers that far jumps take, counted from s0; 0 without far jumps."""
    jumps = any(made.operation == "s_setpc_b64" for made in function.instructions())
    return FAR_TARGET.first + FAR_TARGET.count if jumps else 0


def block_offsets(function: MachineFunction, sizes: list[list[int]]) -> dict[int, int]:
    """Return the offset in bytes of each block."""
    offsets: dict[int, int] = {}
    position = 0
    for block, rows in zip(function.blocks, sizes, strict=True):
        offsets[block.number] = position
        position += sum(rows)
    return offsets


def _branches(
    block: MachineBlock, sizes: list[int], offsets: dict[int, int]
) -> list[tuple[int, MachineInstruction, int]]:
    """Return index, instruction and the offset behind it, of the branches of a block."""
    found = []
    end = offsets[block.number]
    for index, (made, size) in enumerate(zip(block.instructions, sizes, strict=True)):
        end += size
        if is_branch(made):
            found.append((index, made, end))
    return found


def _words(made: MachineInstruction, offsets: dict[int, int], end: int) -> int:
    target = made.operands[-1]
    assert isinstance(target, BlockTarget)
    return (offsets[target.number] - end) // _WORD_BYTES


_FAR_LOW = "s_add_u32"
_FAR_SIZES = {
    **dict.fromkeys(INVERTED, 4),
    "s_getpc_b64": 4,
    _FAR_LOW: 8,
    "s_addc_u32": 4,
    "s_setpc_b64": 4,
}
_FAR_JUMP_WORDS = 5


def _far_jump(made: MachineInstruction) -> list[MachineInstruction]:
    """Return a jump, behind an inverted branch if the original was conditional. The low half of the
    distance has the block as operand until `resolve_branches`. SCC is lost (`verify_mir` sees to it
    that no block expects anything in it).
    """
    low, high = sgpr(FAR_TARGET.first), sgpr(FAR_TARGET.first + 1)
    read, write = Access.READ, Access.WRITE
    rows: list[tuple[str, list[MachineOperand], tuple[Access, ...]]] = [
        ("s_getpc_b64", [FAR_TARGET], (write,)),
        (_FAR_LOW, [low, low, made.operands[-1]], (write, read, read)),
        ("s_addc_u32", [high, high, Inline(0)], (write, read, read)),
        ("s_setpc_b64", [FAR_TARGET], (read,)),
    ]
    if isinstance(made.operation, str) and made.operation in INVERTED:
        rows.insert(0, (INVERTED[made.operation], [_FAR_JUMP_WORDS], (read,)))
    return [
        MachineInstruction(name, operands, access, {}, made.span) for name, operands, access in rows
    ]
