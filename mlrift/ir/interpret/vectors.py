"""Ops on vectors, computed with numpy: their reference evaluation.

`EVALUATIONS` has a row for every pure op and for divisions: it takes the op and returns the
function of its operands. Scalars that enter and leave are those of the interpreter.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from mlrift.ir.interpret.vector_arithmetic import ARITHMETIC, BINARY, Evaluation
from mlrift.ir.interpret.vector_arrays import DTYPES, Array, Scalar, array_of, scalar, type_of
from mlrift.ir.interpret.vector_products import PRODUCTS
from mlrift.ir.op import Op
from mlrift.ir.ops import vector, vector_reduce
from mlrift.ir.ops.vector_arith import BinaryKind
from mlrift.ir.ops.vector_reduce import Order

_TABLE_MASK = 15


def _constant(made: vector.VectorConstant) -> Evaluation:
    lanes = array_of(list(made.lanes), made.vector_type)
    return lambda: lanes


def _splat(made: vector.Splat) -> Evaluation:
    row = made.vector_type
    return lambda number: array_of([number] * row.lanes, row)


def _iota(made: vector.Iota) -> Evaluation:
    lanes = array_of(list(range(made.vector_type.lanes)), made.vector_type)
    return lambda: lanes


def _insert(made: vector.Insert) -> Evaluation:
    row = type_of(made)

    def evaluate(lanes: Array, number: Scalar) -> Array:
        changed = lanes.copy()
        changed[made.lane] = array_of([number], row)[0]
        return changed

    return evaluate


def _insert_at(made: vector.InsertAt) -> Evaluation:
    row = type_of(made)

    def evaluate(lanes: Array, number: Scalar, lane: int) -> Array:
        changed = lanes.copy()
        changed[lane % row.lanes] = array_of([number], row)[0]
        return changed

    return evaluate


def _extract_at(made: vector.ExtractAt) -> Evaluation:
    count = type_of(made.vector).lanes
    return lambda lanes, lane: scalar(lanes[lane % count])


def _shuffle(made: vector.Shuffle) -> Evaluation:
    chosen = list(made.lanes)
    return lambda first, second: np.concatenate((first, second))[chosen]


def _slice(made: vector.Slice) -> Evaluation:
    return lambda lanes: lanes[made.first_lane : made.first_lane + made.lanes]


def _bitcast(made: vector.Bitcast) -> Evaluation:
    target = DTYPES[made.vector_type.element]
    return lambda lanes: np.frombuffer(lanes.tobytes(), dtype=target)


def _reduce(made: vector_reduce.Reduce) -> Evaluation:
    combine = BINARY[BinaryKind(made.kind.value)]

    def walk(lanes: Array) -> Scalar:
        found = lanes[:1]
        for lane in range(1, len(lanes)):
            found = combine(found, lanes[lane : lane + 1])
        return scalar(found[0])

    def halve(lanes: Array) -> Scalar:
        while len(lanes) > 1:
            half = (len(lanes) + 1) // 2
            pairs = len(lanes) - half
            lanes = np.concatenate((combine(lanes[:pairs], lanes[half:]), lanes[pairs:half]))
        return scalar(lanes[0])

    return halve if made.order is Order.TREE else walk


def _word_to_mask(made: vector_reduce.WordToMask) -> Evaluation:
    lanes = made.vector_type.lanes
    return lambda word: np.array([word >> lane & 1 for lane in range(lanes)], dtype=np.bool_)


def _mask_to_word(mask: Array) -> int:
    return sum(1 << lane for lane, is_set in enumerate(mask.tolist()) if is_set)


EVALUATIONS: dict[type[Op], Callable[[Any], Evaluation]] = {
    vector.VectorConstant: _constant,
    vector.Splat: _splat,
    vector.Iota: _iota,
    vector.Extract: lambda made: lambda lanes: scalar(lanes[made.lane]),
    vector.ExtractAt: _extract_at,
    vector.Insert: _insert,
    vector.InsertAt: _insert_at,
    vector.Table: lambda _made: lambda table, indices: table[indices & _TABLE_MASK],
    vector.Shuffle: _shuffle,
    vector.Concat: lambda _made: lambda first, second: np.concatenate((first, second)),
    vector.Slice: _slice,
    vector.Bitcast: _bitcast,
    **ARITHMETIC,
    **PRODUCTS,
    vector_reduce.Reduce: _reduce,
    vector_reduce.Any: lambda _made: lambda mask: int(mask.any()),
    vector_reduce.All: lambda _made: lambda mask: int(mask.all()),
    vector_reduce.Count: lambda _made: lambda mask: int(mask.sum()),
    vector_reduce.MaskToWord: lambda _made: _mask_to_word,
    vector_reduce.WordToMask: _word_to_mask,
}


def evaluation(made: Op) -> Evaluation | None:
    """Return the function of an op's operands, None for an op that reaches memory."""
    row = EVALUATIONS.get(type(made))
    return None if row is None else _quiet(row(made))


def _quiet(function: Evaluation) -> Evaluation:
    """Infinities, NaNs and wrapping are results, not warnings."""

    def evaluate(*operands: Any) -> Any:
        with np.errstate(all="ignore"):
            return function(*operands)

    return evaluate
