"""The lowering rules of one module's code, by op class, for one CPU.

Rules that only one CPU has note that they were used: the text is no longer every CPU's then.
Those of rare families are looked up when the first op of a class is met.
"""

from mlrift.backends.llvm.lower import RULES as SHARED
from mlrift.backends.llvm.target import HostTarget
from mlrift.backends.llvm.text import FunctionText, ModuleContext
from mlrift.ir.op import Op
from mlrift.static_types import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Rule = Callable[[FunctionText, Any], None]
    Rows = dict[type[Op], Rule]
else:
    Rows = dict


class RuleTable(Rows):
    """A rule for every op class."""

    __slots__ = ("context", "target")

    def __init__(self, target: HostTarget, context: ModuleContext) -> None:
        self.target = target
        self.context = context
        shared = SHARED.table
        for op_class, rule in target.rules.table.items():
            self[op_class] = rule if rule is shared.get(op_class) else self._noting(rule)

    def __missing__(self, op_class: type[Op]) -> "Rule":
        """Look up a rule of a rare family."""
        rule = self.target.rules.find(op_class)
        SHARED.load(op_class)
        is_shared = rule is SHARED.table.get(op_class)
        found = self[op_class] = rule if is_shared else self._noting(rule)
        return found

    def _noting(self, rule: "Rule") -> "Rule":
        context = self.context

        def lower(out: FunctionText, made: Op) -> None:
            context.is_shared = False
            rule(out, made)

        return lower
