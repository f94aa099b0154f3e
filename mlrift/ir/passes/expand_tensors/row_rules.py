"""Softmax, norms and sorting: a kernel for a row, one call of the runtime."""

from mlrift.ir.core import Value
from mlrift.ir.op import Op
from mlrift.ir.ops.call import FunctionAddress
from mlrift.ir.ops.tensor_fused import MapRows, RowKind
from mlrift.ir.ops.tensor_rows import (
    LayerNorm,
    RmsNorm,
    Softmax,
    Sort,
    SortedPart,
    SortOrder,
    Top,
)
from mlrift.ir.ops.tensor_types import HALVES, KIND_CODES
from mlrift.ir.passes.expand_tensors.emit import new_function
from mlrift.ir.passes.expand_tensors.expander import Expander, Rule
from mlrift.ir.passes.expand_tensors.map_kernels import stack_in_entry
from mlrift.ir.passes.expand_tensors.map_rules import context_of_body, operands_of
from mlrift.ir.passes.expand_tensors.row_kernels import (
    emit_layer_norm,
    emit_rms_norm,
    emit_softmax,
)
from mlrift.typesystem import I64, ElementKind

_PARAMETERS = ("out", "scratch", "row", "count", "words")
_EPSILON_WORD = 2


_KERNELS = {
    RowKind.SOFTMAX: emit_softmax,
    RowKind.LAYER_NORM: emit_layer_norm,
    RowKind.RMS_NORM: emit_rms_norm,
}


def row_kernel(on: Expander, kind: RowKind, element: ElementKind) -> Value:
    """Emit the address of the kernel for a row of elements of a kind."""

    def build(name: str) -> None:
        kernel = new_function(on.module, name, [(row, I64) for row in _PARAMETERS])
        kernel.function.is_simd = True
        _KERNELS[kind](kernel, element)
        kernel.give()

    symbol = on.kernels.symbol((kind.value, element), f"tensor.{kind.value}", build)
    return on.out.emit(FunctionAddress(symbol))


def _arguments(
    on: Expander, kind: RowKind, element: ElementKind, factors: list[Value], epsilon: list[Value]
) -> list[Value]:
    """Emit factors and epsilon in memory, the kernel, the rows of scratch, and a message."""
    out = on.out
    words = stack_in_entry(out, 3)
    for index in range(2):
        factor = on.word(factors[index]) if index < len(factors) else out.word(0)
        out.store_word(words, index, factor)
    out.store_word(words, _EPSILON_WORD, epsilon[0] if epsilon else out.word(0))
    kernel = row_kernel(on, kind, element)
    # Halves are computed in f32: room for the row, and for what is summed.
    scratch = out.word(2 if element in HALVES else 0)
    return [words, kernel, scratch, on.message(f"tensor {kind.value}")]


def _rows(
    on: Expander, kind: RowKind, operand: Value, factors: list[Value], epsilon: list[Value]
) -> Value:
    arguments = _arguments(on, kind, on.type_of(operand).element, factors, epsilon)
    return on.runtime("core.tensorrows_run", [on.word(operand), *arguments])


def _softmax(on: Expander, made: Softmax) -> Value:
    return _rows(on, RowKind.SOFTMAX, made.operand, [], [])


def _layer_norm(on: Expander, made: LayerNorm) -> Value:
    factors = [made.scale, made.shift]
    return _rows(on, RowKind.LAYER_NORM, made.operand, factors, [made.epsilon])


def _rms_norm(on: Expander, made: RmsNorm) -> Value:
    return _rows(on, RowKind.RMS_NORM, made.operand, [made.scale], [made.epsilon])


def _map_rows(on: Expander, made: MapRows) -> Value:
    found = made.tensor_type
    operands = operands_of(on, made.tensors)
    context, _ = context_of_body(on, made.body, operands, made.scalars, found)
    arguments = _arguments(on, made.kind, found.element, made.factors, made.epsilon)
    kind, rank = on.out.word(KIND_CODES[found.element]), on.out.word(found.rank)
    return on.runtime("core.tensorrows_run_mapped", [context, kind, rank, *arguments])


def _sorted(on: Expander, made: Sort | Top, count: Value) -> Value:
    out = on.out
    arguments = [
        on.word(made.operand),
        out.word(int(made.order is SortOrder.DESCENDING)),
        out.word(int(made.part is SortedPart.PLACES)),
        count,
    ]
    return on.runtime("core.tensorsort_rows", [*arguments, on.message("tensor sort")])


def _sort(on: Expander, made: Sort) -> Value:
    return _sorted(on, made, on.out.word(-1))


def _top(on: Expander, made: Top) -> Value:
    return _sorted(on, made, made.count)


ROW_RULES: dict[type[Op], Rule] = {
    Softmax: _softmax,
    LayerNorm: _layer_norm,
    RmsNorm: _rms_norm,
    Sort: _sort,
    Top: _top,
    MapRows: _map_rows,
}
