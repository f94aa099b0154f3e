"""`dynamics.step`: a function that steps a range of neurons, run by all threads.

The neurons of a range go in blocks: a loop of independent iterations, which becomes vector code,
steps a block and marks who fired in a row of bytes; then the marks become a list (marks.py). So no
branch depends on a neuron, and the list is in ascending order for any width and number of threads.
"""

from mlrift.ir.builder import Builder
from mlrift.ir.core import BlockParameter, Global, Value
from mlrift.ir.loops import Variable, counted
from mlrift.ir.ops.arith import Add, Lshr, Select, Shl, Sub
from mlrift.ir.ops.call import Call, FunctionAddress
from mlrift.ir.ops.compare import CompareInteger, IntegerPredicate
from mlrift.ir.ops.control import Return
from mlrift.ir.ops.convert import FloatToBits
from mlrift.ir.ops.dynamics import Step, lost_message
from mlrift.ir.ops.loop import Vectorising
from mlrift.ir.ops.memory import GlobalAddress, Load, Stack, Store
from mlrift.ir.ops.population import (
    STREAM_LIST,
    STREAM_SCRATCH,
    column_offset,
    stream_offset,
)
from mlrift.ir.parallel import emit_parallel_for, emit_parallel_parts
from mlrift.ir.passes.expand_models.functions import region_body
from mlrift.ir.passes.expand_models.marks import MARKS, end_marks, list_marks
from mlrift.ir.passes.expand_models.simple import load_word, store_words
from mlrift.typesystem import F64, I8, I64

BLOCK_NEURONS = 2048
GRAIN_NEURONS = 16384
MULTIPLE_NEURONS = 64
_STEPS_OFFSET = 4096  # std/core/population.mlr
_STEPS_WITHOUT_STREAM = 8


def step(builder: Builder, made: Step) -> Value:
    """Emit the region and what makes one list of the lists of its parts."""
    assert isinstance(made.body, FunctionAddress)
    symbol = _range_function(builder, made, made.body.callee)
    bits = builder.emit(FloatToBits(made.time_step))
    context = store_words(builder, [made.population, bits])
    count = builder.emit(Load(made.population, I64))
    multiple = builder.word(MULTIPLE_NEURONS)
    parts = emit_parallel_parts(builder, count, multiple, builder.word(GRAIN_NEURONS))
    emit_parallel_for(builder, symbol, context, count, multiple, parts)
    if made.stream < 0:
        place = builder.emit(Add(made.population, builder.word(_STEPS_WITHOUT_STREAM)))
        _finish(builder, made, place)
        return builder.word(0)
    offset = stream_offset(made.stream)
    stream = builder.emit(Add(made.population, builder.word(offset)))
    builder.call_external("core.events_join", [stream, parts], ())
    scratch = load_word(builder, made.population, offset + STREAM_SCRATCH)
    _finish(builder, made, builder.emit(Add(scratch, builder.word(_STEPS_OFFSET))))
    return stream


def _finish(builder: Builder, made: Step, place: Value) -> None:
    """Emit the call that counts the step and ends the program when a state is not finite."""
    if not made.doubles and not made.singles:
        return
    table = bytearray([len(made.doubles) + len(made.singles)])
    texts = b""
    for width, columns in ((8, made.doubles), (4, made.singles)):
        for column in columns:
            table += bytes([width]) + column_offset(made.streams, column).to_bytes(2, "little")
            texts += _text(made, builder, column)
    known = builder.module.globals
    name = f"model.finite.{len(known)}"
    data = bytes(table) + texts
    known[name] = Global(name, len(data), 1, data, is_constant=True)
    interval = builder.word(made.interval)
    arguments = [made.population, place, interval, builder.emit(GlobalAddress(name))]
    builder.call_external("core.dynamics_finish", arguments, ())


def _range_function(builder: Builder, made: Step, body: str) -> str:
    """Return the function (context, first, last, part) that steps a range; made once a body."""
    symbol = f"{body}.range"
    module = builder.module
    if symbol in module.functions:
        return symbol
    inner, parameters = region_body(builder, symbol)
    inner.function.is_simd = True
    context, first, last, _ = parameters
    module.functions[body].parameters[0].is_number = True
    population = inner.emit(Load(context, I64))
    time_step = inner.emit(Load(inner.emit(Add(context, inner.word(8))), F64))
    bases = [
        load_word(inner, population, column_offset(made.streams, column)) for column in made.columns
    ]
    if made.stream < 0:
        with counted(inner, first, last, vectorising=Vectorising.AUTOMATIC) as neuron:
            inner.emit(Call(body, [neuron, time_step, *bases], (I64,)))
    else:
        _marked_blocks(inner, made, parameters, population, _Body(body, time_step, bases))
    inner.emit(Return([]))
    return symbol


def _text(made: Step, builder: Builder, column: int) -> bytes:
    message = lost_message(made, builder.module.functions, column)
    return message.encode("utf-8", "surrogateescape") + b"\0"


class _Body:
    """The function of one neuron with what is the same for all."""

    __slots__ = ("_bases", "_symbol", "_time_step")

    def __init__(self, symbol: str, time_step: Value, bases: list[Value]) -> None:
        self._symbol = symbol
        self._time_step = time_step
        self._bases = bases

    def call(self, builder: Builder, neuron: Value) -> Value:
        """Emit the call; its value is 1 when the neuron fired."""
        return builder.emit(Call(self._symbol, [neuron, self._time_step, *self._bases], (I64,)))


def _marked_blocks(
    builder: Builder,
    made: Step,
    parameters: list[BlockParameter],
    population: Value,
    body: _Body,
) -> None:
    _, first, last, part = parameters
    offset = stream_offset(made.stream)
    marks = builder.emit(Stack(BLOCK_NEURONS + MARKS, MARKS))
    entries = load_word(builder, population, offset + STREAM_LIST)
    start = builder.emit(Add(entries, builder.emit(Shl(first, builder.word(2)))))
    end = Variable(builder, "end", start)
    with counted(builder, first, last, BLOCK_NEURONS) as begin:
        whole = builder.emit(Add(begin, builder.word(BLOCK_NEURONS)))
        is_whole = builder.emit(CompareInteger(IntegerPredicate.ULT, whole, last))
        stop = builder.emit(Select(is_whole, whole, last))
        length = builder.emit(Sub(stop, begin))
        end_marks(builder, builder.emit(Add(marks, length)))
        zero = builder.word(0)
        with counted(builder, zero, length, vectorising=Vectorising.AUTOMATIC) as place:
            fired = body.call(builder, builder.emit(Add(begin, place)))
            builder.emit(Store(builder.emit(Add(marks, place)), fired, I8))
        list_marks(builder, marks, length, begin, end)
    scratch = load_word(builder, population, offset + STREAM_SCRATCH)
    own = builder.emit(Add(scratch, builder.emit(Shl(part, builder.word(4)))))
    builder.emit(Store(own, first, I64))
    bytes_found = builder.emit(Sub(end.get(), start))
    found = builder.emit(Lshr(bytes_found, builder.word(2)))
    builder.emit(Store(builder.emit(Add(own, builder.word(8))), found, I64))
