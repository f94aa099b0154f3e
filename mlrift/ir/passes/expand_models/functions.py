"""Functions that expansions add: of words, and bodies of parallel regions."""

from mlrift.ir.builder import Builder
from mlrift.ir.core import Block, BlockParameter, Function
from mlrift.typesystem import I64

_REGION = ("context", "first", "last", "part")


def word_function(
    builder: Builder, symbol: str, names: tuple[str, ...]
) -> tuple[Builder, list[BlockParameter]]:
    """Add a function of words without a result; return its insertion point and parameters."""
    parameters = [BlockParameter(I64, name) for name in names]
    function = Function(symbol, parameters, (), blocks=[Block("entry", parameters)])
    function.span = builder.span
    builder.module.functions[symbol] = function
    inner = Builder(builder.module, function)
    inner.span = builder.span
    return inner, parameters


def region_body(builder: Builder, symbol: str) -> tuple[Builder, list[BlockParameter]]:
    """Add the body of a region, (context, first, last, part): all but the first are numbers."""
    inner, parameters = word_function(builder, symbol, _REGION)
    for parameter in parameters[1:]:
        parameter.is_number = True
    return inner, parameters
