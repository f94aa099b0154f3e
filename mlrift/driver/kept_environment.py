"""The environment for the core library: what a program's start keeps when the program itself asks.

Enters: a module with the core library in it. Leaves: the same one, where the static that the core
library reads is filled in before anything else runs, if there is a start that gets an environment.
"""

from mlrift.frontend.symbols import LIBRARY_START, MAIN, PROGRAM_START, static_symbol
from mlrift.ir.core import Block, BlockParameter, Function, Linkage, Module, Value
from mlrift.ir.ops.arith import Constant
from mlrift.ir.ops.control import Return
from mlrift.ir.ops.memory import GlobalAddress, Store
from mlrift.typesystem import I64

ENVIRONMENT = "cli_envp"
_PARAMETERS = ("argc", "argv", "envp")


def keep_environment(module: Module) -> None:
    """Store the environment at the start of a program, an object or a library."""
    symbol = static_symbol(ENVIRONMENT)
    start = _start(module)
    if symbol not in module.globals or start is None or _keeps(start, symbol):
        return
    environment: Value = start.parameters[len(_PARAMETERS) - 1]
    address = GlobalAddress(symbol)
    start.entry.ops[:0] = [address, Store(address, environment, I64)]


def _start(module: Module) -> Function | None:
    """Return the function that gets the environment; libraries have one from here on."""
    for name in (PROGRAM_START, LIBRARY_START, MAIN):
        found = module.functions.get(name)
        if found is not None and found.linkage is Linkage.EXPORTED and len(found.parameters) == 3:
            return found
    return None


def add_library_start(module: Module) -> None:
    """Give a library a function that its loader calls, if it has none and needs the environment."""
    if static_symbol(ENVIRONMENT) not in module.globals or LIBRARY_START in module.functions:
        return
    parameters = [BlockParameter(I64, name) for name in _PARAMETERS]
    entry = Block("entry", parameters)
    status = Constant(0, I64)
    entry.ops = [status, Return([status])]
    module.functions[LIBRARY_START] = Function(
        LIBRARY_START, parameters, (I64,), Linkage.EXPORTED, [entry]
    )


def _keeps(start: Function, symbol: str) -> bool:
    return any(type(made) is GlobalAddress and made.symbol == symbol for made in start.ops())
