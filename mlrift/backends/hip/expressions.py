"""Ops as expressions of C++: an op and what its operands are called in, text out.

Every rule gets `text`, which returns the text of an operand, safe as part of any expression. What
a rule needs of `prelude.py` it says with `text.use(name)`.
"""

from collections.abc import Callable
from typing import Protocol

from mlrift.backends.hip.names import (
    MEMORY_NAMES,
    UnsupportedInHip,
    bare,
    constant_text,
    float_text,
    global_name,
    type_name,
)
from mlrift.ir.core import Value
from mlrift.ir.numbers import to_single
from mlrift.ir.op import Op
from mlrift.ir.ops import arith, atomic, compare, convert, device, memory
from mlrift.ir.ops.arith import Constant
from mlrift.static_types import Any
from mlrift.typesystem import BF16, F32, I1, MachineType


class Operands(Protocol):
    """How a rule gets at operands and helpers."""

    def __call__(self, operand: Value) -> str:
        """Return an operand as text."""

    def use(self, helper: str) -> None:
        """Say that a helper is needed."""


Rule = Callable[[Any, Operands], str]
_WORD_COMPARISONS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}


def _binary(sign: str) -> Rule:
    def rule(made: Any, text: Operands) -> str:
        if isinstance(made.lhs, Constant) and isinstance(made.rhs, Constant):
            return f"({_typed(made.lhs)} {sign} {text(made.rhs)})"
        return f"({text(made.lhs)} {sign} {text(made.rhs)})"

    return rule


def listed(text: Operands, *operands: Value) -> str:
    """Return arguments."""
    return ", ".join(bare(text(row)) for row in operands)


def _typed(made: Value) -> str:
    """Return a constant of its own type, not of `int`."""
    assert isinstance(made, Constant)
    return f"{type_name(made.type)}({constant_text(made)})"


def _call(helper: str, function: str, *fields: str) -> Rule:
    def rule(made: Any, text: Operands) -> str:
        if helper:
            text.use(helper)
        return f"{function}({listed(text, *(getattr(made, name) for name in fields))})"

    return rule


def _shift(form: str) -> Rule:
    def rule(made: Any, text: Operands) -> str:
        left = _typed(made.lhs) if isinstance(made.lhs, Constant) else text(made.lhs)
        right = f"({text(made.rhs)} & 63)"
        if isinstance(made.rhs, Constant):
            right = str(int(made.rhs.value) & 63)
        return form.format(left, right)

    return rule


def _logical(word_sign: str, truth_sign: str) -> Rule:
    def rule(made: Any, text: Operands) -> str:
        return _binary(truth_sign if made.type is I1 else word_sign)(made, text)

    return rule


def _xor(made: arith.Xor, text: Operands) -> str:
    if made.type is I1:
        for value, other in ((made.lhs, made.rhs), (made.rhs, made.lhs)):
            if isinstance(other, Constant) and other.value:
                return f"!{text(value)}"
    return _binary("^")(made, text)


def _by_type(single: str, double: str, *fields: str) -> Rule:
    def rule(made: Any, text: Operands) -> str:
        function = single if made.type is F32 else double
        return f"{function}({listed(text, *(getattr(made, name) for name in fields))})"

    return rule


def _compare_integer(made: compare.CompareInteger, text: Operands) -> str:
    name = made.predicate.value
    left, right = made.lhs, made.rhs
    sign = _WORD_COMPARISONS[name[-2:]]
    if made.predicate.value.startswith("s"):
        return f"((i64){text(left)} {sign} (i64){text(right)})"
    first = _typed(left) if isinstance(left, Constant) else text(left)
    return f"({first} {sign} {text(right)})"


def _compare_float(made: compare.CompareFloat, text: Operands) -> str:
    return f"({text(made.lhs)} {_WORD_COMPARISONS[made.predicate.value]} {text(made.rhs)})"


def _select(made: arith.Select, text: Operands) -> str:
    arms = [
        _typed(row) if isinstance(row, Constant) else text(row)
        for row in (made.if_true, made.if_false)
    ]
    return f"({text(made.condition)} ? {arms[0]} : {arms[1]})"


def _cast(form: str) -> Rule:
    def rule(made: Any, text: Operands) -> str:
        return form.format(text(made.operand))

    return rule


def _signed_to_float(made: convert.SignedToFloat, text: Operands) -> str:
    return f"({type_name(made.to)})(i64){text(made.operand)}"


def _narrow(made: convert.Narrow, text: Operands) -> str:
    if isinstance(made.operand, Constant):
        return float_text(to_single(float(made.operand.value)), F32)
    return f"float({text(made.operand)})"


def _bits_to_float(made: convert.BitsToFloat, text: Operands) -> str:
    if made.to is F32:
        return f"__builtin_bit_cast(float, (u32){text(made.operand)})"
    return f"__builtin_bit_cast(double, (u64){text(made.operand)})"


def _float_to_bits(made: convert.FloatToBits, text: Operands) -> str:
    if made.operand.type is F32:
        return f"(u64)__builtin_bit_cast(u32, {text(made.operand)})"
    return f"__builtin_bit_cast(u64, {text(made.operand)})"


def _load(space: str) -> Rule:
    def rule(made: Any, text: Operands) -> str:
        access = made.access if space == "lds_" else made.memory_type
        name = f"{space}load_{memory_name(access)}"
        text.use(name)
        return f"{name}({listed(text, made.address)})"

    return rule


def memory_name(access: MachineType) -> str:
    """Return how helpers call a type of memory."""
    name = MEMORY_NAMES.get(access)
    if name is None:
        raise UnsupportedInHip(f"memory accesses of type {access.value}")
    return name


def _axis(name: str) -> Rule:
    def rule(made: Any, text: Operands) -> str:
        return f"u64({name}.{made.axis.value})"

    return rule


def _lds_array(made: device.LdsArray, text: Operands) -> str:
    return f"u64((u32)(MLR_LDS u8 *)lds_{made.number})"


def _global_address(made: memory.GlobalAddress, text: Operands) -> str:
    return f"(u64){global_name(made.symbol)}"


def _atomic_add(made: device.AtomicAdd, text: Operands) -> str:
    name = f"atomic_add_{memory_name(made.access)}"
    text.use(name)
    return f"{name}({listed(text, made.address, made.operand)})"


def _lds_add(made: device.LdsAdd, text: Operands) -> str:
    name = f"lds_add_{memory_name(made.access)}"
    text.use(name)
    return f"{name}({listed(text, made.address, made.operand)})"


def _atomic_update(made: atomic.AtomicUpdate, text: Operands) -> str:
    name = f"atomic_word_{made.kind.value}"
    text.use(name)
    return f"{name}({listed(text, made.address, made.operand)})"


def _exchange_if(made: device.AtomicExchangeIf, text: Operands) -> str:
    name = f"atomic_cas_{memory_name(made.access)}"
    text.use(name)
    return f"{name}({listed(text, made.address, made.expected, made.new)})"


def _shuffle(made: device.Shuffle, text: Operands) -> str:
    text.use("shuffle")
    return f"mlr_shuffle({_exact(made.value, text)}, {text(made.lane)})"


def _shuffle_xor(made: device.ShuffleXor, text: Operands) -> str:
    text.use("shuffle")
    text.use("lane")
    return f"mlr_shuffle({_exact(made.value, text)}, mlr_lane() ^ {made.mask})"


def _exact(value: Value, text: Operands) -> str:
    """Return an operand whose type decides which function is meant."""
    return _typed(value) if isinstance(value, Constant) else text(value)


def _reduce(kind: str) -> Rule:
    def rule(made: Any, text: Operands) -> str:
        name = f"{kind}_{made.reduction.value}"
        text.use(name)
        return f"mlr_{name}<{type_name(made.type)}>({listed(text, made.operand)})"

    return rule


_FUNCTIONS = {
    device.DeviceFunction.EXP2: "__builtin_amdgcn_exp2f",
    device.DeviceFunction.LOG2: "__builtin_amdgcn_logf",
    device.DeviceFunction.RECIPROCAL: "__builtin_amdgcn_rcpf",
    device.DeviceFunction.RECIPROCAL_ROOT: "__builtin_amdgcn_rsqf",
    device.DeviceFunction.ROOT: "__builtin_amdgcn_sqrtf",
    device.DeviceFunction.SINE: "__builtin_amdgcn_sinf",
    device.DeviceFunction.COSINE: "__builtin_amdgcn_cosf",
}


def _hardware_function(made: device.HardwareFunction, text: Operands) -> str:
    return f"{_FUNCTIONS[made.function]}({text(made.operand)})"


def _fragment_load(made: device.FragmentLoad, text: Operands) -> str:
    text.use("matrices")
    kind = "bf16" if made.element is BF16 else "f16"
    where = f"{text(made.address)}, {text(made.stride_bytes)}"
    name = "load_across" if made.role is device.FragmentRole.B_BY_ROWS else "load"
    return f"mlr_fragment_{name}<mlr_factor_{kind}>({where})"


def _fragment_zero(made: device.FragmentZero, text: Operands) -> str:
    text.use("matrices")
    return "mlr_sum(0.0f)"


_TRIPLE = ("factor", "other", "addend")
_PAIR = ("lhs", "rhs")
RULES: dict[type[Op], Rule] = {
    arith.Add: _binary("+"),
    arith.Sub: _binary("-"),
    arith.Mul: _binary("*"),
    arith.Udiv: _call("divisions", "mlr_udiv", *_PAIR),
    arith.Sdiv: _call("divisions", "mlr_sdiv", *_PAIR),
    arith.Urem: _call("divisions", "mlr_urem", *_PAIR),
    arith.Srem: _call("divisions", "mlr_srem", *_PAIR),
    arith.And: _logical("&", "&&"),
    arith.Or: _logical("|", "||"),
    arith.Xor: _xor,
    arith.Shl: _shift("({0} << {1})"),
    arith.Lshr: _shift("({0} >> {1})"),
    arith.Ashr: _shift("(u64)((i64){0} >> {1})"),
    arith.FAdd: _binary("+"),
    arith.FSub: _binary("-"),
    arith.FMul: _binary("*"),
    arith.FDiv: _binary("/"),
    arith.FSqrt: _by_type("__builtin_sqrtf", "__builtin_sqrt", "operand"),
    arith.FMultiplyAdd: _by_type("__builtin_fmaf", "__builtin_fma", *_TRIPLE),
    arith.Select: _select,
    compare.CompareInteger: _compare_integer,
    compare.CompareFloat: _compare_float,
    convert.TruthToWord: _cast("u64({0})"),
    convert.SignedToFloat: _signed_to_float,
    convert.FloatToSigned: _call("float_to_signed", "mlr_float_to_signed", "operand"),
    convert.Widen: _cast("double({0})"),
    convert.Narrow: _narrow,
    convert.BitsToFloat: _bits_to_float,
    convert.FloatToBits: _float_to_bits,
    convert.HalfToSingle: _cast("float(__builtin_bit_cast(_Float16, u16({0})))"),
    convert.SingleToHalf: _cast("u64(__builtin_bit_cast(u16, (_Float16){0}))"),
    memory.Load: _load(""),
    memory.VolatileLoad: _load("volatile_"),
    atomic.AtomicLoad: _call("atomic_words", "atomic_word_load", "address"),
    atomic.AtomicUpdate: _atomic_update,
    atomic.AtomicCompareExchange: _call(
        "atomic_words", "atomic_word_swap", "address", "expected", "new"
    ),
    memory.GlobalAddress: _global_address,
    device.LocalId: _axis("threadIdx"),
    device.GroupId: _axis("blockIdx"),
    device.GroupSize: _axis("blockDim"),
    device.GroupCount: _axis("gridDim"),
    device.Lane: _call("lane", "mlr_lane"),
    device.LdsArray: _lds_array,
    device.LdsLoad: _load("lds_"),
    device.LdsAdd: _lds_add,
    device.AtomicAdd: _atomic_add,
    device.AtomicExchangeIf: _exchange_if,
    device.Shuffle: _shuffle,
    device.ShuffleXor: _shuffle_xor,
    device.Ballot: _call("", "(u64)__builtin_amdgcn_ballot_w32", "condition"),
    device.WaveReduce: _reduce("wave"),
    device.GroupReduce: _reduce("group"),
    device.HardwareFunction: _hardware_function,
    device.ContractedProduct: _call("", "__builtin_fmaf", *_TRIPLE),
    device.Dot2Half: _call("dot2_f16", "mlr_dot2_f16", "lhs", "rhs", "addend"),
    device.Dot4Signed: _call("dot4_i8", "mlr_dot4_i8", "lhs", "rhs", "addend"),
    device.FragmentLoad: _fragment_load,
    device.FragmentZero: _fragment_zero,
    device.FragmentProduct: _call("matrices", "mlr_product", "lhs", "rhs", "addend"),
    device.FragmentLoadSum: _call("matrices", "mlr_fragment_load_sum", "address", "stride_bytes"),
}
