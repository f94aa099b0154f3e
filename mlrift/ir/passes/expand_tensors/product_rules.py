"""Matrix products and convolutions: a call of the runtime with the matrix kernel for the elements.

The kernels of floats and i8 are `core.matmulKIND_run` and `core.convKIND_run`; other whole numbers
have a plain loop here.
"""

from collections.abc import Sequence

from mlrift.ir.core import Value
from mlrift.ir.op import Op
from mlrift.ir.ops.call import CallIndirect, FunctionAddress
from mlrift.ir.ops.compare import IntegerPredicate
from mlrift.ir.ops.loop import Vectorising
from mlrift.ir.ops.tensor_linear import Convolution, MatrixProduct
from mlrift.ir.ops.tensor_map import BinaryKind
from mlrift.ir.ops.tensor_types import FLOATS, KIND_CODES, product_kind
from mlrift.ir.passes.expand_tensors.elements import (
    binary,
    element_shift,
    load_element,
    store_element,
)
from mlrift.ir.passes.expand_tensors.emit import Emitter, new_function
from mlrift.ir.passes.expand_tensors.expander import Expander, Rule
from mlrift.ir.passes.expand_tensors.map_kernels import words_on_stack
from mlrift.typesystem import I64, ElementKind, Extents, TensorType

_WITH_KERNELS = (*FLOATS, ElementKind.I8)
_PARAMETERS = (
    "m",
    "n",
    "k",
    "a",
    "a_row",
    "a_column",
    "b",
    "b_row",
    "b_column",
    "c",
    "c_row",
    "finish",
    "count",
    "a_step",
    "b_step",
    "c_step",
)
_CONVOLUTION_WORDS = 15
_UPPER_HALF = 32


def product_kernel(on: Expander, element: ElementKind) -> Value:
    """Emit the address of the matrix kernel for elements of a kind."""
    if element in _WITH_KERNELS:
        name = f"core.matmul{element.value}_run"
        on.module.declare(name, [I64] * len(_PARAMETERS), ())
    else:
        name = on.kernels.symbol(
            ("product", element),
            "tensor.product",
            lambda symbol: _add_plain_kernel(on, symbol, element),
        )
    return on.out.emit(FunctionAddress(name))


def _add_plain_kernel(on: Expander, name: str, element: ElementKind) -> None:
    """Add products of whole numbers that wrap."""
    out = new_function(on.module, name, [(row, I64) for row in _PARAMETERS])
    out.function.is_simd = True
    words = dict(zip(_PARAMETERS, out.function.parameters, strict=True))
    shift = element_shift(element)

    def product(_: Value, carried: list[Value]) -> Sequence[Value]:
        a, b, c = carried
        _emit_product(out, {**words, "a": a, "b": b, "c": c}, element)
        return [
            out.element(place, words[f"{side}_step"], shift)
            for side, place in zip("abc", carried, strict=True)
        ]

    out.loop(words["count"], product, [words[side] for side in "abc"])
    out.give()


def _emit_product(out: Emitter, words: dict[str, Value], element: ElementKind) -> None:
    """Emit a product row by row, the columns side by side."""
    n, finish = words["n"], words["finish"]
    shift = element_shift(element)

    def tell(target: Value) -> Sequence[Value]:
        out.emit(CallIndirect(out.load_word(finish, 0), [finish, target, n]))
        return []

    def row(i: Value, carried: list[Value]) -> Sequence[Value]:
        target = out.element(words["c"], out.mul(i, words["c_row"]), shift)
        _fill_zero(out, target, n, element)
        source = out.element(words["a"], out.mul(i, words["a_row"]), shift)

        def factor(p: Value, _carried: list[Value]) -> Sequence[Value]:
            place = out.element(source, out.mul(p, words["a_column"]), shift)
            left = load_element(out, place, element)
            right = out.element(words["b"], out.mul(p, words["b_row"]), shift)

            def column(j: Value, _none: list[Value]) -> Sequence[Value]:
                across = out.mul(j, words["b_column"])
                other = load_element(out, out.element(right, across, shift), element)
                place = out.element(target, j, shift)
                product = binary(out, BinaryKind.MUL, left, other, element)
                old = load_element(out, place, element)
                made = binary(out, BinaryKind.ADD, old, product, element)
                store_element(out, place, made, element)
                return []

            out.loop(n, column, vectorising=Vectorising.AUTOMATIC)
            return []

        out.loop(words["k"], factor)
        # Once, if anybody wants to know.
        wanted = out.compare(IntegerPredicate.NE, finish, out.word(0))
        out.loop(out.select(wanted, out.word(1), out.word(0)), lambda _, none: tell(target))
        return []

    out.loop(words["m"], row)


def _fill_zero(out: Emitter, target: Value, count: Value, element: ElementKind) -> None:
    zero = out.word(0)

    def clear(index: Value, carried: list[Value]) -> Sequence[Value]:
        store_element(out, out.element(target, index, element_shift(element)), zero, element)
        return []

    out.loop(count, clear, vectorising=Vectorising.AUTOMATIC)


def _stretches(extents: Extents) -> int:
    """Return a bit for every axis before the matrices that stretches, counted from them."""
    bits = 0
    for number, extent in enumerate(reversed(extents[:-2])):
        if extent == 1:
            bits |= 1 << number
    return bits


def product_arguments(on: Expander, lhs: Value, rhs: Value) -> list[Value]:
    """Emit what the runtime is told of a product: operands, kind, stretched axes, kernel."""
    left, right = on.type_of(lhs), on.type_of(rhs)
    out = on.out
    return [
        on.word(lhs),
        on.word(rhs),
        out.word(KIND_CODES[product_kind(left.element)]),
        out.word(stretched_batches(left, right)),
        product_kernel(on, left.element),
        on.message("tensor matrix product"),
    ]


def stretched_batches(left: TensorType, right: TensorType) -> int:
    """Return a bit for each batch axis that stretches; the right side's are the upper half."""
    batch = max(left.rank, right.rank) - 2
    bits = [
        _stretches(row.extents) | _missing(max(row.rank - 2, 0), batch) for row in (left, right)
    ]
    return bits[0] | bits[1] << _UPPER_HALF


def _multiply(on: Expander, made: MatrixProduct) -> Value:
    return on.runtime("core.tensorproduct_multiply", product_arguments(on, made.lhs, made.rhs))


def _missing(own: int, batch: int) -> int:
    """Return the bits of the batch axes that an operand has not got."""
    return sum(1 << number for number in range(own, max(batch, own)))


def _convolve(on: Expander, made: Convolution) -> Value:
    out = on.out
    element = on.type_of(made.image).element
    one = (1,) * (2 - len(made.strides))
    none = (0,) * (2 - len(made.strides))
    words = [*one, *made.strides, *none, *made.paddings]
    arguments = [
        on.word(made.image),
        on.word(made.kernel),
        out.word(KIND_CODES[product_kind(element)]),
        words_on_stack(out, [out.word(row) for row in words]),
    ]
    message = on.message("tensor convolution")
    if element not in _WITH_KERNELS:
        arguments += [product_kernel(on, element), message]
        return on.runtime("core.tensorproduct_convolve", arguments)
    name = f"core.conv{element.value}_run"
    on.module.declare(name, [I64] * _CONVOLUTION_WORDS, ())
    arguments += [out.emit(FunctionAddress(name)), message]
    return on.runtime("core.tensorproduct_convolve_directly", arguments)


PRODUCT_RULES: dict[type[Op], Rule] = {MatrixProduct: _multiply, Convolution: _convolve}
