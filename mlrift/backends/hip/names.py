"""Names of C++ for types, functions, variables and constants of the IR."""

import math
import re

from mlrift.ir.core import Function, Linkage
from mlrift.ir.ops.arith import Constant
from mlrift.typesystem import BF16, F16, F32, F64, I1, I8, I16, I32, I64, ValueType, vec

_TYPES: dict[ValueType, str] = {
    I64: "u64",
    I1: "bool",
    F32: "float",
    F64: "double",
    vec(F16, 16): "mlr_factor_f16",
    vec(BF16, 16): "mlr_factor_bf16",
    vec(F32, 8): "mlr_sum",
}
MEMORY_NAMES: dict[ValueType, str] = {
    I8: "u8",
    I16: "u16",
    I32: "u32",
    I64: "u64",
    F32: "f32",
    F64: "f64",
}
_RESERVED_WORDS = """
    alignas alignof and asm auto bitand bitor bool break case catch char class compl concept const
    constexpr continue decltype default delete do double else enum explicit export extern false
    float for friend goto if inline int long mutable namespace new noexcept not nullptr operator or
    private protected public register requires return short signed sizeof static struct switch
    template this throw true try typedef typeid typename union unsigned using virtual void volatile
    wchar_t while xor main half u8 u16 u32 u64 i64 threadIdx blockIdx blockDim gridDim warpSize abs
    min max
"""
_RESERVED = frozenset(_RESERVED_WORDS.split())
_NOT_IN_NAMES = re.compile(r"\W")
_SMALL = 1 << 31
_OUR_PREFIXES = ("mlr_", "fn_", "lds_", "load_", "store_", "atomic_", "data_", "result")


class UnsupportedInHip(Exception):
    """Something of the IR that has no C++ here."""


def type_name(found: ValueType) -> str:
    """Return the type of a variable."""
    name = _TYPES.get(found)
    if name is None:
        raise UnsupportedInHip(f"values of type {found}")
    return name


def function_name(function: Function) -> str:
    """Return the name of a kernel, which the host asks for, or of a function of the program."""
    if function.linkage is Linkage.EXPORTED:
        return function.name
    return "fn_" + _NOT_IN_NAMES.sub("_", function.name)


def global_name(symbol: str) -> str:
    """Return the name of a constant of the module."""
    return "data_" + _NOT_IN_NAMES.sub("_", symbol)


class Names:
    """Hands out names of variables, each once in a function."""

    def __init__(self) -> None:
        self.taken: set[str] = set()

    def new(self, wanted: str) -> str:
        """Return a name that is like the one wanted."""
        base = _NOT_IN_NAMES.sub("_", wanted) or "t"
        if base in _RESERVED or base[0].isdigit() or base.startswith(_OUR_PREFIXES):
            base += "_"
        name, number = base, 2
        while name in self.taken:
            name, number = f"{base}{number}", number + 1
        self.taken.add(name)
        return name


def constant_text(made: Constant) -> str:
    """Return a constant; small integers are plain."""
    number = made.value
    if made.constant_type is I1:
        return "true" if number else "false"
    if isinstance(number, float):
        return float_text(number, made.constant_type)
    return str(number) if number < _SMALL else f"{number:#x}ull"


def float_text(number: float, found: ValueType) -> str:
    """Return a floating-point constant that has exactly this value; NaNs keep no payload."""
    suffix = "f" if found is F32 else ""
    if math.isnan(number):
        return f'__builtin_nan{suffix}("")'
    if math.isinf(number):
        return f"{'-' if number < 0 else ''}__builtin_inf{suffix}()"
    text = f"{number!r}{suffix}"
    return f"({text})" if text.startswith("-") else text


def bare(text: str) -> str:
    """Return an expression without the parentheses around all of it."""
    if not text.startswith("("):
        return text
    depth = 0
    for position, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return text[1:-1] if position == len(text) - 1 else text
    return text
