"""Writes safetensors: a header of JSON with a length before it, then the data (spec 3.2)."""

import json
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_ALIGNMENT_BYTES = 8


def write_safetensors(path: Path, tensors: dict[str, NDArray[np.float32]], kind: str) -> None:
    """Write tensors as `F32` or `BF16`; the numbers must be exact in the kind."""
    entries: dict[str, object] = {"__metadata__": {"format": "pt"}}
    pieces: list[bytes] = []
    offset = 0
    for name, values in sorted(tensors.items()):
        data = stored(values, kind)
        end = offset + len(data)
        entries[name] = {"dtype": kind, "shape": list(values.shape), "data_offsets": [offset, end]}
        pieces.append(data)
        offset = end
    header = json.dumps(entries, separators=(",", ":")).encode()
    header += b" " * (-len(header) % _ALIGNMENT_BYTES)
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"".join(pieces))


def stored(values: NDArray[np.float32], kind: str) -> bytes:
    """Return the bytes of an array as `F32` or `BF16`."""
    if kind == "F32":
        return values.astype("<f4").tobytes()
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    if (bits & np.uint32(0xFFFF)).any():
        raise ValueError("numbers that are not exact in bf16")
    return (bits >> np.uint32(16)).astype("<u2").tobytes()
