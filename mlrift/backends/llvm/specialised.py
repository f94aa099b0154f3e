"""A function as it is for one level of a processor.

A function that asks for which level it is compiled enters, with the level; a copy leaves in which
that is a constant, without the code that other levels would run.
"""

from mlrift.ir.clone import clone_function
from mlrift.ir.core import Function
from mlrift.ir.ops.arith import Constant
from mlrift.ir.passes.fold import fold
from mlrift.ir.passes.remove_dead_code import remove_dead_code
from mlrift.ir.passes.remove_unreachable_blocks import remove_unreachable_blocks
from mlrift.typesystem import I64

_MNEMONIC = "cpu.version"


def asks_for_level(function: Function) -> bool:
    """Whether what a function does depends on the level that it is compiled for."""
    return any(made.MNEMONIC == _MNEMONIC for made in function.ops())


def specialised(function: Function, level: int) -> Function:
    """Return the function for one level."""
    copy = clone_function(function)
    for block in copy.blocks:
        for place, made in enumerate(block.ops):
            if made.MNEMONIC != _MNEMONIC:
                continue
            known = Constant(level, I64)
            known.span = made.span
            block.ops[place] = known
            for user in copy.ops():
                user.replace_operands({made: known})
    fold(copy)
    remove_unreachable_blocks(copy)
    fold(copy)
    remove_dead_code(copy)
    return copy
