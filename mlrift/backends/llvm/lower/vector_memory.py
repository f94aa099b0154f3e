"""Vectors in memory: plain accesses and LLVM's masked intrinsics, which legalise everywhere."""

from mlrift.backends.llvm.lower.vector_text import (
    filled,
    intrinsic,
    mask_of_word,
    operand,
    suffix_of,
    type_of,
)
from mlrift.backends.llvm.text import FunctionText
from mlrift.backends.llvm.types import MEMORY_BYTES, VALUE_TYPE, padded_lanes
from mlrift.backends.rules import Rules
from mlrift.ir.core import Value
from mlrift.ir.ops import vector_memory
from mlrift.ir.ops.vector_memory import Locality, PrefetchKind
from mlrift.ir.ops.vector_types import LANE_BITS
from mlrift.typesystem import I1, VectorType, vec

RULES: Rules[FunctionText] = Rules("llvm")

_LOCALITY = {Locality.NONE: 0, Locality.LOW: 1, Locality.MIDDLE: 2, Locality.HIGH: 3}
_PREFETCH = "llvm.prefetch.p0"
# AVX-512F compresses lanes of this many bits in registers; storing them so is slow on some CPUs.
_COMPRESSED_BITS = (32, 64)
_REGISTER_BITS = (128, 256, 512)


@RULES.rule(vector_memory.VectorLoad)
def lower_load(out: FunctionText, made: vector_memory.VectorLoad) -> None:
    """A load with the promised alignment; a masked one where the vector is padded."""
    row = made.vector_type
    kind, place = VALUE_TYPE[row], out.pointer(made.address)
    if padded_lanes(row.lanes) == row.lanes:
        out.define(made, f"load {kind}, ptr {place}, align {made.align}")
    else:
        otherwise = f"{kind} zeroinitializer"
        out.define(
            made, _masked_load(out, "load", row, (place, made.align), (_all(row), otherwise))
        )


@RULES.rule(vector_memory.VectorStore)
def lower_store(out: FunctionText, made: vector_memory.VectorStore) -> None:
    """A store with the promised alignment; a masked one where the vector is padded."""
    row = type_of(made.vector)
    vector, place = operand(out, made.vector), out.pointer(made.address)
    if padded_lanes(row.lanes) == row.lanes:
        out.emit(f"store {vector}, ptr {place}, align {made.align}")
    else:
        _masked_store(out, "store", row, (place, made.align), (_all(row), vector))


def _all(row: VectorType) -> str:
    """Spell the mask of the lanes that are no padding, with its type."""
    lanes = ["i1 true"] * row.lanes + ["i1 false"] * (padded_lanes(row.lanes) - row.lanes)
    return f"{VALUE_TYPE[vec(I1, row.lanes)]} <{', '.join(lanes)}>"


def _mask(out: FunctionText, mask: Value) -> str:
    return filled(out, mask, "zeroinitializer")


@RULES.rule(vector_memory.MaskedLoad)
def lower_masked_load(out: FunctionText, made: vector_memory.MaskedLoad) -> None:
    """The intrinsic."""
    place = out.pointer(made.address), made.align
    lanes = _mask(out, made.mask), operand(out, made.otherwise)
    out.define(made, _masked_load(out, "load", type_of(made), place, lanes))


@RULES.rule(vector_memory.ExpandLoad)
def lower_expand_load(out: FunctionText, made: vector_memory.ExpandLoad) -> None:
    """The intrinsic."""
    place = out.pointer(made.address), 1
    lanes = _mask(out, made.mask), operand(out, made.otherwise)
    out.define(made, _masked_load(out, "expandload", type_of(made), place, lanes))


def _masked_load(
    out: FunctionText,
    name: str,
    row: VectorType,
    place: tuple[str, int],
    mask_and_otherwise: tuple[str, str],
) -> str:
    """Return the call of an intrinsic; `place` is a pointer and its alignment."""
    kind, mask = VALUE_TYPE[row], VALUE_TYPE[vec(I1, row.lanes)]
    arguments = [f"ptr align {place[1]} {place[0]}", *mask_and_otherwise]
    full_name = f"llvm.masked.{name}.{suffix_of(row)}"
    return intrinsic(out, _placed(full_name, name), kind, arguments, ["ptr", mask, kind])


def _placed(name: str, kind: str) -> str:
    """Add the address space to the names that have it."""
    return f"{name}.p0" if kind in ("load", "store") else name


@RULES.rule(vector_memory.MaskedStore)
def lower_masked_store(out: FunctionText, made: vector_memory.MaskedStore) -> None:
    """The intrinsic."""
    place = out.pointer(made.address), made.align
    lanes = _mask(out, made.mask), operand(out, made.vector)
    _masked_store(out, "store", type_of(made.vector), place, lanes)


def _masked_store(
    out: FunctionText,
    name: str,
    row: VectorType,
    place: tuple[str, int],
    mask_and_vector: tuple[str, str],
) -> None:
    """Write the call of an intrinsic; `place` is a pointer and its alignment."""
    mask, vector = mask_and_vector
    arguments = [vector, f"ptr align {place[1]} {place[0]}", mask]
    types = [VALUE_TYPE[row], "ptr", VALUE_TYPE[vec(I1, row.lanes)]]
    full_name = f"llvm.masked.{name}.{suffix_of(row)}"
    out.emit(intrinsic(out, _placed(full_name, name), "void", arguments, types))


@RULES.rule(vector_memory.Gather)
def lower_gather(out: FunctionText, made: vector_memory.Gather) -> None:
    """The intrinsic; a CPU without gathers loads lane by lane."""
    row = type_of(made)
    kind, lanes = VALUE_TYPE[row], padded_lanes(row.lanes)
    mask, places = _mask(out, made.mask), f"<{lanes} x ptr>"
    pointers = _pointers(out, made.base, made.indices, row)
    arguments = [f"{places} align 1 {pointers}", mask, operand(out, made.otherwise)]
    name = f"llvm.masked.gather.{suffix_of(row)}.v{lanes}p0"
    types = [places, VALUE_TYPE[made.mask.type], kind]
    out.define(made, intrinsic(out, name, kind, arguments, types))


@RULES.rule(vector_memory.GatherBytes)
def lower_gather_bytes(out: FunctionText, made: vector_memory.GatherBytes) -> None:
    """The intrinsic, of all lanes."""
    row = made.vector_type
    kind, lanes = VALUE_TYPE[row], padded_lanes(row.lanes)
    places, masks = f"<{lanes} x ptr>", f"<{lanes} x i1>"
    address = f"getelementptr i8, ptr {out.pointer(made.base)}, {operand(out, made.offsets)}"
    bits = ", ".join([f"i1 {'true' if lane < row.lanes else 'false'}" for lane in range(lanes)])
    arguments = [
        f"{places} align 1 {out.temporary(address)}",
        f"{masks} <{bits}>",
        f"{kind} zeroinitializer",
    ]
    name = f"llvm.masked.gather.{suffix_of(row)}.v{lanes}p0"
    out.define(made, intrinsic(out, name, kind, arguments, [places, masks, kind]))


@RULES.rule(vector_memory.Scatter)
def lower_scatter(out: FunctionText, made: vector_memory.Scatter) -> None:
    """The intrinsic, which stores from the first lane to the last."""
    row = type_of(made.vector)
    kind, lanes = VALUE_TYPE[row], padded_lanes(row.lanes)
    mask, places = _mask(out, made.mask), f"<{lanes} x ptr>"
    pointers = _pointers(out, made.base, made.indices, row)
    arguments = [operand(out, made.vector), f"{places} align 1 {pointers}", mask]
    name = f"llvm.masked.scatter.{suffix_of(row)}.v{lanes}p0"
    types = [kind, places, VALUE_TYPE[made.mask.type]]
    out.emit(intrinsic(out, name, "void", arguments, types))


def _pointers(out: FunctionText, base: Value, indices: Value, row: VectorType) -> str:
    element = f"i{MEMORY_BYTES[row.element] * 8}"
    address = f"getelementptr {element}, ptr {out.pointer(base)}, {operand(out, indices)}"
    return out.temporary(address)


@RULES.rule(vector_memory.CompressStore)
def lower_compress_store(out: FunctionText, made: vector_memory.CompressStore) -> None:
    """The intrinsic; where registers can be compressed, that and a masked store."""
    row = type_of(made.vector)
    bits = LANE_BITS[row.element]
    fits = bits in _COMPRESSED_BITS and bits * row.lanes in _REGISTER_BITS
    if fits and out.has_wide_registers():
        _compress_in_register(out, made, row)
        return
    lanes = _mask(out, made.mask), operand(out, made.vector)
    _masked_store(out, "compressstore", row, (out.pointer(made.address), 1), lanes)


def _compress_in_register(
    out: FunctionText, made: vector_memory.CompressStore, row: VectorType
) -> None:
    kind, mask = VALUE_TYPE[row], operand(out, made.mask)
    name = f"llvm.experimental.vector.compress.{suffix_of(row)}"
    arguments = [operand(out, made.vector), mask, f"{kind} zeroinitializer"]
    types = [kind, VALUE_TYPE[made.mask.type], kind]
    packed = out.temporary(intrinsic(out, name, kind, arguments, types))
    numbers = f"i{row.lanes}"
    bits = out.temporary(f"zext {numbers} {out.temporary(f'bitcast {mask} to {numbers}')} to i64")
    count = out.temporary(intrinsic(out, "llvm.ctpop.i64", "i64", [f"i64 {bits}"], ["i64"]))
    ones = out.temporary(f"shl i64 -1, {count}")
    word = out.temporary(f"xor i64 {ones}, -1")
    stored = out.temporary(mask_of_word(out, word, row.lanes))
    lanes = f"{VALUE_TYPE[made.mask.type]} {stored}", f"{kind} {packed}"
    _masked_store(out, "store", row, (out.pointer(made.address), 1), lanes)


@RULES.rule(vector_memory.Prefetch)
def lower_prefetch(out: FunctionText, made: vector_memory.Prefetch) -> None:
    """The intrinsic, for data."""
    types = ["ptr", "i32 immarg", "i32 immarg", "i32 immarg"]
    is_write = int(made.kind is PrefetchKind.WRITE)
    arguments = [f"ptr {out.pointer(made.address)}", f"i32 {is_write}"]
    arguments += [f"i32 {_LOCALITY[made.locality]}", "i32 1"]
    out.emit(intrinsic(out, _PREFETCH, "void", arguments, types))
