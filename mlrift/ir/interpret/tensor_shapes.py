"""Ops that arrange elements anew, in numpy."""

from collections.abc import Callable

import numpy as np

from mlrift.ir.interpret.tensor_arithmetic import check_shapes, misfit
from mlrift.ir.interpret.tensor_scope import Scope
from mlrift.ir.interpret.tensor_values import Tensor, TensorFailure, computed, in_kind, made
from mlrift.ir.numbers import signed
from mlrift.ir.op import Op
from mlrift.ir.ops import tensor_shape
from mlrift.ir.ops.tensor_types import tensor_of
from mlrift.static_types import Any

_Ranges = tuple[list[int], list[int], list[int]]


def _reshape(on: Scope, operand: Tensor, extents: list[int]) -> Tensor:
    wanted = 1
    for row in extents:
        wanted *= row
    if wanted != operand.array.size:
        before, after = list(operand.array.shape), extents
        raise TensorFailure(f"shapes {before} and {after} have different numbers of elements")
    return Tensor(operand.kind, operand.array.reshape(extents))


def _permute(on: Scope, operand: Tensor) -> Tensor:
    assert isinstance(on.op, tensor_shape.Permute)
    return Tensor(operand.kind, operand.array.transpose(on.op.axes))


def _add_axis(on: Scope, operand: Tensor) -> Tensor:
    assert isinstance(on.op, tensor_shape.AddAxis)
    return Tensor(operand.kind, np.expand_dims(operand.array, on.op.axis))


def _drop_axis(on: Scope, operand: Tensor) -> Tensor:
    assert isinstance(on.op, tensor_shape.DropAxis)
    if operand.array.shape[on.op.axis] != 1:
        shape = list(operand.array.shape)
        raise TensorFailure(f"axis {on.op.axis} of {shape} must have 1 elements")
    return Tensor(operand.kind, operand.array.squeeze(on.op.axis))


def _slices(operand: Tensor, ranges: _Ranges) -> tuple[slice, ...]:
    made_slices = []
    for axis, (start, end, step) in enumerate(zip(*ranges, strict=True)):
        shape = list(operand.array.shape)
        if end > shape[axis]:
            raise TensorFailure(f"index {signed(end)} of axis {axis} is outside of {shape}")
        if start > end:
            raise TensorFailure(f"a slice from {start} to {end}")
        if step == 0 or step >> 63:
            raise TensorFailure(f"a slice with the step {signed(step)} of axis {axis}")
        made_slices.append(slice(start, end, step))
    return tuple(made_slices)


def _slice(
    on: Scope, operand: Tensor, starts: list[int], ends: list[int], steps: list[int]
) -> Tensor:
    part = np.asarray(operand.array[_slices(operand, (starts, ends, steps))])
    for axis, extent in enumerate(on.result.extents):
        if extent is not None and part.shape[axis] != extent:
            raise TensorFailure(f"axis {axis} of {list(part.shape)} must have {extent} elements")
    return Tensor(operand.kind, part)


def _insert(
    on: Scope, operand: Tensor, part: Tensor, starts: list[int], *others: list[int]
) -> Tensor:
    assert isinstance(on.op, tensor_shape.Insert)
    ends, steps = others
    places = _slices(operand, (starts, ends, steps))
    changed = np.array(operand.array)
    target = Tensor(operand.kind, np.asarray(changed[places]))
    literal = tuple(extent == 1 for extent in tensor_of(on.op.part).extents)
    fixed = (False,) * target.array.ndim
    check_shapes([target, part], [fixed, literal])
    changed[places] = part.array
    return Tensor(operand.kind, changed)


def _concat(on: Scope, parts: list[Tensor]) -> Tensor:
    assert isinstance(on.op, tensor_shape.Concat)
    axis = on.op.axis
    for part in parts[1:]:
        pairs = enumerate(zip(part.array.shape, parts[0].array.shape, strict=True))
        if any(one != two and number != axis for number, (one, two) in pairs):
            raise misfit(parts[0], part, " do not fit")
    return Tensor(parts[0].kind, np.concatenate([row.array for row in parts], axis))


def _rows(table: Tensor, indices: Tensor) -> list[int]:
    numbers = [int(row) for row in indices.array.ravel()]
    for row in numbers:
        if not 0 <= row < table.array.shape[0]:
            shape = list(table.array.shape)
            raise TensorFailure(f"index {row} of axis 0 is outside of {shape}")
    return numbers


def _gather(on: Scope, table: Tensor, indices: Tensor) -> Tensor:
    numbers = np.array(_rows(table, indices), dtype=np.int64)
    shape = (*indices.array.shape, *table.array.shape[1:])
    return Tensor(table.kind, table.array[numbers].reshape(shape))


def _scatter_add(on: Scope, table: Tensor, indices: Tensor, values: Tensor) -> Tensor:
    wanted = (*indices.array.shape, *table.array.shape[1:])
    for axis, (one, two) in enumerate(zip(values.array.shape, wanted, strict=True)):
        if one != two:
            shape = list(values.array.shape)
            raise TensorFailure(f"axis {axis} of {shape} must have {two} elements")
    rows = computed(table).copy()
    added = computed(values).reshape((-1, *table.array.shape[1:]))
    with np.errstate(over="ignore"):
        for number, row in enumerate(_rows(table, indices)):
            rows[row] = in_kind(table.kind, rows[row] + added[number])
    return made(table.kind, rows)


SHAPES: dict[type[Op], Callable[..., Any]] = {
    tensor_shape.Reshape: _reshape,
    tensor_shape.Permute: _permute,
    tensor_shape.AddAxis: _add_axis,
    tensor_shape.DropAxis: _drop_axis,
    tensor_shape.Slice: _slice,
    tensor_shape.Insert: _insert,
    tensor_shape.Concat: _concat,
    tensor_shape.Gather: _gather,
    tensor_shape.ScatterAdd: _scatter_add,
}
