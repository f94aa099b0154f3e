"""The strict macOS runner: a Mach-O file and an invocation in, a RunResult out.

It refuses what the kernel and dyld refuse (`macho_rules`), slides the image, binds imports to
functions in Python, and gives callees every freedom of the calling convention. A crash has a Unix
shell's status (128 + signal). The slide depends on the file only, so that a failure repeats.
"""

import hashlib
import random

from mlrift.targets import X86_64, Target
from tests.support import libsystem_files, libsystem_memory, libsystem_process, libsystem_threads
from tests.support.guest_cpu import CONVENTIONS
from tests.support.mac_process import LIBSYSTEM, MacProcess
from tests.support.machine import CrashKind, GuestCrash, Machine, Protection
from tests.support.macho_rules import LIBSYSTEM as LIBSYSTEM_PATH
from tests.support.macho_rules import (
    PAGE_BYTES,
    SG_READ_ONLY,
    MachPlan,
    check_macho,
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

FUNCTION_MODULES = (libsystem_files, libsystem_memory, libsystem_process, libsystem_threads)
_TRAP_BASE = 0x1_8000_0000
_LARGEST_SLIDE_PAGES = 0x1000
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
    exports = _resolve(plan, target)
    machine = Machine(CONVENTIONS[target])
    traps = TrapTable(machine, _TRAP_BASE, variadic_on_stack=target.cpu is not X86_64)
    process = MacProcess(machine, traps, target, invocation)
    process.run_child = lambda data, child: run_macho(data, target, child)
    slide = _slide(image, PAGE_BYTES[target.cpu.name])
    _load(plan, process, exports, slide)
    process.start_main(plan.image.base + slide + plan.entry_offset, plan.stack_bytes)
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


def _resolve(plan: MachPlan, target: Target) -> list[Export]:
    """Return what each import is bound to."""
    for library in plan.libraries:
        if library != LIBSYSTEM_PATH:
            raise ImageRefused(f"library not loaded: {library}")
    found = []
    for imported in plan.fixups.imports:
        export = LIBSYSTEM.exports.get(imported.name)
        is_foreign = imported.name.endswith(_X86_64_ONLY_SUFFIX) and target.cpu is not X86_64
        if export is None or is_foreign:
            raise ImageRefused(f"symbol not found: {imported.name} in {LIBSYSTEM_PATH}")
        found.append(export)
    return found


def _slide(image: bytes, page_bytes: int) -> int:
    seed = int.from_bytes(hashlib.sha256(image).digest()[:8], "little")
    return random.Random(seed).randrange(1, _LARGEST_SLIDE_PAGES) * page_bytes


def _load(plan: MachPlan, process: MacProcess, exports: list[Export], slide: int) -> None:
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
        value = process.traps.address_of(exports[bind.import_index]) + bind.addend
        machine.write(start + bind.place, value.to_bytes(8, "little"))
    for segment in segments:
        rights = Protection(segment.protection)
        if segment.flags & SG_READ_ONLY:
            rights &= ~Protection.WRITE
        size_bytes = -(-segment.memory_bytes // page_bytes) * page_bytes
        machine.protect(segment.address + slide, size_bytes, rights)
