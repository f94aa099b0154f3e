"""Ops of models in the generated code: as calls of functions that say what each op means.

They work on the same descriptors as compiled programs do, so all else that reads a descriptor needs
to know nothing of this. What they need is imported when the first of them is met. A failure is a
line on standard error and exit status 1, as in compiled programs.
"""

from mlrift.ir.interpret.statements import StatementScope
from mlrift.ir.op import Op
from mlrift.ir.ops.rare import family_of
from mlrift.typesystem import VOID_MACHINE

FAMILIES = frozenset({"population", "dynamics", "events", "csr", "plasticity"})


def model_statement(scope: StatementScope, made: Op) -> list[str] | None:
    """Return the statement of an op of a model, None for any other op."""
    if family_of(made.MNEMONIC) not in FAMILIES:
        return None
    from mlrift.ir.interpret.models_rules import evaluation  # noqa: PLC0415 - imports numpy

    arguments = ["program", *[scope.use(value) for value in made.operands()]]
    text = f"{scope.constant(evaluation(made))}({', '.join(arguments)})"
    return [text if made.type is VOID_MACHINE else f"{scope.result(made)} = {text}"]
