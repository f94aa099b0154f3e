"""What ops other than arithmetic do to items of an interpreted kernel: control, place, lanes."""

from collections.abc import Callable

import numpy as np

from mlrift.ir.interpret import kernel_lanes as lanes
from mlrift.ir.interpret.kernel_accesses import ACCESS_RULES
from mlrift.ir.interpret.kernel_arithmetic import NUMPY_TYPES
from mlrift.ir.interpret.kernel_fragments import FRAGMENT_RULES
from mlrift.ir.interpret.kernel_memory import KernelFault
from mlrift.ir.interpret.kernel_vectors import VECTOR_RULES
from mlrift.ir.op import Op
from mlrift.ir.ops import control, device
from mlrift.ir.ops.arith import Constant
from mlrift.ir.ops.device import Axis
from mlrift.ir.ops.memory import SlotGet, SlotNew, SlotSet
from mlrift.static_types import TYPE_CHECKING, Any
from mlrift.typesystem import I32, VectorType

if TYPE_CHECKING:
    from mlrift.ir.interpret.kernel_steps import Chunk

LANES = lanes.LANES

# -------------------------------------------------------------------- control flow


def _jump(chunk: "Chunk", made: control.Jump) -> None:
    chunk.go(made.target, chunk.at)


def _branch(chunk: "Chunk", made: control.Branch) -> None:
    condition, at = chunk.get(made.condition), chunk.at
    chunk.go(made.if_true, at[condition])
    chunk.go(made.if_false, at[~condition])


def _return(chunk: "Chunk", made: Op) -> None:
    chunk.live[chunk.at] = False


def _wait(chunk: "Chunk", made: Op) -> None:
    chunk.waiting[chunk.at] = True


def _nothing(chunk: "Chunk", made: Op) -> None:
    pass


def _grid_wait(chunk: "Chunk", made: device.GridBarrier) -> None:
    """Count the groups as a device does, and wait."""
    firsts = np.unique(chunk.at // chunk.launch.padded, return_index=True)[1]
    for address in chunk.get(made.counter)[firsts]:
        where = np.array([address], np.uint64)
        old = chunk.memory.load(where, I32, made.span)
        chunk.memory.store(where, old + 1, I32, made.span)
    _wait(chunk, made)


# -------------------------------------------------------------------- values


def _constant(chunk: "Chunk", made: Constant) -> None:
    kind = NUMPY_TYPES[made.constant_type]
    chunk.put(made, np.full(len(chunk.at), made.value, kind))


def _slot_new(chunk: "Chunk", made: SlotNew) -> None:
    if not isinstance(made.slot_type, VectorType):
        chunk.values[made] = np.zeros(chunk.size, NUMPY_TYPES[made.slot_type])


def _slot_get(chunk: "Chunk", made: SlotGet) -> None:
    if made.slot in chunk.tiles:
        chunk.tiles[made] = chunk.tiles[made.slot]
    else:
        chunk.put(made, chunk.get(made.slot))


def _slot_set(chunk: "Chunk", made: SlotSet) -> None:
    tiles = chunk.tiles.get(made.value)
    if tiles is None:
        chunk.values[made.slot][chunk.at] = chunk.get(made.value)
    else:
        chunk.put_tiles(made.slot, tiles)


_AXES = {Axis.X: 0, Axis.Y: 1, Axis.Z: 2}


def _local_id(chunk: "Chunk", made: device.LocalId) -> None:
    x, y, _ = chunk.launch.group
    local = chunk.at % chunk.launch.padded
    found = (local % x, local // x % y, local // (x * y))[_AXES[made.axis]]
    chunk.put(made, found.astype(np.uint64))


def _group_id(chunk: "Chunk", made: device.GroupId) -> None:
    x, y, _ = chunk.launch.grid
    group = chunk.first + chunk.at // chunk.launch.padded
    found = (group % x, group // x % y, group // (x * y))[_AXES[made.axis]]
    chunk.put(made, found.astype(np.uint64))


def _group_size(chunk: "Chunk", made: device.GroupSize) -> None:
    size = chunk.launch.group[_AXES[made.axis]]
    chunk.put(made, np.full(len(chunk.at), size, np.uint64))


def _group_count(chunk: "Chunk", made: device.GroupCount) -> None:
    count = chunk.launch.grid[_AXES[made.axis]]
    chunk.put(made, np.full(len(chunk.at), count, np.uint64))


def _lane(chunk: "Chunk", made: Op) -> None:
    chunk.put(made, (chunk.at % LANES).astype(np.uint64))


# -------------------------------------------------------------------- lanes


def _shuffle(chunk: "Chunk", made: device.Shuffle) -> None:
    values, active = chunk.everywhere(made.value)
    wanted, _ = chunk.everywhere(made.lane)
    chunk.put(made, lanes.shuffle(values, wanted, active)[chunk.at])


def _shuffle_xor(chunk: "Chunk", made: device.ShuffleXor) -> None:
    values, active = chunk.everywhere(made.value)
    wanted = ((chunk.numbers % LANES) ^ made.mask).astype(np.uint64)
    chunk.put(made, lanes.shuffle(values, wanted, active)[chunk.at])


def _ballot(chunk: "Chunk", made: device.Ballot) -> None:
    condition, active = chunk.everywhere(made.condition)
    chunk.put(made, lanes.ballot(condition, active)[chunk.at])


def _wave_reduce(chunk: "Chunk", made: device.WaveReduce) -> None:
    values, active = chunk.everywhere(made.operand)
    chunk.put(made, lanes.reduce_waves(made.reduction, values, active)[chunk.at])


def _group_reduce(chunk: "Chunk", made: device.GroupReduce) -> None:
    values, active = chunk.everywhere(made.operand)
    padded = chunk.launch.padded
    members = active.reshape(-1, padded).any(axis=1).repeat(padded) & chunk.live
    if (members & ~active).any():
        raise KernelFault("a reduction that not every item of the group executes", made.span)
    found = lanes.reduce_groups(made.reduction, values, active, padded)
    chunk.put(made, found[chunk.at])


RULES: dict[type[Op], Callable[["Chunk", Any], None]] = {
    control.Jump: _jump,
    control.Branch: _branch,
    control.Return: _return,
    control.Unreachable: _return,
    device.GroupBarrier: _wait,
    device.GridBarrier: _grid_wait,
    device.Fence: _nothing,
    device.AssumeGroupSize: _nothing,
    Constant: _constant,
    SlotNew: _slot_new,
    SlotGet: _slot_get,
    SlotSet: _slot_set,
    device.LocalId: _local_id,
    device.GroupId: _group_id,
    device.GroupSize: _group_size,
    device.GroupCount: _group_count,
    device.Lane: _lane,
    device.Shuffle: _shuffle,
    device.ShuffleXor: _shuffle_xor,
    device.Ballot: _ballot,
    device.WaveReduce: _wave_reduce,
    device.GroupReduce: _group_reduce,
    **ACCESS_RULES,
    **FRAGMENT_RULES,
    **VECTOR_RULES,
}
