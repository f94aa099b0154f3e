"""From an instruction to its bytes.

In goes an instruction with physical registers, out come its words, with the literal if it has one.
What the row or the hardware does not allow is an `EncodeError` that names the operand or modifier
and the limit; rules between operands are in `limits.py`.
"""

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.addresses import address_code
from mlrift.backends.amdgcn.isa.build_vector import HALVES
from mlrift.backends.amdgcn.isa.errors import EncodeError
from mlrift.backends.amdgcn.isa.extension_values import has_meaning
from mlrift.backends.amdgcn.isa.formats import Encoding
from mlrift.backends.amdgcn.isa.instruction import Instruction, Literal
from mlrift.backends.amdgcn.isa.limits import check_operands
from mlrift.backends.amdgcn.isa.plans import ModifierPlan, Plan, plan_of
from mlrift.backends.amdgcn.isa.registers import Register, RegisterFile
from mlrift.backends.amdgcn.isa.source_codes import FIRST_VGPR_CODE

_ADDRESSED = frozenset((Encoding.GLOBAL, Encoding.SCRATCH, Encoding.MUBUF))
_HALF_REGISTERS = 128
_HALF_BITS = 16


def encode(instruction: Instruction, generation: Generation) -> bytes:
    """Return the bytes of an instruction; EncodeError if it has none."""
    plan = plan_of(instruction.row, generation)
    try:
        return _encode(plan, instruction, generation)
    except EncodeError as error:
        raise EncodeError(f"{instruction.row.name}: {error}") from None


def _encode(plan: Plan, instruction: Instruction, generation: Generation) -> bytes:
    operands = instruction.operands
    if len(operands) != len(plan.row.operands):
        raise EncodeError(f"found {len(operands)} operands, expected {len(plan.row.operands)}")
    check_operands(instruction, generation)
    literal = _literal(operands)
    if literal is not None and literal >> _HALF_BITS:
        _check_half_literal(instruction)
    if plan.literal_positions:
        _check_literals(plan, instruction)
        skipped = plan.literal_positions
        operands = tuple(operand for index, operand in enumerate(operands) if index not in skipped)
    code = plan.constant | plan.modifier_default
    if plan.row.format.encoding in _ADDRESSED:
        code |= address_code(plan, instruction, generation)
    else:
        for operand_plan, operand in zip(plan.operands, operands, strict=True):
            number = operand_plan.encode(operand)
            if operand_plan.is_half:
                _check_half(operand_plan.spec.field, operand)
            if operand_plan.scalar_bit and number < FIRST_VGPR_CODE:
                code |= operand_plan.scalar_bit
            code |= (number & operand_plan.mask) << operand_plan.shift
    if instruction.modifiers:
        code = _with_modifiers(plan, instruction, code)
    size = plan.size_bytes
    if literal is not None:
        code |= literal << 8 * size
        size += 4
    return code.to_bytes(size, "little")


def _literal(operands: tuple[object, ...]) -> int | None:
    """Return the literal of an instruction; all literals in it are the same word."""
    found: int | None = None
    for operand in operands:
        if type(operand) is Literal:
            if not 0 <= operand.bits < 1 << 32:
                raise EncodeError(f"the literal {operand.bits:#x} has more than 32 bits")
            if found is not None and found != operand.bits:
                raise EncodeError(
                    f"{found:#x} and {operand.bits:#x}: an instruction has room for one literal"
                )
            found = operand.bits
    return found


def _check_literals(plan: Plan, instruction: Instruction) -> None:
    for index in plan.literal_positions:
        if type(instruction.operands[index]) is not Literal:
            raise EncodeError(f"{plan.row.operands[index].field}: expected a literal")


def _check_half_literal(instruction: Instruction) -> None:
    """A literal of a 16-bit operand has nothing in its high half."""
    for spec, operand in zip(instruction.row.operands, instruction.operands, strict=True):
        if type(operand) is Literal and spec.element in HALVES:
            raise EncodeError(
                f"{spec.field}: the literal {operand.bits:#x} of a 16-bit operand has more bits"
            )


def _check_half(field: str, operand: object) -> None:
    if (
        isinstance(operand, Register)
        and operand.file is RegisterFile.VECTOR
        and operand.first >= _HALF_REGISTERS
    ):
        raise EncodeError(
            f"{field}: a 16-bit operand of the short form is in v0 to v127, found v{operand.first}"
        )


def _with_modifiers(plan: Plan, instruction: Instruction, code: int) -> int:
    """Return the code with the modifiers that are given."""
    for name, number in instruction.modifiers.items():
        modifier = plan.modifiers.get(name)
        if modifier is not None:
            bits = _modifier_bits(modifier, number)
            code = code & ~modifier.field.insert(modifier.allowed) | modifier.field.insert(bits)
        elif name == "op_sel" and plan.has_halves:
            code |= _half_bits(plan, number)
        elif number != plan.row.defaults.get(name, 0):
            raise EncodeError(f"it takes no {name}")
    return code


def _modifier_bits(modifier: ModifierPlan, number: int) -> int:
    """Return the bits of a modifier that may be set."""
    if modifier.signed:
        limit = 1 << modifier.field.width - 1
        if not -limit <= number < limit:
            raise EncodeError(f"{modifier.name}: {number} is not between {-limit} and {limit - 1}")
    elif number & ~(modifier.allowed | modifier.default):
        raise EncodeError(
            f"{modifier.name}: {number:#x} has bits other than those of {modifier.allowed:#x}"
        )
    elif not has_meaning(modifier.name, number):
        raise EncodeError(f"{modifier.name}: {number:#x} has no meaning")
    return number & modifier.allowed


def _half_bits(plan: Plan, selection: int) -> int:
    """Return op_sel of a short instruction: bit 7 of the register fields."""
    code = 0
    for operand_plan in plan.operands:
        if operand_plan.half_bit & selection:
            code |= _HALF_REGISTERS << operand_plan.shift
            selection &= ~operand_plan.half_bit
    if selection:
        raise EncodeError(f"op_sel: bits {selection:#x} are not those of 16-bit registers")
    return code
