"""Version 3 byte by byte, as docs/container.md describes it."""

import hashlib
import lzma
import struct

import pytest

from mlrift.container.fat import (
    Extra,
    ExtraKind,
    FatError,
    Slice,
    build_note,
    read_fat,
    write_fat,
)
from mlrift.targets import LINUX_ARM64, LINUX_X86_64, TARGETS, WINDOWS_X86_64
from tests.container.samples import make_slices

HEADER = struct.Struct("<8sIIIIQ16s")
ENTRY = struct.Struct("<HHIIIQQ32s")
BLOB = struct.Struct("<IIQQ")
EXTRAS = [
    Extra(ExtraKind.LICENCE, "std", b"do what you like\n" * 20),
    Extra(ExtraKind.DEVICE_CODE, "gfx1100", b"\x7fELF" + bytes(400)),
    Extra(ExtraKind.DEVICE_CODE, "gfx1030", b"\x7fELF" + bytes(300)),
    build_note("1.1.0", ["-O2"]),
]


def resealed(data: bytes) -> bytes:
    """Return `data` with the length and the digest of its tables made right again."""
    entries, blobs, names = HEADER.unpack_from(data)[2:5]
    data = data[:24] + struct.pack("<Q", len(data)) + bytes(16) + data[48:]
    tables = data[: 48 + 64 * entries + 24 * blobs + names]
    return data[:32] + hashlib.sha256(tables).digest()[:16] + data[48:]


def test_layout_of_a_full_file() -> None:
    slices = make_slices(1, 3000)
    data = write_fat(slices)
    magic, version, entries, blobs, names, file_bytes, digest = HEADER.unpack_from(data)
    assert (magic, version, entries, blobs, names) == (b"MLRBOFAT", 3, 8, 2, 0)
    assert file_bytes == len(data)
    assert data == resealed(data) and digest != bytes(16)
    offset = 48 + 64 * 8 + 24 * 2
    windows = []
    for index in range(2):
        codec, reserved, packed, size = BLOB.unpack_from(data, 48 + 64 * 8 + 24 * index)
        assert (codec, reserved) == (3, 0)
        row = {"id": lzma.FILTER_LZMA2, "dict_size": max(4096, size)}
        windows.append(
            lzma.decompress(data[offset : offset + packed], lzma.FORMAT_RAW, filters=[row])
        )
        assert len(windows[-1]) == size
        offset += packed
    assert offset == len(data)
    images = {part.target.slice_id: part.image for part in slices}
    for index, slice_id in enumerate(range(1, 9)):
        row3 = ENTRY.unpack_from(data, 48 + 64 * index)
        kind, name_bytes, found_id, blob, name_start, start, size, content = row3
        assert (kind, name_bytes, found_id, name_start) == (1, 0, slice_id, 0)
        assert windows[blob][start : start + size] == images[slice_id]
        assert content == hashlib.sha256(images[slice_id]).digest()
    starts = [ENTRY.unpack_from(data, 48 + 64 * (i - 1))[5] for i in (1, 8, 5, 3)]
    assert starts == sorted(starts) and starts[0] == 0  # linux, android, macos, windows


def test_round_trip_with_extras() -> None:
    slices = make_slices(2, 4000)
    fat = read_fat(write_fat(slices, EXTRAS))
    assert fat.version == 3
    for part in slices:
        assert fat.slice(part.target.slice_id) == part.image
    found = {(row.kind, row.name): fat.extra(row) for row in fat.extras}
    assert found == {(row.kind, row.name): row.data for row in EXTRAS}
    fat.verify()
    assert fat.find(1) is not None and fat.find(9) is None
    with pytest.raises(FatError, match="no slice with id 9"):
        fat.slice(9)


def test_order_of_parts_does_not_matter() -> None:
    slices = make_slices(3, 2000)
    expected = write_fat(slices, EXTRAS)
    assert write_fat(slices[::-1], EXTRAS[::-1]) == expected


def test_bytes_depend_on_the_input_alone() -> None:
    """Fails where a library compresses differently: then docs/container.md must say so."""
    image = b"".join(struct.pack("<I", value * value % 9973) for value in range(4000))
    for repeats, expected in ((1, "022a26b09a8f2a78"), (20, "14e9c40ea828e3ca")):
        data = write_fat([Slice(row, image * repeats + row.name.encode()) for row in TARGETS])
        assert hashlib.sha256(data).hexdigest()[:16] == expected


def test_slices_of_a_cpu_share_their_code() -> None:
    slices = make_slices(5, 20_000)
    alone = len(write_fat([part for part in slices if part.target is LINUX_X86_64]))
    four = len(write_fat([part for part in slices if part.target.cpu is LINUX_X86_64.cpu]))
    assert four < 1.2 * alone


def test_eight_small_slices_take_little_room() -> None:
    assert len(write_fat(make_slices(6, 800))) < 6000


@pytest.mark.parametrize(
    ("slices", "extras", "words"),
    [
        ([], [], "at least one slice"),
        ([Slice(LINUX_X86_64, b"")], [], "empty"),
        ([Slice(LINUX_X86_64, b"a"), Slice(LINUX_X86_64, b"b")], [], "two slices"),
        ([Slice(LINUX_X86_64, b"a")], [EXTRAS[0], EXTRAS[0]], "two entries"),
        ([Slice(LINUX_X86_64, b"a")], [Extra(ExtraKind.LICENCE, "a\n", b"")], "not a name"),
        ([Slice(LINUX_X86_64, b"a")], [Extra(ExtraKind.LICENCE, "", b"")], "not a name"),
    ],
)
def test_impossible_parts_are_refused(slices: list[Slice], extras: list[Extra], words: str) -> None:
    with pytest.raises(FatError, match=words):
        write_fat(slices, extras)


def small() -> bytes:
    parts = [Slice(LINUX_X86_64, b"a" * 90), Slice(WINDOWS_X86_64, b"b" * 80)]
    return write_fat([*parts, Slice(LINUX_ARM64, b"c" * 70)], [EXTRAS[0]])


def with_entry(entry: int, field: int, value: int | bytes) -> bytes:
    data = small()
    row = list(ENTRY.unpack_from(data, 48 + 64 * entry))
    row[field] = value
    return resealed(data[: 48 + 64 * entry] + ENTRY.pack(*row) + data[112 + 64 * entry :])


@pytest.mark.parametrize(
    ("entry", "field", "value", "words"),
    [
        (0, 0, 9, "9 is not a valid ExtraKind"),
        (0, 1, 1, "has a name"),
        (0, 2, 3, "same slice id"),
        (0, 3, 77, "names blob 77 of 3"),
        (0, 5, 80, "overlaps"),
        (0, 5, 81, "in a blob of"),
        (0, 5, 2**63, "in a blob of"),
        (0, 6, 0, "empty"),
        (0, 6, 100, "overlaps"),
        (3, 1, 200, "damaged name"),
        (3, 2, 1, "damaged name"),
        (3, 4, 2**31, "damaged name"),
    ],
)
def test_impossible_entries_are_refused(entry: int, field: int, value: int, words: str) -> None:
    with pytest.raises(FatError, match=words):
        read_fat(with_entry(entry, field, value))


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        (0, 99, "unknown codec 99"),
        (1, 1, "reserved"),
        (2, 2**40, "the file at"),
        (2, 1, "after the last blob"),
        (3, 2**40, "the limit"),
    ],
)
def test_impossible_blobs_are_refused(field: int, value: int, words: str) -> None:
    data = small()
    at = 48 + 64 * 4 + 24 * 2
    row = list(BLOB.unpack_from(data, at))
    row[field] = value
    with pytest.raises(FatError, match=words):
        read_fat(resealed(data[:at] + BLOB.pack(*row) + data[at + 24 :]))


def test_a_changed_image_fails_its_content_hash() -> None:
    fat = read_fat(with_entry(0, 7, bytes(32)))
    assert fat.slice(3) == b"b" * 80 or fat.slice(2) == b"c" * 70
    with pytest.raises(FatError, match="slice 1 does not match its content hash"):
        fat.slice(1)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not a fat file"),
        (b"\x7fELF", "not a fat file"),
        (b"MLRBOFAT", "inside its header"),
        (b"MLRBOFAT\x09\0\0\0", "version 9"),
        (b"MLRBOFAT\x02\0\0\0", "0 entries"),
        (b"MLRBOFAT\x02\0\0\0" + bytes(4), "0 entries"),
        (b"MLRBOFAT\x02\0\0\0\x09\0\0\0", "inside its table"),
        (b"MLRBOFAT\x02\0\0\0\xff\xff\xff\xff", "4294967295 entries"),
        (b"MLRBOFAT\x03\0\0\0" + bytes(36), "0 entries"),
        (b"MLRBOFAT\x03\0\0\0", "inside its header"),
        (small()[:-1], "its header says"),
        (small() + b"x", "its header says"),
    ],
)
def test_damaged_headers_are_refused(data: bytes, words: str) -> None:
    with pytest.raises(FatError, match=words):
        read_fat(data)


def test_a_bit_flipped_in_the_tables_is_noticed() -> None:
    data = bytearray(small())
    data[48 + 4] ^= 8  # the slice id: nothing else would contradict it
    with pytest.raises(FatError, match="digest"):
        read_fat(bytes(data))
