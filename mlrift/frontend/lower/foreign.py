"""Words that cross between a program and C.

C fills only as many bits of a register as a type has, and leaves the others as they happen to be;
a word of the language has 64 (reference.md 1.1). So what comes from C is extended as its declared
type says: the results of extern functions, and the parameters of functions that C calls, which are
the exported ones of an object and those whose `fn_addr` is an argument of a C function. What goes
to C is extended as far as C expects it.
"""

from mlrift.frontend import typed
from mlrift.frontend.symbols import MAIN
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
    """Whether C must call an exported function by an entry of its own; `main` has its start."""
    if not function.is_export or function.is_naked or function.name == MAIN:
        return False
    return _has_narrow(function)


def has_library_entry(function: typed.FunctionSymbol) -> bool:
    """Whether C calls an exported function of a library by an entry of its own."""
    return function.is_export and function.body is not None and not function.is_naked


def is_entered_by_words(function: typed.FunctionSymbol) -> bool:
    """Whether the address that `fn_addr` gives is one that C may call, too."""
    if function.is_extern or function.is_naked:
        return True
    kinds = [function.result, *(row.type for row in function.parameters)]
    has_floats = any(isinstance(row, ScalarType) and row.is_float for row in kinds)
    return not (has_floats or _has_narrow(function))


def _has_narrow(function: typed.FunctionSymbol) -> bool:
    """Whether a parameter has bits that C leaves undefined, or the result some that C expects."""
    if _defined_bits(function.result) < _INT_BITS:
        return True
    return any(_defined_bits(row.type) < _WORD_BITS for row in function.parameters)


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
    return [_word_for_c(builder, value, row.type) for value, row in rows]


def _word_for_c(builder: Builder, value: Value, declared: Type) -> Value:
    return word_from_c(builder, value, declared) if _defined_bits(declared) < _INT_BITS else value


def foreign_signature(function: typed.FunctionSymbol) -> ForeignSignature:
    """Return what the back end must know of the declaration of a C function."""
    return ForeignSignature(_sizes(function), function.libraries, function.is_dynamic)


def _sizes(function: typed.FunctionSymbol) -> tuple[int, ...]:
    """Return the sizes of the parameters in C."""
    return tuple(
        row.type.size_bytes if isinstance(row.type, ScalarType) else _WORD_BYTES
        for row in function.parameters
    )


def add_c_entry(
    module: Module, function: typed.FunctionSymbol, inner: str, entry: str, linkage: Linkage
) -> None:
    """Add the entry that C calls: it extends the arguments and calls the function itself."""
    results = module.functions[inner].results
    parameters = [BlockParameter(row.type.machine, row.name) for row in function.parameters]
    made = Function(
        entry,
        parameters,
        results,
        linkage,
        [Block("entry", parameters)],
        function.span,
        section=function.section,
        from_c=ForeignSignature(_sizes(function)),
    )
    if module.functions[inner].source is not None:
        made.source = SourceFunction(f"{function.name}.c", function.result)
    module.functions[entry] = made
    builder = Builder(module, made)
    builder.span = function.span
    rows = zip(parameters, function.parameters, strict=True)
    arguments = [word_from_c(builder, value, row.type) for value, row in rows]
    call = builder.emit(Call(inner, arguments, results))
    rest = [builder.emit(CallResult(call, index, I64)) for index in range(1, len(results))]
    first = [_word_for_c(builder, call, function.result)] if results else []
    builder.emit(Return([*first, *rest]))


def _defined_bits(declared: Type) -> int:
    """Return how many low bits of a word C defines."""
    if isinstance(declared, ScalarType) and not declared.is_float:
        return declared.size_bytes * 8
    return _WORD_BITS
