"""What a rule for an op on tensors knows besides the operands' values."""

from collections.abc import Callable
from functools import cached_property

from mlrift.ir.core import Linkage, Value
from mlrift.ir.op import Op
from mlrift.ir.ops.tensor_types import tensor_of
from mlrift.static_types import Any
from mlrift.typesystem import TensorType


class Scope:
    """The running program and the op."""

    def __init__(self, program: Any, op: Op) -> None:
        self.program = program
        self.op = op

    @property
    def result(self) -> TensorType:
        """The type of the op's result."""
        return tensor_of(self.op)

    @cached_property
    def tensors(self) -> set[Value]:
        """The operands that are tensors."""
        return {row for row in self.op.operands() if isinstance(row.type, TensorType)}

    def library(self, name: str) -> Callable[..., Any] | None:
        """Return a function of the core library if the program has it."""
        function = self.program.module.functions.get(name)
        if function is None or function.linkage is Linkage.EXTERNAL:
            return None
        found: Callable[..., Any] = self.program.function(name)
        return found
