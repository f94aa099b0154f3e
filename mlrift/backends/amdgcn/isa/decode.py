"""From bytes to an instruction.

The highest nine bits of the first word tell the format, its opcode field the rows; of several rows
(an atomic with and without result) the one whose constant bits are in the code. Anything that is no
instruction of the generation is a `DecodeError`, never another exception.
"""

from functools import cache

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.addresses import address_operands
from mlrift.backends.amdgcn.isa.errors import DecodeError
from mlrift.backends.amdgcn.isa.extended_rows import extended
from mlrift.backends.amdgcn.isa.extension_values import has_meaning
from mlrift.backends.amdgcn.isa.formats import Encoding, Format, formats_of
from mlrift.backends.amdgcn.isa.instruction import Instruction, Literal, Operand, Row
from mlrift.backends.amdgcn.isa.plans import Plan, plan_of
from mlrift.backends.amdgcn.isa.registers import Register, vgpr
from mlrift.backends.amdgcn.isa.rows import rows_of
from mlrift.backends.amdgcn.isa.source_codes import FIRST_VGPR_CODE, LITERAL
from mlrift.values import record

_SELECTOR_SHIFT = 23
_SELECTOR_BITS = 9
_SOURCE_MASK = 0x1FF
_ADDRESSED = frozenset((Encoding.GLOBAL, Encoding.SCRATCH, Encoding.MUBUF))


@record
class Group:
    """Rows whose codes begin with the same bits."""

    size_bytes: int
    opcode_shift: int
    opcode_mask: int
    rows: dict[int, list[Row]]


def decode(code: bytes, offset: int, generation: Generation) -> tuple[Instruction, int]:
    """Return the instruction at an offset and its size in bytes."""
    word = _bits(code, offset, 4)
    group = _groups(generation)[word >> _SELECTOR_SHIFT]
    if group is None:
        raise DecodeError(f"no format of {generation.value} begins like {word:08x}")
    if group.size_bytes > 4:
        word = _bits(code, offset, group.size_bytes)
    rows = group.rows.get(word >> group.opcode_shift & group.opcode_mask)
    if rows is None:
        raise DecodeError(f"no instruction of {generation.value} is {word & 0xFFFFFFFF:08x}")
    for row in rows:
        plan = plan_of(row, generation)
        if plan.extensions:
            extension = plan.extensions.get(word >> plan.source_shift & _SOURCE_MASK)
            if extension is not None:
                plan = plan_of(extended(row, extension, generation), generation)
                word = _bits(code, offset, plan.size_bytes)
        if word & plan.constant_mask == plan.constant:
            return _decode(plan, word, code, offset, generation)
    raise DecodeError(f"{rows[0].name}: reserved bits are set in {word:x}")


def _bits(code: bytes, offset: int, size: int) -> int:
    found = code[offset : offset + size]
    if len(found) < size:
        raise DecodeError(f"the code ends inside an instruction, at offset {offset + len(found)}")
    return int.from_bytes(found, "little")


def _decode(
    plan: Plan, word: int, code: bytes, offset: int, generation: Generation
) -> tuple[Instruction, int]:
    modifiers: dict[str, int] = {}
    if plan.row.format.encoding in _ADDRESSED:
        operands = address_operands(plan, word, generation)
    else:
        operands = _operands(plan, word, modifiers)
    size = plan.size_bytes
    if plan.literal_positions or any(each is LITERAL for each in operands):
        literal = Literal(_bits(code, offset + size, 4))
        operands = [literal if each is LITERAL else each for each in operands]
        for position in plan.literal_positions:
            operands.insert(position, literal)
        size += 4
    if word & plan.modifier_mask != plan.modifier_default:
        _read_modifiers(plan, word, modifiers)
    if plan.row.format.encoding is Encoding.VOPD:
        _complete_pair(plan, operands)
    return Instruction(plan.row, tuple(operands), modifiers), size


def _operands(plan: Plan, word: int, modifiers: dict[str, int]) -> list[Operand]:
    operands: list[Operand] = []
    selection = 0
    for each in plan.operands:
        number = word >> each.shift & each.mask
        if each.is_half and (number & 0x80) and (number & 0x100 or each.mask == 0xFF):
            if not each.half_bit:
                raise DecodeError(f"{plan.row.name}: {each.spec.field} is beyond v127")
            selection |= each.half_bit
            number &= ~0x80
        if each.scalar_bit and not word & each.scalar_bit:
            number |= FIRST_VGPR_CODE
        operand = each.decode(number)
        if operand is None:
            raise DecodeError(f"{plan.row.name}: {number:#x} is no {each.spec.field}")
        operands.append(operand)
    if selection:
        modifiers["op_sel"] = selection
    return operands


def _read_modifiers(plan: Plan, word: int, modifiers: dict[str, int]) -> None:
    for name, modifier in plan.modifiers.items():
        number = modifier.field.extract(word)
        if number != modifier.default:
            if modifier.signed and number >> modifier.field.width - 1:
                number -= 1 << modifier.field.width
            if not has_meaning(name, number):
                raise DecodeError(f"{plan.row.name}: {name} {number:#x} has no meaning")
            modifiers[name] = number


def _complete_pair(plan: Plan, operands: list[Operand]) -> None:
    """The field of vdsty lacks the lowest bit, which is the opposite of that of vdstx."""
    fields = [spec.field for spec in plan.row.operands]
    first, second = operands[fields.index("vdstx")], operands[fields.index("vdsty")]
    if isinstance(first, Register) and isinstance(second, Register):
        number = 2 * second.first + (1 - first.first % 2)
        operands[fields.index("vdsty")] = vgpr(number)


@cache
def _groups(generation: Generation) -> tuple[Group | None, ...]:
    """Return what the values of the highest nine bits of a code mean."""
    rows: dict[Format, dict[int, list[Row]]] = {}
    for row in rows_of(generation):
        rows.setdefault(row.format, {}).setdefault(row.opcode, []).append(row)
    groups: list[Group | None] = [None] * (1 << _SELECTOR_BITS)
    formats = formats_of(generation)
    for selector in range(1 << _SELECTOR_BITS):
        found = [form for form in formats if _begins(form, selector)]
        most = max((_constants(form) for form in found), default=0)
        chosen = [form for form in found if _constants(form) == most]
        if chosen:
            groups[selector] = _group(chosen, rows)
    return tuple(groups)


@cache
def _constants(form: Format) -> int:
    """Return how many of the selecting bits are constant."""
    return bin(form.layout.constant_mask >> _SELECTOR_SHIFT & _SOURCE_MASK).count("1")


def _begins(form: Format, selector: int) -> bool:
    mask = form.layout.constant_mask >> _SELECTOR_SHIFT & _SOURCE_MASK
    return selector & mask == form.layout.constant >> _SELECTOR_SHIFT & mask


def _group(formats: list[Format], rows: dict[Format, dict[int, list[Row]]]) -> Group:
    joined: dict[int, list[Row]] = {}
    for form in formats:
        for opcode, found in rows.get(form, {}).items():
            joined.setdefault(opcode, []).extend(found)
    field = formats[0].fields["op"]
    return Group(formats[0].size_bytes, field.pieces[0].low, (1 << field.width) - 1, joined)
