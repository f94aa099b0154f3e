"""Maps: a kernel for the body, a context on the stack, one call of the runtime."""

from mlrift.ir.core import Value
from mlrift.ir.op import Op
from mlrift.ir.ops.tensor_map import Map
from mlrift.ir.ops.tensor_types import KIND_CODES, is_alike
from mlrift.ir.passes.expand_tensors.bodies import names_in_body
from mlrift.ir.passes.expand_tensors.expander import Expander, Kernels, Rule
from mlrift.ir.passes.expand_tensors.map_kernels import (
    MapKernel,
    MapShape,
    context_bytes,
    context_of,
    fast_kernel,
    general_kernel,
    shape_of_map,
    words_on_stack,
)
from mlrift.typesystem import ElementKind, TensorType


def kernel_of_map(kernels: Kernels, shape: MapShape) -> MapKernel:
    """Return the kernels of a map, for neighbours and for any strides."""
    fast = kernels.symbol(
        ("fast", shape), "tensor.map", lambda name: fast_kernel(kernels.module, shape, name)
    )
    general = kernels.symbol(
        ("general", shape), "tensor.map", lambda name: general_kernel(kernels.module, shape, name)
    )
    return MapKernel(shape, fast, general)


def operands_of(on: Expander, tensors: list[Value]) -> list[tuple[Value, TensorType]]:
    """Return the descriptors of tensors with their types."""
    return [(on.word(row), on.type_of(row)) for row in tensors]


def _reused(on: Expander, made: Map) -> int:
    """Return one more than the number of an operand that ends here and is like the result, or 0."""
    for number, operand in enumerate(made.tensors, 1):
        found = on.type_of(operand)
        is_like = found.element is made.tensor_type.element
        if is_like and is_alike(found.extents, made.tensor_type.extents) and on.ends(operand):
            return number
    return 0


def context_of_map(on: Expander, made: Map, element: ElementKind, rank: int) -> Value:
    """Emit the context of a map whose result has `rank` axes."""
    operands = operands_of(on, made.tensors)
    types = [found for _, found in operands]
    shape = shape_of_map(made.body, types, made.scalars, element, rank)
    kernel = kernel_of_map(on.kernels, shape)
    return context_of(on.out, operands, made.scalars, rank, kernel, reused=_reused(on, made))


def context_of_body(
    on: Expander,
    body: str,
    operands: list[tuple[Value, TensorType]],
    scalars: list[Value],
    found: TensorType,
) -> tuple[Value, int]:
    """Emit the context of a map whose elements are computed where they are made or used.

    Its result is of the type `found`. Returns the context and the number of its bytes.
    """
    types = [row for _, row in operands]
    shape = shape_of_map(body, types, scalars, found.element, found.rank)
    kernel = kernel_of_map(on.kernels, shape)
    context = context_of(on.out, operands, scalars, found.rank, kernel)
    return context, context_bytes(len(operands), len(scalars))


def _map(on: Expander, made: Map) -> Value:
    out, found = on.out, made.tensor_type
    context = context_of_map(on, made, found.element, found.rank)
    kind, rank = out.word(KIND_CODES[found.element]), out.word(found.rank)
    message = on.message(f"tensor {', '.join(names_in_body(made.body))}")
    if made.tensors:
        return on.runtime("core.tensormap_map", [context, kind, rank, message])
    extents = words_on_stack(out, made.extents)
    return on.runtime("core.tensormap_fresh", [context, kind, rank, extents, message])


MAP_RULES: dict[type[Op], Rule] = {Map: _map}
