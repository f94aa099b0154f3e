"""Tiny objects built without LLVM, for tests of resolution and relocation."""

from mlrift.link.objects import Binding, ObjectFile, Relocation, Section, SectionKind, Symbol

X86_POINTER, X86_RELATIVE, X86_CALL = 1, 2, 4


def section(
    name: str,
    kind: SectionKind = SectionKind.CODE,
    data: bytes = b"\xc3" * 16,
    relocations: tuple[Relocation, ...] = (),
) -> Section:
    """Return a section with contents."""
    return Section(name, kind, data, 16, len(data), list(relocations))


def unit(
    name: str, sections: list[Section], symbols: dict[str, int], binding: Binding = Binding.GLOBAL
) -> ObjectFile:
    """Return an object whose symbols each name the start of a section by index."""
    table = {text: Symbol(text, index, 0, 16, True, binding) for text, index in symbols.items()}
    return ObjectFile(name, sections, table)


def call(symbol: str, offset: int = 1) -> Relocation:
    """Return an x86_64 call relocation."""
    return Relocation(offset, X86_CALL, symbol, -4)
