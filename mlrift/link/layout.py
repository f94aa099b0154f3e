"""Packing of live sections into blocks, addresses of symbols, and applied relocations.

Enters: a resolved `Program`. `pack` makes one block per kind (and per debug section name) whose
sizes are final; a container writer then gives each block an address and a file offset and calls
`bind`, which patches the bytes and returns the absolute pointers in ascending address order.
"""

from collections.abc import Iterator, Mapping

from mlrift.link.errors import ImageTooLargeError, LinkError
from mlrift.link.objects import Binding, Section, SectionKind, Symbol
from mlrift.link.relocations import Place, Pointer, RelocationTable, relocate, relocate_debug
from mlrift.link.resolve import (
    BSS_START,
    IMAGE_BASE,
    IMAGE_END,
    RELA_END,
    RELA_START,
    Definition,
    Program,
)
from mlrift.values import field, record, value

_MAXIMUM_BLOCK_BYTES = 1 << 31


@value
class Piece:
    """A live section and where it starts in its block."""

    object_index: int
    section_index: int
    section: Section
    offset: int


@record
class Block:
    """Sections that lie together; `data` is empty for zeroed memory."""

    name: str
    kind: SectionKind
    align: int = 1
    size_bytes: int = 0
    pieces: list[Piece] = field(default_factory=list)
    data: bytearray = field(default_factory=bytearray)
    address: int = 0
    file_offset: int = 0

    def add(self, object_index: int, section_index: int, section: Section) -> None:
        """Append a section at its alignment."""
        start = align_up(self.size_bytes, section.align)
        self.align = max(self.align, section.align)
        self.size_bytes = start + section.size_bytes
        if self.size_bytes > _MAXIMUM_BLOCK_BYTES:
            raise ImageTooLargeError(section.name, self.size_bytes)
        self.pieces.append(Piece(object_index, section_index, section, start))

    def fill(self) -> None:
        """Copy the contents of the sections into `data`; zeroed memory has none.

        A block of empty sections gets one byte, so that their symbols have a place in memory.
        """
        if self.pieces:
            self.size_bytes = max(self.size_bytes, 1)
        if self.kind is SectionKind.ZERO:
            return
        data = bytearray(self.size_bytes)
        for piece in self.pieces:
            data[piece.offset : piece.offset + piece.section.size_bytes] = piece.section.data
        self.data = data


@value
class Layout:
    """The blocks of a program. The five mapped ones always exist, possibly empty."""

    program: Program
    table: RelocationTable
    code: Block
    constant: Block
    relocated: Block
    data: Block
    zero: Block
    debug: list[Block]
    pointer_count: int

    def mapped(self) -> tuple[Block, ...]:
        """Return the blocks that exist in memory, in address order."""
        return (self.code, self.constant, self.relocated, self.data, self.zero)


@value
class Bounds:
    """The addresses that the linker itself defines."""

    image_base: int
    bss_start: int
    image_end: int
    rela_start: int
    rela_end: int

    def symbols(self) -> dict[str, int]:
        """Return them by the name that code uses."""
        return {
            IMAGE_BASE: self.image_base,
            BSS_START: self.bss_start,
            IMAGE_END: self.image_end,
            RELA_START: self.rela_start,
            RELA_END: self.rela_end,
        }


@value
class Bound:
    """A program whose bytes are final: its absolute pointers and its global symbols."""

    pointers: list[Pointer]
    globals: dict[str, int]


def align_up(value: int, align: int) -> int:
    """Return the next multiple of `align`, a power of two."""
    return (value + align - 1) & -align


def pack(program: Program, table: RelocationTable) -> Layout:
    """Group live sections by kind, in object order."""
    blocks = {
        SectionKind.CODE: Block(".text", SectionKind.CODE),
        SectionKind.CONSTANT: Block(".rodata", SectionKind.CONSTANT),
        SectionKind.RELOCATED_CONSTANT: Block(".data.rel.ro", SectionKind.RELOCATED_CONSTANT),
        SectionKind.DATA: Block(".data", SectionKind.DATA),
        SectionKind.ZERO: Block(".bss", SectionKind.ZERO),
    }
    debug: dict[str, Block] = {}
    pointer_count = 0
    for object_index, section_index, section in _live_sections(program):
        kind = section.kind
        if kind is SectionKind.DEBUG:
            block = debug.get(section.name)
            if block is None:
                block = debug[section.name] = Block(section.name, kind)
        else:
            pointers = sum([row.kind == table.absolute for row in section.relocations])
            pointer_count += pointers
            if kind is SectionKind.CONSTANT and pointers:
                kind = SectionKind.RELOCATED_CONSTANT
            block = blocks[kind]
        block.add(object_index, section_index, section)
    mapped_bytes = sum(block.size_bytes for block in blocks.values())
    if mapped_bytes > _MAXIMUM_BLOCK_BYTES:
        raise ImageTooLargeError(blocks[SectionKind.ZERO].name, mapped_bytes)
    for block in (*blocks.values(), *debug.values()):
        block.fill()
    code, constant, relocated, data, zero = blocks.values()
    kept = list(debug.values())
    return Layout(program, table, code, constant, relocated, data, zero, kept, pointer_count)


def bind(layout: Layout, bounds: Bounds, slots: Mapping[str, int]) -> Bound:
    """Patch every block now that blocks, linker symbols and import slots have addresses."""
    program = layout.program
    bases = _section_bases(layout)
    linked = {**bounds.symbols(), **slots}
    linked.update(_global_addresses(program.definitions, bases))
    names = [unit.name for unit in program.objects]
    tables = [
        _object_addresses(program, index, bases[index], linked) for index in range(len(bases))
    ]
    pointers: list[Pointer] = []
    for block in layout.mapped()[:4]:
        for piece in block.pieces:
            if piece.section.relocations:
                place = _place(block, piece, names)
                pointers += relocate(place, tables[piece.object_index], layout.table)
    for block in layout.debug:
        for piece in block.pieces:
            relocate_debug(_place(block, piece, names), tables[piece.object_index], layout.table)
    pointers.sort(key=_pointer_address)
    return Bound(pointers, linked)


def live_symbols(layout: Layout) -> Iterator[tuple[Symbol, Block, int]]:
    """Yield every symbol defined in a mapped live section, its block and its address."""
    where = {
        (piece.object_index, piece.section_index): (block, block.address + piece.offset)
        for block in layout.mapped()
        for piece in block.pieces
    }
    for index, unit in enumerate(layout.program.objects):
        for symbol in unit.symbols.values():
            if symbol.section_index is not None and (index, symbol.section_index) in where:
                block, address = where[index, symbol.section_index]
                yield symbol, block, address + symbol.offset


def source_name(symbol: Symbol) -> str:
    """Return a symbol's name without the number that made a local one unique."""
    return symbol.name.rpartition(".")[0] if symbol.binding is Binding.LOCAL else symbol.name


def refuse_pointers_in_code(layout: Layout) -> None:
    """Refuse absolute pointers that a loader could not fix up without making code writable."""
    for piece in layout.code.pieces:
        for relocation in piece.section.relocations:
            if relocation.kind == layout.table.absolute:
                raise LinkError(
                    f"section {piece.section.name}, symbol `{relocation.symbol}`: "
                    "an absolute pointer cannot lie in code of a relocatable image"
                )


def _pointer_address(pointer: Pointer) -> int:
    return pointer.address


def _live_sections(program: Program) -> Iterator[tuple[int, int, Section]]:
    for object_index, live in enumerate(program.live):
        sections = program.objects[object_index].sections
        for section_index in live:
            yield object_index, section_index, sections[section_index]


def _section_bases(layout: Layout) -> list[dict[int, int]]:
    """Return the address of every live section by object and section index."""
    bases: list[dict[int, int]] = [{} for _ in layout.program.objects]
    for block in (*layout.mapped(), *layout.debug):
        for piece in block.pieces:
            bases[piece.object_index][piece.section_index] = block.address + piece.offset
    return bases


def _global_addresses(
    definitions: Mapping[str, Definition], bases: list[dict[int, int]]
) -> dict[str, int]:
    addresses: dict[str, int] = {}
    for name, definition in definitions.items():
        address = _symbol_address(definition.symbol, bases[definition.object_index])
        if address is not None:
            addresses[name] = address
    return addresses


def _object_addresses(
    program: Program, object_index: int, bases: dict[int, int], linked: Mapping[str, int]
) -> dict[str, int]:
    """Return the address of each name that an object's live sections refer to."""
    addresses: dict[str, int] = {}
    symbols = program.objects[object_index].symbols
    for name in program.references[object_index]:
        symbol = symbols.get(name)
        if symbol is not None and symbol.binding is Binding.LOCAL:
            address = _symbol_address(symbol, bases)
        else:
            address = linked.get(name)
        if address is not None:
            addresses[name] = address
    return addresses


def _symbol_address(symbol: Symbol, bases: Mapping[int, int]) -> int | None:
    if symbol.section_index is None:
        return None
    base = bases.get(symbol.section_index)
    return None if base is None else base + symbol.offset


def _place(block: Block, piece: Piece, names: list[str]) -> Place:
    start = piece.offset
    name = names[piece.object_index]
    return Place(name, piece.section, block.data, start, block.address + start)
