"""Imports of system libraries: which pointer slots an image has, and jump stubs through them.

Code reaches an import through the 8-byte slot `__imp_NAME`, filled by the system's loader. Code
that calls or takes the address of plain `NAME` gets a stub that jumps through the slot.
"""

from collections.abc import Iterable, Mapping

from mlrift.link.objects import ObjectFile, Relocation, code_object
from mlrift.link.options import ImportedSymbol
from mlrift.targets import ARM64, X86_64, Cpu
from mlrift.values import value

SLOT_PREFIX = "__imp_"
SLOT_BYTES = 8

# Machine code of a stub and its relocations to the slot: (offset, kind, addend).
_STUBS: dict[int, tuple[bytes, tuple[tuple[int, int, int], ...]]] = {
    # jmp qword ptr [rip + slot]
    X86_64.elf_machine: (bytes.fromhex("ff2500000000"), ((2, 2, -4),)),
    # adrp x16, slot; ldr x16, [x16, :lo12:slot]; br x16
    ARM64.elf_machine: (bytes.fromhex("10000090100240f900021fd6"), ((0, 275, 0), (4, 286, 0))),
}


@value
class ImportedLibrary:
    """A library and what is taken from it: (name used in code, name in the library)."""

    name: str
    functions: tuple[tuple[str, str], ...]


def group_by_library(
    names: Iterable[str], imports: Mapping[str, ImportedSymbol]
) -> tuple[ImportedLibrary, ...]:
    """Return the libraries of `names`, both libraries and functions in alphabetical order."""
    libraries: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(names):
        symbol = imports[name]
        libraries.setdefault(symbol.library, []).append((name, symbol.name))
    return tuple(ImportedLibrary(name, tuple(libraries[name])) for name in sorted(libraries))


def stub_object(names: Iterable[str], cpu: Cpu) -> ObjectFile:
    """Build the object that defines each of `names` as a jump through its slot."""
    code, rows = _STUBS[cpu.elf_machine]
    return code_object(
        "import stubs",
        {
            name: (
                code,
                tuple(
                    Relocation(offset, kind, SLOT_PREFIX + name, add) for offset, kind, add in rows
                ),
            )
            for name in sorted(names)
        },
    )
