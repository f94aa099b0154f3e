"""From a line of an instruction table to an opcode, operands and flags of one generation.

    v_max_f32   10 10 16=v_max_num_f32 | f32 f32 f32 | ncod

An operand is `[field:][access][kind.]element[*dwords]`: access `+` is a target that is read, too,
`=` a source in a field that mostly is a target; kind `v.` is vector registers only, `s.` scalar,
`r.` a scalar register
only, `l.` a lane's number, `w.` a matrix or a constant.
"""

from functools import cache

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.instruction import Access, ElementType, OperandKind, OperandSpec
from mlrift.values import record

_COLUMN = {Generation.GFX10: 1, Generation.GFX11: 2, Generation.GFX12: 3}

_RENAMED = {
    Generation.GFX10: (
        ("v_cvt_pk_norm_", "v_cvt_pknorm_"),
        ("_dx9_zero_", "_legacy_"),
        ("ds_store_2addr_stride64", "ds_write2st64"),
        ("ds_store_2addr", "ds_write2"),
        ("ds_storexchg_2addr_stride64", "ds_wrxchg2st64"),
        ("ds_storexchg_2addr", "ds_wrxchg2"),
        ("ds_storexchg", "ds_wrxchg"),
        ("ds_store", "ds_write"),
        ("ds_load_2addr_stride64", "ds_read2st64"),
        ("ds_load_2addr", "ds_read2"),
        ("ds_load", "ds_read"),
    ),
    Generation.GFX11: (),
    Generation.GFX12: (
        ("ds_min_f", "ds_min_num_f"),
        ("ds_max_f", "ds_max_num_f"),
        ("ds_min_rtn_f", "ds_min_num_rtn_f"),
        ("ds_max_rtn_f", "ds_max_num_rtn_f"),
        ("v_pk_min_f", "v_pk_min_num_f"),
        ("v_pk_max_f", "v_pk_max_num_f"),
    ),
}
"""Mnemonics that differ by a rule; `=name` in a table is for the rest."""


@record
class Line:
    """An operation of a generation."""

    operation: str
    name: str
    opcode: int
    operands: list[str]
    flags: list[str]


def read_lines(table: str, generation: Generation) -> list[Line]:
    """Return the operations of a table that the generation has."""
    column = _COLUMN[generation]
    renamed = _RENAMED[generation]
    lines = []
    for text in table.strip().split("\n"):
        head, _, rest = text.partition("|")
        cells = head.split()
        if cells[column] == "-":
            continue
        opcode, _, name = cells[column].partition("=")
        operands, _, flags = rest.partition("|")
        line = Line(cells[0], name or cells[0], int(opcode, 16), operands.split(), flags.split())
        for old, new in renamed:
            if old in line.name:
                line.name = line.name.replace(old, new)
                break
        lines.append(line)
    return lines


_ELEMENTS = {
    "b16": (ElementType.B16, 1),
    "b32": (ElementType.B32, 1),
    "b64": (ElementType.B64, 2),
    "b96": (ElementType.B96, 3),
    "b128": (ElementType.B128, 4),
    "b256": (ElementType.B256, 8),
    "b512": (ElementType.B512, 16),
    "i16": (ElementType.I16, 1),
    "u16": (ElementType.U16, 1),
    "i32": (ElementType.I32, 1),
    "u32": (ElementType.U32, 1),
    "i64": (ElementType.I64, 2),
    "u64": (ElementType.U64, 2),
    "f16": (ElementType.F16, 1),
    "bf16": (ElementType.BF16, 1),
    "f32": (ElementType.F32, 1),
    "f64": (ElementType.F64, 2),
    "pf16": (ElementType.PACKED_F16, 1),
    "pbf16": (ElementType.PACKED_BF16, 1),
    "pi16": (ElementType.PACKED_I16, 1),
    "pi8": (ElementType.PACKED_I8, 1),
    "pi4": (ElementType.PACKED_I4, 1),
    "pf8": (ElementType.PACKED_F8, 1),
    "m": (ElementType.MASK, 1),
}
"""Element and size in dwords."""

_SPECIAL = {
    "a": (OperandKind.SCALAR_BASE, ElementType.U64, 2),
    "q": (OperandKind.SCALAR_BASE, ElementType.B128, 4),
    "k": (OperandKind.LITERAL, ElementType.B32, 1),
    "h": (OperandKind.LITERAL, ElementType.B16, 1),
    "branch": (OperandKind.BRANCH_TARGET, ElementType.I16, 1),
    "waits": (OperandKind.WAIT_COUNTS, ElementType.U16, 1),
    "depctr": (OperandKind.DEPENDENCY_COUNTS, ElementType.U16, 1),
    "delay": (OperandKind.DELAYS, ElementType.U16, 1),
    "message": (OperandKind.MESSAGE, ElementType.U16, 1),
    "hwreg": (OperandKind.HARDWARE_REGISTER, ElementType.U16, 1),
}
"""Operands that are read, with their kind."""

_KINDS = {
    "v": OperandKind.VGPR,
    "l": OperandKind.LANE_SELECT,
    "w": OperandKind.MATRIX_ADDEND,
    "r": OperandKind.SCALAR_REGISTER,
}

_FIELD_KINDS = {
    "sdst": OperandKind.SGPR_TARGET,
    "ssrc0": OperandKind.SCALAR_SOURCE,
    "ssrc1": OperandKind.SCALAR_SOURCE,
    "soffset": OperandKind.SCALAR_OFFSET,
    "saddr": OperandKind.SCALAR_ADDRESS,
    "simm16": OperandKind.IMMEDIATE,
    "src0": OperandKind.SOURCE,
    "src1": OperandKind.SOURCE,
    "src2": OperandKind.SOURCE,
    "srcx0": OperandKind.SOURCE,
    "srcy0": OperandKind.SOURCE,
}

_TARGET_FIELDS = ("sdst", "vdst", "vdstx", "vdsty")


@cache
def operand(field: str, text: str) -> OperandSpec:
    """Return the operand in a field that a table describes, without its `field:`."""
    access = Access.WRITE if field in _TARGET_FIELDS else Access.READ
    if text[0] in "+=":
        access = Access.BOTH if text[0] == "+" else Access.READ
        text = text[1:]
    if text in _SPECIAL:
        kind, element, dwords = _SPECIAL[text]
        return OperandSpec(field, kind, element, dwords, access)
    prefix, _, text = text.rpartition(".")
    text, _, given = text.partition("*")
    element, dwords = _ELEMENTS[text]
    return OperandSpec(
        field, _kind(field, prefix, element, access), element, int(given or dwords), access
    )


def _kind(field: str, prefix: str, element: ElementType, access: Access) -> OperandKind:
    """Return the kind that a prefix, or else the field says."""
    writes = access is not Access.READ
    if prefix == "s":
        return OperandKind.SGPR_TARGET if writes else OperandKind.SCALAR_SOURCE
    if prefix:
        return _KINDS[prefix]
    if element is ElementType.MASK:
        return OperandKind.MASK_TARGET if writes else OperandKind.MASK_SOURCE
    if field == "sdst" and not writes:
        return OperandKind.SCALAR_OFFSET
    return _FIELD_KINDS.get(field, OperandKind.VGPR)
