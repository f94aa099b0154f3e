"""Words that cross between a program and C.

C fills only as many bits of a register as a type has, and leaves the others as they happen to be;
a word of the language has 64 (language.md 1.1). So what comes from C is extended as its declared
type says: the results of extern functions, and the parameters of exported functions of an object.
What goes to C is extended as far as C expects it.
"""

from mlrift.frontend import typed
from mlrift.ir.builder import Builder
from mlrift.ir.core import Block, BlockParameter, ForeignSignature, Function, Linkage, Module, Value
from mlrift.ir.ops.arith import And, Ashr, Shl
from mlrift.ir.ops.call import Call, CallResult
from mlrift.ir.ops.control import Return
from mlrift.ir.source_names import SourceFunction
from mlrift.typesystem import I64, ScalarType, Tag, Type

_WORD_BITS = 64
_WORD_BYTES = 8
_INT_BITS = 32


def has_c_entry(function: typed.FunctionSymbol) -> bool:
    """Whether C must call an exported function by an entry of its own."""
    has_narrow = any(_defined_bits(row.type) < _WORD_BITS for row in function.parameters)
    return function.is_export and has_narrow and not function.is_naked


def word_from_c(builder: Builder, value: Value, declared: Type) -> Value:
    """Return the word that C means by a value of a declared type."""
    bits = _defined_bits(declared)
    if bits == _WORD_BITS:
        return value
    if declared.tag is not Tag.SIGNED:
        return builder.emit(And(value, builder.word((1 << bits) - 1)))
    distance = builder.word(_WORD_BITS - bits)
    return builder.emit(Ashr(builder.emit(Shl(value, distance)), distance))


def words_for_c(
    builder: Builder, arguments: list[Value], function: typed.FunctionSymbol
) -> list[Value]:
    """Return the arguments of a C function, those of less than 32 bits extended.

    C functions may count on that, but not on more.
    """
    rows = zip(arguments, function.parameters, strict=True)
    return [
        word_from_c(builder, value, row.type) if _defined_bits(row.type) < _INT_BITS else value
        for value, row in rows
    ]


def foreign_signature(function: typed.FunctionSymbol) -> ForeignSignature:
    """Return what the back end must know of the declaration of a C function."""
    sizes = [
        row.type.size_bytes if isinstance(row.type, ScalarType) else _WORD_BYTES
        for row in function.parameters
    ]
    return ForeignSignature(tuple(sizes), function.libraries, function.is_dynamic)


def add_c_entry(module: Module, function: typed.FunctionSymbol, inner: str) -> None:
    """Add the entry that C calls: it extends the arguments and calls the function itself."""
    results = module.functions[inner].results
    parameters = [BlockParameter(row.type.machine, row.name) for row in function.parameters]
    made = Function(
        function.name,
        parameters,
        results,
        Linkage.EXPORTED,
        [Block("entry", parameters)],
        function.span,
        section=function.section,
    )
    if module.functions[inner].source is not None:
        made.source = SourceFunction(f"{function.name}.c", function.result)
    module.functions[function.name] = made
    builder = Builder(module, made)
    builder.span = function.span
    rows = zip(parameters, function.parameters, strict=True)
    arguments = [word_from_c(builder, value, row.type) for value, row in rows]
    call = builder.emit(Call(inner, arguments, results))
    rest = [builder.emit(CallResult(call, index, I64)) for index in range(1, len(results))]
    builder.emit(Return([call, *rest] if results else []))


def _defined_bits(declared: Type) -> int:
    """Return how many low bits of a word C defines."""
    if isinstance(declared, ScalarType) and not declared.is_float:
        return declared.size_bytes * 8
    return _WORD_BITS
