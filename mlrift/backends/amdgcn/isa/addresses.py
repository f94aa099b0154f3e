"""Addresses of GLOBAL, SCRATCH and MUBUF instructions: what a field means for another one.

GLOBAL: without `saddr` the vector address has two dwords, with it one. SCRATCH: both parts may be
missing (NULL). gfx11 and gfx12 have a bit that says if there is a vector address; gfx10.3 has two
numbers for "no scalar address", and no instruction with both. MUBUF: a register for each of `offen`
and `idxen` (the index first).
"""

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.errors import DecodeError, EncodeError
from mlrift.backends.amdgcn.isa.formats import Encoding
from mlrift.backends.amdgcn.isa.instruction import Instruction, Operand
from mlrift.backends.amdgcn.isa.operands import described
from mlrift.backends.amdgcn.isa.plans import Plan
from mlrift.backends.amdgcn.isa.registers import GENERAL_VGPRS, NULL, Register, RegisterFile, vgpr

_GFX10_VECTOR_ONLY = 0x7D
_GFX10_NEITHER = 0x7F


def address_code(plan: Plan, instruction: Instruction, generation: Generation) -> int:
    """Return the bits of the operands of a GLOBAL, SCRATCH or MUBUF instruction."""
    code = 0
    vector: Operand | None = None
    scalar: Operand = NULL
    for operand_plan, operand in zip(plan.operands, instruction.operands, strict=True):
        field = operand_plan.spec.field
        if field == "vaddr":
            vector = operand
            if operand != NULL:
                code |= _vector_code(operand) << operand_plan.shift
        else:
            code |= operand_plan.encode(operand) << operand_plan.shift
            scalar = operand if field == "saddr" else scalar
    if vector is None:
        return code
    encoding = plan.row.format.encoding
    if encoding is Encoding.MUBUF:
        _check_count(vector, instruction.modifier("offen") + instruction.modifier("idxen"))
    elif encoding is Encoding.GLOBAL:
        _check_count(vector, 2 if scalar == NULL else 1)
    else:
        code |= _scratch_bits(plan, vector, scalar, generation)
    return code


def address_operands(plan: Plan, code: int, generation: Generation) -> list[Operand]:
    """Return the operands of a GLOBAL, SCRATCH or MUBUF instruction."""
    raw = {each.spec.field: code >> each.shift & each.mask for each in plan.operands}
    found: list[Operand] = []
    for each in plan.operands:
        field = each.spec.field
        if field == "vaddr":
            operand = _vector_address(plan, code, raw, generation)
        elif field == "saddr" and _is_absent(plan, raw, generation):
            operand = NULL
        else:
            operand = each.decode(raw[field])
        if operand is None:
            raise DecodeError(f"{plan.row.name}: {raw[field]:#x} is no {field}")
        found.append(operand)
    return found


def _is_absent(plan: Plan, raw: dict[str, int], generation: Generation) -> bool:
    """Say if the scalar address is gfx10.3's number for a scratch address without any register."""
    scratch = plan.row.format.encoding is Encoding.SCRATCH
    return scratch and generation is Generation.GFX10 and raw["saddr"] == _GFX10_NEITHER


def _vector_address(
    plan: Plan, code: int, raw: dict[str, int], generation: Generation
) -> Operand | None:
    """Return the vector address that the code has, None if there is no such register."""
    fields = plan.row.format.fields
    match plan.row.format.encoding:
        case Encoding.GLOBAL:
            null = _GFX10_VECTOR_ONLY if generation is Generation.GFX10 else NULL.first
            count = 2 if raw["saddr"] == null else 1
        case Encoding.MUBUF:
            count = fields["offen"].extract(code) + fields["idxen"].extract(code)
        case _:
            count = int(_scratch_has_vector(plan, code, raw, generation))
    if count == 0 and raw["vaddr"]:
        raise DecodeError(f"{plan.row.name}: a vector address where there is none")
    if raw["vaddr"] + count > GENERAL_VGPRS:
        return None
    return vgpr(raw["vaddr"], count) if count else NULL


def _vector_code(operand: Operand) -> int:
    if not isinstance(operand, Register) or operand.file is not RegisterFile.VECTOR:
        raise EncodeError(f"vaddr: found {described(operand)}, expected vector registers")
    if not 0 <= operand.first <= GENERAL_VGPRS - operand.count:
        raise EncodeError(f"vaddr: {described(operand)} is beyond v255")
    return operand.first


def _check_count(vector: Operand, expected: int) -> None:
    """The number of registers follows from saddr, or from offen and idxen."""
    count = 0 if vector == NULL or not isinstance(vector, Register) else vector.count
    if count != expected:
        wanted = ("no register (null)", "one register", "two registers")[expected]
        raise EncodeError(
            f"vaddr: found {described(vector)}, expected {wanted}"
            " (global: two without saddr, else one; buffer: one each for offen and idxen)"
        )


def _scratch_bits(plan: Plan, vector: Operand, scalar: Operand, generation: Generation) -> int:
    """Return what says which parts a scratch address has."""
    if vector != NULL and isinstance(vector, Register) and vector.count != 1:
        raise EncodeError(f"vaddr: found {described(vector)}, expected one register or null")
    fields = plan.row.format.fields
    if generation is not Generation.GFX10:
        return fields["sve"].insert(int(vector != NULL))
    if NULL not in (vector, scalar):
        raise EncodeError("gfx10.3 has no scratch address of a vector and a scalar register")
    if vector == NULL and scalar == NULL:
        return fields["saddr"].insert(_GFX10_NEITHER)
    return 0


def _scratch_has_vector(plan: Plan, code: int, raw: dict[str, int], generation: Generation) -> bool:
    if generation is Generation.GFX10:
        return raw["saddr"] == _GFX10_VECTOR_ONLY
    return bool(plan.row.format.fields["sve"].extract(code))
