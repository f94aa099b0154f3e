"""A builder with the small ops that kernels are made of, and loops.

Loops test at their end, so that a loop over nothing must not be entered: `loop` tests before.
"""

from collections.abc import Callable, Sequence

from mlrift.ir.builder import Builder
from mlrift.ir.core import Block, BlockParameter, Function, Linkage, Module, Successor, Value
from mlrift.ir.ops.arith import Add, And, Ashr, Lshr, Mul, Or, Select, Shl, Sub, Udiv
from mlrift.ir.ops.compare import CompareInteger, IntegerPredicate
from mlrift.ir.ops.control import Branch, Jump, Return
from mlrift.ir.ops.loop import IndependentIterations, Vectorising
from mlrift.ir.ops.memory import Load, Store
from mlrift.typesystem import I64, MachineType, ValueType

WORD_BYTES = 8

LoopBody = Callable[[Value, list[Value]], Sequence[Value]]


class Emitter(Builder):
    """Emits one function of a module."""

    __slots__ = ()

    def add(self, lhs: Value, rhs: Value) -> Value:
        """Emit a sum of words."""
        return self.emit(Add(lhs, rhs))

    def sub(self, lhs: Value, rhs: Value) -> Value:
        """Emit a difference of words."""
        return self.emit(Sub(lhs, rhs))

    def mul(self, lhs: Value, rhs: Value) -> Value:
        """Emit a product of words."""
        return self.emit(Mul(lhs, rhs))

    def udiv(self, lhs: Value, rhs: Value) -> Value:
        """Emit a quotient of unsigned words."""
        return self.emit(Udiv(lhs, rhs))

    def bit_and(self, lhs: Value, rhs: Value) -> Value:
        """Emit a conjunction."""
        return self.emit(And(lhs, rhs))

    def bit_or(self, lhs: Value, rhs: Value) -> Value:
        """Emit a disjunction."""
        return self.emit(Or(lhs, rhs))

    def shifted(self, value: Value, bits: int) -> Value:
        """Emit a left shift by a constant."""
        return self.emit(Shl(value, self.word(bits))) if bits else value

    def shifted_right(self, value: Value, bits: int) -> Value:
        """Emit a right shift by a constant, zeros in."""
        return self.emit(Lshr(value, self.word(bits)))

    def shifted_right_signed(self, value: Value, bits: int) -> Value:
        """Emit a right shift by a constant, sign bits in."""
        return self.emit(Ashr(value, self.word(bits)))

    def element(self, base: Value, index: Value, shift: int) -> Value:
        """Emit the address of an element of 2**shift bytes."""
        return self.add(base, self.shifted(index, shift))

    def select(self, condition: Value, if_true: Value, if_false: Value) -> Value:
        """Emit a choice by an i1."""
        return self.emit(Select(condition, if_true, if_false))

    def compare(self, predicate: IntegerPredicate, lhs: Value, rhs: Value) -> Value:
        """Emit a comparison of words."""
        return self.emit(CompareInteger(predicate, lhs, rhs))

    def least(self, lhs: Value, rhs: Value) -> Value:
        """Emit the smaller of two unsigned words."""
        return self.select(self.compare(IntegerPredicate.ULT, lhs, rhs), lhs, rhs)

    def load_word(self, base: Value, index: int, kind: MachineType = I64) -> Value:
        """Emit a load of word number `index` from an address."""
        place = self.add(base, self.word(index * WORD_BYTES)) if index else base
        return self.emit(Load(place, kind))

    def store_word(self, base: Value, index: int, value: Value) -> None:
        """Emit a store of word number `index` from an address, of a float too."""
        place = self.add(base, self.word(index * WORD_BYTES)) if index else base
        kind = value.type
        assert isinstance(kind, MachineType)
        self.emit(Store(place, value, kind))

    def place(self, block: Block) -> None:
        """Go on in a new block at the end of the function."""
        self.function.blocks.append(block)
        self.block = block

    def give(self, *values: Value) -> None:
        """Return from the function."""
        self.emit(Return(list(values)))

    def either(
        self, condition: Value, if_true: Callable[[], Value], if_false: Callable[[], Value]
    ) -> Value:
        """Emit a branch by an i1 and the code of both sides; return the word that one made."""
        true, false = Block("true"), Block("false")
        after = Block("after", [BlockParameter(I64)])
        self.emit(Branch(condition, Successor(true, []), Successor(false, [])))
        for block, side in ((true, if_true), (false, if_false)):
            self.place(block)
            self.emit(Jump(Successor(after, [side()])))
        self.place(after)
        return after.parameters[0]

    def loop(
        self,
        count: Value,
        body: LoopBody,
        carried: Sequence[Value] = (),
        step: int = 1,
        vectorising: Vectorising | None = None,
    ) -> list[Value]:
        """Emit a loop for 0, step ... below `count`; return the carried values after it.

        With `vectorising` its iterations are independent of each other.
        """
        types = [row.type for row in carried]
        zero = self.word(0)
        header = Block("loop", [BlockParameter(I64, "i"), *map(BlockParameter, types)])
        after = Block("after", [BlockParameter(row) for row in types])
        enters = self.compare(IntegerPredicate.NE, count, zero)
        self.emit(
            Branch(enters, Successor(header, [zero, *carried]), Successor(after, list(carried)))
        )
        self.place(header)
        if vectorising is not None:
            self.emit(IndependentIterations(vectorising))
        index, *values = header.parameters
        following = list(body(index, list(values)))
        upper = self.add(index, self.word(step))
        goes_on = self.compare(IntegerPredicate.ULT, upper, count)
        self.emit(
            Branch(goes_on, Successor(header, [upper, *following]), Successor(after, following))
        )
        self.place(after)
        return list(after.parameters)


def new_function(
    module: Module,
    name: str,
    parameters: Sequence[tuple[str, ValueType]],
    results: tuple[ValueType, ...] = (),
) -> Emitter:
    """Add a function to a module; return an emitter in its first block."""
    rows = [BlockParameter(kind, label) for label, kind in parameters]
    function = Function(name, rows, results, Linkage.INTERNAL, [Block("entry", rows)])
    module.functions[name] = function
    return Emitter(module, function)
