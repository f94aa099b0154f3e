"""Instructions as values: a row of an instruction table and what its operands and modifiers are.

The text parser, the decoder and the back end make them; the encoder, the printer, the checker and
the emulator take them. Everything that differs between the generations is in the rows.
"""

from enum import Enum, Flag, auto, unique

from mlrift.backends.amdgcn.isa.registers import Register
from mlrift.static_types import TYPE_CHECKING
from mlrift.values import field, record, value

if TYPE_CHECKING:
    from mlrift.backends.amdgcn.isa.formats import Extension, Format


@unique
class Access(Enum):
    """What an instruction does with an operand; `BOTH` is an accumulator."""

    READ = "read"
    WRITE = "write"
    BOTH = "both"


@unique
class OperandKind(Enum):
    """Which operands a field can hold; the codec of each is in `operands.py`."""

    SGPR_TARGET = "scalar register written"
    SCALAR_SOURCE = "scalar register, inline constant or literal"
    VGPR = "vector register"
    SOURCE = "vector or scalar register, inline constant or literal"
    MASK_TARGET = "scalar register that receives one bit a lane"
    MASK_SOURCE = "scalar register with one bit a lane"
    SCALAR_BASE = "even pair (address) or quad (descriptor) of scalar registers"
    SCALAR_OFFSET = "scalar register, M0 or NULL (none)"
    SCALAR_ADDRESS = "saddr: pair of scalar registers, or NULL for none"
    IMMEDIATE = "number that is part of the instruction"
    BRANCH_TARGET = "signed distance in words from the next instruction"
    WAIT_COUNTS = "packed counters of s_waitcnt"
    HARDWARE_REGISTER = "id, offset and size of s_getreg and s_setreg"
    SCALAR_REGISTER = "scalar register"
    REGISTER_SOURCE = "vector or scalar register"
    LANE_SELECT = "scalar register or inline constant"
    MATRIX_ADDEND = "vector registers or an inline constant"
    LITERAL = "32-bit constant that always follows the instruction"
    DEPENDENCY_COUNTS = "packed counters of s_waitcnt_depctr and s_wait_alu"
    DELAYS = "packed hints of s_delay_alu"
    MESSAGE = "number of a message of s_sendmsg"


class ElementType(Enum):
    """How the bits of an operand are read; decides inline constants and literals."""

    B16 = "b16"
    B32 = "b32"
    B64 = "b64"
    B96 = "b96"
    B128 = "b128"
    B256 = "b256"
    B512 = "b512"
    I16 = "i16"
    U16 = "u16"
    I32 = "i32"
    U32 = "u32"
    I64 = "i64"
    U64 = "u64"
    F16 = "f16"
    BF16 = "bf16"
    F32 = "f32"
    F64 = "f64"
    PACKED_F16 = "2 x f16"
    PACKED_BF16 = "2 x bf16"
    PACKED_I16 = "2 x i16"
    PACKED_I8 = "4 x i8"
    PACKED_I4 = "8 x i4"
    PACKED_F8 = "4 x fp8 or bf8"
    MASK = "one bit a lane"


@value
class OperandSpec:
    """An operand of a row: the field that holds it, what it may be, and its size in dwords.

    The vector address of a global instruction (`vaddr`) has two dwords where `saddr` is NULL, else
    one; that of a scratch instruction is one, or NULL for none. A 16-bit operand is half a
    register, the low one unless `op_sel` says otherwise; a write of it keeps the other half.
    """

    field: str
    kind: OperandKind
    element: ElementType
    dwords: int
    access: Access


@unique
class Unit(Enum):
    """The pipeline that executes an instruction, which decides its waits and hazards."""

    SALU = "scalar arithmetic"
    SMEM = "scalar memory"
    VALU = "vector arithmetic"
    TRANSCENDENTAL = "vector transcendental"
    MATRIX = "WMMA"
    LDS = "local data share"
    GLOBAL = "global memory"
    FLAT = "flat memory"
    SCRATCH = "private memory"
    BUFFER = "buffer memory"
    CACHE = "cache control"
    BRANCH = "branch"
    WAIT = "wait for counters"
    BARRIER = "workgroup barrier"
    MESSAGE = "message, priority, sleep, nop, clause, delay hint, code end"
    END = "end of the wave"


class Effects(Flag):
    """What an instruction does beyond its operands."""

    NONE = 0
    LOADS = auto()
    STORES = auto()
    ATOMIC = auto()
    RETURNS = auto()
    """An atomic that returns the old value."""
    IGNORES_EXEC = auto()
    WRITES_EXEC = auto()
    CONDITIONAL = auto()
    """A branch that may fall through."""
    TERMINATES = auto()


@record
class Row:
    """One instruction of one generation in one format.

    `name` is the assembler's mnemonic of the generation without `_e32` and `_e64`; `operation` is
    the same in all generations (gfx11's spelling, or gfx12's for what gfx11 lacks; `..._rtn` for an
    atomic on global or flat memory that returns the old value). `reads` and `writes` are registers
    that no operand names (VCC, SCC, EXEC, M0); every vector and memory instruction that does not
    ignore it reads EXEC. Masks are those of wave32.

    A dual-issue pair is one row: its name and operation are those of both halves with ` :: `
    between, its operands those of the X half, then those of the Y half (`vdstx`, `srcx0`, `vsrcx1`,
    `vdsty`, ...; two literals are the same word).
    """

    name: str
    operation: str
    format: "Format"
    opcode: int
    operands: tuple[OperandSpec, ...]
    unit: Unit
    effects: Effects
    reads: tuple[Register, ...]
    writes: tuple[Register, ...]
    access_bytes: int
    """Bytes a lane (or, for scalar memory, the wave) moves; 0 when it touches no memory."""
    modifiers: dict[str, int] = field(default_factory=dict)
    """The modifiers that it takes, each with the bits that may be set. A short vector form lists
    those of its extensions, too.
    """
    defaults: dict[str, int] = field(default_factory=dict)
    """What a field holds that is neither an operand nor given, where that is not 0."""
    extensions: "tuple[Extension, ...]" = ()
    """The ways in which the first source can come from other lanes; each has a row of its own."""


@value
class Inline:
    """A constant with a code of its own: an integer from -16 to 64, or one of nine floats.

    `number` is the integer, or the float as a Python float (1 / (2 * pi) is 0.15915494309189535).
    """

    number: int | float


@value
class Literal:
    """A 32-bit word after the instruction. A 64-bit float operand has it as its high half, a 64-bit
    integer one extended as the operand's element says.
    """

    bits: int


@value
class Immediate:
    """A number of the instruction word: SIMM16, a hardware register, a branch in words."""

    number: int


Operand = Register | Inline | Literal | Immediate


@record
class Instruction:
    """A machine instruction with physical registers.

    `operands` follow `row.operands`. `modifiers` holds the fields that are not operands and are not
    at their default, which is 0 but for `op_sel_hi` of packed instructions (all sources), the masks
    of DPP (all lanes) and the bit of `glc` or `th` that makes an atomic return: `neg`, `abs`,
    `op_sel`, `op_sel_hi`, `neg_lo`, `neg_hi` (one bit a source, bit 0 is src0; bit 3 of op_sel the
    destination; of `v_fma_mix` neg_lo is neg and neg_hi abs), `clamp`, `omod` (1 x2, 2 x4, 3 x0.5),
    `offset`, `offset0`, `offset1`, `glc`, `slc`, `dlc` (gfx10, 11), `scope`, `th` (gfx12), and for
    DPP `dpp_ctrl`, `row_mask`, `bank_mask`, `bound_ctrl`, `fi`, `dpp8`, for SDWA `src0_sel`,
    `src1_sel`, `dst_sel` (byte 0 to 3, word 4 or 5, 6 all), `dst_unused` (0 zero, 1 sign, 2 kept)
    and `sext` (one bit a source).
    """

    row: Row
    operands: tuple[Operand, ...]
    modifiers: dict[str, int]

    def operand(self, field: str) -> Operand:
        """Return the operand in the field of that name (`vdst`, `src0`, `saddr`, ...)."""
        for spec, found in zip(self.row.operands, self.operands, strict=True):
            if spec.field == field:
                return found
        raise KeyError(f"{self.row.name} has no operand {field}")

    def modifier(self, name: str) -> int:
        """Return a modifier, its default (`row.defaults`, or 0) when it is not given."""
        given = self.modifiers.get(name)
        return self.row.defaults.get(name, 0) if given is None else given
