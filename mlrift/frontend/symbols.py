"""How the names of a program become the names of IR symbols.

A function keeps its name. Everything else gets a prefix with a dot, which no identifier contains,
so a static may share its name with a function and nothing clashes with the runtime's symbols.
"""

PROGRAM_START = "program.start"
FREESTANDING_START = "program.freestanding"


def program_symbol(name: str) -> str:
    """Return the IR function of `name` in an object where C calls another one by that name."""
    return f"program.{name}"


def static_symbol(name: str) -> str:
    """Return the IR global of the static variable `name`."""
    return f"static.{name}"


def assembly_symbol(module: str, index: int) -> str:
    """Return the IR function of the assembly block number `index` of a module."""
    return f"asm.{module}.{index}"


def text_symbol(module: str, index: int) -> str:
    """Return the IR global of the string literal number `index` of a module."""
    return f"text.{module}.{index}"
