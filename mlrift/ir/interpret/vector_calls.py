"""Ops on vectors in the generated code: calls of functions that numpy computes.

What they need is imported when the first of them is met.
"""

from mlrift.ir.interpret.expressions import ExpressionScope
from mlrift.ir.interpret.statements import StatementScope
from mlrift.ir.op import Effect, Op
from mlrift.ir.ops.rare import family_of
from mlrift.typesystem import F32, F64, VOID_MACHINE, ValueType, VectorType

_FAMILY = "vector"


def vector_expression(scope: ExpressionScope, made: Op) -> str | None:
    """Return the expression of a pure op on vectors, None for any other op."""
    if made.EFFECT is not Effect.PURE or family_of(made.MNEMONIC) != _FAMILY:
        return None
    from mlrift.ir.interpret.vectors import evaluation  # noqa: PLC0415 - imports numpy

    return _call(scope, made, evaluation(made), [])


def vector_statement(scope: StatementScope, made: Op) -> list[str] | None:
    """Return the statement of an op on vectors with an effect, None for any other op."""
    if family_of(made.MNEMONIC) != _FAMILY:
        return None
    from mlrift.ir.interpret.vector_memory import access  # noqa: PLC0415 - imports numpy
    from mlrift.ir.interpret.vectors import evaluation  # noqa: PLC0415 - imports numpy

    function = access(made)
    if function is None:
        text = _call(scope, made, evaluation(made), [])
    else:
        text = _call(scope, made, function, ["memory"])
    return [text if made.type is VOID_MACHINE else f"{scope.result(made)} = {text}"]


def zero_of(scope: ExpressionScope, held: ValueType) -> str:
    """Return the zero of a type, a vector's as well."""
    if not isinstance(held, VectorType):
        return "0.0" if held in (F32, F64) else "0"
    from mlrift.ir.interpret.vector_arrays import array_of  # noqa: PLC0415 - imports numpy

    return scope.constant(array_of([0] * held.lanes, held))


def _call(scope: ExpressionScope, made: Op, function: object, first: list[str]) -> str:
    assert function is not None, f"the interpreter has no rule for `{made.MNEMONIC}`"
    arguments = first + [scope.use(value) for value in made.operands()]
    return f"{scope.constant(function)}({', '.join(arguments)})"
