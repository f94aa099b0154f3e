"""What the linker and the driver need to know of an operating system."""

from collections.abc import Callable, Mapping
from enum import Enum, unique

from mlrift.backends.arm64 import stubs as arm64_stubs
from mlrift.backends.platforms.c_library import BIONIC, GLIBC, LIBSYSTEM, MSVCRT, CLibrary
from mlrift.backends.x86_64 import stubs as x86_64_stubs
from mlrift.ir.core import FOREIGN_PREFIX
from mlrift.link.image import ImportedSymbol
from mlrift.link.objects import ObjectFile, Relocation, code_object
from mlrift.targets import ANDROID, ARM64, LINUX, MACOS, WINDOWS, X86_64, Cpu, System, Target
from mlrift.values import value

Stub = tuple[bytes, tuple[Relocation, ...]]

# What LLVM calls in functions of Windows with large frames.
STACK_PROBE_SYMBOL = "__chkstk"


@unique
class OsLayerKind(Enum):
    """What the OS layer may lean on: nothing, a C library beside it, or that and a C linker.

    The thread pointer is the program's own only where no C library has it. BASE is the part that
    most programs are content with, for the linker has less to read then.
    """

    BASE = "base"
    ALONE = "alone"
    WITH_C = "with-c"
    OBJECT = "object"


@value
class CpuStubs:
    """The encoded gates of a CPU."""

    stack_entry: Stub
    glibc_entry: Stub
    bionic_entry: Stub
    called_entry: Stub
    called_c_entry: Stub
    syscall: Stub
    carry_syscall: Stub
    stack_probe: Stub
    cache: Mapping[str, Stub]
    clone: Stub
    thread_pointer: Stub
    set_thread_pointer: Stub
    thread_entry: Stub
    address_of: Callable[[str], Stub]


@value
class Platform:
    """An operating system as the linker sees it.

    `base_sources` and `sources` are file names beside this module, concatenated after
    `constants(target)`; the former need none of the others. `thread_sources` are those that differ
    by the kind of OS layer. `entry` is the symbol where the
    process starts. `c_functions` are what the sources call, from `library`, and
    `c_thread_functions` what they call of the C library; symbol names start with `c_prefix` in
    `library`. `c_library` is what programs may call.
    """

    system: System
    base_sources: tuple[str, ...]
    sources: tuple[str, ...]
    thread_sources: Mapping[OsLayerKind, tuple[str, ...]]
    entry: str
    library: str
    c_prefix: str
    c_functions: tuple[str, ...]
    c_thread_functions: tuple[str, ...]
    gates: Callable[[CpuStubs], dict[str, Stub]]
    c_library: CLibrary
    socket_library: str = ""
    socket_functions: tuple[str, ...] = ()

    def constants(self, target: Target) -> str:
        """Return the `.mlr` text with the numbers of a target that the sources use."""
        numbers = {"TARGET_OS": target.system.os_id, "ARCH_ID": target.arch_id}
        numbers |= SYSTEM_CALLS[target.cpu.name] if self.system in (LINUX, ANDROID) else {}
        return "".join(f"const u64 {name} = {value}\n" for name, value in numbers.items())

    def sources_of(self, kind: OsLayerKind) -> tuple[str, ...]:
        """Return the file names of a kind of OS layer, in order."""
        if kind is OsLayerKind.BASE:
            return self.base_sources
        return self.base_sources + self.sources + self.thread_sources[kind]

    def layer_kind(self, with_c: OsLayerKind) -> OsLayerKind:
        """Return the kind of OS layer that a linked program gets: one name for equal sources."""
        own = self.thread_sources[OsLayerKind.ALONE]
        return OsLayerKind.ALONE if self.thread_sources[with_c] == own else with_c

    def stub_object(self, cpu: Cpu) -> ObjectFile:
        """Return the encoded gates for a CPU as an object."""
        rows = CPU_STUBS[cpu.name]
        name = f"stubs-{self.system.name}-{cpu.name}"
        return code_object(name, self.gates(rows) | dict(rows.cache))

    def encoded_functions(self, cpu: Cpu) -> dict[str, bytes]:
        """Return the machine code of the gates that do not start a process, by symbol."""
        rows = CPU_STUBS[cpu.name]
        stubs = self.gates(rows) | dict(rows.cache)
        return {name: code for name, (code, relocations) in stubs.items() if not relocations}

    def imports(self) -> dict[str, ImportedSymbol]:
        """Return the C functions of the OS layer and of the start, by their names there."""
        symbols = {
            name: ImportedSymbol(self.library, self.c_prefix + name) for name in self.c_functions
        }
        for name in self.socket_functions:
            symbols[name] = ImportedSymbol(self.socket_library, name)
        for name in self.c_thread_functions:
            found = self.c_library.provide(name, ())
            assert found is not None, f"the C library has no {name}"
            symbols[name] = found
        symbols.update(self.c_library.start_imports)
        return {FOREIGN_PREFIX + name: row for name, row in symbols.items()}


CPU_STUBS = {
    X86_64.name: CpuStubs(
        x86_64_stubs.STACK_ENTRY,
        x86_64_stubs.GLIBC_ENTRY,
        x86_64_stubs.BIONIC_ENTRY,
        x86_64_stubs.CALLED_ENTRY,
        x86_64_stubs.CALLED_C_ENTRY,
        x86_64_stubs.SYSCALL,
        x86_64_stubs.CARRY_SYSCALL,
        x86_64_stubs.STACK_PROBE,
        x86_64_stubs.CACHE_STUBS,
        x86_64_stubs.CLONE,
        x86_64_stubs.THREAD_POINTER,
        x86_64_stubs.SET_THREAD_POINTER,
        x86_64_stubs.THREAD_ENTRY,
        x86_64_stubs.address_of,
    ),
    ARM64.name: CpuStubs(
        arm64_stubs.STACK_ENTRY,
        arm64_stubs.GLIBC_ENTRY,
        arm64_stubs.BIONIC_ENTRY,
        arm64_stubs.CALLED_ENTRY,
        arm64_stubs.CALLED_C_ENTRY,
        arm64_stubs.SYSCALL,
        arm64_stubs.CARRY_SYSCALL,
        arm64_stubs.STACK_PROBE,
        arm64_stubs.CACHE_STUBS,
        arm64_stubs.CLONE,
        arm64_stubs.THREAD_POINTER,
        arm64_stubs.SET_THREAD_POINTER,
        arm64_stubs.THREAD_ENTRY,
        arm64_stubs.address_of,
    ),
}

# Linux system calls by CPU (arch/x86/entry/syscalls/syscall_64.tbl, asm-generic/unistd.h). Only
# calls on Android's seccomp list: the `at` forms everywhere. OPEN_FOLDER is O_DIRECTORY and
# O_CLOEXEC, STAT_MODE is where `st_mode` lies.
SYSTEM_CALLS = {
    X86_64.name: {
        "SYS_READ": 0,
        "SYS_RT_SIGACTION": 13,
        "SYS_CLONE": 56,
        "SYS_WAIT4": 61,
        "SYS_KILL": 62,
        "SYS_FCNTL": 72,
        "SYS_DUP3": 292,
        "SYS_PIPE2": 293,
        "SYS_WRITE": 1,
        "SYS_CLOSE": 3,
        "SYS_LSEEK": 8,
        "SYS_MMAP": 9,
        "SYS_MPROTECT": 10,
        "SYS_MUNMAP": 11,
        "SYS_SCHED_YIELD": 24,
        "SYS_NANOSLEEP": 35,
        "SYS_EXECVE": 59,
        "SYS_EXIT": 60,
        "SYS_FUTEX": 202,
        "SYS_SCHED_GETAFFINITY": 204,
        "SYS_CLOCK_GETTIME": 228,
        "SYS_EXIT_GROUP": 231,
        "SYS_OPENAT": 257,
        "SYS_FCHMODAT": 268,
        "SYS_FSTAT": 5,
        "SYS_NEWFSTATAT": 262,
        "SYS_UNLINKAT": 263,
        "SYS_MKDIRAT": 258,
        "SYS_RENAMEAT": 264,
        "SYS_GETDENTS64": 217,
        "SYS_FTRUNCATE": 77,
        "SYS_FSYNC": 74,
        "SYS_IOCTL": 16,
        "SYS_GETCWD": 79,
        "SYS_SOCKET": 41,
        "SYS_CONNECT": 42,
        "SYS_ACCEPT4": 288,
        "SYS_SENDTO": 44,
        "SYS_RECVFROM": 45,
        "SYS_SHUTDOWN": 48,
        "SYS_BIND": 49,
        "SYS_LISTEN": 50,
        "SYS_GETSOCKNAME": 51,
        "SYS_GETPEERNAME": 52,
        "SYS_SETSOCKOPT": 54,
        "SYS_GETSOCKOPT": 55,
        "SYS_PPOLL": 271,
        "OPEN_FOLDER": 0x90000,
        "STAT_MODE": 24,
    },
    ARM64.name: {
        "SYS_READ": 63,
        "SYS_RT_SIGACTION": 134,
        "SYS_CLONE": 220,
        "SYS_WAIT4": 260,
        "SYS_KILL": 129,
        "SYS_FCNTL": 25,
        "SYS_DUP3": 24,
        "SYS_PIPE2": 59,
        "SYS_WRITE": 64,
        "SYS_CLOSE": 57,
        "SYS_LSEEK": 62,
        "SYS_MMAP": 222,
        "SYS_MPROTECT": 226,
        "SYS_MUNMAP": 215,
        "SYS_SCHED_YIELD": 124,
        "SYS_NANOSLEEP": 101,
        "SYS_EXECVE": 221,
        "SYS_EXIT": 93,
        "SYS_FUTEX": 98,
        "SYS_SCHED_GETAFFINITY": 123,
        "SYS_CLOCK_GETTIME": 113,
        "SYS_EXIT_GROUP": 94,
        "SYS_OPENAT": 56,
        "SYS_FCHMODAT": 53,
        "SYS_FSTAT": 80,
        "SYS_NEWFSTATAT": 79,
        "SYS_UNLINKAT": 35,
        "SYS_MKDIRAT": 34,
        "SYS_RENAMEAT": 38,
        "SYS_GETDENTS64": 61,
        "SYS_FTRUNCATE": 46,
        "SYS_FSYNC": 82,
        "SYS_IOCTL": 29,
        "SYS_GETCWD": 17,
        "SYS_SOCKET": 198,
        "SYS_CONNECT": 203,
        "SYS_ACCEPT4": 242,
        "SYS_SENDTO": 206,
        "SYS_RECVFROM": 207,
        "SYS_SHUTDOWN": 210,
        "SYS_BIND": 200,
        "SYS_LISTEN": 201,
        "SYS_GETSOCKNAME": 204,
        "SYS_GETPEERNAME": 205,
        "SYS_SETSOCKOPT": 208,
        "SYS_GETSOCKOPT": 209,
        "SYS_PPOLL": 73,
        "OPEN_FOLDER": 0x84000,
        "STAT_MODE": 16,
    },
}


def _linux_gates(rows: CpuStubs) -> dict[str, Stub]:
    return {
        "os.entry": rows.stack_entry,
        "os.c_entry": rows.glibc_entry,
        "os.syscall": rows.syscall,
        "os.clone": rows.clone,
        "os.thread_pointer": rows.thread_pointer,
        "os.set_thread_pointer": rows.set_thread_pointer,
    }


def _android_gates(rows: CpuStubs) -> dict[str, Stub]:
    return _linux_gates(rows) | {
        "os.c_entry": rows.bionic_entry,
        "os.image_base": rows.address_of("__image_base"),
        "os.rela_start": rows.address_of("__rela_start"),
        "os.rela_end": rows.address_of("__rela_end"),
    }


def _windows_gates(rows: CpuStubs) -> dict[str, Stub]:
    return {
        "os.entry": rows.called_entry,
        "os.c_entry": rows.called_c_entry,
        "os.thread_entry": rows.thread_entry,
        "os.thread_entry_address": rows.address_of("os.thread_entry"),
        STACK_PROBE_SYMBOL: rows.stack_probe,
    }


def _macos_gates(rows: CpuStubs) -> dict[str, Stub]:
    return {"os.syscall": rows.carry_syscall}


_THREAD_BLOCK = "thread_block.mlr"
_LINUX_SOURCES = (
    "linux_files.mlr",
    "linux_waiting.mlr",
    "linux_processes.mlr",
    "linux_processor.mlr",
    _THREAD_BLOCK,
    "linux_sockets.mlr",
    "poll_entries.mlr",
)
_LINUX_THREADS = {
    OsLayerKind.ALONE: ("linux_threads.mlr",),
    OsLayerKind.WITH_C: ("posix_threads.mlr",),
    OsLayerKind.OBJECT: ("posix_threads.mlr",),
}
_WINDOWS_THREADS = {
    OsLayerKind.ALONE: ("windows_threads.mlr", "windows_linked.mlr"),
    OsLayerKind.WITH_C: ("windows_threads.mlr", "windows_linked.mlr"),
    OsLayerKind.OBJECT: ("windows_threads.mlr", "windows_object.mlr"),
}
_MACOS_THREADS = dict.fromkeys(OsLayerKind, ("posix_threads.mlr",))
_POSIX_THREAD_FUNCTIONS = (
    "pthread_attr_destroy",
    "pthread_attr_init",
    "pthread_attr_setstacksize",
    "pthread_create",
    "pthread_detach",
    "pthread_getspecific",
    "pthread_join",
    "pthread_key_create",
    "pthread_key_delete",
    "pthread_setspecific",
)

PLATFORMS = (
    Platform(
        LINUX,
        ("linux_start.mlr", "linux.mlr"),
        _LINUX_SOURCES,
        _LINUX_THREADS,
        "os.entry",
        "",
        "",
        (),
        _POSIX_THREAD_FUNCTIONS,
        _linux_gates,
        GLIBC,
    ),
    Platform(
        ANDROID,
        ("android_start.mlr", "linux.mlr"),
        _LINUX_SOURCES,
        _LINUX_THREADS,
        "os.entry",
        "",
        "",
        (),
        _POSIX_THREAD_FUNCTIONS,
        _android_gates,
        BIONIC,
    ),
    Platform(
        WINDOWS,
        ("windows.mlr",),
        (
            "windows_files.mlr",
            "windows_processes.mlr",
            "windows_processor.mlr",
            "windows_sockets.mlr",
            "resolver.mlr",
            _THREAD_BLOCK,
            "parking.mlr",
        ),
        _WINDOWS_THREADS,
        "os.entry",
        "kernel32.dll",
        "",
        (
            "AcquireSRWLockExclusive",
            "CloseHandle",
            "CreateDirectoryW",
            "CreateFileMappingW",
            "CreateFileW",
            "CreatePipe",
            "CreateProcessW",
            "CreateThread",
            "DeleteFileW",
            "DuplicateHandle",
            "ExitProcess",
            "ExitThread",
            "FindClose",
            "FindFirstFileW",
            "FindNextFileW",
            "FlushFileBuffers",
            "GetCommandLineW",
            "GetConsoleMode",
            "GetCurrentDirectoryW",
            "GetEnvironmentStringsW",
            "GetExitCodeProcess",
            "GetFileAttributesExW",
            "GetFileInformationByHandle",
            "GetFileSizeEx",
            "GetFileType",
            "GetLastError",
            "GetModuleFileNameW",
            "GetStdHandle",
            "GetSystemInfo",
            "GetSystemTimePreciseAsFileTime",
            "IsProcessorFeaturePresent",
            "MapViewOfFile",
            "MoveFileExW",
            "MultiByteToWideChar",
            "QueryPerformanceCounter",
            "QueryPerformanceFrequency",
            "ReadFile",
            "ReleaseSRWLockExclusive",
            "RemoveDirectoryW",
            "SetConsoleOutputCP",
            "SetEndOfFile",
            "SetFilePointerEx",
            "Sleep",
            "SleepConditionVariableSRW",
            "SwitchToThread",
            "TerminateProcess",
            "TlsAlloc",
            "TlsFree",
            "TlsGetValue",
            "TlsSetValue",
            "UnmapViewOfFile",
            "VirtualAlloc",
            "VirtualFree",
            "WaitForSingleObject",
            "WakeConditionVariable",
            "WideCharToMultiByte",
            "WriteFile",
        ),
        (),
        _windows_gates,
        MSVCRT,
        "ws2_32.dll",
        (
            "WSAGetLastError",
            "WSAPoll",
            "WSAStartup",
            "accept",
            "bind",
            "closesocket",
            "connect",
            "freeaddrinfo",
            "getaddrinfo",
            "getpeername",
            "getsockname",
            "getsockopt",
            "ioctlsocket",
            "listen",
            "recvfrom",
            "sendto",
            "setsockopt",
            "shutdown",
            "socket",
        ),
    ),
    Platform(
        MACOS,
        ("macos.mlr",),
        (
            "macos_files.mlr",
            _THREAD_BLOCK,
            "parking.mlr",
            "macos_waiting.mlr",
            "macos_processes.mlr",
            "macos_processor.mlr",
            "macos_sockets.mlr",
            "resolver.mlr",
            "poll_entries.mlr",
        ),
        _MACOS_THREADS,
        "os.start",
        "/usr/lib/libSystem.B.dylib",
        "_",
        (
            "__error",
            "_exit",
            "accept",
            "bind",
            "chmod",
            "clock_gettime_nsec_np",
            "close",
            "connect",
            "dup",
            "execve",
            "fcntl",
            "fgetattrlist",
            "freeaddrinfo",
            "fsync",
            "ftruncate",
            "getaddrinfo",
            "getattrlist",
            "getattrlistbulk",
            "getcwd",
            "getpeername",
            "getsockname",
            "getsockopt",
            "isatty",
            "kill",
            "listen",
            "lseek",
            "mkdir",
            "mmap",
            "munmap",
            "nanosleep",
            "open",
            "pipe",
            "poll",
            "posix_spawn",
            "posix_spawn_file_actions_adddup2",
            "posix_spawn_file_actions_destroy",
            "posix_spawn_file_actions_init",
            "posix_spawnattr_destroy",
            "posix_spawnattr_init",
            "posix_spawnattr_setflags",
            "posix_spawnattr_setsigdefault",
            "pthread_cond_destroy",
            "pthread_cond_init",
            "pthread_cond_signal",
            "pthread_cond_timedwait_relative_np",
            "pthread_cond_wait",
            "pthread_mutex_lock",
            "pthread_mutex_unlock",
            "read",
            "recvfrom",
            "rename",
            "rmdir",
            "sched_yield",
            "sendto",
            "setsockopt",
            "shutdown",
            "signal",
            "socket",
            "sysconf",
            "sysctlbyname",
            "unlink",
            "waitpid",
            "write",
        ),
        _POSIX_THREAD_FUNCTIONS,
        _macos_gates,
        LIBSYSTEM,
    ),
)


def platform_for(system: System) -> Platform:
    """Return the platform of an operating system; every one has one."""
    return next(row for row in PLATFORMS if row.system is system)
