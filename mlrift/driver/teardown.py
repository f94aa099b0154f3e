"""`--no-auto-teardown`: programs for AMD cards that give the card back by themselves.

`std/kfd.mlr` registers its teardown for the program's end in a function of its own. Enters: the
module of a program, lowered. Leaves: the same one, where that function registers nothing.
"""

from mlrift.driver.library_units import EXIT_REGISTER
from mlrift.ir.core import Module
from mlrift.ir.ops.call import Call

_REGISTERS_TEARDOWN = "kfd_register_teardown"


def leave_teardown_to_the_program(module: Module) -> None:
    """Let the program's end call nothing for the card."""
    found = module.functions.get(_REGISTERS_TEARDOWN)
    for block in found.blocks if found is not None else ():
        block.ops = [
            row for row in block.ops if not (isinstance(row, Call) and row.callee == EXIT_REGISTER)
        ]
