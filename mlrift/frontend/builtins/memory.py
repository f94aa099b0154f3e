"""Builtins of reference.md 13.2 and 11.3: allocation, copies, plain and volatile accesses.

`ADDRESS_FIRST` names those whose first argument `--debug` compares with the null address,
`HEAP_CHECKED` those (of all families) that it lowers in `frontend/lower/heap_checks.py`,
`MODEL_CHECKED` the operations of models that it lowers in `model_checks.py` there.
"""

from collections.abc import Callable

from mlrift.frontend.builtins.declaration import Builtin
from mlrift.ir.builder import Builder
from mlrift.ir.core import Value
from mlrift.ir.ops.memory import Copy, Fill, Load, Store, VolatileLoad, VolatileStore
from mlrift.typesystem import I8, I16, I32, I64, U64, MachineType

Lowering = Callable[[Builder, list[Value]], Value]

_WIDTHS = ((8, I8), (16, I16), (32, I32), (64, I64))


def _alloc(builder: Builder, arguments: list[Value]) -> Value:
    return builder.call_external("core.heap_alloc", arguments)


def _dealloc(builder: Builder, arguments: list[Value]) -> Value:
    builder.call_external("core.heap_dealloc", arguments, ())
    return builder.word(0)


def _memcpy(builder: Builder, arguments: list[Value]) -> Value:
    builder.emit(Copy(arguments[0], arguments[1], arguments[2]))
    return arguments[0]


def _memset(builder: Builder, arguments: list[Value]) -> Value:
    builder.emit(Fill(arguments[0], arguments[1], arguments[2]))
    return arguments[0]


def _load_of(memory_type: MachineType) -> Lowering:
    def lower(builder: Builder, arguments: list[Value]) -> Value:
        return builder.emit(Load(arguments[0], memory_type))

    return lower


def _store_of(memory_type: MachineType) -> Lowering:
    def lower(builder: Builder, arguments: list[Value]) -> Value:
        builder.emit(Store(arguments[0], arguments[1], memory_type))
        return builder.word(0)

    return lower


def _volatile_load_of(memory_type: MachineType) -> Lowering:
    def lower(builder: Builder, arguments: list[Value]) -> Value:
        return builder.emit(VolatileLoad(arguments[0], memory_type))

    return lower


def _volatile_store_of(memory_type: MachineType) -> Lowering:
    def lower(builder: Builder, arguments: list[Value]) -> Value:
        builder.emit(VolatileStore(arguments[0], arguments[1], memory_type))
        return builder.word(0)

    return lower


_LOADS = tuple(
    Builtin(f"load{bits}", (U64,), U64, _load_of(row), f"load {bits} bits, zero-extended", True)
    for bits, row in _WIDTHS
)
_STORES = tuple(
    Builtin(f"store{bits}", (U64, U64), U64, _store_of(row), f"store the low {bits} bits")
    for bits, row in _WIDTHS
)
_VOLATILE_LOADS = tuple(
    Builtin(
        f"vload{bits}",
        (U64,),
        U64,
        _volatile_load_of(row),
        f"volatile load of {bits} bits, then a barrier",
        True,
    )
    for bits, row in _WIDTHS
)
_VOLATILE_STORES = tuple(
    Builtin(
        f"vstore{bits}",
        (U64, U64),
        U64,
        _volatile_store_of(row),
        f"a barrier, then a volatile store of {bits} bits",
    )
    for bits, row in _WIDTHS
)
_ACCESSES = _LOADS + _STORES + _VOLATILE_LOADS + _VOLATILE_STORES

MEMORY = (
    Builtin("alloc", (U64,), U64, _alloc, "fresh zeroed bytes, or 0; the word before is n"),
    Builtin("dealloc", (U64,), U64, _dealloc, "give back what `alloc` gave"),
    Builtin("memcpy", (U64, U64, U64), U64, _memcpy, "copy n bytes; gives the destination"),
    Builtin("memset", (U64, U64, U64), U64, _memset, "fill n bytes; gives the destination"),
    *_ACCESSES,
)
ADDRESS_FIRST = frozenset(row.name for row in _ACCESSES)
HEAP_CHECKED = frozenset({"alloc", "dealloc", "exit"})
MODEL_CHECKED = frozenset({"a neuron", "an event", "a step"})
