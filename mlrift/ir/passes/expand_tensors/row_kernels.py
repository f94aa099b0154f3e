"""Kernels of softmax and norms: `kernel(out, scratch, row, count, words)` for one row.

`scratch` has room for the row in the kind in which it is computed, and is `out` itself where that
is the kind of the elements. `words` are the addresses of scale and shift, and epsilon as f64.
"""

from collections.abc import Callable, Sequence

from mlrift.ir.core import Value
from mlrift.ir.ops.arith import FAdd, FDiv, FMul, FSub
from mlrift.ir.ops.convert import Narrow, SignedToFloat
from mlrift.ir.ops.loop import Vectorising
from mlrift.ir.ops.tensor_reduce import SUM_BLOCK, ReduceKind
from mlrift.ir.ops.tensor_types import HALVES, scalar_of, sum_kind
from mlrift.ir.passes.expand_tensors.elements import (
    element_shift,
    exponential,
    load_element,
    number,
    reciprocal_root,
    store_element,
)
from mlrift.ir.passes.expand_tensors.emit import Emitter
from mlrift.ir.passes.expand_tensors.reduce_kernels import (
    Block,
    block_key,
    block_sum,
    element_of_key,
)
from mlrift.typesystem import F32, F64, ElementKind

_SCALE, _SHIFT, _EPSILON = 0, 1, 2

OneElement = Callable[[Value], Value]


class RowKernel:
    """What the kernels of rows have in common: the row in the kind it is computed in."""

    def __init__(self, out: Emitter, element: ElementKind) -> None:
        self.out = out
        self.element = element
        self.computed = sum_kind(element)
        self.target, scratch, self.row, self.count, self.words = out.function.parameters
        self.scratch: Value = scratch
        self.source: Value = self.row
        if element in HALVES:
            self.source = self.scratch
            self.each(self.row, element, self.scratch, self.computed, lambda found: found)

    def each(
        self,
        source: Value,
        from_kind: ElementKind,
        target: Value,
        to_kind: ElementKind,
        compute: OneElement,
    ) -> None:
        """Emit a loop that computes an element from each element."""

        def step(index: Value, carried: list[Value]) -> Sequence[Value]:
            place = self.out.element(source, index, element_shift(from_kind))
            made = compute(load_element(self.out, place, from_kind))
            store_element(
                self.out, self.out.element(target, index, element_shift(to_kind)), made, to_kind
            )
            return []

        self.out.loop(self.count, step, vectorising=Vectorising.AUTOMATIC)

    def to_scratch(self, compute: OneElement) -> None:
        """Emit a loop from the row to the scratch."""
        self.each(self.source, self.computed, self.scratch, self.computed, compute)

    def sum_of_scratch(self) -> Value:
        """Emit the sum of what is in the scratch."""
        return self.sum_of(self.scratch)

    def sum_of(self, place: Value) -> Value:
        """Emit the sum of the row that is at a place, block by block."""
        out = self.out
        shift = element_shift(self.computed)
        zero = number(out, 0.0, self.computed)

        def add(index: Value, sums: list[Value]) -> Sequence[Value]:
            size = out.least(out.sub(self.count, index), out.word(SUM_BLOCK))
            block = block_sum(out, out.element(place, index, shift), size, self.computed)
            return [out.emit(FAdd(sums[0], block))]

        return out.loop(self.count, add, [zero], step=SUM_BLOCK)[0]

    def maximum(self) -> Value:
        """Emit the maximum of the row."""
        out = self.out
        block = Block(self.source, self.count, out.word(0))
        key, _ = block_key(out, block, self.computed, ReduceKind.MAX)
        return element_of_key(out, key, self.computed, ReduceKind.MAX)

    def mean(self, summed: Value) -> Value:
        """Emit a sum divided by the number of elements."""
        count = self.out.emit(SignedToFloat(self.count, scalar_of(self.computed)))
        return self.out.emit(FDiv(summed, count))

    def inverse_deviation(self, square: Value) -> Value:
        """Emit 1 / sqrt(square + epsilon)."""
        out = self.out
        epsilon: Value = out.load_word(self.words, _EPSILON, F64)
        if scalar_of(self.computed) is F32:
            epsilon = out.emit(Narrow(epsilon))
        return reciprocal_root(out, out.emit(FAdd(square, epsilon)))


def emit_softmax(out: Emitter, element: ElementKind) -> None:
    """Emit the body of a softmax's kernel."""
    kernel = RowKernel(out, element)
    most = kernel.maximum()
    kernel.to_scratch(lambda found: exponential(out, out.emit(FSub(found, most))))
    one = number(out, 1.0, kernel.computed)
    factor = out.emit(FDiv(one, kernel.sum_of_scratch()))
    kernel.each(
        kernel.scratch,
        kernel.computed,
        kernel.target,
        element,
        lambda found: out.emit(FMul(found, factor)),
    )


def emit_layer_norm(out: Emitter, element: ElementKind) -> None:
    """Emit the body of a layer norm's kernel."""
    kernel = RowKernel(out, element)
    if element in HALVES:
        # The scratch holds the row: squares of differences go to the result's place in f32 only
        # where there is room, so they are summed from a second scratch behind the first.
        kernel.scratch = out.element(kernel.scratch, kernel.count, element_shift(kernel.computed))
    mean = kernel.mean(kernel.sum_of(kernel.source))

    def squared(found: Value) -> Value:
        off = out.emit(FSub(found, mean))
        return out.emit(FMul(off, off))

    kernel.to_scratch(squared)
    factor = kernel.inverse_deviation(kernel.mean(kernel.sum_of_scratch()))
    scale = out.load_word(kernel.words, _SCALE)
    shift = out.load_word(kernel.words, _SHIFT)

    def normed(index: Value, carried: list[Value]) -> Sequence[Value]:
        found = load_element(
            out, out.element(kernel.source, index, element_shift(kernel.computed)), kernel.computed
        )
        size = element_shift(element)
        by = load_element(out, out.element(scale, index, size), element)
        plus = load_element(out, out.element(shift, index, size), element)
        off = out.emit(FMul(out.emit(FSub(found, mean)), factor))
        made = out.emit(FAdd(out.emit(FMul(off, by)), plus))
        store_element(out, out.element(kernel.target, index, size), made, element)
        return []

    out.loop(kernel.count, normed, vectorising=Vectorising.AUTOMATIC)


def emit_rms_norm(out: Emitter, element: ElementKind) -> None:
    """Emit the body of an RMS norm's kernel."""
    kernel = RowKernel(out, element)
    if element in HALVES:
        kernel.scratch = out.element(kernel.scratch, kernel.count, element_shift(kernel.computed))
    kernel.to_scratch(lambda found: out.emit(FMul(found, found)))
    factor = kernel.inverse_deviation(kernel.mean(kernel.sum_of_scratch()))
    scale = out.load_word(kernel.words, _SCALE)

    def normed(index: Value, carried: list[Value]) -> Sequence[Value]:
        found = load_element(
            out, out.element(kernel.source, index, element_shift(kernel.computed)), kernel.computed
        )
        size = element_shift(element)
        by = load_element(out, out.element(scale, index, size), element)
        made = out.emit(FMul(out.emit(FMul(found, factor)), by))
        store_element(out, out.element(kernel.target, index, size), made, element)
        return []

    out.loop(kernel.count, normed, vectorising=Vectorising.AUTOMATIC)
