"""Damaged model files: refused with the byte and the field, at once, and never a crash.

Headers are mutated; the readers of std/ and an oracle in Python must agree on every case: whether
it is accepted, how much is in it. The program runs plainly and with guard pages behind each block.
"""

import random
import re
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mlrift.targets import LINUX_X86_64
from tests.extern.programs import compile_for
from tests.harness.run_files import IS_THOROUGH
from tests.llm import model_file_oracle as oracle
from tests.llm.gguf_file import GgufTensor, Signed, write_gguf
from tests.support.engines import engine_named

PARTS = Path(__file__).parent / "parts"
CASES = 10_000 if IS_THOROUGH else 500
_SLOW_SECONDS = 20  # it takes 0.1; a loaded machine and guard pages take their time
_WORDS = [0, 1, 2, 31, 32, 33, 255, 1 << 16, 1 << 31, (1 << 32) - 1, 1 << 40, 1 << 47, 1 << 60]
_WORDS += [1 << 63, (1 << 64) - 1, (1 << 64) - 8, (1 << 64) - 32]


@pytest.fixture(
    scope="module", params=[(), ("--debug=guard-pages", "-O0")], ids=["plain", "guarded"]
)
def program(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    missing = engine_named("linux-x64").missing()
    if missing is not None:
        pytest.skip(missing)
    text = (PARTS / "model_reading.mlr").read_text(encoding="utf-8")
    return compile_for(tmp_path_factory.mktemp("reading"), text, LINUX_X86_64, *request.param)


def say(program: Path, folder: Path, kind: str, cases: list[bytes]) -> list[str]:
    """Return what the program says of every case."""
    blob = b"".join(kind.encode() + struct.pack("<Q", len(case)) + case for case in cases)
    (folder / "cases").write_bytes(blob)
    words = [str(program), str(folder / "cases")]
    done = subprocess.run(words, capture_output=True, timeout=300, check=False)
    lines = done.stdout.decode("utf-8", "replace").split("\n")[:-1]
    assert done.returncode == 0, (len(lines), done.stderr[-2000:])
    assert len(lines) == len(cases)
    return lines


def gguf_seed(folder: Path) -> bytes:
    """Return a small file with values of most types."""
    path = folder / "seed.gguf"
    write_gguf(
        path,
        {
            "general.architecture": "qwen3",
            "general.alignment": 32,
            "a.count": 3,
            "a.theta": 1e6,
            "a.flag": True,
            "tokenizer.ggml.tokens": ["a", "b", "cd"],
            "tokenizer.ggml.scores": [0.5, 1.5, 2.5],
            "tokenizer.ggml.token_type": Signed([1, 1, 3]),
            "tokenizer.ggml.merges": ["a b"],
        },
        [
            GgufTensor("one.weight", (4, 2), 0, bytes(range(32))),
            GgufTensor("two.weight", (32, 3), 8, bytes(102)),
            GgufTensor("three", (2, 2, 2, 2), 1, bytes(32)),
            GgufTensor("four", (256,), 14, bytes(210)),
        ],
    )
    return path.read_bytes()


SAFETENSORS_SEED = (
    b'{"__metadata__":{"format":"pt"},"a.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},'
    b'"b\\u00e9":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]}, "c" : '
    b'{"shape":[],"data_offsets":[32,33],"dtype":"U8"},"d":{"dtype":"I64","shape":[0,5],'
    b'"data_offsets":[33,33]}}'
)


def mutated(seed: bytes, header_bytes: int, draw: random.Random) -> bytes:
    """Return a file with one to three changes, mostly in its header."""
    data = bytearray(seed)
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        place = draw.randrange(min(header_bytes, len(data)) or 1)
        kind = draw.randrange(8)
        if kind == 0:
            data[place : place + 1] = bytes([data[place] ^ 1 << draw.randrange(8)]) if data else b""
        elif kind == 1:
            data[place : place + 1] = bytes([draw.choice((0, 1, 8, 9, 34, 44, 48, 92, 125, 255))])
        elif kind == 2:
            data[place : place + 8] = struct.pack("<Q", draw.choice(_WORDS))
        elif kind == 3:
            data[place : place + 4] = struct.pack("<I", draw.choice(_WORDS) & 0xFFFFFFFF)
        elif kind == 4:
            del data[draw.randrange(len(data) + 1) :]
        elif kind == 5:
            del data[place : place + draw.randrange(1, 20)]
        elif kind == 6:
            data[place:place] = data[place : place + draw.randrange(1, 60)]
        else:
            data += bytes(draw.randrange(1, 70))
        if not data:
            break
    return bytes(data)


def hold(
    program: Path, folder: Path, kind: str, cases: list[bytes], read: Callable[[bytes], object]
) -> None:
    """Compare what the program says of cases with the oracle."""
    accepted = 0
    for case, line in zip(cases, say(program, folder, kind, cases), strict=True):
        try:
            expected = read(case)
        except oracle.Refused:
            assert re.match(r"byte \d+: .", line), (case, line)
            continue
        accepted += 1
        numbers = expected if isinstance(expected, tuple) else (expected,)
        assert line.startswith("ok " + " ".join(map(str, numbers))), (case, line)
    assert accepted > 5


def test_mutated_gguf_headers(program: Path, tmp_path: Path) -> None:
    draw = random.Random(8)
    seed = gguf_seed(tmp_path)
    cases = [mutated(seed, len(seed) - 384, draw) for _ in range(CASES)]
    older = seed[:4] + struct.pack("<I", 2) + seed[8:]
    hold(program, tmp_path, "g", [seed, older, *cases], oracle.read_gguf)


def test_mutated_safetensors_headers(program: Path, tmp_path: Path) -> None:
    draw = random.Random(9)
    seed = struct.pack("<Q", len(SAFETENSORS_SEED)) + SAFETENSORS_SEED + bytes(33)
    # A header that a change made longer or shorter is often read with its new length.
    cases = []
    for _ in range(CASES):
        case = mutated(seed, len(SAFETENSORS_SEED) + 8, draw)
        if draw.randrange(2):
            case = struct.pack("<Q", max(0, len(case) - 41)) + case[8:]
        cases.append(case)
    hold(program, tmp_path, "s", [seed, *cases], oracle.read_safetensors)


def gguf_of(tensors: bytes, count: int, keys: bytes = b"", key_count: int = 0) -> bytes:
    """Return a file of these tensor infos and 4 KiB of data."""
    head = b"GGUF" + struct.pack("<IQQ", 3, count, key_count) + keys + tensors
    return head + bytes(-len(head) % 32) + bytes(4096)


def info(name: bytes, shape: tuple[int, ...], kind: int = 0, offset: int = 0) -> bytes:
    """Return a tensor info."""
    axes = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
    return struct.pack("<Q", len(name)) + name + axes + struct.pack("<IQ", kind, offset)


def key(name: bytes, kind: int, value: bytes) -> bytes:
    """Return a key."""
    return struct.pack("<Q", len(name)) + name + struct.pack("<I", kind) + value


BAD = {
    b"": r"byte 0: magic: not a GGUF \(first bytes\); this looks like an empty file",
    b"PK\x03\x04" + bytes(20): r"byte 0: magic: .*a zip archive",
    b"GGUF" + struct.pack(">IQQ", 3, 0, 0): r"byte 4: version: a big-endian file",
    b"GGUF" + struct.pack("<IQQ", 1, 0, 0): r"byte 4: version: version 1 is not read, only 2 and 3",
    b"GGUF" + struct.pack("<IQQ", 3, 1 << 40, 0): r"byte 8: tensor count: 1099511627776 cannot be",
    b"GGUF" + struct.pack("<IQQ", 3, 0, 1 << 62): r"byte 16: key count: ",
    gguf_of(info(b"x", (1, 2, 3, 4, 5)), 1): r"byte 33: tensor 0 `x`: 5 axes instead of 1 to 4",
    gguf_of(info(b"x", (4, 0)), 1): r"byte 45: tensor 0 `x`: an extent of 0",
    gguf_of(info(b"x", (1 << 40, 1 << 40)), 1): r"byte 45: tensor 0 `x`: an extent of 10995",
    gguf_of(info(b"x", (4,), 77), 1): r"byte 45: tensor 0 `x`: unknown tensor type 77",
    gguf_of(info(b"x", (33,), 8), 1): r"tensor 0 `x`: rows of 33 are no whole blocks of Q8_0",
    gguf_of(info(b"x", (4,), 0, 8), 1): r"byte 49: tensor 0 `x`: its offset is no multiple of 32",
    gguf_of(info(b"x", (4096,)), 1): r"byte 49: tensor 0 `x`: its 16384 bytes reach beyond the end",
    gguf_of(info(b"x", (16,)) + info(b"y", (8,), 0, 32), 2): r"tensor 1 `y`: overlaps tensor 0 `x`",
    gguf_of(info(b"x", (8,)) + info(b"x", (8,), 0, 32), 2): r"tensor 1 `x`: is there twice",
    gguf_of(b"", 0, key(b"k", 4, bytes(4)) * 2, 2): r"byte 41: key 1 `k`: is there twice",
    gguf_of(b"", 0, key(b"k", 13, bytes(4)), 1): r"byte 33: key 0 `k`: unknown type 13",
    gguf_of(b"", 0, key(b"k", 9, struct.pack("<IQ", 4, 1 << 61)), 1): r"elements exceed the file",
    gguf_of(b"", 0, key(b"general.alignment", 4, b"\x30\0\0\0"), 1): r"general.alignment: is no",
}  # fmt: skip


def test_messages_name_the_byte_and_the_field(program: Path, tmp_path: Path) -> None:
    lines = say(program, tmp_path, "g", list(BAD))
    for line, pattern in zip(lines, BAD.values(), strict=True):
        assert re.search(pattern, line), (line, pattern)


def test_a_header_full_of_claims_takes_no_time(program: Path, tmp_path: Path) -> None:
    names = b"".join(info(f"t{index}".encode(), (8,), 0, 0) for index in range(20_000))
    texts = key(b"list", 9, struct.pack("<IQ", 8, 500_000) + bytes(4_000_000))
    cases = [gguf_of(names, 20_000), gguf_of(b"", 0, texts, 1) + b"x"]
    started = time.monotonic()
    lines = say(program, tmp_path, "g", cases)
    assert time.monotonic() - started < _SLOW_SECONDS
    assert "overlaps" in lines[0] and lines[1].startswith("ok 0 1")
