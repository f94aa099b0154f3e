"""Builtins of std.md 3.1's portable layer: threads, waiting on a word, sleeping, the CPUs.

They are what `std/thread.mlr` is written in. Handles are opaque; errors are negative errno values.
"""

from mlrift.frontend.builtins.declaration import Builtin
from mlrift.ir.builder import Builder
from mlrift.ir.core import Value
from mlrift.typesystem import U64


def _start(builder: Builder, arguments: list[Value]) -> Value:
    return builder.call_external("core.thread_start", arguments)


def _join(builder: Builder, arguments: list[Value]) -> Value:
    return builder.call_external("os.thread_join", arguments)


def _detach(builder: Builder, arguments: list[Value]) -> Value:
    builder.call_external("os.thread_detach", arguments, ())
    return builder.word(0)


def _local(builder: Builder, arguments: list[Value]) -> Value:
    return builder.call_external("core.local_address", arguments)


def _wait_word(builder: Builder, arguments: list[Value]) -> Value:
    return builder.call_external("os.wait", arguments)


def _wake_word(builder: Builder, arguments: list[Value]) -> Value:
    return builder.call_external("os.wake", arguments)


def _sleep_ns(builder: Builder, arguments: list[Value]) -> Value:
    builder.call_external("os.sleep_ns", arguments, ())
    return builder.word(0)


def _yield(builder: Builder, arguments: list[Value]) -> Value:
    builder.call_external("os.yield", arguments, ())
    return builder.word(0)


def _cpu_count(builder: Builder, arguments: list[Value]) -> Value:
    return builder.call_external("os.cpu_count", arguments)


THREADS = (
    Builtin(
        "os_thread_start",
        (U64, U64, U64),
        U64,
        _start,
        "run a function on a new thread: its address, its argument, the bytes of its stack",
    ),
    Builtin("os_thread_join", (U64,), U64, _join, "wait for a thread's end; its result", True),
    Builtin("os_thread_detach", (U64,), U64, _detach, "let a thread end by itself"),
    Builtin("os_thread_local", (U64,), U64, _local, "address of a word of the calling thread"),
    Builtin(
        "os_wait_word",
        (U64, U64, U64),
        U64,
        _wait_word,
        "wait while the 32 bits at an address are as expected, for some nanoseconds at most",
    ),
    Builtin("os_wake_word", (U64, U64), U64, _wake_word, "wake threads that wait on an address"),
    Builtin("os_sleep_ns", (U64,), U64, _sleep_ns, "sleep for at least so many nanoseconds"),
    Builtin("os_yield", (), U64, _yield, "let other threads run"),
    Builtin("os_cpu_count", (), U64, _cpu_count, "how many CPUs the process may use"),
)
