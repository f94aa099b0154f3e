"""Sums of products of neighbouring lanes, with numpy.

`PRODUCTS` has a row for every op, which gives the function of its operands.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from mlrift.ir import numbers
from mlrift.ir.interpret.vector_arithmetic import Evaluation
from mlrift.ir.interpret.vector_arrays import Array, signed, unsigned
from mlrift.ir.op import Op
from mlrift.ir.ops import vector_arith, vector_dot
from mlrift.ir.ops.vector_arith import Dot4Kind

_LEAST_NORMAL, _SCALE = 2.0**-126, 2.0**24


def _dot4(made: vector_arith.Dot4) -> Evaluation:
    is_signed = made.kind is Dot4Kind.SIGNED

    def evaluate(sums: Array, first: Array, second: Array) -> Array:
        lhs = (signed(first) if is_signed else first).astype(np.int32)
        products = lhs * signed(second).astype(np.int32)
        return sums + unsigned(products.reshape(-1, 4).sum(axis=1, dtype=np.int32))

    return evaluate


def _dot2_words(_made: vector_dot.Dot2Words) -> Evaluation:
    def evaluate(sums: Array, first: Array, second: Array) -> Array:
        products = signed(first).astype(np.int64) * signed(second).astype(np.int64)
        total: Array = sums + products.reshape(-1, 2).sum(axis=1).astype(np.uint32)
        return total

    return evaluate


def _flushed(number: float) -> float:
    return number * 0.0 if abs(number) < _LEAST_NORMAL else number


def _single_of(lane: int) -> float:
    return _flushed(numbers.bits_to_single(lane << 16))


def _fused(factor: float, other: float, addend: float) -> float:
    """Multiply and add; what is judged is larger, so that nothing is lost below 2**-126."""
    plain = numbers.fused_single(factor, other, addend)
    large = numbers.fused_single(factor * _SCALE, other, addend * _SCALE)
    return math.copysign(0.0, plain) if abs(large) < _LEAST_NORMAL * _SCALE else plain


def _dot2(_made: vector_dot.Dot2) -> Evaluation:
    def evaluate(sums: Array, first: Array, second: Array) -> Array:
        lanes = sums.tolist()
        one, other = first.tolist(), second.tolist()
        for lane, number in enumerate(lanes):
            total = _flushed(number)
            for place in (2 * lane + 1, 2 * lane):
                total = _fused(_single_of(one[place]), _single_of(other[place]), total)
            lanes[lane] = total
        return np.array(lanes, dtype=np.float32)

    return evaluate


PRODUCTS: dict[type[Op], Callable[[Any], Evaluation]] = {
    vector_arith.Dot4: _dot4,
    vector_dot.Dot2: _dot2,
    vector_dot.Dot2Words: _dot2_words,
}
