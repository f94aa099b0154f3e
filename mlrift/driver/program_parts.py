"""A large program in parts that are compiled apart, so that the cache can keep most of them.

A module enters; the program's own code leaves as the first module, then one for each function that
is compiled for levels of a processor and, if the program is large, one for each file that it
imports. What is in a part gets a name with a dot, which no C function has. Small functions are
copied to where they are called, so that they are inlined as ever.

Files of the compiler's own library are wholes: a part of one has all of its functions, whatever the
program needs of them, so that it is the same for every program (`library_parts.py`).
"""

from collections.abc import Collection, Iterable, Iterator, Sequence

from mlrift.driver.parts import Library, LibraryPart, Parts, no_library
from mlrift.ir.clone import clone_function
from mlrift.ir.core import Function, Global, Linkage, Module
from mlrift.ir.op import Op
from mlrift.ir.ops.call import Call, FunctionAddress
from mlrift.ir.ops.memory import GlobalAddress
from mlrift.ir.passes.remove_unreachable_functions import remove_unreachable_functions
from mlrift.ir.runtime import RUNTIME_SYMBOLS
from mlrift.source import SourceFile
from mlrift.values import replace

# From so many ops on, the files that a program imports are apart, or those of the bundled library.
# Of these a file of few ops that the program itself calls, as a map, is optimised with it.
_LARGE_OPS = 12_000
_LARGE_BUNDLED_OPS = 2_500
_FEW_OPS = 450
_SMALL_OPS = 40
_LEVELS, _FILES, _COPIES = "simd", "part", "copy"
_LITERALS = "text."
_CORE = "core."
# What functions of the bundled library may refer to that other files have.
_LASTING_FUNCTIONS = ("core.", "os.", "cpu.", f"{_FILES}.", f"{_LEVELS}.")
_LASTING_GLOBALS = ("static.", _LITERALS)


def split(module: Module, library: Library = no_library) -> Parts:
    """Return the parts of a program; the module itself stays."""
    homes = _Homes(module)
    if not homes.parts:
        return Parts([module], [])
    ready = homes.take(library(homes.bundled_files()))
    made = {unit for row in ready for unit in row.units}
    parts = sorted(set(homes.parts.values()) - made)
    needs = frozenset[str]().union(*(row.needs for row in ready))
    units = [_Part(homes, name).module() for name in parts]
    modules = [_rest(homes, units, needs), *units]
    _hide(modules, needs)
    return Parts(modules, ready)


def library_units(module: Module, files: Iterable[str]) -> dict[str, list[Module]]:
    """Return the units of files of the bundled library, all of whose functions are in a module.

    Files are left out whose functions refer to what only this program has, under this name.
    """
    homes = _Homes(module)
    homes.put_apart()
    found: dict[str, list[Module]] = {}
    for file in files:
        functions = homes.functions_of(file)
        names = sorted({homes.parts[name] for name in functions if name in homes.parts})
        units = [_Part(homes, name).module() for name in names]
        if units and all(map(_is_lasting, units)):
            found[file] = units
    return found


def needs_of(units: Sequence[Module]) -> frozenset[str]:
    """Return the functions and globals that units declare and others have."""
    functions = (row for unit in units for row in unit.functions.values())
    variables = (row for unit in units for row in unit.globals.values())
    return frozenset(
        [row.name for row in functions if row.linkage is Linkage.EXTERNAL]
        + [row.name for row in variables if row.linkage is Linkage.EXTERNAL]
    )


def _is_lasting(unit: Module) -> bool:
    """Whether a unit refers only to what has the same name in every program."""
    return all(
        row.name.startswith(_LASTING_FUNCTIONS)
        for row in unit.functions.values()
        if row.linkage is Linkage.EXTERNAL
    ) and all(row.name.startswith(_LASTING_GLOBALS) for row in unit.globals.values())


def _hide(modules: Sequence[Module], needs: frozenset[str]) -> None:
    """Make functions of a part internal that no other part refers to."""
    wanted = needs | {
        row.name
        for module in modules
        for row in module.functions.values()
        if row.linkage is Linkage.EXTERNAL
    }
    for module in modules[1:]:
        for row in module.functions.values():
            if row.linkage is Linkage.EXPORTED and row.name not in wanted:
                row.linkage = Linkage.INTERNAL


def _has_levels(module: Module) -> bool:
    return any(row.is_simd and row.blocks for row in module.functions.values())


class _Homes:
    """Where every function of a program is compiled: `parts` by name, the others in the first one.

    `names` are the new names of functions in parts.
    """

    def __init__(self, module: Module) -> None:
        self.module = module
        self.sizes = {
            name: sum(len(block.ops) for block in row.blocks)
            for name, row in module.functions.items()
        }
        self.files = self._files()
        self.apart: Collection[str] = ()
        bundled = self._bundled_apart()
        if _has_levels(module) and sum(self.sizes[name] for name in self.files) >= _LARGE_OPS:
            self._find_homes(self.files)
        elif sum(self.sizes[name] for name in bundled) >= _LARGE_BUNDLED_OPS:
            self._find_homes(bundled)
        else:
            self._find_homes(())

    def _of_library(self) -> dict[str, str]:
        """Return the names by which parts know what bundled files have, wherever that is."""
        rows = ((name, file, self.module.functions[name]) for name, file in self.files.items())
        return {
            name: f"{_FILES}.{file.bundled}.{name}"
            for name, file, row in rows
            if file.bundled and row.linkage is Linkage.INTERNAL and not row.is_naked
        }

    def _bundled_apart(self) -> list[str]:
        """Return the functions of bundled files, but of small ones that the program calls."""
        own = (
            row
            for name, row in self.module.functions.items()
            if not name.startswith(_CORE)
            and (name not in self.files or not self.files[name].bundled)
        )
        called = {name for row in own for name in references(row) if name in self.files}
        few = {self.files[name].bundled for name in called}
        sizes = dict.fromkeys(few, 0)
        for name, file in self.files.items():
            if file.bundled in few:
                sizes[file.bundled] += self.sizes[name]
        kept = {name for name, size in sizes.items() if size <= _FEW_OPS}
        return [
            name for name, file in self.files.items() if file.bundled and file.bundled not in kept
        ]

    def put_apart(self) -> None:
        """Put every imported file apart, however small the program is."""
        self._find_homes(self.files)

    def _find_homes(self, apart: Collection[str]) -> None:
        """Find the part of each function; those named are in the parts of their files."""
        self.apart = apart
        self.parts: dict[str, str] = {}
        for name, row in self.module.functions.items():
            if not row.blocks or row.is_naked or row.linkage is not Linkage.INTERNAL:
                continue
            if row.is_simd:
                self.parts[name] = f"{_LEVELS}.{name}"
            elif name in apart:
                file = self.files[name]
                self.parts[name] = f"{_FILES}.{file.bundled or file.path}"
        self.shared = self._of_library() if apart else {}
        self._keep_tied()
        self.names = self.shared | {name: f"{part}.{name}" for name, part in self.parts.items()}
        for name, part in self.parts.items():
            if part.startswith(f"{_LEVELS}."):
                self.names[name] = part

    def bundled_files(self) -> list[str]:
        """Return the files of the bundled library that are apart."""
        found = {self.files[name].bundled for name in self.apart if name in self.parts}
        return sorted(found - {""})

    def functions_of(self, file: str) -> list[str]:
        """Return the functions of a file of the bundled library."""
        return [name for name, row in self.files.items() if row.bundled == file]

    def take(self, found: dict[str, LibraryPart]) -> list[LibraryPart]:
        """Call the functions of files that are compiled by the names that they have there."""
        taken = []
        for file, part in found.items():
            own = [name for name in self.functions_of(file) if name in self.parts]
            if all(name in part.names for name in own):
                taken.append(part)
        return taken

    def _files(self) -> dict[str, SourceFile]:
        """Return the files of the functions that the program imports."""
        return {
            name: row.span.file
            for name, row in self.module.functions.items()
            if row.blocks and row.span is not None and row.span.file.is_library and "." not in name
        }

    def _keep_tied(self) -> None:
        """Leave in the first part what refers to something there that has no dot in its name."""
        while True:
            tied = [name for name in self.parts if not self._is_apart(name)]
            if not tied:
                return
            for name in tied:
                del self.parts[name]

    def _is_apart(self, name: str) -> bool:
        function = self.module.functions[name]
        return all(
            "." in row or row in self.parts or row in self.shared for row in references(function)
        ) and all("." in made.symbol for made in function.ops() if isinstance(made, GlobalAddress))

    def is_small(self, name: str) -> bool:
        """Whether a function is copied to where it is called."""
        row = self.module.functions[name]
        is_open = bool(row.blocks) and not (row.is_simd or row.is_naked or row.level)
        is_small = row.is_inline or self.sizes[name] <= _SMALL_OPS
        return (
            is_open
            and is_small
            and name not in references(row)
            and not any(
                isinstance(made, GlobalAddress) and _is_literal(made.symbol) for made in row.ops()
            )
        )


def _is_literal(symbol: str) -> bool:
    """Whether a global is a string literal, whose number says nothing outside its program."""
    return symbol.startswith(_LITERALS)


def references(function: Function) -> Iterator[str]:
    """Yield the functions that a function calls or has the address of."""
    for made in function.ops():
        if isinstance(made, (Call, FunctionAddress)):
            yield made.callee
        elif type(made) in RUNTIME_SYMBOLS:
            yield RUNTIME_SYMBOLS[type(made)]


class _Part:
    """One part: the functions whose home it is, and copies of small ones that they call."""

    def __init__(self, homes: _Homes, name: str) -> None:
        self.homes = homes
        self.name = name
        self.made = Module(name, called_at_trap=homes.module.called_at_trap)
        self.copies: dict[str, str] = {}
        self.literals: dict[str, str] = {}

    def module(self) -> Module:
        """Return the part; everything whose home it is may be needed by others."""
        for name, part in self.homes.parts.items():
            if part == self.name:
                row = self.homes.module.functions[name]
                self._add(row, self.homes.names[name], Linkage.EXPORTED)
        self.declare()
        return self.made

    def _add(self, function: Function, name: str, linkage: Linkage) -> None:
        """Add a function under a name; what it calls is copied, or meant by its new name."""
        pending = [(function, name, linkage)]
        while pending:
            row, own, seen_as = pending.pop()
            copy = clone_function(row)
            for made in copy.ops():
                self._redirect(made, pending)
            self.made.functions[own] = replace(
                row, name=own, linkage=seen_as, parameters=copy.parameters, blocks=copy.blocks
            )

    def _redirect(self, made: Op, pending: list[tuple[Function, str, Linkage]]) -> None:
        homes = self.homes
        if isinstance(made, Call):
            callee = made.callee
            is_here = homes.parts.get(callee, "") == self.name
            if not is_here and callee in homes.module.functions and homes.is_small(callee):
                if callee not in self.copies:
                    self.copies[callee] = f"{_COPIES}.{callee}"
                    row = homes.module.functions[callee]
                    pending.append((row, self.copies[callee], Linkage.INTERNAL))
                made.callee = self.copies[callee]
                return
            made.callee = homes.names.get(callee, callee)
        elif isinstance(made, FunctionAddress):
            made.callee = homes.names.get(made.callee, made.callee)
        elif isinstance(made, GlobalAddress) and self.name and _is_literal(made.symbol):
            made.symbol = self._literal(made.symbol)

    def _literal(self, symbol: str) -> str:
        """Add a literal under the number that it has in this part; only one function has it."""
        known = self.literals.get(symbol)
        if known is None:
            known = self.literals[symbol] = f"{_LITERALS}{len(self.literals)}"
            row = self.homes.module.globals[symbol]
            self.made.globals[known] = replace(row, name=known)
        return known

    def declare(self) -> None:
        """Declare what the functions refer to and other parts have."""
        known, made = self.homes.module, self.made
        originals = {new: old for old, new in self.homes.names.items()}
        for function in list(made.functions.values()):
            for name in references(function):
                row = known.functions.get(originals.get(name, name))
                if name not in made.functions and row is not None:
                    declared = Function(name, row.parameters, row.results, Linkage.EXTERNAL)
                    made.functions[name] = replace(declared, returns=row.returns)
            for used in function.ops():
                if not isinstance(used, GlobalAddress) or _is_literal(used.symbol):
                    continue
                if used.symbol not in made.globals:
                    found = known.globals[used.symbol]
                    made.globals[used.symbol] = replace(found, data=b"", linkage=Linkage.EXTERNAL)


def _rest(homes: _Homes, units: Sequence[Module], needs: frozenset[str]) -> Module:
    """Return the first part: it exports what the others need of it."""
    module = homes.module
    wanted = needs.union(*(unit.functions for unit in units))
    shared = needs.union(*(unit.globals for unit in units))
    part = _Part(homes, "")
    for name, row in module.functions.items():
        if name in homes.parts:
            continue
        known = homes.names.get(name, name)
        linkage = row.linkage
        if known in wanted and linkage is Linkage.INTERNAL:
            linkage = Linkage.EXPORTED
        if row.blocks:
            part._add(row, known, linkage)
        else:
            part.made.functions[name] = replace(row, linkage=linkage)
    part.made.globals.update(_exported(module.globals, shared))
    part.declare()
    made = replace(module, functions=part.made.functions, globals=part.made.globals)
    remove_unreachable_functions(made)
    return made


def _exported(rows: dict[str, Global], shared: frozenset[str]) -> dict[str, Global]:
    return {
        name: replace(row, linkage=Linkage.EXPORTED)
        if name in shared and row.linkage is Linkage.INTERNAL
        else row
        for name, row in rows.items()
    }
