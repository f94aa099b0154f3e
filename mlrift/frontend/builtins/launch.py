"""The launch of a kernel by its host program; only the checker makes calls of it."""

from mlrift.frontend.builtins.declaration import Builtin
from mlrift.ir.builder import Builder
from mlrift.ir.core import Value
from mlrift.ir.ops.call import FunctionAddress
from mlrift.ir.ops.device import Launch
from mlrift.typesystem import U64


def _launch(builder: Builder, arguments: list[Value]) -> Value:
    kernel, *rest = arguments
    assert isinstance(kernel, FunctionAddress)  # the checker puts it there
    builder.block.ops.remove(kernel)
    builder.emit(Launch(kernel.callee, rest))
    return builder.word(0)


LAUNCH = Builtin("launch", (), U64, _launch, "run a kernel on a grid of workgroups")
