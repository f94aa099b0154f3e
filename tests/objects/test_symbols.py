"""Q53, Q41: What an object shows to a linker: symbols, sections, relocations."""

import io
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection
from elftools.elf.sections import SymbolTableSection

from mlrift.backends.platforms import platform_for
from mlrift.targets import ANDROID, CPUS, LINUX, Cpu, System, target_for
from tests.objects.every_builtin import LEVELS_OF_ALL_BUILTINS, every_builtin
from tests.objects.toolchains import LEVELS, SUPPORT, compile_object, flags_of

PROGRAM = """
extern fn puts(u64 text) -> i32
static u64 counter = 5
static u64[100] table
@export fn api(u64 a) -> u64 { return helper(a) + 1 }
@export fn narrow(u8 a) -> u64 { return a + 1 }
fn helper(u64 a) -> u64 { return a * counter }
fn unused(u64 a) -> u64 { return table[a] / a }
@section(".init.code") fn early() -> u64 { return 1 }
@section("late") @export fn late() -> u64 { return 2 }
fn main() {
    println(api(counter))
    println("a constant", 42)
    puts("text")
}
"""
CALLS = {"R_X86_64_PLT32": 4, "R_AARCH64_CALL26": 283}


def read(made: Path) -> ELFFile:
    """Open an ELF object."""
    return ELFFile(io.BytesIO(made.read_bytes()))


def symbols(made: Path) -> dict[str, tuple[str, str, str]]:
    """Return binding, kind and section of every named symbol."""
    elf = read(made)
    table = elf.get_section_by_name(".symtab")
    assert isinstance(table, SymbolTableSection)
    found: dict[str, tuple[str, str, str]] = {}
    for row in table.iter_symbols():
        index = row["st_shndx"]
        section = elf.get_section(index).name if isinstance(index, int) else index
        if row.name and row.name not in found:
            info = row["st_info"]
            found[row.name] = (info["bind"][4:], info["type"][4:], section)
    return found


@pytest.mark.parametrize("system", [LINUX, ANDROID], ids=lambda row: row.name)
@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
@pytest.mark.parametrize("level", LEVELS)
def test_bindings_and_sections(tmp_path: Path, cpu: Cpu, system: System, level: str) -> None:
    made = compile_object(tmp_path, PROGRAM, level, *flags_of(target_for(system, cpu)))
    found = symbols(made)
    for name in ("main", "api", "narrow"):
        assert found[name] == ("GLOBAL", "FUNC", ".text")
    for name in ("helper", "unused"):
        assert found[name] == ("LOCAL", "FUNC", ".text")
    assert found["early"] == ("LOCAL", "FUNC", ".init.code")
    assert found["late"] == ("GLOBAL", "FUNC", "late")
    assert found["os.syscall"] == ("LOCAL", "FUNC", ".text")
    assert found["puts"] == ("GLOBAL", "NOTYPE", "SHN_UNDEF")
    undefined = {name for name, row in found.items() if row[2] == "SHN_UNDEF"}
    assert undefined - SUPPORT == {"puts"}
    global_names = {name for name, row in found.items() if row[0] != "LOCAL"} - undefined
    assert global_names == {"main", "api", "narrow", "late"}


@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
def test_sections_have_their_own_flags(tmp_path: Path, cpu: Cpu) -> None:
    made = compile_object(tmp_path, PROGRAM, "-O0", f"--arch={cpu.name}")
    flags = {row.name: row["sh_flags"] for row in read(made).iter_sections()}
    write, allocate, execute = 1, 2, 4
    assert flags[".text"] == flags[".init.code"] == flags["late"] == allocate | execute
    assert flags[".data"] == flags[".bss"] == write | allocate
    assert flags[".rodata"] == allocate
    assert flags[".note.GNU-stack"] == 0
    names = [row.name for row in read(made).iter_sections()]
    assert names.count(".text") == 1


@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
def test_an_extern_function_is_a_call_relocation(tmp_path: Path, cpu: Cpu) -> None:
    made = compile_object(tmp_path, PROGRAM, f"--arch={cpu.name}")
    elf = read(made)
    relocations = elf.get_section_by_name(".rela.text")
    table = elf.get_section_by_name(".symtab")
    assert isinstance(relocations, RelocationSection)
    assert isinstance(table, SymbolTableSection)
    kinds = {
        row["r_info_type"]
        for row in relocations.iter_relocations()
        if table.get_symbol(row["r_info_sym"]).name == "puts"
    }
    assert kinds and kinds <= set(CALLS.values())


def test_an_object_needs_no_main(tmp_path: Path) -> None:
    found = symbols(compile_object(tmp_path, "fn helper() -> u64 { return 1 }"))
    assert found["helper"][0] == "LOCAL"
    assert "main" not in found
    assert not [name for name in found if name.startswith("os.")]


@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
@pytest.mark.parametrize("level", LEVELS_OF_ALL_BUILTINS)
def test_no_runtime_function_is_left_undefined(tmp_path: Path, cpu: Cpu, level: str) -> None:
    found = symbols(compile_object(tmp_path, every_builtin(), level, f"--arch={cpu.name}"))
    undefined = {name for name, row in found.items() if row[2] == "SHN_UNDEF"}
    assert undefined <= SUPPORT | set(platform_for(LINUX).c_thread_functions)


@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
@pytest.mark.parametrize("level", LEVELS)
def test_fused_multiplications_need_no_library(tmp_path: Path, cpu: Cpu, level: str) -> None:
    """C's `fma` is in a library of its own on Linux and missing in older ones of Windows."""
    program = """
    @export fn both(f64 a, f64 b, f32 c) -> f64 { return fma_fused_f64(a, b, a) * fused(c) }
    fn fused(f32 c) -> f64 { return f32_to_f64(fma_fused_f32(c, c, c)) }
    fn fma(u64 a) -> u64 { return a }
    """
    found = symbols(compile_object(tmp_path, program, level, f"--arch={cpu.name}"))
    assert {name for name, row in found.items() if row[2] == "SHN_UNDEF"} <= SUPPORT
