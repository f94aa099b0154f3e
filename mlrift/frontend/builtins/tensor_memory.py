"""IR of tensors that are kept in memory, of memory that is changed through them, of their text."""

from mlrift.frontend.builtins.tensor import Lowering
from mlrift.frontend.builtins.tensor_parts import own
from mlrift.ir.builder import Builder
from mlrift.ir.core import Value
from mlrift.ir.ops.arith import Add, Constant, Mul
from mlrift.ir.ops.compare import CompareInteger, IntegerPredicate
from mlrift.ir.ops.memory import Copy, Load, Store
from mlrift.ir.ops.tensor import (
    Assume,
    Borrow,
    Contiguous,
    Data,
    Extent,
    Fill,
    Keep,
    Length,
    Require,
    Share,
    Take,
    View,
)
from mlrift.ir.ops.tensor_types import (
    ELEMENT_BYTES,
    KIND_CODES,
    MAX_RANK,
    scalar_of,
    tensor_of,
)
from mlrift.typesystem import I64, MachineType, TensorType, tensor


def write(builder: Builder, values: list[Value]) -> Value:
    """Copy elements to memory, where they follow each other: the tensor, the address.

    A third value is that memory as a tensor: of one axis, it must have as many elements.
    """
    if len(values) > 2 and tensor_of(values[2]).rank == 1:
        builder.emit(Require(values[0], 0, builder.emit(Length(values[2]))))
    whole = builder.emit(Contiguous(values[0]))
    bytes_each = builder.word(ELEMENT_BYTES[tensor_of(whole).element])
    size_bytes = builder.emit(Mul(builder.emit(Length(whole)), bytes_each))
    builder.emit(Copy(values[1], builder.emit(Data(whole)), size_bytes))
    builder.emit(Keep([whole]))
    return builder.word(0)


def write_element(memory: MachineType) -> Lowering:
    """Store an element in memory: the value, its address."""

    def lower(builder: Builder, values: list[Value]) -> Value:
        builder.emit(Store(values[1], values[0], memory))
        return builder.word(0)

    return lower


def from_layout(builder: Builder, address: Value, layout: Value, wanted: TensorType) -> Value:
    """Return memory that C describes as a tensor: extents, then strides lie at `layout`."""
    words: list[Value] = [
        builder.emit(Load(builder.emit(Add(layout, builder.word(8 * place))), I64))
        for place in range(2 * wanted.rank)
    ]
    seen = tensor(wanted.element, (None,) * wanted.rank)
    made: Value = builder.emit(View(address, words[: wanted.rank], words[wanted.rank :], seen))
    return made if wanted is seen else builder.emit(Assume(made, wanted))


def event_rows(made: TensorType) -> Lowering:
    """The neurons of an event stream as a tensor: the stream, whose list and length lie there."""

    def lower(builder: Builder, values: list[Value]) -> Value:
        neurons = builder.emit(Load(values[0], I64))
        length = builder.emit(Load(builder.emit(Add(values[0], builder.word(8))), I64))
        return builder.emit(View(neurons, [length], [], made))

    return lower


def to_c(builder: Builder, value: Value, found: TensorType) -> Value:
    """Return a tensor as a word: the address of its descriptor, with elements of its own."""
    empty = tensor(found.element, (0,) * found.rank)
    return builder.emit(Share(own(found.rank, empty)(builder, [value])))


# --------------------------------------------------------------------------------- statics


def read_static(made: TensorType) -> Lowering:
    """The tensor of a static variable, zeros until it is assigned: the variable's address."""

    def lower(builder: Builder, values: list[Value]) -> Value:
        _see_to_static(builder, values[0], made)
        return builder.emit(Borrow(builder.emit(Load(values[0], I64)), made))

    return lower


def take_static(made: TensorType) -> Lowering:
    """The tensor of a static variable, which is to be assigned anew: the variable's address."""

    def lower(builder: Builder, values: list[Value]) -> Value:
        _see_to_static(builder, values[0], made)
        taken = builder.emit(Take(builder.emit(Load(values[0], I64)), made))
        builder.emit(Store(values[0], builder.word(0), I64))
        return taken

    return lower


def write_static(made: TensorType) -> Lowering:
    """Assign to a static variable: the tensor, the variable's address."""

    def lower(builder: Builder, values: list[Value]) -> Value:
        new, address = values
        _release_static(builder, address, made)
        builder.emit(Store(address, builder.emit(Share(new)), I64))
        return builder.word(0)

    return lower


def _see_to_static(builder: Builder, address: Value, made: TensorType) -> None:
    absent, present = builder.new_block("absent"), builder.new_block("present")
    found = builder.emit(Load(address, I64))
    is_absent = builder.emit(CompareInteger(IntegerPredicate.EQ, found, builder.word(0)))
    builder.branch(is_absent, absent, present)
    builder.block = absent
    machine = scalar_of(made.element)
    zero = builder.emit(Constant(0 if machine is I64 else 0.0, machine))
    extents: list[Value] = [builder.word(row or 0) for row in made.extents]
    builder.emit(Store(address, builder.emit(Share(builder.emit(Fill(zero, extents, made)))), I64))
    builder.jump(present)
    builder.block = present


def _release_static(builder: Builder, address: Value, made: TensorType) -> None:
    old, released = builder.new_block("old"), builder.new_block("released")
    found = builder.emit(Load(address, I64))
    is_there = builder.emit(CompareInteger(IntegerPredicate.NE, found, builder.word(0)))
    builder.branch(is_there, old, released)
    builder.block = old
    builder.emit(Take(found, made))
    builder.jump(released)
    builder.block = released


# ------------------------------------------------------------------------------------ text


def text(builder: Builder, values: list[Value]) -> Value:
    """The address of a tensor's text, which is to be given back."""
    whole = builder.emit(Contiguous(values[0]))
    found = tensor_of(whole)
    extents = [builder.emit(Extent(whole, axis)) for axis in range(found.rank)]
    arguments: list[Value] = [
        builder.emit(Data(whole)),
        builder.word(KIND_CODES[found.element]),
        builder.word(found.rank),
        *extents,
        *(builder.word(1) for _ in range(MAX_RANK - found.rank)),
    ]
    made = builder.call_external("core.tensortext_make", arguments)
    builder.emit(Keep([whole]))
    return made


def print_text(builder: Builder, values: list[Value]) -> Value:
    """Print a tensor's text and give it back."""
    builder.call_external("core.tensortext_print", [text(builder, values)], ())
    return builder.word(0)


def print_joined(builder: Builder, values: list[Value]) -> Value:
    """Print a text of the heap and give it back."""
    builder.call_external("core.tensortext_print", [values[0]], ())
    return builder.word(0)


def join_texts(builder: Builder, values: list[Value]) -> Value:
    """The address of texts one after the other."""
    made = values[0]
    for following in values[1:]:
        made = builder.call_external("core.tensortext_join", [made, following])
    return made


def in_order(builder: Builder, _values: list[Value]) -> Value:
    """Nothing more: the operands were evaluated one after the other."""
    return builder.word(0)
