"""Machine instructions over virtual and physical registers: what selection makes and what register
allocation, scheduling, wait insertion and encoding take.

The graph is that of a *wave*, not of a lane: divergent control flow is already EXEC masks, blocks
lie in the order they will have in the code, and a block ends by falling into the next one unless a
branch is its last instruction. Virtual registers need not be assigned once: a value that arrives
over several edges is one register with a copy (under the EXEC of the edge) at the end of each
predecessor. A vector register that is written under a narrower EXEC keeps its other lanes, so a
write of it is a full definition only when `whole_wave` or when no lane is looked at again that the
write left out. Writes that must be treated as reads of the old value, too, say so: their operand
has `Access.BOTH` (a copy in the else side of a divergent branch after one in the then side), or the
register is in `MachineFunction.partial` (then all its writes are such). A pseudo operation's
`access` is as binding as a row's: the target of a copy is WRITE, or BOTH where it keeps lanes.

    v0:v = v_add_f32 v1, v2
    s4:s(2, even) = s_load_b64 s0, 0x8
"""

from collections.abc import Iterator
from enum import Enum, unique

from mlrift.backends.amdgcn.isa.instruction import Access, Inline, Literal
from mlrift.backends.amdgcn.isa.registers import Register, RegisterFile
from mlrift.source import Span
from mlrift.values import field, record, value


@record
class VirtualRegister:
    """`count` dwords of a file, to be allocated side by side; compared by identity.

    Scalar tuples are aligned: 2 dwords to 2, 4 and more to 4. `name` is the source's, or empty.
    """

    file: RegisterFile
    count: int
    number: int
    name: str = ""


@value
class Part:
    """Dwords `first` to `first + count` of a virtual register."""

    of: VirtualRegister
    first: int
    count: int = 1


@value
class BlockTarget:
    """The destination of a branch: a block's number in `MachineFunction.blocks[...].number`."""

    number: int


@value
class FrameSlot:
    """Private memory of a lane: its offset in the frame, as a 32-bit number of bytes.

    As the scalar address of a scratch instruction (`saddr`; the vector address is NULL or an index)
    it moves into the instruction's offset; in another instruction it becomes a constant.
    """

    number: int
    offset_bytes: int = 0


MachineOperand = (
    VirtualRegister | Part | Register | Inline | Literal | BlockTarget | FrameSlot | int
)


@unique
class Pseudo(Enum):
    """Operations that are not instructions; the value is the mnemonic in the text form."""

    COPY = "copy"
    """One register or part into another of equal length; a literal or inline constant, too.

    A vector source of a scalar target must be uniform (v_readfirstlane). A constant for a target of
    several dwords is an integer, sign-extended. Never changes SCC.
    """
    PARALLEL_COPY = "parallel_copy"
    """Pairs (target, source) that happen at once, for the edges of the graph."""
    ASSEMBLE = "assemble"
    """A tuple from its parts: target, then one source per dword or group of dwords, in order."""
    UNDEFINED = "undefined"
    """The target has any contents. For a `partial` register: here its life begins anew."""
    DRAIN = "drain"
    """No operands. What the modifiers name (`load`, `store`: global and private memory, returning
    atomics are loads; `lds`; each 1) and began before is complete; nothing is scheduled across it.
    Fences and barriers are made of it: no instruction waits for memory unless it uses a result.
    """


@record
class MachineInstruction:
    """One instruction: an operation name of the tables (`Row.operation`), or a pseudo operation.

    `operands` follow the row's (of whatever format is encodable in the end: VOP2 or VOP3 is chosen
    by the encoder from the operands and modifiers), an implicit VCC of a short form as an operand.
    Accesses of a pseudo: the targets are written, the others read. `access` has the row's accesses
    in the order of `operands`; a write of a tuple's `Part` leaves its other dwords. Physical
    registers may be operands anywhere: VCC, EXEC, M0 and NULL are used so, and what is in VCC, M0
    or SCC stays there until it is overwritten (allocation gives VCC to virtual masks, too, where it
    is free). Registers that no operand names are the row's `reads` and `writes`.
    """

    operation: str | Pseudo
    operands: list[MachineOperand]
    access: tuple[Access, ...]
    modifiers: dict[str, int] = field(default_factory=dict)
    span: Span | None = None
    memory: "MemoryAccess | None" = None


@value
class MemoryAccess:
    """What is known of a memory instruction, for scheduling and `--explain-kernels`.

    Accesses of different `alias_class` never overlap (-1: may be anything in its space).
    `ordered` ones are not moved against each other or removed (atomics, volatile).
    """

    space: str
    """`global`, `lds`, `scratch` or `constant` (memory that no kernel writes while it runs)."""
    bytes_per_lane: int
    alias_class: int = -1
    ordered: bool = False


@record
class MachineBlock:
    """A run of instructions; `successors` are block numbers, the fall-through one included."""

    number: int
    instructions: list[MachineInstruction] = field(default_factory=list)
    successors: list[int] = field(default_factory=list)
    loop_depth: int = 0


@record
class FrameObject:
    """Private memory of a lane: a local array or a spilled register."""

    size_bytes: int
    align_bytes: int


@record
class MachineFunction:
    """A kernel between selection and encoding.

    `arrives` are the physical registers that hold something at the start (kernel argument pointer,
    group and local ids), each with the virtual register that receives it; the first block begins
    with copies from them. `lds_bytes` is the static size. `required_group` is the workgroup size
    (x, y, z) when the kernel fixes it, else None.
    """

    name: str
    blocks: list[MachineBlock] = field(default_factory=list)
    arrives: list[tuple[VirtualRegister, Register]] = field(default_factory=list)
    frame: list[FrameObject] = field(default_factory=list)
    partial: set[VirtualRegister] = field(default_factory=set)
    lds_bytes: int = 0
    required_group: tuple[int, int, int] | None = None
    registers: int = 0
    """How many virtual registers have been numbered."""

    def new_register(self, file: RegisterFile, count: int = 1, name: str = "") -> VirtualRegister:
        """Return a virtual register that nothing else uses."""
        self.registers += 1
        return VirtualRegister(file, count, self.registers - 1, name)

    def instructions(self) -> Iterator[MachineInstruction]:
        """Yield every instruction in the order of the code."""
        for block in self.blocks:
            yield from block.instructions
