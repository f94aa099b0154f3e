"""Device builtins for memory: LDS, atomics, half-precision and wide accesses.

LDS array 0 is that of `lds_load_f32`; every call of `lds_f32` and its kin in the source is an
array of its own, numbered in the order of lowering.
"""

from collections.abc import Callable

from mlrift.frontend.builtins.declaration import Builtin
from mlrift.ir.builder import Builder
from mlrift.ir.core import Value
from mlrift.ir.ops.arith import Add, And, Constant, Lshr, Or, Select, Shl
from mlrift.ir.ops.compare import CompareFloat, FloatPredicate
from mlrift.ir.ops.convert import BitsToFloat, FloatToBits, HalfToSingle, SingleToHalf
from mlrift.ir.ops.device import (
    AtomicAdd,
    AtomicExchangeIf,
    LdsAdd,
    LdsArray,
    LdsLoad,
    LdsStore,
)
from mlrift.ir.ops.memory import Load, Store
from mlrift.typesystem import (
    DOUBLE,
    F32,
    F64,
    I8,
    I16,
    I32,
    I64,
    SINGLE,
    U64,
    MachineType,
    ScalarType,
)

Lowering = Callable[[Builder, list[Value]], Value]

SHARED_ARRAY = 0
SHARED_ARRAY_COUNT = 2048
SHARED_ARRAY_BYTES = SHARED_ARRAY_COUNT * 4
_ALIGN_BYTES = 16
_HALF_BITS = 16
_HALF_UP = 0x7FFF
_QUIET = 0x40
_LANES = 4
_ELEMENTS: dict[str, tuple[MachineType, int, ScalarType]] = {
    "u8": (I8, 1, U64),
    "u16": (I16, 2, U64),
    "u32": (I32, 4, U64),
    "u64": (I64, 8, U64),
    "f32": (F32, 4, SINGLE),
    "f64": (F64, 8, DOUBLE),
}


def element_address(builder: Builder, base: Value, index: Value, size_bytes: int) -> Value:
    """Return `base + index * size_bytes`."""
    if size_bytes > 1:
        index = builder.emit(Shl(index, builder.word(size_bytes.bit_length() - 1)))
    return builder.emit(Add(base, index))


def _shared_element(builder: Builder, index: Value) -> Value:
    array = LdsArray(SHARED_ARRAY, SHARED_ARRAY_BYTES, _ALIGN_BYTES)
    return element_address(builder, builder.emit(array), index, 4)


def _shared_load(builder: Builder, arguments: list[Value]) -> Value:
    return builder.emit(LdsLoad(F32, _shared_element(builder, arguments[0])))


def _shared_store(builder: Builder, arguments: list[Value]) -> Value:
    builder.emit(LdsStore(F32, _shared_element(builder, arguments[0]), arguments[1]))
    return builder.word(0)


def _array_of(size_bytes: int) -> Lowering:
    def lower(builder: Builder, arguments: list[Value]) -> Value:
        count = arguments[0]
        assert isinstance(count, Constant)  # the checker saw to it
        number = 1 + _arrays_of(builder)
        return builder.emit(LdsArray(number, int(count.value) * size_bytes, _ALIGN_BYTES))

    return lower


def _arrays_of(builder: Builder) -> int:
    """Return the highest number of an array so far."""
    numbers = [
        made.number
        for function in builder.module.functions.values()
        for made in function.ops()
        if isinstance(made, LdsArray)
    ]
    return max(numbers, default=SHARED_ARRAY)


def _element_load(access: MachineType, size_bytes: int) -> Lowering:
    def lower(builder: Builder, arguments: list[Value]) -> Value:
        array, index = arguments
        return builder.emit(LdsLoad(access, element_address(builder, array, index, size_bytes)))

    return lower


def _element_store(access: MachineType, size_bytes: int) -> Lowering:
    def lower(builder: Builder, arguments: list[Value]) -> Value:
        array, index, value = arguments
        address = element_address(builder, array, index, size_bytes)
        builder.emit(LdsStore(access, address, value))
        return builder.word(0)

    return lower


def _element_add(access: MachineType, size_bytes: int) -> Lowering:
    def lower(builder: Builder, arguments: list[Value]) -> Value:
        array, index, value = arguments
        address = element_address(builder, array, index, size_bytes)
        return builder.emit(LdsAdd(access, address, value))

    return lower


def _atomic_add(access: MachineType) -> Lowering:
    def lower(builder: Builder, arguments: list[Value]) -> Value:
        return builder.emit(AtomicAdd(access, arguments[0], arguments[1]))

    return lower


def _exchange_if(access: MachineType) -> Lowering:
    def lower(builder: Builder, arguments: list[Value]) -> Value:
        return builder.emit(AtomicExchangeIf(access, *arguments))

    return lower


def _load_f16(builder: Builder, arguments: list[Value]) -> Value:
    return builder.emit(HalfToSingle(builder.emit(Load(arguments[0], I16))))


def _store_f16(builder: Builder, arguments: list[Value]) -> Value:
    builder.emit(Store(arguments[0], builder.emit(SingleToHalf(arguments[1])), I16))
    return builder.word(0)


def _load_bf16(builder: Builder, arguments: list[Value]) -> Value:
    half = builder.emit(Load(arguments[0], I16))
    bits = builder.emit(Shl(half, builder.word(_HALF_BITS)))
    return builder.emit(BitsToFloat(bits, F32))


def _store_bf16(builder: Builder, arguments: list[Value]) -> Value:
    """Store the nearest bf16, ties to even; a NaN stays one."""
    address, number = arguments
    bits = builder.emit(FloatToBits(number))
    high = builder.emit(Lshr(bits, builder.word(_HALF_BITS)))
    odd = builder.emit(And(high, builder.word(1)))
    carried = builder.emit(Add(bits, builder.emit(Add(odd, builder.word(_HALF_UP)))))
    rounded = builder.emit(Lshr(carried, builder.word(_HALF_BITS)))
    quiet = builder.emit(Or(high, builder.word(_QUIET)))
    is_nan = builder.emit(CompareFloat(FloatPredicate.NE, number, number))
    builder.emit(Store(address, builder.emit(Select(is_nan, quiet, rounded)), I16))
    return builder.word(0)


def _load_four(builder: Builder, arguments: list[Value]) -> list[Value]:
    loaded: list[Value] = []
    for lane in range(_LANES):
        loaded.append(builder.emit(Load(_lane_address(builder, arguments[0], lane), F32)))
    return loaded


def _load_first(builder: Builder, arguments: list[Value]) -> Value:
    return builder.emit(Load(arguments[0], F32))


def _store_four(builder: Builder, arguments: list[Value]) -> Value:
    for lane in range(_LANES):
        address = _lane_address(builder, arguments[0], lane)
        builder.emit(Store(address, arguments[1 + lane], F32))
    return builder.word(0)


def _lane_address(builder: Builder, base: Value, lane: int) -> Value:
    return builder.emit(Add(base, builder.word(lane * 4))) if lane else base


LDS = (
    Builtin(
        "lds_load_f32",
        (U64,),
        SINGLE,
        _shared_load,
        f"an element of the group's array of {SHARED_ARRAY_COUNT} f32",
    ),
    Builtin("lds_store_f32", (U64, SINGLE), U64, _shared_store, "set an element of that array"),
    *(
        Builtin(
            f"lds_{name}",
            (U64,),
            U64,
            _array_of(size_bytes),
            f"an array of so many {name} of the group, a constant; each call is one of its own",
        )
        for name, (_, size_bytes, _) in _ELEMENTS.items()
    ),
    *(
        Builtin(
            f"lds_read_{name}",
            (U64, U64),
            word,
            _element_load(access, size_bytes),
            f"an element of an array of {name}: the array, the index",
        )
        for name, (access, size_bytes, word) in _ELEMENTS.items()
    ),
    *(
        Builtin(
            f"lds_write_{name}",
            (U64, U64, word),
            U64,
            _element_store(access, size_bytes),
            f"set an element of an array of {name}: the array, the index, the value",
        )
        for name, (access, size_bytes, word) in _ELEMENTS.items()
    ),
    *(
        Builtin(
            f"lds_add_{name}",
            (U64, U64, U64),
            U64,
            _element_add(*_ELEMENTS[name][:2]),
            f"atomically add to an element of an array of {name}; the old one",
        )
        for name in ("u32", "u64")
    ),
)
GLOBAL_ATOMICS = (
    *(
        Builtin(
            f"atomic_add_{name}",
            (U64, word),
            word,
            _atomic_add(access),
            f"atomically add to the {name} at an address; the old one",
        )
        for name, (access, _, word) in _ELEMENTS.items()
        if name not in ("u8", "u16")
    ),
    *(
        Builtin(
            f"atomic_cas_{name}",
            (U64, U64, U64),
            U64,
            _exchange_if(_ELEMENTS[name][0]),
            f"compare the {name} at an address with the second and store the third if equal",
        )
        for name in ("u32", "u64")
    ),
)
ACCESSES = (
    Builtin("load_f16", (U64,), SINGLE, _load_f16, "the f16 at an address as f32"),
    Builtin("store_f16", (U64, SINGLE), U64, _store_f16, "store an f32 as the nearest f16"),
    Builtin("load_bf16", (U64,), SINGLE, _load_bf16, "the bf16 at an address as f32"),
    Builtin("store_bf16", (U64, SINGLE), U64, _store_bf16, "store an f32 as the nearest bf16"),
    Builtin(
        "load_f32x4",
        (U64,),
        SINGLE,
        _load_first,
        "the four f32 at an address, for a declaration of four variables",
        result_count=_LANES,
        several=_load_four,
    ),
    Builtin("store_f32x4", (U64, *(SINGLE,) * _LANES), U64, _store_four, "store four f32"),
)
DEVICE_MEMORY = (*LDS, *GLOBAL_ATOMICS, *ACCESSES)
ARRAYS = frozenset(f"lds_{name}" for name in _ELEMENTS)
ARRAY_ELEMENT_BYTES = {f"lds_{name}": row[1] for name, row in _ELEMENTS.items()}
