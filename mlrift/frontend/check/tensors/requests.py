"""A call of a named operation on tensors: the operands, and what may be wrong with them."""

from collections.abc import Callable

from mlrift.diagnostics import catalog
from mlrift.frontend import typed
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.conversions import signed_value
from mlrift.frontend.check.tensors.nodes import described, failed
from mlrift.source import Span
from mlrift.typesystem import ElementKind, ScalarType, TensorType
from mlrift.values import value


@value
class Request:
    """A call of an operation: its name, where, and the operands, none of them in error."""

    context: Context
    name: str
    operands: list[typed.Expression]
    span: Span

    @property
    def first(self) -> typed.Expression:
        """The first operand."""
        return self.operands[0]

    @property
    def tensor(self) -> TensorType:
        """The type of the first operand, which is a tensor."""
        found = self.operands[0].type
        assert isinstance(found, TensorType)
        return found

    def wrong(self, expected: str) -> typed.Expression:
        """Report operands of other kinds or numbers."""
        names = ", ".join(described(row.type) for row in self.operands) or "nothing"
        self.context.emit(
            catalog.TENSOR_ARGUMENTS.at(self.span, name=self.name, expected=expected, found=names)
        )
        return failed(self.span)

    def absent(self, element: ElementKind) -> typed.Expression:
        """Report an operation that there is not for a kind of elements."""
        diagnostic = catalog.NO_TENSOR_OPERATION.at(
            self.span, operation=f"`{self.name}`", element=element.value
        )
        self.context.emit(diagnostic)
        return failed(self.span)

    def constant(self, position: int, what: str) -> int | None:
        """Return the number that an operand is; None after a report."""
        operand = self.operands[position]
        if type(operand) is typed.IntegerConstant:
            return signed_value(operand.value)
        self.context.emit(catalog.AXIS_NOT_CONSTANT.at(operand.span, what=what))
        return None

    def axis(self, position: int, rank: int) -> int | None:
        """Return the axis that an operand names, counted from the last one if negative."""
        axis = self.constant(position, "an axis")
        if axis is None:
            return None
        if -rank <= axis < rank:
            return axis % rank
        span = self.operands[position].span
        self.context.emit(catalog.NO_SUCH_AXIS.at(span, axis=axis, rank=rank))
        return None

    def axes(self, position: int, rank: int) -> list[int] | None:
        """Return the axes that the operands from a position on name, each once."""
        found: list[int] = []
        for place in range(position, len(self.operands)):
            axis = self.axis(place, rank)
            if axis is None:
                return None
            if axis in found:
                self.wrong("each axis once")
                return None
            found.append(axis)
        return found


Handler = Callable[[Request], typed.Expression]


def is_tensor(operand: typed.Expression) -> bool:
    """Whether an operand is a tensor."""
    return isinstance(operand.type, TensorType)


def is_word(operand: typed.Expression) -> bool:
    """Whether an operand is an integer."""
    found = operand.type
    return isinstance(found, ScalarType) and not found.is_float


def is_one_tensor(request: Request) -> bool:
    """Whether the one operand is a tensor."""
    return len(request.operands) == 1 and is_tensor(request.first)
