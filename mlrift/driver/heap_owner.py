"""Which of the files `core/heapowner_*.mlr` and `core/heapzone_*.mlr` a program's heap is made of.

Enters: the module of a program or an object, before or while the core library is added. A program
pays for locks or thread-local storage only where something in it may make a second thread. Zones
are where blocks lie that are checked.
"""

from enum import Enum, unique

from mlrift.frontend.symbols import PROGRAM_START, THREAD_START
from mlrift.ir.core import Function, Linkage, Module

HEAP_OWNER_UNIT = "heapowner"
HEAP_ZONE_UNIT = "heapzone"
_THREAD_START = "core.thread_start"
_SYSTEM_CALL = "os.syscall"
_LINKAGES_OF_PROGRAMS = (Linkage.INTERNAL, Linkage.EXTERNAL)
_ENTERED_BY_OS_LAYER = frozenset({PROGRAM_START, THREAD_START})


@unique
class HeapOwner(Enum):
    """Who has free blocks: the one thread, all threads in turn, or each thread."""

    SINGLE = "single"
    LOCKED = "locked"
    THREADS = "threads"


@unique
class HeapZone(Enum):
    """What is around the blocks of `--debug`: bytes of one value, or pages without access."""

    BYTES = "bytes"
    PAGES = "pages"


HEAP_OWNER_FILES = tuple(f"{HEAP_OWNER_UNIT}_{row.value}" for row in HeapOwner)


def heap_zone_file(zone: HeapZone) -> str:
    """Return the name of the core library file for a zone."""
    return f"{HEAP_ZONE_UNIT}_{zone.value}"


def heap_owner_file(module: Module) -> str:
    """Return the name of the core library file for a module."""
    return f"{HEAP_OWNER_UNIT}_{_heap_owner(module).value}"


def _heap_owner(module: Module) -> HeapOwner:
    functions = module.functions.values()
    if any(function.assembly is not None for function in functions):
        # A thread that assembly makes may share the thread pointer of the one that made it.
        return HeapOwner.LOCKED
    if _THREAD_START in module.functions:
        return HeapOwner.THREADS
    if _SYSTEM_CALL in module.functions or any(map(_may_be_foreign, functions)):
        return HeapOwner.LOCKED
    return HeapOwner.SINGLE


def _may_be_foreign(function: Function) -> bool:
    """Whether a function may make threads of its own, or be called by those of others."""
    if function.is_foreign:
        return True
    if function.name in _ENTERED_BY_OS_LAYER:
        return False
    return function.linkage not in _LINKAGES_OF_PROGRAMS
