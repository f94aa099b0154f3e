"""Every arithmetic op on difficult numbers, executed by the emulator, gives what its declaration
says: quotients and roots are correctly rounded, conversions saturate, words wrap.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mlrift.backends.amdgcn.chips import chip_named
from mlrift.backends.amdgcn.codeobject.write import write
from mlrift.backends.amdgcn.compile import compile_kernels
from mlrift.emulator import Device
from mlrift.ir.builder import Builder
from mlrift.ir.core import Block, BlockParameter, Function, Linkage, Module, Value
from mlrift.ir.interpret.kernels import run_kernel
from mlrift.ir.ops.arith import (
    Add,
    And,
    Ashr,
    FDiv,
    FMul,
    FMultiplyAdd,
    FSqrt,
    Lshr,
    Mul,
    Or,
    Sdiv,
    Shl,
    Srem,
    Udiv,
    Urem,
)
from mlrift.ir.ops.control import Return
from mlrift.ir.ops.convert import (
    FloatToSigned,
    HalfToSingle,
    Narrow,
    SignedToFloat,
    Widen,
)
from mlrift.ir.ops.device import AssumeGroupSize, Axis, GroupId, LocalId
from mlrift.ir.ops.memory import Load, Store
from mlrift.ir.passes.device_pipeline import prepare_kernels
from mlrift.typesystem import F32, F64, I64, MachineType

_ITEMS, _GROUP = 2048, 256
_SIZES: dict[MachineType, int] = {I64: 8, F32: 4, F64: 8}
_TYPES: dict[MachineType, type] = {I64: np.uint64, F32: np.float32, F64: np.float64}
_CHIPS = ("gfx1030", "gfx1100", "gfx1201")
_LOW = (1 << 32) - 1
_ROUNDED_TWICE = ("fdiv_f32", "fdiv_f64")
Make = Callable[..., Value]


def _masked(b: Builder, word: Value, mask: int) -> Value:
    return b.emit(And(word, b.word(mask)))


def _odd(b: Builder, word: Value) -> Value:
    return b.emit(Or(word, b.word(1)))


_CASES: dict[str, tuple[Make, tuple[MachineType, ...]]] = {
    "fdiv_f32": (lambda b, x, y: b.emit(FDiv(x, y)), (F32, F32)),
    "fdiv_f64": (lambda b, x, y: b.emit(FDiv(x, y)), (F64, F64)),
    "fsqrt_f32": (lambda b, x: b.emit(FSqrt(x)), (F32,)),
    "fsqrt_f64": (lambda b, x: b.emit(FSqrt(x)), (F64,)),
    "fma_f32": (lambda b, *x: b.emit(FMultiplyAdd(*x)), (F32, F32, F32)),
    "fma_f64": (lambda b, *x: b.emit(FMultiplyAdd(*x)), (F64, F64, F64)),
    "fmul_f64": (lambda b, x, y: b.emit(FMul(x, y)), (F64, F64)),
    "word_to_f32": (lambda b, x: b.emit(SignedToFloat(x, F32)), (I64,)),
    "word_to_f64": (lambda b, x: b.emit(SignedToFloat(x, F64)), (I64,)),
    "f32_to_word": (lambda b, x: b.emit(FloatToSigned(x)), (F32,)),
    "f64_to_word": (lambda b, x: b.emit(FloatToSigned(x)), (F64,)),
    "half_to_f32": (lambda b, x: b.emit(HalfToSingle(x)), (I64,)),
    "narrow": (lambda b, x: b.emit(Narrow(x)), (F64,)),
    "widen": (lambda b, x: b.emit(Widen(x)), (F32,)),
    "mul": (lambda b, x, y: b.emit(Mul(x, y)), (I64, I64)),
    "udiv": (lambda b, x, y: b.emit(Udiv(x, _odd(b, y))), (I64, I64)),
    "urem": (lambda b, x, y: b.emit(Urem(x, _odd(b, y))), (I64, I64)),
    "sdiv": (lambda b, x, y: b.emit(Sdiv(x, _odd(b, y))), (I64, I64)),
    "srem": (lambda b, x, y: b.emit(Srem(x, _odd(b, y))), (I64, I64)),
    "udiv_32": (
        lambda b, x, y: b.emit(Udiv(_masked(b, x, _LOW), _odd(b, _masked(b, y, _LOW)))),
        (I64, I64),
    ),
    "urem_short": (
        lambda b, x, y: b.emit(Urem(_masked(b, x, 0x3FFFFF), _odd(b, _masked(b, y, 0xFFF)))),
        (I64, I64),
    ),
    "udiv_short": (
        lambda b, x, y: b.emit(Udiv(_masked(b, x, 0x3FFFFF), _odd(b, _masked(b, y, 0xFFF)))),
        (I64, I64),
    ),
    "shl": (lambda b, x, y: b.emit(Shl(x, y)), (I64, I64)),
    "lshr": (lambda b, x, y: b.emit(Lshr(x, y)), (I64, I64)),
    "ashr": (lambda b, x, y: b.emit(Ashr(x, y)), (I64, I64)),
}


@pytest.mark.parametrize("name", list(_CASES))
def test_operation_gives_what_its_declaration_says(name: str) -> None:
    make, types = _CASES[name]
    random = np.random.default_rng(7)
    operands = [_numbers(kind, random) for kind in types]
    module, result = _kernel(make, types)
    expected: Any = np.zeros(_ITEMS, _TYPES[result])
    run_kernel(module, "k", [_ITEMS // _GROUP], [_GROUP], [expected, *operands])
    chip = _CHIPS[list(_CASES).index(name) % len(_CHIPS)]
    found = _executed(chip, _kernel(make, types)[0], expected, operands)
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    if name in _ROUNDED_TWICE:
        same |= _are_small_neighbours(found, expected)
    bad = np.nonzero(~same)[0]
    shown = [([row[i] for row in operands], found[i], expected[i]) for i in bad[:3]]
    assert not len(bad), f"{chip}: {len(bad)} differ: {shown}"


def _are_small_neighbours(found: Any, expected: Any) -> Any:
    """Return where two denormal numbers differ by the smallest step: the last instruction of a
    division scales what the one before it has rounded.
    """
    smallest = np.finfo(found.dtype).smallest_subnormal
    is_small = np.abs(expected) < np.finfo(found.dtype).smallest_normal
    with np.errstate(invalid="ignore"):
        return is_small & (np.abs(found - expected) <= smallest)


def _executed(chip: str, module: Module, like: Any, operands: list[Any]) -> Any:
    row = chip_named(chip)
    assert row is not None
    data = write(compile_kernels(prepare_kernels(module), row))
    found = np.zeros_like(like)
    kernel = Device(chip).load(data)["k"]
    kernel.launch(grid=_ITEMS // _GROUP, block=_GROUP, args=[found, *operands])
    return found


def _kernel(make: Make, types: tuple[MachineType, ...]) -> tuple[Module, MachineType]:
    """Return a kernel that applies an op to arrays, item by item."""
    module = Module("exact")
    parameters = [BlockParameter(I64, f"p{number}") for number in range(len(types) + 1)]
    function = Function("k", parameters, (), Linkage.EXPORTED)
    function.blocks = [Block("entry", parameters)]
    module.functions["k"] = function
    b = Builder(module, function)
    b.emit(AssumeGroupSize(_GROUP, 1, 1))
    first = b.emit(Mul(b.emit(GroupId(Axis.X)), b.word(_GROUP)))
    index = b.emit(Add(first, b.emit(LocalId(Axis.X))))

    def place(number: int, kind: MachineType) -> Value:
        return b.emit(Add(parameters[number], b.emit(Mul(index, b.word(_SIZES[kind])))))

    made = make(b, *[b.emit(Load(place(n + 1, kind), kind)) for n, kind in enumerate(types)])
    assert isinstance(made.type, MachineType)
    b.emit(Store(place(0, made.type), made, made.type))
    b.emit(Return([]))
    return module, made.type


def _numbers(kind: MachineType, random: np.random.Generator) -> Any:
    """Return numbers of all sizes, among them the special ones."""
    half = _ITEMS // 2
    if kind is I64:
        words = random.integers(0, 1 << 64, _ITEMS, dtype=np.uint64)
        words >>= random.integers(0, 64, _ITEMS, dtype=np.uint64)
        words[:8] = [0, 1, 1 << 63, (1 << 64) - 1, 1 << 32, _LOW, (1 << 63) - 1, 1 << 31]
        negative = random.random(_ITEMS) < 0.3
        words[negative] = ~words[negative]
        return words
    bits, digits = (np.uint32, 20) if kind is F32 else (np.uint64, 200)
    raw = random.integers(0, np.iinfo(bits).max, _ITEMS, dtype=bits)
    numbers: Any = raw.view(_TYPES[kind]).copy()
    numbers[:half] = random.normal(size=half) * 10.0 ** random.integers(-digits, digits, half)
    numbers[half // 2 : half] = random.normal(size=half - half // 2) * 1e19
    special = [0.0, -0.0, 1, -1, np.inf, -np.inf, np.nan, 9.223372036854775807e18, -9.3e18]
    numbers[: len(special)] = special
    random.shuffle(numbers)
    return numbers
