"""The strict macOS runner: a Mach-O file and an invocation in, a RunResult out.

It refuses what the kernel and dyld refuse (`macho_rules`), slides the image, binds imports to
functions in Python, and gives callees every freedom of the calling convention. A crash has a Unix
shell's status (128 + signal). The slide depends on the file only, so that a failure repeats.
"""

import hashlib
import random
from dataclasses import dataclass

from mlrift.targets import X86_64, Target
from tests.support import (
    libsystem_attributes,
    libsystem_files,
    libsystem_memory,
    libsystem_process,
    libsystem_sockets,
    libsystem_threads,
)
from tests.support.guest_cpu import CONVENTIONS
from tests.support.mac_process import LIBSYSTEM, MacProcess
from tests.support.machine import CrashKind, GuestCrash, Machine, Protection
from tests.support.macho_exports import read_exports
from tests.support.macho_initialisers import calls_before_main, initialisers
from tests.support.macho_rules import LIBSYSTEM as LIBSYSTEM_PATH
from tests.support.macho_rules import (
    PAGE_BYTES,
    SG_READ_ONLY,
    MachPlan,
    check_macho,
    check_macho_library,
    mapped_file_bytes,
)
from tests.support.results import (
    SIGNAL_STATUS_BASE,
    ImageRefused,
    Invocation,
    RunResult,
    RunTimeout,
)
from tests.support.traps import Export, TrapTable

FUNCTION_MODULES = (
    libsystem_attributes,
    libsystem_files,
    libsystem_memory,
    libsystem_process,
    libsystem_sockets,
    libsystem_threads,
)
_TRAP_BASE = 0x1_8000_0000
_LARGEST_SLIDE_PAGES = 0x1000
_LIBRARIES_BASE, _LIBRARY_SPACING = 0x2_0000_0000, 0x1000_0000
_RUN_PATH = "@rpath/"
_CALLS_BASE = 0x1_7000_0000
_X86_64_ONLY_SUFFIX = "$INODE64"
_CRASH_SIGNAL = {
    CrashKind.MEMORY: 11,
    CrashKind.STACK_OVERFLOW: 11,
    CrashKind.ILLEGAL_INSTRUCTION: 4,
    CrashKind.DIVISION: 8,
    CrashKind.BREAKPOINT: 5,
}


def run_macho(image: bytes, target: Target, invocation: Invocation) -> RunResult:
    """Check, load and run `image`; raise `ImageRefused` or `RuleBroken` for what is not allowed."""
    plan = check_macho(image, target.cpu)
    machine = Machine(CONVENTIONS[target])
    traps = TrapTable(machine, _TRAP_BASE, variadic_on_stack=target.cpu is not X86_64)
    process = MacProcess(machine, traps, target, invocation)
    process.own_image = image
    process.run_child = lambda data, child: run_macho(data, target, child)
    slide = _slide(image, PAGE_BYTES[target.cpu.name])
    libraries = _load_libraries(plan, process)
    _load(plan, process, _resolve(plan, process, libraries.exports), slide)
    main = plan.image.base + slide + plan.entry_offset
    if libraries.initialisers:
        main = _call_before(process, libraries.initialisers, main)
    process.start_main(main, plan.stack_bytes)
    try:
        status = process.scheduler.run(invocation.timeout_seconds)
    except GuestCrash as crash:
        status = SIGNAL_STATUS_BASE + _CRASH_SIGNAL[crash.kind]
    except RunTimeout as late:
        raise RunTimeout(
            invocation.timeout_seconds, bytes(process.stdout), bytes(process.stderr)
        ) from late
    finally:
        process.close_files()
    return RunResult(bytes(process.stdout), bytes(process.stderr), status & 0xFF)


@dataclass(frozen=True, slots=True)
class _Libraries:
    """Addresses in the libraries of a program: exports by library and name; initialisers."""

    exports: dict[str, dict[str, int]]
    initialisers: list[int]


def _load_libraries(plan: MachPlan, process: MacProcess) -> _Libraries:
    """Load the libraries of a program but libSystem.

    They are looked for in the working folder, which stands for `@rpath`, and need only libSystem.
    """
    loaded = _Libraries({}, [])
    for index, name in enumerate(plan.libraries):
        if name == LIBSYSTEM_PATH:
            continue
        path = process.folder / name.removeprefix(_RUN_PATH)
        if not name.startswith(_RUN_PATH) or not path.exists():
            raise ImageRefused(f"library not loaded: {name}")
        data = path.read_bytes()
        library = check_macho_library(data, plan.image.cpu, name)
        page_bytes = PAGE_BYTES[plan.image.cpu.name]
        slide = _LIBRARIES_BASE + index * _LIBRARY_SPACING + _slide(data, page_bytes)
        _load(library, process, _resolve(library, process, {}), slide)
        start = library.image.base + slide
        rows = read_exports(library.image).items()
        loaded.exports[name] = {symbol: start + distance for symbol, distance in rows}
        loaded.initialisers.extend(initialisers(library.image, start))
    return loaded


def _call_before(process: MacProcess, functions: list[int], main: int) -> int:
    """Return the address of code that calls functions as dyld does and then becomes `main`."""
    code = calls_before_main(process.target.cpu, functions, main)
    page_bytes = PAGE_BYTES[process.target.cpu.name]
    process.machine.map(_CALLS_BASE, page_bytes, Protection.READ)
    process.machine.write(_CALLS_BASE, code)
    process.machine.protect(_CALLS_BASE, page_bytes, Protection.READ | Protection.EXECUTE)
    return _CALLS_BASE


def _resolve(plan: MachPlan, process: MacProcess, loaded: dict[str, dict[str, int]]) -> list[int]:
    """Return the address that each import is bound to."""
    found: list[int] = []
    for imported in plan.fixups.imports:
        library = plan.libraries[imported.library_ordinal - 1]
        if library == LIBSYSTEM_PATH:
            found.append(process.traps.address_of(_system_export(imported.name, process.target)))
        elif imported.name in loaded.get(library, {}):
            found.append(loaded[library][imported.name])
        else:
            raise ImageRefused(f"symbol not found: {imported.name} in {library}")
    return found


def _system_export(name: str, target: Target) -> Export:
    export = LIBSYSTEM.exports.get(name)
    is_foreign = name.endswith(_X86_64_ONLY_SUFFIX) and target.cpu is not X86_64
    if export is None or is_foreign:
        raise ImageRefused(f"symbol not found: {name} in {LIBSYSTEM_PATH}")
    return export


def _slide(image: bytes, page_bytes: int) -> int:
    seed = int.from_bytes(hashlib.sha256(image).digest()[:8], "little")
    return random.Random(seed).randrange(1, _LARGEST_SLIDE_PAGES) * page_bytes


def _load(plan: MachPlan, process: MacProcess, imports: list[int], slide: int) -> None:
    """Map whole file pages, apply the fixups, then protect every segment."""
    image, machine = plan.image, process.machine
    segments = [segment for segment in image.segments if segment.protection]
    page_bytes = PAGE_BYTES[image.cpu.name]
    for segment in segments:
        size_bytes = -(-segment.memory_bytes // page_bytes) * page_bytes
        machine.map(segment.address + slide, size_bytes, Protection.READ)
        machine.write(segment.address + slide, mapped_file_bytes(image, segment))
    start = image.base + slide
    for rebase in plan.fixups.rebases:
        value = start + rebase.target | rebase.high_byte << 56
        machine.write(start + rebase.place, value.to_bytes(8, "little"))
    for bind in plan.fixups.binds:
        value = imports[bind.import_index] + bind.addend
        machine.write(start + bind.place, value.to_bytes(8, "little"))
    for segment in segments:
        rights = Protection(segment.protection)
        if segment.flags & SG_READ_ONLY:
            rights &= ~Protection.WRITE
        size_bytes = -(-segment.memory_bytes // page_bytes) * page_bytes
        machine.protect(segment.address + slide, size_bytes, rights)
