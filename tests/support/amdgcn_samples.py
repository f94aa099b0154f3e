"""Sample instructions of a row: registers at both ends, constants, literals, every modifier.

Deterministic: the same rows give the same samples. What llvm-mc's text cannot express, though the
hardware takes it, is left out, each with its reason.
"""

from collections.abc import Iterator
from enum import Enum, auto, unique

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa import EncodeError, encode
from mlrift.backends.amdgcn.isa.build_vector import HALVES
from mlrift.backends.amdgcn.isa.formats import Encoding
from mlrift.backends.amdgcn.isa.instruction import (
    ElementType,
    Immediate,
    Inline,
    Instruction,
    Literal,
    Operand,
    OperandKind,
    OperandSpec,
    Row,
)
from mlrift.backends.amdgcn.isa.operands import NUMBERS
from mlrift.backends.amdgcn.isa.registers import M0, NULL, VCC, Register, RegisterFile, sgpr, vgpr
from mlrift.backends.amdgcn.isa.source_codes import alignment_of

SHORT = (Encoding.VOP1, Encoding.VOP2, Encoding.VOPC)
_SOURCES = ("src0", "src1", "vsrc1", "src2")
_HALF_INTEGERS = (ElementType.I16, ElementType.U16, ElementType.B16)
_VECTOR_KINDS = (
    OperandKind.VGPR,
    OperandKind.MATRIX_ADDEND,
    OperandKind.SOURCE,
    OperandKind.REGISTER_SOURCE,
)
_CONTROLS = (0xE4, 0x101, 0x11F, 0x125, 0x140, 0x141, 0x15F, 0x163)

_PAIR_REGISTERS = {
    "vdstx": 254,
    "vdsty": 1,
    "srcx0": 4,
    "srcy0": 253,
    "vsrcx1": 6,
    "vsrcy1": 255,
}
"""Registers of dual issue that do not exclude each other."""


@unique
class Mix(Enum):
    """Which operands a sample has."""

    LOWEST = auto()
    HIGHEST = auto()
    SCALARS = auto()
    INTEGERS = auto()
    FLOATS = auto()
    LITERALS = auto()
    SPECIAL = auto()


def samples_of(row: Row, generation: Generation) -> Iterator[Instruction]:
    """Yield instructions of a row: each mix without modifiers, then each modifier alone."""
    mixes = (Mix.LOWEST, Mix.LITERALS) if row.format.encoding is Encoding.VOPD else tuple(Mix)
    seen = set()
    for mix in mixes:
        made = _instruction(row, mix, {}, generation)
        if made is not None and made.operands not in seen:
            seen.add(made.operands)
            yield made
    mix = Mix.LOWEST
    for number, modifiers in enumerate(_modifier_sets(row)):
        mix = Mix.HIGHEST if number % 2 else Mix.LOWEST
        made = _instruction(row, mix, modifiers, generation)
        if made is not None:
            yield made


def _instruction(
    row: Row, mix: Mix, modifiers: dict[str, int], generation: Generation
) -> Instruction | None:
    """Return an instruction, None if the mix makes one that does not exist."""
    operands = [
        _operand(row, spec, mix, position, generation) for position, spec in enumerate(row.operands)
    ]
    _join_addresses(row, operands, mix, modifiers)
    made = Instruction(row, tuple(operands), dict(modifiers))
    if not _llvm_can_write(made, generation):
        return None
    try:
        encode(made, generation)
    except EncodeError:
        return None
    return made


def _operand(
    row: Row, spec: OperandSpec, mix: Mix, position: int, generation: Generation
) -> Operand:
    kind = spec.kind
    if kind is OperandKind.LITERAL:
        return Literal(0x1234 if spec.element is ElementType.B16 else 0x12345678)
    if spec.element in (ElementType.I16, ElementType.U16) and kind in NUMBERS:
        return _number(spec, mix)
    if kind in _VECTOR_KINDS:
        return _vector_operand(row, spec, mix, position, generation)
    if kind is OperandKind.SCALAR_SOURCE or kind is OperandKind.LANE_SELECT:
        if row.operation.startswith("s_barrier") or row.operation == "s_get_barrier_state":
            return M0 if mix is Mix.SPECIAL else Inline(-1)  # LLVM: an immediate or M0
        return _constant(spec, mix, scalar=_scalar(spec, mix, position))
    if kind in (OperandKind.MASK_TARGET, OperandKind.MASK_SOURCE) and mix is not Mix.HIGHEST:
        return VCC
    if kind is OperandKind.SCALAR_OFFSET and row.operation.startswith("s_waitcnt"):
        return NULL  # LLVM takes no other
    optional = kind in (OperandKind.SCALAR_OFFSET, OperandKind.SCALAR_ADDRESS)
    if optional and mix in (Mix.LOWEST, Mix.LITERALS):
        return NULL
    return _scalar(spec, mix, position)


def _number(spec: OperandSpec, mix: Mix) -> Immediate:
    if spec.element is ElementType.I16:
        return Immediate({Mix.LOWEST: -0x8000, Mix.HIGHEST: 0x7FFF}.get(mix, 17))
    limit = 0xFF if spec.field == "ssrc0" else 0xFFFF
    return Immediate({Mix.LOWEST: 0, Mix.HIGHEST: limit}.get(mix, 0x35))


def _vector_operand(
    row: Row, spec: OperandSpec, mix: Mix, position: int, generation: Generation
) -> Operand:
    in_short_half = (
        spec.element in HALVES
        and row.format.encoding in SHORT
        and generation is not Generation.GFX10
    )
    last = (128 if in_short_half else 256) - spec.dwords
    first = last - 4 * position if mix is Mix.HIGHEST else 5 * position
    register = vgpr(_PAIR_REGISTERS.get(spec.field, first), spec.dwords)
    fixed = spec.field not in ("src0", "src2", "srcx0")
    if spec.kind is OperandKind.VGPR or (fixed and spec.kind is not OperandKind.REGISTER_SOURCE):
        return register
    if spec.kind is OperandKind.SOURCE and mix is Mix.SCALARS:
        return _scalar(spec, Mix.HIGHEST, position)
    if spec.kind is OperandKind.SOURCE and mix is Mix.SPECIAL and spec.dwords <= 2:
        return sgpr(235, spec.dwords)
    if spec.kind is OperandKind.REGISTER_SOURCE:
        return _scalar(spec, mix, position) if mix in (Mix.SCALARS, Mix.SPECIAL) else register
    constant = _constant(spec, mix, scalar=register)
    if spec.kind is OperandKind.MATRIX_ADDEND and isinstance(constant, Literal):
        return register
    return constant


def _constant(spec: OperandSpec, mix: Mix, *, scalar: Operand) -> Operand:
    if mix is Mix.INTEGERS:
        return Inline(-16 if spec.field == "src2" else 64)
    if mix is Mix.FLOATS and spec.element not in _HALF_INTEGERS:  # LLVM writes none for them
        return Inline(0.15915494309189535 if spec.field == "src0" else -4.0)
    if mix is Mix.LITERALS and spec.kind is not OperandKind.LANE_SELECT:
        return Literal(0x1234 if spec.element in HALVES else 0x12345678)
    return scalar


def _scalar(spec: OperandSpec, mix: Mix, position: int) -> Register:
    align = alignment_of(spec.dwords)
    highest = (106 - spec.dwords) // align * align
    if mix is Mix.HIGHEST:
        return sgpr(max(0, highest - 2 * align * (position % 3)), spec.dwords)
    return sgpr(align * 2 * position, spec.dwords)


def _join_addresses(row: Row, operands: list[Operand], mix: Mix, modifiers: dict[str, int]) -> None:
    """A vector address has one register beside a scalar one; a scratch address may lack it."""
    fields = [spec.field for spec in row.operands]
    if row.format.encoding is Encoding.MUBUF and operands:
        count = modifiers.get("offen", 0) + modifiers.get("idxen", 0)
        operands[1] = vgpr(5, count) if count else NULL
    if "vaddr" not in fields or "saddr" not in fields:
        return
    position, scalar = fields.index("vaddr"), operands[fields.index("saddr")]
    vector = operands[position]
    assert isinstance(vector, Register)
    if row.format.encoding is Encoding.SCRATCH:
        if scalar != NULL or mix is Mix.LITERALS:
            operands[position] = NULL
    elif scalar != NULL:
        operands[position] = vgpr(vector.first)


def _modifier_sets(row: Row) -> Iterator[dict[str, int]]:
    """Yield each modifier with its lowest and its highest value, and all bits one by one."""
    fields = row.format.fields
    base = {"dpp_ctrl": 0x111} if "dpp_ctrl" in row.modifiers else {}
    for name, mask in row.modifiers.items():
        if name not in fields and not (name == "op_sel" and row.format.encoding in SHORT):
            continue
        for number in _values(row, name, mask):
            if number != row.defaults.get(name, 0):
                yield {**base, name: number}
    if "offen" in row.modifiers:
        yield {"offen": 1, "idxen": 1}


def _values(row: Row, name: str, mask: int) -> list[int]:
    if name == "dpp_ctrl":
        return list(_CONTROLS)
    if mask < 0:
        limit = 1 << row.format.fields[name].width - 1
        return [-limit, limit - 1, 8]
    if name == "offset":
        return [1, mask]
    if name.endswith("_sel") and name != "op_sel":
        return [0, 3, 4, 5]
    if name == "dst_unused":
        return [1, 2]
    if name == "dpp8":
        return [0, mask, 0o01234567]
    fixed = row.defaults.get(name, 0) & ~mask
    bits = [1 << bit for bit in range(mask.bit_length()) if mask >> bit & 1]
    return sorted({mask | fixed, fixed, *(bit | fixed for bit in bits)})


def _llvm_can_write(instruction: Instruction, generation: Generation) -> bool:
    """Say if llvm-mc has text for it."""
    row, modifiers = instruction.row, instruction.modifiers
    compares_halves = row.operation.startswith("s_cmp_") and row.operation.endswith("f16")
    if compares_halves and any(isinstance(each, Inline) for each in instruction.operands):
        return False  # it turns them into 32-bit literals
    mixed = row.operation.startswith("v_fma_mix")
    if mixed and any(isinstance(each, Literal) for each in instruction.operands):
        return False  # it takes no literals here
    if "th" in modifiers and (modifiers["th"] == 7 or (modifiers["th"] & 4 and _is_atomic(row))):
        return False  # some have no name
    long = row.format.encoding is Encoding.VOP3
    if row.operation == "v_fmac_f16" and long and "op_sel" in modifiers:
        return False  # it contradicts itself about the halves
    if row.operation == "v_pk_fmac_f16" and isinstance(instruction.operands[1], Inline):
        return False  # it means both halves
    if "op_sel" in modifiers and row.format.encoding in SHORT:
        return all(
            not modifiers["op_sel"] & bit or _is_vector(instruction, field)
            for field, bit in (("src0", 1), ("vsrc1", 2), ("vdst", 8))
        )
    return True


def _is_atomic(row: Row) -> bool:
    return "atomic" in row.operation


def _is_vector(instruction: Instruction, field: str) -> bool:
    for spec, operand in zip(instruction.row.operands, instruction.operands, strict=True):
        if spec.field == field:
            return isinstance(operand, Register) and operand.file is RegisterFile.VECTOR
    return False
