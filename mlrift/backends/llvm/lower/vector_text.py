"""How vectors are spelled in LLVM assembly, and calls of its intrinsics for them.

Halves are lanes of i16, masks lanes of i1. A vector is padded to a power of two; what its further
lanes hold is unknown and may be poison, so rules that look at all lanes fill them first. All rules
for vectors write through these functions.
"""

from mlrift.backends.llvm.text import FunctionText
from mlrift.backends.llvm.types import MEMORY_TYPE, VALUE_TYPE, padded_lanes
from mlrift.ir.core import Value
from mlrift.ir.ops.vector_types import LANE_BITS, scalar_of
from mlrift.typesystem import F32, F64, I64, MachineType, VectorType

_WORD_BITS = 64
_FEWEST_BITS = 8
_NAMES = {F32: "f32", F64: "f64"}


def type_of(value: Value) -> VectorType:
    """Return the type of an operand that is a vector: the verifier saw to it."""
    assert isinstance(value.type, VectorType)
    return value.type


def element_text(element: MachineType) -> str:
    """Spell the type of a lane."""
    return MEMORY_TYPE[element]


def suffix_of(row: VectorType) -> str:
    """Spell a type in the name of an intrinsic."""
    return f"v{padded_lanes(row.lanes)}{_NAMES.get(row.element, f'i{LANE_BITS[row.element]}')}"


def operand(out: FunctionText, value: Value) -> str:
    """Spell an operand with its type."""
    return f"{VALUE_TYPE[value.type]} {out.names[value]}"


def intrinsic(
    out: FunctionText, name: str, result: str, arguments: list[str], types: list[str]
) -> str:
    """Return the call of an intrinsic, declaring it; `arguments` begin with their types."""
    out.context.declare(name, f"declare {result} @{name}({', '.join(types)})")
    return f"call {result} @{name}({', '.join(arguments)})"


def lanewise(out: FunctionText, name: str, row: VectorType, operands: list[str]) -> str:
    """Return the call of an intrinsic from vectors of a type to one of it."""
    kind = VALUE_TYPE[row]
    arguments = [f"{kind} {text}" for text in operands]
    return intrinsic(out, f"{name}.{suffix_of(row)}", kind, arguments, [kind] * len(operands))


def lane_of(out: FunctionText, scalar: Value, element: MachineType) -> str:
    """Return a scalar as a lane: the low bits of a word, or what it is."""
    name = out.names[scalar]
    if scalar.type is not I64 or LANE_BITS[element] == LANE_BITS[I64]:
        return name
    return out.temporary(f"trunc i64 {name} to {element_text(element)}")


def define_scalar(out: FunctionText, made: Value, element: MachineType, text: str) -> None:
    """Write a lane as the scalar value of an op; `text` computes the lane."""
    if scalar_of(element) is not I64 or LANE_BITS[element] == LANE_BITS[I64]:
        out.define(made, text)
    else:
        out.define(made, f"zext {element_text(element)} {out.temporary(text)} to i64")


def mask_of_word(out: FunctionText, word: str, lanes: int) -> str:
    """Return the instruction that makes a mask of the low bits of an i64."""
    lanes = padded_lanes(lanes)
    whole = max(lanes, _FEWEST_BITS)
    if whole < _WORD_BITS:
        word = out.temporary(f"trunc i64 {word} to i{whole}")
    text = f"bitcast i{whole} {word} to <{whole} x i1>"
    if whole == lanes:
        return text
    mask = f"<{whole} x i1> {out.temporary(text)}"
    return f"shufflevector {mask}, <{whole} x i1> poison, {lanes_text(list(range(lanes)))}"


def splat_text(element: MachineType, number: int) -> str:
    """Spell a vector with one whole number in every lane."""
    return f"splat ({element_text(element)} {number})"


def filled(out: FunctionText, value: Value, fill: str) -> str:
    """Return a vector whose padding is `fill` (a vector without poison), with its type."""
    row = type_of(value)
    whole = padded_lanes(row.lanes)
    if whole == row.lanes:
        return operand(out, value)
    kind = VALUE_TYPE[row]
    lanes = lanes_text([*range(row.lanes), *range(whole + row.lanes, 2 * whole)])
    text = f"shufflevector {operand(out, value)}, {kind} {fill}, {lanes}"
    return f"{kind} {out.temporary(text)}"


def chosen(out: FunctionText, row: VectorType, name: str, lanes: list[int]) -> str:
    """Return the shuffle that takes lanes of one vector; the padding repeats the first."""
    kind = VALUE_TYPE[row]
    padding = [lanes[0]] * (padded_lanes(len(lanes)) - len(lanes))
    return f"shufflevector {kind} {name}, {kind} poison, {lanes_text(lanes + padding)}"


def lanes_text(lanes: list[int]) -> str:
    """Spell the lanes that a shuffle chooses, with the type."""
    return f"<{len(lanes)} x i32> <{', '.join([f'i32 {lane}' for lane in lanes])}>"
