"""kernel32: threads, waiting, locks, clocks, and the synchronisation library beside it."""

# ruff: noqa: PLR0917 - the system's own signatures

import os
import time

from tests.support.guest_pipes import Child, PipeEnd
from tests.support.kernel32_files import DWORD
from tests.support.scheduler import GuestThread, ThreadExit
from tests.support.traps import ResultWidth
from tests.support.windows_process import (
    ERROR_INVALID_HANDLE,
    KERNEL32,
    SYNCHRONISATION,
    Event,
    FileMapping,
    FolderSearch,
    HostFile,
    KernelObject,
    StandardStream,
    WindowsProcess,
)

_INFINITE = DWORD
_WAIT_TIMEOUT, _WAIT_FAILED, _STILL_ACTIVE = 258, DWORD, 259
_INVALID_PARAMETER, _ERROR_TIMEOUT, _TOO_MANY_POSTS = 87, 1460, 298
_CREATE_SUSPENDED, _RESERVE_SIZE = 0x4, 0x10000
_TLS_SLOTS, _NO_MORE_ITEMS = 1088, 259
_COUNTER_HERTZ = 10_000_000
_EPOCH_1601 = 116_444_736_000_000_000
_ADDRESS_NOTE = "waits on address"


@KERNEL32.export("CreateThread", 6, ResultWidth.WORD64)
def create_thread(
    process: WindowsProcess,
    security: int,
    stack_bytes: int,
    entry: int,
    parameter: int,
    flags: int,
    identifier: int,
) -> int:
    """Start a thread; the stack size is a commit unless the flag says reserve."""
    flags &= DWORD
    if flags & ~_RESERVE_SIZE:
        return process.fail(_INVALID_PARAMETER)
    reserve, commit = process.default_stack
    if flags & _RESERVE_SIZE and stack_bytes:
        reserve = stack_bytes
    elif stack_bytes:
        commit, reserve = stack_bytes, max(reserve, -(-stack_bytes // (1 << 20)) << 20)
    thread = process.start_thread(entry, (parameter,), reserve, commit)
    if identifier:
        process.machine.write_user(identifier, _thread_id(thread).to_bytes(4, "little"))
    return process.add_handle(thread)


@KERNEL32.export("ExitThread", 1, ResultWidth.NOTHING)
def exit_thread(process: WindowsProcess, code: int) -> int:
    """End the calling thread."""
    raise ThreadExit(code & DWORD)


@KERNEL32.export("GetExitCodeThread", 2)
def get_exit_code_thread(process: WindowsProcess, handle: int, code: int) -> int:
    """Store a thread's result, or STILL_ACTIVE."""
    thread = process.handles.get(handle)
    if not isinstance(thread, GuestThread):
        return process.fail(ERROR_INVALID_HANDLE)
    value = thread.result if thread.finished else _STILL_ACTIVE
    process.machine.write_user(code, value.to_bytes(4, "little"))
    return 1


@KERNEL32.export("GetCurrentThreadId", 0)
def get_current_thread_id(process: WindowsProcess) -> int:
    """Return the number that the TEB also holds."""
    return _thread_id(process.scheduler.running)


@KERNEL32.export("Sleep", 1, ResultWidth.NOTHING)
def sleep(process: WindowsProcess, milliseconds: int) -> int:
    """Let the others run for at least this long."""
    process.scheduler.sleep((milliseconds & DWORD) / 1000)
    return 0


@KERNEL32.export("SwitchToThread", 0)
def switch_to_thread(process: WindowsProcess) -> int:
    """Let the other threads have their turn."""
    process.scheduler.sleep(0)
    return 1


@KERNEL32.export("TlsAlloc", 0)
def tls_alloc(process: WindowsProcess) -> int:
    """Hand out an index; every thread has 0 there."""
    free = next((index for index in range(_TLS_SLOTS) if index not in process.tls_indexes), None)
    if free is None:
        return process.fail(_NO_MORE_ITEMS, DWORD)
    process.tls_indexes.add(free)
    for thread in process.scheduler.threads:
        thread.notes.pop(f"tls {free}", None)
    return free


@KERNEL32.export("TlsFree", 1)
def tls_free(process: WindowsProcess, index: int) -> int:
    """Take an index back."""
    if index & DWORD not in process.tls_indexes:
        return process.fail(_INVALID_PARAMETER)
    process.tls_indexes.remove(index & DWORD)
    return 1


@KERNEL32.export("TlsGetValue", 1, ResultWidth.WORD64)
def tls_get_value(process: WindowsProcess, index: int) -> int:
    """Return the calling thread's value; the last error becomes 0."""
    if index & DWORD not in process.tls_indexes:
        return process.fail(_INVALID_PARAMETER)
    return process.scheduler.running.notes.get(f"tls {index & DWORD}", process.fail(0))


@KERNEL32.export("TlsSetValue", 2)
def tls_set_value(process: WindowsProcess, index: int, value: int) -> int:
    """Set the calling thread's value."""
    if index & DWORD not in process.tls_indexes:
        return process.fail(_INVALID_PARAMETER)
    process.scheduler.running.notes[f"tls {index & DWORD}"] = value
    return 1


@KERNEL32.export("WaitForSingleObject", 2)
def wait_for_single_object(process: WindowsProcess, handle: int, milliseconds: int) -> int:
    """Wait for a thread's or process's end, an event or a semaphore."""
    target = process.handles.get(handle)
    if target is None:
        return process.fail(ERROR_INVALID_HANDLE, _WAIT_FAILED)
    seconds = _seconds(milliseconds)
    if not process.scheduler.wait_until(lambda: _is_signalled(target), seconds):
        return _WAIT_TIMEOUT
    _consume(target)
    return 0


@KERNEL32.export("WaitForMultipleObjects", 4)
def wait_for_multiple_objects(
    process: WindowsProcess, count: int, handles: int, wait_all: int, milliseconds: int
) -> int:
    """Wait for one or all of up to 64 objects."""
    count &= DWORD
    if not 1 <= count <= 64:
        return process.fail(_INVALID_PARAMETER, _WAIT_FAILED)
    targets: list[KernelObject] = []
    for index in range(count):
        target = process.handles.get(process.machine.word(handles + 8 * index))
        if target is None:
            return process.fail(ERROR_INVALID_HANDLE, _WAIT_FAILED)
        targets.append(target)
    enough = all if wait_all & DWORD else any

    def ready() -> bool:
        return enough(_is_signalled(target) for target in targets)

    if not process.scheduler.wait_until(ready, _seconds(milliseconds)):
        return _WAIT_TIMEOUT
    if wait_all & DWORD:
        for target in targets:
            _consume(target)
        return 0
    first = next(index for index, target in enumerate(targets) if _is_signalled(target))
    _consume(targets[first])
    return first


@KERNEL32.export("CreateEventW", 4, ResultWidth.WORD64)
def create_event(
    process: WindowsProcess, security: int, manual: int, initial: int, name: int
) -> int:
    """Make an event that resets itself unless it is manual."""
    count = 1 if initial & DWORD else 0
    return process.add_handle(Event(count, is_manual=bool(manual & DWORD)))


@KERNEL32.export("SetEvent", 1)
def set_event(process: WindowsProcess, handle: int) -> int:
    """Signal an event."""
    return _set_event(process, handle, 1)


@KERNEL32.export("ResetEvent", 1)
def reset_event(process: WindowsProcess, handle: int) -> int:
    """Take an event's signal away."""
    return _set_event(process, handle, 0)


@KERNEL32.export("CreateSemaphoreW", 4, ResultWidth.WORD64)
def create_semaphore(
    process: WindowsProcess, security: int, initial: int, maximum: int, name: int
) -> int:
    """Make a counting semaphore."""
    return process.add_handle(Event(initial & DWORD, maximum=maximum & DWORD))


@KERNEL32.export("ReleaseSemaphore", 3)
def release_semaphore(process: WindowsProcess, handle: int, count: int, previous: int) -> int:
    """Add to a semaphore's count, never beyond its maximum."""
    target = process.handles.get(handle)
    if not isinstance(target, Event):
        return process.fail(ERROR_INVALID_HANDLE)
    if target.count + (count & DWORD) > target.maximum:
        return process.fail(_TOO_MANY_POSTS)
    if previous:
        process.machine.write_user(previous, target.count.to_bytes(4, "little"))
    target.count += count & DWORD
    return 1


@KERNEL32.export("InitializeSRWLock", 1, ResultWidth.NOTHING)
def initialize_lock(process: WindowsProcess, lock: int) -> None:
    """Store the unlocked state: a zero word."""
    process.machine.write_user(lock, bytes(8))


@KERNEL32.export("InitializeConditionVariable", 1, ResultWidth.NOTHING)
def initialize_condition(process: WindowsProcess, condition: int) -> None:
    """Store the state without waiters: a zero word."""
    process.machine.write_user(condition, bytes(8))


@KERNEL32.export("AcquireSRWLockExclusive", 1, ResultWidth.NOTHING)
def acquire_lock(process: WindowsProcess, lock: int) -> None:
    """Take a lock alone."""
    process.locks.acquire(lock, process.scheduler.running)


@KERNEL32.export("TryAcquireSRWLockExclusive", 1)
def try_acquire_lock(process: WindowsProcess, lock: int) -> int:
    """Take a lock alone unless somebody has it."""
    return int(process.locks.try_acquire(lock, process.scheduler.running))


@KERNEL32.export("ReleaseSRWLockExclusive", 1, ResultWidth.NOTHING)
def release_lock(process: WindowsProcess, lock: int) -> None:
    """Give a lock back."""
    process.locks.release(lock, process.scheduler.running)


@KERNEL32.export("AcquireSRWLockShared", 1, ResultWidth.NOTHING)
def acquire_lock_shared(process: WindowsProcess, lock: int) -> None:
    """Take a lock together with other readers."""
    process.locks.acquire_shared(lock)


@KERNEL32.export("ReleaseSRWLockShared", 1, ResultWidth.NOTHING)
def release_lock_shared(process: WindowsProcess, lock: int) -> None:
    """Give a shared lock back."""
    process.locks.release_shared(lock)


@KERNEL32.export("SleepConditionVariableSRW", 4)
def sleep_condition_variable(
    process: WindowsProcess, condition: int, lock: int, milliseconds: int, flags: int
) -> int:
    """Release the lock, wait for a wake-up, take the lock again."""
    if process.conditions.wait(condition, lock, _seconds(milliseconds)):
        return 1
    return process.fail(_ERROR_TIMEOUT)


@KERNEL32.export("WakeConditionVariable", 1, ResultWidth.NOTHING)
def wake_condition(process: WindowsProcess, condition: int) -> None:
    """Wake one waiter."""
    process.conditions.wake_one(condition)


@KERNEL32.export("WakeAllConditionVariable", 1, ResultWidth.NOTHING)
def wake_all_condition(process: WindowsProcess, condition: int) -> None:
    """Wake all waiters."""
    process.conditions.wake_all(condition)


@SYNCHRONISATION.export("WaitOnAddress", 4)
def wait_on_address(
    process: WindowsProcess, address: int, compared: int, size: int, milliseconds: int
) -> int:
    """Wait while the value at `address` equals the one at `compared`."""
    if size not in (1, 2, 4, 8):
        return process.fail(_INVALID_PARAMETER)
    thread, machine = process.scheduler.running, process.machine
    old = machine.read(compared, size)

    def woken() -> bool:
        return machine.read(address, size) != old or thread.notes.get(_ADDRESS_NOTE, 1) == 0

    thread.notes.setdefault(_ADDRESS_NOTE, address)
    result = process.scheduler.wait_until(woken, _seconds(milliseconds))
    del thread.notes[_ADDRESS_NOTE]
    return 1 if result else process.fail(_ERROR_TIMEOUT)


@SYNCHRONISATION.export("WakeByAddressSingle", 1, ResultWidth.NOTHING)
def wake_by_address_single(process: WindowsProcess, address: int) -> None:
    """Wake one thread that waits on `address`."""
    for thread in process.scheduler.threads:
        if thread.notes.get(_ADDRESS_NOTE) == address:
            thread.notes[_ADDRESS_NOTE] = 0
            return


@SYNCHRONISATION.export("WakeByAddressAll", 1, ResultWidth.NOTHING)
def wake_by_address_all(process: WindowsProcess, address: int) -> None:
    """Wake every thread that waits on `address`."""
    for thread in process.scheduler.threads:
        if thread.notes.get(_ADDRESS_NOTE) == address:
            thread.notes[_ADDRESS_NOTE] = 0


@KERNEL32.export("QueryPerformanceCounter", 1)
def query_performance_counter(process: WindowsProcess, value: int) -> int:
    """Store the monotonic clock in units of 100 ns."""
    ticks = time.monotonic_ns() * _COUNTER_HERTZ // 10**9
    process.machine.write_user(value, ticks.to_bytes(8, "little"))
    return 1


@KERNEL32.export("QueryPerformanceFrequency", 1)
def query_performance_frequency(process: WindowsProcess, value: int) -> int:
    """Store the counter's units per second."""
    process.machine.write_user(value, _COUNTER_HERTZ.to_bytes(8, "little"))
    return 1


@KERNEL32.export("GetTickCount64", 0, ResultWidth.WORD64)
def get_tick_count(process: WindowsProcess) -> int:
    """Return milliseconds since some start."""
    return time.monotonic_ns() // 10**6


@KERNEL32.export("GetSystemTimeAsFileTime", 1, ResultWidth.NOTHING)
def get_system_time(process: WindowsProcess, value: int) -> None:
    """Store the wall clock in units of 100 ns since 1601."""
    ticks = time.time_ns() // 100 + _EPOCH_1601
    process.machine.write_user(value, ticks.to_bytes(8, "little"))


KERNEL32.export("GetSystemTimePreciseAsFileTime", 1, ResultWidth.NOTHING)(get_system_time)


@KERNEL32.export("GetSystemInfo", 1, ResultWidth.NOTHING)
def get_system_info(process: WindowsProcess, info: int) -> None:
    """Describe pages, addresses and two processors."""
    architecture = 9 if process.machine.convention.link_register is None else 12
    rows = (
        (architecture, 4),
        (0x1000, 4),
        (0x10000, 8),
        (0x7FFF_FFFE_FFFF, 8),
        (3, 8),
        (2, 4),
        (8664, 4),
        (0x10000, 4),
        (0, 4),
    )
    data = b"".join(value.to_bytes(size, "little") for value, size in rows)
    process.machine.write_user(info, data)


@KERNEL32.export("GetCurrentProcessId", 0)
def get_current_process_id(process: WindowsProcess) -> int:
    """Return some process number."""
    return os.getpid()


@KERNEL32.export("IsProcessorFeaturePresent", 1)
def is_processor_feature_present(process: WindowsProcess, feature: int) -> int:
    """Deny every optional feature."""
    return 0


def _thread_id(thread: GuestThread) -> int:
    return 0x1000 + 4 * thread.number


def _seconds(milliseconds: int) -> float | None:
    milliseconds &= DWORD
    return None if milliseconds == _INFINITE else milliseconds / 1000


def _set_event(process: WindowsProcess, handle: int, count: int) -> int:
    target = process.handles.get(handle)
    if not isinstance(target, Event):
        return process.fail(ERROR_INVALID_HANDLE)
    target.count = count
    return 1


def _is_signalled(target: KernelObject) -> bool:
    match target:
        case GuestThread():
            return target.finished
        case Event():
            return target.count > 0
        case Child():
            target.finish()
            return True
        case PipeEnd() | HostFile() | StandardStream() | FolderSearch() | FileMapping():
            return True


def _consume(target: KernelObject) -> None:
    if isinstance(target, Event) and not target.is_manual:
        target.count -= 1
