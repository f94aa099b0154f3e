"""Numbers of an instruction word as the assembler writes them: counters, delays, branches."""

import re

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.errors import AssemblyError
from mlrift.backends.amdgcn.isa.fields import Field
from mlrift.backends.amdgcn.isa.instruction import ElementType, OperandKind, OperandSpec
from mlrift.backends.amdgcn.isa.packed_numbers import (
    DELAY_FIRST,
    DELAY_SECOND,
    DELAY_SKIP,
    DELAYS,
    DEPENDENCY_COUNTS,
    DEPENDENCY_DEFAULT,
    HARDWARE_REGISTER,
    HARDWARE_REGISTER_NAMES,
    MESSAGE_NAMES,
    SKIPS,
    WAIT_COUNTS,
    pack,
    wait_default,
)
from mlrift.static_types import assert_never

_COUNT = re.compile(r"(\w+)\((\d+)\)")
_DELAY = re.compile(r"(instid0|instskip|instid1)\((\w+)\)")
_REGISTER = re.compile(r"hwreg\(\s*(\w+)\s*(?:,\s*(\d+)\s*,\s*(\d+)\s*)?\)")
_MESSAGE = re.compile(r"sendmsg\((\w+)(?:,\s*(\d+)\s*(?:,\s*(\d+)\s*)?)?\)")
_SIGN, _MODULUS = 0x8000, 0x10000
_LARGEST_DECIMAL = 9

WHOLE_LINE = frozenset((OperandKind.WAIT_COUNTS, OperandKind.DEPENDENCY_COUNTS, OperandKind.DELAYS))
"""Kinds whose text has blanks and is all that follows the mnemonic."""


def number_text(spec: OperandSpec, number: int, generation: Generation) -> str:
    """Return a number as the kind of operand is written."""
    match spec.kind:
        case OperandKind.WAIT_COUNTS:
            return _counts_text(WAIT_COUNTS[generation], number, wait_default(generation))
        case OperandKind.DEPENDENCY_COUNTS:
            return _counts_text(DEPENDENCY_COUNTS, number, DEPENDENCY_DEFAULT)
        case OperandKind.DELAYS:
            return _delays_text(number)
        case OperandKind.HARDWARE_REGISTER:
            return _hardware_register_text(number, generation)
        case OperandKind.MESSAGE:
            for name, known in MESSAGE_NAMES.items():
                if number == known and _has_message(name, generation):
                    return f"sendmsg({name})"
            return f"{number:#x}"
        case OperandKind.BRANCH_TARGET:
            return str(number)
        case _:
            plain = number & 0xFFFF
            return str(plain) if plain <= _LARGEST_DECIMAL else f"{plain:#x}"


def number_of_text(spec: OperandSpec, text: str, generation: Generation) -> int:
    """Return the number that the text of a kind of operand means."""
    if re.fullmatch(r"-?(0x[0-9a-fA-F]+|\d+)", text):
        return _plain_number(spec, int(text, 0))
    match spec.kind:
        case OperandKind.WAIT_COUNTS:
            return _counts_of(text, WAIT_COUNTS[generation], wait_default(generation))
        case OperandKind.DEPENDENCY_COUNTS:
            return _counts_of(text, DEPENDENCY_COUNTS, DEPENDENCY_DEFAULT)
        case OperandKind.DELAYS:
            return _delays_of(text)
        case OperandKind.HARDWARE_REGISTER:
            return _hardware_register(text, generation)
        case OperandKind.MESSAGE:
            return _message(text)
    raise AssemblyError(f"`{text}` is no {spec.kind.value}")


def _plain_number(spec: OperandSpec, number: int) -> int:
    """Return a number as the decoder would: signed where the element is."""
    if spec.field != "simm16":
        return number
    if not -_SIGN <= number < _MODULUS:
        raise AssemblyError(f"{number} has more than 16 bits")
    number %= _MODULUS
    signed = spec.element is ElementType.I16
    return number - _MODULUS if signed and number & _SIGN else number


def _counts_text(parts: tuple[Field, ...], number: int, default: int) -> str:
    """Return the parts that wait; the number where it has bits that no part has."""
    counts = {part.name: part.extract(number) for part in parts}
    if number == default or pack(parts, counts, default) != number:
        return f"{number:#x}"
    return " ".join(
        f"{part.name}({counts[part.name]})"
        for part in parts
        if counts[part.name] != part.extract(default)
    )


def _counts_of(text: str, parts: tuple[Field, ...], default: int) -> int:
    known = {part.name: part for part in parts}
    counts = {}
    for word in re.split(r"[\s&,]+", text):
        match = _COUNT.fullmatch(word)
        if match is None or match[1] not in known:
            raise AssemblyError(f"`{word}` is none of {', '.join(known)} with a number")
        if int(match[2]) >= 1 << known[match[1]].width:
            raise AssemblyError(f"`{word}`: the counter has {known[match[1]].width} bits")
        counts[match[1]] = int(match[2])
    return pack(parts, counts, default)


def _delays_text(number: int) -> str:
    first, skip, second = (part.extract(number) for part in (DELAY_FIRST, DELAY_SKIP, DELAY_SECOND))
    known = first < len(DELAYS) and skip < len(SKIPS) and second < len(DELAYS)
    if not known or number >> 11 or not number:
        return f"{number:#x}"
    parts = [f"instid0({DELAYS[first]})"]
    if skip:
        parts.append(f"instskip({SKIPS[skip]})")
    if second:
        parts.append(f"instid1({DELAYS[second]})")
    return " | ".join(parts)


def _delays_of(text: str) -> int:
    number = 0
    for word in text.split("|"):
        match = _DELAY.fullmatch(word.strip())
        if match is None:
            raise AssemblyError(f"`{word.strip()}` is no delay")
        part, names = {
            "instid0": (DELAY_FIRST, DELAYS),
            "instskip": (DELAY_SKIP, SKIPS),
            "instid1": (DELAY_SECOND, DELAYS),
        }[match[1]]
        if match[2] not in names:
            raise AssemblyError(f"`{match[2]}` is none of {', '.join(names)}")
        number |= part.insert(names.index(match[2]))
    return number


def _hardware_register_text(number: int, generation: Generation) -> str:
    register, offset, less = (part.extract(number) for part in HARDWARE_REGISTER)
    names = HARDWARE_REGISTER_NAMES[generation]
    name = next((name for name, known in names.items() if known == register), str(register))
    return f"hwreg({name}, {offset}, {less + 1})"


def _hardware_register(text: str, generation: Generation) -> int:
    match = _REGISTER.fullmatch(text)
    if match is None:
        raise AssemblyError(f"`{text}` is no hwreg(id, offset, size)")
    name = match[1]
    names = HARDWARE_REGISTER_NAMES[generation]
    if not name.isdigit() and name not in names:
        raise AssemblyError(f"`{name}` is none of {', '.join(names)}")
    number = int(name) if name.isdigit() else names[name]
    offset, size = int(match[2] or 0), int(match[3] or 32)
    if not (number < 64 and offset < 32 and 1 <= size <= 32):
        raise AssemblyError(f"`{text}`: the id is below 64, the offset below 32, the size 1 to 32")
    values = (number, offset, size - 1)
    return sum(part.insert(value) for part, value in zip(HARDWARE_REGISTER, values, strict=True))


def _message(text: str) -> int:
    """Return the number of sendmsg(message), sendmsg(message, operation, stream)."""
    found = _MESSAGE.fullmatch(text)
    if found is None or not (found[1] in MESSAGE_NAMES or found[1].isdigit()):
        raise AssemblyError(f"`{text}` is no sendmsg(number)")
    number = MESSAGE_NAMES[found[1]] if found[1] in MESSAGE_NAMES else int(found[1])
    return number | int(found[2] or 0) << 4 | int(found[3] or 0) << 8


def _has_message(name: str, generation: Generation) -> bool:
    match generation:
        case Generation.GFX10:
            return name == "MSG_INTERRUPT"
        case Generation.GFX11 | Generation.GFX12:
            return True
        case _:
            assert_never(generation)
