"""Ops on tensors in the generated code: as calls of functions that numpy computes.

What they need is imported when the first of them is met. A failure is a line on standard error and
exit status 1, as in compiled programs.
"""

from mlrift.ir.interpret.statements import StatementScope
from mlrift.ir.op import Op
from mlrift.ir.ops.rare import family_of
from mlrift.typesystem import VOID_MACHINE

_FAMILY = "tensor"


def tensor_statement(scope: StatementScope, made: Op) -> list[str] | None:
    """Return the statement of an op on tensors, None for any other op."""
    if family_of(made.MNEMONIC) != _FAMILY:
        return None
    from mlrift.ir.interpret.tensor_rules import evaluation  # noqa: PLC0415 - imports numpy

    arguments = ["program", *[scope.use(value) for value in made.operands()]]
    text = f"{scope.constant(evaluation(made))}({', '.join(arguments)})"
    return [text if made.type is VOID_MACHINE else f"{scope.result(made)} = {text}"]
