"""The strict Windows runner: a PE file and an invocation in, a RunResult out.

It refuses what Windows refuses (`pe_rules`), loads at a random base, and emulates kernel32 with
every freedom that the calling convention gives a callee. A crash has the status that a shell sees
of Windows: the low eight bits of the exception code. The base depends on the file only, so that a
failure repeats.
"""

import hashlib
import random

from mlrift.targets import Target
from tests.support import (
    kernel32_files,
    kernel32_folders,
    kernel32_memory,
    kernel32_process,
    kernel32_text,
    kernel32_threads,
    winsock,
)
from tests.support.guest_cpu import CONVENTIONS
from tests.support.machine import PAGE_BYTES, CrashKind, GuestCrash, Machine, Protection
from tests.support.pe_directories import ImportedFunction
from tests.support.pe_exports import read_exports
from tests.support.pe_image import PeSection, SectionFlag, align_up
from tests.support.pe_rules import LoadPlan, check_dll, check_pe
from tests.support.results import ImageRefused, Invocation, RunResult, RunTimeout
from tests.support.traps import TrapTable
from tests.support.windows_process import LIBRARIES, WindowsProcess

FUNCTION_MODULES = (
    kernel32_files,
    kernel32_folders,
    kernel32_memory,
    kernel32_process,
    kernel32_text,
    kernel32_threads,
    winsock,
)
_TRAP_BASE = 0x7FFC_1234_0000
_ENVIRONMENT_BLOCK = 0x00DF_F000
_LOWEST_BASE, _HIGHEST_BASE = 0x7FF6_0000_0000, 0x7FF7_FFFF_0000
_DLL_BASE, _DLL_SPACING = 0x7FF9_0000_0000, 0x1000_0000
_CRASH_STATUS = {
    CrashKind.MEMORY: 0xC0000005,
    CrashKind.STACK_OVERFLOW: 0xC00000FD,
    CrashKind.ILLEGAL_INSTRUCTION: 0xC000001D,
    CrashKind.DIVISION: 0xC0000094,
    CrashKind.BREAKPOINT: 0x80000003,
}


def run_pe(image: bytes, target: Target, invocation: Invocation) -> RunResult:
    """Check, load and run `image`; raise `ImageRefused` or `RuleBroken` for what is not allowed."""
    plan = check_pe(image, target.cpu)
    machine = Machine(CONVENTIONS[target])
    traps = TrapTable(machine, _TRAP_BASE, variadic_on_stack=False)
    process = WindowsProcess(machine, traps, target, invocation)
    process.own_image = image
    process.run_child = lambda data, child: run_pe(data, target, child)
    base = _random_base(image)
    _load(plan, process, base, {})
    header = plan.image.header
    process.image_base = base
    process.default_stack = (header.stack_reserve, header.stack_commit)
    process.start_thread(
        base + header.entry, (_ENVIRONMENT_BLOCK,), header.stack_reserve, header.stack_commit
    )
    try:
        status = process.scheduler.run(invocation.timeout_seconds)
    except GuestCrash as crash:
        status = _CRASH_STATUS[crash.kind]
    except RunTimeout as late:
        raise RunTimeout(
            invocation.timeout_seconds, bytes(process.stdout), bytes(process.stderr)
        ) from late
    finally:
        process.close_files()
    return RunResult(bytes(process.stdout), bytes(process.stderr), status & 0xFF)


def _random_base(image: bytes) -> int:
    seed = int.from_bytes(hashlib.sha256(image).digest()[:8], "little")
    return random.Random(seed).randrange(_LOWEST_BASE, _HIGHEST_BASE, 0x10000)


def _load(
    plan: LoadPlan, process: WindowsProcess, base: int, loaded: dict[str, dict[str, int]]
) -> None:
    """Map the image, relocate it, bind its imports, then protect every section.

    `loaded` are the addresses of what DLLs of the program's own export.
    """
    image, machine = plan.image, process.machine
    memory = image.mapped_bytes()
    for place in plan.relocations:
        value = int.from_bytes(memory[place : place + 8], "little")
        moved = value - image.header.image_base + base
        memory[place : place + 8] = moved.to_bytes(8, "little")
    for imported in plan.imports:
        address = _import_address(imported, plan, process, loaded)
        memory[imported.slot : imported.slot + 8] = address.to_bytes(8, "little")
    machine.map(base, image.header.size_of_image, Protection.READ)
    machine.write(base, bytes(memory))
    for section in image.sections:
        size_bytes = align_up(section.virtual_size, PAGE_BYTES)
        machine.protect(base + section.address, size_bytes, _protection(section))


def _import_address(
    imported: ImportedFunction,
    plan: LoadPlan,
    process: WindowsProcess,
    loaded: dict[str, dict[str, int]],
) -> int:
    name = imported.library.lower()
    exports = LIBRARIES.get(name)
    if exports is not None:
        export = exports.get(imported.name)
        if export is not None:
            return process.traps.address_of(export)
    else:
        if name not in loaded:
            loaded[name] = _load_dll(imported.library, plan, process, loaded)
        if imported.name in loaded[name]:
            return loaded[name][imported.name]
    raise ImageRefused(f"{imported.library} has no function {imported.name}")


def _load_dll(
    name: str, plan: LoadPlan, process: WindowsProcess, loaded: dict[str, dict[str, int]]
) -> dict[str, int]:
    """Load a DLL from the working folder; return the addresses of its exports."""
    path = process.folder / name
    if not path.exists():
        raise ImageRefused(f"imported library {name} is not known")
    data = path.read_bytes()
    library = check_dll(data, process.target.cpu)
    base = _DLL_BASE + len(loaded) * _DLL_SPACING + _random_base(data) % _DLL_SPACING
    _load(library, process, base, loaded)
    return {row: base + place for row, place in read_exports(library.image).items()}


def _protection(section: PeSection) -> Protection:
    rights = Protection.READ
    if section.flags & SectionFlag.WRITE:
        rights |= Protection.WRITE
    if section.flags & SectionFlag.EXECUTE:
        rights |= Protection.EXECUTE
    return rights
