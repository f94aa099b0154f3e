"""From an instruction to assembler text that llvm-mc takes and turns into the same bytes."""

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.build_vector import HALVES
from mlrift.backends.amdgcn.isa.constants_text import inline_text, literal_text
from mlrift.backends.amdgcn.isa.formats import Encoding, Extension
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
from mlrift.backends.amdgcn.isa.modifiers_text import SOURCE_NUMBERS, is_mixed, modifiers_text
from mlrift.backends.amdgcn.isa.numbers_text import number_text
from mlrift.backends.amdgcn.isa.register_text import register_text
from mlrift.backends.amdgcn.isa.registers import NULL, VCC, Register, RegisterFile
from mlrift.backends.amdgcn.isa.rows import rows_of_operation

SHORT = frozenset((Encoding.VOP1, Encoding.VOP2, Encoding.VOPC))
LONG = frozenset((Encoding.VOP3, Encoding.VOP3SD, Encoding.VOP3P))
_ADDRESSED = frozenset((Encoding.GLOBAL, Encoding.SCRATCH, Encoding.MUBUF))
_TARGET_HALF = 8


def print_instruction(instruction: Instruction, generation: Generation) -> str:
    """Return the text of an instruction."""
    row = instruction.row
    if row.format.encoding is Encoding.VOPD:
        return _pair(instruction)
    texts = [operand_text(instruction, index, generation) for index in range(len(row.operands))]
    if row.operation == "s_endpgm" and texts == ["0"]:
        texts = []
    texts = with_implicit_mask(row, texts)
    if row.format.encoding is Encoding.SMEM and row.modifiers:
        texts = _scalar_address(instruction, texts)
    sources = sum(spec.field in SOURCE_NUMBERS for spec in row.operands)
    tail = modifiers_text(instruction, sources)
    return f"{mnemonic(row, generation)} {', '.join(texts)}".rstrip() + tail


def mnemonic(row: Row, generation: Generation) -> str:
    """Return the name of a row with the suffix of its format."""
    encoding = row.format.encoding
    extended = row.format.extension is not Extension.NONE
    if encoding in LONG and extended:
        return f"{row.name}_e64_dpp"
    if encoding not in SHORT and encoding not in LONG:
        return row.name
    if row.format.extension is Extension.SDWA:
        return f"{row.name}_sdwa"
    if extended:
        return row.name if encoding is Encoding.VOPC else f"{row.name}_dpp"
    others = {other.format.encoding for other in rows_of_operation(row.operation, generation)}
    if encoding in SHORT:
        return f"{row.name}_e32" if others & LONG else row.name
    return f"{row.name}_e64" if others & SHORT else row.name


def with_implicit_mask(row: Row, texts: list[str]) -> list[str]:
    """Return the operands with VCC where a short form uses it without naming it."""
    if row.format.encoding is Encoding.VOPC and VCC in row.writes:
        return ["vcc_lo", *texts]
    if row.format.encoding is not Encoding.VOP2:
        return texts
    before = ["vcc_lo"] if VCC in row.writes else []
    after = ["vcc_lo"] if VCC in row.reads else []
    return [*texts[:1], *before, *texts[1:], *after]


def operand_text(instruction: Instruction, index: int, generation: Generation) -> str:
    """Return an operand with its sign and its half."""
    spec, operand = instruction.row.operands[index], instruction.operands[index]
    if isinstance(operand, Immediate):
        return number_text(spec, operand.number, generation)
    if isinstance(operand, Literal) and spec.kind is OperandKind.LITERAL:
        return f"{operand.bits:#x}"
    text = _plain(spec, operand)
    encoding = instruction.row.format.encoding
    if operand == NULL and encoding in _ADDRESSED and spec.field in ("vaddr", "saddr"):
        text = "off"
    if generation is Generation.GFX11 and _has_half(instruction.row, spec, operand):
        text += ".h" if _half(instruction, spec) else ".l"
    number = SOURCE_NUMBERS.get(spec.field)
    return text if number is None else _signed(instruction, number, operand, text)


def _plain(spec: OperandSpec, operand: Operand) -> str:
    if isinstance(operand, Register):
        return register_text(operand)
    if isinstance(operand, Inline):
        return inline_text(operand, spec.element)
    if isinstance(operand, Literal):
        return literal_text(operand, spec.element)
    return str(operand.number)


def _has_half(row: Row, spec: OperandSpec, operand: Operand) -> bool:
    return (
        spec.element in HALVES
        and row.format.encoding in (*SHORT, Encoding.VOP3)
        and isinstance(operand, Register)
        and operand.file is RegisterFile.VECTOR
    )


def _half(instruction: Instruction, spec: OperandSpec) -> int:
    number = SOURCE_NUMBERS.get(spec.field)
    bit = _TARGET_HALF if number is None else 1 << number
    return instruction.modifier("op_sel") & bit


def _signed(instruction: Instruction, number: int, operand: Operand, text: str) -> str:
    """Return a source with `|...|` and `-` where the modifiers say so."""
    negative, absolute = instruction.modifier("neg"), instruction.modifier("abs")
    if is_mixed(instruction.row):
        negative, absolute = instruction.modifier("neg_lo"), instruction.modifier("neg_hi")
    if instruction.modifier("sext") >> number & 1:
        text = f"sext({text})"
    if absolute >> number & 1:
        text = f"|{text}|"
    if negative >> number & 1:
        return f"-{text}" if isinstance(operand, Register) else f"neg({text})"
    return text


def _scalar_address(instruction: Instruction, texts: list[str]) -> list[str]:
    """Return the operands of a scalar load: the offset is one, or follows a register."""
    offset = instruction.modifier("offset")
    number = f"-{-offset:#x}" if offset < 0 else f"{offset:#x}"
    if instruction.operand("soffset") == NULL:
        return [*texts[:-1], number]
    return [*texts[:-1], f"{texts[-1]} offset:{number}" if offset else texts[-1]]


def _pair(instruction: Instruction) -> str:
    names = instruction.row.name.split(" :: ")
    halves: dict[str, list[str]] = {"x": [], "y": []}
    for spec, operand in zip(instruction.row.operands, instruction.operands, strict=True):
        half = "x" if "x" in spec.field else "y"
        if spec.element is ElementType.B32 and spec.kind is OperandKind.LITERAL:
            halves[half].append(f"{operand.bits:#x}" if isinstance(operand, Literal) else "")
        else:
            halves[half].append(_plain(spec, operand))
    first, second = (
        f"{name} {', '.join(texts)}" for name, texts in zip(names, halves.values(), strict=True)
    )
    return f"{first} :: {second}"
