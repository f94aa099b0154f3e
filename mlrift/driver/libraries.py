"""Libraries for other programs: what the linker is told, and the files beside the library.

Enters: the interface that the checker found and the linked image or object. Leaves: the exports of
the image, the C header, the import library that linkers of Windows want, the archive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlrift.driver.options import Product
from mlrift.driver.results import HEADER, IMPORT_LIBRARY, Companion
from mlrift.interface.c_header import c_header
from mlrift.interface.model import Interface, to_json
from mlrift.link.archive import Member, write_archive
from mlrift.link.import_library import import_library
from mlrift.link.options import Export, ExportKind, SharedLibrary
from mlrift.targets import ObjectFormat

if TYPE_CHECKING:
    from mlrift.driver.options import CompileOptions


def shared_library(
    interface: Interface, options: CompileOptions, loader_functions: tuple[str, str]
) -> SharedLibrary:
    """Return what makes an image the library that the options name."""
    names = exports_of(interface)
    return SharedLibrary(options.library_file, names, to_json(interface), *loader_functions)


def exports_of(interface: Interface) -> tuple[Export, ...]:
    """Return the symbols that other programs may use."""
    functions = [Export(row.name, ExportKind.FUNCTION) for row in interface.functions]
    functions += [
        Export(row.release, ExportKind.FUNCTION) for row in interface.functions if row.release
    ]
    return (*functions, *[Export(row.name, ExportKind.VARIABLE) for row in interface.variables])


def archive(interface: Interface, options: CompileOptions, data: bytes) -> bytes:
    """Return the archive with one object in it."""
    target = options.targets[0]
    member = options.source.stem + target.system.object_suffix
    names = tuple(row.name for row in exports_of(interface))
    return write_archive([Member(member, data, names)], target.system.object_format)


def companions(interface: Interface, options: CompileOptions) -> tuple[Companion, ...]:
    """Return the files that are written beside a library."""
    target = options.targets[0]
    prefix = target.system.library_prefix
    name = options.library_stem.removeprefix(prefix) or prefix
    header = c_header(interface, name)
    files = [Companion(HEADER, header.encode("utf-8", "surrogateescape"))]
    is_dll = target.system.object_format is ObjectFormat.PE
    if is_dll and options.product is Product.LIBRARY:
        data = import_library(options.library_file, exports_of(interface), target)
        files.append(Companion(IMPORT_LIBRARY, data))
    return tuple(files)
