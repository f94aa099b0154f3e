"""The lowering rules of a back end: op class -> function, complete or with a stated reason.

A back end registers one function per op class; a class it cannot lower is registered with the
reason. `missing()` lists what has neither, and a test fails while it is not empty.
"""

from collections.abc import Callable

from mlrift.backends.errors import BackendError
from mlrift.ir.op import REGISTRY, Op
from mlrift.static_types import Any, Generic, NoReturn, TypeVar

Context = TypeVar("Context")
Rule = Callable[[Context, Any], None]
RuleClass = TypeVar("RuleClass", bound=Callable[..., None])


class Rules(Generic[Context]):
    """A table of lowering functions, each called with (context, op)."""

    __slots__ = ("name", "reasons", "table")

    def __init__(self, name: str) -> None:
        self.name = name
        self.table: dict[type[Op], Rule[Context]] = {}
        self.reasons: dict[type[Op], str] = {}

    def rule(self, op_class: type[Op]) -> Callable[[RuleClass], RuleClass]:
        """Register the decorated function as the rule of an op class."""

        def register(function: RuleClass) -> RuleClass:
            if op_class in self.table:
                raise ValueError(f"{self.name} already has a rule for {op_class.MNEMONIC}")
            self.table[op_class] = function
            return function

        return register

    def unsupported(self, op_class: type[Op], reason: str) -> None:
        """State why this back end has no rule for an op; lowering it raises `BackendError`."""

        def refuse(_context: Context, made: Op) -> NoReturn:
            raise BackendError(f"{self.name} cannot lower {made.MNEMONIC}: {reason}")

        self.reasons[op_class] = reason
        self.table[op_class] = refuse

    def include(self, other: "Rules[Context]") -> None:
        """Take over the rules of `other` for the ops that have none here."""
        for op_class, rule in other.table.items():
            self.table.setdefault(op_class, rule)
        for op_class, reason in other.reasons.items():
            self.reasons.setdefault(op_class, reason)

    def missing(self) -> list[type[Op]]:
        """Return the declared ops that have neither a rule nor a reason."""
        return [row for row in REGISTRY.values() if row not in self.table]
