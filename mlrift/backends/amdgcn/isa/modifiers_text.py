"""Modifiers as the assembler writes them after the operands."""

import re

from mlrift.backends.amdgcn.isa.errors import AssemblyError
from mlrift.backends.amdgcn.isa.extension_values import MIRRORS, ROW_OPERATIONS, SELECTIONS
from mlrift.backends.amdgcn.isa.formats import Encoding, Extension
from mlrift.backends.amdgcn.isa.instruction import Effects, Instruction, Row

SOURCE_NUMBERS = {"src0": 0, "src1": 1, "vsrc1": 1, "src2": 2}
"""The bit that a source has in neg, abs and op_sel."""

_BITS = ("glc", "slc", "dlc", "clamp", "offen", "idxen")
_OUTPUT = {1: "mul:2", 2: "mul:4", 3: "div:2"}
_OUTPUT_NUMBERS = {text: number for number, text in _OUTPUT.items()}
_SCOPES = ("SCOPE_CU", "SCOPE_SE", "SCOPE_DEV", "SCOPE_SYS")
_SYSTEM_SCOPE = 3
_HINTS = {
    "LOAD": ("RT", "NT", "HT", "LU", "NT_RT", "RT_NT", "NT_HT"),
    "STORE": ("RT", "NT", "HT", "WB", "NT_RT", "RT_NT", "NT_HT", "NT_WB"),
    "ATOMIC": ("RT", "RETURN", "NT", "NT_RETURN", "CASCADE_RT", "", "CASCADE_NT"),
}
"""Names of temporal hints by number; number 3 of loads and stores is BYPASS for the system."""

_BYPASS = 3
_LISTS = ("op_sel", "op_sel_hi", "neg_lo", "neg_hi")
_LIST = re.compile(r"([a-z0-9_]+):\[([0-9,]+)\]")
_NUMBER = re.compile(r"([a-z0-9_]+):(-?(?:0x[0-9a-f]+|\d+))")


def is_permutation(row: Row) -> bool:
    """Say if op_sel of the instruction holds flags that are not of operands."""
    return row.operation.startswith("v_permlane")


def names_its_halves(row: Row) -> bool:
    """Say if the assembler takes halves only as part of the registers, not as op_sel."""
    return row.operation == "v_cndmask_b16"


def is_mixed(row: Row) -> bool:
    """Say if neg_lo and neg_hi of the packed instruction are neg and abs."""
    return row.operation.startswith("v_fma_mix")


def modifiers_text(instruction: Instruction, sources: int) -> str:
    """Return the modifiers of an instruction with that many sources, each after a blank."""
    parts = [*_lists(instruction, sources)]
    row = instruction.row
    if instruction.modifier("clamp"):
        parts.append("clamp")
    if instruction.modifier("omod"):
        parts.append(_OUTPUT[instruction.modifier("omod")])
    if row.format.extension is Extension.SDWA:
        parts += _selected_parts(instruction)
    elif row.format.extension is not Extension.NONE:
        parts += _lanes(instruction)
    parts += [name for name in ("idxen", "offen") if instruction.modifier(name)]
    parts += [
        f"{name}:{instruction.modifier(name)}"
        for name in ("offset", "offset0", "offset1")
        if instruction.modifier(name) and row.format.encoding is not Encoding.SMEM
    ]
    parts += [name for name in ("glc", "slc", "dlc") if instruction.modifier(name)]
    if instruction.modifier("th"):
        parts.append(f"th:{_hint(instruction)}")
    if instruction.modifier("scope"):
        parts.append(f"scope:{_SCOPES[instruction.modifier('scope')]}")
    return "".join(f" {part}" for part in parts)


def _lists(instruction: Instruction, sources: int) -> list[str]:
    """Return op_sel and its like: a bit for each source."""
    row = instruction.row
    short = row.format.encoding in (Encoding.VOP1, Encoding.VOP2, Encoding.VOPC)
    packed = row.format.encoding is Encoding.VOP3P
    parts = []
    selection = instruction.modifier("op_sel")
    if selection and not short and not names_its_halves(row):
        bits = [selection >> index & 1 for index in range(sources)]
        if is_permutation(row):
            bits = [selection & 1, selection >> 1 & 1]
        elif not packed:
            bits.append(selection >> 3 & 1)
        parts.append(_list("op_sel", bits))
    if not packed:
        return parts
    for name in ("op_sel_hi", "neg_lo", "neg_hi"):
        if name != "op_sel_hi" and is_mixed(row):
            continue
        number = instruction.modifier(name)
        if name in row.modifiers and number != row.defaults.get(name, 0):
            parts.append(_list(name, [number >> index & 1 for index in range(sources)]))
    return parts


def _list(name: str, numbers: list[int]) -> str:
    return f"{name}:[{','.join(str(number) for number in numbers)}]"


def _lanes(instruction: Instruction) -> list[str]:
    """Return what says from which lanes the first source comes."""
    if instruction.row.format.extension is not Extension.DPP16:
        lanes = instruction.modifier("dpp8")
        parts = [_list("dpp8", [lanes >> 3 * index & 7 for index in range(8)])]
    else:
        parts = [
            _control(instruction.modifier("dpp_ctrl")),
            f"row_mask:{instruction.modifier('row_mask'):#x}",
            f"bank_mask:{instruction.modifier('bank_mask'):#x}",
        ]
    if instruction.modifier("bound_ctrl"):
        parts.append("bound_ctrl:1")
    if instruction.modifier("fi"):
        parts.append("fi:1")
    return parts


def _selected_parts(instruction: Instruction) -> list[str]:
    """Return which bytes or words of registers are meant."""
    parts = []
    for name, names in SELECTIONS.items():
        if name in instruction.row.modifiers:
            number = instruction.modifier(name)
            parts.append(f"{name}:{names[number]}")
    return parts


def _control(control: int) -> str:
    if control < 0x100:
        return _list("quad_perm", [control >> 2 * index & 3 for index in range(4)])
    for name, number in MIRRORS.items():
        if control == number:
            return name
    for name, first, last in ROW_OPERATIONS:
        if first <= control <= last:
            return f"{name}:{control & 15}"
    raise AssemblyError(f"dpp_ctrl {control:#x} has no meaning")


def _hint_kind(row: Row) -> str:
    if Effects.ATOMIC in row.effects:
        return "ATOMIC"
    return "STORE" if Effects.STORES in row.effects else "LOAD"


def _hint(instruction: Instruction) -> str:
    kind = _hint_kind(instruction.row)
    number = instruction.modifier("th")
    if kind != "ATOMIC" and number == _BYPASS and instruction.modifier("scope") == _SYSTEM_SCOPE:
        return f"TH_{kind}_BYPASS"
    names = _HINTS[kind]
    if number >= len(names) or not names[number]:
        return f"{number:#x}"
    return f"TH_{kind}_{names[number]}"


def read_modifier(text: str, row: Row, modifiers: dict[str, int]) -> None:
    """Add a modifier that the assembler writes to those of an instruction."""
    if text in _BITS:
        modifiers[text] = 1
    elif text in _OUTPUT_NUMBERS:
        modifiers["omod"] = _OUTPUT_NUMBERS[text]
    elif text in MIRRORS:
        modifiers["dpp_ctrl"] = MIRRORS[text]
    elif text.partition(":")[0] in SELECTIONS:
        name, _, part = text.partition(":")
        modifiers[name] = _position(part, SELECTIONS[name])
    elif text.startswith("th:"):
        modifiers["th"] = _hint_number(text.removeprefix("th:"), row)
    elif text.startswith("scope:"):
        modifiers["scope"] = _position(text.removeprefix("scope:"), _SCOPES)
    elif match := _LIST.fullmatch(text):
        _read_list(match[1], [int(number) for number in match[2].split(",")], row, modifiers)
    elif match := _NUMBER.fullmatch(text):
        _read_number(match[1], int(match[2], 0), modifiers)
    else:
        raise AssemblyError(f"`{text}` is no modifier")


def _read_list(name: str, numbers: list[int], row: Row, modifiers: dict[str, int]) -> None:
    if name == "quad_perm":
        modifiers["dpp_ctrl"] = sum(number << 2 * index for index, number in enumerate(numbers))
    elif name == "dpp8":
        modifiers["dpp8"] = sum(number << 3 * index for index, number in enumerate(numbers))
    elif name in _LISTS:
        number = sum(bit << index for index, bit in enumerate(numbers))
        if name == "op_sel" and row.format.encoding is not Encoding.VOP3P:
            sources = sum(spec.field in SOURCE_NUMBERS for spec in row.operands)
            if not is_permutation(row) and number >> sources:
                number = number & (1 << sources) - 1 | 8
        elif name == "op_sel_hi":
            number |= row.defaults.get(name, 0) & ~row.modifiers.get(name, 0)
        modifiers[name] = number
    else:
        raise AssemblyError(f"`{name}` is no modifier")


def _read_number(name: str, number: int, modifiers: dict[str, int]) -> None:
    for operation, first, last in ROW_OPERATIONS:
        if name == operation:
            control = (first & ~15) + number
            if not first <= control <= last:
                raise AssemblyError(f"`{name}:{number}` is out of range")
            modifiers["dpp_ctrl"] = control
            return
    modifiers[name] = number


def _hint_number(name: str, row: Row) -> int:
    kind = _hint_kind(row)
    if name == f"TH_{kind}_BYPASS":
        return _BYPASS
    return _position(name.removeprefix(f"TH_{kind}_"), _HINTS[kind])


def _position(name: str, names: tuple[str, ...]) -> int:
    if name not in names:
        raise AssemblyError(f"`{name}` is none of {', '.join(each for each in names if each)}")
    return names.index(name)
