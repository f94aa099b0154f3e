"""What a kernel does beyond ordinary code: work items, workgroup memory, waves, barriers, matrices.

A kernel runs once per *work item*. Items form *workgroups*, which share LDS memory and barriers;
a workgroup is cut into *waves* of 32 items, the *lanes*. The AMD back end lowers these ops; for
hosts `expand_device` turns them into calls of the core library (`std/core/device.mlr`), which runs
the items of a group as coroutines, so that a kernel is an ordinary function there, too.
"""

from enum import Enum, unique

from mlrift.ir.core import Value
from mlrift.ir.op import Effect, Op, anything, op, same_as, typed
from mlrift.typesystem import F32, F64, I1, I64, MachineType, VectorType


@unique
class Axis(Enum):
    """A dimension of the grid."""

    X = "x"
    Y = "y"
    Z = "z"


@unique
class MemoryScope(Enum):
    """Who sees what was written before a fence: the workgroup, or the whole device."""

    GROUP = "group"
    DEVICE = "device"


@unique
class Reduction(Enum):
    """How values are combined. Sums of floats: xor tree, distances 16, 8, 4, 2, 1 (lane l adds lane
    l ^ distance); maxima and minima drop NaN.
    """

    SUM = "sum"
    MAXIMUM = "max"
    MINIMUM = "min"


@unique
class DeviceFunction(Enum):
    """Hardware functions of f32 with about 1 ulp (gpu.md 4.9); sine and cosine take revolutions."""

    EXP2 = "exp2"
    LOG2 = "log2"
    RECIPROCAL = "rcp"
    RECIPROCAL_ROOT = "rsq"
    ROOT = "sqrt"
    SINE = "sin"
    COSINE = "cos"


@op("device.local_id", Effect.PURE, result=I64)
class LocalId(Op):
    """The work item's index in its workgroup, 0 to 1023."""

    axis: Axis


@op("device.group_id", Effect.PURE, result=I64)
class GroupId(Op):
    """The workgroup's index in the grid, below 2**32."""

    axis: Axis


@op("device.group_size", Effect.PURE, result=I64)
class GroupSize(Op):
    """Work items of a full workgroup along an axis, 1 to 1024."""

    axis: Axis


@op("device.group_count", Effect.PURE, result=I64)
class GroupCount(Op):
    """Workgroups of the grid along an axis, below 2**32."""

    axis: Axis


@op("device.lane", Effect.PURE, result=I64)
class Lane(Op):
    """The work item's index in its wave, 0 to 31."""


@op("device.barrier", Effect.ANY)
class GroupBarrier(Op):
    """Wait until every item of the workgroup is here; LDS and global writes before it are seen
    after it by the group. Every item must reach it.
    """


@op("device.grid_barrier", Effect.ANY)
class GridBarrier(Op):
    """Wait until every workgroup is here: adds 1 to the u32 at `counter` once per group and waits
    until it is at least (phase + 1) * groups. What was written before it is seen after it.
    """

    counter: Value
    phase: Value
    groups: Value


@op("device.fence", Effect.ANY)
class Fence(Op):
    """Order this item's accesses before it against those after it, as `scope` sees them."""

    scope: MemoryScope


@op("device.lds", Effect.PURE, result=I64)
class LdsArray(Op):
    """The LDS address (offset in bytes) of a static array of the workgroup.

    Arrays are numbered per kernel; ops with one number are one array. Contents at the start are
    anything.
    """

    number: int
    size_bytes: int
    align_bytes: int


def _lds_loaded(made: Op) -> MachineType:
    access = made.access  # type: ignore[attr-defined]
    return access if access in (F32, F64) else I64


@op("device.lds_load", Effect.READ, result=_lds_loaded)
class LdsLoad(Op):
    """Load from LDS: i8 to i64 zero-extended to i64, f32, f64; `address` is an offset in bytes."""

    access: MachineType
    address: Value


@op("device.lds_store", Effect.WRITE, operands=anything)
class LdsStore(Op):
    """Store into LDS; the lower bits of an i64 for narrower accesses."""

    access: MachineType
    address: Value
    value: Value


@op("device.lds_add", Effect.ANY, result=I64)
class LdsAdd(Op):
    """Atomically add to a u32 (I32) or u64 (I64) of LDS; the value is the old one."""

    access: MachineType
    address: Value
    operand: Value


@op("device.atomic_add", Effect.ANY, result=same_as("operand"), operands=anything)
class AtomicAdd(Op):
    """Atomically add to global memory, relaxed, at device scope; the value is the old one.

    I32 and I64 (operand i64), F32 (operand f32), F64 (operand f64; a compare-and-swap loop).
    """

    access: MachineType
    address: Value
    operand: Value


@op("device.atomic_exchange_if", Effect.ANY, result=I64)
class AtomicExchangeIf(Op):
    """Compare and swap a u32 (I32) or u64 (I64) of global memory; the value is the old one."""

    access: MachineType
    address: Value
    expected: Value
    new: Value


@op("device.shuffle", Effect.ANY, result=same_as("value"), operands=anything)
class Shuffle(Op):
    """The value that lane `lane` (i64, modulo 32) has: i64, f32 or f64. Every lane of the wave
    that is read must execute it.
    """

    value: Value
    lane: Value


@op("device.shuffle_xor", Effect.ANY, result=same_as("value"), operands=anything)
class ShuffleXor(Op):
    """The value that lane (own lane ^ `mask`) has, 0 <= mask < 32."""

    value: Value
    mask: int


@op("device.ballot", Effect.ANY, result=I64, operands=typed(condition=I1))
class Ballot(Op):
    """Bit l is set when lane l executes it and its condition holds; the same in all lanes."""

    condition: Value


@op("device.wave_reduce", Effect.ANY, result=same_as("operand"), operands=anything)
class WaveReduce(Op):
    """The combination over the 32 lanes, the same in each; all 32 lanes must execute it."""

    reduction: Reduction
    operand: Value


@op("device.group_reduce", Effect.ANY, result=same_as("operand"), operands=anything)
class GroupReduce(Op):
    """The combination over the workgroup, the same in each item: waves first, then their results
    in order of wave by the same tree (absent lanes count as 0, or as the limit of a maximum).
    """

    reduction: Reduction
    operand: Value


@op("device.function", Effect.PURE, result=F32, operands=typed(operand=F32))
class HardwareFunction(Op):
    """A hardware function of an f32."""

    function: DeviceFunction
    operand: Value


@op("device.fast_fma", Effect.PURE, result=F32, operands=anything)
class ContractedProduct(Op):
    """factor * other + addend in f32, fused or not as is quicker; hosts fuse."""

    factor: Value
    other: Value
    addend: Value


@op("device.dot2_f16", Effect.PURE, result=F32, operands=typed(addend=F32))
class Dot2Half(Op):
    """Sum of two products of f16 pairs (each pair in the low 32 bits of a word) and an f32."""

    lhs: Value
    rhs: Value
    addend: Value


@op("device.dot4_i8", Effect.PURE, result=I64)
class Dot4Signed(Op):
    """Sum modulo 2**32, sign-extended, of four products of i8 quadruples (each in the low 32 bits
    of a word) and a 32-bit addend.
    """

    lhs: Value
    rhs: Value
    addend: Value


@unique
class FragmentRole(Enum):
    """Which factor of D = A x B + C a 16 x 16 fragment is, and how B lies in memory."""

    A = "a"
    B = "b"
    B_BY_ROWS = "b_by_rows"


def _fragment(made: Op) -> VectorType:
    from mlrift.typesystem import vec  # noqa: PLC0415 - a rare family

    return vec(made.element, 16)  # type: ignore[attr-defined]


def _accumulator(made: Op) -> VectorType:
    from mlrift.typesystem import vec  # noqa: PLC0415 - a rare family

    return vec(F32, 8)


@op("device.fragment_load", Effect.READ, result=_fragment)
class FragmentLoad(Op):
    """Load a 16 x 16 tile of f16 or bf16 as a factor. Element (i, k) of A is at address +
    i * stride_bytes + 2 * k; element (k, j) of B at address + j * stride_bytes + 2 * k (B is read
    by columns, k side by side), of B_BY_ROWS at address + k * stride_bytes + 2 * j. The layout over
    lanes is the generation's; all lanes execute it.
    """

    element: MachineType
    role: FragmentRole
    address: Value
    stride_bytes: Value


@op("device.fragment_zero", Effect.PURE, result=_accumulator)
class FragmentZero(Op):
    """A 16 x 16 tile of f32 zeros as an accumulator."""


@op("device.fragment_product", Effect.PURE, result=_accumulator, operands=anything)
class FragmentProduct(Op):
    """A x B + C over 16 x 16 x 16, f32 accumulation; all lanes execute it. gfx11 and later."""

    lhs: Value
    rhs: Value
    addend: Value


@op("device.fragment_load_sum", Effect.READ, result=_accumulator)
class FragmentLoadSum(Op):
    """Load an f32 tile as an accumulator: element (i, j) at address + i * stride_bytes + 4 * j."""

    address: Value
    stride_bytes: Value


@op("device.fragment_store", Effect.WRITE, operands=anything)
class FragmentStore(Op):
    """Store an accumulator: element (i, j) at address + i * stride_bytes + 4 * j."""

    address: Value
    stride_bytes: Value
    fragment: Value


@op("device.assume_group_size", Effect.ANY)
class AssumeGroupSize(Op):
    """The kernel is launched with groups of exactly this size; the metadata says so."""

    x: int
    y: int
    z: int


@op("device.launch", Effect.ANY, operands=anything)
class Launch(Op):
    """Run a kernel on a grid and wait for it; stands in host code.

    `arguments` are six words, the groups and the work items of a group along x, y and z, then what
    the kernel takes.
    """

    kernel: str
    arguments: list[Value]
