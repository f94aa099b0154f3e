"""Many xorshift32 generators side by side, and which of their numbers a divisor divides.

`core.draws_step(states, marks, steps, inverse, rotation, limit)` lets 32 generators, whose states
are u32 at `states`, draw `steps` numbers each, and stores one u32 a step at `marks`: bit l says
that the number of generator l is a multiple of the divisor. A number x is one of d = odd * 2^r if
x * (1 / odd), rotated right by r, is at most (2^32 - 1) / d (Hacker's Delight, 10-17).
"""

from mlrift.ir.builder import Builder
from mlrift.ir.core import Block, BlockParameter, Function, Linkage, Module, Successor, Value
from mlrift.ir.ops.arith import Add, Shl
from mlrift.ir.ops.compare import CompareInteger, IntegerPredicate
from mlrift.ir.ops.control import Branch, Return
from mlrift.ir.ops.memory import Store
from mlrift.ir.ops.vector import Splat
from mlrift.ir.ops.vector_arith import Binary, BinaryKind, CompareIntegers
from mlrift.ir.ops.vector_memory import VectorLoad, VectorStore
from mlrift.ir.ops.vector_reduce import MaskToWord
from mlrift.typesystem import I32, I64, vec

LANES = 32
SYMBOL = "core.draws_step"
_WORD_BITS = 32
_SHIFTS = ((BinaryKind.SHL, 13), (BinaryKind.LSHR, 17), (BinaryKind.SHL, 5))


def build_draws(name: str) -> Module:
    """Return the module with the kernel."""
    module = Module(name)
    names = ("states", "marks", "steps", "inverse", "rotation", "limit")
    parameters = [BlockParameter(I64, row) for row in names]
    function = Function(
        SYMBOL, parameters, (), Linkage.EXPORTED, [Block("entry", parameters)], is_simd=True
    )
    module.functions[SYMBOL] = function
    builder = Builder(module, function)
    states, marks, steps, *_ = parameters
    lanes = vec(I32, LANES)
    first = builder.emit(VectorLoad(states, 4, lanes))
    body, after = Block("draw"), Block("end")
    index, state = BlockParameter(I64, "index"), BlockParameter(lanes, "state")
    index.is_number = steps.is_number = True
    body.parameters += (index, state)
    divisor = _Divisor(builder, parameters[3:])
    builder.jump(body, [builder.word(0), first])
    function.blocks.append(body)
    builder.block = body
    drawn = _step(builder, state)
    place = builder.emit(Add(marks, builder.emit(Shl(index, builder.word(2)))))
    builder.emit(Store(place, divisor.multiples(builder, drawn), I32))
    following = builder.emit(Add(index, builder.word(1)))
    goes_on = builder.emit(CompareInteger(IntegerPredicate.ULT, following, steps))
    after.parameters.append(BlockParameter(lanes, "last"))
    builder.emit(Branch(goes_on, Successor(body, [following, drawn]), Successor(after, [drawn])))
    function.blocks.append(after)
    builder.block = after
    builder.emit(VectorStore(states, after.parameters[0], 4))
    builder.emit(Return([]))
    return module


def _step(builder: Builder, state: Value) -> Value:
    """Emit one step of all generators."""
    for kind, distance in _SHIFTS:
        count = builder.emit(Splat(builder.word(distance), vec(I32, LANES)))
        moved = builder.emit(Binary(kind, state, count))
        state = builder.emit(Binary(BinaryKind.XOR, state, moved))
    return state


class _Divisor:
    """The divisor in every lane."""

    def __init__(self, builder: Builder, parameters: list[BlockParameter]) -> None:
        inverse, rotation, limit = parameters
        lanes = vec(I32, LANES)
        self._inverse = builder.emit(Splat(inverse, lanes))
        self._right = builder.emit(Splat(rotation, lanes))
        bits = builder.emit(Splat(builder.word(_WORD_BITS), lanes))
        mask = builder.emit(Splat(builder.word(_WORD_BITS - 1), lanes))
        left = builder.emit(Binary(BinaryKind.SUB, bits, self._right))
        self._left = builder.emit(Binary(BinaryKind.AND, left, mask))
        self._limit = builder.emit(Splat(limit, lanes))

    def multiples(self, builder: Builder, drawn: Value) -> Value:
        """Emit the word whose bits say which lanes hold multiples."""
        quotient = builder.emit(Binary(BinaryKind.MUL, drawn, self._inverse))
        low = builder.emit(Binary(BinaryKind.LSHR, quotient, self._right))
        high = builder.emit(Binary(BinaryKind.SHL, quotient, self._left))
        rotated = builder.emit(Binary(BinaryKind.OR, low, high))
        hits = builder.emit(CompareIntegers(IntegerPredicate.ULE, rotated, self._limit))
        return builder.emit(MaskToWord(hits))
