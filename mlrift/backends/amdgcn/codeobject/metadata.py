"""The metadata of a code object: a MessagePack map with names, arguments and sizes (gpu.md 3.6).

Kernel images in, bytes out; bytes in, `Metadata` out. What is read may come from any compiler:
every field is checked, and anything else than the right type is a `CodeObjectError`.
"""

from collections.abc import Mapping

import msgpack

from mlrift.backends.amdgcn.codeobject.errors import CodeObjectError
from mlrift.backends.amdgcn.codeobject.model import (
    ArgumentKind,
    CodeObject,
    KernelArgument,
    KernelImage,
)
from mlrift.static_types import Any
from mlrift.values import value

TARGET_PREFIX = "amdgcn-amd-amdhsa--"
VERSION = (1, 2)
_VERSIONS = ((1, 0), (1, 1), (1, 2))
_WAVEFRONT = 32
_MAXIMUM_GROUP = 1024
_KERNARG_ALIGN = 8
_READ_ONLY = "read_only"
_MAXIMUM = (1 << 32) - 1
_KINDS = {row.value: row for row in ArgumentKind}


@value
class KernelMetadata:
    """What the metadata says of a kernel; sizes in bytes."""

    name: str
    symbol: str
    arguments: tuple[KernelArgument, ...]
    kernarg_bytes: int
    lds_bytes: int
    scratch_bytes: int
    wavefront_lanes: int
    registers_scalar: int
    registers_vector: int
    spilled_scalar: int
    spilled_vector: int
    maximum_group: int
    required_group: tuple[int, int, int] | None


@value
class Metadata:
    """What the metadata says of a file; `target` is the gfx name with its features, if any."""

    target: str
    kernels: tuple[KernelMetadata, ...]


def pack_metadata(made: CodeObject) -> bytes:
    """Return the bytes of the note."""
    row = {
        "amdhsa.kernels": describe_kernels(made),
        "amdhsa.target": TARGET_PREFIX + made.chip.name,
        "amdhsa.version": list(VERSION),
    }
    packed: bytes = msgpack.packb(row)
    return packed


def describe_kernels(made: CodeObject) -> list[dict[str, object]]:
    """Return what the metadata says of each kernel, by key."""
    return [_describe(kernel) for kernel in made.kernels]


def _describe(kernel: KernelImage) -> dict[str, object]:
    row: dict[str, object] = {
        ".args": [_describe_argument(argument) for argument in kernel.arguments],
        ".group_segment_fixed_size": kernel.lds_bytes,
        ".kernarg_segment_align": _KERNARG_ALIGN,
        ".kernarg_segment_size": kernel.kernarg_bytes,
        ".max_flat_workgroup_size": _MAXIMUM_GROUP,
        ".name": kernel.name,
        ".private_segment_fixed_size": kernel.scratch_bytes,
        ".sgpr_count": kernel.registers_scalar,
        ".sgpr_spill_count": kernel.spilled_scalar,
        ".symbol": f"{kernel.name}.kd",
        ".uniform_work_group_size": 1,
        ".uses_dynamic_stack": False,
        ".vgpr_count": kernel.registers_vector,
        ".vgpr_spill_count": kernel.spilled_vector,
        ".wavefront_size": _WAVEFRONT,
        ".workgroup_processor_mode": 1,
    }
    if kernel.required_group is not None:
        x, y, z = kernel.required_group
        row[".reqd_workgroup_size"] = [x, y, z]
        row[".max_flat_workgroup_size"] = x * y * z
    return dict(sorted(row.items()))


def _describe_argument(argument: KernelArgument) -> dict[str, object]:
    row: dict[str, object] = {
        ".offset": argument.offset,
        ".size": argument.size,
        ".value_kind": argument.kind.value,
    }
    if argument.kind is ArgumentKind.GLOBAL_BUFFER:
        row[".address_space"] = "global"
        if argument.is_read_only:
            row[".actual_access"] = _READ_ONLY
    if argument.name:
        row[".name"] = argument.name
    if argument.type_name:
        row[".type_name"] = argument.type_name
    return dict(sorted(row.items()))


def unpack_metadata(data: bytes) -> Metadata:
    """Return what the bytes of a note say; raises CodeObjectError."""
    try:
        found = msgpack.unpackb(data, strict_map_key=True)
    except (ValueError, TypeError, OverflowError) as error:
        raise CodeObjectError(f"not MessagePack: {error}", "metadata") from error
    root = _Fields(found, "metadata")
    version = root.numbers("amdhsa.version", 2)
    if version not in _VERSIONS:
        raise CodeObjectError(f"version {version[0]}.{version[1]} is not known", "metadata")
    kernels = [
        _read_kernel(_Fields(row, f"metadata, kernel {number}"))
        for number, row in enumerate(root.rows("amdhsa.kernels"))
    ]
    names = [row.name for row in kernels]
    for name in names:
        if names.count(name) > 1:
            raise CodeObjectError(f"kernel `{name}` is listed twice", "metadata")
    return Metadata(root.text("amdhsa.target").removeprefix(TARGET_PREFIX), tuple(kernels))


def _read_kernel(row: "_Fields") -> KernelMetadata:
    name = row.text(".name")
    row = _Fields(row.fields, f"metadata, kernel `{name}`")
    kernarg_bytes = row.number(".kernarg_segment_size")
    arguments = [
        _read_argument(_Fields(found, f"{row.where}, argument {number}"), kernarg_bytes)
        for number, found in enumerate(row.rows(".args"))
    ]
    required = None
    if ".reqd_workgroup_size" in row.fields:
        x, y, z = row.numbers(".reqd_workgroup_size", 3)
        required = (x, y, z)
    return KernelMetadata(
        name=name,
        symbol=row.text(".symbol"),
        arguments=tuple(arguments),
        kernarg_bytes=kernarg_bytes,
        lds_bytes=row.number(".group_segment_fixed_size"),
        scratch_bytes=row.number(".private_segment_fixed_size"),
        wavefront_lanes=row.number(".wavefront_size"),
        registers_scalar=row.number(".sgpr_count"),
        registers_vector=row.number(".vgpr_count"),
        spilled_scalar=row.number(".sgpr_spill_count", 0),
        spilled_vector=row.number(".vgpr_spill_count", 0),
        maximum_group=row.number(".max_flat_workgroup_size", _MAXIMUM_GROUP),
        required_group=required,
    )


def _read_argument(row: "_Fields", kernarg_bytes: int) -> KernelArgument:
    kind = _KINDS.get(row.text(".value_kind"))
    if kind is None:
        raise CodeObjectError(f"kind `{row.text('.value_kind')}` is not known", row.where)
    offset, size = row.number(".offset"), row.number(".size")
    if offset + size > kernarg_bytes:
        raise CodeObjectError(
            f"bytes {offset} to {offset + size} of a segment of {kernarg_bytes}", row.where
        )
    access = row.text(".actual_access", row.text(".access", ""))
    return KernelArgument(
        name=row.text(".name", ""),
        type_name=row.text(".type_name", ""),
        kind=kind,
        offset=offset,
        size=size,
        is_read_only=access == _READ_ONLY,
    )


class _Fields:
    """A map of the metadata; each method returns a field of one type or raises."""

    def __init__(self, found: Any, where: str) -> None:
        if not isinstance(found, Mapping):
            raise CodeObjectError("not a map", where)
        self.fields: Mapping[Any, Any] = found
        self.where = where

    def text(self, key: str, default: str | None = None) -> str:
        found = self._get(key, default)
        if not isinstance(found, str):
            raise self._wrong(key, "text")
        return found

    def number(self, key: str, default: int | None = None) -> int:
        return self._checked(key, self._get(key, default))

    def numbers(self, key: str, count: int) -> tuple[int, ...]:
        found = self._get(key, None)
        if not isinstance(found, list) or len(found) != count:
            raise self._wrong(key, f"a list of {count}")
        return tuple(self._checked(key, row) for row in found)

    def rows(self, key: str) -> list[Any]:
        found = self._get(key, [])
        if not isinstance(found, list):
            raise self._wrong(key, "a list")
        return found

    def _get(self, key: str, default: object) -> Any:
        found = self.fields.get(key, default)
        if found is None:
            raise CodeObjectError(f"`{key}` is missing", self.where)
        return found

    def _checked(self, key: str, found: object) -> int:
        if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found <= _MAXIMUM:
            raise self._wrong(key, "a number of 32 bits")
        return found

    def _wrong(self, key: str, expected: str) -> CodeObjectError:
        return CodeObjectError(f"`{key}` is not {expected}", self.where)
