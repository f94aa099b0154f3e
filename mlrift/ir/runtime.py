"""Functions that code generation may call by itself to carry out an op.

A module does not mention them, so whoever makes a complete program must ask for them here.
"""

from mlrift.ir.core import Module
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import Sdiv, Srem, Udiv, Urem
from mlrift.ir.ops.atomic import FlushDataCache, InvalidateInstructionCache
from mlrift.ir.ops.memory import FRESH_SYMBOL, Fresh

EXIT_SYMBOL = "os.exit"
CLEAN_DATA_SYMBOL = "cpu.dc_civac"
INVALIDATE_SYMBOL = "cpu.ic_ivau"

RUNTIME_SYMBOLS: dict[type[Op], str] = {
    Fresh: FRESH_SYMBOL,
    Udiv: EXIT_SYMBOL,
    Sdiv: EXIT_SYMBOL,
    Urem: EXIT_SYMBOL,
    Srem: EXIT_SYMBOL,
    FlushDataCache: CLEAN_DATA_SYMBOL,
    InvalidateInstructionCache: INVALIDATE_SYMBOL,
}


def runtime_functions(module: Module) -> set[str]:
    """Return the symbols that the ops of a module may need."""
    kinds = {type(made) for function in module.functions.values() for made in function.ops()}
    return {symbol for kind, symbol in RUNTIME_SYMBOLS.items() if kind in kinds}
