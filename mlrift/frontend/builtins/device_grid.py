"""Device builtins for the place of a work item in the grid, barriers and fences (gpu.md 1.3)."""

from collections.abc import Callable

from mlrift.frontend.builtins.declaration import Builtin
from mlrift.ir.builder import Builder
from mlrift.ir.core import Value
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import Add, Constant, Mul
from mlrift.ir.ops.device import (
    AssumeGroupSize,
    Axis,
    Fence,
    GridBarrier,
    GroupBarrier,
    GroupCount,
    GroupId,
    GroupSize,
    LocalId,
    MemoryScope,
)
from mlrift.typesystem import U64

Lowering = Callable[[Builder, list[Value]], Value]


def _index_of(declared: Callable[[Axis], Op], axis: Axis) -> Lowering:
    def lower(builder: Builder, arguments: list[Value]) -> Value:
        return builder.emit(declared(axis))

    return lower


def _global_index(axis: Axis) -> Lowering:
    def lower(builder: Builder, arguments: list[Value]) -> Value:
        first = builder.emit(Mul(builder.emit(GroupId(axis)), builder.emit(GroupSize(axis))))
        return builder.emit(Add(first, builder.emit(LocalId(axis))))

    return lower


def _group_barrier(builder: Builder, arguments: list[Value]) -> Value:
    builder.emit(GroupBarrier())
    return builder.word(0)


def _grid_barrier(builder: Builder, arguments: list[Value]) -> Value:
    builder.emit(GridBarrier(*arguments))
    return builder.word(0)


def _fence_of(scope: MemoryScope) -> Lowering:
    def lower(builder: Builder, arguments: list[Value]) -> Value:
        builder.emit(Fence(scope))
        return builder.word(0)

    return lower


def _assume_group_size(builder: Builder, arguments: list[Value]) -> Value:
    x, y, z = (int(row.value) for row in arguments if isinstance(row, Constant))
    builder.emit(AssumeGroupSize(x, y, z))
    return builder.word(0)


def _nothing(builder: Builder, arguments: list[Value]) -> Value:
    return builder.word(0)


GRID = (
    *(
        row
        for axis in Axis
        for row in (
            Builtin(
                f"tid_{axis.value}",
                (),
                U64,
                _global_index(axis),
                f"the work item's index in the grid along {axis.value}",
            ),
            Builtin(
                f"tid_local_{axis.value}",
                (),
                U64,
                _index_of(LocalId, axis),
                f"the work item's index in its group along {axis.value}",
            ),
            Builtin(
                f"block_idx_{axis.value}",
                (),
                U64,
                _index_of(GroupId, axis),
                f"the group's index along {axis.value}",
            ),
            Builtin(
                f"block_dim_{axis.value}",
                (),
                U64,
                _index_of(GroupSize, axis),
                f"work items of a group along {axis.value}",
            ),
            Builtin(
                f"grid_dim_{axis.value}",
                (),
                U64,
                _index_of(GroupCount, axis),
                f"groups of the grid along {axis.value}",
            ),
        )
    ),
    Builtin(
        "block_id_x",
        (),
        U64,
        _index_of(GroupId, Axis.X),
        "`block_idx_x`; `tid_x`, `tid_y` and `tid_z` are local beside it",
    ),
    Builtin("sync_block", (), U64, _group_barrier, "wait for all items of the group"),
    Builtin("lds_barrier", (), U64, _group_barrier, "wait for all items of the group"),
    Builtin(
        "mega_barrier",
        (U64, U64, U64),
        U64,
        _grid_barrier,
        "wait for all groups: the address of a u32 that was 0 at the start of the kernel, how many "
        "barriers came before, the number of groups",
    ),
    Builtin(
        "fence_group",
        (),
        U64,
        _fence_of(MemoryScope.GROUP),
        "order accesses, as the group sees them",
    ),
    Builtin(
        "fence_device",
        (),
        U64,
        _fence_of(MemoryScope.DEVICE),
        "order accesses, as the whole device sees them",
    ),
    Builtin(
        "assume_group_size",
        (U64, U64, U64),
        U64,
        _assume_group_size,
        "the kernel is launched with groups of this size only; constants",
    ),
)

# What `tid_x` and its kin mean in a function that calls `block_id_x`.
LOCAL_INDICES = {
    f"tid_{axis.value}": Builtin(
        f"tid_{axis.value}", (), U64, _index_of(LocalId, axis), "the work item's index in its group"
    )
    for axis in Axis
}
MARKER = Builtin("a marker", (), U64, _nothing, "no effect")
MARKER_SUFFIX = "_marker"
