"""What the linker works on: sections, symbols and relocations, whatever file they came from.

`read_elf.py` makes an `ObjectFile` from the relocatable ELF that LLVM writes; platform stubs
(entry points, system-call gates) are built directly from encoded bytes with `code_object`.
Linking never changes an object, so one object serves the images of several systems.
"""

from enum import Enum, unique

from mlrift.values import field, record, value

ANY_MACHINE = 0


@unique
class SectionKind(Enum):
    """How a section is mapped: decides its segment in every container format."""

    CODE = "code"
    CONSTANT = "constant"
    RELOCATED_CONSTANT = "relocated constant"
    DATA = "data"
    ZERO = "zero"
    DEBUG = "debug"


@unique
class Binding(Enum):
    """Who sees a symbol, and who wins when two objects define it."""

    LOCAL = "local"
    GLOBAL = "global"
    WEAK = "weak"


@value
class Relocation:
    """A patch of `kind` (the ELF relocation number of the CPU) at `offset` in its section.

    A tuple, because large objects hold tens of thousands of them.
    """

    offset: int
    kind: int
    symbol: str
    addend: int


@record
class Section:
    """A contiguous piece of an object; the unit of dead-section removal.

    `data` holds `size_bytes` bytes, or none for `SectionKind.ZERO`.
    """

    name: str
    kind: SectionKind
    data: bytes
    align: int
    size_bytes: int
    relocations: list[Relocation] = field(default_factory=list)


@value
class Symbol:
    """A named place: `section_index` and `offset` inside that section; None when undefined."""

    name: str
    section_index: int | None
    offset: int
    size_bytes: int
    is_function: bool
    binding: Binding = Binding.GLOBAL


@record
class ObjectFile:
    """One relocatable object. Local symbols are made unique by the reader (`name` + `.` + number).

    Relocations name symbols: a local one of the same object, or a global one of any object.
    `elf_machine` is the CPU that the file says it is for; objects built here trust their maker.
    """

    name: str
    sections: list[Section]
    symbols: dict[str, Symbol]
    elf_machine: int = ANY_MACHINE


def code_object(
    name: str, functions: dict[str, tuple[bytes, tuple[Relocation, ...]]]
) -> ObjectFile:
    """Build an object of encoded functions: symbol -> (machine code, relocations into it)."""
    sections: list[Section] = []
    symbols: dict[str, Symbol] = {}
    for symbol, (code, relocations) in functions.items():
        symbols[symbol] = Symbol(symbol, len(sections), 0, len(code), True)
        section = Section(f".text.{symbol}", SectionKind.CODE, code, 16, len(code))
        section.relocations.extend(relocations)
        sections.append(section)
        for relocation in relocations:
            if relocation.symbol not in functions:
                symbols.setdefault(relocation.symbol, Symbol(relocation.symbol, None, 0, 0, False))
    return ObjectFile(name, sections, symbols)
