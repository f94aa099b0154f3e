"""Virtual registers become registers: a function and the place of every register enter; copies
leave as moves, or not at all, tuples are where their parts are, and nothing virtual is left.

    %3 = copy %1            v_mov_b32 v3, v1        nothing when both have one place
    %4:s2 = copy 7          s_mov_b64 s[4:5], 7
    %5:s = copy %1          v_readfirstlane_b32 s5, v1
"""

from mlrift.backends.amdgcn.allocation.groups import Group, copies_of
from mlrift.backends.amdgcn.allocation.parallel import Move, Step, in_order
from mlrift.backends.amdgcn.isa.instruction import Access, Inline, Literal
from mlrift.backends.amdgcn.isa.registers import Register, RegisterFile, sgpr
from mlrift.backends.amdgcn.mir import (
    MachineFunction,
    MachineInstruction,
    MachineOperand,
    Part,
    Pseudo,
    VirtualRegister,
)

SPARE_SGPR = sgpr(107)
"""The unused half of VCC in wave32: holds one value of a cycle of copies, or a far frame offset."""

_MOVE = (Access.WRITE, Access.READ)
_SWAP = (Access.BOTH, Access.BOTH)
_COPIES = frozenset({Pseudo.COPY, Pseudo.PARALLEL_COPY, Pseudo.ASSEMBLE})


class _Places:
    """The register of each virtual register."""

    __slots__ = ("registers",)

    def __init__(self, home: dict[VirtualRegister, tuple[Group, int]]) -> None:
        self.registers = {
            virtual: Register(virtual.file, group.place + offset, virtual.count)
            for virtual, (group, offset) in home.items()
        }

    def operand(self, operand: MachineOperand) -> MachineOperand:
        if type(operand) is VirtualRegister:
            return self.registers[operand]
        if type(operand) is Part:
            whole = self.registers[operand.of]
            return Register(whole.file, whole.first + operand.first, operand.count)
        return operand


def rewrite(function: MachineFunction, home: dict[VirtualRegister, tuple[Group, int]]) -> None:
    """Replace the virtual registers of a function by the places of their groups."""
    places = _Places(home)
    for block in function.blocks:
        made: list[MachineInstruction] = []
        for row in block.instructions:
            row.operands = [places.operand(operand) for operand in row.operands]
            if row.operation in _COPIES:
                made += _moves(row)
            elif row.operation is not Pseudo.UNDEFINED:
                made.append(row)
        block.instructions = made
    function.partial.clear()


def _moves(made: MachineInstruction) -> list[MachineInstruction]:
    pairs: list[tuple[MachineOperand, MachineOperand]] = []
    for target, source in copies_of(made):
        pairs += _dwords(target, source)
    moves = _join_scalar_pairs(in_order(pairs))
    return [row for move in moves for row in _instructions(move, made)]


def _dwords(
    target: MachineOperand, source: MachineOperand
) -> list[tuple[MachineOperand, MachineOperand]]:
    if not isinstance(target, Register):
        raise TypeError(f"a copy into {target}")
    parts = [Register(target.file, number) for number in target.dwords()]
    if isinstance(source, Register):
        return [
            (part, Register(source.file, source.first + index)) for index, part in enumerate(parts)
        ]
    if target.count == 1:
        return [(parts[0], source)]
    return [(part, _constant_dword(source, index)) for index, part in enumerate(parts)]


def _constant_dword(source: MachineOperand, index: int) -> MachineOperand:
    match source:
        case Inline(int(number)):
            return source if index == 0 else Inline(-1 if number < 0 else 0)
        case Literal(bits):
            return source if index == 0 else Inline(-1 if bits >> 31 else 0)
        case _:
            raise TypeError(f"{source} has one dword")


def _join_scalar_pairs(moves: list[Move]) -> list[Move]:
    joined: list[Move] = []
    for move in moves:
        pair = _joined(joined[-1], move) if joined else None
        if pair is None:
            joined.append(move)
        else:
            joined[-1] = pair
    return joined


def _joined(low: Move, high: Move) -> Move | None:
    if low.step is not Step.MOVE or high.step is not Step.MOVE:
        return None
    target, upper = low.target, high.target
    if not isinstance(target, Register) or not isinstance(upper, Register):
        return None
    if target.first > upper.first:
        return _joined(high, low)
    if not _is_even_pair(target, upper):
        return None
    wide = Register(target.file, target.first, 2)
    source, above = low.source, high.source
    if isinstance(source, Register) and isinstance(above, Register):
        if not _is_even_pair(source, above):
            return None
        return Move(Step.MOVE, wide, Register(source.file, source.first, 2))
    if isinstance(source, Inline) and isinstance(source.number, int):
        extends = above == Inline(-1 if source.number < 0 else 0)
        return Move(Step.MOVE, wide, source) if extends else None
    return None


def _is_even_pair(low: Register, high: Register) -> bool:
    return (
        low.file is high.file is RegisterFile.SCALAR
        and low.count == high.count == 1
        and low.first % 2 == 0
        and high.first == low.first + 1
    )


def _instructions(move: Move, origin: MachineInstruction) -> list[MachineInstruction]:
    target, source = move.target, move.source
    if not isinstance(target, Register):
        raise TypeError(f"a move into {target}")

    def made(name: str, *operands: MachineOperand) -> MachineInstruction:
        access = _SWAP if name == "v_swap_b32" else _MOVE
        return MachineInstruction(name, list(operands), access, {}, origin.span, None)

    if target.file is RegisterFile.VECTOR:
        name = "v_swap_b32" if move.step is Step.SWAP else "v_mov_b32"
        return [made(name, target, source)]
    if move.step is Step.SWAP:
        return [
            made("s_mov_b32", SPARE_SGPR, target),
            made("s_mov_b32", target, source),
            made("s_mov_b32", source, SPARE_SGPR),
        ]
    if isinstance(source, Register) and source.file is RegisterFile.VECTOR:
        return [made("v_readfirstlane_b32", target, source)]
    return [made("s_mov_b64" if target.count == 2 else "s_mov_b32", target, source)]
