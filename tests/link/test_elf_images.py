"""Linux and Android executables as files: segments, sizes, tables, debug information."""

import io
import os
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from elftools.elf.elffile import ELFFile

from mlrift.link.image import DataProtection, DebugInfo, LinkError, LinkOptions, link
from mlrift.link.objects import Relocation, SectionKind
from mlrift.targets import (
    ANDROID_ARM64,
    ANDROID_X86_64,
    LINUX_ARM64,
    LINUX_X86_64,
    X86_64,
    Target,
)
from mlrift.values import replace
from tests.link.objects_by_hand import X86_POINTER, X86_RELATIVE, section, unit
from tests.link.programs import (
    EXPECTED_OUTPUT,
    EXPECTED_STATUS,
    HELLO,
    PROGRAM,
    link_program,
    program_objects,
    program_options,
)
from tests.support.bionic import check_android_image

LINUX_TARGETS = (LINUX_X86_64, LINUX_ARM64)
ANDROID_TARGETS = (ANDROID_X86_64, ANDROID_ARM64)
ELF_TARGETS = LINUX_TARGETS + ANDROID_TARGETS
HELLO_LIMIT_BYTES = {LINUX_X86_64: 400, LINUX_ARM64: 400, ANDROID_X86_64: 1400, ANDROID_ARM64: 1400}

DEBUG_PROGRAM = """
define hidden i64 @program(i64 %start) nounwind !dbg !4 {
  %product = mul i64 %start, 3, !dbg !7
  ret i64 42, !dbg !8
}
!llvm.dbg.cu = !{!0}
!llvm.module.flags = !{!2, !3}
!0 = distinct !DICompileUnit(
  language: DW_LANG_C99, file: !1, producer: "test", emissionKind: FullDebug)
!1 = !DIFile(filename: "seven.mlr", directory: "src")
!2 = !{i32 2, !"Debug Info Version", i32 3}
!3 = !{i32 7, !"Dwarf Version", i32 4}
!4 = distinct !DISubprogram(
  name: "program", file: !1, line: 1, type: !5, unit: !0, spFlags: DISPFlagDefinition)
!5 = !DISubroutineType(types: !6)
!6 = !{null}
!7 = !DILocation(line: 2, column: 3, scope: !4)
!8 = !DILocation(line: 3, column: 3, scope: !4)
"""

by_name = pytest.mark.parametrize("target", ELF_TARGETS, ids=lambda target: target.name)


def parse(image: bytes) -> Any:
    return ELFFile(io.BytesIO(image))


def loads(image: bytes) -> list[Any]:
    return [row.header for row in parse(image).iter_segments() if row["p_type"] == "PT_LOAD"]


@by_name
@pytest.mark.parametrize("debug", DebugInfo)
def test_segments_are_congruent_disjoint_and_never_writable_and_executable(
    target: Target, debug: DebugInfo
) -> None:
    image = link_program(target, debug=debug)
    previous_end = 0
    for row in loads(image):
        assert row.p_offset % row.p_align == row.p_vaddr % row.p_align
        assert row.p_flags & 3 != 3
        assert row.p_vaddr & -row.p_align >= previous_end
        assert row.p_offset + row.p_filesz <= len(image)
        previous_end = row.p_vaddr + row.p_memsz
    stack = [row for row in parse(image).iter_segments() if row["p_type"] == "PT_GNU_STACK"]
    assert stack[0]["p_flags"] == 6


@by_name
def test_hello_is_small(target: Target) -> None:
    assert len(link_program(target, HELLO)) <= HELLO_LIMIT_BYTES[target]


@pytest.mark.parametrize("target", LINUX_TARGETS, ids=lambda target: target.name)
def test_linux_is_a_dense_static_file_without_sections(target: Target) -> None:
    image = link_program(target)
    parsed = parse(image)
    assert parsed["e_type"] == "ET_EXEC"
    assert parsed.num_sections() == 0
    assert {row["p_type"] for row in parsed.iter_segments()} == {"PT_LOAD", "PT_GNU_STACK"}
    last = loads(image)[-1]
    assert last.p_offset + last.p_filesz == len(image)
    assert loads(image)[0].p_align == target.cpu.elf_page_bytes


def test_a_program_without_data_has_one_segment() -> None:
    start = unit("a.o", [section("t")], {"start": 0})
    rows = loads(link([start], LINUX_X86_64, LinkOptions(entry="start")))
    assert [row.p_flags for row in rows] == [5]


def test_zeroed_data_alone_starts_on_a_page_and_takes_no_file_space() -> None:
    zeroed = section("z", SectionKind.ZERO, b"")
    zeroed.size_bytes = 100
    start = unit("a.o", [section("t"), zeroed], {"start": 0, "z": 1})
    for target in (LINUX_X86_64, ANDROID_X86_64):
        options = LinkOptions(entry="start", keep=("z",))
        row = loads(link([start], target, options))[-1]
        assert (row.p_filesz, row.p_memsz) == (0, 100)
        assert row.p_vaddr % row.p_align == 0


def test_large_constants_are_not_executable() -> None:
    big = section("c", SectionKind.CONSTANT, bytes(5000))
    start = unit("a.o", [section("t"), big], {"start": 0, "c": 1})
    for target in (LINUX_X86_64, ANDROID_X86_64):
        rows = loads(link([start], target, LinkOptions(entry="start", keep=("c",))))
        assert [row.p_flags for row in rows] == [5, 4]


def test_executable_data_is_an_option_of_linux_and_refused_on_android() -> None:
    options = replace(
        program_options(LINUX_X86_64), data_protection=DataProtection.READ_WRITE_EXECUTE
    )
    image = link(program_objects(LINUX_X86_64), LINUX_X86_64, options)
    assert [row.p_flags for row in loads(image)] == [5, 7]
    with pytest.raises(LinkError, match="--exec-data"):
        link(program_objects(ANDROID_X86_64), ANDROID_X86_64, options)


@pytest.mark.parametrize("target", ANDROID_TARGETS, ids=lambda target: target.name)
@pytest.mark.parametrize("text", [HELLO, PROGRAM])
@pytest.mark.parametrize("debug", DebugInfo)
def test_android_rules_hold(target: Target, text: str, debug: DebugInfo) -> None:
    check_android_image(link_program(target, text, debug), target.cpu)


@pytest.mark.parametrize("target", ANDROID_TARGETS, ids=lambda target: target.name)
def test_android_relocations_name_every_pointer(target: Target) -> None:
    image = link_program(target)
    parsed = parse(image)
    rela = parsed.get_section_by_name(".rela.dyn")
    relative = 8 if target.cpu is X86_64 else 1027
    places = [row["r_offset"] for row in rela.iter_relocations()]
    assert len(places) == 4
    assert places == sorted(places)
    table = parsed.get_section_by_name(".data.rel.ro")
    start = table["sh_addr"]
    assert set(places) == set(range(start, start + table["sh_size"], 8))
    for row in rela.iter_relocations():
        assert row["r_info"] == relative
        at = row["r_offset"] - start
        assert int.from_bytes(table.data()[at : at + 8], "little") == row["r_addend"]


def test_android_refuses_pointers_in_code() -> None:
    pointer = Relocation(0, X86_POINTER, "start", 0)
    start = unit("a.o", [section("t", relocations=(pointer,))], {"start": 0})
    with pytest.raises(LinkError, match="absolute pointer cannot lie in code"):
        link([start], ANDROID_X86_64, LinkOptions(entry="start"))
    link([start], LINUX_X86_64, LinkOptions(entry="start"))


def test_constants_with_pointers_become_relocated_constants() -> None:
    pointer = Relocation(0, X86_POINTER, "start", 0)
    table = section("c", SectionKind.CONSTANT, bytes(8), (pointer,))
    start = unit("a.o", [section("t"), table], {"start": 0, "c": 1})
    image = link([start], ANDROID_X86_64, LinkOptions(entry="start", keep=("c",)))
    assert [row.p_flags for row in loads(image)] == [5, 6]


@by_name
def test_kept_debug_information_has_functions_and_line_numbers(target: Target) -> None:
    image = link_program(target, DEBUG_PROGRAM, DebugInfo.KEEP)
    parsed = parse(image)
    symbols = {row.name: row for row in parsed.get_section_by_name(".symtab").iter_symbols()}
    assert {"os_start", "program", "kernel_start"} <= set(symbols)
    program = symbols["program"]["st_value"]
    dwarf = parsed.get_dwarf_info()
    (compile_unit,) = dwarf.iter_CUs()
    (subprogram,) = compile_unit.get_top_DIE().iter_children()
    assert subprogram.attributes["DW_AT_name"].value == b"program"
    assert subprogram.attributes["DW_AT_low_pc"].value == program
    lines = dwarf.line_program_for_CU(compile_unit).get_entries()
    found = Counter(row.state.line for row in lines if row.state)
    assert found[3]
    assert b"seven.mlr" in image
    assert b"seven.mlr" not in link_program(target, DEBUG_PROGRAM)


def test_linker_defined_symbols_bound_the_image() -> None:
    names = ("__image_base", "__bss_start", "__image_end", "__rela_start", "__rela_end")
    rows = tuple(Relocation(8 * at, X86_POINTER, name, 0) for at, name in enumerate(names))
    table = section("d", SectionKind.DATA, bytes(40), rows)
    zeroed = section("z", SectionKind.ZERO, b"")
    zeroed.size_bytes = 64
    start = unit("a.o", [section("t"), table, zeroed], {"start": 0, "d": 1, "z": 2})
    image = link([start], LINUX_X86_64, LinkOptions(entry="start", keep=("d", "z")))
    data = loads(image)[1]
    words = [
        int.from_bytes(image[data.p_offset + 8 * at : data.p_offset + 8 * at + 8], "little")
        for at in range(5)
    ]
    end = data.p_vaddr + data.p_memsz
    assert words == [0x400000, end - 64, end, 0x400000, 0x400000]


@pytest.mark.parametrize("kind", [SectionKind.CONSTANT, SectionKind.DATA, SectionKind.ZERO])
def test_an_empty_section_still_has_an_address_inside_the_image(kind: SectionKind) -> None:
    distance = Relocation(4, X86_RELATIVE, "e", 0)
    parts = [section("t", relocations=(distance,)), section("e", kind, b"")]
    start = unit("a.o", parts, {"start": 0, "e": 1})
    image = link([start], LINUX_X86_64, LinkOptions(entry="start", debug=DebugInfo.KEEP))
    symbols = parse(image).get_section_by_name(".symtab").iter_symbols()
    (address,) = [row["st_value"] for row in symbols if row.name == "e"]
    assert any(row.p_vaddr <= address < row.p_vaddr + row.p_memsz for row in loads(image))


def test_linux_runs_natively_without_any_engine(tmp_path: Path) -> None:
    if os.uname().machine != LINUX_X86_64.cpu.name or os.uname().sysname != "Linux":
        pytest.skip("needs Linux on x86_64")
    path = tmp_path / "program"
    path.write_bytes(link_program(LINUX_X86_64))
    path.chmod(0o755)
    result = subprocess.run([path], capture_output=True, timeout=20, check=False)
    assert (result.stdout, result.returncode) == (EXPECTED_OUTPUT, EXPECTED_STATUS)
