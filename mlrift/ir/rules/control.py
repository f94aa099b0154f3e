"""Rewrites of terminators; the result is a new terminator."""

from mlrift.ir.core import Value
from mlrift.ir.ops.arith import Constant, Xor
from mlrift.ir.ops.control import Branch, Jump
from mlrift.ir.rules.declaration import Make, Rules


def simplify_branch(made: Branch, make: Make) -> Value | None:
    """A known condition, one target, a negated condition."""
    one, other = made.if_true, made.if_false
    match made.condition:
        case Constant(condition):
            return Jump(one if condition else other)
        case Xor(truth, Constant(1)):
            return Branch(truth, other, one)
    if one.block is other.block and one.arguments == other.arguments:
        return Jump(one)
    return None


CONTROL_RULES: Rules = {Branch: simplify_branch}
