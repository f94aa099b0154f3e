"""Products, softmax and norms take in the maps beside them; dot, softmax, dot become attention.

    %p = tensor.matmul %x, %w
    %y = tensor.map @gelu(%p, %b)        =>   %y = tensor.map_product %x, %w, 0, @gelu(%b)

    %s = tensor.map @scaled(%x, %m)      =>   %y = tensor.map_rows softmax @scaled(%x, %m)
    %y = tensor.softmax %s

    %p = tensor.matmul %q, %k
    %s = tensor.map @masked(%p, %m)      =>   %y = tensor.attention %q, %k, %v, 0, @masked(%m)
    %w = tensor.softmax %s
    %y = tensor.matmul %w, %v

    %p = tensor.cast f32 %bf16           =>   %y = tensor.matmul %bf16, %too
    %q = tensor.cast f32 %too
    %y = tensor.matmul %p, %q

It comes after `fuse_tensors`. What is taken in has no other use, stands in the same block, nothing
in between writes to memory (a tensor may be a view of it), and nothing stretches it. Every op is
rounded as before.
"""

from mlrift.ir.analysis.uses import users
from mlrift.ir.core import Block, Function, Module, Value
from mlrift.ir.op import Op
from mlrift.ir.ops.control import Return
from mlrift.ir.ops.tensor_fused import (
    FACTORS,
    Attention,
    MapProduct,
    MapRows,
    RowKind,
)
from mlrift.ir.ops.tensor_linear import MatrixProduct
from mlrift.ir.ops.tensor_map import Map
from mlrift.ir.ops.tensor_rows import LayerNorm, RmsNorm, Softmax
from mlrift.ir.ops.tensor_types import (
    HALVES,
    is_alike,
    scalar_of,
    tensor_of,
    uses_tensors,
)
from mlrift.ir.passes.declaration import EVERY_PROPERTY, Pass, Property
from mlrift.ir.passes.expand_tensors.emit import new_function
from mlrift.ir.passes.fuse_tensors import forget_what_is_gone, writes_memory
from mlrift.typesystem import ElementKind
from mlrift.values import value

_KINDS: dict[type[Op], RowKind] = {
    Softmax: RowKind.SOFTMAX,
    LayerNorm: RowKind.LAYER_NORM,
    RmsNorm: RowKind.RMS_NORM,
}
_ATTENDING = (ElementKind.F32, ElementKind.F64)
_IDENTITY = "tensor.body.same"
# The runtime has room for the addresses of so many operands of a map where it is done in pieces.
_MOST_OPERANDS = 32


def fuse_products(module: Module) -> None:
    """Fuse the products and rows of every function."""
    for function in list(module.functions.values()):
        if function.blocks and uses_tensors(function):
            _Fusion(module, function).run()


PASS = Pass(
    "fuse_products",
    fuse_products,
    needs=frozenset({Property.NO_DEAD_BLOCKS}),
    keeps=EVERY_PROPERTY - {Property.NO_DEAD_FUNCTIONS},
)


@value
class _Scores:
    """What a softmax is of: a product, and a map of it with the product in a place."""

    product: MatrixProduct
    place: int
    body: str
    tensors: list[Value]
    scalars: list[Value]


class _Fusion:
    """The work on one function: `replacements` are new ops, `gone` the ops that they take in."""

    def __init__(self, module: Module, function: Function) -> None:
        self.module = module
        self.function = function
        self.users = users(function)
        self.replacements: dict[Value, Value] = {}
        self.gone: set[Value] = set()
        self.epochs: dict[Op, int] = {}

    def run(self) -> None:
        """Fuse block by block: attention first, as its parts could go into other things."""
        for block in self.function.blocks:
            self.epochs = _epochs(block)
            for step in (self._widen, self._attend, self._map_product, self._map_rows):
                for made in block.ops:
                    if made not in self.gone and made not in self.replacements:
                        step(made)
            block.ops = [self._in_place_of(row) for row in block.ops if row not in self.gone]
        if self.replacements or self.gone:
            for made in self.function.ops():
                made.replace_operands(self.replacements)
            forget_what_is_gone(self.function)

    def _in_place_of(self, made: Op) -> Op:
        found = self.replacements.get(made, made)
        assert isinstance(found, Op)
        return found

    def _replace(self, made: Op, replacement: Op, *taken: Value) -> None:
        replacement.span = made.span
        self.replacements[made] = replacement
        self.gone.update(taken)

    def _is_taken(self, found: Value, root: Op) -> bool:
        """Whether an op can be computed where its only user is."""
        return (
            isinstance(found, Op)
            and found not in self.gone
            and found not in self.replacements
            and set(self.users.get(found, ())) == {root}
            and found in self.epochs
            and self.epochs[found] == self.epochs[root]
        )

    def _widen(self, made: Op) -> None:
        """Let a product of halves that were widened widen them itself."""
        if not isinstance(made, MatrixProduct) or made.lhs is made.rhs:
            return
        left, right = self._widened(made.lhs, made), self._widened(made.rhs, made)
        if left is None or right is None:
            return
        if tensor_of(left).element is tensor_of(right).element:
            self.gone.update((made.lhs, made.rhs))
            made.lhs, made.rhs = left, right

    def _widened(self, found: Value, root: Op) -> Value | None:
        """Return what a map only widens, if it is there for this one op."""
        if not isinstance(found, Map) or not self._is_taken(found, root):
            return None
        if found.tensor_type.element is not ElementKind.F32 or len(found.tensors) != 1:
            return None
        (source,) = found.tensors
        body = self.module.functions[found.body]
        (first, *_) = body.blocks[0].ops
        is_same = isinstance(first, Return) and first.values == [body.parameters[0]]
        return source if is_same and tensor_of(source).element in HALVES else None

    def _attend(self, made: Op) -> None:
        if not isinstance(made, MatrixProduct) or not isinstance(made.lhs, Softmax):
            return
        softmax = made.lhs
        found = tensor_of(softmax)
        is_whole = made.rhs is not softmax and tensor_of(made.rhs).rank > 1
        is_whole &= is_alike(tensor_of(made).extents[:-2], found.extents[:-2])
        if not is_whole or found.element not in _ATTENDING or not self._is_taken(softmax, made):
            return
        scores = self._scores(softmax)
        if scores is None or tensor_of(scores.product.lhs).element is not found.element:
            return
        product = scores.product
        attention = Attention(
            *(product.lhs, product.rhs, made.rhs, scores.place, scores.body),
            *(scores.tensors, scores.scalars, tensor_of(made)),
        )
        self._replace(made, attention, softmax, softmax.operand, product)

    def _scores(self, softmax: Softmax) -> "_Scores | None":
        """Return the product that a softmax is of, and what is done with it in between."""
        found = softmax.operand
        if not self._is_taken(found, softmax):
            return None
        if isinstance(found, MatrixProduct) and _has_tiles(found):
            return _Scores(found, 0, self._same(tensor_of(found).element), [], [])
        chosen = self._product_in(found) if isinstance(found, Map) else None
        if chosen is None:
            return None
        assert isinstance(found, Map)
        place, product = chosen
        return _Scores(product, place, found.body, _without(found.tensors, place), found.scalars)

    def _product_in(self, made: Map) -> tuple[int, MatrixProduct] | None:
        """Return the last product that a map can finish, and its place among the operands."""
        found: tuple[int, MatrixProduct] | None = None
        if len(made.tensors) > _MOST_OPERANDS:
            return None
        order = list(self.epochs)
        for place, row in enumerate(made.tensors):
            if not isinstance(row, MatrixProduct) or not self._is_taken(row, made):
                continue
            if not _has_tiles(row) or not is_alike(
                tensor_of(row).extents, made.tensor_type.extents
            ):
                continue
            if found is None or order.index(row) > order.index(found[1]):
                found = place, row
        return found

    def _map_product(self, made: Op) -> None:
        chosen = self._product_in(made) if isinstance(made, Map) else None
        if chosen is None:
            return
        assert isinstance(made, Map)
        place, product = chosen
        others = _without(made.tensors, place)
        fused = MapProduct(
            *(product.lhs, product.rhs, place, made.body, others, made.scalars, made.tensor_type)
        )
        self._replace(made, fused, product)

    def _map_rows(self, made: Op) -> None:
        kind = _KINDS.get(type(made))
        if kind is None:
            return
        rows, *rest = made.operands()
        if not isinstance(rows, Map) or not rows.tensors or not self._is_taken(rows, made):
            return
        factors, epsilon = rest[: FACTORS[kind]], rest[FACTORS[kind] :]
        if rows not in factors and len(rows.tensors) <= _MOST_OPERANDS:
            body = (rows.body, rows.tensors, rows.scalars)
            fused = MapRows(kind, *body, factors, epsilon, rows.tensor_type)
            self._replace(made, fused, rows)

    def _same(self, element: ElementKind) -> str:
        """Return a body that changes nothing."""
        name = f"{_IDENTITY}.{element.value}"
        if name not in self.module.functions:
            kind = scalar_of(element)
            out = new_function(self.module, name, [("element0", kind)], (kind,))
            out.function.is_inline = True
            out.give(out.function.parameters[0])
        return name


def _epochs(block: Block) -> dict[Op, int]:
    """Number the stretches of a block without writes to memory."""
    epoch = 0
    found: dict[Op, int] = {}
    for made in block.ops:
        found[made] = epoch
        epoch += writes_memory(made)
    return found


def _has_tiles(made: MatrixProduct) -> bool:
    return tensor_of(made.lhs).rank > 1 and tensor_of(made.rhs).rank > 1


def _without(values: list[Value], place: int) -> list[Value]:
    return [row for number, row in enumerate(values) if number != place]
