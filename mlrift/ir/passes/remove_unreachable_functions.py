"""Functions and globals that no exported or kept function needs, directly or not, go.

exported function @main() { ... call.direct @used() ... }
function @used() { ... }
function @unused() { ... }                                    => (gone)
"""

from mlrift.ir.core import Linkage, Module
from mlrift.ir.ops.call import Call, FunctionAddress
from mlrift.ir.ops.memory import GlobalAddress
from mlrift.ir.passes.declaration import Pass, Property
from mlrift.ir.runtime import RUNTIME_SYMBOLS

_ROOTS = (Linkage.EXPORTED, Linkage.KEPT)


def remove_unreachable_functions(module: Module) -> None:
    """Keep what is reachable from exported functions and globals."""
    work = [row.name for row in module.functions.values() if row.linkage in _ROOTS]
    functions = {*work, *module.encoded}
    symbols = {row.name for row in module.globals.values() if row.linkage in _ROOTS}
    while work:
        called = _references(module, work.pop(), symbols)
        work += called - functions
        functions |= called
    module.functions = {name: row for name, row in module.functions.items() if name in functions}
    module.globals = {name: row for name, row in module.globals.items() if name in symbols}


PASS = Pass(
    "remove_unreachable_functions",
    remove_unreachable_functions,
    makes=frozenset({Property.NO_DEAD_FUNCTIONS}),
)


def _references(module: Module, name: str, symbols: set[str]) -> set[str]:
    """Return the functions that a function refers to; add the globals to `symbols`."""
    called: set[str] = set()
    for block in module.functions[name].blocks:
        for made in block.ops:
            kind = type(made)
            if kind is Call or kind is FunctionAddress:
                called.add(made.callee)  # type: ignore[attr-defined]  # kind says so
            elif kind is GlobalAddress:
                symbols.add(made.symbol)  # type: ignore[attr-defined]  # kind says so
            elif kind in RUNTIME_SYMBOLS and RUNTIME_SYMBOLS[kind] in module.functions:
                called.add(RUNTIME_SYMBOLS[kind])
    return called
