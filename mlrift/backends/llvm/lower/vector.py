"""Making and rearranging vectors. Constants are spelled where they are used."""

from mlrift.backends.llvm.lower.vector_text import (
    chosen,
    define_scalar,
    element_text,
    lane_of,
    lanes_text,
    operand,
    type_of,
)
from mlrift.backends.llvm.text import FunctionText
from mlrift.backends.llvm.types import VALUE_TYPE, constant_text, padded_lanes
from mlrift.backends.rules import Rules
from mlrift.ir.core import Value
from mlrift.ir.ops import vector

RULES: Rules[FunctionText] = Rules("llvm")


@RULES.rule(vector.VectorConstant)
def lower_constant(out: FunctionText, made: vector.VectorConstant) -> None:
    """All lanes, each with its type."""
    element = made.vector_type.element
    kind = element_text(element)
    padding = (made.lanes[0],) * (padded_lanes(len(made.lanes)) - len(made.lanes))
    lanes = [f"{kind} {constant_text(lane, element)}" for lane in made.lanes + padding]
    out.names[made] = f"<{', '.join(lanes)}>"


@RULES.rule(vector.Splat)
def lower_splat(out: FunctionText, made: vector.Splat) -> None:
    """One lane, spread by a shuffle: what LLVM recognises everywhere."""
    row = made.vector_type
    kind = VALUE_TYPE[row]
    lane = f"{element_text(row.element)} {lane_of(out, made.scalar, row.element)}"
    first = out.temporary(f"insertelement {kind} poison, {lane}, i64 0")
    zeros = f"<{padded_lanes(row.lanes)} x i32> zeroinitializer"
    out.define(made, f"shufflevector {kind} {first}, {kind} poison, {zeros}")


@RULES.rule(vector.Iota)
def lower_iota(out: FunctionText, made: vector.Iota) -> None:
    """A constant."""
    row = made.vector_type
    kind = element_text(row.element)
    end = 1 << int(kind[1:])
    numbers = [lane % end for lane in range(padded_lanes(row.lanes))]
    out.names[made] = f"<{', '.join([f'{kind} {number}' for number in numbers])}>"


@RULES.rule(vector.Extract)
def lower_extract(out: FunctionText, made: vector.Extract) -> None:
    """A lane, zero-extended to a word."""
    text = f"extractelement {operand(out, made.vector)}, i64 {made.lane}"
    define_scalar(out, made, type_of(made.vector).element, text)


@RULES.rule(vector.Insert)
def lower_insert(out: FunctionText, made: vector.Insert) -> None:
    """A lane from the low bits of a word, or from a float."""
    element = type_of(made.vector).element
    lane = f"{element_text(element)} {lane_of(out, made.scalar, element)}"
    out.define(made, f"insertelement {operand(out, made.vector)}, {lane}, i64 {made.lane}")


@RULES.rule(vector.ExtractAt)
def lower_extract_at(out: FunctionText, made: vector.ExtractAt) -> None:
    """A lane by its number, which is brought into range."""
    row = type_of(made.vector)
    lane = out.temporary(_lane_number(out, made.lane, row.lanes))
    define_scalar(out, made, row.element, f"extractelement {operand(out, made.vector)}, i64 {lane}")


@RULES.rule(vector.InsertAt)
def lower_insert_at(out: FunctionText, made: vector.InsertAt) -> None:
    """As `vector.insert`, by a number that is brought into range."""
    row = type_of(made.vector)
    scalar = f"{element_text(row.element)} {lane_of(out, made.scalar, row.element)}"
    lane = out.temporary(_lane_number(out, made.lane, row.lanes))
    out.define(made, f"insertelement {operand(out, made.vector)}, {scalar}, i64 {lane}")


def _lane_number(out: FunctionText, lane: Value, lanes: int) -> str:
    if lanes & (lanes - 1):
        return f"urem i64 {out.names[lane]}, {lanes}"
    return f"and i64 {out.names[lane]}, {lanes - 1}"


@RULES.rule(vector.Shuffle)
def lower_shuffle(out: FunctionText, made: vector.Shuffle) -> None:
    """The same in LLVM."""
    _define_shuffle(out, made, list(made.lanes))


@RULES.rule(vector.Concat)
def lower_concat(out: FunctionText, made: vector.Concat) -> None:
    """A shuffle that takes all lanes."""
    _define_shuffle(out, made, list(range(2 * type_of(made.first).lanes)))


def _define_shuffle(
    out: FunctionText, made: vector.Shuffle | vector.Concat, lanes: list[int]
) -> None:
    count = type_of(made.first).lanes
    whole = padded_lanes(count)
    lanes = [lane if lane < count else lane - count + whole for lane in lanes]
    lanes += [lanes[0]] * (padded_lanes(len(lanes)) - len(lanes))
    both = f"{operand(out, made.first)}, {operand(out, made.second)}"
    out.define(made, f"shufflevector {both}, {lanes_text(lanes)}")


@RULES.rule(vector.Slice)
def lower_slice(out: FunctionText, made: vector.Slice) -> None:
    """A shuffle of one vector."""
    lanes = list(range(made.first_lane, made.first_lane + made.lanes))
    out.define(made, chosen(out, type_of(made.vector), out.names[made.vector], lanes))


@RULES.rule(vector.Bitcast)
def lower_bitcast(out: FunctionText, made: vector.Bitcast) -> None:
    """Another name for the same bits; the same name where LLVM has one type for both."""
    kind, found = VALUE_TYPE[made.vector_type], VALUE_TYPE[made.vector.type]
    if kind == found:
        out.names[made] = out.names[made.vector]
    else:
        out.define(made, f"bitcast {found} {out.names[made.vector]} to {kind}")
