"""Linux images: static programs, dynamically linked ones that call C libraries, and libraries.

Enters: a packed `Layout`. Leaves: the file's bytes. Programs are linked for a fixed address, so
absolute pointers need no relocation; the dynamic linker only binds the import slots. Libraries
move, and the dynamic linker writes to their `.dynamic`.
"""

from mlrift.link.elf import IMAGE_BASE, write_static
from mlrift.link.elf_dynamic import ET_DYN, ET_EXEC, write_dynamic
from mlrift.link.elf_loader_tables import DynamicPlace, DynamicProfile
from mlrift.link.elf_versions import NO_VERSIONS, LibraryVersions
from mlrift.link.layout import Layout, refuse_pointers_in_code
from mlrift.link.options import LinkOptions
from mlrift.targets import ARM64, X86_64, Target

_DF_1_NOW = 1
# Where glibc has its dynamic linker on each CPU: fixed by the ABI supplements.
_INTERPRETERS = {
    X86_64.elf_machine: b"/lib64/ld-linux-x86-64.so.2\0",
    ARM64.elf_machine: b"/lib/ld-linux-aarch64.so.1\0",
}
# Functions whose behaviour has changed, and since when; on arm64 glibc began after all of these.
_CONDITIONS = ("broadcast", "destroy", "init", "signal", "timedwait", "wait")
_CHANGED = LibraryVersions(
    "libc.so.6",
    {
        **{f"pthread_cond_{name}": "GLIBC_2.3.2" for name in _CONDITIONS},
        "realpath": "GLIBC_2.3",
        **dict.fromkeys(("nftw", "nftw64"), "GLIBC_2.3.3"),
        **dict.fromkeys(("regexec", "sched_getaffinity", "sched_setaffinity"), "GLIBC_2.3.4"),
        **dict.fromkeys(("posix_spawn", "posix_spawnp"), "GLIBC_2.15"),
    },
)
_VERSIONS = {X86_64.elf_machine: _CHANGED, ARM64.elf_machine: NO_VERSIONS}


def write_linux(layout: Layout, target: Target, options: LinkOptions) -> bytes:
    """Write a library, a static program, or a dynamic one when something is imported."""
    cpu = target.cpu
    written = (_DF_1_NOW, _VERSIONS[cpu.elf_machine], DynamicPlace.WRITTEN)
    if options.library is not None:
        refuse_pointers_in_code(layout)
        profile = DynamicProfile(ET_DYN, 0, cpu.elf_page_bytes, b"", *written)
        return write_dynamic(layout, target, options, profile)
    if not layout.program.libraries:
        return write_static(layout, target, options)
    shape = (ET_EXEC, IMAGE_BASE, cpu.elf_page_bytes)
    profile = DynamicProfile(*shape, _INTERPRETERS[cpu.elf_machine], *written)
    return write_dynamic(layout, target, options, profile)
