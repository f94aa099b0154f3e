"""Ops that make one element of many. The order of sums is fixed and part of what they mean.

Over the last axis (and over all elements in row-major order) the elements are cut into blocks of
SUM_BLOCK; in a block, element i is added to partial sum i mod 16, which start at 0, and the partial
sums are added in halves: s[j] + s[j + 8], then 4, 2, 1. The sums of the blocks are added in
ascending order. Over another axis elements are added one after the other. Threads and vector widths
change nothing.
"""

from enum import Enum, unique

from mlrift.ir.core import Value
from mlrift.ir.op import Effect, Op, Trait, anything, op
from mlrift.ir.ops.tensor_types import (
    FLOATS,
    broadcast_type,
    check_axis,
    check_broadcast,
    check_tensors,
    sum_kind,
    tensor_of,
)
from mlrift.typesystem import ElementKind, TensorType, ValueType, tensor

PARTIAL_SUMS = 16
SUM_BLOCK = 4096


@unique
class ReduceKind(Enum):
    """What many elements come down to."""

    SUM = "sum"
    MEAN = "mean"
    MIN = "min"
    MAX = "max"
    ARGMIN = "argmin"
    ARGMAX = "argmax"
    ANY = "any"
    ALL = "all"


@unique
class ReducedAxis(Enum):
    """Whether the axis stays, with extent 1."""

    DROPPED = "dropped"
    KEPT = "kept"


def reduced_element(kind: ReduceKind, element: ElementKind) -> ElementKind:
    """Return the kind of the result's elements."""
    if kind is ReduceKind.SUM:
        return sum_kind(element)
    if kind is ReduceKind.MEAN:
        return sum_kind(element) if element in FLOATS else ElementKind.F64
    if kind in (ReduceKind.ARGMIN, ReduceKind.ARGMAX):
        return ElementKind.U64
    return ElementKind.BOOL if kind in (ReduceKind.ANY, ReduceKind.ALL) else element


def reduced_type(kind: ReduceKind, found: TensorType, axis: int, kept: ReducedAxis) -> TensorType:
    """Return the type of a reduction along an axis."""
    middle = (1,) if kept is ReducedAxis.KEPT else ()
    extents = (*found.extents[:axis], *middle, *found.extents[axis + 1 :])
    return tensor(reduced_element(kind, found.element), extents)


def check_reduced(kind: ReduceKind, element: ElementKind) -> str | None:
    """Refuse a reduction of elements that it is not for."""
    logical = kind in (ReduceKind.ANY, ReduceKind.ALL)
    is_truth = element is ElementKind.BOOL
    if logical == is_truth or (is_truth and kind is ReduceKind.SUM):
        return None
    return f"there is no {kind.value} of {element.value}"


def _reduced(made: Op) -> ValueType:
    assert isinstance(made, Reduce)
    return reduced_type(made.kind, tensor_of(made.operand), made.axis, made.kept)


@op("tensor.reduce", Effect.PURE, Trait.TRAPS, result=_reduced, operands=anything)
class Reduce(Op):
    """One element for all along an axis.

    Halves are summed in f32, whole numbers in 64 bits, and truth values are counted. A mean is the
    sum divided by the extent; a mean of whole numbers is f64. min and max are as in
    `tensor.binary`; argmin and argmax give the first place, that of the first NaN if there is one.
    An empty sum is 0, an empty mean NaN, any is false and all true; min, max and places of nothing
    end the program.
    """

    kind: ReduceKind
    operand: Value
    axis: int
    kept: ReducedAxis

    def check(self) -> str | None:
        """Refuse an axis that is not there and kinds of elements that do not fit."""
        problem = check_tensors(self.operand) or check_axis(self.operand, self.axis)
        return problem or check_reduced(self.kind, tensor_of(self.operand).element)


def _reduced_all(made: Op) -> ValueType:
    assert isinstance(made, ReduceAll)
    return tensor(reduced_element(made.kind, tensor_of(made.operand).element), ())


@op("tensor.reduce_all", Effect.PURE, Trait.TRAPS, result=_reduced_all, operands=anything)
class ReduceAll(Op):
    """One element for all of a tensor, a tensor without axes; places count in row-major order."""

    kind: ReduceKind
    operand: Value

    def check(self) -> str | None:
        """Refuse kinds of elements that do not fit."""
        problem = check_tensors(self.operand)
        return problem or check_reduced(self.kind, tensor_of(self.operand).element)


@unique
class ReducedPart(Enum):
    """What a fused reduction runs over: the last axis, or everything."""

    LAST = "last"
    LAST_KEPT = "last_kept"
    ALL = "all"


def _map_reduced(made: Op) -> ValueType:
    assert isinstance(made, MapReduce)
    found = broadcast_type(made.element, *made.tensors)
    if made.part is ReducedPart.ALL:
        return tensor(reduced_element(made.kind, made.element), ())
    kept = ReducedAxis.KEPT if made.part is ReducedPart.LAST_KEPT else ReducedAxis.DROPPED
    return reduced_type(made.kind, found, max(found.rank - 1, 0), kept)


@op("tensor.map_reduce", Effect.PURE, Trait.TRAPS, result=_map_reduced, operands=anything)
class MapReduce(Op):
    """A reduction of what `tensor.map` would give, which is never in memory as a whole.

    `element` is the kind of the map's elements; the body is as for `tensor.map`.
    """

    kind: ReduceKind
    part: ReducedPart
    element: ElementKind
    body: str
    tensors: list[Value]
    scalars: list[Value]

    def check(self) -> str | None:
        """Compare the shapes of the operands."""
        if not self.tensors:
            return "a fused reduction has a tensor"
        return check_broadcast(*self.tensors) or check_reduced(self.kind, self.element)
