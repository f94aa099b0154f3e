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
from mlrift.typesystem import BOOL, I8, I16, I32, I64, U64, ScalarType, TensorType, Type

_WORD_BYTES = 8
_MEMORY_BY_SIZE = {1: I8, 2: I16, 4: I32, 8: I64}


def add_library_entry(module: Module, function: typed.FunctionSymbol, inner: str) -> None:
    """Add the entry of a function whose own symbol is `inner`."""
    results = module.functions[inner].results
    passed = [_parameters_in_c(row) for row in function.parameters]
    parameters = [parameter for row in passed for parameter in row]
    places = [BlockParameter(I64, f"result{index + 1}") for index in range(1, len(results))]
    sizes = [
        _size_in_c(row.type)
        for row, words in zip(function.parameters, passed, strict=True)
        for _ in words
    ]
    sizes += [_WORD_BYTES] * len(places)
    made = Function(
        function.name,
        [*parameters, *places],
        tuple(I64 if isinstance(row, TensorType) else row for row in results[:1]),
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
    rows = zip(passed, function.parameters, strict=True)
    arguments = [_argument_from_c(builder, words, row.type) for words, row in rows]
    call = builder.emit(Call(inner, arguments, results))
    for index, place in enumerate(places, 1):
        listed = function.further[index - 1] if function.further else U64
        given = builder.emit(CallResult(call, index, results[index]))
        _store_for_c(builder, place, given, listed)
    builder.emit(Return([_result_for_c(builder, call, function.result)] if results else []))
    tensors = [row for row in (function.result, *function.further) if isinstance(row, TensorType)]
    if tensors:
        _add_release(module, function, tensors[0].machine)


def _parameters_in_c(row: typed.LocalVariable) -> list[BlockParameter]:
    """Return what C passes: of a tensor two addresses, those of the elements and of the layout."""
    machine = row.type.machine
    if isinstance(machine, TensorType):
        return [BlockParameter(I64, row.name), BlockParameter(I64, f"{row.name}_layout")]
    return [BlockParameter(machine, row.name)]


def _argument_from_c(builder: Builder, words: list[BlockParameter], declared: Type) -> Value:
    if not isinstance(declared, TensorType):
        return word_from_c(builder, words[0], declared)
    from mlrift.frontend.builtins.tensor_memory import from_layout  # noqa: PLC0415 - with tensors

    return from_layout(builder, words[0], words[1], declared.machine)


def _result_for_c(builder: Builder, value: Value, declared: Type) -> Value:
    if isinstance(declared, TensorType):
        from mlrift.frontend.builtins.tensor_memory import to_c  # noqa: PLC0415 - with tensors

        return to_c(builder, value, declared.machine)
    if declared is BOOL:
        return builder.as_word(builder.truth(value))
    return word_from_c(builder, value, declared)


def _store_for_c(builder: Builder, place: Value, value: Value, declared: Type) -> None:
    """Store a result behind the first, a tensor or a word, where C has a variable of its type."""
    if isinstance(declared, TensorType) or declared is BOOL:
        value = _result_for_c(builder, value, declared)
    memory = _MEMORY_BY_SIZE[1 if declared is BOOL else _size_in_c(declared)]
    builder.emit(Store(place, value, memory))


def _add_release(module: Module, function: typed.FunctionSymbol, given: TensorType) -> None:
    """Add the function by which C gives back a tensor that `function` gave it."""
    from mlrift.interface.model import release_name  # noqa: PLC0415 - with tensors
    from mlrift.ir.ops.tensor import Take  # noqa: PLC0415

    name = release_name(function.name)
    word = BlockParameter(I64, "tensor")
    made = Function(name, [word], (), Linkage.EXPORTED, [Block("entry", [word])], function.span)
    made.from_c = ForeignSignature((_WORD_BYTES,))
    module.functions[name] = made
    builder = Builder(module, made)
    builder.span = function.span
    builder.emit(Take(word, given))
    builder.emit(Return([]))


def _size_in_c(declared: Type) -> int:
    return declared.size_bytes if isinstance(declared, ScalarType) else _WORD_BYTES
