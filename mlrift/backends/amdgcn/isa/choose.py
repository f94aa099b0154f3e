"""From an operation with its operands to the instruction with the shortest code.

In goes what machine IR has: the operands of the longest form, with VCC named where a short form
uses it without naming it. Out comes an instruction of a row that can hold them. Where only the
first source of a short form may be scalar, the sources of a commutative operation are exchanged.
"""

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.build_vector import HALVES
from mlrift.backends.amdgcn.isa.errors import EncodeError
from mlrift.backends.amdgcn.isa.formats import Encoding, Extension
from mlrift.backends.amdgcn.isa.instruction import (
    Inline,
    Instruction,
    Literal,
    Operand,
    OperandKind,
    OperandSpec,
    Row,
)
from mlrift.backends.amdgcn.isa.operands import TAKES_LITERALS
from mlrift.backends.amdgcn.isa.registers import VCC, Register, RegisterFile
from mlrift.backends.amdgcn.isa.rows import rows_of_operation, rows_with_lanes

_SHORT = frozenset((Encoding.VOP1, Encoding.VOP2, Encoding.VOPC))
_LAST_HALF = 127
_PART_MODIFIERS = ("src0_sel", "src1_sel", "dst_sel", "dst_unused", "sext")

_SAME_WHEN_EXCHANGED = [
    "v_add_f32",
    "v_mul_f32",
    "v_mul_dx9_zero_f32",
    "v_min_f32",
    "v_max_f32",
    "v_min_i32",
    "v_max_i32",
    "v_min_u32",
    "v_max_u32",
    "v_and_b32",
    "v_or_b32",
    "v_xor_b32",
    "v_xnor_b32",
    "v_add_nc_u32",
    "v_mul_i32_i24",
    "v_mul_hi_i32_i24",
    "v_mul_u32_u24",
    "v_mul_hi_u32_u24",
    "v_add_f16",
    "v_mul_f16",
    "v_min_f16",
    "v_max_f16",
    "v_fmac_f32",
    "v_fmac_f16",
    "v_add_co_ci_u32",
    "v_add_f64",
    "v_mul_f64",
    "v_min_f64",
    "v_max_f64",
]
_OPPOSITES = {
    "v_sub_f32": "v_subrev_f32",
    "v_sub_f16": "v_subrev_f16",
    "v_sub_nc_u32": "v_subrev_nc_u32",
    "v_sub_co_ci_u32": "v_subrev_co_ci_u32",
}
_COMPARISONS = {"eq": "eq", "lt": "gt", "le": "ge", "ne": "ne", "lg": "lg", "o": "o", "u": "u"}
_NEGATED_COMPARISONS = {"nlt": "ngt", "nle": "nge", "neq": "neq", "nlg": "nlg"}


def _exchanged_operations() -> dict[str, str]:
    found = {name: name for name in _SAME_WHEN_EXCHANGED}
    found |= _OPPOSITES | {second: first for first, second in _OPPOSITES.items()}
    for first, second in (_COMPARISONS | _NEGATED_COMPARISONS).items():
        for kind in ("i16", "u16", "i32", "u32", "i64", "u64", "f16", "f32", "f64"):
            for prefix in ("v_cmp", "v_cmpx"):
                one, other = f"{prefix}_{first}_{kind}", f"{prefix}_{second}_{kind}"
                found |= {one: other, other: one}
    return found


EXCHANGED = _exchanged_operations()
"""The operation with the same result when both sources change places."""


def instruction_of(
    operation: str,
    operands: tuple[Operand, ...],
    modifiers: dict[str, int],
    generation: Generation,
) -> Instruction:
    """Return the shortest instruction of an operation; EncodeError if the generation has none.

    The longest form is not examined: what it cannot hold, its encoding refuses with the reason.
    """
    rows = _with_lanes(rows_of_operation(operation, generation), modifiers, generation)
    if not rows:
        raise EncodeError(f"{generation.value} has no operation {operation} with such modifiers")
    for row in rows[:-1]:
        fitted = _fitted(row, operands, modifiers, generation)
        if fitted is not None:
            return Instruction(row, fitted, modifiers)
    if len(rows) > 1:
        exchanged = _exchanged(operation, operands, modifiers, generation)
        if exchanged is not None:
            return exchanged
    row = rows[-1]
    kept = operands if len(rows) > 1 else _without_mask(row, operands)
    return Instruction(row, operands if kept is None else kept, modifiers)


def select_row(
    operation: str,
    operands: tuple[Operand, ...],
    modifiers: dict[str, int],
    generation: Generation,
) -> Row:
    """Return the row of the shortest instruction."""
    return instruction_of(operation, operands, modifiers, generation).row


def _with_lanes(
    rows: tuple[Row, ...], modifiers: dict[str, int], generation: Generation
) -> tuple[Row, ...]:
    """Return the rows whose first source comes from other lanes, where the modifiers say so."""
    if "dpp_ctrl" in modifiers or "row_mask" in modifiers or "bank_mask" in modifiers:
        extension = Extension.DPP16
    elif "dpp8" in modifiers:
        extension = Extension.DPP8_FI if modifiers.get("fi") else Extension.DPP8
    elif any(name in modifiers for name in _PART_MODIFIERS):
        extension = Extension.SDWA
    else:
        return rows
    return tuple(
        extended
        for row in rows
        for extended in rows_with_lanes(row, generation)
        if extended.format.extension is extension
    )


def _exchanged(
    operation: str,
    operands: tuple[Operand, ...],
    modifiers: dict[str, int],
    generation: Generation,
) -> Instruction | None:
    """Return the short form with the sources in the other order, None if there is none."""
    other = EXCHANGED.get(operation)
    if other is None or modifiers:
        return None
    row = rows_of_operation(other, generation)[0]
    first = len(operands) - 2 - (VCC in row.reads and row.format.encoding is Encoding.VOP2)
    changed = list(operands)
    changed[first], changed[first + 1] = changed[first + 1], changed[first]
    fitted = _fitted(row, tuple(changed), modifiers, generation)
    return None if fitted is None else Instruction(row, fitted, modifiers)


def _fitted(
    row: Row, operands: tuple[Operand, ...], modifiers: dict[str, int], generation: Generation
) -> tuple[Operand, ...] | None:
    """Return the operands of a short form, None if it cannot hold them."""
    fields = row.format.fields
    for name in modifiers:
        if name not in fields and not (name == "op_sel" and name in row.modifiers):
            return None
    kept = _without_mask(row, operands)
    if kept is None or len(kept) != len(row.operands):
        return None
    for spec, operand in zip(row.operands, kept, strict=True):
        if not _fits(spec, operand):
            return None
        if spec.element in HALVES and generation is not Generation.GFX10 and _is_high(operand):
            return None
    return kept


def _without_mask(row: Row, operands: tuple[Operand, ...]) -> tuple[Operand, ...] | None:
    """Return the operands without the VCC that a short form does not name."""
    if row.format.encoding not in _SHORT or len(operands) == len(row.operands):
        return operands
    kept = list(operands)
    implicit = []
    if VCC in row.reads:
        implicit.append(kept.pop())
    if VCC in row.writes:
        implicit.append(kept.pop(0 if row.format.encoding is Encoding.VOPC else 1))
    return tuple(kept) if all(operand == VCC for operand in implicit) else None


def _fits(spec: OperandSpec, operand: Operand) -> bool:
    if isinstance(operand, Register):
        if operand.file is RegisterFile.VECTOR:
            return spec.kind in (OperandKind.VGPR, OperandKind.SOURCE)
        return spec.kind is not OperandKind.VGPR
    if isinstance(operand, Literal):
        return spec.kind in TAKES_LITERALS or spec.kind is OperandKind.LITERAL
    return isinstance(operand, Inline) and spec.kind in TAKES_LITERALS


def _is_high(operand: Operand) -> bool:
    return (
        isinstance(operand, Register)
        and operand.file is RegisterFile.VECTOR
        and operand.first > _LAST_HALF
    )
