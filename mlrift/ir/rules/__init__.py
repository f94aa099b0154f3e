"""Algebraic rewrites by family: what an op comes down to when something about it is known.

A rule takes an op and a `Make`, and returns the simpler value, or None when it knows none. New ops
go through `make`, which simplifies them too. Rules hold for every input, bit for bit.
"""

from mlrift.ir.rules.arith import ARITH_RULES
from mlrift.ir.rules.compare import COMPARE_RULES
from mlrift.ir.rules.control import CONTROL_RULES
from mlrift.ir.rules.convert import CONVERT_RULES
from mlrift.ir.rules.declaration import Make, Rule, Rules

RULES: Rules = ARITH_RULES | COMPARE_RULES | CONTROL_RULES | CONVERT_RULES

__all__ = ["RULES", "Make", "Rule", "Rules"]
