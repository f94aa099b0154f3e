"""Kernels of maps: two loops for a body, and the context that says what they are applied to.

The layout of contexts and the way kernels are called are those of std/core/tensormap.mlr.
"""

from collections.abc import Callable, Sequence

from mlrift.ir.core import Function, Module, Value
from mlrift.ir.ops.call import FunctionAddress
from mlrift.ir.ops.compare import IntegerPredicate
from mlrift.ir.ops.loop import Vectorising
from mlrift.ir.ops.memory import Load, Stack
from mlrift.ir.passes.expand_tensors.elements import element_shift, load_element, store_element
from mlrift.ir.passes.expand_tensors.emit import WORD_BYTES, Emitter, new_function
from mlrift.ir.passes.expand_tensors.splice_body import (
    asks_for_near,
    emit_body,
    emit_far,
    emit_near,
)
from mlrift.typesystem import I64, ElementKind, TensorType
from mlrift.values import value

_OPERANDS = 4
_FAST = 5
_GENERAL = 6
_UNIT = 7
_REUSED = 18
_FIRST_OPERAND = 20
_OPERAND_WORDS = 12
_STRIDE = 1
_STRETCH = 10
_ALIGN = 16

KERNEL_PARAMETERS = (
    ("context", I64),
    ("out", I64),
    ("count", I64),
    ("addresses", I64),
    ("number", I64),
)


@value
class MapShape:
    """What a kernel is made for: the body, what it reads and what it makes.

    `advances` says of each operand whether it goes on element by element along the last axis, or
    stays where it is.
    """

    body: str
    operands: tuple[ElementKind, ...]
    advances: tuple[bool, ...]
    scalars: tuple[object, ...]
    element: ElementKind


@value
class MapKernel:
    """The two kernels of a map: for neighbours, and for any strides."""

    shape: MapShape
    fast: str
    general: str


def shape_of_map(
    body: str,
    types: Sequence[TensorType],
    scalars: Sequence[Value],
    element: ElementKind,
    rank: int,
) -> MapShape:
    """Return what a map needs a kernel for."""
    last = rank - 1
    advances = tuple(rank > 0 and not stretch_bits(row, rank) >> last & 1 for row in types)
    kinds = tuple(row.element for row in types)
    return MapShape(body, kinds, advances, tuple(row.type for row in scalars), element)


def stretch_bits(found: TensorType, rank: int) -> int:
    """Return a bit for each axis of a result along which an operand is read again and again."""
    missing = rank - found.rank
    bits = (1 << missing) - 1
    for axis, extent in enumerate(found.extents):
        if extent == 1:
            bits |= 1 << (axis + missing)
    return bits


def fast_kernel(module: Module, shape: MapShape, name: str) -> None:
    """Add the kernel for rows in which elements follow each other, or are one and the same."""
    strides: list[int | None] = [None if row else 0 for row in shape.advances]
    out = _kernel(module, shape, name, strides, Vectorising.AUTOMATIC)
    out.function.is_simd = True


def general_kernel(module: Module, shape: MapShape, name: str) -> None:
    """Add the kernel for rows with any strides, which is not worth several versions."""
    strides: list[int | None] = list(range(1, len(shape.operands) + 1))
    _kernel(module, shape, name, strides, Vectorising.NEVER)


def _kernel(
    module: Module,
    shape: MapShape,
    name: str,
    strides: list[int | None],
    vectorising: Vectorising,
) -> Emitter:
    """Add a kernel. A stride is None for neighbours, 0 for one element, else read at run time."""
    out = new_function(module, name, KERNEL_PARAMETERS)
    context, target, count, addresses, first = out.function.parameters
    bases = [out.load_word(addresses, index) for index in range(len(shape.operands))]
    fixed, steps = _load_strides(out, shape, bases, strides)
    scalars = _load_scalars(out, context, shape)
    body = module.functions[shape.body]
    takes_number = len(body.parameters) > len(bases) + len(scalars)

    def operands(index: Value) -> list[Value]:
        arguments: list[Value] = []
        for operand, base in enumerate(bases):
            kind = shape.operands[operand]
            if operand in fixed:
                arguments.append(fixed[operand])
                continue
            if operand in steps:
                place = out.add(base, out.mul(index, steps[operand]))
            else:
                place = out.element(base, index, element_shift(kind))
            arguments.append(load_element(out, place, kind))
        arguments += scalars
        if takes_number:
            arguments.append(out.add(first, index))
        return arguments

    def put(index: Value, made: Value) -> None:
        place = out.element(target, index, element_shift(shape.element))
        store_element(out, place, made, shape.element)

    if vectorising is Vectorising.AUTOMATIC and asks_for_near(body):
        _emit_loops(out, body, count, operands, put)
    else:
        _emit_loop(out, count, vectorising, lambda at: put(at, emit_body(out, body, operands(at))))
    out.give()
    return out


def _load_strides(
    out: Emitter, shape: MapShape, bases: Sequence[Value], strides: Sequence[int | None]
) -> tuple[dict[int, Value], dict[int, Value]]:
    """Emit the loads of operands that stay, and of the steps in bytes of those of any stride."""
    context = out.function.parameters[0]
    fixed: dict[int, Value] = {}
    steps: dict[int, Value] = {}
    for index, stride in enumerate(strides):
        kind = shape.operands[index]
        if stride == 0:
            fixed[index] = load_element(out, bases[index], kind)
        elif stride is not None:
            word = _FIRST_OPERAND + index * _OPERAND_WORDS + _STRIDE
            steps[index] = out.shifted(out.load_word(context, word), element_shift(kind))
    return fixed, steps


def _emit_loop(
    out: Emitter, count: Value, vectorising: Vectorising, body: Callable[[Value], None]
) -> None:
    def step(index: Value, carried: list[Value]) -> Sequence[Value]:
        body(index)
        return []

    out.loop(count, step, vectorising=vectorising)


def _emit_loops(
    out: Emitter,
    body: Function,
    count: Value,
    operands: Callable[[Value], list[Value]],
    put: Callable[[Value, Value], None],
) -> None:
    """Emit a loop that looks for far numbers, then one for near numbers and one for all."""

    def look(index: Value, carried: list[Value]) -> Sequence[Value]:
        return [out.bit_or(carried[0], emit_far(out, body, operands(index)))]

    automatic, none = Vectorising.AUTOMATIC, out.word(0)
    (far,) = out.loop(count, look, [none], vectorising=automatic)
    near_count = out.select(out.compare(IntegerPredicate.EQ, far, none), count, none)
    _emit_loop(out, near_count, automatic, lambda at: put(at, emit_near(out, body, operands(at))))
    rest = out.sub(count, near_count)
    _emit_loop(out, rest, automatic, lambda at: put(at, emit_body(out, body, operands(at))))


def _load_scalars(out: Emitter, context: Value, shape: MapShape) -> list[Value]:
    first = _FIRST_OPERAND + len(shape.operands) * _OPERAND_WORDS
    rows: list[Value] = []
    for index, kind in enumerate(shape.scalars):
        place = out.add(context, out.word((first + index) * WORD_BYTES))
        rows.append(out.emit(Load(place, kind)))  # type: ignore[arg-type]  # machine types
    return rows


def context_of(
    out: Emitter,
    operands: Sequence[tuple[Value, TensorType]],
    scalars: Sequence[Value],
    rank: int,
    kernel: MapKernel | None,
    *,
    reused: int = 0,
) -> Value:
    """Emit a context on the stack; `operands` are descriptors with the types of their tensors.

    Without a kernel the one operand is what a reduction runs over. `reused` is one more than the
    number of an operand that may become the result.
    """
    size_bytes = context_bytes(len(operands), len(scalars))
    context = stack_in_entry(out, size_bytes // WORD_BYTES)
    out.store_word(context, _OPERANDS, out.word(len(operands)))
    fast: Value = out.word(0)
    general: Value = fast
    unit = 0
    if kernel is not None:
        fast = out.emit(FunctionAddress(kernel.fast))
        general = out.emit(FunctionAddress(kernel.general))
        unit = sum(1 << index for index, row in enumerate(kernel.shape.advances) if row)
    out.store_word(context, _FAST, fast)
    out.store_word(context, _GENERAL, general)
    out.store_word(context, _UNIT, out.word(unit))
    out.store_word(context, _REUSED, out.word(reused))
    for index, (tensor, found) in enumerate(operands):
        first = _FIRST_OPERAND + index * _OPERAND_WORDS
        out.store_word(context, first, tensor)
        out.store_word(context, first + _STRETCH, out.word(stretch_bits(found, rank)))
    for index, scalar in enumerate(scalars):
        out.store_word(context, _FIRST_OPERAND + len(operands) * _OPERAND_WORDS + index, scalar)
    return context


def context_bytes(operands: int, scalars: int) -> int:
    """Return how large a context is."""
    return (_FIRST_OPERAND + operands * _OPERAND_WORDS + scalars) * WORD_BYTES


def stack_in_entry(out: Emitter, words: int) -> Value:
    """Return storage of the frame; it is one however often it is come by."""
    storage = Stack(max(words, 1) * WORD_BYTES, _ALIGN)
    storage.span = out.span
    out.function.blocks[0].ops.insert(0, storage)
    return storage


def words_on_stack(out: Emitter, words: Sequence[Value]) -> Value:
    """Emit words one after the other in memory; return the address."""
    storage = stack_in_entry(out, len(words))
    for index, word in enumerate(words):
        out.store_word(storage, index, word)
    return storage
