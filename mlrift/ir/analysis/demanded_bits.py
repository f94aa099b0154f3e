"""Which bits of the words of a function somebody looks at.

A mask for each word: backwards from stores, comparisons, addresses and shifts. Given the ranges of
the words, it is what has to be computed: where a range says what the upper half of a word is (zero,
or copies of bit 31), its operands are not asked for it. Those masks hold for the function as it is;
a pass that changes ops must not use ranges, which may be what they are because of the op.
"""

from collections.abc import Callable, Iterator

from mlrift.ir.analysis.control_flow import incoming_edges
from mlrift.ir.analysis.ranges import Ranges
from mlrift.ir.core import Block, BlockParameter, Function, Successor, Value
from mlrift.ir.numbers import SIGN_BIT, WORD_MASK
from mlrift.ir.op import Effect, Op
from mlrift.ir.ops.arith import Add, And, Ashr, Constant, Lshr, Mul, Or, Select, Shl, Sub, Xor
from mlrift.ir.ops.convert import BitsToFloat, HalfToSingle
from mlrift.ir.ops.device import (
    AtomicAdd,
    AtomicExchangeIf,
    Dot2Half,
    Dot4Signed,
    LdsAdd,
    LdsLoad,
    LdsStore,
    Shuffle,
    ShuffleXor,
)
from mlrift.ir.ops.memory import Store
from mlrift.static_types import Any
from mlrift.typesystem import F32, I8, I16, I32, I64, MachineType

LOW_HALF = (1 << 32) - 1
_SIGN_OF_LOW_HALF = 1 << 31
_STORED: dict[MachineType, int] = {I8: 0xFF, I16: 0xFFFF, I32: LOW_HALF}
_COUNT_BITS = 63
_LANE_BITS = 31
_LDS_ADDRESS_BITS = LOW_HALF
_Demands = Iterator[tuple[Value, int]]


class DemandedBits:
    """The answer for one function: `of` is the mask of a word."""

    def __init__(self, function: Function, ranges: Ranges | None = None) -> None:
        self._ranges = ranges
        self._masks: dict[Value, int] = {}
        self._feeding: dict[Value, list[Value]] = {}
        self._work: list[Value] = []
        incoming = incoming_edges(function.blocks)
        for block in function.blocks:
            self._note_arguments(block, [edge for _, edge in incoming[block]])
            for made in block.ops:
                if made.type is not I64:
                    self._ask_operands(made, WORD_MASK)
                elif made.EFFECT is not Effect.PURE:
                    self._ask_operands(made, 0)
        self._run()

    def of(self, value: Value) -> int:
        """Return the bits of a word that are looked at."""
        return self._masks.get(value, 0)

    def _note_arguments(self, block: Block, edges: list[Successor]) -> None:
        for position, parameter in enumerate(block.parameters):
            if parameter.type is I64:
                self._feeding[parameter] = [edge.arguments[position] for edge in edges]

    def _ask(self, value: Value, mask: int) -> None:
        if value.type is not I64 or type(value) is Constant:
            return
        before = self._masks.get(value, 0)
        if mask & ~before:
            self._masks[value] = before | mask
            self._work.append(value)

    def _run(self) -> None:
        while self._work:
            value = self._work.pop()
            mask = self._needed(value)
            if isinstance(value, BlockParameter):
                for argument in self._feeding.get(value, ()):
                    self._ask(argument, mask)
            else:
                assert isinstance(value, Op)
                self._ask_operands(value, mask)

    def _needed(self, value: Value) -> int:
        """Return the bits of a word that have to be computed from its operands."""
        mask = self._masks[value]
        if self._ranges is None:
            return mask
        low, high = self._ranges.of(value)
        if low >= 0:
            return mask & ((1 << high.bit_length()) - 1)
        if mask > LOW_HALF and low >= -_SIGN_OF_LOW_HALF and high < _SIGN_OF_LOW_HALF:
            return mask & LOW_HALF | _SIGN_OF_LOW_HALF
        return mask

    def _ask_operands(self, made: Op, mask: int) -> None:
        rule = _RULES.get(type(made))
        if rule is not None:
            for value, wanted in rule(made, mask):
                self._ask(value, wanted)
        elif not made.SUCCESSOR_NAMES:
            for value in made.operands():
                self._ask(value, WORD_MASK)


def _up_to_top(mask: int) -> int:
    return (1 << mask.bit_length()) - 1


def _sum(made: Add | Sub | Mul, mask: int) -> _Demands:
    yield made.lhs, _up_to_top(mask)
    yield made.rhs, _up_to_top(mask)


def _and(made: And, mask: int) -> _Demands:
    yield made.lhs, mask & int(made.rhs.value) if type(made.rhs) is Constant else mask
    yield made.rhs, mask


def _or(made: Or, mask: int) -> _Demands:
    yield made.lhs, mask & ~int(made.rhs.value) if type(made.rhs) is Constant else mask
    yield made.rhs, mask


def _xor(made: Xor, mask: int) -> _Demands:
    yield made.lhs, mask
    yield made.rhs, mask


def _shl(made: Shl, mask: int) -> _Demands:
    if type(made.rhs) is Constant:
        yield made.lhs, mask >> (int(made.rhs.value) & _COUNT_BITS)
    else:
        yield made.lhs, _up_to_top(mask)
        yield made.rhs, _COUNT_BITS


def _lshr(made: Lshr, mask: int) -> _Demands:
    if type(made.rhs) is Constant:
        yield made.lhs, (mask << (int(made.rhs.value) & _COUNT_BITS)) & WORD_MASK
    else:
        yield made.lhs, WORD_MASK
        yield made.rhs, _COUNT_BITS


def _ashr(made: Ashr, mask: int) -> _Demands:
    if type(made.rhs) is Constant:
        wanted = mask << (int(made.rhs.value) & _COUNT_BITS)
        yield made.lhs, wanted & WORD_MASK | (SIGN_BIT if wanted > WORD_MASK else 0)
    else:
        yield made.lhs, WORD_MASK
        yield made.rhs, _COUNT_BITS


def _select(made: Select, mask: int) -> _Demands:
    yield made.if_true, mask
    yield made.if_false, mask


def _store(made: Store, mask: int) -> _Demands:
    yield made.address, WORD_MASK
    yield made.value, _STORED.get(made.memory_type, WORD_MASK)


def _lds_load(made: LdsLoad, mask: int) -> _Demands:
    yield made.address, _LDS_ADDRESS_BITS


def _lds_store(made: LdsStore, mask: int) -> _Demands:
    yield made.address, _LDS_ADDRESS_BITS
    yield made.value, _STORED.get(made.access, WORD_MASK)


def _lds_add(made: LdsAdd, mask: int) -> _Demands:
    yield made.address, _LDS_ADDRESS_BITS
    yield made.operand, _STORED.get(made.access, WORD_MASK)


def _atomic_add(made: AtomicAdd, mask: int) -> _Demands:
    yield made.address, WORD_MASK
    yield made.operand, _STORED.get(made.access, WORD_MASK)


def _exchange(made: AtomicExchangeIf, mask: int) -> _Demands:
    yield made.address, WORD_MASK
    yield made.expected, _STORED.get(made.access, WORD_MASK)
    yield made.new, _STORED.get(made.access, WORD_MASK)


def _shuffle(made: Shuffle, mask: int) -> _Demands:
    yield made.value, mask
    yield made.lane, _LANE_BITS


def _shuffle_xor(made: ShuffleXor, mask: int) -> _Demands:
    yield made.value, mask


def _bits_to_float(made: BitsToFloat, mask: int) -> _Demands:
    yield made.operand, LOW_HALF if made.to is F32 else WORD_MASK


def _half(made: HalfToSingle, mask: int) -> _Demands:
    yield made.operand, 0xFFFF


def _dot(made: Dot2Half | Dot4Signed, mask: int) -> _Demands:
    for value in (made.lhs, made.rhs, made.addend):
        yield value, LOW_HALF


_RULES: dict[type[Op], Callable[[Any, int], _Demands]] = {
    Add: _sum,
    Sub: _sum,
    Mul: _sum,
    And: _and,
    Or: _or,
    Xor: _xor,
    Shl: _shl,
    Lshr: _lshr,
    Ashr: _ashr,
    Select: _select,
    Store: _store,
    LdsLoad: _lds_load,
    LdsStore: _lds_store,
    LdsAdd: _lds_add,
    AtomicAdd: _atomic_add,
    AtomicExchangeIf: _exchange,
    Shuffle: _shuffle,
    ShuffleXor: _shuffle_xor,
    BitsToFloat: _bits_to_float,
    HalfToSingle: _half,
    Dot2Half: _dot,
    Dot4Signed: _dot,
}
