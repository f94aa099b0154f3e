"""Builtins of reference.md 13.1: the process, the operating system and the clock."""

from collections.abc import Callable

from mlrift.frontend.builtins.declaration import Builtin
from mlrift.frontend.symbols import static_symbol
from mlrift.ir.builder import Builder
from mlrift.ir.core import Global, Value
from mlrift.ir.ops.arith import Add
from mlrift.ir.ops.control import Unreachable
from mlrift.ir.ops.memory import GlobalAddress, Load, Stack, Store
from mlrift.typesystem import I64, U64

Lowering = Callable[[Builder, list[Value]], Value]

_WORD_BYTES = 8


def _exit(builder: Builder, arguments: list[Value]) -> Value:
    emit_exit(builder, arguments[0])
    return builder.word(0)


def emit_exit(builder: Builder, status: Value) -> None:
    """End the process; what is emitted next goes into a block that nothing reaches."""
    builder.module.declare("os.exit", [I64], ()).returns = False
    builder.call_external("os.exit", [status], ())
    builder.emit(Unreachable())
    builder.block = builder.new_block("after_exit")


def _exec_process(builder: Builder, arguments: list[Value]) -> Value:
    path = arguments[0]
    vector = builder.emit(Stack(16, 8))
    builder.emit(Store(vector, path, I64))
    builder.emit(Store(builder.emit(Add(vector, builder.word(8))), builder.word(0), I64))
    return _exec_process_argv(builder, [path, vector])


def _exec_process_argv(builder: Builder, arguments: list[Value]) -> Value:
    path, vector = arguments
    declared = builder.module.globals
    environment: Value
    if static_symbol("cli_envp") in declared:
        environment = builder.emit(
            Load(builder.emit(GlobalAddress(static_symbol("cli_envp"))), I64)
        )
    else:
        environment = builder.word(0)
    result = builder.call_external("os.exec", [path, vector, environment])
    if static_symbol("exec_errno") in declared:
        target = builder.emit(GlobalAddress(static_symbol("exec_errno")))
        builder.emit(Store(target, result, I64))
    return result


def _set_executable(builder: Builder, arguments: list[Value]) -> Value:
    builder.call_external("os.set_executable", arguments)
    return builder.word(0)


def _get_module_path(builder: Builder, arguments: list[Value]) -> Value:
    return builder.call_external("os.module_path", arguments)


def _get_target_os(builder: Builder, arguments: list[Value]) -> Value:
    return builder.call_external("os.target_os", arguments)


def _get_arch_id(builder: Builder, arguments: list[Value]) -> Value:
    return builder.call_external("os.arch_id", arguments)


def _time_ns(builder: Builder, arguments: list[Value]) -> Value:
    return builder.call_external("os.time_ns", arguments)


def _wall_ns(builder: Builder, arguments: list[Value]) -> Value:
    return builder.call_external("os.wall_ns", arguments)


def _pipe(builder: Builder, arguments: list[Value]) -> Value:
    return builder.call_external("os.pipe", arguments)


def _process_start(builder: Builder, arguments: list[Value]) -> Value:
    return builder.call_external("os.process_start", arguments)


def _process_wait(builder: Builder, arguments: list[Value]) -> Value:
    return builder.call_external("os.process_wait", arguments)


def _process_kill(builder: Builder, arguments: list[Value]) -> Value:
    return builder.call_external("os.process_kill", arguments)


def _at_exit(builder: Builder, arguments: list[Value]) -> Value:
    return builder.call_external("core.exit_register", arguments)


def _start_word(name: str) -> Lowering:
    """Return the lowering of a builtin that gives what the program's start keeps in a static."""

    def lower(builder: Builder, arguments: list[Value]) -> Value:
        symbol = static_symbol(name)
        if symbol not in builder.module.globals:
            builder.module.globals[symbol] = Global(symbol, _WORD_BYTES, _WORD_BYTES)
        return builder.emit(Load(builder.emit(GlobalAddress(symbol)), I64))

    return lower


def _syscall_raw(builder: Builder, arguments: list[Value]) -> Value:
    return builder.call_external("os.syscall", arguments)


PROCESS = (
    Builtin(
        "exit", (U64,), U64, _exit, "end the process with a status modulo 256", never_returns=True
    ),
    Builtin(
        "exec_process",
        (U64,),
        U64,
        _exec_process,
        "replace the process by a program; a negative errno on failure",
    ),
    Builtin(
        "exec_process_argv",
        (U64, U64),
        U64,
        _exec_process_argv,
        "replace the process by a program with an argv array",
    ),
    Builtin("set_executable", (U64,), U64, _set_executable, "chmod 0755"),
    Builtin(
        "get_module_path", (U64, U64), U64, _get_module_path, "the program's own path on Windows"
    ),
    Builtin("get_target_os", (), U64, _get_target_os, "0 Linux, 1 macOS, 2 Windows, 3 Android"),
    Builtin("get_arch_id", (), U64, _get_arch_id, "the slice id of the running program"),
    Builtin("time_ns", (), U64, _time_ns, "a monotonic clock in nanoseconds"),
    Builtin("os_wall_ns", (), U64, _wall_ns, "nanoseconds since 1970, UTC"),
    Builtin("os_pipe", (U64,), U64, _pipe, "make a pipe: where to read and where to write"),
    Builtin(
        "os_process_start",
        (U64, U64, U64, U64),
        U64,
        _process_start,
        "start a program: path, arguments, environment, its three streams; a process",
    ),
    Builtin("os_process_wait", (U64,), U64, _process_wait, "wait for a process; its exit status"),
    Builtin("os_process_kill", (U64,), U64, _process_kill, "end a process"),
    Builtin(
        "os_at_exit",
        (U64, U64),
        U64,
        _at_exit,
        "call a function with an argument when the program ends; 0 if 32 are registered",
    ),
    Builtin(
        "os_argument_count", (), U64, _start_word("cli_argc"), "the number of arguments, with name"
    ),
    Builtin("os_arguments", (), U64, _start_word("cli_argv"), "the array of arguments, then 0"),
    Builtin("os_environment", (), U64, _start_word("cli_envp"), "the array of NAME=value, then 0"),
    Builtin("syscall_raw", (U64,) * 7, U64, _syscall_raw, "a raw system call with six arguments"),
)
