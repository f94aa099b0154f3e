"""Small machine-code programs for the engines' own tests: hand-encoded functions, linked by us.

`Code` collects bytes and relocations of one function; `windows_image` and `mac_image` link a
function with the imports it calls, `kernel_image` one that makes system calls by itself.
"""

import struct
from dataclasses import dataclass, field

from mlrift.link.image import ImportedSymbol, LinkOptions, link
from mlrift.link.objects import Relocation, code_object
from mlrift.targets import Target

_X86_PC32 = 2
_ARM64_PAGE, _ARM64_LOAD64 = 275, 286
KERNEL32 = "kernel32.dll"
LIBSYSTEM = "/usr/lib/libSystem.B.dylib"


@dataclass(slots=True, eq=False)
class Code:
    """A function being written: its bytes, its relocations and the imports it calls."""

    data: bytearray = field(default_factory=bytearray)
    relocations: list[Relocation] = field(default_factory=list)
    imports: list[str] = field(default_factory=list)

    def hex(self, text: str) -> "Code":
        """Append bytes given in hexadecimal."""
        self.data += bytes.fromhex(text)
        return self

    def words(self, *words: int) -> "Code":
        """Append arm64 instructions."""
        self.data += struct.pack(f"<{len(words)}I", *words)
        return self

    def call(self, name: str) -> "Code":
        """Append x86_64's `call [rip + __imp_name]`."""
        self.hex("ff15")
        self.relocations.append(Relocation(len(self.data), _X86_PC32, f"__imp_{name}", -4))
        self.imports.append(name)
        return self.hex("00000000")

    def branch(self, name: str) -> "Code":
        """Append arm64's `adrp x16; ldr x16, [x16]; blr x16` through the slot of `name`."""
        for kind, word in ((_ARM64_PAGE, 0x90000010), (_ARM64_LOAD64, 0xF9400210)):
            self.relocations.append(Relocation(len(self.data), kind, f"__imp_{name}", 0))
            self.words(word)
        self.imports.append(name)
        return self.words(0xD63F0200)


def _link(target: Target, code: Code, library: str, prefix: str) -> bytes:
    start = {"os_start": (bytes(code.data), tuple(code.relocations))}
    imports = {name: ImportedSymbol(library, prefix + name) for name in code.imports}
    return link([code_object("start", start)], target, LinkOptions(imports=imports))


def windows_image(target: Target, code: Code) -> bytes:
    """Link a function as a Windows executable."""
    return _link(target, code, KERNEL32, "")


def mac_image(target: Target, code: Code) -> bytes:
    """Link a function as a macOS executable."""
    return _link(target, code, LIBSYSTEM, "_")


def kernel_image(target: Target, code: Code) -> bytes:
    """Link a function as a Linux or Android executable."""
    return _link(target, code, "", "")
