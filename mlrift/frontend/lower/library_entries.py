"""The entries of a library: what C calls for the exported functions of a program.

An entry extends what C leaves undefined, calls the function, and gives C what the declared result
type promises: narrow words are cut, truth is 0 or 1. C has one result, so the others are stored
where further parameters point.
"""

from mlrift.frontend import typed
from mlrift.frontend.lower.foreign import word_from_c
from mlrift.ir.builder import Builder
from mlrift.ir.core import Block, BlockParameter, ForeignSignature, Function, Linkage, Module, Value
from mlrift.ir.ops.call import Call, CallResult
from mlrift.ir.ops.control import Return
from mlrift.ir.ops.memory import Store
from mlrift.ir.source_names import SourceFunction
from mlrift.typesystem import BOOL, I64, ScalarType, Type

_WORD_BYTES = 8


def add_library_entry(module: Module, function: typed.FunctionSymbol, inner: str) -> None:
    """Add the entry of a function whose own symbol is `inner`."""
    results = module.functions[inner].results
    parameters = [BlockParameter(row.type.machine, row.name) for row in function.parameters]
    places = [BlockParameter(I64, f"result{index + 1}") for index in range(1, len(results))]
    sizes = [_size_in_c(row.type) for row in function.parameters] + [_WORD_BYTES] * len(places)
    made = Function(
        function.name,
        [*parameters, *places],
        results[:1],
        Linkage.EXPORTED,
        [Block("entry", [*parameters, *places])],
        function.span,
        section=function.section,
        from_c=ForeignSignature(tuple(sizes)),
    )
    if module.functions[inner].source is not None:
        made.source = SourceFunction(f"{function.name}.c", function.result)
    module.functions[function.name] = made
    builder = Builder(module, made)
    builder.span = function.span
    rows = zip(parameters, function.parameters, strict=True)
    arguments = [word_from_c(builder, value, row.type) for value, row in rows]
    call = builder.emit(Call(inner, arguments, results))
    for index, place in enumerate(places, 1):
        builder.emit(Store(place, builder.emit(CallResult(call, index, I64)), I64))
    builder.emit(Return([_result_for_c(builder, call, function.result)] if results else []))


def _result_for_c(builder: Builder, value: Value, declared: Type) -> Value:
    if declared is BOOL:
        return builder.as_word(builder.truth(value))
    return word_from_c(builder, value, declared)


def _size_in_c(declared: Type) -> int:
    return declared.size_bytes if isinstance(declared, ScalarType) else _WORD_BYTES
