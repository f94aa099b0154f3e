"""The lowering rules of a back end: op class -> function, complete or with a stated reason.

A back end registers one function per op class; a class it cannot lower is registered with the
reason. `missing()` lists what has neither, and a test fails while it is not empty.
"""

from collections.abc import Callable

from mlrift.backends.errors import BackendError
from mlrift.ir.op import REGISTRY, Op
from mlrift.ir.ops.rare import family_of, is_core, load_every_family
from mlrift.static_types import Any, Generic, NoReturn, TypeVar

Context = TypeVar("Context")
Rule = Callable[[Context, Any], None]
RuleClass = TypeVar("RuleClass", bound=Callable[..., None])


class Rules(Generic[Context]):
    """A table of lowering functions, each called with (context, op).

    `rare` says which modules have the rules of families that are imported when first needed.
    """

    __slots__ = ("name", "rare", "reasons", "table")

    def __init__(self, name: str) -> None:
        self.name = name
        self.rare: dict[str, list[str]] = {}
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
        for family, modules in other.rare.items():
            self.rare.setdefault(family, []).extend(modules)

    def later(self, family: str, module: str) -> None:
        """Say that a module, imported when needed, has further rules of a family in `RULES`."""
        self.rare.setdefault(family, []).append(module)

    def find(self, op_class: type[Op]) -> "Rule[Context]":
        """Return the rule of an op class, of a rare family too; KeyError when there is none."""
        if op_class not in self.table:
            self.load(op_class)
        return self.table[op_class]

    def load(self, op_class: type[Op]) -> None:
        """Take over the rules of the family of an op class."""
        from importlib import import_module  # noqa: PLC0415 - rarely needed

        for module in self.rare.pop(family_of(op_class.MNEMONIC), []):
            self.include(import_module(module).RULES)

    def missing(self) -> list[type[Op]]:
        """Return the core ops that have neither a rule nor a reason."""
        load_every_family()
        core = [row for row in REGISTRY.values() if is_core(row.MNEMONIC)]
        for row in core:
            self.load(row)
        return [row for row in core if row not in self.table]
