"""Where a kernel's arguments are: a function enters, offsets in the kernarg segment leave.

Explicit arguments follow one another at their natural alignment. Those that the launcher fills
begin at the next multiple of 8 and are at fixed places from there (gpu.md 3.7).
"""

from mlrift.backends.amdgcn.codeobject.model import ArgumentKind, KernelArgument
from mlrift.ir.core import BlockParameter, Function
from mlrift.typesystem import F32
from mlrift.values import value

_HIDDEN: dict[ArgumentKind, tuple[int, int]] = {
    ArgumentKind.HIDDEN_BLOCK_COUNT_X: (0, 4),
    ArgumentKind.HIDDEN_BLOCK_COUNT_Y: (4, 4),
    ArgumentKind.HIDDEN_BLOCK_COUNT_Z: (8, 4),
    ArgumentKind.HIDDEN_GROUP_SIZE_X: (12, 2),
    ArgumentKind.HIDDEN_GROUP_SIZE_Y: (14, 2),
    ArgumentKind.HIDDEN_GROUP_SIZE_Z: (16, 2),
}
_ALIGN = 8


@value
class ExplicitArgument:
    """Place of a parameter of the function, in bytes."""

    parameter: BlockParameter
    offset: int
    size: int


@value
class ArgumentLayout:
    """Places of the parameters, and of the first hidden argument, which is the end of them."""

    explicit: tuple[ExplicitArgument, ...]
    end: int

    def offset_of(self, kind: ArgumentKind) -> int:
        """Return the place of a hidden argument."""
        return self.hidden_start + _HIDDEN[kind][0]

    @property
    def hidden_start(self) -> int:
        """Where hidden arguments begin."""
        return _aligned(self.end, _ALIGN)

    def hidden(self, kinds: set[ArgumentKind]) -> list[KernelArgument]:
        """Return the hidden arguments of some kinds, in the order of their places."""
        return [
            KernelArgument("", "", kind, self.hidden_start + offset, size)
            for kind, (offset, size) in _HIDDEN.items()
            if kind in kinds
        ]


def argument_layout(function: Function) -> ArgumentLayout:
    """Return the layout of the arguments of a kernel."""
    offset = 0
    rows: list[ExplicitArgument] = []
    for parameter in function.parameters:
        size = size_of_argument(parameter)
        offset = _aligned(offset, size)
        rows.append(ExplicitArgument(parameter, offset, size))
        offset += size
    return ArgumentLayout(tuple(rows), offset)


def size_of_argument(parameter: BlockParameter) -> int:
    """Return the bytes of an argument: 4 for an f32, else 8."""
    return 4 if parameter.type is F32 else 8


def _aligned(offset: int, align: int) -> int:
    return -(-offset // align) * align
