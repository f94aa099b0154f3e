"""The sections of functions in objects of a system's own format.

LLVM ends the process for names that a format cannot have, so they are looked at before.
"""

from mlrift.targets import ObjectFormat

# What the tools take for something else than code: the name itself, or its first part.
_NOT_CODE = (
    ".bss",
    ".comment",
    ".ctors",
    ".data",
    ".debug",
    ".drectve",
    ".dtors",
    ".dynamic",
    ".dynstr",
    ".dynsym",
    ".edata",
    ".eh_frame",
    ".fini_array",
    ".gcc_except_table",
    ".gnu",
    ".got",
    ".hash",
    ".idata",
    ".init_array",
    ".interp",
    ".note",
    ".pdata",
    ".plt",
    ".preinit_array",
    ".rdata",
    ".rel",
    ".rela",
    ".reloc",
    ".rodata",
    ".rsrc",
    ".shstrtab",
    ".strtab",
    ".symtab",
    ".tbss",
    ".tdata",
    ".tls",
    ".xdata",
)
_MACHO_NAME_BYTES = 16
_MACHO_CODE = "__text"
_MACHO_DATA_SEGMENTS = ("__PAGEZERO", "__DATA", "__DATA_CONST", "__LINKEDIT")


def section_problem(name: str, object_format: ObjectFormat) -> str:
    """Say why functions cannot lie in a section of that name; empty when they can."""
    if not name.isprintable():
        return "it has characters that cannot be printed"
    if object_format is ObjectFormat.MACHO:
        return _macho_problem(name)
    for reserved in _NOT_CODE:
        if name == reserved or name.startswith((f"{reserved}.", f"{reserved}_")):
            return f"`{reserved}` is not for code"
    return ""


def macho_section(name: str) -> str:
    """Return segment and section; a plain name is one of the segment for code."""
    if "," in name:
        return name
    return f"__TEXT,{name.encode()[:_MACHO_NAME_BYTES].decode(errors='ignore')}"


def _macho_problem(name: str) -> str:
    parts = macho_section(name).split(",")
    if len(parts) != 2 or any(not part.strip() for part in parts):
        return "Mach-O has a segment and a section, as in `__TEXT,boot`"
    if any(len(part.encode()) > _MACHO_NAME_BYTES for part in parts):
        return f"Mach-O names have at most {_MACHO_NAME_BYTES} bytes"
    segment, section = parts
    if segment in _MACHO_DATA_SEGMENTS or (section.startswith("__") and section != _MACHO_CODE):
        return f"`{segment},{section}` is not for code"
    return ""
