"""libSystem: threads, mutexes, condition variables, sleeping and clocks."""

import errno
import time

from tests.support.mac_process import LIBSYSTEM, PAGE_BYTES, WORD32, MacProcess
from tests.support.scheduler import GuestThread, ThreadExit
from tests.support.traps import ResultWidth

_THREAD_STACK_BYTES = 512 << 10
_SMALLEST_STACK_BYTES = 0x4000
_ATTRIBUTE_SIGNATURE, _ATTRIBUTE_BYTES = 0x54484441, 64
_MUTEX_SIGNATURE, _MUTEX_STATIC, _MUTEX_BYTES = 0x4D555458, 0x32AAABA7, 64
_CONDITION_SIGNATURE, _CONDITION_STATIC, _CONDITION_BYTES = 0x434F4E44, 0x3CB0B1BB, 48
_FIRST_KEY, _KEYS = 256, 512
_DETACHED = 2
_MAC_ETIMEDOUT = 60
_STACK_SIZE_OFFSET, _DETACHED_OFFSET = 24, 32
_MONOTONIC_CLOCKS = (4, 5, 6, 8, 9)
_CPU_CLOCKS = (12, 16)
_REAL_TIME = 0


@LIBSYSTEM.export("_pthread_create", 4)
def pthread_create(
    process: MacProcess, handle: int, attributes: int, entry: int, argument: int
) -> int:
    """Start a thread; the handle is the address of its thread block."""
    stack_bytes, detached = _THREAD_STACK_BYTES, 0
    if attributes:
        if process.machine.word(attributes) != _ATTRIBUTE_SIGNATURE:
            return errno.EINVAL
        stack_bytes = process.machine.word(attributes + _STACK_SIZE_OFFSET)
        detached = process.machine.word(attributes + _DETACHED_OFFSET)
    process.machine.require_writable(handle, 8)
    thread = process.start_thread(entry, argument, stack_bytes)
    thread.notes["detached"] = detached
    process.machine.write_user(handle, thread.thread_block.to_bytes(8, "little"))
    return 0


@LIBSYSTEM.export("_pthread_join", 2)
def pthread_join(process: MacProcess, handle: int, result: int) -> int:
    """Wait for a thread's end; joining twice or a detached thread is an error."""
    thread = _find(process, handle)
    if thread is None or thread.notes.get("joined"):
        return errno.ESRCH
    if thread is process.scheduler.running:
        return errno.EDEADLK
    if thread.notes.get("detached"):
        return errno.EINVAL
    process.scheduler.wait_until(lambda: thread.finished, None)
    thread.notes["joined"] = 1
    if result:
        process.machine.write_user(result, thread.result.to_bytes(8, "little"))
    return 0


@LIBSYSTEM.export("_pthread_detach", 1)
def pthread_detach(process: MacProcess, handle: int) -> int:
    """Say that nobody will join a thread."""
    thread = _find(process, handle)
    if thread is None:
        return errno.ESRCH
    thread.notes["detached"] = 1
    return 0


@LIBSYSTEM.export("_pthread_exit", 1, ResultWidth.NOTHING)
def pthread_exit(process: MacProcess, result: int) -> None:
    """End the calling thread."""
    raise ThreadExit(result)


@LIBSYSTEM.export("_pthread_self", 0, ResultWidth.WORD64)
def pthread_self(process: MacProcess) -> int:
    """Return the calling thread's handle."""
    return process.scheduler.running.thread_block


@LIBSYSTEM.export("_pthread_key_create", 2)
def pthread_key_create(process: MacProcess, key: int, destructor: int) -> int:
    """Hand out a key; destructors are not run, for no thread here ends with a value."""
    number = next(n for n in range(_FIRST_KEY, _FIRST_KEY + _KEYS) if n not in process.keys)
    process.keys.add(number)
    process.machine.write_user(key, number.to_bytes(8, "little"))
    return 0


@LIBSYSTEM.export("_pthread_key_delete", 1)
def pthread_key_delete(process: MacProcess, key: int) -> int:
    """Take a key back."""
    if key not in process.keys:
        return errno.EINVAL
    process.keys.remove(key)
    return 0


@LIBSYSTEM.export("_pthread_getspecific", 1, ResultWidth.WORD64)
def pthread_getspecific(process: MacProcess, key: int) -> int:
    """Return the calling thread's value of a key."""
    return process.scheduler.running.notes.get(f"key {key}", 0) if key in process.keys else 0


@LIBSYSTEM.export("_pthread_setspecific", 2)
def pthread_setspecific(process: MacProcess, key: int, value: int) -> int:
    """Set the calling thread's value of a key."""
    if key not in process.keys:
        return errno.EINVAL
    process.scheduler.running.notes[f"key {key}"] = value
    return 0


@LIBSYSTEM.export("_pthread_attr_init", 1)
def pthread_attr_init(process: MacProcess, attributes: int) -> int:
    """Fill an attribute object with the defaults."""
    data = bytearray(_ATTRIBUTE_BYTES)
    data[0:8] = _ATTRIBUTE_SIGNATURE.to_bytes(8, "little")
    data[_STACK_SIZE_OFFSET : _STACK_SIZE_OFFSET + 8] = _THREAD_STACK_BYTES.to_bytes(8, "little")
    process.machine.write_user(attributes, bytes(data))
    return 0


@LIBSYSTEM.export("_pthread_attr_destroy", 1)
def pthread_attr_destroy(process: MacProcess, attributes: int) -> int:
    """Make an attribute object unusable."""
    process.machine.write_user(attributes, bytes(8))
    return 0


@LIBSYSTEM.export("_pthread_attr_setstacksize", 2)
def pthread_attr_setstacksize(process: MacProcess, attributes: int, size: int) -> int:
    """Set the stack size: a multiple of the page size, at least 16 KiB."""
    is_bad = size % PAGE_BYTES or size < _SMALLEST_STACK_BYTES
    if is_bad or process.machine.word(attributes) != _ATTRIBUTE_SIGNATURE:
        return errno.EINVAL
    process.machine.write_user(attributes + _STACK_SIZE_OFFSET, size.to_bytes(8, "little"))
    return 0


@LIBSYSTEM.export("_pthread_attr_setdetachstate", 2)
def pthread_attr_setdetachstate(process: MacProcess, attributes: int, state: int) -> int:
    """Make threads joinable (1) or detached (2)."""
    if process.machine.word(attributes) != _ATTRIBUTE_SIGNATURE or state & WORD32 not in (1, 2):
        return errno.EINVAL
    value = int(state & WORD32 == _DETACHED)
    process.machine.write_user(attributes + _DETACHED_OFFSET, value.to_bytes(8, "little"))
    return 0


@LIBSYSTEM.export("_pthread_mutex_init", 2)
def pthread_mutex_init(process: MacProcess, mutex: int, attributes: int) -> int:
    """Sign a mutex object."""
    data = _MUTEX_SIGNATURE.to_bytes(8, "little") + bytes(_MUTEX_BYTES - 8)
    process.machine.write_user(mutex, data)
    return 0


@LIBSYSTEM.export("_pthread_mutex_destroy", 1)
def pthread_mutex_destroy(process: MacProcess, mutex: int) -> int:
    """Make a mutex unusable; a locked one is EBUSY."""
    if not _is_mutex(process, mutex):
        return errno.EINVAL
    if not process.locks.is_free(mutex):
        return errno.EBUSY
    process.machine.write_user(mutex, bytes(8))
    return 0


@LIBSYSTEM.export("_pthread_mutex_lock", 1)
def pthread_mutex_lock(process: MacProcess, mutex: int) -> int:
    """Take a mutex, waiting if need be."""
    if not _is_mutex(process, mutex):
        return errno.EINVAL
    process.locks.acquire(mutex, process.scheduler.running)
    return 0


@LIBSYSTEM.export("_pthread_mutex_trylock", 1)
def pthread_mutex_trylock(process: MacProcess, mutex: int) -> int:
    """Take a mutex unless somebody has it."""
    if not _is_mutex(process, mutex):
        return errno.EINVAL
    return 0 if process.locks.try_acquire(mutex, process.scheduler.running) else errno.EBUSY


@LIBSYSTEM.export("_pthread_mutex_unlock", 1)
def pthread_mutex_unlock(process: MacProcess, mutex: int) -> int:
    """Give a mutex back; only its owner may."""
    if not _is_mutex(process, mutex):
        return errno.EINVAL
    return 0 if process.locks.release(mutex, process.scheduler.running) else errno.EPERM


@LIBSYSTEM.export("_pthread_cond_init", 2)
def pthread_cond_init(process: MacProcess, condition: int, attributes: int) -> int:
    """Sign a condition variable."""
    data = _CONDITION_SIGNATURE.to_bytes(8, "little") + bytes(_CONDITION_BYTES - 8)
    process.machine.write_user(condition, data)
    return 0


@LIBSYSTEM.export("_pthread_cond_destroy", 1)
def pthread_cond_destroy(process: MacProcess, condition: int) -> int:
    """Make a condition variable unusable."""
    if not _is_condition(process, condition):
        return errno.EINVAL
    process.machine.write_user(condition, bytes(8))
    return 0


@LIBSYSTEM.export("_pthread_cond_wait", 2)
def pthread_cond_wait(process: MacProcess, condition: int, mutex: int) -> int:
    """Release the mutex, wait for a signal, take the mutex again."""
    return _wait(process, condition, mutex, None)


@LIBSYSTEM.export("_pthread_cond_timedwait", 3)
def pthread_cond_timedwait(process: MacProcess, condition: int, mutex: int, until: int) -> int:
    """Wait until a wall-clock time at most."""
    thread = process.scheduler.running
    seconds = process.machine.word(until) + process.machine.word(until + 8) / 1e9 - time.time()
    if thread.wait_started_seconds is None:
        thread.notes["relative ns"] = int(max(0.0, seconds) * 1e9)
    return _wait(process, condition, mutex, thread.notes["relative ns"] / 1e9)


@LIBSYSTEM.export("_pthread_cond_timedwait_relative_np", 3)
def pthread_cond_timedwait_relative(
    process: MacProcess, condition: int, mutex: int, span: int
) -> int:
    """Wait for a span of time at most."""
    seconds = process.machine.word(span) + process.machine.word(span + 8) / 1e9
    return _wait(process, condition, mutex, seconds)


@LIBSYSTEM.export("_pthread_cond_signal", 1)
def pthread_cond_signal(process: MacProcess, condition: int) -> int:
    """Wake one waiter."""
    if not _is_condition(process, condition):
        return errno.EINVAL
    process.conditions.wake_one(condition)
    return 0


@LIBSYSTEM.export("_pthread_cond_broadcast", 1)
def pthread_cond_broadcast(process: MacProcess, condition: int) -> int:
    """Wake all waiters."""
    if not _is_condition(process, condition):
        return errno.EINVAL
    process.conditions.wake_all(condition)
    return 0


@LIBSYSTEM.export("_os_unfair_lock_lock", 1, ResultWidth.NOTHING)
def os_unfair_lock_lock(process: MacProcess, lock: int) -> None:
    """Take a lock word."""
    process.locks.acquire(lock, process.scheduler.running)


@LIBSYSTEM.export("_os_unfair_lock_unlock", 1, ResultWidth.NOTHING)
def os_unfair_lock_unlock(process: MacProcess, lock: int) -> None:
    """Give a lock word back."""
    process.locks.release(lock, process.scheduler.running)


@LIBSYSTEM.export("_sched_yield", 0)
def sched_yield(process: MacProcess) -> int:
    """Let the other threads have their turn."""
    process.scheduler.sleep(0)
    return 0


@LIBSYSTEM.export("_usleep", 1)
def usleep(process: MacProcess, microseconds: int) -> int:
    """Sleep."""
    process.scheduler.sleep((microseconds & WORD32) / 1e6)
    return 0


@LIBSYSTEM.export("_nanosleep", 2)
def nanosleep(process: MacProcess, span: int, rest: int) -> int:
    """Sleep for a timespec."""
    seconds, nanoseconds = process.machine.word(span), process.machine.word(span + 8)
    if seconds >> 63 or nanoseconds >= 10**9:
        return process.fail(errno.EINVAL)
    process.scheduler.sleep(seconds + nanoseconds / 1e9)
    return 0


@LIBSYSTEM.export("_clock_gettime_nsec_np", 1, ResultWidth.WORD64)
def clock_gettime_nsec(process: MacProcess, clock: int) -> int:
    """Return a clock in nanoseconds; 0 for an unknown clock."""
    nanoseconds = _clock(clock & WORD32)
    if nanoseconds is None:
        process.fail(errno.EINVAL)
        return 0
    return nanoseconds


@LIBSYSTEM.export("_clock_gettime", 2)
def clock_gettime(process: MacProcess, clock: int, result: int) -> int:
    """Store a clock as a timespec."""
    nanoseconds = _clock(clock & WORD32)
    if nanoseconds is None:
        return process.fail(errno.EINVAL)
    process.machine.write_user(result, _pair(nanoseconds, 10**9, 1))
    return 0


@LIBSYSTEM.export("_gettimeofday", 2)
def gettimeofday(process: MacProcess, result: int, zone: int) -> int:
    """Store the wall clock as a timeval."""
    process.machine.write_user(result, _pair(time.time_ns(), 10**9, 1000))
    return 0


@LIBSYSTEM.export("_mach_absolute_time", 0, ResultWidth.WORD64)
def mach_absolute_time(process: MacProcess) -> int:
    """Return the uptime clock in its own units."""
    return time.monotonic_ns()


def _clock(number: int) -> int | None:
    if number == _REAL_TIME:
        return time.time_ns()
    if number in _MONOTONIC_CLOCKS:
        return time.monotonic_ns()
    return time.process_time_ns() if number in _CPU_CLOCKS else None


def _pair(nanoseconds: int, per_second: int, divisor: int) -> bytes:
    seconds, rest = divmod(nanoseconds, per_second)
    return seconds.to_bytes(8, "little") + (rest // divisor).to_bytes(8, "little")


def _find(process: MacProcess, handle: int) -> GuestThread | None:
    return next((t for t in process.scheduler.threads if t.thread_block == handle), None)


def _is_mutex(process: MacProcess, mutex: int) -> bool:
    return process.machine.word(mutex) in (_MUTEX_SIGNATURE, _MUTEX_STATIC)


def _is_condition(process: MacProcess, condition: int) -> bool:
    return process.machine.word(condition) in (_CONDITION_SIGNATURE, _CONDITION_STATIC)


def _wait(process: MacProcess, condition: int, mutex: int, seconds: float | None) -> int:
    if not _is_condition(process, condition) or not _is_mutex(process, mutex):
        return errno.EINVAL
    thread = process.scheduler.running
    if "waits on condition" not in thread.notes and process.locks.owner(mutex) != thread.number:
        return errno.EPERM
    return 0 if process.conditions.wait(condition, mutex, seconds) else _MAC_ETIMEDOUT
