"""Registers as the assembler writes them: `v1`, `s[2:3]`, `vcc_lo`, `null`."""

import re

from mlrift.backends.amdgcn.isa.errors import AssemblyError
from mlrift.backends.amdgcn.isa.registers import (
    FIRST_TRAP_TEMPORARY,
    GENERAL_SGPRS,
    NULL,
    SCC,
    Register,
    RegisterFile,
    sgpr,
)

_NAMED = {
    "vcc_lo": sgpr(106),
    "vcc_hi": sgpr(107),
    "vcc": sgpr(106, 2),
    "m0": sgpr(125),
    "null": NULL,
    "off": NULL,
    "exec_lo": sgpr(126),
    "exec_hi": sgpr(127),
    "exec": sgpr(126, 2),
    "src_shared_base": sgpr(235),
    "src_shared_limit": sgpr(236),
    "src_private_base": sgpr(237),
    "src_private_limit": sgpr(238),
    "src_vccz": sgpr(251),
    "src_execz": sgpr(252),
    "src_scc": SCC,
}
_NAMES = {
    (register.first, register.count): name
    for name, register in _NAMED.items()
    if register.file is RegisterFile.SCALAR and name != "off"
}
_FIRST_APERTURE, _LAST_APERTURE = 235, 238
_NUMBERED = re.compile(r"(v|s|ttmp)(?:(\d+)|\[(\d+)(?::(\d+))?\])(\.[lh])?")


def register_text(register: Register) -> str:
    """Return the name of a register."""
    first, count = register.first, register.count
    if register.file is RegisterFile.CONDITION:
        return "src_scc"
    prefix = "v"
    if register.file is RegisterFile.SCALAR:
        if _FIRST_APERTURE <= first <= _LAST_APERTURE:
            count = 1
        name = _NAMES.get((first, count))
        if name is not None:
            return name
        prefix = "s"
        if FIRST_TRAP_TEMPORARY <= first < NULL.first:
            prefix = "ttmp"
            first -= FIRST_TRAP_TEMPORARY
    return f"{prefix}{first}" if count == 1 else f"{prefix}[{first}:{first + count - 1}]"


def register_of_text(text: str, dwords: int) -> tuple[Register, str] | None:
    """Return a register and its half (`l`, `h` or empty), None if the text is something else."""
    named = _NAMED.get(text)
    if named is not None:
        if _FIRST_APERTURE <= named.first <= _LAST_APERTURE:
            return sgpr(named.first, dwords), ""
        return named, ""
    match = _NUMBERED.fullmatch(text)
    if match is None:
        return None
    prefix, single, first, last, half = match.groups()
    number = int(single or first)
    count = int(last) - number + 1 if last else 1
    if count < 1:
        raise AssemblyError(f"`{text}` ends before it begins")
    limit = 256 if prefix == "v" else GENERAL_SGPRS if prefix == "s" else 16
    if number + count > limit:
        raise AssemblyError(f"`{text}` is beyond {prefix}{limit - 1}")
    if prefix == "v":
        return Register(RegisterFile.VECTOR, number, count), (half or "")[1:]
    if half:
        raise AssemblyError(f"`{text}`: only vector registers have halves")
    return sgpr(number + (FIRST_TRAP_TEMPORARY if prefix == "ttmp" else 0), count), ""
