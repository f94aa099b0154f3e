"""What the dynamic linker is told by libraries and by programs that call C, and what tools say."""

import re
import struct
from pathlib import Path

import lief
import pytest
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.hash import ELFHashSection, GNUHashSection
from elftools.elf.sections import StringTableSection, Symbol, SymbolTableSection

from mlrift.targets import (
    ANDROID_ARM64,
    ANDROID_X86_64,
    LINUX_ARM64,
    LINUX_X86_64,
    Target,
)
from tests.extern.programs import STREAMS, compile_for
from tests.library.building import DEMO, build, build_text
from tests.objects.toolchains import command, host_gcc, run, tool

TARGETS = (LINUX_X86_64, LINUX_ARM64, ANDROID_X86_64, ANDROID_ARM64)
VARIABLES = ["counter", "pair", "ratio", "table"]
FUNCTIONS = ["add", "divide", "fill", "heap", "hello", "is_odd", "move_point", "nine", "outer"]
NAMES = sorted([*VARIABLES, *FUNCTIONS, "sum", "tick"])


@pytest.fixture(params=TARGETS, ids=lambda row: row.name)
def target(request: pytest.FixtureRequest) -> Target:
    made: Target = request.param
    return made


def segments(elf: ELFFile, kind: str) -> list[dict[str, int]]:
    return [dict(row.header) for row in elf.iter_segments(kind)]


def tags(elf: ELFFile) -> dict[str, int]:
    section = elf.get_section_by_name(".dynamic")
    assert isinstance(section, DynamicSection)
    return {row.entry.d_tag: row.entry.d_val for row in section.iter_tags()}


def name_of(symbol: Symbol | None) -> str:
    return "" if symbol is None else str(symbol.name)


def test_a_library_exports_what_is_marked_and_nothing_else(tmp_path: Path, target: Target) -> None:
    library = build(tmp_path, DEMO, target, "libdemo.so")
    with library.open("rb") as file:
        symbols = ELFFile(file).get_section_by_name(".dynsym")
        assert isinstance(symbols, SymbolTableSection)
        rows = {row.name: row.entry for row in symbols.iter_symbols() if row.name}
    assert sorted(rows) == NAMES
    assert all(row.st_info.bind == "STB_GLOBAL" and row.st_size for row in rows.values())
    kinds = {name: row.st_info.type for name, row in rows.items()}
    assert (kinds["add"], kinds["counter"]) == ("STT_FUNC", "STT_OBJECT")


def test_both_hash_tables_find_every_symbol(tmp_path: Path, target: Target) -> None:
    library = build(tmp_path, DEMO, target, "libdemo.so")
    with library.open("rb") as file:
        elf = ELFFile(file)
        for name, kind in ((".hash", ELFHashSection), (".gnu.hash", GNUHashSection)):
            table = elf.get_section_by_name(name)
            assert isinstance(table, kind)
            assert all(name_of(table.get_symbol(row)) == row for row in NAMES)
            assert table.get_symbol("not_there") is None
            assert table.get_number_of_symbols() == len(NAMES) + 1


def test_gnu_hash_finds_each_of_many_symbols(tmp_path: Path) -> None:
    names = [f"function_number_{index}" for index in range(300)]
    text = "\n".join(f"@export fn {name}() -> u64 {{ return {len(name)} }}" for name in names)
    library = build_text(tmp_path, text, LINUX_X86_64, "libdemo.so")
    with library.open("rb") as file:
        table = ELFFile(file).get_section_by_name(".gnu.hash")
        assert isinstance(table, GNUHashSection)
        assert all(name_of(table.get_symbol(row)) == row for row in names)


def test_slots_are_read_only_once_they_are_bound(tmp_path: Path, target: Target) -> None:
    library = build(tmp_path, DEMO, target, "libdemo.so")
    program = compile_for(tmp_path, STREAMS, target)
    for path in (library, program):
        with path.open("rb") as file:
            elf = ELFFile(file)
            (frozen,) = segments(elf, "PT_GNU_RELRO")
            loads = segments(elf, "PT_LOAD")
            (dynamic,) = segments(elf, "PT_DYNAMIC")
            got = elf.get_section_by_name(".got")
            assert got is not None
            slots = got.header
        end = frozen["p_vaddr"] + frozen["p_memsz"]
        assert frozen["p_vaddr"] <= slots["sh_addr"] < slots["sh_addr"] + slots["sh_size"] <= end
        assert frozen["p_vaddr"] <= dynamic["p_vaddr"] < end
        page_bytes = loads[0]["p_align"]
        assert end % page_bytes == 0
        (holder,) = [row for row in loads if row["p_vaddr"] == frozen["p_vaddr"]]
        assert holder["p_memsz"] == frozen["p_memsz"]
        assert all(row["p_flags"] & 3 != 3 for row in loads)


def test_a_library_has_a_name_and_a_program_a_place_for_debuggers(
    tmp_path: Path, target: Target
) -> None:
    library = build(tmp_path, DEMO, target, "libdemo.so.2")
    with library.open("rb") as file:
        elf = ELFFile(file)
        strings = elf.get_section_by_name(".dynstr")
        assert isinstance(strings, StringTableSection)
        found = tags(elf)
        assert strings.get_string(found["DT_SONAME"]) == "libdemo.so.2"
        assert "DT_DEBUG" not in found and not segments(elf, "PT_INTERP")
    with compile_for(tmp_path, STREAMS, target).open("rb") as file:
        found = tags(ELFFile(file))
    assert found["DT_DEBUG"] == 0 and "DT_SONAME" not in found


@pytest.mark.parametrize("reader", ["readelf", "llvm-readelf"])
def test_readers_have_nothing_to_complain_about(
    tmp_path: Path, target: Target, reader: str
) -> None:
    library = build(tmp_path, DEMO, target, "libdemo.so", "-g")
    program = compile_for(tmp_path, STREAMS, target)
    for path in (library, program):
        text = command([tool(reader, f"{reader}-19", f"{reader}-14"), "-aW", path])
        assert not re.search("warning|error|<corrupt", text, re.IGNORECASE), text


def test_lief_finds_what_is_in_it(tmp_path: Path, target: Target) -> None:
    library = build(tmp_path, DEMO, target, "libdemo.so")
    parsed = lief.ELF.parse(str(library))
    assert parsed is not None
    assert sorted(str(row.name) for row in parsed.exported_symbols) == NAMES
    assert parsed.has_nx
    assert parsed.get(lief.ELF.Segment.TYPE.GNU_RELRO) is not None


def test_the_tools_of_c_programmers_work(tmp_path: Path) -> None:
    library = build(tmp_path, DEMO, LINUX_X86_64, "libdemo.so", "-g")
    host_gcc()
    assert " T add\n" in command([tool("nm"), "-D", library])
    assert "not a dynamic executable" not in command(["ldd", library])
    stripped = tmp_path / "stripped.so"
    command([tool("strip"), library, "-o", stripped])
    names = command([tool("readelf"), "-SW", stripped])
    assert ".mlrift.interface" in names and ".symtab" not in names


def test_gdb_sees_libraries_of_a_program_and_its_own_lines(tmp_path: Path) -> None:
    """DT_DEBUG leads to the list of loaded libraries; without it, gdb knows of none."""
    program = compile_for(tmp_path, STREAMS, LINUX_X86_64, "-g", "-O0")
    words = [tool("gdb"), "-batch", "-nx", "-ex", "break compare", "-ex", "run"]
    words += ["-ex", "info sharedlibrary", "-ex", "backtrace", str(program)]
    text = run(*words).output
    assert "libc.so.6" in text and "compare" in text and "program.mlr" in text


def test_a_library_that_binds_versions_says_so(tmp_path: Path) -> None:
    text = """
    extern fn realpath(u64 path, u64 result) -> u64
    @export fn resolve(u64 path, u64 result) -> u64 { return realpath(path, result) }
    """
    library = build_text(tmp_path, text, LINUX_X86_64, "libdemo.so")
    listing = command([tool("readelf"), "-VW", library])
    assert "GLIBC_2.3" in listing and "libc.so.6" in listing
    symbols = command([tool("readelf"), "--dyn-syms", "-W", library])
    assert "realpath@GLIBC_2.3" in symbols and re.search(r"\d resolve$", symbols, re.MULTILINE)


def test_the_same_library_has_the_same_bytes(tmp_path: Path) -> None:
    first = build(tmp_path, DEMO, LINUX_X86_64, "libdemo.so").read_bytes()
    (tmp_path / "other").mkdir()
    assert build(tmp_path / "other", DEMO, LINUX_X86_64, "libdemo.so").read_bytes() == first
    assert struct.unpack_from("<H", first, 16) == (3,)
