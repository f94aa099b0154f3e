"""Reductions: kernels for a kind of elements in a plan on the stack, one call of the runtime."""

from collections.abc import Callable, Sequence

from mlrift.ir.core import Value
from mlrift.ir.op import Op
from mlrift.ir.ops.call import FunctionAddress
from mlrift.ir.ops.loop import Vectorising
from mlrift.ir.ops.tensor_map import BinaryKind
from mlrift.ir.ops.tensor_reduce import (
    MapReduce,
    Reduce,
    ReduceAll,
    ReducedAxis,
    ReducedPart,
    ReduceKind,
    reduced_element,
)
from mlrift.ir.ops.tensor_types import KIND_CODES, broadcast
from mlrift.ir.passes.expand_tensors.column_kernels import (
    column_kind,
    emit_columns,
    emit_columns_end,
)
from mlrift.ir.passes.expand_tensors.elements import (
    binary,
    element_shift,
    load_element,
    store_element,
)
from mlrift.ir.passes.expand_tensors.emit import Emitter, new_function
from mlrift.ir.passes.expand_tensors.expander import Expander, Kernels, Rule
from mlrift.ir.passes.expand_tensors.map_kernels import (
    context_of,
    shape_of_map,
    stack_in_entry,
)
from mlrift.ir.passes.expand_tensors.map_rules import kernel_of_map, operands_of
from mlrift.ir.passes.expand_tensors.reduce_kernels import (
    ARGUMENTS,
    emit_begin,
    emit_block,
    emit_finish,
    emit_merge,
)
from mlrift.typesystem import I64, ElementKind, TensorType, ValueType, tensor

_PLAN_WORDS = 16
_BEGIN, _BLOCK, _MERGE, _END = 7, 8, 9, 10
_NEED_ELEMENTS = (ReduceKind.MIN, ReduceKind.MAX, ReduceKind.ARGMIN, ReduceKind.ARGMAX)

Emit = Callable[[Emitter], None]
_Parameters = Sequence[tuple[str, ValueType]]


def _words(*names: str) -> _Parameters:
    return [(name, I64) for name in names]


def _kernel(kernels: Kernels, key: object, parameters: _Parameters, emit: Emit) -> str:
    """Return a kernel; one with a loop is compiled for every level of the processor."""

    def build(name: str) -> None:
        out = new_function(kernels.module, name, parameters)
        emit(out)
        # Without a loop there is nothing that a newer processor does better.
        out.function.is_simd = len(out.function.blocks) > 1
        if not out.is_terminated:
            out.give()

    return kernels.symbol(key, "tensor.reduce", build)


def _row_kernels(kernels: Kernels, kind: ReduceKind, element: ElementKind) -> list[str]:
    """Return the kernels begin, block, merge and finish."""

    def begin(out: Emitter) -> None:
        emit_begin(out, out.function.parameters[0], kind, element)

    rows: list[tuple[str, _Parameters, Emit]] = [
        ("begin", _words("state"), begin),
        (
            "block",
            _words("state", "elements", "count", "number"),
            lambda out: emit_block(out, kind, element),
        ),
        ("merge", _words("state", "later"), lambda out: emit_merge(out, kind, element)),
        ("finish", _words("state", "out", "count"), lambda out: emit_finish(out, kind, element)),
    ]
    return [
        _kernel(kernels, (name, kind, element), parameters, emit) for name, parameters, emit in rows
    ]


def _plan(on: Expander, kind: ReduceKind, element: ElementKind) -> Value:
    out = on.out
    plan = stack_in_entry(out, _PLAN_WORDS)
    symbols = _row_kernels(on.kernels, kind, element)
    for word, symbol in zip((_BEGIN, _BLOCK, _MERGE, _END), symbols, strict=True):
        out.store_word(plan, word, out.emit(FunctionAddress(symbol)))
    return plan


def _reduce_rows(
    on: Expander,
    kind: ReduceKind,
    element: ElementKind,
    context: Value,
    ranks: tuple[int, int, int],
) -> Value:
    """Emit the reduction of the last axes; `ranks` are of result, operand, and what is reduced."""
    out = on.out
    rank, shape_rank, gone = ranks
    words = [
        KIND_CODES[element],
        KIND_CODES[reduced_element(kind, element)],
        rank,
        shape_rank,
        gone,
        int(kind in _NEED_ELEMENTS),
    ]
    arguments = [context, _plan(on, kind, element), *map(out.word, words)]
    arguments.append(on.message(f"tensor {kind.value}"))
    return on.runtime("core.tensormap_reduce", arguments)


def _reduce(on: Expander, made: Reduce) -> Value:
    found = on.type_of(made.operand)
    kept = int(made.kept is ReducedAxis.KEPT)
    rank = found.rank - 1 + kept
    if made.axis == found.rank - 1:
        context = _plain_context(on, made.operand)
        return _reduce_rows(on, made.kind, found.element, context, (rank, found.rank, 1))
    return _reduce_columns(on, made, kept)


def _plain_context(on: Expander, operand: Value) -> Value:
    operands = operands_of(on, [operand])
    # Nothing stretches: the operand is what is reduced.
    types = [(word, _unstretched(found)) for word, found in operands]
    return context_of(on.out, types, [], types[0][1].rank, None)


def _unstretched(found: TensorType) -> TensorType:
    return tensor(found.element, (None,) * found.rank)


def _reduce_columns(on: Expander, made: Reduce, kept: int) -> Value:
    out, kind = on.out, made.kind
    element = on.type_of(made.operand).element
    columns = _kernel(
        on.kernels,
        ("columns", kind, element),
        _words("values", "places", "elements", "count", "number"),
        lambda row: emit_columns(row, kind, element),
    )
    finish = _kernel(
        on.kernels,
        ("columns_end", kind, element),
        _words("values", "count", "rows"),
        lambda row: emit_columns_end(row, kind, element),
    )
    words = [
        made.axis,
        kept,
        KIND_CODES[reduced_element(kind, element)],
        element_shift(column_kind(kind, element)),
        int(kind in ARGUMENTS),
        int(kind in _NEED_ELEMENTS),
        int(kind is ReduceKind.ALL),
    ]
    arguments = [on.word(made.operand), *map(out.word, words)]
    arguments += [out.emit(FunctionAddress(columns)), out.emit(FunctionAddress(finish))]
    arguments.append(on.message(f"tensor {kind.value}"))
    return on.runtime("core.tensorcolumns_reduce", arguments)


def _reduce_all(on: Expander, made: ReduceAll) -> Value:
    found = on.type_of(made.operand)
    context = _plain_context(on, made.operand)
    return _reduce_rows(on, made.kind, found.element, context, (0, found.rank, found.rank))


def _map_reduce(on: Expander, made: MapReduce) -> Value:
    operands = operands_of(on, made.tensors)
    types = [found for _, found in operands]
    extents = broadcast(*[found.extents for found in types])
    assert extents is not None
    rank = len(extents)
    shape = shape_of_map(made.body, types, made.scalars, made.element, rank)
    kernel = kernel_of_map(on.kernels, shape)
    context = context_of(on.out, operands, made.scalars, rank, kernel)
    ranks = (rank - 1, rank, 1)
    if made.part is ReducedPart.ALL:
        ranks = (0, rank, rank)
    elif made.part is ReducedPart.LAST_KEPT:
        ranks = (rank, rank, 1)
    return _reduce_rows(on, made.kind, made.element, context, ranks)


def adding_kernel(kernels: Kernels, element: ElementKind) -> str:
    """Return the function `add(to, from, count)`, which adds elements to others."""

    def emit(out: Emitter) -> None:
        target, source, count = out.function.parameters
        shift = element_shift(element)

        def add(index: Value, carried: list[Value]) -> Sequence[Value]:
            place = out.element(target, index, shift)
            old = load_element(out, place, element)
            new = load_element(out, out.element(source, index, shift), element)
            store_element(out, place, binary(out, BinaryKind.ADD, old, new, element), element)
            return []

        out.loop(count, add, vectorising=Vectorising.AUTOMATIC)

    return _kernel(kernels, ("add", element), _words("to", "from", "count"), emit)


REDUCE_RULES: dict[type[Op], Rule] = {
    Reduce: _reduce,
    ReduceAll: _reduce_all,
    MapReduce: _map_reduce,
}
