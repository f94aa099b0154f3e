"""How the names of a program become the names of IR symbols.

A function keeps its name. Everything else gets a prefix with a dot, which no identifier contains,
so a static may share its name with a function and nothing clashes with the runtime's symbols.
"""

PROGRAM_START = "program.start"
# Where the OS layer enters a program on a new thread.
THREAD_START = "program.start.thread"
MAIN = "main"
LIBRARY_START, LIBRARY_END, LIBRARY_ENTRY = "library.start", "library.end", "library.entry"
FREESTANDING_START = "program.freestanding"
# Statics that the start of a program fills in, if it has them: of what the system hands over.
STARTUP_STATICS = ("cli_argc", "cli_argv", "cli_envp")


def program_symbol(name: str) -> str:
    """Return the IR function of `name` in an object where C calls another one by that name."""
    return f"program.{name}"


def c_entry_symbol(name: str) -> str:
    """Return the IR function that C calls instead of the function `name`, by address."""
    return f"from_c.{name}"


def static_symbol(name: str) -> str:
    """Return the IR global of the static variable `name`."""
    return f"static.{name}"


def assembly_symbol(module: str, index: int) -> str:
    """Return the IR function of the assembly block number `index` of a module."""
    return f"asm.{module}.{index}"


def text_symbol(module: str, index: int) -> str:
    """Return the IR global of the string literal number `index` of a module."""
    return f"text.{module}.{index}"
