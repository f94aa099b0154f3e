"""Scalar sources that are not registers: apertures, VCCZ, EXECZ, POPS.

Numbered as gfx11 numbers source operands.
"""

from mlrift.emulator.wave_registers import WaveRegisters

SHARED_BASE, SHARED_LIMIT, PRIVATE_BASE, PRIVATE_LIMIT = 235, 236, 237, 238
VCCZ, EXECZ, CONDITION_CODE = 251, 252, 253

SHARED_APERTURE = 0x0001_0000
"""High 32 bits of flat addresses that mean LDS."""
PRIVATE_APERTURE = 0x0002_0000
"""High 32 bits of flat addresses that mean private memory."""

PRIVATE_BUFFER_BASE = 0x5D00_0000_0000
"""Base of the buffer descriptor that means private memory on gfx10."""


def special_source(registers: WaveRegisters, number: int) -> str | None:
    """Return the i32 that a special source number reads, None for a real register."""
    code = registers.code
    if number in (SHARED_BASE, SHARED_LIMIT):
        return str(SHARED_APERTURE)
    if number in (PRIVATE_BASE, PRIVATE_LIMIT):
        return str(PRIVATE_APERTURE)
    if number == CONDITION_CODE:
        return code.convert("zext", "i1", registers.scc, "i32")
    if number in (VCCZ, EXECZ):
        word = registers.vcc if number == VCCZ else registers.exec
        return code.convert("zext", "i1", code.binary("icmp eq", "i32", word, "0"), "i32")
    return None
