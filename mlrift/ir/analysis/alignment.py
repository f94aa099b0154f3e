"""Which power of two divides a word: a function enters, the number of zero bits at its end leaves.

Nothing is assumed about parameters: an address that a kernel is given may have any alignment. That
an access is aligned to its own size is a rule of the language for kernels, not a fact found here.
"""

from collections.abc import Callable

from mlrift.ir.analysis.control_flow import incoming_edges, reverse_postorder
from mlrift.ir.core import Function, Value
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import Add, And, Constant, Lshr, Mul, Or, Select, Shl, Sub, Xor
from mlrift.ir.ops.device import LdsArray
from mlrift.ir.ops.memory import Stack
from mlrift.static_types import Any
from mlrift.typesystem import I64

WORD_BITS = 64
_Zeros = Callable[[Value], int]


class TrailingZeros:
    """How many bits at the end of each word of a function are zero for certain."""

    def __init__(self, function: Function) -> None:
        self._known: dict[Value, int] = {row: 0 for row in function.parameters}
        order = reverse_postorder(function)
        incoming = incoming_edges(order)
        changed = True
        while changed:
            changed = False
            for block in order:
                for position, parameter in enumerate(block.parameters):
                    if parameter.type is I64 and block is not order[0]:
                        rows = [self.of(edge.arguments[position]) for _, edge in incoming[block]]
                        changed |= self._note(parameter, min(rows, default=0))
                for made in block.ops:
                    rule = _RULES.get(type(made))
                    if rule is not None and made.type is I64:
                        changed |= self._note(made, rule(made, self.of))
                    elif made.type is I64:
                        self._known[made] = 0

    def of(self, value: Value) -> int:
        """Return the number of zero bits at the end of a word, 64 for zero."""
        if type(value) is Constant:
            return _of_constant(int(value.value))
        return self._known.get(value, WORD_BITS)

    def _note(self, value: Value, zeros: int) -> bool:
        before = self._known.get(value, WORD_BITS)
        self._known[value] = zeros = min(before, zeros)
        return zeros < before


def _of_constant(word: int) -> int:
    return (word & -word).bit_length() - 1 if word else WORD_BITS


def _least(made: Add | Sub | Or | Xor, of: _Zeros) -> int:
    return min(of(made.lhs), of(made.rhs))


def _most(made: And, of: _Zeros) -> int:
    return max(of(made.lhs), of(made.rhs))


def _sum(made: Mul, of: _Zeros) -> int:
    return min(of(made.lhs) + of(made.rhs), WORD_BITS)


def _shl(made: Shl, of: _Zeros) -> int:
    count = int(made.rhs.value) & 63 if type(made.rhs) is Constant else 0
    return min(of(made.lhs) + count, WORD_BITS)


def _lshr(made: Lshr, of: _Zeros) -> int:
    if type(made.rhs) is not Constant:
        return 0
    zeros = of(made.lhs)
    return zeros if zeros == WORD_BITS else max(zeros - (int(made.rhs.value) & 63), 0)


def _select(made: Select, of: _Zeros) -> int:
    return min(of(made.if_true), of(made.if_false))


def _storage(made: LdsArray | Stack, of: _Zeros) -> int:
    align = made.align_bytes if isinstance(made, LdsArray) else made.align
    return align.bit_length() - 1


_RULES: dict[type[Op], Callable[[Any, _Zeros], int]] = {
    Add: _least,
    Sub: _least,
    Or: _least,
    Xor: _least,
    And: _most,
    Mul: _sum,
    Shl: _shl,
    Lshr: _lshr,
    Select: _select,
    LdsArray: _storage,
    Stack: _storage,
}
