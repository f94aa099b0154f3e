"""Files of the bundled library as objects that large programs are linked with.

Names of files enter, compiled files leave. They are built once: `prebuild.py` puts them beside the
compiler; without those (or when the compiler has changed since) they are compiled here, as parts of
a program that imports them, and kept in the cache. A file has one meaning and one set of objects,
whatever programs need of it.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from mlrift.backends.llvm.objects import JumpTables
from mlrift.diagnostics.sink import DiagnosticSink
from mlrift.driver import pipeline
from mlrift.driver.cache import Cache, digest
from mlrift.driver.library_units import KernelCode, LibraryUnitError
from mlrift.driver.modules import read_file
from mlrift.driver.options import CompileOptions
from mlrift.driver.os_objects import prebuilt
from mlrift.driver.part_objects import compile_parts
from mlrift.driver.parts import LibraryPart
from mlrift.driver.program_parts import library_units, needs_of
from mlrift.driver.resources import standard_library_root
from mlrift.frontend import check
from mlrift.frontend.ast import Program
from mlrift.ir.core import Linkage, Module
from mlrift.targets import Cpu
from mlrift.values import replace

_ROOT_FILE = "every file"
_LENGTH_BYTES = 4


def library_parts(
    files: Sequence[str], cpus: Sequence[Cpu], cache: Cache, fingerprint: str
) -> dict[str, LibraryPart]:
    """Return compiled files by their names, such as `std/json.mlr`.

    A file is left out whose functions are not the same in every program.
    """
    found = {file: _known(file, cpus, cache, fingerprint) for file in files}
    missing = [file for file, part in found.items() if part is None]
    if missing:
        for file, part in compile_files(missing, cpus, cache, fingerprint).items():
            found[file] = part
            for cpu in cpus:
                cache.put(_key(file, cpu, fingerprint), written(part, cpu))
    return {file: part for file, part in found.items() if part is not None and part.units}


def part_file(file: str, cpu: Cpu) -> str:
    """Return the name of a prebuilt file of the library."""
    return f"{file.removesuffix('.mlr').replace('/', '.')}-{cpu.name}.part"


def imported_files(patterns: Iterable[str]) -> list[str]:
    """Return the files of the library whose names match, and those that they lead to."""
    root = standard_library_root()
    named = sorted({path for row in patterns for path in root.glob(row)})
    context = _context(Cache(None), "")
    program = _program(context, [path.relative_to(root).as_posix() for path in named])
    return sorted({row.file.bundled for row in program.modules} - {""})


def compile_files(
    files: Sequence[str], cpus: Sequence[Cpu], cache: Cache, fingerprint: str
) -> dict[str, LibraryPart]:
    """Compile files; the cache may know what is the same as before.

    A file whose functions are not the same in every program has no units.
    """
    context = _context(cache, fingerprint)
    module = _module(context, files)
    found = library_units(module, files)
    units = [unit for rows in found.values() for unit in rows]
    options = replace(pipeline.codegen_options(context), jump_tables=JumpTables.NONE)
    objects = compile_parts(units, cpus, options, cache)
    parts: dict[str, LibraryPart] = {}
    start = 0
    for file in files:
        rows = found.get(file, [])
        end = start + len(rows)
        own = {cpu.name: objects[cpu.name][start:end] for cpu in cpus}
        names = {
            name.removeprefix(f"{row.name}.") if name != row.name else name.partition(".")[2]: name
            for row in rows
            for name, function in row.functions.items()
            if function.linkage is Linkage.EXPORTED
        }
        parts[file] = LibraryPart(tuple(row.name for row in rows), names, needs_of(rows), own)
        start = end
    return parts


def written(part: LibraryPart, cpu: Cpu) -> bytes:
    """Return a compiled file as it is kept, for one CPU."""
    objects = part.objects[cpu.name]
    head = {
        "units": part.units,
        "names": part.names,
        "needs": sorted(part.needs),
        "sizes": [len(row) for row in objects],
    }
    text = json.dumps(head).encode()
    return b"".join((len(text).to_bytes(_LENGTH_BYTES, "little"), text, *objects))


def _known(file: str, cpus: Sequence[Cpu], cache: Cache, fingerprint: str) -> LibraryPart | None:
    """Return a file that was compiled before for all CPUs."""
    objects: dict[str, list[bytes]] = {}
    head: dict[str, list[str]] = {}
    names: dict[str, str] = {}
    for cpu in cpus:
        data = prebuilt(part_file(file, cpu), fingerprint)
        data = data or cache.get(_key(file, cpu, fingerprint))
        if data is None:
            return None
        start = _LENGTH_BYTES + int.from_bytes(data[:_LENGTH_BYTES], "little")
        row = json.loads(data[_LENGTH_BYTES:start])
        objects[cpu.name] = list(_cut(data, start, row["sizes"]))
        head, names = row, row["names"]
    return LibraryPart(tuple(head["units"]), names, frozenset(head["needs"]), objects)


def _cut(data: bytes, start: int, sizes: list[int]) -> Iterator[bytes]:
    for size in sizes:
        yield data[start : start + size]
        start += size


def _key(file: str, cpu: Cpu, fingerprint: str) -> str:
    return digest("library part", fingerprint, cpu.name, file)


def _context(cache: Cache, fingerprint: str) -> pipeline.BuildContext:
    source = standard_library_root() / _ROOT_FILE
    options = CompileOptions(source=Path(source), output=None)
    return pipeline.BuildContext(options, DiagnosticSink(), cache, fingerprint)


def _program(context: pipeline.BuildContext, files: Sequence[str]) -> Program:
    """Return a program that imports files and does nothing; mistakes are in the sink."""
    text = "".join(f'import "{file}"\n' for file in files) + "fn main() {\n    exit(0)\n}\n"
    root = str(context.options.source)

    def read(path: str) -> bytes:
        return text.encode() if path == root else read_file(path)

    return pipeline.parse(context, read)


def _module(context: pipeline.BuildContext, files: Sequence[str]) -> Module:
    """Return a program that imports files, optimised, with all functions of theirs."""
    program = _program(context, files)
    every = replace(pipeline.check_options(context), entry=check.MainRequirement.OBJECT)
    has_syntax_errors = context.sink.has_errors
    typed = None if has_syntax_errors else check.check_program(program, every, context.sink)
    if typed is None or context.sink.has_errors:
        from mlrift.diagnostics.render import render_report  # noqa: PLC0415 - our mistakes only

        raise LibraryUnitError(render_report(context.sink))
    module = pipeline.make_module(context, typed, kernels=KernelCode.DECLARED)
    wanted = frozenset(files)
    kept = [
        row
        for row in module.functions.values()
        if row.linkage is Linkage.INTERNAL
        and row.span is not None
        and row.span.file.bundled in wanted
    ]
    for row in kept:
        row.linkage = Linkage.KEPT
    pipeline.optimise_module(context, module)
    module, _ = pipeline.without_ready_objects(context, module)
    for row in kept:
        row.linkage = Linkage.INTERNAL
    return module
