"""Rows of vector instructions whose sources are extended: DPP (other lanes), SDWA (parts of
registers). They are made from the row without extension when they are first asked for.
"""

from functools import cache

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.formats import Encoding, Extension, format_of
from mlrift.backends.amdgcn.isa.instruction import Access, OperandKind, OperandSpec, Row
from mlrift.backends.amdgcn.isa.registers import VCC
from mlrift.backends.amdgcn.isa.table_lines import operand
from mlrift.values import replace

_LANES_OF_16 = {"dpp_ctrl": 511, "fi": 1, "bound_ctrl": 1, "bank_mask": 15, "row_mask": 15}
_WHOLE_REGISTER = 6
"""The selection of all 32 bits."""

_SHORT = (Encoding.VOP1, Encoding.VOP2, Encoding.VOPC)
_SOURCE_BITS = {"src0": 1, "vsrc1": 2}


@cache
def extended(row: Row, extension: Extension, generation: Generation) -> Row:
    """Return the row of an instruction with extended sources."""
    if extension is Extension.SDWA:
        return _with_parts(row, generation)
    modifiers, defaults = dict(row.modifiers), dict(row.defaults)
    encoding = row.format.encoding
    if extension is Extension.DPP16:
        modifiers.update(_LANES_OF_16)
        defaults.update(row_mask=15, bank_mask=15)
    else:
        modifiers["dpp8"] = (1 << 24) - 1
        if extension is Extension.DPP8_FI:
            defaults["fi"] = 1
    form = format_of(generation, encoding, extension)
    if encoding in _SHORT:
        modifiers = {
            name: mask
            for name, mask in modifiers.items()
            if name in form.fields or name == "op_sel"
        }
    return replace(
        row,
        format=form,
        operands=tuple(
            _operand_of_lanes(row, spec, extension, generation) for spec in row.operands
        ),
        modifiers=modifiers,
        defaults=defaults,
        extensions=(),
    )


def _operand_of_lanes(
    row: Row, spec: OperandSpec, extension: Extension, generation: Generation
) -> OperandSpec:
    """Return an operand; DPP16 may leave lanes of the target as they were."""
    takes_scalar = generation is Generation.GFX12 and row.format.encoding is not Encoding.VOP3P
    if spec.field == "src0" or (spec.field == "src1" and not takes_scalar):
        return replace(spec, kind=OperandKind.VGPR)
    keeps_lanes = extension is Extension.DPP16 and spec.kind is OperandKind.VGPR
    if spec.field == "vdst" and keeps_lanes:
        return replace(spec, access=Access.BOTH)
    return spec


def _with_parts(row: Row, generation: Generation) -> Row:
    """Return the SDWA row: bytes or words of the sources, any mask as target of a comparison."""
    form = format_of(generation, row.format.encoding, Extension.SDWA)
    sources = [spec for spec in row.operands if spec.field in _SOURCE_BITS]
    modifiers = dict(row.modifiers)
    defaults = dict(row.defaults)
    for number, _ in enumerate(sources):
        modifiers[f"src{number}_sel"] = 7
        defaults[f"src{number}_sel"] = _WHOLE_REGISTER
    every = (1 << len(sources)) - 1
    if "sext" in form.fields:
        modifiers["sext"] = every & ~modifiers.get("neg", 0)
    if "dst_sel" in form.fields:
        modifiers |= {"dst_sel": 7, "dst_unused": 3}
        defaults["dst_sel"] = _WHOLE_REGISTER
    operands = [
        replace(spec, kind=OperandKind.REGISTER_SOURCE)
        if spec in sources
        else replace(spec, access=Access.BOTH)
        for spec in row.operands
    ]
    writes = row.writes
    if row.format.encoding is Encoding.VOPC and VCC in writes:
        operands.insert(0, operand("sdst", "m"))
        writes = tuple(register for register in writes if register != VCC)
    return replace(
        row,
        format=form,
        operands=tuple(operands),
        writes=writes,
        modifiers={name: mask for name, mask in modifiers.items() if mask},
        defaults=defaults,
        extensions=(),
    )
