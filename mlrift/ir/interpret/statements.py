"""Ops with effects as Python statements, one row an op.

A row returns lines; the translator has already put what must happen before them in place. `use`
gives an operand's expression, `result` the name of the op's own value. Memory is `R`, regions by
number (memory.py); `get8` and `put8` and the like are `struct` functions of that many bytes.
"""

from collections.abc import Callable
from struct import Struct
from typing import Any, Protocol

from mlrift.ir.interpret.expressions import ExpressionScope
from mlrift.ir.interpret.memory import OFFSET_BITS, OFFSET_MASK
from mlrift.ir.interpret.parallel import write_parallel_for, write_parallel_parts
from mlrift.ir.numbers import WORD_MASK, signed
from mlrift.ir.op import Op
from mlrift.ir.ops import arith, atomic, call, loop, memory, parallel, processor
from mlrift.ir.ops.arith import Constant
from mlrift.ir.ops.atomic import AtomicKind
from mlrift.typesystem import F32, F64, I8, I16, I32, I64, MachineType


class StatementScope(ExpressionScope, Protocol):
    """What a row needs from the translator."""

    def result(self, made: Op) -> str:
        """Return the name of an op's value."""
        ...

    def callee(self, name: str) -> str:
        """Return the name of a function in the generated code."""
        ...

    def callee_table(self, argument_count: int) -> str:
        """Return the name of the table of functions by address for calls with words."""
        ...


StatementRow = Callable[[Any, Any], list[str]]

_SIZES = {I16: 2, I32: 4, I64: 8}
_MASKS = {I8: 0xFF, I16: 0xFFFF, I32: 0xFFFF_FFFF, I64: WORD_MASK}


def load(scope: ExpressionScope, made: memory.Load | memory.VolatileLoad) -> str:
    """Return the expression of a load."""
    region, offset = _place(scope.use(made.address))
    loaded = made.memory_type
    if loaded is I8:
        return f"{region}[{offset}]"
    if loaded is F64:
        return f"get_f64({region}, {offset})[0]"
    if loaded is F32:
        bits = f"get4({region}, {offset})[0]"
        return f"bits_to_single({bits})"
    return f"get{_SIZES[loaded]}({region}, {offset})[0]"


def _place(address: str) -> tuple[str, str]:
    """Return the region of an address and the offset in it; the region is evaluated first."""
    if address.isidentifier():
        return f"R[{address} >> {OFFSET_BITS}]", f"{address} & {OFFSET_MASK}"
    if address.isdigit():
        number = int(address)
        return f"R[{number >> OFFSET_BITS}]", str(number & OFFSET_MASK)
    return f"R[(t := {address}) >> {OFFSET_BITS}]", f"t & {OFFSET_MASK}"


def _store(scope: StatementScope, made: memory.Store | memory.VolatileStore) -> list[str]:
    stored = made.memory_type
    region, offset = _place(scope.use(made.address))
    value = scope.use(made.value)
    if stored is F64:
        return [f"put_f64({region}, {offset}, {value})"]
    if stored is F32:
        return [f"put4({region}, {offset}, single_to_bits({value}))"]
    value = _low_bits(made.value, value, stored)
    if stored is I8:
        return [f"{region}[{offset}] = {value}"]
    return [f"put{_SIZES[stored]}({region}, {offset}, {value})"]


def _low_bits(value: object, text: str, stored: MachineType) -> str:
    mask = _MASKS[stored]
    if isinstance(value, Constant):
        return str(int(value.value) & mask)
    return text if stored is I64 else f"{text} & {mask}"


def _volatile_load(scope: StatementScope, made: memory.VolatileLoad) -> list[str]:
    return [f"{scope.result(made)} = {load(scope, made)}", "turn()"]


def _fresh(scope: StatementScope, made: memory.Fresh) -> list[str]:
    return [f"{scope.result(made)} = map_memory({max(made.size_bytes, 1)})"]


def _copy(scope: StatementScope, made: memory.Copy) -> list[str]:
    operands = (made.destination, made.source, made.size)
    return [f"copy_memory({', '.join([scope.use(value) for value in operands])})"]


def _fill(scope: StatementScope, made: memory.Fill) -> list[str]:
    operands = (made.destination, made.byte, made.size)
    return [f"fill_memory({', '.join([scope.use(value) for value in operands])})"]


def _call(scope: StatementScope, made: call.Call) -> list[str]:
    arguments = ", ".join([scope.use(value) for value in made.arguments])
    called = f"{scope.callee(made.callee)}({arguments})"
    if not made.results:
        return [called]
    first = scope.result(made)
    names = [first] + [f"{first}_{index}" for index in range(1, len(made.results))]
    return [f"{', '.join(names)} = {called}"]


def _call_indirect(scope: StatementScope, made: call.CallIndirect) -> list[str]:
    arguments = [scope.use(value) for value in made.arguments]
    table = scope.callee_table(len(arguments))
    return [f"{scope.result(made)} = {table}[{scope.use(made.address)}]({', '.join(arguments)})"]


def _atomic_load(scope: StatementScope, made: atomic.AtomicLoad) -> list[str]:
    region, offset = _place(scope.use(made.address))
    return [f"{scope.result(made)} = get8({region}, {offset})[0]", "turn()"]


def _atomic_store(scope: StatementScope, made: atomic.AtomicStore) -> list[str]:
    region, offset = _place(scope.use(made.address))
    return [f"put8({region}, {offset}, {scope.use(made.value)})"]


def _atomic_exchange(scope: StatementScope, made: atomic.AtomicCompareExchange) -> list[str]:
    result = scope.result(made)
    return [
        f"a = {scope.use(made.address)}",
        f"e = {scope.use(made.expected)}",
        f"n = {scope.use(made.new)}",
        f"{result} = int(get8(R[a >> {OFFSET_BITS}], a & {OFFSET_MASK})[0] == e)",
        f"if {result}: put8(R[a >> {OFFSET_BITS}], a & {OFFSET_MASK}, n)",
        "turn()",
    ]


_COMBINED = {
    AtomicKind.ADD: "+",
    AtomicKind.SUB: "-",
    AtomicKind.AND: "&",
    AtomicKind.OR: "|",
    AtomicKind.XOR: "^",
}


def _atomic_update(scope: StatementScope, made: atomic.AtomicUpdate) -> list[str]:
    result = scope.result(made)
    combined = f"({result} {_COMBINED[made.kind]} n) & {WORD_MASK}"
    return [
        f"a = {scope.use(made.address)}",
        f"n = {scope.use(made.operand)}",
        f"{result} = get8(R[a >> {OFFSET_BITS}], a & {OFFSET_MASK})[0]",
        f"put8(R[a >> {OFFSET_BITS}], a & {OFFSET_MASK}, {combined})",
        "turn()",
    ]


def _nothing(scope: StatementScope, made: Op) -> list[str]:
    """Barriers and caches: one thread, one memory. Operands are evaluated all the same."""
    return [scope.use(value) for value in made.operands()]


def _processor_level(scope: StatementScope, made: processor.ProcessorLevel) -> list[str]:
    return [f"{scope.result(made)} = processor_level"]


def _divided(text: str) -> StatementRow:
    def write(scope: StatementScope, made: Any) -> list[str]:
        division = text.format(scope.use(made.lhs), scope.use(made.rhs))
        return [f"{scope.result(made)} = {division}"]

    return write


def signed_quotient(lhs: int, rhs: int) -> int:
    """Divide words as signed, truncating; ZeroDivisionError on what the machine traps on."""
    dividend, divisor = signed(lhs), signed(rhs)
    quotient = abs(dividend) // abs(divisor)
    if (dividend < 0) != (divisor < 0):
        return -quotient & WORD_MASK
    if quotient >> 63:
        raise ZeroDivisionError
    return quotient


def signed_remainder(lhs: int, rhs: int) -> int:
    """Return the remainder of `signed_quotient`."""
    dividend, divisor = signed(lhs), signed(rhs)
    remainder = abs(dividend) % abs(divisor)
    if divisor == -1 and dividend == -(1 << 63):
        raise ZeroDivisionError
    return (-remainder if dividend < 0 else remainder) & WORD_MASK


STATEMENTS: dict[type[Op], StatementRow] = {
    memory.Store: _store,
    memory.VolatileLoad: _volatile_load,
    memory.VolatileStore: _store,
    memory.Fresh: _fresh,
    memory.Copy: _copy,
    memory.Fill: _fill,
    call.Call: _call,
    call.CallIndirect: _call_indirect,
    atomic.AtomicLoad: _atomic_load,
    atomic.AtomicStore: _atomic_store,
    atomic.AtomicCompareExchange: _atomic_exchange,
    atomic.AtomicUpdate: _atomic_update,
    atomic.Barrier: _nothing,
    atomic.FlushDataCache: _nothing,
    atomic.InvalidateInstructionCache: _nothing,
    loop.IndependentIterations: _nothing,
    parallel.ParallelFor: write_parallel_for,
    processor.ProcessorLevel: _processor_level,
    parallel.ParallelParts: write_parallel_parts,
    arith.Udiv: _divided("{0} // {1}"),
    arith.Urem: _divided("{0} % {1}"),
    arith.Sdiv: _divided("signed_quotient({0}, {1})"),
    arith.Srem: _divided("signed_remainder({0}, {1})"),
}

STATEMENT_FUNCTIONS: dict[str, object] = {
    "signed_quotient": signed_quotient,
    "signed_remainder": signed_remainder,
    "get2": Struct("<H").unpack_from,
    "get4": Struct("<I").unpack_from,
    "get8": Struct("<Q").unpack_from,
    "get_f64": Struct("<d").unpack_from,
    "put2": Struct("<H").pack_into,
    "put4": Struct("<I").pack_into,
    "put8": Struct("<Q").pack_into,
    "put_f64": Struct("<d").pack_into,
}
