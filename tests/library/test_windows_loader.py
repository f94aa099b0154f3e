"""DLLs in our strict loader, which is the only one for arm64."""

from pathlib import Path

import lief
import pytest

from mlrift.targets import CPUS, WINDOWS, WINDOWS_X86_64, Cpu, target_for
from tests.extern.programs import compile_for
from tests.library.building import CALLER, CALLER_OUTPUT, DEMO, build, build_text
from tests.support.engines import engines_for
from tests.support.pe_exports import read_exports
from tests.support.pe_rules import check_dll
from tests.support.results import ImageRefused


def strict_run(program: Path, cpu: Cpu) -> tuple[bytes, int]:
    engine = engines_for(target_for(WINDOWS, cpu))[-1]
    missing = engine.missing()
    if missing is not None:
        pytest.skip(missing)
    result = engine.run(program.read_bytes(), working_folder=program.parent)
    return result.stdout, result.status


@pytest.mark.parametrize("level", ["-O0", "-O2"])
@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
def test_a_program_uses_a_dll(tmp_path: Path, cpu: Cpu, level: str) -> None:
    target = target_for(WINDOWS, cpu)
    build(tmp_path, DEMO, target, "demo.dll", level)
    program = compile_for(tmp_path, CALLER, target)
    assert strict_run(program, cpu) == (CALLER_OUTPUT.encode(), 5)


@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
def test_the_loader_misses_what_is_not_there(tmp_path: Path, cpu: Cpu) -> None:
    target = target_for(WINDOWS, cpu)
    program = compile_for(tmp_path, CALLER, target)
    with pytest.raises(ImageRefused, match=r"demo\.dll is not known"):
        strict_run(program, cpu)
    build_text(tmp_path, "@export fn tick() -> u64 { return 1 }", target, "demo.dll")
    with pytest.raises(ImageRefused, match=r"demo\.dll has no function add"):
        strict_run(program, cpu)


@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
def test_the_export_directory_is_in_order(tmp_path: Path, cpu: Cpu) -> None:
    data = build(tmp_path, DEMO, target_for(WINDOWS, cpu), "demo.dll").read_bytes()
    exports = read_exports(check_dll(data, cpu).image)
    parsed = lief.PE.parse(list(data))
    assert parsed is not None
    table = parsed.get_export()
    assert table is not None and table.name == "demo.dll"
    assert {str(row.name): row.address for row in table.entries} == exports
    assert "add" in exports and "counter" in exports
    assert ".mlrift" in [str(row.name) for row in parsed.sections]


def test_a_dll_may_use_another(tmp_path: Path) -> None:
    inner = '@export fn inner(u8 a, f32 b) -> f64 { println("inner", a) return b * 2.0 }'
    build_text(tmp_path, inner, WINDOWS_X86_64, "inner.dll")
    outer = """
    @dynamic("inner.dll") extern fn inner(u8 a, f32 b) -> f64
    @export fn outer(f64 a) -> f64 { return inner(200, 1.5) + a }
    """
    build_text(tmp_path, outer, WINDOWS_X86_64, "outer.dll")
    text = """
    @dynamic("outer.dll") extern fn outer(f64 a) -> f64
    fn main() { println(outer(0.25)) }
    """
    program = compile_for(tmp_path, text, WINDOWS_X86_64)
    assert strict_run(program, WINDOWS_X86_64.cpu) == (b"inner 200\n3.250000\n", 0)
