"""The builtins that generated programs call: their result types, and what they do with words."""

from collections.abc import Callable
from operator import add, and_, mul, or_, sub, xor

from mlrift.ir.interpret.memory import Memory
from mlrift.typesystem import DOUBLE, S64, SINGLE, U64, ScalarType
from tests.fuzz.model.numbers import (
    MASK,
    float_to_int,
    half_to_single,
    int_to_single,
    signed,
    single_to_half,
    square_root,
    to_single,
)

Number = int | float
Function = Callable[..., Number]

PURE: dict[str, tuple[ScalarType, Function]] = {
    "bit_get": (U64, lambda v, n: v >> (n & 63) & 1),
    "bit_set": (U64, lambda v, n: v | 1 << (n & 63)),
    "bit_clear": (U64, lambda v, n: v & ~(1 << (n & 63)) & MASK),
    "bit_toggle": (U64, lambda v, n: v ^ 1 << (n & 63)),
    "bit_range": (U64, lambda v, start, width: v >> (start & 63) & (1 << (width & 63)) - 1),
    "signed_lt": (U64, lambda a, b: int(signed(a) < signed(b))),
    "signed_gt": (U64, lambda a, b: int(signed(a) > signed(b))),
    "signed_le": (U64, lambda a, b: int(signed(a) <= signed(b))),
    "signed_ge": (U64, lambda a, b: int(signed(a) >= signed(b))),
    "int_to_f64": (DOUBLE, lambda v: float(signed(v))),
    "int_to_f32": (SINGLE, int_to_single),
    "f64_to_int": (S64, float_to_int),
    "f32_to_int": (S64, float_to_int),
    "f32_to_f64": (DOUBLE, lambda v: v),
    "f64_to_f32": (SINGLE, to_single),
    "f32_to_f16": (U64, single_to_half),
    "f16_to_f32": (SINGLE, half_to_single),
    "sqrt": (DOUBLE, square_root),
    "sqrt_f64": (DOUBLE, square_root),
    "sqrt_f32": (SINGLE, lambda v: to_single(square_root(v))),
    "fma_f64": (DOUBLE, lambda a, b, c: add(mul(a, b), c)),
}


def _bit_insert(v: int, start: int, width: int, bits: int) -> int:
    mask = ((1 << (width & 63)) - 1) << (start & 63) & MASK
    return v & ~mask & MASK | bits << (start & 63) & mask


PURE["bit_insert"] = (U64, _bit_insert)

_UPDATES: dict[str, Callable[[int, int], int]] = {
    "add": add,
    "sub": sub,
    "and": and_,
    "or": or_,
    "xor": xor,
}


def memory_builtins(memory: Memory) -> dict[str, Function]:
    """Return the builtins that work on memory; all give an unsigned word."""
    made: dict[str, Function] = {
        "alloc": lambda size: allocate(memory, size),
        "memcpy": lambda to, source, size: _copy(memory, to, source, size),
        "memset": lambda to, byte, size: _fill(memory, to, byte, size),
        "str_len": lambda text: len(memory.text(text)),
        "str_eq": lambda a, b: int(memory.text(a) == memory.text(b)),
        "fmt_uint": lambda to, v: _format(memory, to, v),
        "atomic_load": memory.word,
        "atomic_store": lambda address, v: write_word(memory, address, v, 8),
        "atomic_cas": lambda address, old, new: _exchange(memory, address, old, new),
    }
    for size in (1, 2, 4, 8):
        for name in ("load", "vload"):
            made[f"{name}{8 * size}"] = lambda address, size=size: read_word(memory, address, size)
        for name in ("store", "vstore"):
            made[f"{name}{8 * size}"] = lambda address, v, size=size: write_word(
                memory, address, v, size
            )
    for name, update in _UPDATES.items():
        made[f"atomic_{name}"] = lambda address, v, update=update: _update(
            memory, address, v, update
        )
    return made


def read_word(memory: Memory, address: int, size: int) -> int:
    """Load, zero-extended."""
    return int.from_bytes(memory.read(address, size), "little")


def write_word(memory: Memory, address: int, value: int, size: int) -> int:
    """Store the low bytes; give 0."""
    memory.write(address, (value & MASK).to_bytes(8, "little")[:size])
    return 0


def allocate(memory: Memory, size: int) -> int:
    """Return fresh zeros behind a word with their size."""
    base = memory.place(size.to_bytes(8, "little"), size + 8)
    return base + 8


def _copy(memory: Memory, to: int, source: int, size: int) -> int:
    memory.copy(to, source, size)
    return to


def _fill(memory: Memory, to: int, byte: int, size: int) -> int:
    memory.fill(to, byte, size)
    return to


def _format(memory: Memory, to: int, value: int) -> int:
    digits = str(value).encode()
    memory.write(to, digits)
    return len(digits)


def _exchange(memory: Memory, address: int, old: int, new: int) -> int:
    if memory.word(address) != old:
        return 0
    write_word(memory, address, new, 8)
    return 1


def _update(memory: Memory, address: int, value: int, update: Callable[[int, int], int]) -> int:
    old = memory.word(address)
    write_word(memory, address, update(old, value), 8)
    return old
