"""`-g`: metadata that LLVM accepts everywhere, and DWARF in the images that have it.

What a debugger makes of it is tested in tests/debug.
"""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from elftools.dwarf.die import DIE
from elftools.elf.elffile import ELFFile

from mlrift.backends.llvm.objects import compile_object, emit_llvm, verify_llvm
from mlrift.backends.llvm.options import (
    CodegenOptions,
    DebugInfo,
    ObjectFlavour,
    OptimisationLevel,
)
from mlrift.driver import pipeline
from mlrift.driver.options import CompileOptions, Optimisation
from mlrift.driver.options import DebugInfo as DebugOption
from mlrift.ir.core import Module
from mlrift.ir.passes.pipeline import PIPELINES, run_pass
from mlrift.ir.passes.pipeline import OptimisationLevel as IrLevel
from mlrift.ir.verify import check_module
from mlrift.targets import ANDROID, LINUX, SYSTEMS, TARGETS, Cpu, Target
from tests.harness.compiler import context_for, front_end, options_for
from tests.unit.llvm.machine_code import CPUS

PROGRAM = Path(__file__).parents[2] / "debug" / "tour.mlr"
ELF_TARGETS = [row for row in TARGETS if row.system in (LINUX, ANDROID)]
LEVELS = {
    OptimisationLevel.NONE: (Optimisation.NONE, IrLevel.STEPPING),
    OptimisationLevel.FULL: (Optimisation.FULL, IrLevel.FULL),
    OptimisationLevel.SIZE: (Optimisation.FULL, IrLevel.FULL),
}


def options_of(level: Optimisation) -> CompileOptions:
    return options_for(PROGRAM, [], optimisation=level, debug_info=DebugOption.FULL)


def module_of(level: OptimisationLevel) -> Module:
    """The IR of the program after the passes of a level, each of which leaves it valid."""
    optimisation, passes = LEVELS[level]
    module = front_end(context_for(options_of(optimisation)))
    for name in PIPELINES[passes]:
        run_pass(name, module)
        check_module(module, name)
    return module


@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
@pytest.mark.parametrize("level", OptimisationLevel, ids=lambda row: row.value)
def test_metadata_is_valid_everywhere(cpu: Cpu, level: OptimisationLevel) -> None:
    module = module_of(level)
    for flavour in ObjectFlavour:
        for system in SYSTEMS:
            options = CodegenOptions(level, flavour, system, DebugInfo.FULL)
            verify_llvm(emit_llvm(module, cpu, options))
            assert compile_object(module, cpu, options)


def test_names_are_kept_only_when_asked_for() -> None:
    module = front_end(context_for(options_for(PROGRAM, [])))
    assert all(row.source is None for row in module.functions.values())
    assert all(row.source is None for row in module.globals.values())


def test_paths_of_libraries_are_shortened() -> None:
    options = CodegenOptions(path_prefixes=(("/opt/lib/std/", "std/"), ("/opt/lib/", "")))
    shown = [options.shown_path(row) for row in ("/opt/lib/std/a.mlr", "/opt/lib/b", "c/d", "/e")]
    assert shown == ["std/a.mlr", "b", "c/d", "/e"]


@pytest.fixture(scope="module", params=Optimisation, ids=lambda row: row.value)
def slices(request: pytest.FixtureRequest) -> dict[str, bytes]:
    """The images of all targets at each level."""
    return slices_of(request.param)


@pytest.fixture(scope="module")
def unoptimised() -> dict[str, bytes]:
    """The images of all targets, in which every variable has its place."""
    return slices_of(Optimisation.NONE)


def slices_of(level: Optimisation) -> dict[str, bytes]:
    context = context_for(options_of(level))
    module = front_end(context)
    pipeline.optimise_module(context, module)
    return {row.target.name: row.image for row in pipeline.slices(context, module)}


def dies_of(image: bytes) -> Iterator[DIE]:
    dwarf = ELFFile(io.BytesIO(image)).get_dwarf_info()
    for unit in dwarf.iter_CUs():
        yield from unit.iter_DIEs()


def name_of(die: DIE) -> str:
    row = die.attributes.get("DW_AT_name")
    return row.value.decode() if row is not None else ""


def type_of(die: DIE) -> DIE:
    return die.get_DIE_from_attribute("DW_AT_type")


@pytest.mark.parametrize("target", TARGETS, ids=lambda row: row.name)
def test_only_elf_images_have_debug_information(slices: dict[str, bytes], target: Target) -> None:
    image = slices[target.name]
    has_debug = target in ELF_TARGETS
    assert (b".debug_info" in image) is has_debug
    assert (b"shapes.mlr" in image) is has_debug


@pytest.mark.parametrize("target", ELF_TARGETS, ids=lambda row: row.name)
def test_types_and_statics_of_elf_images(slices: dict[str, bytes], target: Target) -> None:
    dies = list(dies_of(slices[target.name]))
    structs = {name_of(row): row for row in dies if row.tag == "DW_TAG_structure_type"}
    members = {name_of(row): row for row in structs["Box"].iter_children()}
    offsets = {
        name: row.attributes["DW_AT_data_member_location"].value for name, row in members.items()
    }
    assert offsets == {"tag": 0, "width": 1, "scale": 5}
    assert type_of(members["width"]).attributes["DW_AT_byte_size"].value == 4
    units = [row for row in dies if row.tag == "DW_TAG_compile_unit"]
    statics = {
        name_of(row): row
        for row in dies
        if row.tag == "DW_TAG_variable" and row.get_parent() in units
    }
    assert name_of(type_of(statics["counter"])) == "i64"
    assert type_of(statics["table"]).tag == "DW_TAG_array_type"


@pytest.mark.parametrize("target", ELF_TARGETS, ids=lambda row: row.name)
def test_functions_of_elf_images(unoptimised: dict[str, bytes], target: Target) -> None:
    dies = list(dies_of(unoptimised[target.name]))
    functions = {name_of(row): row for row in dies if row.tag == "DW_TAG_subprogram"}
    kinds = [
        (name_of(row), name_of(type_of(row)))
        for row in functions["kinds"].iter_children()
        if row.tag == "DW_TAG_formal_parameter"
    ]
    names = ("small", "byte", "real", "single", "flag", "letter")
    types = ("i8", "u8", "f64", "f32", "bool", "char")
    assert kinds == list(zip(names, types, strict=True))
    assert name_of(type_of(functions["kinds"])) == "f64"
    assert {"main", "worker.words"} <= functions.keys()


@pytest.mark.parametrize("target", ELF_TARGETS, ids=lambda row: row.name)
def test_lines_of_elf_images(slices: dict[str, bytes], target: Target) -> None:
    dwarf = ELFFile(io.BytesIO(slices[target.name])).get_dwarf_info()
    unit = next(dwarf.iter_CUs())
    top = unit.get_top_DIE()
    assert top.attributes["DW_AT_comp_dir"].value == b"."
    program = dwarf.line_program_for_CU(unit)
    assert program is not None
    rows = [row.state for row in program.get_entries() if row.state is not None]
    lines = {row.line for row in rows if row.address and not row.end_sequence}
    last = PROGRAM.read_text(encoding="utf-8").count("\n")
    assert {last - 1, last} <= lines
