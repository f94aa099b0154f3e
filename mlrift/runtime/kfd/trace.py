"""The file of a recording: a gzip of JSON lines, the first of which says what it is.

Every other line is one call of the seam in `driver.py`, with its answer and with the memory that
had changed since the call before. Bytes are base64.
"""

import base64
import ctypes
import gzip
import json
import zlib
from pathlib import Path

from mlrift.runtime.kfd import abi
from mlrift.runtime.kfd.errors import DeviceError
from mlrift.static_types import Any

FORMAT = "mlrift-kfd-trace"
VERSION = 1
MAXIMUM_BYTES = 1 << 30
ARRAYS: dict[type[ctypes.Structure], tuple[str, str, type[Any]]] = {
    abi.GetProcessAperturesNew: (
        "kfd_process_device_apertures_ptr",
        "num_of_nodes",
        abi.ProcessDeviceApertures,
    ),
    abi.WaitEvents: ("events_ptr", "num_events", abi.EventData),
    abi.MapMemoryToGpu: ("device_ids_array_ptr", "n_devices", ctypes.c_uint32),
    abi.UnmapMemoryFromGpu: ("device_ids_array_ptr", "n_devices", ctypes.c_uint32),
}
"""Requests that point to an array of the process: the fields of pointer and count, an item."""


class TraceError(DeviceError):
    """A file that is no recording, or a program that does not do what was recorded."""


def array_of(argument: ctypes.Structure) -> bytes:
    """Return the contents of the array that a request points to; b"" where it has none."""
    row = ARRAYS.get(type(argument))
    if row is None:
        return b""
    pointer, count, item = row
    address = getattr(argument, pointer)
    size = getattr(argument, count) * ctypes.sizeof(item)
    return ctypes.string_at(address, size) if address else b""


def without_pointer(argument: ctypes.Structure) -> bytes:
    """Return the bytes of a request, with 0 for the address of an array of the process."""
    copy = type(argument).from_buffer_copy(argument)
    row = ARRAYS.get(type(argument))
    if row is not None:
        setattr(copy, row[0], 0)
    return bytes(copy)


def encode(data: bytes) -> str:
    """Return bytes as text."""
    return base64.b64encode(data).decode("ascii")


def decode(text: object) -> bytes:
    """Return bytes of text; raises TraceError."""
    try:
        return base64.b64decode(str(text), validate=True)
    except ValueError as error:
        raise TraceError(f"bytes in the trace are not base64: {error}") from error


def write_trace(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write a recording; an older file stays when that fails."""
    head = {"format": FORMAT, "version": VERSION}
    lines = [json.dumps(row, separators=(",", ":")) for row in (head, *rows)]
    part = path.with_name(path.name + ".part")
    part.write_bytes(gzip.compress("\n".join(lines).encode("ascii"), 6))
    part.replace(path)


def read_trace(path: Path) -> list[dict[str, Any]]:
    """Return the calls of a recording; raises TraceError."""
    try:
        with gzip.open(path) as file:
            data = file.read(MAXIMUM_BYTES)
        rows = [json.loads(line) for line in data.decode("ascii").splitlines()]
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise TraceError(f"{path} is no recording: {error}") from error
    head = rows[0] if rows else {}
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise TraceError(f"{path} is no recording: it does not begin with the word {FORMAT}")
    if head.get("version") != VERSION:
        raise TraceError(
            f"{path} is a recording of version {head.get('version')}, we know {VERSION}"
        )
    if not all(isinstance(row, dict) and isinstance(row.get("call"), str) for row in rows[1:]):
        raise TraceError(f"{path}: a line is not a call")
    return rows[1:]
