"""Libraries of macOS: what its linkers and our strict loader make of them."""

import struct
from pathlib import Path

import lief
import pytest

from mlrift.link.macho_exports import exports_trie
from mlrift.targets import CPUS, MACOS, Cpu, target_for
from tests.extern.programs import compile_for
from tests.library.building import CALLER, CALLER_OUTPUT, DEMO, build, build_text
from tests.objects.toolchains import command, compile_object, flags_of, tool
from tests.support.engines import default_engine
from tests.support.macho_exports import read_exports
from tests.support.macho_image import MachKind, read_macho
from tests.support.macho_rules import check_macho_library
from tests.support.results import ImageRefused

STUB = """--- !tapi-tbd
tbd-version: 4
targets: [ x86_64-macos, arm64-macos ]
install-name: '/usr/lib/libSystem.B.dylib'
...
"""


@pytest.mark.parametrize("level", ["-O0", "-O2"])
@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
def test_a_program_uses_a_library(tmp_path: Path, cpu: Cpu, level: str) -> None:
    target = target_for(MACOS, cpu)
    build(tmp_path, DEMO, target, "libdemo.dylib", level)
    program = compile_for(tmp_path, CALLER, target)
    engine = default_engine(target)
    missing = engine.missing()
    if missing is not None:
        pytest.skip(missing)
    result = engine.run(program.read_bytes(), working_folder=tmp_path)
    assert (result.stdout.decode(), result.status) == (CALLER_OUTPUT, 5)


@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
def test_the_loader_misses_what_is_not_there(tmp_path: Path, cpu: Cpu) -> None:
    target = target_for(MACOS, cpu)
    program = compile_for(tmp_path, CALLER, target).read_bytes()
    engine = default_engine(target)
    if engine.missing() is not None:
        pytest.skip(str(engine.missing()))
    with pytest.raises(ImageRefused, match=r"library not loaded: @rpath/libdemo\.dylib"):
        engine.run(program, working_folder=tmp_path)
    build_text(tmp_path, "@export fn tick() -> u64 { return 1 }", target, "libdemo.dylib")
    with pytest.raises(ImageRefused, match="symbol not found: _add"):
        engine.run(program, working_folder=tmp_path)


@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
def test_everything_exported_is_in_trie_and_symbol_table(tmp_path: Path, cpu: Cpu) -> None:
    data = build(tmp_path, DEMO, target_for(MACOS, cpu), "libdemo.dylib", "-g").read_bytes()
    check_macho_library(data, cpu, "@rpath/libdemo.dylib")
    exports = read_exports(read_macho(data, cpu, MachKind.LIBRARY))
    parsed = lief.MachO.parse(list(data))
    assert parsed is not None
    image = parsed.at(0)
    assert image is not None
    assert lief.MachO.check_layout(image) == (True, "")
    assert {row.name for row in image.exported_symbols} == set(exports)
    listed = {str(row.name): row.value for row in image.symbols if row.name in exports}
    assert listed == exports and "_add" in exports and "_counter" in exports


@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
def test_lld_links_with_a_library(tmp_path: Path, cpu: Cpu) -> None:
    linker = tool("ld64.lld", "ld64.lld-19")
    target = target_for(MACOS, cpu)
    library = build(tmp_path, DEMO, target, "libdemo.dylib")
    (tmp_path / "libSystem.tbd").write_text(STUB, encoding="utf-8")
    text = "extern fn add(i32 a, i8 b) -> i32\nfn main() -> u64 { return add(40, 2) }"
    made = compile_object(tmp_path, text, *flags_of(target), name="call")
    program = tmp_path / "program"
    words: list[str | Path] = [linker, "-arch", cpu.name, "-platform_version", "macos"]
    words += ["13.0", "13.0", "-e", "_main", made, library, f"-L{tmp_path}", "-lSystem"]
    command([*words, "-o", program])
    engine = default_engine(target)
    if engine.missing() is not None:
        pytest.skip(str(engine.missing()))
    assert engine.run(program.read_bytes(), working_folder=tmp_path).status == 42


def test_the_trie_holds_names_that_begin_with_others() -> None:
    symbols = {"_a": 0x10, "_ab": 0x20000, "_abc": 3, "_b": 1 << 33, "_": 5}
    symbols |= {f"_function_{index}": index * 4096 for index in range(500)}
    trie = exports_trie(symbols)
    assert len(trie) % 8 == 0
    head = struct.pack("<8I", 0xFEEDFACF, 7 | 1 << 24, 3, 6, 1, 16, 0, 0)
    command_of_trie = struct.pack("<4I", 0x80000033, 16, 48, len(trie))
    image = read_macho(head + command_of_trie + trie, CPUS[0], MachKind.LIBRARY)
    assert read_exports(image) == symbols
