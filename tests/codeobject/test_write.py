"""Written code objects, as pyelftools, llvm-readelf, llvm-objdump and llvm-dwarfdump see them."""

import io
from pathlib import Path

import msgpack
import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.hash import ELFHashSection
from elftools.elf.sections import NoteSection, SymbolTableSection

from mlrift.backends.amdgcn.chips import CHIPS, Chip, chip_named
from mlrift.backends.amdgcn.codeobject import elf
from mlrift.backends.amdgcn.codeobject.model import CodeObject
from mlrift.backends.amdgcn.codeobject.read import read
from mlrift.backends.amdgcn.codeobject.write import CODE_END, FETCH_AHEAD_BYTES, write
from mlrift.values import replace
from tests.codeobject.kernels import PLAIN, code_object
from tests.support.llvm_tools import run_llvm_tool

NAMES = ("first", "second", "third")


def chip(name: str) -> Chip:
    found = chip_named(name)
    assert found is not None
    return found


@pytest.mark.parametrize("row", CHIPS, ids=lambda row: row.name)
def test_what_is_written_is_read_back(row: Chip) -> None:
    made = code_object(row, *NAMES)
    loaded = read(write(made))
    assert loaded.code_object == made
    assert loaded.chip is row


@pytest.mark.parametrize("row", CHIPS, ids=lambda row: row.name)
def test_readelf_names_the_chip_and_finds_no_fault(row: Chip, tmp_path: Path) -> None:
    path = tmp_path / "made.co"
    path.write_bytes(write(code_object(row, *NAMES)))
    text = run_llvm_tool("llvm-readelf", "--all", str(path))
    assert f"Flags:                             {row.machine:#x}, {row.name}" in text
    assert "AMDGPU Metadata" in text
    assert f"amdhsa.target:   amdgcn-amd-amdhsa--{row.name}" in text
    for name in NAMES:
        assert f"PROTECTED   6 {name}\n" in text
        assert f"PROTECTED   5 {name}.kd\n" in text


@pytest.mark.parametrize("name", ["gfx1030", "gfx1100", "gfx1201"])
def test_objdump_shows_code_and_lines(name: str, tmp_path: Path) -> None:
    path = tmp_path / "made.co"
    path.write_bytes(write(code_object(chip(name), *NAMES)))
    text = run_llvm_tool("llvm-objdump", "-dl", str(path))
    for kernel in NAMES:
        assert f"<{kernel}>:" in text
        assert f"; {kernel}():" in text
    assert text.count("s_endpgm") == len(NAMES)
    assert "; a/first.mlr:3\n" in text
    assert "; b/second.mlr:40000\n" in text


def test_dwarf_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "made.co"
    path.write_bytes(write(code_object(chip("gfx1100"), *NAMES)))
    assert "No errors." in run_llvm_tool("llvm-dwarfdump", "--verify", str(path))
    assert 'DW_AT_name	("second")' in run_llvm_tool("llvm-dwarfdump", str(path))


def test_pyelftools_finds_kernels_by_both_hash_and_name() -> None:
    file = ELFFile(io.BytesIO(write(code_object(chip("gfx1100"), *NAMES))))
    assert file["e_machine"] == "EM_AMDGPU"
    assert file["e_ident"]["EI_ABIVERSION"] == 3
    symbols = file.get_section_by_name(".dynsym")
    table = file.get_section_by_name(".hash")
    assert isinstance(symbols, SymbolTableSection)
    assert isinstance(table, ELFHashSection)
    for name in NAMES:
        code, descriptor = table.get_symbol(name), table.get_symbol(f"{name}.kd")
        same = next(iter(symbols.get_symbol_by_name(name) or []), None)
        assert code is not None and descriptor is not None and same is not None
        assert code["st_info"]["type"] == "STT_FUNC"
        assert code["st_other"]["visibility"] == "STV_PROTECTED"
        assert code["st_value"] % 256 == 0
        assert descriptor["st_size"] == 64
        assert descriptor["st_value"] % 64 == 0
        assert same["st_value"] == code["st_value"]


def test_every_loaded_section_lies_in_a_segment_of_its_rights() -> None:
    file = ELFFile(io.BytesIO(write(code_object(chip("gfx1201"), *NAMES))))
    loads = [row for row in file.iter_segments() if row["p_type"] == "PT_LOAD"]
    for section in file.iter_sections():
        if section["sh_flags"] & 2:
            (inside,) = [row for row in loads if row.section_in_segment(section)]
            assert bool(inside["p_flags"] & 1) == bool(section["sh_flags"] & 4)
    for row in loads:
        assert row["p_vaddr"] % elf.PAGE_BYTES == row["p_offset"] % elf.PAGE_BYTES


def test_padding_lies_between_and_behind_kernels() -> None:
    loaded = read(write(code_object(chip("gfx1030"), *NAMES)))
    memory = loaded.memory(0)
    ends = [row.entry + len(row.image.code) for row in loaded.kernels]
    starts = [row.entry for row in loaded.kernels[1:]]
    for end, start in zip(ends, starts, strict=False):
        assert memory[end:start] == CODE_END * ((start - end) // 4)
    last = memory[ends[-1] : ends[-1] + FETCH_AHEAD_BYTES]
    assert last == CODE_END * (FETCH_AHEAD_BYTES // 4)


def test_metadata_keys_are_sorted_and_text() -> None:
    file = ELFFile(io.BytesIO(write(code_object(chip("gfx1100"), "one"))))
    section = file.get_section_by_name(".note")
    assert isinstance(section, NoteSection)
    note = next(section.iter_notes())
    found = msgpack.unpackb(note["n_descdata"])
    assert list(found) == sorted(found)
    (kernel,) = found["amdhsa.kernels"]
    assert list(kernel) == sorted(kernel)
    assert kernel[".symbol"] == "one.kd"


def test_private_memory_on_gfx10_needs_flat_scratch() -> None:
    made = replace(PLAIN, scratch_bytes=64, user_sgprs=4)
    (old,) = read(write(CodeObject(chip("gfx1030"), (made,)))).kernels
    (new,) = read(write(CodeObject(chip("gfx1100"), (made,)))).kernels
    assert [row.what for row in old.descriptor.user_registers()] == ["kernarg", "flat_scratch_init"]
    assert [row.what for row in new.descriptor.user_registers()] == ["kernarg"]
    assert old.descriptor.has_scratch
    assert new.descriptor.scratch_bytes == 64


def test_a_file_without_kernels_is_written_and_read() -> None:
    assert read(write(CodeObject(chip("gfx1100"), ()))).kernels == ()


def test_two_kernels_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="one name"):
        write(CodeObject(chip("gfx1100"), (PLAIN, PLAIN)))
