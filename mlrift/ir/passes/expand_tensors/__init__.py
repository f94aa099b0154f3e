"""Tensors become words, their ops calls of the runtime and loops that are made for them.

    %y = tensor.unary exp %x    =>    %c = memory.stack 256, 16          (operands, kernel)
                                      %y = call.direct @core.tensormap_map(%c, ...) -> i64

A tensor is the address of a descriptor (std/core/tensor.mlr). `fuse_tensors` has made maps of all
element-wise ops, `place_releases` has said where descriptors are given back. What the calls need of
the core library is only declared here.
"""

from mlrift.ir.core import Module
from mlrift.ir.ops.tensor_types import uses_tensors
from mlrift.ir.passes.declaration import EVERY_PROPERTY, Pass, Property
from mlrift.ir.passes.expand_tensors.expander import Expander, Kernels, plain_types
from mlrift.ir.passes.expand_tensors.rules import RULES
from mlrift.typesystem import I64, TensorType


def expand_tensors(module: Module) -> None:
    """Expand every function that has tensors, and make words of those in signatures."""
    kernels = Kernels(module)
    for function in list(module.functions.values()):
        if function.blocks and uses_tensors(function):
            Expander(kernels, RULES).run(function)
        function.results = plain_types(function.results)
        for parameter in function.parameters:
            if isinstance(parameter.type, TensorType):
                parameter.type = I64


PASS = Pass(
    "expand_tensors",
    expand_tensors,
    keeps=EVERY_PROPERTY - {Property.NO_DEAD_FUNCTIONS},
)
