"""What a launch needs that does not change from one to the next, worked out once and kept.

A `Shape` is a kernel with its grid and group, a `Layout` the types of its arguments. Launching is
then packing numbers; everything that can be wrong is found here, as a `LaunchError`.
"""

import operator
import struct

from mlrift.backends.amdgcn.codeobject.model import ArgumentKind, KernelArgument
from mlrift.backends.amdgcn.codeobject.read import LoadedKernel
from mlrift.runtime.kfd.errors import LaunchError
from mlrift.static_types import TYPE_CHECKING, Any
from mlrift.values import value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Extent = tuple[int, int, int]
ARGUMENT_SLOT_BYTES = 1024
MAXIMUM_GROUP_ITEMS = 1024
_MAXIMUM_ITEMS = (1 << 32) - 1
_LANES = 32
_INTEGER_FORMATS = {1: "B", 2: "H", 4: "I", 8: "Q"}
_FLOAT_FORMATS = {2: "e", 4: "f", 8: "d"}
_FLOAT_NAMES = ("f16", "f32", "f64", "float", "double")


@value
class LoadedCode:
    """A kernel in the card's memory: where its descriptor and its first instruction are."""

    kernel: LoadedKernel
    descriptor_address: int
    entry_address: int
    lds_limit: int


@value
class Shape:
    """A launch without its arguments. `blocks` counts groups, `group` work items of one.

    `hidden` goes behind the explicit arguments, at `hidden_offset`.
    """

    code: LoadedCode
    blocks: Extent
    group: Extent
    dimensions: int
    lds_bytes: int
    scratch_bytes: int
    hidden_offset: int
    hidden: bytes


@value
class Layout:
    """How arguments of certain Python types become bytes."""

    packer: struct.Struct
    converters: "tuple[Callable[[Any], Any], ...]"


def as_extent(given: "int | Sequence[int]", what: str) -> Extent:
    """Return three positive numbers; raises LaunchError."""
    rows = (given,) if isinstance(given, int) else tuple(given)
    if not 1 <= len(rows) <= 3 or any(not isinstance(row, int) or row < 1 for row in rows):
        raise LaunchError(f"{what} is {given!r}; one to three positive numbers are needed")
    whole = (*rows, 1, 1)
    return whole[0], whole[1], whole[2]


def shape_of(code: LoadedCode, blocks: Extent, group: Extent, shared_bytes: int) -> Shape:
    """Return the shape of a launch; raises LaunchError where the card or the kernel forbids it."""
    kernel = code.kernel
    name, metadata = kernel.image.name, kernel.metadata
    items = group[0] * group[1] * group[2]
    limit = min(metadata.maximum_group or MAXIMUM_GROUP_ITEMS, MAXIMUM_GROUP_ITEMS)
    if items > limit:
        raise LaunchError(f"{name}: a group of {items} work items; the limit is {limit}")
    wanted = metadata.required_group
    if wanted is not None and wanted != group:
        raise LaunchError(
            f"{name} was compiled for groups of {_times(wanted)}, launched with {_times(group)}"
        )
    if any(one * two > _MAXIMUM_ITEMS for one, two in zip(blocks, group, strict=True)):
        raise LaunchError(f"{name}: a grid of {_times(blocks)} groups has over 2^32 items an axis")
    lds = metadata.lds_bytes + shared_bytes
    if shared_bytes < 0 or lds > code.lds_limit:
        raise LaunchError(
            f"{name} needs {metadata.lds_bytes} + {shared_bytes} bytes of LDS a group;"
            f" the card has {code.lds_limit}"
        )
    if not kernel.descriptor.is_wave32:
        raise LaunchError(f"{name} is code for waves of 64 lanes; only 32 are launched")
    if metadata.kernarg_bytes > ARGUMENT_SLOT_BYTES:
        raise LaunchError(
            f"{name} takes {metadata.kernarg_bytes} bytes of arguments; the limit is"
            f" {ARGUMENT_SLOT_BYTES}"
        )
    offset, hidden = _hidden_arguments(metadata.arguments, blocks, group, shared_bytes)
    dimensions = 3 if blocks[2] * group[2] > 1 else 2 if blocks[1] * group[1] > 1 else 1
    return Shape(code, blocks, group, dimensions, lds, metadata.scratch_bytes, offset, hidden)


def layout_of(kernel: LoadedKernel, given: "Sequence[Any]") -> Layout:
    """Return how these arguments are packed; raises LaunchError naming the first that does not fit.

    A buffer is an integer address or has `.address`. A value is a Python or numpy number: Python's
    take the kernel's type, numpy's have to be of its size.
    """
    name = kernel.image.name
    rows = [row for row in kernel.metadata.arguments if not row.kind.is_hidden]
    if len(rows) != len(given):
        names = ", ".join(row.name or f"argument {n + 1}" for n, row in enumerate(rows))
        raise LaunchError(f"{name} takes {len(rows)} arguments ({names}), given {len(given)}")
    text, end = "<", 0
    converters = []
    for number, (row, one) in enumerate(zip(rows, given, strict=True)):
        if row.offset < end:
            raise LaunchError(f"{name}: arguments overlap in its metadata at byte {row.offset}")
        letter, converter = _convert(row, one, f"{name}: argument {number + 1} `{row.name}`")
        text += f"{row.offset - end}x{letter}"
        end = row.offset + row.size
        converters.append(converter)
    return Layout(struct.Struct(text), tuple(converters))


def _convert(
    row: KernelArgument,
    given: Any,
    where: str,
) -> "tuple[str, Callable[[Any], Any]]":
    if hasattr(given, "address"):
        if row.size != 8:
            raise LaunchError(f"{where} is a value of {row.size} bytes, given a buffer")
        return "Q", operator.attrgetter("address")
    size = getattr(getattr(given, "dtype", None), "itemsize", row.size)
    if size != row.size:
        raise LaunchError(f"{where} has {row.size} bytes, given {given.dtype} with {size}")
    kind = getattr(getattr(given, "dtype", None), "kind", "")
    if row.kind is ArgumentKind.BY_VALUE and (
        row.type_name in _FLOAT_NAMES or kind == "f" or isinstance(given, float)
    ):
        if row.type_name and row.type_name not in _FLOAT_NAMES:
            raise LaunchError(f"{where} is {row.type_name}, given the float {given!r}")
        if row.size not in _FLOAT_FORMATS:
            raise LaunchError(f"{where} has {row.size} bytes, which no float has")
        return _FLOAT_FORMATS[row.size], float
    if isinstance(given, float) or kind == "f" or not hasattr(given, "__index__"):
        raise LaunchError(
            f"{where} is {_kind_text(row)}, given {given!r}; an address, an array of the device"
            " or an integer is needed"
        )
    if row.size not in _INTEGER_FORMATS:
        raise LaunchError(f"{where} has {row.size} bytes, which no integer has")
    mask = (1 << 8 * row.size) - 1
    return _INTEGER_FORMATS[row.size], lambda number: operator.index(number) & mask


def _kind_text(row: KernelArgument) -> str:
    if row.kind is ArgumentKind.GLOBAL_BUFFER:
        return "a buffer"
    return f"a value of {row.size} bytes" if not row.type_name else row.type_name


def _hidden_arguments(
    rows: "Sequence[KernelArgument]", blocks: Extent, group: Extent, shared_bytes: int
) -> tuple[int, bytes]:
    """Return where the hidden arguments begin, and their bytes; those we cannot give are 0."""
    hidden = [row for row in rows if row.kind.is_hidden]
    if not hidden:
        return 0, b""
    dimensions = max(n + 1 for n in range(3) if n == 0 or blocks[n] * group[n] > 1)
    known: dict[ArgumentKind, int] = {
        ArgumentKind.HIDDEN_BLOCK_COUNT_X: blocks[0],
        ArgumentKind.HIDDEN_BLOCK_COUNT_Y: blocks[1],
        ArgumentKind.HIDDEN_BLOCK_COUNT_Z: blocks[2],
        ArgumentKind.HIDDEN_GROUP_SIZE_X: group[0],
        ArgumentKind.HIDDEN_GROUP_SIZE_Y: group[1],
        ArgumentKind.HIDDEN_GROUP_SIZE_Z: group[2],
        ArgumentKind.HIDDEN_GRID_DIMS: dimensions,
        ArgumentKind.HIDDEN_DYNAMIC_LDS_SIZE: shared_bytes,
    }
    start = min(row.offset for row in hidden)
    content = bytearray(max(row.offset + row.size for row in hidden) - start)
    for row in hidden:
        number = known.get(row.kind, 0)
        begin = row.offset - start
        content[begin : begin + row.size] = number.to_bytes(row.size, "little")
    return start, bytes(content)


def _times(extent: Extent) -> str:
    return " x ".join(str(row) for row in extent)


def waves_of(group: Extent) -> int:
    """Return how many waves a group has."""
    return (group[0] * group[1] * group[2] + _LANES - 1) // _LANES
