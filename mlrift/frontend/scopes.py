"""Names to declarations: the flat global namespace and the block scopes of one function.

`GlobalNames` is filled once per program by `check/declarations.py`; `LocalScopes` follows the
checker through a function body. A local found in `LocalScopes.names` shadows every global.
"""

from enum import Enum, unique

from mlrift.diagnostics.model import Diagnostic
from mlrift.frontend import ast
from mlrift.frontend.builtins.declaration import Builtin
from mlrift.frontend.typed import (
    FloatConstant,
    FunctionSymbol,
    IntegerConstant,
    LocalVariable,
    StaticVariable,
)
from mlrift.source import Span
from mlrift.static_types import TYPE_CHECKING
from mlrift.typesystem import SCALARS, ScalarType, Type
from mlrift.values import field, record

if TYPE_CHECKING:
    from mlrift.frontend.check.models.learning import RuleSet
    from mlrift.frontend.check.models.structure import StructModel


@record
class Binding:
    """A local name in scope. `is_read` and `is_initialized` start true for exempt names."""

    variable: LocalVariable
    is_initialized: bool
    is_read: bool
    is_loop_variable: bool = False


class LocalScopes:
    """The visible locals of a function (`names`) and, per open block, what it declared."""

    __slots__ = ("_blocks", "names")

    def __init__(self) -> None:
        self.names: dict[str, Binding] = {}
        self._blocks: list[dict[str, Binding | None]] = []

    def enter(self) -> None:
        """Open a block."""
        self._blocks.append({})

    def leave(self) -> list[LocalVariable]:
        """Close the innermost block, restore what it shadowed, return its never-read variables."""
        unread: list[LocalVariable] = []
        names = self.names
        for name, outer in self._blocks.pop().items():
            binding = names[name]
            if not binding.is_read:
                unread.append(binding.variable)
            if outer is None:
                del names[name]
            else:
                names[name] = outer
        return unread

    def declared_here(self, name: str) -> Binding | None:
        """Return the binding of a name declared in the innermost block, if there is one."""
        return self.names[name] if name in self._blocks[-1] else None

    def declare(self, binding: Binding) -> None:
        """Add a binding to the innermost block, shadowing any other of its name."""
        name = binding.variable.name
        self._blocks[-1].setdefault(name, self.names.get(name))
        self.names[name] = binding


@unique
class SpecialForm(Enum):
    """Callable names whose arguments follow no builtin's fixed parameter list."""

    PRINT = "print"
    PRINTLN = "println"
    FN_ADDR = "fn_addr"
    CALL_PTR = "call_ptr"


@record
class Signature:
    """A function as the checker sees it.

    `is_method`: the first argument is passed by reference. `callees` and `name_errors` are filled
    while the body is checked: name errors count only when the function turns out to be reachable.
    """

    symbol: FunctionSymbol
    node: ast.Function | ast.Extern
    is_method: bool = False
    generics: frozenset[str] = frozenset()
    callees: "dict[str, Signature]" = field(default_factory=dict)
    name_errors: list[Diagnostic] = field(default_factory=list)


@record
class EnumNames:
    """The members of an enum and their values."""

    span: Span
    members: dict[str, int]


@record
class DeviceNames:
    """The registers of a device: absolute address and type."""

    span: Span
    registers: dict[str, tuple[int, ScalarType]]


Constant = IntegerConstant | FloatConstant
Callee = Signature | Builtin | SpecialForm


@record
class GlobalNames:
    """Everything declared at top level. `callees` says what a call of a name means.

    `models` are the structs whose arrays are populations, `plasticity` the rules of edges.
    `pending` holds the constants not evaluated yet; `constants` the others. `duplicates` are
    functions whose name was taken: their bodies are checked, calls mean the first one.
    """

    types: dict[str, Type] = field(default_factory=lambda: dict[str, Type](SCALARS))
    constants: dict[str, Constant] = field(default_factory=dict)
    pending: dict[str, ast.Const] = field(default_factory=dict)
    statics: dict[str, StaticVariable] = field(default_factory=dict)
    enums: dict[str, EnumNames] = field(default_factory=dict)
    devices: dict[str, DeviceNames] = field(default_factory=dict)
    functions: dict[str, Signature] = field(default_factory=dict)
    duplicates: list[Signature] = field(default_factory=list)
    callees: dict[str, Callee] = field(default_factory=dict)
    models: "dict[str, StructModel]" = field(default_factory=dict)
    static_models: list[ast.Static] = field(default_factory=list)
    plasticity: "list[RuleSet]" = field(default_factory=list)
