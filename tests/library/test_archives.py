"""Archives: the format itself, and what the tools of each system find in them."""

import struct
from pathlib import Path

import pytest

from mlrift.link.archive import MAGIC, Member, write_archive
from mlrift.targets import (
    CPUS,
    LINUX_X86_64,
    MACOS,
    WINDOWS_ARM64,
    WINDOWS_X86_64,
    Cpu,
    ObjectFormat,
    Target,
    target_for,
)
from tests.harness.compiler import run_mlrc
from tests.library.building import DEMO, build
from tests.objects.toolchains import command, flags_of, tool

MEMBERS = (
    Member("short.o", b"abc", ("first", "second")),
    Member("a_name_that_is_rather_long.o", b"0123456789", ("third",)),
    Member("a_name_that_is_rather_long.o", b"", ()),
)
TARGETS = (LINUX_X86_64, WINDOWS_X86_64, WINDOWS_ARM64, *[target_for(MACOS, row) for row in CPUS])


def read(archive: bytes) -> list[tuple[int, bytes, bytes]]:
    """Return offset, name and contents of each member as the headers say."""
    assert archive.startswith(MAGIC)
    rows, position = [], len(MAGIC)
    while position < len(archive):
        header = archive[position : position + 60]
        assert header[58:] == b"`\n" and position % 2 == 0
        size_bytes = int(header[48:58])
        rows.append((position, header[:16].rstrip(), archive[position + 60 :][:size_bytes]))
        position += 60 + size_bytes + size_bytes % 2
    return rows


@pytest.mark.parametrize("kind", [ObjectFormat.ELF, ObjectFormat.PE])
def test_gnu_archives_lead_from_a_symbol_to_its_member(kind: ObjectFormat) -> None:
    rows = read(write_archive(MEMBERS, kind))
    index = rows[0][2]
    (count,) = struct.unpack_from(">I", index)
    places = struct.unpack_from(f">{count}I", index, 4)
    names = index[4 + 4 * count :].split(b"\0")[:count]
    found = {place: contents for place, _, contents in rows}
    assert {name: found[place] for name, place in zip(names, places, strict=True)} == {
        b"first": b"abc",
        b"second": b"abc",
        b"third": b"0123456789",
    }
    assert [name for _, name, _ in rows[-3:]] == [b"short.o/", b"/0", b"/0"]
    assert rows[-4][1:] == (b"//", b"a_name_that_is_rather_long.o/\n")


def test_coff_archives_have_a_sorted_index_too() -> None:
    rows = read(write_archive(MEMBERS, ObjectFormat.PE))
    assert [name for _, name, _ in rows[:3]] == [b"/", b"/", b"//"]
    index = rows[1][2]
    assert struct.unpack_from("<I3I", index) == (3, *[place for place, _, _ in rows[3:]])
    assert struct.unpack_from("<I3H", index, 16) == (3, 1, 1, 2)
    assert index[26:] == b"first\0second\0third\0"


def test_bsd_archives_align_what_is_in_them() -> None:
    data = write_archive(MEMBERS, ObjectFormat.MACHO)
    rows = read(data)
    index = rows[0][2].partition(b"__.SYMDEF\0")[2].lstrip(b"\0")
    names = {b"first": 0, b"second": 7, b"third": 15}
    assert struct.unpack_from("<I", index) == (24,)
    for number, (name, place) in enumerate(names.items()):
        text, member = struct.unpack_from("<II", index, 4 + 8 * number)
        assert text == place and data[member : member + 3] == b"#1/"
        expected = b"0123456789" if name == b"third" else b"abc"
        stored = int(data[member + 3 : member + 16])
        assert (member + 60 + stored) % 8 == 0
        assert data[member + 60 + stored :].startswith(expected)


@pytest.mark.parametrize("target", TARGETS, ids=lambda row: row.name)
def test_llvm_finds_the_symbols_of_every_archive(tmp_path: Path, target: Target) -> None:
    library = build(tmp_path, DEMO, target, "libdemo.a")
    prefix = "_" if target.system is MACOS else ""
    names = command([tool("llvm-nm", "llvm-nm-19", "llvm-nm-14"), "--print-armap", library])
    for name in ("add", "counter", "heap"):
        assert f"{prefix}{name} in text.o" in names or f"{prefix}{name} in demo.o" in names
        assert f" {prefix}{name}\n" in names
    assert "not_part" not in names


def test_gnu_tools_find_them_too(tmp_path: Path) -> None:
    for target in (LINUX_X86_64, WINDOWS_X86_64):
        library = build(tmp_path, DEMO, target, "libdemo.a")
        assert "add in demo.o" in command([tool("nm"), "-s", library])


@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
def test_lld_for_macos_takes_archives(tmp_path: Path, cpu: Cpu) -> None:
    linker = tool("ld64.lld", "ld64.lld-19")
    library = build(tmp_path, DEMO, target_for(MACOS, cpu), "libdemo.a")
    (tmp_path / "libSystem.tbd").write_text(
        "--- !tapi-tbd\ntbd-version: 4\ntargets: [ x86_64-macos, arm64-macos ]\n"
        "install-name: '/usr/lib/libSystem.B.dylib'\n...\n",
        encoding="utf-8",
    )
    start = tmp_path / "start.mlr"
    start.write_text("extern fn add(i32 a, i8 b) -> i32\nfn main() -> u64 { return add(1, 2) }\n")
    made = tmp_path / "start.o"
    words = ["-c", *flags_of(target_for(MACOS, cpu)), str(start), "-o", str(made)]
    assert run_mlrc(words)[0] == 0
    flags = ["-arch", cpu.name, "-platform_version", "macos", "13.0", "13.0", "-e", "_main"]
    flags += ["-undefined", "dynamic_lookup"]
    libraries: list[str | Path] = [library, f"-L{tmp_path}", "-lSystem", "-o", tmp_path / "program"]
    command([linker, *flags, made, *libraries])
