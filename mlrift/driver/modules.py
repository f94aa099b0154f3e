"""The import graph: a root path in, the parsed program out (reference.md 4).

Files come in depth-first order, each once: everything a file imports stands before it, the root
last. Two paths are one file when their normalised real paths are equal, so cycles are harmless. All
files are read and lexed before any is parsed, because parsing a file needs the type names of the
files before it.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from mlrift.diagnostics import catalog
from mlrift.diagnostics.model import Diagnostic
from mlrift.diagnostics.sink import DiagnosticSink
from mlrift.driver.resources import standard_library_root
from mlrift.frontend.ast import Program, SourceModule
from mlrift.frontend.lexer import TokenStream, lex
from mlrift.frontend.parser import parse_tokens
from mlrift.frontend.tokens import (
    NO_KNOWN_TYPES,
    DeclaredTypes,
    KnownTypes,
    known_types,
    scan_declared_types,
    scan_imports,
)
from mlrift.frontend.tree.items import import_path
from mlrift.source import SourceFile, Span
from mlrift.values import field, record

NOTHING_REDIRECTED: Mapping[str, str] = {}
FileReader = Callable[[str], bytes]
"""Returns the bytes of a file; raises OSError."""


def read_file(path: str) -> bytes:
    """Return the bytes of a file; raises OSError."""
    with open(path, "rb") as file:
        return file.read()


def load_program(
    root: Path | str,
    library_roots: Sequence[Path | str],
    sink: DiagnosticSink,
    read: FileReader = read_file,
    redirected: Mapping[str, str] = NOTHING_REDIRECTED,
) -> Program:
    """Read and parse the root file and all it imports; errors are in the sink.

    An import of a file whose name is in `redirected` means the other name in the same folder.
    """
    loader = _Loader([str(folder) for folder in library_roots], sink, read, redirected)
    files = loader.load(str(root))
    sink.set_file_order(entry.file for entry in files)
    renamed = loader.hide_names(files)
    loader.name_bundled(files, renamed)
    modules: list[SourceModule] = []
    known = NO_KNOWN_TYPES
    for entry in files:
        known = known_types([entry.declared], known)
        modules.append(parse_tokens(entry.stream, _visible_types(entry, known), sink))
    if loader.has_missing_imports:
        sink.emit(catalog.IMPORTS_ABORTED.at(None))
    return Program(modules, sum(len(entry.stream.kinds) for entry in files))


def visible_types(
    root: str, library_roots: Sequence[Path | str], read: FileReader = read_file
) -> KnownTypes:
    """Return the types that a file and those it imports declare; what cannot be read has none."""
    loader = _Loader([str(folder) for folder in library_roots], DiagnosticSink(), read)
    return known_types(entry.declared for entry in loader.load(root))


@record
class _LoadedFile:
    """A file read and lexed; `imports` are the files it imports that were found."""

    file: SourceFile
    stream: TokenStream
    declared: DeclaredTypes
    imports: "list[_LoadedFile]" = field(default_factory=list)


def _visible_types(entry: _LoadedFile, before: KnownTypes) -> KnownTypes:
    """Return the types of the files up to this one, and of those that a cycle puts after it."""
    missing = [other.declared for other in entry.imports if not _is_covered(other, before)]
    return known_types(missing, before) if missing else before


def _is_covered(entry: _LoadedFile, known: KnownTypes) -> bool:
    return known.names >= entry.declared.structs | entry.declared.aliases.keys()


class _Loader:
    """Reads files on demand and remembers them by their real path."""

    def __init__(
        self,
        library_roots: list[str],
        sink: DiagnosticSink,
        read: FileReader,
        redirected: Mapping[str, str] = NOTHING_REDIRECTED,
    ) -> None:
        self._library_roots = library_roots
        self._redirected = redirected
        self._sink = sink
        self._read = read
        self._by_identity: dict[str, _LoadedFile] = {}
        self.has_missing_imports = False

    def load(self, root: str) -> list[_LoadedFile]:
        """Return the root file and everything it imports, dependencies first."""
        try:
            first = self._open(root, root, False)
        except (OSError, ValueError) as error:
            self._sink.emit(_describe_root_failure(root, error))
            return []
        order: list[_LoadedFile] = []
        pending = [(first, self._imports_of(first))]
        while pending:
            entry, imports = pending[-1]
            following = next(imports, None)
            if following is None:
                pending.pop()
                order.append(entry)
            else:
                pending.append((following, self._imports_of(following)))
        return order

    def hide_names(self, files: list[_LoadedFile]) -> list[_LoadedFile]:
        """Let the program declare names that the library has, too; each uses its own.

        Return the files of the library that were changed.
        """
        roots = tuple(os.path.join(os.path.realpath(row), "std", "") for row in self._library_roots)
        places = {id(entry): name for name, entry in self._by_identity.items()}
        library = [entry for entry in files if places[id(entry)].startswith(roots)]
        if not library or library[-1] is files[-1]:
            return []
        from mlrift.frontend.hidden_names import hide_names  # noqa: PLC0415 - with imports only

        own = [entry.stream for entry in files if entry not in library]
        changed = hide_names(own, [entry.stream for entry in library])
        renamed = [entry for entry in library if any(entry.stream is row for row in changed)]
        for entry in renamed:
            entry.declared = scan_declared_types(entry.stream)
        return renamed

    def name_bundled(self, files: list[_LoadedFile], renamed: list[_LoadedFile]) -> None:
        """Give the files of the bundled library that mean the same in every program their names.

        What they import is of that library, too; nothing was renamed in them, and no type of the
        program has the name of anything in them.
        """
        root = str(standard_library_root())
        if len(files) == 1 or root not in self._library_roots:
            return
        start = os.path.join(os.path.realpath(root), "")
        library = os.path.join(start, "std", "")
        places = {id(entry): name for name, entry in self._by_identity.items()}
        own = [entry for entry in files if not places[id(entry)].startswith(library)]
        types = {name for row in own for name in (*row.declared.structs, *row.declared.aliases)}
        changed = {id(entry) for entry in renamed}
        closed = {
            id(entry): entry
            for entry in files
            if places[id(entry)].startswith(library)
            and id(entry) not in changed
            and types.isdisjoint(entry.stream.texts)
        }
        while True:
            tied = [
                key
                for key, entry in closed.items()
                if any(id(row) not in closed for row in entry.imports)
            ]
            if not tied:
                break
            for key in tied:
                del closed[key]
        for key, entry in closed.items():
            entry.file.bundled = places[key].removeprefix(start).replace(os.sep, "/")

    def _imports_of(self, entry: _LoadedFile) -> Iterator[_LoadedFile]:
        """Yield the imported files that are new, in order."""
        stream = entry.stream
        for index in scan_imports(stream):
            path = import_path(stream.texts[index])
            count = len(self._by_identity)
            found = self._find(entry.file.path, path, stream.span(index))
            if found is None:
                self.has_missing_imports = True
                continue
            entry.imports.append(found)
            if len(self._by_identity) > count:
                yield found

    def _find(self, importer: str, path: str, span: Span) -> _LoadedFile | None:
        """Return the file an import means; report it when no candidate opens."""
        written, path = path, self._meant(path)
        failures: list[str] = []
        folders = (os.path.dirname(importer), *self._library_roots)
        for folder in folders:
            candidate = os.path.join(folder, path)
            try:
                return self._open(os.path.normpath(candidate), candidate, True)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                failures.append(f"'{candidate}': {_reason(error)}")
            except ValueError:
                break
        diagnostic = _describe_import_failure(path, span, failures, folders)
        if path != written:
            diagnostic = diagnostic.note(f"with this --target it stands for '{written}'")
        self._sink.emit(diagnostic)
        return None

    def _meant(self, path: str) -> str:
        folder, name = os.path.split(path)
        return os.path.join(folder, self._redirected[name]) if name in self._redirected else path

    def _open(self, shown: str, path: str, is_library: bool) -> _LoadedFile:
        """Return a file, read at most once; raises OSError, or ValueError for an unusable path."""
        identity = os.path.realpath(path)
        known = self._by_identity.get(identity)
        if known is None:
            file = self._decode(shown, self._read(path), is_library)
            stream = lex(file, self._sink)
            known = _LoadedFile(file, stream, scan_declared_types(stream))
            self._by_identity[identity] = known
        return known

    def _decode(self, shown: str, data: bytes, is_library: bool) -> SourceFile:
        """Return the text; bytes that are not UTF-8 are kept as lone surrogates, with a warning."""
        try:
            return SourceFile(shown, data.decode("utf-8"), is_library)
        except UnicodeDecodeError as error:
            file = SourceFile(shown, data.decode("utf-8", "surrogateescape"), is_library)
            start = len(data[: error.start].decode("utf-8"))
            place = Span(file, start, start + 1)
            self._sink.emit(catalog.NOT_UTF8.at(place, path=shown, byte=data[error.start]))
            return file


def _describe_import_failure(
    path: str, span: Span, failures: list[str], folders: Sequence[str]
) -> Diagnostic:
    from mlrift.driver.nearby_files import nearest_import  # noqa: PLC0415 - for mistakes only

    diagnostic = catalog.IMPORT_NOT_OPENED.at(span, path=path)
    for failure in failures:
        diagnostic = diagnostic.note(failure)
    meant = "" if failures else nearest_import(path, folders)
    return diagnostic.help(f'import "{meant}"') if meant else diagnostic


def _describe_root_failure(root: str, error: OSError | ValueError) -> Diagnostic:
    if isinstance(error, FileNotFoundError | ValueError):
        return catalog.ROOT_NOT_FOUND.at(None, path=root)
    return catalog.ROOT_UNREADABLE.at(None, path=root, reason=_reason(error))


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
