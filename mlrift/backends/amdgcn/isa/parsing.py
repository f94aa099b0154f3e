"""From assembler text to an instruction.

The mnemonic's rows are tried, the shortest first; the first that takes the operands is the one. A
suffix (`_e32`, `_e64`, `_dpp`) leaves only the rows of that format.
"""

import re
from functools import cache

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.build_vector import HALVES
from mlrift.backends.amdgcn.isa.constants_text import constant_of_text
from mlrift.backends.amdgcn.isa.encode import encode
from mlrift.backends.amdgcn.isa.errors import AssemblyError, EncodeError
from mlrift.backends.amdgcn.isa.formats import Encoding, Extension
from mlrift.backends.amdgcn.isa.instruction import (
    Immediate,
    Instruction,
    Literal,
    Operand,
    OperandKind,
    OperandSpec,
    Row,
)
from mlrift.backends.amdgcn.isa.modifiers_text import SOURCE_NUMBERS, is_mixed, read_modifier
from mlrift.backends.amdgcn.isa.numbers_text import WHOLE_LINE, number_of_text
from mlrift.backends.amdgcn.isa.operands import NUMBERS
from mlrift.backends.amdgcn.isa.printing import LONG, SHORT, with_implicit_mask
from mlrift.backends.amdgcn.isa.register_text import register_of_text
from mlrift.backends.amdgcn.isa.rows import rows_of, rows_with_lanes

_SUFFIX = re.compile(r"(.*?)(_e64_dpp|_e32|_e64|_dpp|_sdwa)?")
_LANES = re.compile(r"\b(quad_perm|row_\w+|dpp8)\b")
_TARGET_HALF = 8


def parse(text: str, generation: Generation) -> Instruction:
    """Return the instruction that a line means; AssemblyError if it means none."""
    line = text.strip()
    name, _, rest = line.partition(" ")
    if "::" in rest:
        return _parse_pair(line, generation)
    match = _SUFFIX.fullmatch(name)
    base, suffix = (match[1], match[2] or "") if match else (name, "")
    rows = _rows_named(generation).get(base, ())
    if not rows:
        raise AssemblyError(f"{generation.value} has no instruction `{name}`")
    reasons = []
    for row in _candidates(rows, suffix, rest, generation):
        try:
            instruction = _parse_as(row, rest.strip(), generation)
            encode(instruction, generation)
        except (AssemblyError, EncodeError) as error:
            reasons.append(str(error))
        else:
            return instruction
    reason = reasons[-1] if reasons else f"there is no form {suffix} of it"
    raise AssemblyError(f"`{line}`: {reason}")


@cache
def _rows_named(generation: Generation) -> dict[str, tuple[Row, ...]]:
    """Return the rows of each mnemonic, shortest first."""
    found: dict[str, list[Row]] = {}
    for row in rows_of(generation):
        found.setdefault(row.name, []).append(row)
    return {
        name: tuple(sorted(rows, key=lambda row: row.format.size_bytes))
        for name, rows in found.items()
    }


def _candidates(rows: tuple[Row, ...], suffix: str, rest: str, generation: Generation) -> list[Row]:
    """Return the rows that a suffix and the modifiers leave."""
    encodings = {"_e32": SHORT, "_dpp": SHORT, "_sdwa": SHORT, "_e64": LONG, "_e64_dpp": LONG}.get(
        suffix
    )
    chosen = [row for row in rows if encodings is None or row.format.encoding in encodings]
    if suffix == "_sdwa":
        extension = Extension.SDWA
    elif not _LANES.search(rest):
        return chosen
    elif "dpp8:" not in rest:
        extension = Extension.DPP16
    else:
        extension = Extension.DPP8_FI if "fi:1" in rest else Extension.DPP8
    return [
        extended
        for row in chosen
        for extended in rows_with_lanes(row, generation)
        if extended.format.extension is extension
    ]


def _split(text: str) -> list[str]:
    """Return the parts between commas that are not in brackets."""
    parts, depth, start = [], 0, 0
    for index, character in enumerate(text):
        if character in "[(":
            depth += 1
        elif character in "])":
            depth -= 1
        elif character == "," and depth == 0:
            parts.append(text[start:index].strip())
            start = index + 1
    last = text[start:].strip()
    return [*parts, last] if last else parts


def _parse_as(row: Row, rest: str, generation: Generation) -> Instruction:
    """Return the instruction if its text is of that row."""
    modifiers: dict[str, int] = {}
    specs = row.operands
    if len(specs) == 1 and specs[0].kind in WHOLE_LINE:
        number = number_of_text(specs[0], rest, generation)
        return Instruction(row, (Immediate(number),), modifiers)
    texts = _split(rest)
    expected = len(with_implicit_mask(row, [""] * len(specs)))
    tail = _take_modifiers(texts, has_operands=expected > 0)
    for word in tail:
        read_modifier(word, row, modifiers)
    if row.format.encoding is Encoding.SMEM and row.modifiers:
        _take_scalar_offset(texts, modifiers)
    if row.operation == "s_endpgm" and not texts:
        texts = ["0"]
    if len(texts) != expected:
        raise AssemblyError(f"found {len(texts)} operands, expected {expected}")
    texts = _without_implicit_mask(row, texts)
    operands = tuple(
        _operand(row, spec, text, modifiers, generation)
        for spec, text in zip(specs, texts, strict=True)
    )
    return Instruction(row, operands, _canonical(row, modifiers))


def _take_modifiers(texts: list[str], *, has_operands: bool) -> list[str]:
    """Remove the words after the last operand, and return them."""
    if not texts:
        return []
    words = re.split(r"\s+(?![^\[(]*[\])])", texts[-1])
    if not has_operands:
        texts.clear()
        return words
    texts[-1] = words[0]
    return words[1:]


def _take_scalar_offset(texts: list[str], modifiers: dict[str, int]) -> None:
    """A number in the place of the offset register is the offset itself."""
    if texts and re.fullmatch(r"-?(0x[0-9a-fA-F]+|\d+)", texts[-1]):
        modifiers["offset"] = int(texts[-1], 0)
        texts[-1] = "null"


def _without_implicit_mask(row: Row, texts: list[str]) -> list[str]:
    """Return the operands of the row: without the VCC that its short form does not name."""
    marked = with_implicit_mask(row, ["operand"] * len(row.operands))
    kept = []
    for mark, text in zip(marked, texts, strict=True):
        if mark == "operand":
            kept.append(text)
        elif text != mark:
            raise AssemblyError(f"`{text}`: the short form uses {mark}")
    return kept


def _operand(
    row: Row, spec: OperandSpec, text: str, modifiers: dict[str, int], generation: Generation
) -> Operand:
    """Return an operand; its sign and half go to the modifiers."""
    if spec.kind in NUMBERS:
        return Immediate(number_of_text(spec, text, generation))
    number = SOURCE_NUMBERS.get(spec.field)
    if number is not None:
        text = _take_signs(row, number, text, modifiers)
    found = register_of_text(text, spec.dwords)
    if found is None:
        constant = constant_of_text(text, spec.element)
        if spec.kind is OperandKind.LITERAL and not isinstance(constant, Literal):
            return Literal(int(text, 0) & 0xFFFFFFFF)
        return constant
    register, half = found
    if half and (spec.element not in HALVES or generation is not Generation.GFX11):
        raise AssemblyError(f"`{text}`: it takes no half of a register")
    if half == "h":
        bit = _TARGET_HALF if number is None else 1 << number
        modifiers["op_sel"] = modifiers.get("op_sel", 0) | bit
    return register


def _take_signs(row: Row, number: int, text: str, modifiers: dict[str, int]) -> str:
    """Remove `-`, `neg(...)` and `|...|` from a source."""
    negative, absolute = ("neg_lo", "neg_hi") if is_mixed(row) else ("neg", "abs")
    bare = text
    if text.startswith("sext(") and text.endswith(")"):
        modifiers["sext"] = modifiers.get("sext", 0) | 1 << number
        return text[5:-1]
    if text.startswith("neg(") and text.endswith(")"):
        bare = text[4:-1]
    elif text.startswith("-") and not text[1:2].isdigit():
        bare = text[1:]
    if bare != text:
        modifiers[negative] = modifiers.get(negative, 0) | 1 << number
    if bare.startswith("|") and bare.endswith("|") and len(bare) > 2:
        modifiers[absolute] = modifiers.get(absolute, 0) | 1 << number
        return bare[1:-1]
    return bare


def _canonical(row: Row, modifiers: dict[str, int]) -> dict[str, int]:
    """Return the modifiers that differ from the defaults."""
    return {
        name: number for name, number in modifiers.items() if number != row.defaults.get(name, 0)
    }


def _parse_pair(line: str, generation: Generation) -> Instruction:
    """Return a dual-issue instruction."""
    halves = [half.strip() for half in line.split("::")]
    if len(halves) != 2:
        raise AssemblyError(f"`{line}`: expected two halves")
    names = [half.partition(" ")[0] for half in halves]
    rows = _rows_named(generation).get(" :: ".join(names), ())
    if not rows:
        raise AssemblyError(f"{generation.value} has no pair `{' :: '.join(names)}`")
    texts = [text for half in halves for text in _split(half.partition(" ")[2])]
    row = rows[0]
    if len(texts) != len(row.operands):
        raise AssemblyError(f"`{line}`: expected {len(row.operands)} operands")
    operands = tuple(
        _operand(row, spec, text, {}, generation)
        for spec, text in zip(row.operands, texts, strict=True)
    )
    instruction = Instruction(row, operands, {})
    try:
        encode(instruction, generation)
    except EncodeError as error:
        raise AssemblyError(f"`{line}`: {error}") from None
    return instruction
