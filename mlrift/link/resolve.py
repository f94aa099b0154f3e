"""Symbol resolution: objects to the program's live sections and who defines each symbol.

Enters: objects in link order, the roots and the imports. Leaves: a `Program` in which every
symbol that a live section names is defined by an object, by the linker or by an import.
Invariant: the result depends on the order of the objects alone, never on hashing.
"""

from collections.abc import Sequence

from mlrift.link.errors import DuplicateSymbolsError, LinkError
from mlrift.link.imports import SLOT_PREFIX, ImportedLibrary, group_by_library, stub_object
from mlrift.link.objects import Binding, ObjectFile, SectionKind, Symbol
from mlrift.link.options import DebugInfo, Export, LinkOptions
from mlrift.targets import Cpu
from mlrift.values import value

IMAGE_BASE = "__image_base"
IMAGE_END = "__image_end"
BSS_START = "__bss_start"
RELA_START = "__rela_start"
RELA_END = "__rela_end"
LINKER_SYMBOLS = (IMAGE_BASE, IMAGE_END, BSS_START, RELA_START, RELA_END)


@value
class Definition:
    """Which object defines a global symbol."""

    object_index: int
    symbol: Symbol


@value
class Program:
    """What is to be laid out: objects, live section indexes and referenced names of each.

    `own_slots` are exported variables that the library itself reaches through slots, for another
    image may put its own storage in their place.
    """

    objects: list[ObjectFile]
    live: list[list[int]]
    references: list[list[str]]
    definitions: dict[str, Definition]
    libraries: tuple[ImportedLibrary, ...]
    own_slots: tuple[str, ...] = ()


def resolve(objects: Sequence[ObjectFile], options: LinkOptions, cpu: Cpu) -> Program:
    """Find what the entry and the kept symbols need, and nothing else."""
    definitions = _definitions(objects)
    walk = _Walk(list(objects), definitions, options)
    exports: tuple[Export, ...] = ()
    if options.library is None:
        walk.require(options.entry, "the entry point")
    else:
        exports = options.library.exports
        for name in filter(None, (options.library.start, options.library.end)):
            walk.require(name, "the loader")
    for row in exports:
        walk.require(row.name, "the list of exports")
    for name in options.keep:
        walk.require(name, "the list of symbols to keep")
    walk.finish(cpu)
    if options.debug is DebugInfo.KEEP:
        walk.add_debug_sections()
    return Program(
        walk.objects,
        [sorted(live) for live in walk.live],
        [list(names) for names in walk.references],
        definitions,
        group_by_library(walk.imported, options.imports),
        tuple(walk.own_slots),
    )


def _definitions(objects: Sequence[ObjectFile]) -> dict[str, Definition]:
    """Return who defines each global symbol; a strong definition beats weak ones."""
    found: dict[str, Definition] = {}
    duplicates: dict[str, str] = {}
    for index, unit in enumerate(objects):
        for symbol in unit.symbols.values():
            if symbol.section_index is None or symbol.binding is Binding.LOCAL:
                continue
            name = symbol.name
            if name in LINKER_SYMBOLS:
                duplicates[name] = f"in {unit.name}: the linker defines it"
                continue
            earlier = found.get(name)
            if earlier is None or _overrides(symbol, earlier.symbol):
                found[name] = Definition(index, symbol)
            elif symbol.binding is Binding.GLOBAL:
                first = objects[earlier.object_index].name
                duplicates[name] = f"in {first} and {unit.name}"
    if duplicates:
        raise DuplicateSymbolsError(duplicates)
    return found


def _overrides(symbol: Symbol, earlier: Symbol) -> bool:
    return earlier.binding is Binding.WEAK and symbol.binding is Binding.GLOBAL


class _Walk:
    """Marks sections reachable from the roots."""

    def __init__(
        self,
        objects: list[ObjectFile],
        definitions: dict[str, Definition],
        options: LinkOptions,
    ) -> None:
        self.objects = objects
        self.definitions = definitions
        self.imports = options.imports
        exports = options.library.exports if options.library is not None else ()
        self.exported = frozenset(row.name for row in exports)
        self.live: list[set[int]] = [set() for _ in objects]
        self.references: list[dict[str, None]] = [{} for _ in objects]
        self.imported: dict[str, None] = {}
        self.stubs: dict[str, None] = {}
        self.own_slots: dict[str, None] = {}
        self.undefined: dict[str, str] = {}
        self.pending: list[tuple[int, int]] = []

    def require(self, name: str, needed_by: str) -> None:
        """Mark what defines a global name."""
        definition = self.definitions.get(name)
        if definition is not None:
            self._mark(definition.object_index, definition.symbol)
        elif name not in LINKER_SYMBOLS:
            self._require_import(name, needed_by)

    def finish(self, cpu: Cpu) -> None:
        """Follow relocations until nothing new is reached; add the stubs that imports need."""
        while self.pending:
            object_index, section_index = self.pending.pop()
            self._follow(object_index, section_index)
        if self.undefined:
            rows = [f"`{name}`, needed by {by}" for name, by in sorted(self.undefined.items())]
            raise LinkError("undefined symbols:\n  " + "\n  ".join(rows))
        if self.stubs:
            stubs = stub_object(self.stubs, cpu)
            self.objects.append(stubs)
            self.live.append(set(range(len(stubs.sections))))
            self.references.append(dict.fromkeys(stubs.symbols))
            for symbol in stubs.symbols.values():
                if symbol.section_index is not None:
                    self.definitions[symbol.name] = Definition(len(self.objects) - 1, symbol)

    def add_debug_sections(self) -> None:
        """Keep the debug sections of every object of which something is live."""
        for unit, live, references in zip(self.objects, self.live, self.references, strict=True):
            if not live:
                continue
            for index, section in enumerate(unit.sections):
                if section.kind is SectionKind.DEBUG:
                    live.add(index)
                    references.update(dict.fromkeys([row.symbol for row in section.relocations]))

    def _follow(self, object_index: int, section_index: int) -> None:
        unit = self.objects[object_index]
        section = unit.sections[section_index]
        known = self.references[object_index]
        for name in dict.fromkeys([relocation.symbol for relocation in section.relocations]):
            if name in known:
                continue
            known[name] = None
            symbol = unit.symbols.get(name)
            if symbol is not None and symbol.binding is Binding.LOCAL:
                self._mark(object_index, symbol)
            else:
                self.require(name, f"section {section.name} of {unit.name}")

    def _mark(self, object_index: int, symbol: Symbol) -> None:
        section_index = symbol.section_index
        if section_index is None:
            self.undefined.setdefault(symbol.name, self.objects[object_index].name)
            return
        if self.objects[object_index].sections[section_index].kind is SectionKind.DEBUG:
            raise LinkError(f"symbol `{symbol.name}` is in a debug section but the program uses it")
        if section_index not in self.live[object_index]:
            self.live[object_index].add(section_index)
            self.pending.append((object_index, section_index))

    def _require_import(self, name: str, needed_by: str) -> None:
        function = name.removeprefix(SLOT_PREFIX)
        if function != name and function in self.exported:
            self.own_slots[function] = None
            return
        if function not in self.imports:
            self.undefined.setdefault(name, needed_by)
            return
        self.imported[function] = None
        if function == name:
            self.stubs[name] = None
