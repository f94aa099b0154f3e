"""Rules between the operands of an instruction: what the hardware can read at once.

`check_operands` is part of encoding; `scalar_sources`, `scalar_limit`, `pair_conflict` and
`offset_range` are for those who choose operands. Sources: the manuals' sections on "Literal
constants and constant bus" and "VOPD".
"""

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.errors import EncodeError
from mlrift.backends.amdgcn.isa.formats import Encoding, Extension
from mlrift.backends.amdgcn.isa.instruction import Access, Instruction, Literal, Operand, Row
from mlrift.backends.amdgcn.isa.registers import NULL, VCC, Register, RegisterFile

_VECTOR = frozenset(
    (
        Encoding.VOP1,
        Encoding.VOP2,
        Encoding.VOPC,
        Encoding.VOP3,
        Encoding.VOP3SD,
        Encoding.VOP3P,
        Encoding.VOPD,
    )
)
_SHIFTS_OF_64 = frozenset(("v_lshlrev_b64", "v_lshrrev_b64", "v_ashrrev_i64"))
_BANKS = 4
_TWO_MOVES = "v_dual_mov_b32 :: v_dual_mov_b32"
"""On gfx12 its sources may be in one bank."""


def scalar_limit(row: Row, generation: Generation) -> int:
    """Return how many distinct scalar sources a vector instruction reads; a literal is one."""
    single = generation is Generation.GFX10 and row.operation in _SHIFTS_OF_64
    return 1 if single else 2


def scalar_sources(row: Row, operands: tuple[Operand, ...]) -> int:
    """Return how many distinct scalar registers and literals a vector instruction reads.

    The mask that it reads without naming it (VCC) counts, constants and NULL do not.
    """
    found: set[Operand] = set()
    if VCC in row.reads:
        found.add(VCC)
    for spec, operand in zip(row.operands, operands, strict=True):
        if type(operand) is Register:
            if (
                operand.file is not RegisterFile.VECTOR
                and spec.access is not Access.WRITE
                and operand != NULL
            ):
                found.add(operand)
        elif type(operand) is Literal:
            found.add(operand)
    return len(found)


def offset_range(row: Row) -> range:
    """Return the offsets that a memory instruction can add, in bytes; empty if it has none."""
    allowed = row.modifiers.get("offset", 0)
    if allowed >= 0:
        return range(allowed + 1) if allowed else range(0)
    half = 1 << row.format.fields["offset"].width - 1
    return range(-half, half)


def check_operands(instruction: Instruction, generation: Generation) -> None:
    """Raise EncodeError if the operands exclude each other."""
    row = instruction.row
    form = row.format
    if form.encoding not in _VECTOR:
        return
    count = scalar_sources(row, instruction.operands)
    if count > 1 and count > scalar_limit(row, generation):
        raise EncodeError(
            f"{count} scalar sources; at most {scalar_limit(row, generation)}"
            " (each scalar register and a literal count once)"
        )
    if form.encoding is Encoding.VOPD:
        _check_pair(instruction, generation)
    if form.extension is not Extension.NONE:
        for operand in instruction.operands:
            if type(operand) is Literal:
                raise EncodeError("an instruction with data from other lanes has no literal")


def pair_conflict(first: dict[str, Operand], second: dict[str, Operand]) -> str:
    """Return why two halves cannot be issued together, empty if they can.

    The halves have `vdst`, `src0` and mostly `vsrc1`.
    """
    return _target_conflict(first, second) or _bank_conflict(first, second)


def _check_pair(instruction: Instruction, generation: Generation) -> None:
    halves: dict[str, dict[str, Operand]] = {"x": {}, "y": {}}
    for spec, operand in zip(instruction.row.operands, instruction.operands, strict=True):
        half = "x" if "x" in spec.field else "y"
        halves[half][spec.field.replace(half, "", 1)] = operand
    reason = _target_conflict(halves["x"], halves["y"])
    two_moves = generation is Generation.GFX12 and instruction.row.operation == _TWO_MOVES
    if not reason and not two_moves:
        reason = _bank_conflict(halves["x"], halves["y"])
    if reason:
        raise EncodeError(reason)


def _target_conflict(first: dict[str, Operand], second: dict[str, Operand]) -> str:
    if _parity(first["vdst"]) == _parity(second["vdst"]):
        return "vdstx and vdsty are both even or both odd"
    return ""


def _bank_conflict(first: dict[str, Operand], second: dict[str, Operand]) -> str:
    for field in ("src0", "vsrc1"):
        bank = _bank(first.get(field))
        if bank is not None and bank == _bank(second.get(field)):
            return f"{field} of both halves is in bank {bank} (register number modulo 4)"
    return ""


def _parity(operand: Operand) -> int | None:
    return operand.first % 2 if isinstance(operand, Register) else None


def _bank(operand: Operand | None) -> int | None:
    if isinstance(operand, Register) and operand.file is RegisterFile.VECTOR:
        return operand.first % _BANKS
    return None
