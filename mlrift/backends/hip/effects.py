"""Ops without a result as statements of C++, and volatile accesses."""

from collections.abc import Callable

from mlrift.backends.hip.expressions import Operands, listed, memory_name
from mlrift.ir.op import Op
from mlrift.ir.ops import atomic, device, memory
from mlrift.static_types import Any

Rule = Callable[[Any, Operands], str]


def _store(made: memory.Store, text: Operands) -> str:
    name = f"store_{memory_name(made.memory_type)}"
    text.use(name)
    return f"{name}({listed(text, made.address, made.value)});"


def _volatile_store(made: memory.VolatileStore, text: Operands) -> str:
    name = f"volatile_store_{memory_name(made.memory_type)}"
    text.use(name)
    return f"{name}({listed(text, made.address, made.value)});"


def _atomic_store(made: atomic.AtomicStore, text: Operands) -> str:
    text.use("atomic_words")
    return f"atomic_word_store({listed(text, made.address, made.value)});"


def _lds_store(made: device.LdsStore, text: Operands) -> str:
    name = f"lds_store_{memory_name(made.access)}"
    text.use(name)
    return f"{name}({listed(text, made.address, made.value)});"


def _fence(made: device.Fence, text: Operands) -> str:
    is_group = made.scope is device.MemoryScope.GROUP
    return "__threadfence_block();" if is_group else "__threadfence();"


def _grid_barrier(made: device.GridBarrier, text: Operands) -> str:
    text.use("grid_barrier")
    return f"mlr_grid_barrier({listed(text, made.counter, made.phase, made.groups)});"


def _fragment_store(made: device.FragmentStore, text: Operands) -> str:
    text.use("matrices")
    return f"mlr_fragment_store({listed(text, made.address, made.stride_bytes, made.fragment)});"


def _copy(made: memory.Copy, text: Operands) -> str:
    pointers = f"(void *){text(made.destination)}, (const void *){text(made.source)}"
    return f"__builtin_memcpy({pointers}, {text(made.size)});"


def _fill(made: memory.Fill, text: Operands) -> str:
    return f"__builtin_memset((void *){text(made.destination)}, (int){text(made.byte)}, " + (
        f"{text(made.size)});"
    )


STATEMENTS: dict[type[Op], Rule] = {
    memory.Store: _store,
    memory.VolatileStore: _volatile_store,
    atomic.AtomicStore: _atomic_store,
    atomic.Barrier: lambda made, text: "__threadfence();",
    memory.Copy: _copy,
    memory.Fill: _fill,
    device.LdsStore: _lds_store,
    device.GroupBarrier: lambda made, text: "__syncthreads();",
    device.GridBarrier: _grid_barrier,
    device.Fence: _fence,
    device.FragmentStore: _fragment_store,
}
