"""Asks the `gguf` package what blocks mean and how it makes them, and keeps that in `golden/`.

Run with a Python that has gguf and numpy:

    python -m tests.llm.make_blocks

Kept, all in base64: the f32 numbers that blocks of random bytes of every type are; the blocks that
the package makes of hard numbers; a small file that its writer writes.
"""

import base64
import importlib
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tests.llm.block_cases import BLOCKS, READ_TYPES, WRITTEN_TYPES, hard_numbers, random_blocks

GOLDEN = Path(__file__).parent / "golden" / "blocks.json"


def main() -> None:
    """Write the answers of the package."""
    peer = importlib.import_module("gguf")
    answer = {
        "read": {name: _numbers(peer, name) for name in READ_TYPES},
        "written": {name: _blocks(peer, name) for name in WRITTEN_TYPES},
        "file": _text(_file(peer)),
    }
    GOLDEN.write_text(json.dumps(answer, indent=0) + "\n", encoding="utf-8")


def _numbers(peer: Any, name: str) -> str:
    count = 4 if BLOCKS[name][1] == 256 else 8
    rows = random_blocks(name, count)
    return _text(peer.dequantize(rows, peer.GGMLQuantizationType[name]).astype("<f4").tobytes())


def _blocks(peer: Any, name: str) -> str:
    return _text(peer.quantize(hard_numbers(), peer.GGMLQuantizationType[name]).tobytes())


def _file(peer: Any) -> bytes:
    """Return a file as the package writes it; parts/write_gguf.mlr writes the same."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.gguf"
        writer = peer.GGUFWriter(str(path), "qwen3")
        writer.add_block_count(28)
        writer.add_int32("low", -3)
        writer.add_uint64("large", 1 << 40)
        writer.add_float32("theta", 1.5)
        writer.add_bool("flag", True)
        writer.add_array("list", [3, -1, 7])
        writer.add_array("tokens", ["a", "bc", ""])
        numbers = np.arange(12, dtype=np.float32)
        writer.add_tensor("three", numbers.reshape(3, 4))
        writer.add_tensor("one", numbers[:5])
        raw = peer.quantize(np.arange(64, dtype=np.float32).reshape(2, 32), _q8_0(peer))
        writer.add_tensor("blocks", raw, raw_dtype=_q8_0(peer))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return path.read_bytes()


def _q8_0(peer: Any) -> Any:
    return peer.GGMLQuantizationType.Q8_0


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


if __name__ == "__main__":
    main()
