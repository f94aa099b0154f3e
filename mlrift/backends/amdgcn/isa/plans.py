"""How the code of a row is put together: made once per row, used by the encoder and the decoder.

Every bit of the code belongs to an operand, to a modifier that the row takes, or has the same value
in all codes of the row (`constant`).
"""

from functools import cache

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.build_vector import HALVES
from mlrift.backends.amdgcn.isa.fields import Field
from mlrift.backends.amdgcn.isa.formats import Encoding, Extension
from mlrift.backends.amdgcn.isa.instruction import OperandKind, OperandSpec, Row
from mlrift.backends.amdgcn.isa.operands import (
    Decoder,
    Encoder,
    decoder_of,
    encoder_of,
)
from mlrift.values import record

SHORT_ENCODINGS = frozenset((Encoding.VOP1, Encoding.VOP2, Encoding.VOPC))
_OP_SEL_BITS = {"src0": 1, "vsrc1": 2, "vdst": 8}
_SCALAR_BITS = {"src0": "scalar0", "vsrc1": "scalar1"}
_WHOLE_REGISTER = 8
"""Bits of a vector register's number; the field of `vdsty` leaves out the lowest."""


@record
class OperandPlan:
    """An operand of a row: its place in the code and its codec.

    `is_half` says that only v0 to v127 can be in the field, whose bit 7 chooses the half;
    `half_bit` is the bit of op_sel that it holds (0: it must be 0). `scalar_bit` is the bit of an
    SDWA code that says that the field holds a scalar register, 0 if there is none.
    """

    spec: OperandSpec
    shift: int
    mask: int
    encode: Encoder
    decode: Decoder
    is_half: bool
    half_bit: int
    scalar_bit: int


@record
class ModifierPlan:
    """A modifier of a row; `free` are the bits of the code that it may choose."""

    name: str
    field: Field
    allowed: int
    default: int
    signed: bool


@record
class Plan:
    """`constant` has the opcode and the defaults of what is neither operand nor modifier."""

    row: Row
    size_bytes: int
    operands: tuple[OperandPlan, ...]
    literal_positions: tuple[int, ...]
    modifiers: dict[str, ModifierPlan]
    constant: int
    constant_mask: int
    modifier_default: int
    modifier_mask: int
    has_halves: bool
    extensions: dict[int, Extension]
    source_shift: int


_EXTENSION_CODES = {
    Extension.DPP16: 250,
    Extension.DPP8: 233,
    Extension.DPP8_FI: 234,
    Extension.SDWA: 249,
}


@cache
def plan_of(row: Row, generation: Generation) -> Plan:
    """Return the plan of a row."""
    form = row.format
    fields = form.fields
    operands = tuple(
        _operand_plan(row, spec, generation)
        for spec in row.operands
        if spec.kind is not OperandKind.LITERAL
    )
    variable = _variable_fields(row, operands)
    modifiers = _modifier_plans(row, variable)
    constant = form.layout.constant | fields["op"].insert(row.opcode)
    constant_mask = form.layout.constant_mask | fields["op"].mask
    for name, field in fields.items():
        if name not in variable:
            constant |= field.insert(row.defaults.get(name, 0))
            constant_mask |= field.mask
    free = sum(each.field.insert(each.allowed) for each in modifiers.values())
    source = fields.get("src0")
    return Plan(
        row,
        form.size_bytes,
        operands,
        tuple(index for index, spec in enumerate(row.operands) if spec.kind is OperandKind.LITERAL),
        modifiers,
        constant & ~free,
        constant_mask & ~free,
        constant & free,
        free,
        form.encoding in SHORT_ENCODINGS and "op_sel" in row.modifiers,
        {_EXTENSION_CODES[each]: each for each in row.extensions},
        source.pieces[0].low if source is not None else 0,
    )


def _variable_fields(row: Row, operands: tuple[OperandPlan, ...]) -> set[str]:
    """Return the opcode and the fields that follow from operands."""
    variable = {plan.spec.field for plan in operands}
    if row.format.encoding is Encoding.SCRATCH:
        variable.add("sve")
    if row.format.extension is Extension.SDWA:
        variable |= {_SCALAR_BITS[name] for name in variable if name in _SCALAR_BITS}
    return variable | {"op"}


def _modifier_plans(row: Row, variable: set[str]) -> dict[str, ModifierPlan]:
    plans = {}
    for name, allowed in row.modifiers.items():
        field = row.format.fields.get(name)
        if field is not None and name not in variable:
            every = (1 << field.width) - 1
            default = row.defaults.get(name, 0)
            plans[name] = ModifierPlan(name, field, allowed & every, default, allowed < 0)
    return plans


def _operand_plan(row: Row, spec: OperandSpec, generation: Generation) -> OperandPlan:
    field = row.format.fields[spec.field]
    width = _WHOLE_REGISTER if spec.field == "vdsty" else field.width
    scalar_bit = 0
    if spec.kind is OperandKind.REGISTER_SOURCE:
        width += 1
        scalar_bit = row.format.fields[_SCALAR_BITS[spec.field]].mask
    is_half = (
        spec.element in HALVES
        and row.format.encoding in SHORT_ENCODINGS
        and generation is not Generation.GFX10
    )
    half_bit = 0
    if is_half:
        half_bit = _OP_SEL_BITS[spec.field] & row.modifiers.get("op_sel", 0)
    return OperandPlan(
        spec,
        field.pieces[0].low,
        (1 << field.width) - 1,
        encoder_of(spec, width, generation),
        decoder_of(spec, width, generation),
        is_half,
        half_bit,
        scalar_bit,
    )
