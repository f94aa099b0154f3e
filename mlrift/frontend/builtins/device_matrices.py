"""Device builtins for products of 16 x 16 tiles (WMMA).

A fragment is a variable of the function it stands in, named by a role and a constant number from 0
to 31: factors `A` and `B`, sums `C`. A function sees its own fragments only.
"""

from collections.abc import Callable

from mlrift.frontend.builtins.declaration import Builtin
from mlrift.ir.builder import Builder
from mlrift.ir.core import Value
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import Constant
from mlrift.ir.ops.device import (
    FragmentLoad,
    FragmentLoadSum,
    FragmentProduct,
    FragmentRole,
    FragmentStore,
    FragmentZero,
)
from mlrift.ir.ops.memory import SlotGet, SlotNew, SlotSet
from mlrift.typesystem import BF16, F16, F32, U64, MachineType, VectorType, vec

Lowering = Callable[[Builder, list[Value]], Value]

FRAGMENT_COUNT = 32
_FACTORS = (FragmentRole.A, FragmentRole.B)
_SUM = "c"
_SUM_TYPE = vec(F32, 8)
_FACTOR_LANES = 16


def _slot(builder: Builder, name: str, number: Value, fragment: VectorType) -> SlotNew:
    """Return the variable of a fragment, made in the entry block when it is new."""
    assert isinstance(number, Constant)  # the checker saw to it
    label = f"fragment.{name}.{int(number.value)}"
    entry = builder.function.blocks[0].ops
    for made in entry:
        if isinstance(made, SlotNew) and made.name == label and made.slot_type is fragment:
            return made
    made = SlotNew(label, fragment)
    made.span = builder.function.span
    entry.insert(0, made)
    return made


def _set(builder: Builder, slot: SlotNew, fragment: Op) -> Value:
    builder.emit(SlotSet(slot, builder.emit(fragment)))
    return builder.word(0)


def _get(builder: Builder, slot: SlotNew) -> Value:
    return builder.emit(SlotGet(slot, slot.slot_type))


def _factor_name(role: FragmentRole, element: MachineType) -> str:
    factor = FragmentRole.A if role is FragmentRole.A else FragmentRole.B
    return f"{factor.value}.{element.value}"


def _load_factor(role: FragmentRole, element: MachineType) -> Lowering:
    def lower(builder: Builder, arguments: list[Value]) -> Value:
        number, address, stride = arguments
        fragment = vec(element, _FACTOR_LANES)
        slot = _slot(builder, _factor_name(role, element), number, fragment)
        return _set(builder, slot, FragmentLoad(element, role, address, stride))

    return lower


def _product(element: MachineType) -> Lowering:
    def lower(builder: Builder, arguments: list[Value]) -> Value:
        fragment = vec(element, _FACTOR_LANES)
        total = _slot(builder, _SUM, arguments[0], _SUM_TYPE)
        lhs, rhs = (
            _get(builder, _slot(builder, _factor_name(role, element), number, fragment))
            for role, number in zip(_FACTORS, arguments[1:], strict=True)
        )
        return _set(builder, total, FragmentProduct(lhs, rhs, _get(builder, total)))

    return lower


def _zero(builder: Builder, arguments: list[Value]) -> Value:
    return _set(builder, _slot(builder, _SUM, arguments[0], _SUM_TYPE), FragmentZero())


def _load_sum(builder: Builder, arguments: list[Value]) -> Value:
    slot = _slot(builder, _SUM, arguments[0], _SUM_TYPE)
    return _set(builder, slot, FragmentLoadSum(arguments[1], arguments[2]))


def _store(builder: Builder, arguments: list[Value]) -> Value:
    slot = _slot(builder, _SUM, arguments[0], _SUM_TYPE)
    builder.emit(FragmentStore(arguments[1], arguments[2], _get(builder, slot)))
    return builder.word(0)


_HALVES = {"f16": F16, "bf16": BF16}

DEVICE_MATRICES = (
    Builtin("wmma_zero", (U64,), U64, _zero, "set sum number c to zeros"),
    Builtin(
        "wmma_load_c",
        (U64, U64, U64),
        U64,
        _load_sum,
        "load sum number c: the address of a 16 x 16 tile of f32, bytes from row to row",
    ),
    *(
        Builtin(
            f"wmma_load_a_{name}",
            (U64, U64, U64),
            U64,
            _load_factor(FragmentRole.A, element),
            f"load factor A number a of {name}: the address, bytes from row to row",
        )
        for name, element in _HALVES.items()
    ),
    *(
        Builtin(
            f"wmma_load_b_{name}",
            (U64, U64, U64),
            U64,
            _load_factor(FragmentRole.B, element),
            f"load factor B number b of {name}, columns side by side in memory: the address, bytes "
            "from column to column",
        )
        for name, element in _HALVES.items()
    ),
    *(
        Builtin(
            f"wmma_load_b_rows_{name}",
            (U64, U64, U64),
            U64,
            _load_factor(FragmentRole.B_BY_ROWS, element),
            f"load factor B number b of {name}, rows side by side in memory: the address, bytes "
            "from row to row",
        )
        for name, element in _HALVES.items()
    ),
    *(
        Builtin(
            f"wmma_{name}",
            (U64, U64, U64),
            U64,
            _product(element),
            f"sum c += factor a x factor b, of {name}: the numbers c, a, b",
        )
        for name, element in _HALVES.items()
    ),
    Builtin(
        "wmma_store",
        (U64, U64, U64),
        U64,
        _store,
        "store sum number c: the address of a 16 x 16 tile of f32, bytes from row to row",
    ),
)
