"""What a code object holds, as values; `write.py` makes the file of it and `read.py` reads one."""

from enum import Enum, unique

from mlrift.backends.amdgcn.chips import Chip
from mlrift.values import value


@unique
class ArgumentKind(Enum):
    """`.value_kind` of the metadata; the hidden ones follow the explicit ones.

    Our kernels have values, buffers, block counts and group sizes; files of others any of these.
    """

    BY_VALUE = "by_value"
    GLOBAL_BUFFER = "global_buffer"
    HIDDEN_BLOCK_COUNT_X = "hidden_block_count_x"
    HIDDEN_BLOCK_COUNT_Y = "hidden_block_count_y"
    HIDDEN_BLOCK_COUNT_Z = "hidden_block_count_z"
    HIDDEN_GROUP_SIZE_X = "hidden_group_size_x"
    HIDDEN_GROUP_SIZE_Y = "hidden_group_size_y"
    HIDDEN_GROUP_SIZE_Z = "hidden_group_size_z"
    HIDDEN_REMAINDER_X = "hidden_remainder_x"
    HIDDEN_REMAINDER_Y = "hidden_remainder_y"
    HIDDEN_REMAINDER_Z = "hidden_remainder_z"
    HIDDEN_GLOBAL_OFFSET_X = "hidden_global_offset_x"
    HIDDEN_GLOBAL_OFFSET_Y = "hidden_global_offset_y"
    HIDDEN_GLOBAL_OFFSET_Z = "hidden_global_offset_z"
    HIDDEN_GRID_DIMS = "hidden_grid_dims"
    HIDDEN_PRINTF_BUFFER = "hidden_printf_buffer"
    HIDDEN_HOSTCALL_BUFFER = "hidden_hostcall_buffer"
    HIDDEN_MULTIGRID_SYNC = "hidden_multigrid_sync_arg"
    HIDDEN_HEAP = "hidden_heap_v1"
    HIDDEN_DEFAULT_QUEUE = "hidden_default_queue"
    HIDDEN_COMPLETION_ACTION = "hidden_completion_action"
    HIDDEN_DYNAMIC_LDS_SIZE = "hidden_dynamic_lds_size"
    HIDDEN_PRIVATE_BASE = "hidden_private_base"
    HIDDEN_SHARED_BASE = "hidden_shared_base"
    HIDDEN_QUEUE_POINTER = "hidden_queue_ptr"
    HIDDEN_NONE = "hidden_none"
    DYNAMIC_SHARED_POINTER = "dynamic_shared_pointer"
    IMAGE = "image"
    SAMPLER = "sampler"
    PIPE = "pipe"
    QUEUE = "queue"

    @property
    def is_hidden(self) -> bool:
        """Whether the launcher fills it, not the caller."""
        return self.value.startswith("hidden_")


@value
class KernelArgument:
    """One argument: where it is in the kernarg segment, in bytes. `type_name` is the language's."""

    name: str
    type_name: str
    kind: ArgumentKind
    offset: int
    size: int
    is_read_only: bool = False


@value
class SourceLine:
    """From `offset` bytes into the kernel's code on, instructions belong to this line."""

    offset: int
    path: str
    line: int


@value
class KernelImage:
    """A compiled kernel: code and all that its descriptor and metadata say.

    `user_sgprs` counts the padding of gpu.md 3.5, `group_ids` and `local_ids` are how many axes are
    delivered (local ids: 1 to 3). `registers_vector` is the highest VGPR + 1; sizes are in bytes,
    `lds_bytes` and `scratch_bytes` (a lane) static.

    The kernarg pointer arrives in s[0:1] when `kernarg_bytes` is not 0. With scratch, gfx10 also
    gets flat_scratch_init in the next two user registers and the wave's offset right after the
    group ids, and the code has to set FLAT_SCR from them; gfx11 and gfx12 need nothing.
    """

    name: str
    code: bytes
    arguments: tuple[KernelArgument, ...]
    kernarg_bytes: int
    lds_bytes: int
    scratch_bytes: int
    registers_scalar: int
    registers_vector: int
    spilled_scalar: int
    spilled_vector: int
    user_sgprs: int
    group_ids: tuple[bool, bool, bool]
    local_ids: int
    required_group: tuple[int, int, int] | None
    lines: tuple[SourceLine, ...] = ()


@value
class CodeObject:
    """Kernels for one chip."""

    chip: Chip
    kernels: tuple[KernelImage, ...]
