"""A kernel whose items know nothing of each other becomes loops over the items of a group.

    function @scale(%p : i64)          function @scale.items(%group : i64)
      %x = device.local_id x     =>      ... for z, y, x: the body, with %x as the number of a loop

The arguments are loaded from the launch before the loops; a return goes to the next item.
"""

from mlrift.ir.builder import Builder
from mlrift.ir.core import Block, BlockParameter, Function, Module, Successor, Value
from mlrift.ir.ops.arith import Add
from mlrift.ir.ops.compare import CompareInteger, IntegerPredicate
from mlrift.ir.ops.control import Jump, Return, Unreachable
from mlrift.ir.ops.convert import BitsToFloat
from mlrift.ir.ops.device import Axis
from mlrift.ir.ops.memory import Fresh, SlotNew, Stack
from mlrift.ir.passes.expand_device import layout
from mlrift.ir.passes.expand_device.homes import GroupItem, LdsPlaces, flat_index, load_word
from mlrift.ir.passes.expand_device.ops import expand_ops
from mlrift.typesystem import F32, F64, I64

_AXES = (Axis.Z, Axis.Y, Axis.X)


def make_looped(module: Module, kernel: Function, places: LdsPlaces) -> None:
    """Turn a kernel without calls into a function of a group's address."""
    body = kernel.blocks
    group = BlockParameter(I64, "group")
    start = Block("entry", [group])
    kernel.blocks = [start]
    kernel.results = ()
    parameters, kernel.parameters = kernel.parameters, [group]
    body[0].parameters = []
    _hoist_storage(start, body[0])
    builder = Builder(module, kernel)
    builder.block = start
    builder.span = kernel.span
    launch = load_word(builder, group, layout.GROUP_LAUNCH)
    values = arguments(builder, launch, parameters)
    sizes = [
        load_word(builder, launch, layout.LAUNCH_GROUP_SIZE + axis * layout.WORD_BYTES)
        for axis in range(3)
    ]
    local = _loops(builder, kernel, sizes, body)
    inner = Builder(module, kernel)
    inner.block = Block("item")
    inner.span = kernel.span
    flat = flat_index(inner, local, sizes)
    body[0].ops[:0] = inner.block.ops
    for made in kernel.ops():
        made.replace_operands(values)
    expand_ops(module, kernel, GroupItem(group, local, flat, places))


def arguments(
    builder: Builder, launch: Value, parameters: list[BlockParameter]
) -> dict[Value, Value]:
    """Load the arguments of a launch."""
    values: dict[Value, Value] = {}
    for position, parameter in enumerate(parameters):
        offset = layout.LAUNCH_ARGUMENTS + position * layout.WORD_BYTES
        word = load_word(builder, launch, offset)
        if parameter.type in (F32, F64):
            word = builder.emit(BitsToFloat(word, parameter.type))
        values[parameter] = word
    return values


def _hoist_storage(start: Block, entry: Block) -> None:
    """Let the frame's storage stand where it is made once."""
    storage = (SlotNew, Stack, Fresh)
    start.ops += [made for made in entry.ops if isinstance(made, storage)]
    entry.ops = [made for made in entry.ops if not isinstance(made, storage)]


def _loops(
    builder: Builder, kernel: Function, sizes: list[Value], body: list[Block]
) -> list[Value]:
    """Put loops around the body; return the item's indices along x, y and z."""
    done = Block("done")
    leave = done
    local: dict[Axis, Value] = {}
    latches: list[tuple[Block, Block, BlockParameter]] = []
    for axis, size in zip(_AXES, reversed(sizes), strict=True):
        number = BlockParameter(I64, axis.value)
        number.is_number = True
        head, latch = Block(f"next_{axis.value}", [number]), Block(f"after_{axis.value}")
        zero = builder.word(0)
        builder.emit(Jump(Successor(head, [zero])))
        kernel.blocks.append(head)
        builder.block = head
        inside = Block(f"in_{axis.value}")
        more = builder.emit(CompareInteger(IntegerPredicate.ULT, number, size))
        builder.branch(more, inside, leave)
        kernel.blocks.append(inside)
        builder.block = inside
        local[axis] = number
        latches.append((head, latch, number))
        leave = latch
    builder.jump(body[0])
    kernel.blocks += body
    innermost = latches[-1][1]
    for block in body:
        if isinstance(block.ops[-1], Return | Unreachable):
            span = block.ops[-1].span
            block.ops[-1] = Jump(Successor(innermost))
            block.ops[-1].span = span
    for head, latch, number in reversed(latches):
        kernel.blocks.append(latch)
        builder.block = latch
        following = builder.emit(Add(number, builder.word(1)))
        builder.emit(Jump(Successor(head, [following])))
    kernel.blocks.append(done)
    builder.block = done
    builder.emit(Return([]))
    return [local[axis] for axis in (Axis.X, Axis.Y, Axis.Z)]
