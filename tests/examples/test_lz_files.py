"""lz.mlr's packed files: the LZ4 block inside, the way back, and refusal of damaged ones."""

import struct
import zlib
from pathlib import Path

import pytest

from tests.examples.oracles import lz_block, lz_generated
from tests.examples.programs import run_example

PLAIN = {
    "nothing": b"",
    "short": b"twelve bytes",
    "one byte over and over": b"a" * 5000,
    "no repetition": bytes(range(256)),
    "log": lz_generated(9000),
    "far apart": b"0123456789abcdef" + bytes(66_000) + b"0123456789abcdef" * 2,
}


def packed_file(plain: bytes) -> bytes:
    return b"MLZ1" + struct.pack("<IQ", zlib.crc32(plain), len(plain)) + lz_block(plain)


@pytest.mark.parametrize("plain", PLAIN.values(), ids=PLAIN)
def test_file_is_packed_as_the_oracle_packs_it_and_comes_back(plain: bytes, tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(plain)
    assert run_example("lz", ["-c", "plain", "packed"], tmp_path).status == 0
    assert (tmp_path / "packed").read_bytes() == packed_file(plain)
    assert run_example("lz", ["-d", "packed", "back"], tmp_path).status == 0
    assert (tmp_path / "back").read_bytes() == plain


def _damaged(good: bytes) -> dict[str, bytes]:
    first_offset = good.index(b"; ", 16)
    zero_offset = bytes([0x10]) + b"x" + b"\0\0"
    return {
        "wrong magic": b"MLZ2" + good[4:],
        "cut in the header": good[:10],
        "cut in the block": good[:-3],
        "wrong checksum": good[:4] + bytes([good[4] ^ 1]) + good[5:],
        "announces less": good[:8] + struct.pack("<Q", 100) + good[16:],
        "announces more": good[:8] + struct.pack("<Q", 9001) + good[16:],
        "another byte": good[:first_offset] + b"!" + good[first_offset + 1 :],
        "offset of zero": good[:16] + zero_offset,
        "offset before the start": good[:16] + bytes([0x10]) + b"x" + b"\2\0",
        "endless length": good[:16] + b"\xff" * 40,
    }


@pytest.mark.parametrize("kind", _damaged(packed_file(PLAIN["log"])))
def test_damaged_file_is_refused(kind: str, tmp_path: Path) -> None:
    (tmp_path / "packed").write_bytes(_damaged(packed_file(PLAIN["log"]))[kind])
    result = run_example("lz", ["-d", "packed", "back"], tmp_path)
    assert result.status == 1
    assert result.stdout.startswith((b"damaged: ", b"not a packed file"))
    assert not (tmp_path / "back").exists()
