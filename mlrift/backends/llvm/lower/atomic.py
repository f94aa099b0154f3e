"""Atomics on aligned words; barriers and caches are the CPUs' own rules."""

from mlrift.backends.llvm.text import FunctionText
from mlrift.backends.rules import Rules
from mlrift.ir.ops import atomic

RULES: Rules[FunctionText] = Rules("llvm")

_ORDER = "seq_cst"


@RULES.rule(atomic.AtomicLoad)
def lower_atomic_load(out: FunctionText, made: atomic.AtomicLoad) -> None:
    """Load a word."""
    out.define(made, f"load atomic i64, ptr {out.pointer(made.address)} {_ORDER}, align 8")


@RULES.rule(atomic.AtomicStore)
def lower_atomic_store(out: FunctionText, made: atomic.AtomicStore) -> None:
    """Store a word."""
    value, pointer = out.names[made.value], out.pointer(made.address)
    out.emit(f"store atomic i64 {value}, ptr {pointer} {_ORDER}, align 8")


@RULES.rule(atomic.AtomicCompareExchange)
def lower_compare_exchange(out: FunctionText, made: atomic.AtomicCompareExchange) -> None:
    """A strong exchange; its truth value as a word."""
    expected, new = out.names[made.expected], out.names[made.new]
    pointer = out.pointer(made.address)
    both = out.temporary(f"cmpxchg ptr {pointer}, i64 {expected}, i64 {new} {_ORDER} {_ORDER}")
    done = out.temporary(f"extractvalue {{ i64, i1 }} {both}, 1")
    out.define(made, f"zext i1 {done} to i64")


@RULES.rule(atomic.AtomicUpdate)
def lower_atomic_update(out: FunctionText, made: atomic.AtomicUpdate) -> None:
    """Read, combine, write; the old word."""
    operand, pointer = out.names[made.operand], out.pointer(made.address)
    out.define(made, f"atomicrmw {made.kind.value} ptr {pointer}, i64 {operand} {_ORDER}")
