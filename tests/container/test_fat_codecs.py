"""Compression and branch filters against plain readings of the specification."""

import contextlib
import random
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlrift.container import lz4_wide
from mlrift.container.codecs import Codec, compress, decompress
from mlrift.container.errors import FatError
from mlrift.container.filters import apply_filter, undo_filter
from mlrift.targets import BranchFilter


def decode_block_by_the_book(block: bytes) -> bytes:
    """Decode a block byte by byte, as cli.md 6.3 describes it."""
    output = bytearray()
    position = 0

    def extended(nibble: int) -> int:
        nonlocal position
        if nibble == 15:
            while True:
                position += 1
                nibble += block[position - 1]
                if block[position - 1] != 255:
                    break
        return nibble

    while True:
        token = block[position]
        position += 1
        count = extended(token >> 4)
        output += block[position : position + count]
        position += count
        if position == len(block):
            return bytes(output)
        offset = int.from_bytes(block[position : position + 3], "little")
        position += 3
        for _ in range(extended(token & 15) + 4):
            output.append(output[-offset])


def sample(seed: int) -> bytes:
    """Return bytes with runs, repeats near and far, and noise."""
    chance = random.Random(seed)
    parts: list[bytes] = [b""]
    for _ in range(chance.randrange(60)):
        parts.append(
            chance.choice(
                (
                    bytes(chance.randrange(2000)),
                    chance.randbytes(chance.randrange(40)),
                    chance.choice(parts),
                    bytes([7, 8]) * chance.randrange(300),
                )
            )
        )
    return b"".join(parts)


@pytest.mark.parametrize("seed", range(40))
def test_wide_lz4_follows_the_format(seed: int) -> None:
    data = sample(seed) or b"x"
    frame = lz4_wide.compress_frame(data)
    assert frame[:7] == bytes.fromhex("04224D18604082")
    size_word = struct.unpack_from("<I", frame, 7)[0]
    assert frame[-4:] == bytes(4) and len(frame) == 15 + (size_word & 0x7FFFFFFF)
    block = frame[11:-4]
    assert (block if size_word >> 31 else decode_block_by_the_book(block)) == data
    assert lz4_wide.decompress_frame(frame, len(data), len(data)) == data


@pytest.mark.parametrize("size_bytes", [0, 1, 4, 5, 11, 12, 13, 14, 15, 16, 17, 18, 19, 269, 274])
def test_wide_lz4_block_edges(size_bytes: int) -> None:
    data = bytes(size_bytes)
    block = bytes(lz4_wide._compress_block(data))
    assert decode_block_by_the_book(block) == data
    if 0 < size_bytes < 13:  # a small block is one run of literals
        assert block == bytes([size_bytes << 4]) + data
    else:  # the last five bytes are literals
        assert block.endswith(data[-5:])


def test_wide_lz4_reaches_across_more_than_64_kib() -> None:
    block = random.Random(1).randbytes(5000)
    data = block + random.Random(2).randbytes(200_000) + block
    assert len(lz4_wide.compress_frame(data)) < len(data) - 4000


@given(st.binary(max_size=300), st.integers(0, 400), st.integers(0, 400))
@settings(max_examples=200, deadline=None)
def test_wide_lz4_decoder_refuses_or_obeys(junk: bytes, size_bytes: int, wanted: int) -> None:
    frame = lz4_wide.FRAME_HEADER + struct.pack("<I", len(junk)) + junk + bytes(4)
    wanted = min(wanted, size_bytes)
    with contextlib.suppress(FatError):
        assert len(lz4_wide.decompress_frame(frame, size_bytes, wanted)) == wanted


def x86_by_the_book(data: bytes) -> bytes:
    result = bytearray(data)
    i = 0
    while i < len(data) - 4:
        if data[i] in (0xE8, 0xE9):
            value = struct.unpack_from("<I", result, i + 1)[0]
            struct.pack_into("<I", result, i + 1, (value - (i + 5)) % 2**32)
            i += 5
        else:
            i += 1
    return bytes(result)


def arm64_by_the_book(data: bytes) -> bytes:
    result = bytearray(data)
    for i in range(0, len(data) - len(data) % 4, 4):
        word = struct.unpack_from("<I", result, i)[0]
        if word >> 26 in (0b000101, 0b100101):
            low = ((word & 0x3FFFFFF) - i // 4) % 2**26
            struct.pack_into("<I", result, i, word & ~0x3FFFFFF | low)
    return bytes(result)


BRANCHY = st.lists(
    st.sampled_from([b"\xe8", b"\xe9", b"\x14", b"\x97", b"\x00", b"\xff", b"abc"]), max_size=60
).map(b"".join)


@given(BRANCHY)
@settings(max_examples=300, deadline=None)
def test_filters_follow_the_format_and_return(data: bytes) -> None:
    assert undo_filter(BranchFilter.X86, data) == x86_by_the_book(data)
    assert undo_filter(BranchFilter.ARM64, data) == arm64_by_the_book(data)
    for row in BranchFilter:
        assert undo_filter(row, apply_filter(row, data)) == data


def packed_with(codec: Codec, data: bytes) -> bytes:
    match codec:
        case Codec.STORED:
            return data
        case Codec.LZ4_WIDE:
            return lz4_wide.compress_frame(data)
        case Codec.DEFLATE:
            return zlib.compress(data)[2:-4]
        case Codec.LZMA2:
            chosen, packed = compress(data)
            assert chosen is codec
            return packed
        case Codec.ZSTD:
            zstandard = pytest.importorskip("zstandard")
            return bytes(zstandard.compress(data))


@pytest.mark.parametrize("codec", list(Codec))
def test_every_codec_decodes_whole_and_in_part(codec: Codec) -> None:
    data = sample(3) * 3 + b"end"
    packed = packed_with(codec, data)
    for wanted in (1, 100, len(data) - 1, len(data)):
        assert decompress(codec, packed, len(data), wanted) == data[:wanted]


@pytest.mark.parametrize("codec", list(Codec))
def test_a_wrong_declared_size_is_refused(codec: Codec) -> None:
    data = sample(3) + b"end"
    packed = packed_with(codec, data)
    for size_bytes in (len(data) - 1, len(data) + 1, 0, 3 * len(data)):
        with pytest.raises(FatError):
            decompress(codec, packed, size_bytes, size_bytes)


@pytest.mark.parametrize("codec", list(Codec))
def test_truncated_and_lengthened_blobs_are_refused(codec: Codec) -> None:
    data = sample(3) + b"end"
    packed = packed_with(codec, data)
    for damaged in (packed[: len(packed) // 2], packed[:-1], b""):
        with pytest.raises(FatError):
            decompress(codec, damaged, len(data), len(data))


def test_incompressible_and_empty_data_is_stored() -> None:
    noise = random.Random(5).randbytes(300)
    assert compress(noise) == (Codec.STORED, noise)
    assert compress(b"") == (Codec.STORED, b"")
    assert decompress(Codec.STORED, b"", 0, 0) == b""
