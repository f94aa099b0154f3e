"""What the linker and the driver need to know of an operating system."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mlrift.backends.arm64 import stubs as arm64_stubs
from mlrift.backends.platforms.c_library import BIONIC, GLIBC, LIBSYSTEM, MSVCRT, CLibrary
from mlrift.backends.x86_64 import stubs as x86_64_stubs
from mlrift.ir.core import FOREIGN_PREFIX
from mlrift.link.image import ImportedSymbol
from mlrift.link.objects import ObjectFile, Relocation, code_object
from mlrift.targets import ANDROID, ARM64, LINUX, MACOS, WINDOWS, X86_64, Cpu, System, Target

Stub = tuple[bytes, tuple[Relocation, ...]]

# What LLVM calls in functions of Windows with large frames.
STACK_PROBE_SYMBOL = "__chkstk"


@dataclass(frozen=True, slots=True)
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
    address_of: Callable[[str], Stub]


@dataclass(frozen=True, slots=True)
class Platform:
    """An operating system as the linker sees it.

    `sources` are file names beside this module, concatenated after `constants(target)`;
    `entry` is the symbol where the process starts. `c_functions` are what the sources call, from
    `library`; symbol names start with `c_prefix` there. `c_library` is what programs may call.
    """

    system: System
    sources: tuple[str, ...]
    entry: str
    library: str
    c_prefix: str
    c_functions: tuple[str, ...]
    gates: Callable[[CpuStubs], dict[str, Stub]]
    c_library: CLibrary

    def constants(self, target: Target) -> str:
        """Return the `.mlr` text with the numbers of a target that the sources use."""
        numbers = {"TARGET_OS": target.system.os_id, "ARCH_ID": target.arch_id}
        numbers |= SYSTEM_CALLS[target.cpu.name] if self.system in (LINUX, ANDROID) else {}
        return "".join(f"const u64 {name} = {value}\n" for name, value in numbers.items())

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
        arm64_stubs.address_of,
    ),
}

# Linux system calls by CPU (arch/x86/entry/syscalls/syscall_64.tbl, asm-generic/unistd.h). Only
# calls on Android's seccomp list: the `at` forms everywhere.
SYSTEM_CALLS = {
    X86_64.name: {
        "SYS_READ": 0,
        "SYS_WRITE": 1,
        "SYS_CLOSE": 3,
        "SYS_LSEEK": 8,
        "SYS_MMAP": 9,
        "SYS_MUNMAP": 11,
        "SYS_EXECVE": 59,
        "SYS_CLOCK_GETTIME": 228,
        "SYS_EXIT_GROUP": 231,
        "SYS_OPENAT": 257,
        "SYS_FCHMODAT": 268,
    },
    ARM64.name: {
        "SYS_READ": 63,
        "SYS_WRITE": 64,
        "SYS_CLOSE": 57,
        "SYS_LSEEK": 62,
        "SYS_MMAP": 222,
        "SYS_MUNMAP": 215,
        "SYS_EXECVE": 221,
        "SYS_CLOCK_GETTIME": 113,
        "SYS_EXIT_GROUP": 94,
        "SYS_OPENAT": 56,
        "SYS_FCHMODAT": 53,
    },
}


def _linux_gates(rows: CpuStubs) -> dict[str, Stub]:
    return {
        "os.entry": rows.stack_entry,
        "os.c_entry": rows.glibc_entry,
        "os.syscall": rows.syscall,
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
        STACK_PROBE_SYMBOL: rows.stack_probe,
    }


def _macos_gates(rows: CpuStubs) -> dict[str, Stub]:
    return {"os.syscall": rows.carry_syscall}


PLATFORMS = (
    Platform(LINUX, ("linux_start.mlr", "linux.mlr"), "os.entry", "", "", (), _linux_gates, GLIBC),
    Platform(
        ANDROID, ("android_start.mlr", "linux.mlr"), "os.entry", "", "", (), _android_gates, BIONIC
    ),
    Platform(
        WINDOWS,
        ("windows.mlr",),
        "os.entry",
        "kernel32.dll",
        "",
        (
            "CloseHandle",
            "CreateFileW",
            "CreateProcessW",
            "ExitProcess",
            "GetCommandLineW",
            "GetEnvironmentStringsW",
            "GetExitCodeProcess",
            "GetFileSizeEx",
            "GetLastError",
            "GetModuleFileNameW",
            "GetStdHandle",
            "MultiByteToWideChar",
            "QueryPerformanceCounter",
            "QueryPerformanceFrequency",
            "ReadFile",
            "SetConsoleOutputCP",
            "SetFilePointerEx",
            "VirtualAlloc",
            "VirtualFree",
            "WaitForSingleObject",
            "WideCharToMultiByte",
            "WriteFile",
        ),
        _windows_gates,
        MSVCRT,
    ),
    Platform(
        MACOS,
        ("macos.mlr",),
        "os.start",
        "/usr/lib/libSystem.B.dylib",
        "_",
        (
            "__error",
            "_exit",
            "chmod",
            "clock_gettime_nsec_np",
            "close",
            "execve",
            "lseek",
            "mmap",
            "munmap",
            "open",
            "read",
            "write",
        ),
        _macos_gates,
        LIBSYSTEM,
    ),
)


def platform_for(system: System) -> Platform:
    """Return the platform of an operating system; every one has one."""
    return next(row for row in PLATFORMS if row.system is system)
