"""Encoded functions inside an object: machine code that no LLVM instruction can express.

Enters: the bytes of a function that needs no relocation. Leaves: an LLVM constant that lies in
the section of the code, which calls use like any function; LLVM cannot assemble for foreign CPUs.
"""

from mlrift.backends.llvm.types import bytes_text
from mlrift.targets import ObjectFormat

_CODE_SECTIONS = {
    ObjectFormat.ELF: ".text",
    ObjectFormat.PE: ".text",
    ObjectFormat.MACHO: "__TEXT,__text,regular,pure_instructions",
}
_ALIGN_BYTES = 16


def encoded_function(name: str, code: bytes, object_format: ObjectFormat) -> str:
    """Return the definition of `name`, as written in the text, with `code` as its body."""
    section = _CODE_SECTIONS[object_format]
    kind = f"[{len(code)} x i8]"
    return (
        f"{name} = internal constant {kind} {bytes_text(code)}, "
        f'section "{section}", align {_ALIGN_BYTES}'
    )
