"""Version 2 byte by byte, as cli.md 6 describes the files of MLRift 1.1."""

import struct

import pytest

from mlrift.container import lz4_wide
from mlrift.container.fat import FatError, Slice, read_fat, write_fat_version2
from mlrift.container.filters import apply_filter
from mlrift.targets import LINUX_ARM64, LINUX_X86_64, TARGETS, WINDOWS_X86_64
from tests.container.samples import make_slices

ENTRY = struct.Struct("<IIQQQQQ")


def entries_of(data: bytes) -> list[tuple[int, ...]]:
    count = struct.unpack_from("<I", data, 12)[0]
    return [ENTRY.unpack_from(data, 16 + 48 * index) for index in range(count)]


def test_full_file_pairs_slices() -> None:
    slices = make_slices(1, 3000)
    data = write_fat_version2(slices)
    assert data[:16] == b"MLRBOFAT" + struct.pack("<II", 2, 8)
    rows = {row[0]: row for row in entries_of(data)}
    assert list(rows) == [1, 2, 3, 4, 5, 6, 7, 8]
    offset = 16 + 48 * 8
    assert offset % 16 == 0
    images = {part.target.slice_id: part for part in slices}
    for pair in ((1, 5), (3, 8), (2, 7), (4, 6)):
        packed = rows[pair[0]][3]
        filtered = [apply_filter(images[i].target.cpu.branch_filter, images[i].image) for i in pair]
        sizes = [len(part) for part in filtered]
        starts = (0, sizes[0])
        for slice_id, size, start in zip(pair, sizes, starts, strict=True):
            assert rows[slice_id] == (slice_id, 1, offset, packed, size, start, sum(sizes))
        blob = data[offset : offset + packed]
        raw = lz4_wide.decompress_frame(blob, sum(sizes), sum(sizes))
        assert raw == b"".join(filtered)
        offset += packed
    assert offset == len(data)


def test_subset_has_a_blob_per_slice_in_id_order() -> None:
    slices = [part for part in make_slices(2, 900) if part.target.slice_id in (7, 3, 2)]
    data = write_fat_version2(slices)
    rows = entries_of(data)
    assert [row[0] for row in rows] == [2, 3, 7]
    offset = 16 + 48 * 3
    for _, _, blob_offset, packed, size, start, blob_size in rows:
        assert (blob_offset, start, blob_size) == (offset, 0, size)
        offset += packed
    assert offset == len(data)


@pytest.mark.parametrize("ids", [(1,), (4, 8), (1, 2, 3, 4, 5, 6, 7), (1, 2, 3, 4, 5, 6, 7, 8)])
def test_round_trip(ids: tuple[int, ...]) -> None:
    slices = [part for part in make_slices(3, 5000) if part.target.slice_id in ids]
    fat = read_fat(write_fat_version2(slices))
    assert fat.version == 2 and len(fat.entries) == len(ids) and fat.extras == ()
    for part in slices:
        assert fat.slice(part.target.slice_id) == part.image
    fat.verify()


def test_short_slices_round_trip() -> None:
    for size in range(1, 20):
        image = b"\xe8\x01\x02\x03\x04\x05" * 4
        parts = [Slice(target, image[:size]) for target in TARGETS]
        fat = read_fat(write_fat_version2(parts))
        assert all(fat.slice(target.slice_id) == image[:size] for target in TARGETS)


def test_zero_in_the_last_field_means_a_blob_of_one_slice() -> None:
    data = bytearray(write_fat_version2([Slice(LINUX_ARM64, b"x" * 50)]))
    data[16 + 40 : 16 + 48] = bytes(8)
    assert read_fat(bytes(data)).slice(2) == b"x" * 50


def with_field(data: bytes, entry: int, field: int, value: int) -> bytes:
    rows = entries_of(data)
    row = list(rows[entry])
    row[field] = value
    at = 16 + 48 * entry
    return data[:at] + ENTRY.pack(*row) + data[at + 48 :]


@pytest.mark.parametrize(
    ("entry", "field", "value", "words"),
    [
        (0, 1, 9, "unknown compression 9"),
        (1, 0, 1, "two slices with id 1"),
        (0, 2, 4, "overlaps"),
        (0, 2, 2**63, "the file at"),
        (0, 3, 2**40, "the file at"),
        (0, 4, 0, "empty"),
        (0, 4, 2**50, "in a blob of"),
        (0, 5, 1, "in a blob of"),
        (0, 6, 2**40, "the limit"),
    ],
)
def test_impossible_tables_are_refused(entry: int, field: int, value: int, words: str) -> None:
    parts = [Slice(LINUX_X86_64, b"a" * 90), Slice(WINDOWS_X86_64, b"b" * 90)]
    with pytest.raises(FatError, match=words):
        read_fat(with_field(write_fat_version2(parts), entry, field, value))


def test_shared_blob_must_agree_and_not_overlap() -> None:
    data = write_fat_version2(make_slices(4, 500))
    with pytest.raises(FatError, match="disagrees"):
        read_fat(with_field(data, 4, 6, 7))
    with pytest.raises(FatError, match="overlaps"):
        read_fat(with_field(data, 4, 5, 3))


def test_slice_of_an_unknown_id_is_listed_but_not_decoded() -> None:
    data = with_field(write_fat_version2([Slice(LINUX_X86_64, b"abc" * 9)]), 0, 0, 77)
    fat = read_fat(data)
    assert fat.entries[0].slice_id == 77
    with pytest.raises(FatError, match="no known target"):
        fat.slice(77)
