"""IR symbols to LLVM names, so that no name of a program means anything to LLVM.

LLVM knows hundreds of C functions by name (memcpy, fmod, strlen ...) and emits calls of some. An
INTERNAL function or global without a dot in its name therefore gets a prefix; names with a dot
(`core.format_u64`) and those that other objects see stay. `plain_names.py` removes the prefixes
from objects and listings that people read. The C function `c.NAME` is plain NAME to a C linker; our
own linker knows it by both names, so that no program's function can take its place.
"""

import re

from mlrift.backends.errors import BackendError
from mlrift.backends.llvm.options import CodegenOptions, ObjectFlavour
from mlrift.ir.core import FOREIGN_PREFIX, Linkage, Module
from mlrift.targets import ObjectFormat

FUNCTION_PREFIX = "fn."
GLOBAL_PREFIX = "var."
WORDS_SUFFIX = ".words"
_INTRINSIC_PREFIX = "llvm."
_LOCAL = (Linkage.INTERNAL, Linkage.KEPT)

_PLAIN = re.compile(r"[A-Za-z_.$-][\w.$-]*", re.ASCII).fullmatch


class Symbols:
    """The LLVM names, as written in the text, of a module's functions and globals."""

    __slots__ = ("_is_native", "_prefixes", "_sections", "functions", "globals", "words")

    def __init__(self, module: Module, options: CodegenOptions) -> None:
        self._prefixes = _prefixes(options)
        self._is_native = options.flavour is ObjectFlavour.NATIVE
        self._sections = _section_names(module, options)
        self.functions = {
            name: self._symbol(name, FUNCTION_PREFIX, row.linkage)
            for name, row in module.functions.items()
        }
        self.globals = {
            name: self._symbol(name, GLOBAL_PREFIX, row.linkage)
            for name, row in module.globals.items()
        }
        self.words: dict[str, str] = {}

    def words_entry(self, name: str) -> str:
        """Return the name of the entry of a function that takes and gives words only."""
        known = self.words.get(name)
        if known is None:
            known = self._symbol(name + WORDS_SUFFIX, "", Linkage.INTERNAL)
            self.words[name] = known
        return known

    def _symbol(self, name: str, prefix: str, linkage: Linkage) -> str:
        is_reserved = name.startswith(_INTRINSIC_PREFIX)
        if linkage not in _LOCAL:
            if is_reserved:
                raise BackendError(f"`{name}` cannot be a global symbol: LLVM reserves the name")
            plain = name.removeprefix(FOREIGN_PREFIX) if self._is_native else name
            return quote(prefix + plain if plain in self._sections else plain)
        if "." in name and not is_reserved:
            return quote(name)
        before, after = self._prefixes
        return quote(f"{before}{prefix}{after}{name}")


def _section_names(module: Module, options: CodegenOptions) -> frozenset[str]:
    """Return the names that LLVM cannot give to symbols that others see: it uses them itself."""
    if options.flavour is ObjectFlavour.PORTABLE or options.object_format is ObjectFormat.MACHO:
        return frozenset()
    return frozenset(row.section for row in module.functions.values() if row.section is not None)


def _prefixes(options: CodegenOptions) -> tuple[str, str]:
    """Return what stands before and after our prefix: Mach-O symbols begin with `_`."""
    return ("\x01", "_") if options.object_format is ObjectFormat.MACHO else ("", "")


def quote(name: str) -> str:
    """Spell a global name with its `@`."""
    if _PLAIN(name):
        return "@" + name
    return f'@"{escape(name)}"'


def escape(text: str) -> str:
    """Spell text inside LLVM's double quotes; its UTF-8 bytes beyond printable ones are escaped."""
    return "".join(
        [
            chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\{byte:02X}"
            for byte in text.encode("utf-8", "surrogateescape")
        ]
    )
