"""Matrix products and convolutions.

An element of a product is a chain of fused multiply-adds that starts at 0, k ascending. A product
with one column (a matrix times a vector) has 16 chains, k in chain k mod 16, added in halves as the
partial sums of `tensor.reduce` are. f16 and bf16 are widened to f32, the result is f32; i8 is
accumulated in i32, the result is i32; whole numbers of other kinds wrap.
"""

from mlrift.ir.core import Value
from mlrift.ir.op import Effect, Op, Trait, anything, op
from mlrift.ir.ops.tensor_types import (
    broadcast,
    check_tensors,
    product_kind,
    shown,
    tensor_of,
)
from mlrift.typesystem import ElementKind, Extents, ValueType, tensor


def product_extents(left: Extents, right: Extents) -> Extents | None:
    """Return the extents of a matrix product, None when the operands do not fit."""
    if not left or not right:
        return None
    rows = left if len(left) > 1 else (1, *left)
    columns = right if len(right) > 1 else (*right, 1)
    inner, other = rows[-1], columns[-2]
    if inner is not None and other is not None and inner != other:
        return None
    batch = broadcast(rows[:-2], columns[:-2])
    if batch is None:
        return None
    made: list[int | None] = list(batch)
    if len(left) > 1:
        made.append(rows[-2])
    if len(right) > 1:
        made.append(columns[-1])
    return tuple(made)


def _product(made: Op) -> ValueType:
    assert isinstance(made, MatrixProduct)
    left, right = tensor_of(made.lhs), tensor_of(made.rhs)
    extents = product_extents(left.extents, right.extents)
    return tensor(product_kind(left.element), extents if extents is not None else left.extents)


@op("tensor.matmul", Effect.PURE, Trait.TRAPS, result=_product, operands=anything)
class MatrixProduct(Op):
    """Matrix product of the last two axes; axes before them are aligned and stretched.

    A tensor with one axis is a row on the left, a column on the right, and the result has not got
    that axis.
    """

    lhs: Value
    rhs: Value

    def check(self) -> str | None:
        """Refuse two kinds of elements and extents that do not fit."""
        problem = check_tensors(self.lhs, self.rhs)
        if problem is not None:
            return problem
        left, right = tensor_of(self.lhs), tensor_of(self.rhs)
        if left.element is not right.element or left.element is ElementKind.BOOL:
            return f"no matrix product of {left.element.value} and {right.element.value}"
        if product_extents(left.extents, right.extents) is None:
            return f"shapes {shown(left.extents)} and {shown(right.extents)} do not multiply"
        return None


def _window(extent: int | None, kernel: int | None, stride: int, padding: int) -> int | None:
    if extent is None or kernel is None or stride == 0:
        return None
    return max((extent + 2 * padding - kernel) // stride + 1, 0)


def _convolved(made: Op) -> ValueType:
    assert isinstance(made, Convolution)
    image, kernel = tensor_of(made.image), tensor_of(made.kernel)
    if image.rank < 3 or image.rank != kernel.rank:
        return image
    rows = zip(image.extents[2:], kernel.extents[2:], made.strides, made.paddings, strict=False)
    sides = tuple(_window(*row) for row in rows)
    return tensor(product_kind(image.element), (image.extents[0], kernel.extents[0], *sides))


@op("tensor.convolution", Effect.PURE, Trait.TRAPS, result=_convolved, operands=anything)
class Convolution(Op):
    """Convolution in one or two dimensions, as networks mean it: the kernel is not turned round.

    The image is [batch, channels, (height,) width], the kernel [filters, channels, (height,)
    width]; `strides` and `paddings` (zeros on both sides) are by dimension. An element is a chain
    of fused multiply-adds that starts at 0 over channel, row, column ascending, zeros of the
    padding included.
    """

    image: Value
    kernel: Value
    strides: tuple[int, ...]
    paddings: tuple[int, ...]

    def check(self) -> str | None:
        """Compare ranks, kinds and channels."""
        problem = check_tensors(self.image, self.kernel)
        if problem is not None:
            return problem
        image, kernel = tensor_of(self.image), tensor_of(self.kernel)
        dimensions = image.rank - 2
        if image.rank not in (3, 4) or kernel.rank != image.rank:
            return f"no convolution of {shown(image.extents)} with {shown(kernel.extents)}"
        if image.element is not kernel.element or image.element is ElementKind.BOOL:
            return f"elements of {image.element.value} and of {kernel.element.value}"
        if len(self.strides) != dimensions or len(self.paddings) != dimensions:
            return f"{dimensions} strides and paddings are needed"
        if not all(self.strides):
            return "a stride is at least 1"
        one, two = image.extents[1], kernel.extents[1]
        if one is not None and two is not None and one != two:
            return f"{one} channels in the image, {two} in the kernel"
        return None
