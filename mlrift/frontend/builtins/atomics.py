"""Builtins of reference.md 13.5: atomics on aligned words, barriers and caches."""

from collections.abc import Callable

from mlrift.frontend.builtins.declaration import Builtin
from mlrift.ir.builder import Builder
from mlrift.ir.core import Value
from mlrift.ir.ops.atomic import (
    AtomicCompareExchange,
    AtomicKind,
    AtomicLoad,
    AtomicStore,
    AtomicUpdate,
    Barrier,
    BarrierKind,
    FlushDataCache,
    InvalidateInstructionCache,
)
from mlrift.typesystem import U64

Lowering = Callable[[Builder, list[Value]], Value]


def _atomic_load(builder: Builder, arguments: list[Value]) -> Value:
    return builder.emit(AtomicLoad(arguments[0]))


def _atomic_store(builder: Builder, arguments: list[Value]) -> Value:
    builder.emit(AtomicStore(arguments[0], arguments[1]))
    return builder.word(0)


def _atomic_cas(builder: Builder, arguments: list[Value]) -> Value:
    return builder.emit(AtomicCompareExchange(arguments[0], arguments[1], arguments[2]))


def _update_of(kind: AtomicKind) -> Lowering:
    def lower(builder: Builder, arguments: list[Value]) -> Value:
        return builder.emit(AtomicUpdate(kind, arguments[0], arguments[1]))

    return lower


def _barrier_of(kind: BarrierKind) -> Lowering:
    def lower(builder: Builder, arguments: list[Value]) -> Value:
        builder.emit(Barrier(kind))
        return builder.word(0)

    return lower


def _dcache_flush(builder: Builder, arguments: list[Value]) -> Value:
    builder.emit(FlushDataCache(arguments[0]))
    return builder.word(0)


def _icache_invalidate(builder: Builder, arguments: list[Value]) -> Value:
    builder.emit(InvalidateInstructionCache(arguments[0]))
    return builder.word(0)


ATOMICS = (
    Builtin("atomic_load", (U64,), U64, _atomic_load, "load a word atomically", True),
    Builtin("atomic_store", (U64, U64), U64, _atomic_store, "store a word atomically"),
    Builtin(
        "atomic_cas",
        (U64, U64, U64),
        U64,
        _atomic_cas,
        "store the new word if the old one is as expected; 1 on success",
        True,
    ),
    *(
        Builtin(
            f"atomic_{kind.value}",
            (U64, U64),
            U64,
            _update_of(kind),
            f"combine a word by `{kind.value}`; gives the old word",
            True,
        )
        for kind in AtomicKind
    ),
    *(
        Builtin(kind.value, (), U64, _barrier_of(kind), f"the barrier {kind.name.lower()}")
        for kind in BarrierKind
    ),
    Builtin("dcache_flush", (U64,), U64, _dcache_flush, "write a data cache line back"),
    Builtin("icache_invalidate", (U64,), U64, _icache_invalidate, "drop an instruction cache line"),
)
