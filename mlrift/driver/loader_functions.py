"""What the system's loader calls when it loads a library and when it unloads it.

Enters: the module of a library, with the core library in it. Leaves: the same module with functions
for the loader, as far as there is something to do: to keep the process's arguments and environment,
which Linux, Android and macOS hand over and Windows has to be asked for, and to call what was
registered for the end.
"""

from mlrift.driver.library_units import EXIT_REGISTER
from mlrift.frontend.symbols import LIBRARY_END, LIBRARY_ENTRY, LIBRARY_START, PROGRAM_START
from mlrift.ir.builder import Builder
from mlrift.ir.core import Block, BlockParameter, ForeignSignature, Function, Linkage, Module
from mlrift.ir.ops.arith import And
from mlrift.ir.ops.call import Call, FunctionAddress
from mlrift.ir.ops.compare import CompareInteger, IntegerPredicate
from mlrift.ir.ops.control import Return
from mlrift.targets import ObjectFormat, Target
from mlrift.typesystem import I64, MachineType

_RUN_EXIT_FUNCTIONS = "core.exit_run"
_END_WORKERS = "core.parallel_end"
_ASK_SYSTEM = "os.run"
_ASK = "library.ask"
_NAMES = (PROGRAM_START, LIBRARY_START, LIBRARY_END, _ASK)
_UNLOADED, _LOADED = 0, 1
_LOW_HALF = 0xFFFFFFFF
_WORD_BYTES = 8


def add_loader_functions(module: Module, target: Target) -> tuple[str, str]:
    """Return the symbols of what is called at the beginning and at the end; "" for nothing.

    Windows calls one function for both.
    """
    start = LIBRARY_START if LIBRARY_START in module.functions else ""
    called = [_RUN_EXIT_FUNCTIONS] if EXIT_REGISTER in module.functions else []
    if _END_WORKERS in module.functions and target.system.object_format is not ObjectFormat.PE:
        # Windows unloads a library under a lock that ending threads wait for.
        called.append(_END_WORKERS)
    end = _add_end(module, called) if called else ""
    if target.system.object_format is not ObjectFormat.PE:
        return start, end
    return (_add_entry(module, start, end), "") if start or end else ("", "")


def add_start_code(module: Module, target: Target) -> None:
    """Say what the start code of a program is to call that is linked with the module's archive.

    All of it stays inside the object: a program may be linked with several archives.
    """
    start = LIBRARY_START if LIBRARY_START in module.functions else ""
    end = _add_end(module, [_RUN_EXIT_FUNCTIONS]) if EXIT_REGISTER in module.functions else ""
    if target.system.object_format is ObjectFormat.PE:
        start, end = (_add_start_of_windows(module, start, end), "") if start or end else ("", "")
    module.called_at_start, module.called_at_end = start, end
    for name in _NAMES:
        if name in module.functions:
            module.functions[name].linkage = Linkage.KEPT


def _add_start_of_windows(module: Module, start: str, end: str) -> str:
    """Add what asks the system; the end is C's business, whose start codes differ there."""
    if start:
        _add_program_start(module, start)
    _, builder = _new_function(module, _ASK, 0, ())
    if start:
        builder.call_external(_ASK_SYSTEM, [], (I64,))
    if end:
        builder.call_external("c.atexit", [builder.emit(FunctionAddress(end))])
    builder.emit(Return([]))
    return _ASK


def _add_end(module: Module, called: list[str]) -> str:
    _, builder = _new_function(module, LIBRARY_END, 0, ())
    for name in called:
        builder.emit(Call(name, [], ()))
    builder.emit(Return([]))
    return LIBRARY_END


def _add_entry(module: Module, start: str, end: str) -> str:
    """Add the entry of a DLL: (instance, reason, reserved) -> whether it can be used.

    The OS layer asks for arguments and environment and calls `program.start` with them.
    """
    if start:
        _add_program_start(module, start)
    parameters, builder = _new_function(module, LIBRARY_ENTRY, 3, (I64,))
    builder.function.from_c = ForeignSignature((_WORD_BYTES,) * len(parameters))
    reason = builder.emit(And(parameters[1], builder.word(_LOW_HALF)))
    if start:
        _call_if(builder, reason, _LOADED, _ASK_SYSTEM)
    if end:
        _call_if(builder, reason, _UNLOADED, end)
    builder.emit(Return([builder.word(1)]))
    return LIBRARY_ENTRY


def _add_program_start(module: Module, start: str) -> None:
    """Add what the OS layer calls with arguments and environment."""
    parameters, builder = _new_function(module, PROGRAM_START, 3, (I64,))
    builder.emit(Return([builder.emit(Call(start, list(parameters), (I64,)))]))


def _call_if(builder: Builder, reason: And, wanted: int, symbol: str) -> None:
    call, after = builder.new_block(f"reason{wanted}"), builder.new_block(f"after{wanted}")
    matches = CompareInteger(IntegerPredicate.EQ, reason, builder.word(wanted))
    builder.branch(builder.emit(matches), call, after)
    builder.block = call
    results = (I64,) if symbol == _ASK_SYSTEM else ()
    builder.call_external(symbol, [], results)
    builder.jump(after)
    builder.block = after


def _new_function(
    module: Module, name: str, parameter_count: int, results: tuple[MachineType, ...]
) -> tuple[list[BlockParameter], Builder]:
    """Add an exported function of words; return its parameters and where its body goes."""
    parameters = [BlockParameter(I64, f"word{index}") for index in range(parameter_count)]
    body = [Block("entry", parameters)]
    made = module.functions[name] = Function(name, parameters, results, Linkage.EXPORTED, body)
    return parameters, Builder(module, made)
