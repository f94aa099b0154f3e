"""The code of a wave, with labels in it, becomes blocks: a branch ends one, a label begins one.

A branch over a few instructions that do nothing without lanes is left out.
"""

from mlrift.backends.amdgcn.isa.instruction import Access
from mlrift.backends.amdgcn.isa.registers import EXEC
from mlrift.backends.amdgcn.mir import MachineBlock, MachineInstruction, Pseudo
from mlrift.backends.amdgcn.selection.emitter import Item, branch_targets, is_vector

_ENDS = ("s_branch", "s_endpgm")
_MOST_EXECUTED_IN_VAIN = 5
_SPEAKING = ("v_readlane", "v_readfirstlane", "v_cmp", "v_permlane", "v_wmma")


def wave_blocks(items: list[Item]) -> list[MachineBlock]:
    """Cut the code at labels that something branches to, and note where blocks lead."""
    targets = {
        number
        for item in items
        if isinstance(item, MachineInstruction)
        for number in branch_targets(item)
    }
    blocks: list[MachineBlock] = []
    for item in items:
        if isinstance(item, MachineInstruction):
            blocks[-1].instructions.append(item)
        elif not blocks or item.number in targets or _ends(blocks[-1]):
            blocks.append(MachineBlock(item.number, loop_depth=item.loop_depth))
    blocks = _reachable(blocks)
    _drop_short_skips(blocks)
    return _connected(blocks)


def _ends(block: MachineBlock) -> bool:
    """Whether the last instruction is a branch."""
    if not block.instructions:
        return False
    last = block.instructions[-1].operation
    return isinstance(last, str) and last.startswith(("s_branch", "s_cbranch", "s_endpgm"))


def _reachable(blocks: list[MachineBlock]) -> list[MachineBlock]:
    """Leave out blocks that begin behind a branch and that nothing leads to."""
    return [block for block in blocks if block.instructions or block is not blocks[-1]]


def _connected(blocks: list[MachineBlock]) -> list[MachineBlock]:
    following = [row.number for row in blocks[1:]]
    for position, block in enumerate(blocks):
        last = block.instructions[-1] if block.instructions else None
        goes_on = last is None or last.operation not in _ENDS
        targets = branch_targets(last) if last is not None else []
        if goes_on and position < len(following):
            targets = [*targets, following[position]]
        block.successors = list(dict.fromkeys(targets))
    return blocks


def _drop_short_skips(blocks: list[MachineBlock]) -> None:
    for block, skipped, after in zip(blocks, blocks[1:], blocks[2:], strict=False):
        last = block.instructions[-1] if block.instructions else None
        if last is None or last.operation != "s_cbranch_execz":
            continue
        if branch_targets(last) == [after.number] and _sets_exec(after) and _is_short(skipped):
            block.instructions.pop()


def _sets_exec(block: MachineBlock) -> bool:
    """Whether a block begins with the EXEC that it has, whatever EXEC was."""
    if not block.instructions:
        return False
    first = block.instructions[0]
    return bool(first.operands) and first.operands[0] == EXEC


def _is_short(block: MachineBlock) -> bool:
    """Whether a block is quicker executed without lanes than skipped."""
    made = block.instructions
    return len(made) <= _MOST_EXECUTED_IN_VAIN and all(map(_is_harmless, made))


def _is_harmless(made: MachineInstruction) -> bool:
    written = zip(made.operands, made.access, strict=True)
    if not all(is_vector(row) for row, access in written if access is not Access.READ):
        return False
    operation = made.operation
    if isinstance(operation, Pseudo):
        return operation is not Pseudo.DRAIN
    return operation.startswith("v_") and not operation.startswith(_SPEAKING)
