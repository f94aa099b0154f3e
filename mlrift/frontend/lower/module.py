"""A typed program to an IR module: statics, functions and the program's start.

Enters: a `TypedProgram` without errors. Leaves: a `Module` in which every local is a slot, dead
blocks may remain, and the OS layer and the core library are declared EXTERNAL where used.
"""

from mlrift.frontend import typed
from mlrift.frontend.lower import (  # noqa: F401
    aggregates,
    control,
    expressions,
    places,
    printing,
)
from mlrift.frontend.lower.assembly import naked_assembly
from mlrift.frontend.lower.context import (
    FunctionContext,
    ModuleContext,
    SlotStart,
    result_types,
)
from mlrift.frontend.lower.control import emit_return, run_defers
from mlrift.frontend.lower.expressions import static_bytes
from mlrift.frontend.lower.foreign import add_c_entry, has_c_entry, has_library_entry
from mlrift.frontend.lower.options import (
    ExportedStatics,
    LowerOptions,
    LowerRole,
    RuntimeChecks,
    SourceNames,
)
from mlrift.frontend.symbols import (
    FREESTANDING_START,
    LIBRARY_START,
    MAIN,
    PROGRAM_START,
    STARTUP_STATICS,
    program_symbol,
    static_symbol,
)
from mlrift.ir.builder import Builder
from mlrift.ir.core import Block, BlockParameter, Function, Global, Linkage, Module, Value
from mlrift.ir.ops.arith import And
from mlrift.ir.ops.call import Call
from mlrift.ir.ops.control import Return
from mlrift.ir.ops.convert import FloatToBits
from mlrift.ir.ops.memory import GlobalAddress, SlotSet, Store
from mlrift.ir.source_names import SourceVariable
from mlrift.source import Span
from mlrift.typesystem import I64, ScalarType
from mlrift.values import replace

_WORD_BYTES = 8
_ARRAY_ALIGN_BYTES = 16
_LOW_HALF = 0xFFFFFFFF
_KEEPING_ROLES = (LowerRole.OBJECT, LowerRole.LISTING)


def lower_program(program: typed.TypedProgram, options: LowerOptions, name: str) -> Module:
    """Return the module `name` that does what the program says."""
    inner = _names_that_c_takes(program, options)
    if inner:
        options = replace(options, symbol_name=lambda name: inner.get(name, name))
    module = Module(name)
    context = ModuleContext(module, options)
    for variable in program.statics.values():
        _add_static(context, variable)
    for function in program.functions:
        if function.body is not None:
            _add_function(context, function, function.body)
    for symbol, function in context.c_entries.items():
        inner_symbol = context.callee(function).symbol
        add_c_entry(module, function, inner_symbol, symbol, Linkage.INTERNAL)
    _add_start_of_role(context, inner)
    if options.checks is not RuntimeChecks.NONE:
        from mlrift.frontend.lower.heap_checks import check_accesses  # noqa: PLC0415 - `--debug`

        check_accesses(context)
    return module


def _names_that_c_takes(program: typed.TypedProgram, options: LowerOptions) -> dict[str, str]:
    """Return the functions of an object that C calls by another entry, and their own symbols."""
    if options.role is LowerRole.C_LIBRARY:
        named = [row.name for row in program.functions if has_library_entry(row)]
        return {name: program_symbol(name) for name in named}
    if options.role is not LowerRole.OBJECT:
        return {}
    return {
        function.name: program_symbol(function.name)
        for function in program.functions
        if function.body is not None and (function.name == MAIN or has_c_entry(function))
    }


def _add_static(context: ModuleContext, variable: typed.StaticVariable) -> None:
    symbol = context.static_name(variable)
    if isinstance(variable.type, ScalarType):
        word = variable.initial_word
        data = word.to_bytes(_WORD_BYTES, "little") if word else b""
        made = Global(symbol, _WORD_BYTES, _WORD_BYTES, data)
    else:
        size_bytes = static_bytes(variable.type)
        if variable.is_repointed:
            size_bytes += _WORD_BYTES
        made = Global(symbol, size_bytes, _ARRAY_ALIGN_BYTES)
    if variable.is_export:
        made.linkage = Linkage.EXPORTED
        if context.options.exported_statics is ExportedStatics.BY_SLOT:
            context.add_slot(symbol)
    context.module.globals[symbol] = made
    if context.options.source_names is SourceNames.KEPT:
        named = SourceVariable(variable.name, variable.type, variable.span)
        if variable.is_repointed:
            named = replace(named, distance_bytes=static_bytes(variable.type))
        made.source = named


def _add_function(module: ModuleContext, function: typed.FunctionSymbol, body: typed.Block) -> None:
    symbol = module.options.symbol_name(function.name)
    parameters = [BlockParameter(row.type.machine, row.name) for row in function.parameters]
    made = Function(
        symbol,
        parameters,
        result_types(function),
        _linkage(function, module.options),
        [Block("entry", parameters)],
        function.span,
        is_naked=function.is_naked,
        is_simd=function.is_simd,
        is_inline=function.is_inline,
        section=function.section,
    )
    module.module.functions[symbol] = made
    if function.is_naked:
        made.blocks, made.assembly = [], naked_assembly(body)
        return
    start = SlotStart.ZERO if function.end_defers else SlotStart.UNSET
    context = FunctionContext(module, made, start)
    context.is_device_code = function.is_device_code
    if module.options.source_names is SourceNames.KEPT:
        from mlrift.frontend.lower.source_variables import (  # noqa: PLC0415 - with `-g` only
            describe_function,
        )

        made.source, context.slot_names = describe_function(function)
    builder = context.builder
    builder.span = function.span
    for variable, value in zip(function.parameters, parameters, strict=True):
        builder.emit(SlotSet(context.slot(variable), value))
    if function.kept_tensors:
        context.keep_tensors(function.kept_tensors)
    context.run(body)
    if not builder.is_terminated:
        run_defers(context, function.end_defers)
        builder.span = Span(body.span.file, body.span.end - 1, body.span.end)
        emit_return(context, [])
    context.finish()
    if function.is_kernel and function.is_device_code:
        from mlrift.frontend.lower.group_sizes import (  # noqa: PLC0415 - in few programs
            assume_group_size,
        )

        assume_group_size(made)
    if module.options.role is LowerRole.C_LIBRARY:
        if has_library_entry(function):
            from mlrift.frontend.lower.library_entries import (  # noqa: PLC0415 - for libraries
                add_library_entry,
            )

            add_library_entry(module.module, function, symbol)
    elif symbol == program_symbol(function.name) and has_c_entry(function):
        add_c_entry(module.module, function, symbol, function.name, Linkage.EXPORTED)


def _linkage(function: typed.FunctionSymbol, options: LowerOptions) -> Linkage:
    if options.symbol_name(function.name) == program_symbol(function.name):
        return Linkage.INTERNAL
    if function.is_export or function.name in options.exports:
        return Linkage.EXPORTED
    return Linkage.KEPT if options.role in _KEEPING_ROLES else Linkage.INTERNAL


def _add_start_of_role(context: ModuleContext, inner: dict[str, str]) -> None:
    """Add what runs first; of a library only what keeps arguments that it looks at."""
    match context.options.role:
        case LowerRole.PROGRAM:
            _add_start(context, PROGRAM_START)
        case LowerRole.FREESTANDING:
            _add_freestanding_start(context)
        case LowerRole.OBJECT if MAIN in inner:
            _add_start(context, MAIN)
        case LowerRole.C_LIBRARY:
            known = context.module.globals
            if any(static_symbol(row) in known for row in STARTUP_STATICS):
                _add_start(context, LIBRARY_START)


def _add_start(context: ModuleContext, symbol_of_start: str) -> None:
    """Add the function (argc, argv, envp) that keeps the arguments, runs main, gives its status.

    C's argc has an undefined upper half. A library has no main: the status is 0.
    """
    parameters = [BlockParameter(I64, name) for name in ("argc", "argv", "envp")]
    made = Function(
        symbol_of_start, parameters, (I64,), Linkage.EXPORTED, [Block("entry", parameters)]
    )
    context.module.functions[symbol_of_start] = made
    builder = Builder(context.module, made)
    argc = builder.emit(And(parameters[0], builder.word(_LOW_HALF)))
    for name, value in zip(STARTUP_STATICS, (argc, *parameters[1:]), strict=True):
        symbol = static_symbol(name)
        if symbol in context.module.globals:
            builder.emit(Store(builder.emit(GlobalAddress(symbol)), value, I64))
    if symbol_of_start == LIBRARY_START:
        builder.emit(Return([builder.word(0)]))
    else:
        _run_main(context, builder)


def _add_freestanding_start(context: ModuleContext) -> None:
    """Add the function that runs main and goes back to the caller, whatever the stack's state."""
    made = Function(FREESTANDING_START, [], (I64,), Linkage.EXPORTED, [Block("entry", [])])
    made.realigns_stack = True
    context.module.functions[FREESTANDING_START] = made
    _run_main(context, Builder(context.module, made))


def _run_main(context: ModuleContext, builder: Builder) -> None:
    main = context.options.symbol_name(MAIN)
    results = context.module.functions[main].results
    call: Value = builder.emit(Call(main, [], results))
    if context.options.checks is not RuntimeChecks.NONE:
        from mlrift.frontend.lower.heap_checks import check_end  # noqa: PLC0415 - `--debug`

        check_end(builder)
    builder.emit(Return([_status(builder, call) if results else builder.word(0)]))


def _status(builder: Builder, result: Value) -> Value:
    return result if result.type is I64 else builder.emit(FloatToBits(result))
