"""What selection wants to know about the values of a kernel, computed on the IR before it."""

from enum import Enum, unique

from mlrift.ir.core import Block, Value
from mlrift.values import field, record


@unique
class Width(Enum):
    """How many bits of an i64 a register must hold for every use to see what it should.

    LOW: no use looks above bit 31, or the bits above are zero: one dword, the upper is 0 when
    somebody asks. SIGNED: bits 63 to 31 are equal: one dword, the upper is its sign. FULL: two.
    """

    LOW = "low 32 bits"
    SIGNED = "sign-extended 32 bits"
    FULL = "64 bits"


@record
class KernelFacts:
    """Facts about one function after the device passes.

    `divergent`: values that may differ between the lanes of a wave; all others are uniform over
    the wave. `divergent_branches`: blocks whose terminator's condition is divergent. `widths`: of
    i64 values (absent: FULL). `low_only`: values of width LOW whose upper half may be garbage, as
    no use looks at it (an extension to 64 bits of one is never needed). `upper_bounds`: greatest
    unsigned value, where one below 2**64 - 1 is known. `alignment`: power of two that divides an
    address (absent: 1). `group_uniform`: uniform over the workgroup (barriers may depend on it).
    `read_only`: parameters (pointers) through which, and through whose aliases, the kernel never
    writes: loads from them may use scalar memory. `scalar_loads`: uniform loads (4 or 8 bytes, or
    vectors of such) which nothing that changes memory comes before, so they may use it, too.
    """

    divergent: set[Value] = field(default_factory=set)
    divergent_branches: set[Block] = field(default_factory=set)
    group_uniform: set[Value] = field(default_factory=set)
    widths: dict[Value, Width] = field(default_factory=dict)
    low_only: set[Value] = field(default_factory=set)
    upper_bounds: dict[Value, int] = field(default_factory=dict)
    alignment: dict[Value, int] = field(default_factory=dict)
    read_only: set[Value] = field(default_factory=set)
    scalar_loads: set[Value] = field(default_factory=set)
