"""What the loader of an ELF system is told by an executable."""

from pathlib import Path

from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection
from elftools.elf.sections import SymbolTableSection
from elftools.elf.segments import InterpSegment


def interpreter(path: Path) -> str | None:
    """Return the dynamic linker that an executable asks for."""
    with path.open("rb") as file:
        for segment in ELFFile(file).iter_segments():
            if isinstance(segment, InterpSegment):
                return str(segment.get_interp_name())
    return None


def needed(path: Path) -> list[str]:
    """Return the libraries that an executable asks for, in order."""
    with path.open("rb") as file:
        section = ELFFile(file).get_section_by_name(".dynamic")
        if not isinstance(section, DynamicSection):
            return []
        # The attribute is made at run time.
        return [str(vars(row)["needed"]) for row in section.iter_tags("DT_NEEDED")]


def bound_symbols(path: Path) -> list[str]:
    """Return the symbols that the dynamic linker binds before the program starts."""
    with path.open("rb") as file:
        elf = ELFFile(file)
        relocations = elf.get_section_by_name(".rela.dyn")
        symbols = elf.get_section_by_name(".dynsym")
        assert isinstance(relocations, RelocationSection)
        assert isinstance(symbols, SymbolTableSection)
        rows = [row["r_info_sym"] for row in relocations.iter_relocations()]
        return [str(symbols.get_symbol(index).name) for index in rows if index]
