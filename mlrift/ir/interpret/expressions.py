"""Pure ops as Python expressions, one row an op: the templates behind the translator.

Words are ints of 0 to 2**64-1, truth values ints or bools, floats Python floats. A template's
`{0}`, `{1}` are its operands' expressions; every expression that is no name is in parentheses.
"""

from collections.abc import Callable
from math import isfinite
from typing import Any, Protocol

from mlrift.ir import numbers
from mlrift.ir.core import Value
from mlrift.ir.numbers import SIGN_BIT, WORD_MASK
from mlrift.ir.op import Op
from mlrift.ir.ops import arith, call, compare, convert, memory, processor
from mlrift.ir.ops.compare import IntegerPredicate
from mlrift.typesystem import F32


class ExpressionScope(Protocol):
    """What a row needs from the translator."""

    def use(self, value: Value) -> str:
        """Return the expression of an operand."""
        ...

    def constant(self, value: object) -> str:
        """Return a name that has a value in the generated code."""
        ...

    def global_address(self, symbol: str) -> int:
        """Return the address of a global."""
        ...

    def function_address(self, name: str) -> int:
        """Return the address of a function."""
        ...


ExpressionRow = Callable[[ExpressionScope, Any], str]

_M = str(WORD_MASK)
_S = str(SIGN_BIT)
_SYMBOLS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}


def expression(scope: ExpressionScope, made: Op) -> str | None:
    """Return the Python expression of a pure op, or None for an op that is a statement."""
    row = EXPRESSIONS.get(type(made))
    if row is not None:
        return row(scope, made)
    if made.IS_FOLDABLE:
        arguments = ", ".join([scope.use(value) for value in made.operands()])
        return f"{scope.constant(getattr(made, 'evaluate'))}({arguments})"  # noqa: B009
    return None


def _template(text: str) -> ExpressionRow:
    def write(scope: ExpressionScope, made: Op) -> str:
        return text.format(*[scope.use(value) for value in made.operands()])

    return write


def _rounded(text: str) -> ExpressionRow:
    """Write a float operation; f32 results are rounded."""

    def write(scope: ExpressionScope, made: Op) -> str:
        written = text.format(*[scope.use(value) for value in made.operands()])
        return f"to_single({written})" if made.type is F32 else f"({written})"

    return write


def literal(scope: ExpressionScope, value: int | float) -> str:
    """Write a constant."""
    if isinstance(value, float):
        return f"({value!r})" if isfinite(value) else scope.constant(value)
    return str(value)


def _constant(scope: ExpressionScope, made: arith.Constant) -> str:
    return literal(scope, made.value)


def _shift(text: str) -> ExpressionRow:
    """Write a shift; a constant count needs no reduction at run time."""

    def write(scope: ExpressionScope, made: Any) -> str:
        lhs = scope.use(made.lhs)
        count = made.rhs
        if isinstance(count, arith.Constant):
            return text.format(lhs, int(count.value) & 63)
        return text.format(lhs, f"({scope.use(count)} & 63)")

    return write


def _compare_integer(scope: ExpressionScope, made: compare.CompareInteger) -> str:
    name = made.predicate.value
    symbol = _SYMBOLS[name[-2:]]
    if made.predicate in _UNSIGNED:
        return f"({scope.use(made.lhs)} {symbol} {scope.use(made.rhs)})"
    return f"({_flipped(scope, made.lhs)} {symbol} {_flipped(scope, made.rhs)})"


_UNSIGNED = frozenset(row for row in IntegerPredicate if row.value[0] != "s")


def _flipped(scope: ExpressionScope, value: Value) -> str:
    """Write a word with its sign bit flipped: signed order becomes unsigned order."""
    if isinstance(value, arith.Constant):
        return str(int(value.value) ^ SIGN_BIT)
    return f"({scope.use(value)} ^ {_S})"


def _compare_float(scope: ExpressionScope, made: compare.CompareFloat) -> str:
    symbol = _SYMBOLS[made.predicate.value]
    return f"({scope.use(made.lhs)} {symbol} {scope.use(made.rhs)})"


def _by_target(single: str, double: str) -> ExpressionRow:
    def write(scope: ExpressionScope, made: Any) -> str:
        return f"{single if made.to is F32 else double}({scope.use(made.operand)})"

    return write


def _float_to_bits(scope: ExpressionScope, made: convert.FloatToBits) -> str:
    name = "single_to_bits" if made.operand.type is F32 else "double_to_bits"
    return f"{name}({scope.use(made.operand)})"


def _global_address(scope: ExpressionScope, made: memory.GlobalAddress) -> str:
    return str(scope.global_address(made.symbol))


def _function_address(scope: ExpressionScope, made: call.FunctionAddress) -> str:
    return str(scope.function_address(made.callee))


EXPRESSIONS: dict[type[Op], ExpressionRow] = {
    processor.VersionLevel: lambda _scope, _made: "0",
    arith.Constant: _constant,
    arith.Add: _template(f"({{0}} + {{1}} & {_M})"),
    arith.Sub: _template(f"({{0}} - {{1}} & {_M})"),
    arith.Mul: _template(f"({{0}} * {{1}} & {_M})"),
    arith.And: _template("({0} & {1})"),
    arith.Or: _template("({0} | {1})"),
    arith.Xor: _template("({0} ^ {1})"),
    arith.Shl: _shift(f"({{0}} << {{1}} & {_M})"),
    arith.Lshr: _shift("({0} >> {1})"),
    arith.Ashr: _shift(f"(({{0}} ^ {_S}) - {_S} >> {{1}} & {_M})"),
    arith.FAdd: _rounded("{0} + {1}"),
    arith.FSub: _rounded("{0} - {1}"),
    arith.FMul: _rounded("{0} * {1}"),
    arith.FDiv: _rounded("divide({0}, {1})"),
    arith.FSqrt: _rounded("square_root({0})"),
    arith.Select: _template("({1} if {0} else {2})"),
    compare.CompareInteger: _compare_integer,
    compare.CompareFloat: _compare_float,
    convert.TruthToWord: _template("{0}"),
    convert.SignedToFloat: _by_target("signed_to_single", "signed_to_double"),
    convert.FloatToSigned: _template("float_to_signed({0})"),
    convert.Widen: _template("{0}"),
    convert.Narrow: _template("to_single({0})"),
    convert.BitsToFloat: _by_target("bits_to_single", "bits_to_double"),
    convert.FloatToBits: _float_to_bits,
    convert.HalfToSingle: _template("half_to_single({0})"),
    convert.SingleToHalf: _template("single_to_half({0})"),
    memory.GlobalAddress: _global_address,
    call.FunctionAddress: _function_address,
}

NUMBER_FUNCTIONS: dict[str, object] = {
    row.__name__: row
    for row in (
        numbers.to_single,
        numbers.divide,
        numbers.square_root,
        numbers.signed_to_single,
        numbers.signed_to_double,
        numbers.float_to_signed,
        numbers.bits_to_single,
        numbers.bits_to_double,
        numbers.single_to_bits,
        numbers.double_to_bits,
        numbers.half_to_single,
        numbers.single_to_half,
    )
}
