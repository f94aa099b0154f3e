"""Softmax, norms and sorting: a kernel for a row, one call of the runtime."""

from collections.abc import Callable

from mlrift.ir.core import Value
from mlrift.ir.op import Op
from mlrift.ir.ops.call import FunctionAddress
from mlrift.ir.ops.tensor_rows import (
    LayerNorm,
    RmsNorm,
    Softmax,
    Sort,
    SortedPart,
    SortOrder,
    Top,
)
from mlrift.ir.ops.tensor_types import HALVES
from mlrift.ir.passes.expand_tensors.emit import Emitter, new_function
from mlrift.ir.passes.expand_tensors.expander import Expander, Rule
from mlrift.ir.passes.expand_tensors.map_kernels import stack_in_entry
from mlrift.ir.passes.expand_tensors.row_kernels import (
    emit_layer_norm,
    emit_rms_norm,
    emit_softmax,
)
from mlrift.typesystem import I64, ElementKind

_PARAMETERS = ("out", "scratch", "row", "count", "words")
_EPSILON_WORD = 2


def _rows(
    on: Expander,
    operand: Value,
    factors: list[Value],
    epsilon: Value | None,
    emit: Callable[[Emitter, ElementKind], None],
) -> Value:
    out = on.out
    element = on.type_of(operand).element

    def build(name: str) -> None:
        kernel = new_function(on.module, name, [(row, I64) for row in _PARAMETERS])
        kernel.function.is_simd = True
        emit(kernel, element)
        kernel.give()

    what = emit.__name__.removeprefix("emit_")
    symbol = on.kernels.symbol((what, element), f"tensor.{what}", build)
    words = stack_in_entry(out, 3)
    for index in range(2):
        factor = on.word(factors[index]) if index < len(factors) else out.word(0)
        out.store_word(words, index, factor)
    out.store_word(words, _EPSILON_WORD, epsilon if epsilon is not None else out.word(0))
    # Halves are computed in f32: room for the row, and for what is summed.
    scratch = out.word(2 if element in HALVES else 0)
    arguments = [on.word(operand), words, out.emit(FunctionAddress(symbol)), scratch]
    return on.runtime("core.tensorrows_run", [*arguments, on.message(f"tensor {what}")])


def _softmax(on: Expander, made: Softmax) -> Value:
    return _rows(on, made.operand, [], None, emit_softmax)


def _layer_norm(on: Expander, made: LayerNorm) -> Value:
    return _rows(on, made.operand, [made.scale, made.shift], made.epsilon, emit_layer_norm)


def _rms_norm(on: Expander, made: RmsNorm) -> Value:
    return _rows(on, made.operand, [made.scale], made.epsilon, emit_rms_norm)


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
}
