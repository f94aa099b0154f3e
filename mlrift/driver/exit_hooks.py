"""Leads every end of a program that registers functions for its end through the core library.

Enters: a module with the core library in it. Leaves: the same one, where `exit` and the return of
`main` call what was registered. Traps end a program without.
"""

from mlrift.frontend.symbols import MAIN, PROGRAM_START
from mlrift.ir.core import Block, Function, Linkage, Module
from mlrift.ir.ops.call import Call
from mlrift.ir.ops.control import Return

_RUN = "core.exit_run"
_LEAVE = "core.exit_leave"
_CORE_PREFIX = "core."
_EXIT = "os.exit"
_HEAP_END = "core.heapcheck_end"


def add_exit_hooks(module: Module) -> None:
    """Change calls and returns that end a program which has functions for its end."""
    for function in module.functions.values():
        if not function.name.startswith(_CORE_PREFIX):
            for block in function.blocks:
                _change(block)
    start = _start(module)
    if start is not None:
        for block in start.blocks:
            if isinstance(block.ops[-1], Return):
                block.ops.insert(len(block.ops) - 1, Call(_RUN, [], ()))


def _change(block: Block) -> None:
    """Run the functions before the heap is checked for leaks, and before the end."""
    for index, made in reversed(list(enumerate(block.ops))):
        if isinstance(made, Call) and made.callee == _HEAP_END:
            block.ops.insert(index, Call(_RUN, [], ()))
        elif isinstance(made, Call) and made.callee == _EXIT:
            made.callee = _LEAVE


def _start(module: Module) -> Function | None:
    """Return the function that calls `main` of the language, in a program or an object."""
    for name in (PROGRAM_START, MAIN):
        found = module.functions.get(name)
        if found is not None and found.linkage is Linkage.EXPORTED:
            return found
    return None
