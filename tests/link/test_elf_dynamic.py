"""ELF images with imports: what the dynamic linker is asked to bind, and where."""

from io import BytesIO

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection
from elftools.elf.sections import SymbolTableSection

from mlrift.link.image import ImportedSymbol, LinkOptions, link
from mlrift.link.objects import Relocation, SectionKind
from mlrift.targets import ANDROID_X86_64, LINUX_X86_64, Target
from mlrift.values import replace
from tests.link.objects_by_hand import call, section, unit

START = LinkOptions(entry="start")
TARGETS = (LINUX_X86_64, ANDROID_X86_64)
R_X86_64_64, R_X86_64_GLOB_DAT, R_X86_64_RELATIVE = 1, 6, 8


@pytest.mark.parametrize("target", TARGETS, ids=lambda row: row.name)
def test_elf_images_have_slots_for_imports(target: Target) -> None:
    """One slot a function, bound before the start, in the writable segment."""
    start = unit("a.o", [section("t", relocations=(call("f"), call("g", 4)))], {"start": 0})
    f, g = ImportedSymbol("libx.so", "f"), ImportedSymbol("libx.so", "long_name_of_g")
    options = replace(START, imports={"f": f, "g": g, "unused": f})
    image = link([start], target, options)
    assert image == link([start], target, options)
    elf = ELFFile(BytesIO(image))
    relocations = elf.get_section_by_name(".rela.dyn")
    symbols = elf.get_section_by_name(".dynsym")
    slots = elf.get_section_by_name(".got")
    assert isinstance(relocations, RelocationSection)
    assert isinstance(symbols, SymbolTableSection)
    assert slots is not None
    rows = list(relocations.iter_relocations())
    names = [symbols.get_symbol(row["r_info_sym"]).name for row in rows]
    assert names == ["f", "long_name_of_g"]
    assert [row["r_offset"] - slots["sh_addr"] for row in rows] == [0, 8]
    assert slots["sh_size"] == 16
    flags = [row["p_flags"] for row in elf.iter_segments("PT_LOAD")]
    assert flags == [5, 6]


@pytest.mark.parametrize("target", TARGETS, ids=lambda row: row.name)
def test_pointers_are_relocated_where_the_image_moves(target: Target) -> None:
    pointer = (Relocation(0, R_X86_64_64, "start", 0),)
    parts = [
        section("t", relocations=(call("f"), call("d", 8))),
        section("d", SectionKind.DATA, bytes(16), pointer),
    ]
    options = replace(START, imports={"f": ImportedSymbol("libx.so", "f")})
    image = link([unit("a.o", parts, {"start": 0, "d": 1})], target, options)
    relocations = ELFFile(BytesIO(image)).get_section_by_name(".rela.dyn")
    assert isinstance(relocations, RelocationSection)
    kinds = [row["r_info_type"] for row in relocations.iter_relocations()]
    moves = target is ANDROID_X86_64
    assert kinds == [R_X86_64_RELATIVE, R_X86_64_GLOB_DAT][0 if moves else 1 :]
