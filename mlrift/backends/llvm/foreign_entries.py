"""Entries that C calls: the system's convention outside, the convention of the CPU inside.

Enters: a function that C calls (`Function.from_c`). Leaves: a second LLVM function in front of it,
where the system's C passes arguments in another way than LLVM makes of the machine types.
"""

from collections.abc import Callable, Sequence

from mlrift.backends.llvm.foreign_arguments import REGISTERS, WORD_BYTES, Argument, stack_places
from mlrift.backends.llvm.types import VALUE_TYPE, result_type
from mlrift.ir.core import ForeignSignature, Function
from mlrift.typesystem import F32, F64, I64
from mlrift.values import field, record

INNER_SUFFIX = ".inner"


@record
class Reception:
    """What an entry takes, and how it makes the arguments of it that the function expects."""

    parameters: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)


# Takes the parameters of a function; those of the entry are `%p0`, `%p1` and so on.
Receiver = Callable[[Sequence[Argument]], Reception]


def needs_entry(function: Function, convention: str, receive: Receiver | None) -> bool:
    """Whether C cannot call a function as LLVM defines it."""
    if function.from_c is None:
        return False
    if convention:
        return True
    return receive is not None and _received(function, function.from_c, receive).lines != []


def entry_text(
    function: Function,
    receive: Receiver | None,
    head: str,
    inner: str,
    attachments: tuple[str, str],
) -> list[str]:
    """Write the entry; `head` is what stands before the parameters, `inner` what it calls."""
    place, suffix = attachments
    assert function.from_c is not None
    made = _received(function, function.from_c, receive or _as_they_are)
    kind = result_type(function.results)
    call = f"call {kind} {inner}({', '.join(made.arguments)}){suffix}"
    parameters = ", ".join(f"{row} %p{index}" for index, row in enumerate(made.parameters))
    result = [f"  {call}", f"  ret void{suffix}"]
    if function.results:
        result = [f"  %r = {call}", f"  ret {kind} %r{suffix}"]
    lines = [f"{line}{suffix}" for line in made.lines]
    return [f"{head}({parameters}) {place} {{", "entry:", *lines, *result, "}"]


def _received(function: Function, declared: ForeignSignature, receive: Receiver) -> Reception:
    rows = zip(function.parameters, declared.parameter_bytes, strict=True)
    return receive([Argument(row.type, size_bytes, "") for row, size_bytes in rows])


def _as_they_are(parameters: Sequence[Argument]) -> Reception:
    kinds = [VALUE_TYPE[row.type] for row in parameters]
    return Reception(kinds, [], [f"{kind} %p{index}" for index, kind in enumerate(kinds)])


def unpacked_from_the_stack(parameters: Sequence[Argument]) -> Reception:
    """Receive on macOS on arm64, where what finds no register lies on the stack at its own size.

    The words of the stack are integer parameters after those that fill the integer registers.
    """
    made = Reception()
    on_stack: list[tuple[int, Argument]] = []
    counts = {True: 0, False: 0}
    for position, row in enumerate(parameters):
        kind = VALUE_TYPE[row.type]
        made.arguments.append(f"{kind} %p{len(made.parameters)}")
        is_word = row.type is I64
        if counts[is_word] == REGISTERS:
            on_stack.append((position, row))
        else:
            counts[is_word] += 1
            made.parameters.append(kind)
    if not on_stack:
        return made
    made.parameters += ["i64"] * (REGISTERS - counts[True])
    first = len(made.parameters)
    places = stack_places([row for _, row in on_stack])
    made.parameters += ["i64"] * (places[-1] // WORD_BYTES + 1)
    for (position, row), offset in zip(on_stack, places, strict=True):
        word = f"%p{first + offset // WORD_BYTES}"
        made.arguments[position] = _taken_out(made, position, word, offset % WORD_BYTES * 8, row)
    return made


def _taken_out(made: Reception, position: int, word: str, shift: int, row: Argument) -> str:
    """Write what takes an argument out of a word of the stack; return it with its type."""
    made.lines.append(f"  %s{position} = lshr i64 {word}, {shift}")
    if row.type is F64:
        made.lines.append(f"  %f{position} = bitcast i64 %s{position} to double")
        return f"double %f{position}"
    if row.type is F32:
        made.lines.append(f"  %n{position} = trunc i64 %s{position} to i32")
        made.lines.append(f"  %f{position} = bitcast i32 %n{position} to float")
        return f"float %f{position}"
    return f"i64 %s{position}"
