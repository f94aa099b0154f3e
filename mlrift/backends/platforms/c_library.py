"""Where the C functions of a program come from on each system, and how a program with them starts.

An `extern fn` names no library, or one for each system by its file name (`user32.dll`). Without one
the system's C library is meant. Names in it are not checked against a list, because systems grow:
what the library lacks its loader reports when the program starts. Only what is known to be absent
is refused at compile time.
"""

from collections.abc import Callable, Iterable, Mapping

from mlrift.link.options import ImportedSymbol
from mlrift.values import value


def _always_there(_name: str) -> bool:
    return False


@value
class CLibrary:
    """The C side of a system.

    `entry` is where a process starts that uses `entry_libraries` (any library when there are none
    named): it lets the C library set itself up and, when `main` returns, flush its streams.
    `start_imports` are what that entry calls, by plain name. `names_file` says whether a file name
    is that of a library of this system, `file_path` what the loader is told for it. Symbols begin
    with `prefix`; `renamed` gives the name that the C library has for a function.
    """

    entry: str
    start_imports: Mapping[str, ImportedSymbol]
    names_file: Callable[[str], bool]
    default: Callable[[str], str]
    prefix: str = ""
    renamed: Callable[[str], str] = str
    file_path: Callable[[str], str] = str
    is_absent: Callable[[str], bool] = _always_there
    entry_libraries: frozenset[str] = frozenset()

    def provide(self, name: str, libraries: tuple[str, ...]) -> ImportedSymbol | None:
        """Return where function `name` comes from, None when nothing here has it."""
        own = [row for row in libraries if self.names_file(row)]
        if own:
            return ImportedSymbol(self.file_path(own[0]), self.prefix + name)
        if libraries or self.is_absent(name):
            return None
        return ImportedSymbol(self.default(name), self.prefix + self.renamed(name))

    def starts_with(self, imported: Iterable[ImportedSymbol]) -> bool:
        """Whether a program with these functions starts at `entry`."""
        libraries = {row.library for row in imported}
        return bool(libraries & self.entry_libraries if self.entry_libraries else libraries)


def _is_shared_object(name: str) -> bool:
    return name.endswith(".so") or ".so." in name


def _is_dll(name: str) -> bool:
    return name.lower().endswith((".dll", ".drv"))


def _is_dylib(name: str) -> bool:
    return name.endswith((".dylib", ".tbd")) or ".framework/" in name


def _dylib_path(name: str) -> str:
    """Return the path that dyld is told: a plain file name means the system's folder."""
    return name if "/" in name else f"/usr/lib/{name}"


# glibc and bionic have the functions of math.h and complex.h in a library of their own.
_MATHEMATICS_NAMES = (
    "acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh erf erfc exp exp2 expm1 "
    "fabs fdim floor fma fmax fmin fmod frexp hypot ilogb j0 j1 jn ldexp lgamma lgamma_r llrint "
    "llround log log10 log1p log2 logb lrint lround modf nan nearbyint nextafter nexttoward pow "
    "remainder remquo rint round scalbln scalbn sin sincos sinh sqrt tan tanh tgamma trunc y0 y1 "
    "yn cabs carg cexp clog cpow csqrt"
)
_MATHEMATICS = frozenset(_MATHEMATICS_NAMES.split())


def _is_mathematics(name: str) -> bool:
    return name in _MATHEMATICS or (name[-1] in "fl" and name[:-1] in _MATHEMATICS)


def _glibc_library(name: str) -> str:
    if name.startswith("hip"):
        return "libamdhip64.so.7"
    return "libm.so.6" if _is_mathematics(name) else "libc.so.6"


def _bionic_library(name: str) -> str:
    if name in ("dlopen", "dlsym", "dlclose", "dlerror", "dladdr"):
        return "libdl.so"
    return "libm.so" if _is_mathematics(name) else "libc.so"


def _is_windows_name(name: str) -> bool:
    """No C library of Unix has names that begin with a capital letter; kernel32 has no others."""
    return name[:1].isupper()


# In the part of the C library that a C linker would have copied into the program.
_ONLY_FOR_LINKERS = ("atexit", "at_quick_exit", "pthread_atfork")


def _is_absent_from_elf(name: str) -> bool:
    return _is_windows_name(name) or name in _ONLY_FOR_LINKERS


# What libSystem begins with capital letters.
_DARWIN_NAMES = ("OS", "NS", "IO")


def _is_absent_from_darwin(name: str) -> bool:
    return _is_windows_name(name) and not name.startswith(_DARWIN_NAMES)


# msvcrt.dll is C89 with Microsoft's names for what POSIX shares with it.
_POSIX_NAMES = (
    "access chdir chmod close creat dup dup2 execl execv execve execvp fdopen fileno fstat getcwd "
    "getpid hypot isatty lseek mktemp open pclose popen putenv read rmdir setmode stat strdup tell "
    "umask unlink write"
)
_POSIX_ON_WINDOWS = frozenset(_POSIX_NAMES.split())
_RENAMED_ON_WINDOWS = {"strcasecmp": "_stricmp", "strncasecmp": "_strnicmp"}
# C99 is in the universal runtime, which every Windows since 10 has.
_C99_MATHEMATICS = (
    "acosh asinh atanh cbrt copysign erf erfc exp2 expm1 fdim fma fmax fmin ilogb lgamma llrint "
    "llround log1p log2 logb lrint lround nan nearbyint nextafter nexttoward remainder remquo rint "
    "round scalbln scalbn tgamma trunc"
)
_C99_NUMBERS = "atoll strtof strtoll strtoull llabs lldiv imaxabs strtoimax strtoumax"
_UNIVERSAL = frozenset(
    [name + suffix for name in _C99_MATHEMATICS.split() for suffix in ("", "f", "l")]
    + _C99_NUMBERS.split()
)
# Known not to be in either: a program that calls them could only be refused by the loader.
_UNIX_NAMES = (
    "aligned_alloc alarm asprintf bcmp bcopy bzero clock_gettime clock_nanosleep dlclose dlerror "
    "dlopen dlsym dprintf epoll_create1 fork fsync ftruncate getdents getegid getenv_r geteuid "
    "getgid getline getrandom getuid gettid gettimeofday gmtime_r index ioctl kill link "
    "localtime_r mmap mprotect munmap nanosleep pipe poll posix_memalign posix_spawn "
    "pthread_cond_signal pthread_cond_wait pthread_create pthread_join pthread_mutex_lock "
    "pthread_mutex_unlock readlink realpath rindex select setenv sigaction sleep snprintf stpcpy "
    "strerror_r strndup strnlen strsep strtok_r symlink sysconf usleep vasprintf vdprintf "
    "vsnprintf wait waitpid"
)
_NOT_ON_WINDOWS = frozenset(_UNIX_NAMES.split())


def _windows_library(name: str) -> str:
    if _is_windows_name(name):
        return "kernel32.dll"
    return "ucrtbase.dll" if name in _UNIVERSAL else "msvcrt.dll"


def _windows_symbol(name: str) -> str:
    if name in _RENAMED_ON_WINDOWS:
        return _RENAMED_ON_WINDOWS[name]
    return "_" + name if name in _POSIX_ON_WINDOWS else name


def _library_of(library: str, *names: str) -> dict[str, ImportedSymbol]:
    return {name: ImportedSymbol(library, name) for name in names}


GLIBC = CLibrary(
    entry="os.c_entry",
    start_imports=_library_of("libc.so.6", "__libc_start_main"),
    names_file=_is_shared_object,
    default=_glibc_library,
    is_absent=_is_absent_from_elf,
)
BIONIC = CLibrary(
    entry="os.c_entry",
    start_imports=_library_of("libc.so", "__libc_init"),
    names_file=_is_shared_object,
    default=_bionic_library,
    is_absent=_is_absent_from_elf,
)
MSVCRT = CLibrary(
    entry="os.c_entry",
    start_imports=_library_of("msvcrt.dll", "exit"),
    names_file=_is_dll,
    default=_windows_library,
    renamed=_windows_symbol,
    is_absent=_NOT_ON_WINDOWS.__contains__,
    entry_libraries=frozenset(["msvcrt.dll"]),
)
# dyld calls the entry with main's arguments, and gives what it returns to `exit`.
LIBSYSTEM = CLibrary(
    entry="program.start",
    start_imports={},
    names_file=_is_dylib,
    default=lambda _name: "/usr/lib/libSystem.B.dylib",
    prefix="_",
    file_path=_dylib_path,
    is_absent=_is_absent_from_darwin,
)
