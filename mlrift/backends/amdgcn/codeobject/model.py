"""What a code object holds, as values; `write.py` makes the file of it and `read.py` reads one."""

from enum import Enum, unique

from mlrift.backends.amdgcn.chips import Chip
from mlrift.values import value


@unique
class ArgumentKind(Enum):
    """`.value_kind` of the metadata; the hidden ones follow the explicit ones."""

    BY_VALUE = "by_value"
    GLOBAL_BUFFER = "global_buffer"
    HIDDEN_BLOCK_COUNT_X = "hidden_block_count_x"
    HIDDEN_BLOCK_COUNT_Y = "hidden_block_count_y"
    HIDDEN_BLOCK_COUNT_Z = "hidden_block_count_z"
    HIDDEN_GROUP_SIZE_X = "hidden_group_size_x"
    HIDDEN_GROUP_SIZE_Y = "hidden_group_size_y"
    HIDDEN_GROUP_SIZE_Z = "hidden_group_size_z"


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
