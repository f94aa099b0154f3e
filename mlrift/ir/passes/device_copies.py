"""Copies and fills of memory become loads and stores, in a loop when there are many.

    memory.copy %to, %from, %eight    =>     %x = memory.load %from : i64
                                             memory.store %to, %x : i64

What is not a whole number of words, or of unknown size, is done by bytes. Storage that nothing
could turn into variables, or zero at its start, is refused.
"""

from collections.abc import Iterator

from mlrift.ir.core import Block, BlockParameter, Function, Successor, Value
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import Add, And, Constant, Mul
from mlrift.ir.ops.compare import CompareInteger, IntegerPredicate
from mlrift.ir.ops.control import Branch
from mlrift.ir.ops.memory import Copy, Fill, Fresh, Load, Store
from mlrift.ir.passes.declaration import EVERY_PROPERTY, Pass, on_functions
from mlrift.ir.passes.device_error import DeviceError
from mlrift.typesystem import I8, I32, I64, MachineType

_MOST_UNROLLED = 16
_BYTES_OF_WORD = 0x0101_0101_0101_0101
_SIZES: tuple[tuple[int, MachineType], ...] = ((8, I64), (4, I32), (1, I8))


def expand_copies(function: Function) -> None:
    """Replace every copy and fill."""
    blocks: list[Block] = []
    for block in function.blocks:
        rest: Block | None = block
        while rest is not None:
            rest = _expand_first(rest, blocks)
    function.blocks = blocks


PASS = Pass("device_copies", on_functions(expand_copies), keeps=EVERY_PROPERTY)


def _expand_first(block: Block, blocks: list[Block]) -> Block | None:
    """Add a block up to its first loop, with the loop; return the rest."""
    blocks.append(block)
    ops: list[Op] = []
    for position, made in enumerate(block.ops):
        if isinstance(made, Fresh):
            raise DeviceError(
                "kernels have no heap: this storage is too large, or its address is kept",
                made.span,
            )
        if not isinstance(made, Copy | Fill):
            ops.append(made)
            continue
        step, access = _chunk(made)
        if isinstance(made.size, Constant) and int(made.size.value) <= step * _MOST_UNROLLED:
            ops += _spanned(_unrolled(made, access, step), made)
            continue
        after = Block("copied")
        after.ops = block.ops[position + 1 :]
        block.ops = ops
        blocks.append(_loop(block, made, access, step, after))
        return after
    block.ops = ops
    return None


def _spanned(ops: Iterator[Op], made: Op) -> Iterator[Op]:
    for row in ops:
        row.span = made.span
        yield row


def _chunk(made: Copy | Fill) -> tuple[int, MachineType]:
    """Return how much is copied at a time: addresses of words are multiples of their size."""
    if isinstance(made.size, Constant):
        size = int(made.size.value)
        return next(row for row in _SIZES if size % row[0] == 0)
    return _SIZES[-1]


def _unrolled(made: Copy | Fill, access: MachineType, step: int) -> Iterator[Op]:
    stored: Value | None = None
    if isinstance(made, Fill):
        low = And(made.byte, byte := Constant(0xFF, I64))
        stored = Mul(low, ones := Constant(_BYTES_OF_WORD, I64))
        yield from (byte, low, ones, stored)
    assert isinstance(made.size, Constant)
    for offset in range(0, int(made.size.value), step):
        distance = Constant(offset, I64)
        yield distance
        target = Add(made.destination, distance)
        yield target
        value = stored
        if isinstance(made, Copy):
            source = Add(made.source, distance)
            value = Load(source, access)
            yield from (source, value)
        assert value is not None
        yield Store(target, value, access)


def _loop(before: Block, made: Copy | Fill, access: MachineType, step: int, after: Block) -> Block:
    """Return a block that copies a piece and goes round; `before` is led into it."""
    offset = BlockParameter(I64)
    loop = Block("copying", [offset])
    zero = Constant(0, I64)
    is_any = CompareInteger(IntegerPredicate.NE, made.size, zero)
    before.ops += [
        zero,
        is_any,
        Branch(is_any, Successor(loop, [zero]), Successor(after)),
    ]
    target = Add(made.destination, offset)
    loop.ops.append(target)
    stored: Value
    if isinstance(made, Copy):
        source = Add(made.source, offset)
        stored = Load(source, access)
        loop.ops += [source, stored]
    else:
        low = And(made.byte, byte := Constant(0xFF, I64))
        stored = Mul(low, ones := Constant(_BYTES_OF_WORD, I64))
        loop.ops += [byte, low, ones, stored]
    width = Constant(step, I64)
    onward = Add(offset, width)
    more = CompareInteger(IntegerPredicate.ULT, onward, made.size)
    loop.ops += [
        Store(target, stored, access),
        width,
        onward,
        more,
        Branch(more, Successor(loop, [onward]), Successor(after)),
    ]
    for row in (*before.ops[-3:], *loop.ops):
        row.span = made.span
    return loop
