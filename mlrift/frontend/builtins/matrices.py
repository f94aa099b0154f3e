"""Builtins for matrix products and convolutions, one for each type of the factors."""

from collections.abc import Callable

from mlrift.frontend.builtins.declaration import Builtin
from mlrift.ir.builder import Builder
from mlrift.ir.core import Value
from mlrift.typesystem import U64

_PRODUCT_PARAMETERS = 11
_CONVOLUTION_PARAMETERS = 14
_TYPES = (("f32", "f32"), ("f64", "f64"), ("bf16", "f32"), ("f16", "f32"), ("i8", "i32"))


def _entry(symbol: str, *more: int) -> Callable[[Builder, list[Value]], Value]:
    """Return what emits a call of an entry: nothing to finish, one product."""

    def lower(builder: Builder, arguments: list[Value]) -> Value:
        rest = [builder.word(number) for number in more]
        builder.call_external(symbol, [*arguments, *rest], ())
        return builder.word(0)

    return lower


MATRICES = (
    *(
        Builtin(
            f"os_matmul_{name}",
            (U64,) * _PRODUCT_PARAMETERS,
            U64,
            _entry(f"core.matmul{name}_run", 0, 1, 0, 0, 0),
            f"c = a b, {name} to {result}: m, n, k, a and the distances of its rows and columns, "
            "b and its, c and that of its rows, in elements",
        )
        for name, result in _TYPES
    ),
    *(
        Builtin(
            f"os_conv_{name}",
            (U64,) * _CONVOLUTION_PARAMETERS,
            U64,
            _entry(f"core.conv{name}_run", 0),
            f"convolution, {name} to {result}: images, channels, height, width, filters, height "
            "and width of the kernel, of the stride and of the border, image, kernel, result",
        )
        for name, result in _TYPES
    ),
)
