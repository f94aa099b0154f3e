"""How the arguments of C functions are passed, where that depends on more than machine types.

Enters: the arguments of a call as LLVM operands, and the declaration. Leaves: the operands to
write, in an order that puts each of them where the C convention of the system wants it.
"""

from collections.abc import Callable, Sequence

from mlrift.backends.llvm.text import FunctionText
from mlrift.backends.llvm.types import VALUE_TYPE
from mlrift.typesystem import F32, F64, I64, ValueType
from mlrift.values import replace, value

# Variadic functions of C and POSIX, and how many of their parameters are not variable.
VARIADIC = {
    **dict.fromkeys(("printf", "scanf", "wprintf", "wscanf", "syscall", "warn", "warnx"), 1),
    **dict.fromkeys(("fprintf", "sprintf", "dprintf", "asprintf", "fscanf", "sscanf"), 2),
    **dict.fromkeys(("fwprintf", "swscanf", "fwscanf", "open", "fcntl", "ioctl", "syslog"), 2),
    **dict.fromkeys(("err", "errx", "execl", "execlp", "execle", "_open"), 2),
    **dict.fromkeys(("snprintf", "_snprintf", "swprintf", "openat", "semctl"), 3),
}
REGISTERS = 8
WORD_BYTES = 8
_FILLER = "undef"


@value
class Argument:
    """An operand; in C it has `size_bytes`."""

    type: ValueType
    size_bytes: int
    operand: str


# Takes the arguments and how many of them are not variable, None when no number is.
Arrangement = Callable[[FunctionText, Sequence[Argument], int | None], list[Argument]]


def promote(
    out: FunctionText, arguments: Sequence[Argument], fixed_count: int | None
) -> list[Argument]:
    """Widen the floats among variable arguments, as C does."""
    fixed = len(arguments) if fixed_count is None else fixed_count
    return [
        Argument(F64, WORD_BYTES, out.temporary(f"fpext float {row.operand} to double"))
        if row.type is F32 and index >= fixed
        else row
        for index, row in enumerate(arguments)
    ]


def floats_in_words(
    out: FunctionText, arguments: Sequence[Argument], fixed_count: int | None
) -> list[Argument]:
    """Arrange for Windows on arm64, where variadic functions get every float as a word."""
    if fixed_count is None:
        return list(arguments)
    return [Argument(I64, WORD_BYTES, _bits(out, row)) for row in arguments]


def packed_on_the_stack(
    out: FunctionText, arguments: Sequence[Argument], fixed_count: int | None
) -> list[Argument]:
    """Arrange for macOS on arm64.

    What finds no register lies on the stack at its own size, and so do all variable arguments, a
    word each. The words of the stack are written as integer arguments after those that fill the
    integer registers.
    """
    fixed = len(arguments) if fixed_count is None else fixed_count
    in_registers: list[Argument] = []
    on_stack: list[Argument] = []
    counts = {True: 0, False: 0}
    for index, row in enumerate(arguments):
        is_word = row.type is I64
        if index >= fixed:
            on_stack.append(replace(row, size_bytes=WORD_BYTES))
        elif counts[is_word] == REGISTERS:
            on_stack.append(row)
        else:
            counts[is_word] += 1
            in_registers.append(row)
    if not on_stack:
        return in_registers
    filler = [Argument(I64, WORD_BYTES, _FILLER)] * (REGISTERS - counts[True])
    return in_registers + filler + _stack_words(out, on_stack)


def stack_places(arguments: Sequence[Argument]) -> list[int]:
    """Return the offsets of arguments on the stack: each at a multiple of its size."""
    places: list[int] = []
    end = 0
    for row in arguments:
        places.append(-(-end // row.size_bytes) * row.size_bytes)
        end = places[-1] + row.size_bytes
    return places


def _stack_words(out: FunctionText, arguments: Sequence[Argument]) -> list[Argument]:
    """Return the words of the stack: arguments at multiples of their sizes."""
    words: list[str] = []
    for row, offset in zip(arguments, stack_places(arguments), strict=True):
        bits = _bits(out, row)
        shift = offset % WORD_BYTES * 8
        if row.size_bytes < WORD_BYTES:
            mask = (1 << row.size_bytes * 8) - 1
            bits = out.temporary(f"and i64 {bits}, {mask}")
        if not shift:
            words.append(bits)
        else:
            moved = out.temporary(f"shl i64 {bits}, {shift}")
            words[-1] = out.temporary(f"or i64 {words[-1]}, {moved}")
    return [Argument(I64, WORD_BYTES, word) for word in words]


def _bits(out: FunctionText, row: Argument) -> str:
    """Return an argument as a word."""
    if row.type is F64:
        return out.temporary(f"bitcast double {row.operand} to i64")
    if row.type is F32:
        bits = out.temporary(f"bitcast float {row.operand} to i32")
        return out.temporary(f"zext i32 {bits} to i64")
    return row.operand


def spell(arguments: Sequence[Argument]) -> str:
    """Return what stands between the parentheses of a call."""
    return ", ".join([f"{VALUE_TYPE[row.type]} {row.operand}" for row in arguments])
