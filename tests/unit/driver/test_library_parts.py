"""Files of the library as objects: the same for every program, and programs do what they did."""

from pathlib import Path

import pytest

from mlrift.diagnostics.sink import DiagnosticSink
from mlrift.driver import library_parts, pipeline, program_parts
from mlrift.driver.build import on_deep_stack
from mlrift.driver.cache import Cache
from mlrift.driver.modules import load_program
from mlrift.driver.options import Teardown
from mlrift.driver.parts import LibraryPart, no_library
from mlrift.driver.resources import standard_library_root
from mlrift.driver.results import Stored
from mlrift.ir.core import Module
from mlrift.link.read_elf import read_elf
from mlrift.targets import CPUS, LINUX_X86_64, X86_64
from tests.harness.compiler import context_for, front_end, options_for
from tests.support.processes import program_file, run_command
from tests.support.results import DEFAULT_ENVIRONMENT, Invocation
from tests.unit.llvm.machine_code import can_run

FILES = ["std/intmap.mlr", "std/misuse.mlr"]
WITH_CHOICES = "std/json.mlr"
WITHOUT_CODE = "std/llm/product_steps.mlr"
PROGRAM = """import "std/intmap.mlr"
import "std/map.mlr"
fn main() {
    u64 m = intmap_new()
    intmap_set(m, 7, 42)
    println(intmap_get(m, 7))
    u64 names = map_new()
    map_set(names, "a", 5)
    println(map_get(names, "a"))
}
"""


def compiled(files: list[str], cache: Cache) -> dict[str, LibraryPart]:
    """Return compiled files of the library."""
    found: dict[str, LibraryPart] = {}

    def work() -> Stored:
        found.update(library_parts.library_parts(files, CPUS, cache, "this compiler"))
        return Stored(0, b"", "", "")

    on_deep_stack(work)
    return found


def test_a_file_is_the_same_in_any_company(tmp_path: Path) -> None:
    known = Cache(tmp_path)
    alone = compiled(FILES[:1], known)[FILES[0]]
    together = compiled(FILES[::-1], Cache(None))
    assert list(together) == FILES[::-1]
    again = compiled(FILES[:1], known)[FILES[0]]
    for cpu in CPUS:
        text = library_parts.written(alone, cpu)
        assert library_parts.written(together[FILES[0]], cpu) == text
        assert library_parts.written(again, cpu) == text


def test_names_and_needs_of_a_file() -> None:
    part = compiled(FILES[:1], Cache(None))[FILES[0]]
    assert part.units == ("part.std/intmap.mlr",)
    assert part.names["intmap_set"] == "part.std/intmap.mlr.intmap_set"
    assert "core.heap_alloc" in part.needs
    assert not any(name.startswith("part.std/intmap.mlr") for name in part.needs)


def test_no_data_of_a_file_refers_to_its_code() -> None:
    """Else every function would be linked, and what it needs would be missing."""
    part = compiled([WITH_CHOICES], Cache(None))[WITH_CHOICES]
    for data in (row for rows in part.objects.values() for row in rows):
        made = read_elf(data, WITH_CHOICES)
        tables = [row.name for row in made.sections if row.relocations and "rodata" in row.name]
        assert tables == []


def test_a_file_that_is_left_out_is_not_compiled_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All its functions go into their callers."""
    monkeypatch.setattr(library_parts, "prebuilt", lambda *_: None)
    assert compiled([WITHOUT_CODE], Cache(tmp_path)) == {}
    monkeypatch.setattr(library_parts, "compile_files", None)
    assert compiled([WITHOUT_CODE], Cache(tmp_path)) == {}


def slices(source: Path, cache: Cache) -> bytes:
    """Return the image of a program."""
    context = context_for(options_for(source, [], targets=(LINUX_X86_64,)))
    module = front_end(context)
    pipeline.optimise_module(context, module)
    context.cache = cache
    made: list[bytes] = []

    def work() -> Stored:
        made.append(pipeline.slices(context, module)[0].image)
        return Stored(0, b"", "", "")

    on_deep_stack(work)
    return made[0]


def test_programs_with_files_of_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are the same whether the files were compiled before or not, and work."""
    if not can_run(X86_64):
        pytest.skip("needs an x86-64 machine")
    asked: list[str] = []
    find = library_parts.library_parts

    def noted(files: list[str], *rest: object) -> dict[str, LibraryPart]:
        asked.extend(files)
        return find(files, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(program_parts, "_LARGE_BUNDLED_OPS", 0)
    monkeypatch.setattr(library_parts, "library_parts", noted)
    monkeypatch.setattr(library_parts, "prebuilt", lambda *_: None)
    source = tmp_path / "program.mlr"
    source.write_text(PROGRAM, encoding="utf-8")
    cache = Cache(tmp_path / "cache")
    images = [slices(source, cache) for _ in range(2)]
    assert images[0] == images[1]
    assert asked
    assert not {"std/intmap.mlr", "std/map.mlr"} & set(asked)  # what it calls is optimised with it
    with program_file(images[0]) as path:
        invocation = Invocation((), b"", DEFAULT_ENVIRONMENT, path.parent, 60.0)
        found = run_command([str(path)], invocation)
    assert (found.status, found.stdout) == (0, b"42\n5\n")


@pytest.mark.parametrize("flags", [["--debug"], ["--no-auto-teardown"]], ids=" ".join)
def test_options_that_change_the_library_compile_it_anew(tmp_path: Path, flags: list[str]) -> None:
    source = tmp_path / "program.mlr"
    source.write_text(PROGRAM, encoding="utf-8")
    changes = {"teardown": Teardown.BY_PROGRAM} if "--no-auto-teardown" in flags else {}
    context = context_for(options_for(source, flags, **changes))
    assert pipeline._library_of(context, Module("m")) is no_library


def bundled(folder: Path, text: str, *roots: Path) -> set[str]:
    """Return the files of a program that mean the same in every program."""
    source = folder / "program.mlr"
    source.write_text(text, encoding="utf-8")
    sink = DiagnosticSink()
    program = load_program(source, [*roots, standard_library_root()], sink)
    assert not sink.has_errors
    return {row.file.bundled for row in program.modules} - {""}


def test_files_that_mean_the_same_in_every_program(tmp_path: Path) -> None:
    assert {"std/intmap.mlr", "std/map.mlr"} <= bundled(tmp_path, PROGRAM)


def test_a_file_whose_names_are_hidden_does_not(tmp_path: Path) -> None:
    found = bundled(tmp_path, PROGRAM + "fn intmap_hash(u64 x) -> u64 { return x }\n")
    assert "std/intmap.mlr" not in found
    assert "std/map.mlr" in found


def test_a_file_that_imports_one_of_the_program_does_not(tmp_path: Path) -> None:
    own = tmp_path / "std" / "misuse.mlr"
    own.parent.mkdir()
    own.write_bytes((standard_library_root() / "std" / "misuse.mlr").read_bytes())
    assert not bundled(tmp_path, PROGRAM, tmp_path) & {"std/misuse.mlr", "std/intmap.mlr"}


@pytest.mark.parametrize(("name", "is_same"), [("unheard", True), ("slot", False)])
def test_a_file_that_has_the_name_of_a_type_of_the_program_does_not(
    tmp_path: Path, name: str, is_same: bool
) -> None:
    (tmp_path / "own.mlr").write_text(f"struct {name} {{ u64 word }}\n", encoding="utf-8")
    found = bundled(tmp_path, 'import "own.mlr"\nimport "std/map.mlr"\nfn main() {}\n')
    assert ("std/map.mlr" in found) == is_same
