"""The builtins of kernels by name, and which of their arguments must be constants."""

from mlrift.frontend.builtins.declaration import Builtin
from mlrift.frontend.builtins.device_grid import GRID, LOCAL_INDICES, MARKER, MARKER_SUFFIX
from mlrift.frontend.builtins.device_matrices import DEVICE_MATRICES, FRAGMENT_COUNT
from mlrift.frontend.builtins.device_memory import (
    ARRAY_ELEMENT_BYTES,
    ARRAYS,
    DEVICE_MEMORY,
    SHARED_ARRAY_BYTES,
)
from mlrift.frontend.builtins.device_numbers import NUMBERS
from mlrift.frontend.builtins.device_waves import WAVES
from mlrift.values import value

__all__ = [
    "ARRAY_ELEMENT_BYTES",
    "CONSTANT_ARGUMENTS",
    "DEVICE",
    "LOCAL_INDICES",
    "MARKER",
    "SHARED_ARRAY_BYTES",
    "ConstantArgument",
    "device_builtin",
    "is_first_name",
]

_LARGEST_GROUP = 1024
_LDS_BYTES = 65536
_LAST_LANE = 31

DEVICE: dict[str, Builtin] = {
    row.name: row
    for family in (GRID, NUMBERS, DEVICE_MEMORY, WAVES, DEVICE_MATRICES)
    for row in family
}


@value
class ConstantArgument:
    """An argument that must be known at compile time, and its limits."""

    position: int
    least: int
    most: int


CONSTANT_ARGUMENTS: dict[str, tuple[ConstantArgument, ...]] = {
    "assume_group_size": tuple(ConstantArgument(at, 1, _LARGEST_GROUP) for at in range(3)),
    "wave_shuffle_xor_f32": (ConstantArgument(1, 0, _LAST_LANE),),
    "wave_shuffle_xor_u32": (ConstantArgument(1, 0, _LAST_LANE),),
    **{name: (ConstantArgument(0, 1, _LDS_BYTES),) for name in ARRAYS},
    **{
        row.name: tuple(
            ConstantArgument(at, 0, FRAGMENT_COUNT - 1)
            for at in range(3 if row.name in ("wmma_f16", "wmma_bf16") else 1)
        )
        for row in DEVICE_MATRICES
    },
}


# The names that the first compiler knew: a function of the program with one of them is a stub.
FIRST_NAMES = frozenset(
    {
        *(row.name for row in GRID if row.name.startswith(("tid_", "block_", "grid_dim_"))),
        *("sync_block", "lds_barrier", "mega_barrier", "lds_load_f32", "lds_store_f32"),
        *("lds_reduce_sum_f32", "lds_reduce_max_f32", "causal_mask_f32", "exp_f32", "rcp_f32"),
        *("rsqrt_f32", "silu", "silu_f32", "relu_f32"),
        *("atomic_add_u32", "atomic_add_u64", "atomic_add_f64"),
    }
)


def is_first_name(name: str, argument_count: int) -> bool:
    """Return whether a call means a builtin even where the program declares such a function."""
    if name.endswith(MARKER_SUFFIX):
        return not argument_count
    return name in FIRST_NAMES and len(DEVICE[name].parameters) == argument_count


def device_builtin(name: str, argument_count: int) -> Builtin | None:
    """Return what a call means in device code; None when no builtin takes these arguments."""
    found = DEVICE.get(name)
    if found is not None:
        return found if len(found.parameters) == argument_count else None
    if name.endswith(MARKER_SUFFIX) and not argument_count:
        return MARKER
    return None
