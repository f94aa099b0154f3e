"""Marks become lists: the numbers of those bytes of a row that are not zero, in ascending order.

64 marks become a word of bits. The first few numbers are written whether there are so many or not,
which no branch depends on; the rest, which are rare, follow one by one.
"""

from mlrift.ir.builder import Builder
from mlrift.ir.core import Value
from mlrift.ir.loops import Variable, counted, when
from mlrift.ir.ops.arith import WORD_MASK, Add, And, Shl, Sub, Xor
from mlrift.ir.ops.compare import CompareInteger, IntegerPredicate
from mlrift.ir.ops.memory import Store
from mlrift.ir.ops.vector import Splat
from mlrift.ir.ops.vector_arith import CompareIntegers
from mlrift.ir.ops.vector_memory import VectorLoad, VectorStore
from mlrift.ir.ops.vector_reduce import Count, MaskToWord, WordToMask
from mlrift.typesystem import I1, I8, I32, vec

MARKS = 64
_WITHOUT_BRANCH = 4
_MARK_LANES, _BIT_LANES = vec(I8, MARKS), vec(I1, MARKS)


def end_marks(builder: Builder, end: Value) -> None:
    """Emit zeros behind the last mark, as far as `list_marks` may look."""
    zeros = builder.emit(Splat(builder.word(0), _MARK_LANES))
    builder.emit(VectorStore(end, zeros, 1))


def list_marks(builder: Builder, marks: Value, count: Value, first: Value, end: Variable) -> None:
    """Emit the loop that writes `first` + the number of each mark as u32 from `end` on.

    `marks` is a multiple of 64. Up to four more numbers than there are marks are written, yet never
    more than there are neurons in the 64 that are looked at, or the list's slack holds.
    """
    zeros = builder.emit(Splat(builder.word(0), _MARK_LANES))
    with counted(builder, builder.word(0), count, MARKS) as place:
        row = builder.emit(VectorLoad(builder.emit(Add(marks, place)), MARKS, _MARK_LANES))
        is_marked = builder.emit(CompareIntegers(IntegerPredicate.NE, row, zeros))
        bits = builder.emit(MaskToWord(is_marked))
        has_any = builder.emit(CompareInteger(IntegerPredicate.NE, bits, builder.word(0)))
        with when(builder, has_any):
            found = builder.emit(Count(is_marked))
            _write(builder, bits, found, builder.emit(Add(first, place)), end)


def _write(builder: Builder, bits: Value, found: Value, base: Value, end: Variable) -> None:
    four, start = builder.word(_WITHOUT_BRANCH), end.get()
    rest = bits
    for offset in range(0, 4 * _WITHOUT_BRANCH, 4):
        place = builder.emit(Add(start, builder.word(offset)))
        rest = _write_lowest(builder, rest, base, place)
    has_more = builder.emit(CompareInteger(IntegerPredicate.UGT, found, four))
    with when(builder, has_more):
        left = Variable(builder, "left", builder.word(0))
        left.set(rest)
        with counted(builder, four, found) as number:
            place = builder.emit(Add(start, builder.emit(Shl(number, builder.word(2)))))
            left.set(_write_lowest(builder, left.get(), base, place))
    end.set(builder.emit(Add(start, builder.emit(Shl(found, builder.word(2))))))


def _write_lowest(builder: Builder, bits: Value, base: Value, place: Value) -> Value:
    """Emit the store of the number of the lowest bit; return the bits without it."""
    less_one = builder.emit(Sub(bits, builder.word(1)))
    above = builder.emit(Xor(bits, builder.word(WORD_MASK)))
    below = builder.emit(And(above, less_one))  # ones where the zeros at the end are
    number = builder.emit(Count(builder.emit(WordToMask(below, _BIT_LANES))))
    builder.emit(Store(place, builder.emit(Add(base, number)), I32))
    return builder.emit(And(bits, less_one))
