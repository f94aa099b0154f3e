"""What all builders of kernels do: small arithmetic on addresses, functions, counted loops."""

from collections.abc import Callable, Sequence

from mlrift.ir.builder import Builder
from mlrift.ir.core import Block, BlockParameter, Function, Module, Successor, Value
from mlrift.ir.ops.arith import Add, Mul, Sub
from mlrift.ir.ops.compare import CompareInteger, IntegerPredicate
from mlrift.ir.ops.control import Branch, Jump
from mlrift.typesystem import I64

Carried = list[Value]


def new_function(
    module: Module, name: str, parameters: Sequence[str], level: int
) -> tuple[Builder, list[Value]]:
    """Add a function of words without a result; return where its body goes and its parameters."""
    words = [BlockParameter(I64, row) for row in parameters]
    made = Function(name, words, (), blocks=[Block("entry", words)], level=level)
    module.functions[name] = made
    return Builder(module, made), list(words)


def plus(builder: Builder, address: Value, offset: int) -> Value:
    """Return an address some bytes on."""
    return builder.emit(Add(address, builder.word(offset))) if offset else address


def times(builder: Builder, factor: Value, number: int) -> Value:
    """Return a multiple of a word."""
    return factor if number == 1 else builder.emit(Mul(factor, builder.word(number)))


def repeat(
    builder: Builder,
    count: Value,
    carried: Sequence[Value],
    body: Callable[[Carried], Carried],
) -> Carried:
    """Emit a loop that runs `count` times, at least once; return what it carries at its end."""
    left = BlockParameter(I64, "left")
    inside = [BlockParameter(row.type, f"carried{index}") for index, row in enumerate(carried)]
    loop = builder.new_block("loop")
    loop.parameters = [left, *inside]
    builder.emit(Jump(Successor(loop, [count, *carried])))
    builder.block = loop
    results = body(list(inside))
    fewer = builder.emit(Sub(left, builder.word(1)))
    outside = [BlockParameter(row.type, f"last{index}") for index, row in enumerate(carried)]
    after = builder.new_block("after")
    after.parameters = outside
    more = builder.emit(CompareInteger(IntegerPredicate.NE, fewer, builder.word(0)))
    onward = Successor(loop, [fewer, *results])
    builder.emit(Branch(more, onward, Successor(after, list(results))))
    builder.block = after
    return list(outside)


def repeat_if_any(
    builder: Builder,
    count: Value,
    carried: Sequence[Value],
    body: Callable[[Carried], Carried],
) -> Carried:
    """Emit a loop that may run no time at all."""
    begin, end = builder.new_block("begin"), builder.new_block("end")
    end.parameters = [BlockParameter(row.type, f"end{index}") for index, row in enumerate(carried)]
    some = builder.emit(CompareInteger(IntegerPredicate.NE, count, builder.word(0)))
    builder.emit(Branch(some, Successor(begin), Successor(end, list(carried))))
    builder.block = begin
    results = repeat(builder, count, carried, body)
    builder.emit(Jump(Successor(end, results)))
    builder.block = end
    return list(end.parameters)
