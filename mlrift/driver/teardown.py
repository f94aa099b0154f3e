"""How the end of a program for AMD cards gives the card back.

`std/kfd.mlr` registers its teardown for the program's end in a function of its own, and has one for
ends by a failed check, which run nothing else. Enters: the module of a program. Leaves: the same
one, where failed checks come there, or, for `--no-auto-teardown`, where nothing is registered.
"""

from mlrift.driver.library_units import EXIT_REGISTER
from mlrift.ir.core import Linkage, Module
from mlrift.ir.ops.call import Call

_REGISTERS_TEARDOWN = "kfd_register_teardown"
_CATCHES_SIGNALS = "kfd_catch_signals"
_ENDS_BY_TRAP = "kfd_end_by_trap"
_EXIT = "os.exit"
_CORE_PREFIX, _ORDERLY_END = "core.", "core.exit_leave"


def leave_teardown_to_the_program(module: Module) -> None:
    """Let the program's end call nothing for the card."""
    found = module.functions.get(_REGISTERS_TEARDOWN)
    for block in found.blocks if found is not None else ():
        block.ops = [
            row
            for row in block.ops
            if not (isinstance(row, Call) and row.callee in (EXIT_REGISTER, _CATCHES_SIGNALS))
        ]


def give_back_at_traps(module: Module) -> None:
    """Let checks that fail, of the program and of the core library in it, give the card back."""
    end = module.functions.get(_ENDS_BY_TRAP)
    if end is None:
        return
    end.linkage = Linkage.EXPORTED
    module.called_at_trap = end.name
    for function in module.functions.values():
        if not function.name.startswith(_CORE_PREFIX) or function.name == _ORDERLY_END:
            continue
        for row in function.ops():
            if isinstance(row, Call) and row.callee == _EXIT:
                row.callee = end.name
