"""Target rows: every operating system, CPU and slice the compiler knows, as data and nothing else.

Code elsewhere asks a row (`target.slice_id`, `target.os.object_format`); it never compares names.
Numbers follow the container's slice ids and `get_arch_id()` of the language reference.
"""

from enum import Enum, unique

from mlrift.values import value


@unique
class ObjectFormat(Enum):
    """The file format in which an operating system keeps executables and objects."""

    ELF = "elf"
    PE = "pe"
    MACHO = "macho"


@unique
class BranchFilter(Enum):
    """Which branch filter the version 2 container applies to a slice before compression."""

    X86 = "x86"
    ARM64 = "arm64"


@value
class Cpu:
    """A host instruction set; `triple`, `baseline`, `features` select LLVM's code generator."""

    name: str
    aliases: tuple[str, ...]
    triple: str
    baseline: str
    features: str
    elf_machine: int
    pe_machine: int
    macho_cputype: int
    macho_cpusubtype: int
    branch_filter: BranchFilter
    elf_page_bytes: int


@value
class System:
    """One operating system; `os_id` is what `get_target_os()` returns there.

    A shared library is called prefix, name, suffix; an archive of objects has a suffix of its own.
    """

    name: str
    aliases: tuple[str, ...]
    os_id: int
    object_format: ObjectFormat
    executable_suffix: str
    object_suffix: str
    default_cpu: str
    library_prefix: str
    library_suffix: str
    archive_suffix: str


@value
class Target:
    """An operating system on a CPU: one slice of a fat file."""

    system: System
    cpu: Cpu
    slice_id: int
    arch_id: int
    name: str
    aliases: tuple[str, ...]


X86_64 = Cpu(
    name="x86_64",
    aliases=("x86-64", "amd64", "x64"),
    triple="x86_64-unknown-linux-gnu",
    baseline="x86-64-v2",
    features="-fast-shld-rotate",  # a rotation is six operations on AMD's processors, if so made
    elf_machine=62,
    pe_machine=0x8664,
    macho_cputype=0x01000007,
    macho_cpusubtype=3,
    branch_filter=BranchFilter.X86,
    elf_page_bytes=0x1000,
)
ARM64 = Cpu(
    name="arm64",
    aliases=("aarch64",),
    triple="aarch64-unknown-linux-gnu",
    baseline="generic",
    features="+neon,+reserve-x18,-outline-atomics",
    elf_machine=183,
    pe_machine=0xAA64,
    macho_cputype=0x0100000C,
    macho_cpusubtype=0,
    branch_filter=BranchFilter.ARM64,
    elf_page_bytes=0x10000,
)
CPUS = (X86_64, ARM64)

LINUX = System("linux", (), 0, ObjectFormat.ELF, "", ".o", "x86_64", "lib", ".so", ".a")
MACOS = System(
    "macos", ("darwin",), 1, ObjectFormat.MACHO, "", ".o", "x86_64", "lib", ".dylib", ".a"
)
WINDOWS = System(
    "windows", ("win",), 2, ObjectFormat.PE, ".exe", ".obj", "x86_64", "", ".dll", ".lib"
)
ANDROID = System("android", (), 3, ObjectFormat.ELF, "", ".o", "arm64", "lib", ".so", ".a")
SYSTEMS_WITH_GUARD_PAGES = (LINUX, ANDROID)
SYSTEMS = (LINUX, MACOS, WINDOWS, ANDROID)

LINUX_X86_64 = Target(LINUX, X86_64, 1, 1, "linux-x64", ("linux-x86_64",))
LINUX_ARM64 = Target(LINUX, ARM64, 2, 2, "linux-arm64", ("linux-aarch64",))
WINDOWS_X86_64 = Target(WINDOWS, X86_64, 3, 3, "win-x64", ("windows-x64",))
WINDOWS_ARM64 = Target(WINDOWS, ARM64, 4, 4, "win-arm64", ("windows-arm64",))
MACOS_X86_64 = Target(MACOS, X86_64, 5, 5, "mac-x64", ("macos-x64",))
MACOS_ARM64 = Target(MACOS, ARM64, 6, 6, "mac-arm64", ("macos-arm64",))
ANDROID_ARM64 = Target(ANDROID, ARM64, 7, 7, "android-arm64", ())
ANDROID_X86_64 = Target(ANDROID, X86_64, 8, 8, "android-x64", ("android-x86_64",))
TARGETS = (
    LINUX_X86_64,
    LINUX_ARM64,
    WINDOWS_X86_64,
    WINDOWS_ARM64,
    MACOS_X86_64,
    MACOS_ARM64,
    ANDROID_ARM64,
    ANDROID_X86_64,
)


def find_cpu(name: str) -> Cpu | None:
    """Return the CPU that `name` (or one of its aliases) means."""
    return next((cpu for cpu in CPUS if name == cpu.name or name in cpu.aliases), None)


def find_system(name: str) -> System | None:
    """Return the operating system that `name` (or one of its aliases) means."""
    return next((row for row in SYSTEMS if name == row.name or name in row.aliases), None)


def find_target(name: str) -> Target | None:
    """Return the target whose `--targets` name is `name`."""
    return next((row for row in TARGETS if name == row.name or name in row.aliases), None)


def target_for(system: System, cpu: Cpu) -> Target:
    """Return the row for a system on a CPU; every pair exists."""
    return next(row for row in TARGETS if row.system is system and row.cpu is cpu)
