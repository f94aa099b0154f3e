"""How many bytes an x86-64 instruction has: code and a position in, a length out.

Only what decides the length is decoded (Intel SDM volume 2, chapter 2 and appendix A): prefixes,
the opcode map, ModRM and SIB, immediates. Enough for everything that LLVM writes for user code.
"""

from mlrift.backends.errors import BackendError

_PREFIXES = frozenset(b"\x26\x2e\x36\x3e\x64\x65\xf0\xf2\xf3")
_OPERAND_SIZE, _ADDRESS_SIZE = 0x66, 0x67
_VEX2, _VEX3, _EVEX = 0xC5, 0xC4, 0x62
_MAPS_BY_NUMBER = {1: "0f", 2: "0f38", 3: "0f3a", 5: "0f", 6: "0f38"}


def _bytes(*ranges: tuple[int, int]) -> frozenset[int]:
    return frozenset(value for first, last in ranges for value in range(first, last + 1))


# The one-byte map: opcodes with ModRM, and the sizes of immediates (z: 4 bytes, 2 with 0x66).
_MODRM = _bytes((0x63, 0x63), (0x69, 0x69), (0x6B, 0x6B), (0x80, 0x8F), (0xC0, 0xC1), (0xC6, 0xC7))
_MODRM |= _bytes((0xD0, 0xD3), (0xD8, 0xDF), (0xF6, 0xF7), (0xFE, 0xFF))
_MODRM |= frozenset(row + column for row in range(0, 0x40, 8) for column in range(4))
_BYTE = _bytes((0x6A, 0x6B), (0x70, 0x80), (0x82, 0x83), (0xA8, 0xA8), (0xB0, 0xB7), (0xC0, 0xC1))
_BYTE |= _bytes((0xC6, 0xC6), (0xCD, 0xCD), (0xE0, 0xE7), (0xEB, 0xEB))
_BYTE |= frozenset(row + 4 for row in range(0, 0x40, 8))
_Z = _bytes((0x68, 0x69), (0x81, 0x81), (0xA9, 0xA9), (0xC7, 0xC7))
_Z |= frozenset(row + 5 for row in range(0, 0x40, 8))
_OTHER = {0xC2: 2, 0xC8: 3, 0xCA: 2, 0xE8: 4, 0xE9: 4}
_OTHER |= dict.fromkeys(range(0xA0, 0xA4), 8)
_INVALID = frozenset(
    b"\x06\x07\x0e\x16\x17\x1e\x1f\x27\x2f\x37\x3f\x60\x61\x82\x9a\xce\xd4\xd5\xea"
)
# The map behind 0x0F.
_NO_MODRM_0F = _bytes((0x05, 0x0B), (0x30, 0x37), (0x77, 0x77), (0x80, 0x8F), (0xA0, 0xA2))
_NO_MODRM_0F |= _bytes((0xA8, 0xAA), (0xC8, 0xCF))
_BYTE_0F = _bytes((0x70, 0x73), (0xA4, 0xA4), (0xAC, 0xAC), (0xBA, 0xBA), (0xC2, 0xC2))
_BYTE_0F |= _bytes((0xC4, 0xC6))
_NEAR_0F = _bytes((0x80, 0x8F))


def instruction_length(code: bytes, start: int) -> int:
    """Return the length of the instruction that starts at a position."""
    try:
        return _end(code, start) - start
    except IndexError as error:
        raise BackendError(f"an instruction at {start:#x} is cut off") from error


def _end(code: bytes, start: int) -> int:
    position = start
    is_short = False
    while code[position] in _PREFIXES or code[position] in (_OPERAND_SIZE, _ADDRESS_SIZE):
        is_short |= code[position] == _OPERAND_SIZE
        position += 1
    is_wide = False
    if 0x40 <= code[position] <= 0x4F:
        is_wide = bool(code[position] & 8)
        position += 1
    opcode = code[position]
    if opcode in (_VEX2, _VEX3, _EVEX):
        return _vector_end(code, position)
    if opcode == 0x0F:
        return _two_byte_end(code, position + 1)
    if opcode in _INVALID:
        raise BackendError(f"no instruction starts with {opcode:#04x}, at {start:#x}")
    z_bytes = 2 if is_short and not is_wide else 4
    return _one_byte_end(code, position, z_bytes, 8 if is_wide else z_bytes)


def _one_byte_end(code: bytes, position: int, z_bytes: int, move_bytes: int) -> int:
    opcode = code[position]
    end = position + 1
    if opcode in _MODRM:
        end = _operand_end(code, end)
    if 0xB8 <= opcode <= 0xBF:
        return end + move_bytes
    if opcode in (0xF6, 0xF7):
        is_test = code[position + 1] & 0x30 == 0
        return end + ((1 if opcode == 0xF6 else z_bytes) if is_test else 0)
    if opcode in _BYTE:
        return end + 1
    return end + (z_bytes if opcode in _Z else _OTHER.get(opcode, 0))


def _two_byte_end(code: bytes, position: int) -> int:
    opcode = code[position]
    if opcode == 0x38:
        return _operand_end(code, position + 2)
    if opcode == 0x3A:
        return _operand_end(code, position + 2) + 1
    return _map_end(code, position, "0f")


def _vector_end(code: bytes, position: int) -> int:
    """Return the end of a VEX or EVEX instruction; the prefix names the opcode map."""
    opcode = code[position]
    if opcode == _VEX2:
        return _map_end(code, position + 2, "0f")
    payload = 3 if opcode == _VEX3 else 4
    number = code[position + 1] & (0x1F if opcode == _VEX3 else 0x07)
    return _map_end(code, position + payload, _MAPS_BY_NUMBER[number])


def _map_end(code: bytes, position: int, opcode_map: str) -> int:
    opcode = code[position]
    if opcode_map != "0f":
        return _operand_end(code, position + 1) + (opcode_map == "0f3a")
    if opcode in _NEAR_0F:
        return position + 5
    if opcode in _NO_MODRM_0F:
        return position + 1
    return _operand_end(code, position + 1) + (opcode in _BYTE_0F)


def _operand_end(code: bytes, position: int) -> int:
    """Return the end of ModRM, SIB and displacement."""
    modrm = code[position]
    mode, register = modrm >> 6, modrm & 7
    end = position + 1
    if mode == 3:
        return end
    base = register
    if register == 4:
        base = code[end] & 7
        end += 1
    if mode == 0:
        return end + (4 if base == 5 else 0)
    return end + (1 if mode == 1 else 4)
