"""Packets of AQL queues: 64 bytes, the first 4 of which are written last (gpu.md 5.6)."""

import struct
from enum import IntEnum, unique

PACKET_BYTES = 64


@unique
class PacketType(IntEnum):
    """Bits 7:0 of a packet's header."""

    VENDOR = 0
    INVALID = 1
    DISPATCH = 2
    BARRIER_AND = 3
    AGENT_DISPATCH = 4
    BARRIER_OR = 5


BARRIER_BIT = 1 << 8
_ACQUIRE_SYSTEM = 2 << 9
_RELEASE_SYSTEM = 2 << 11
DISPATCH_HEADER = PacketType.DISPATCH | BARRIER_BIT | _ACQUIRE_SYSTEM | _RELEASE_SYSTEM
BARRIER_HEADER = PacketType.BARRIER_AND | BARRIER_BIT | _ACQUIRE_SYSTEM | _RELEASE_SYSTEM

DISPATCH_BODY = struct.Struct("<HHHHIIIIIQQQQ")
"""From byte 4: group x y z, 0; grid x y z in work items; scratch; LDS; kernel; arguments; 0;
completion signal."""
BARRIER_BODY = struct.Struct("<IQQQQQQQ")
"""From byte 4: 0; five signals that have to become 0; 0; completion signal."""
HEADER = struct.Struct("<I")
"""The header, and the number of dimensions above it."""
BODY_OFFSET = 4
BARRIER_SIGNALS = 5
