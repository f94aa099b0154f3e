"""Element-wise ops on tensors. Shapes are aligned at the last axis; constant extents of 1 stretch.

Arithmetic is that of the element kind: whole numbers modulo their width, f16 and bf16 computed in
f32 and rounded after every op. `fuse_tensors` makes one `tensor.map` of neighbours.
"""

from enum import Enum, unique

from mlrift.ir.core import Value
from mlrift.ir.op import Effect, Op, Trait, anything, op, same_as
from mlrift.ir.ops.tensor_types import (
    FLOATS,
    broadcast_type,
    check_broadcast,
    check_tensors,
    check_words,
    tensor_of,
)
from mlrift.typesystem import ElementKind, TensorType, tensor


@unique
class UnaryKind(Enum):
    """What becomes of each element."""

    NEG = "neg"
    ABS = "abs"
    SQRT = "sqrt"
    RSQRT = "rsqrt"
    EXP = "exp"
    LOG = "log"
    TANH = "tanh"
    SIN = "sin"
    COS = "cos"
    SIGMOID = "sigmoid"
    RELU = "relu"
    SILU = "silu"
    GELU = "gelu"
    FLOOR = "floor"
    CEIL = "ceil"
    ROUND = "round"
    NOT = "not"


_ANY_NUMBER = (UnaryKind.NEG, UnaryKind.ABS, UnaryKind.RELU)


@unique
class BinaryKind(Enum):
    """What becomes of each pair of elements."""

    ADD = "add"
    SUB = "sub"
    MUL = "mul"
    DIV = "div"
    REM = "rem"
    MIN = "min"
    MAX = "max"
    AND = "and"
    OR = "or"
    XOR = "xor"
    SHL = "shl"
    SHR = "shr"


_BITS = (BinaryKind.AND, BinaryKind.OR, BinaryKind.XOR)
_WHOLE = (BinaryKind.SHL, BinaryKind.SHR, BinaryKind.REM)


@unique
class ComparePredicate(Enum):
    """Comparisons of numbers; with a NaN all are false but `ne`."""

    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"


@op("tensor.unary", Effect.PURE, Trait.TRAPS, result=same_as("operand"), operands=anything)
class Unary(Op):
    """A function of each element.

    neg, abs and relu are for all numbers, not for whole numbers and truth values, the rest for
    floats. log, sin and cos are std's, exp and tanh too but for f32 (within two units in the last
    place); sigmoid is 1 / (1 + exp(-x)), silu is
    x * sigmoid(x),
    gelu 0.5 * x * (1 + tanh(0.7978845608 * (x + 0.044715 * x^3))), round goes to even.
    """

    kind: UnaryKind
    operand: Value

    def check(self) -> str | None:
        """Refuse kinds of elements that the function is not for."""
        problem = check_tensors(self.operand)
        if problem is not None:
            return problem
        element = tensor_of(self.operand).element
        if self.kind is UnaryKind.NOT:
            fits = element not in FLOATS
        elif self.kind in _ANY_NUMBER:
            fits = element is not ElementKind.BOOL
        else:
            fits = element in FLOATS
        return None if fits else f"there is no {self.kind.value} of {element.value}"


@op(
    "tensor.binary",
    Effect.PURE,
    Trait.TRAPS,
    result=lambda made: broadcast_type(
        tensor_of(made.lhs).element,  # type: ignore[attr-defined]  # binary only
        *made.operands(),
    ),
    operands=anything,
)
class Binary(Op):
    """A function of each pair of elements.

    A whole number divided by zero ends the program with 136, as in scalar code. Shift counts are
    modulo the width. min and max give NaN if one is NaN, and take -0 for less than +0.
    """

    kind: BinaryKind
    lhs: Value
    rhs: Value

    def check(self) -> str | None:
        """Refuse two kinds of elements, shapes that do not fit, and what is for other kinds."""
        problem = check_broadcast(self.lhs, self.rhs)
        if problem is not None:
            return problem
        element, other = tensor_of(self.lhs).element, tensor_of(self.rhs).element
        if element is not other:
            return f"elements of {element.value} and of {other.value}"
        fits = True
        if self.kind in _BITS:
            fits = element not in FLOATS
        elif self.kind in _WHOLE:
            fits = element not in (*FLOATS, ElementKind.BOOL)
        elif element is ElementKind.BOOL:
            fits = False
        return None if fits else f"there is no {self.kind.value} of {element.value}"


@op(
    "tensor.compare",
    Effect.PURE,
    Trait.TRAPS,
    result=lambda made: broadcast_type(ElementKind.BOOL, *made.operands()),
    operands=anything,
)
class Compare(Op):
    """Truth values: how each pair of elements compares."""

    predicate: ComparePredicate
    lhs: Value
    rhs: Value

    def check(self) -> str | None:
        """Refuse two kinds of elements and shapes that do not fit."""
        problem = check_broadcast(self.lhs, self.rhs)
        if problem is not None:
            return problem
        element, other = tensor_of(self.lhs).element, tensor_of(self.rhs).element
        return None if element is other else f"elements of {element.value} and of {other.value}"


@op(
    "tensor.select",
    Effect.PURE,
    Trait.TRAPS,
    result=lambda made: broadcast_type(
        tensor_of(made.if_true).element,  # type: ignore[attr-defined]  # select only
        *made.operands(),
    ),
    operands=anything,
)
class Select(Op):
    """One of two elements each, by truth values."""

    condition: Value
    if_true: Value
    if_false: Value

    def check(self) -> str | None:
        """Refuse two kinds of elements, shapes that do not fit and other conditions."""
        problem = check_broadcast(self.condition, self.if_true, self.if_false)
        if problem is not None:
            return problem
        condition = tensor_of(self.condition).element
        if condition is not ElementKind.BOOL:
            return f"the condition has elements of {condition.value}, not bool"
        element, other = tensor_of(self.if_true).element, tensor_of(self.if_false).element
        return None if element is other else f"elements of {element.value} and of {other.value}"


@op(
    "tensor.cast",
    Effect.PURE,
    Trait.TRAPS,
    result=lambda made: tensor(
        made.element,  # type: ignore[attr-defined]  # cast only
        tensor_of(made.operands()[0]).extents,
    ),
    operands=anything,
)
class Cast(Op):
    """Elements of another kind.

    Floats are rounded to nearest, ties to even; to whole numbers they are truncated to i64 (NaN 0,
    saturating), then taken modulo the width; whole numbers and truth values become the nearest
    float; anything but 0 is true.
    """

    element: ElementKind
    operand: Value

    def check(self) -> str | None:
        """Refuse scalars."""
        return check_tensors(self.operand)


@op("tensor.map", Effect.PURE, Trait.TRAPS, result=same_as("tensor_type"), operands=anything)
class Map(Op):
    """A function of the module for each element: `body(elements ..., scalars ...[, number])`.

    Elements and its one result are scalars as `scalar_of` says; the body has no effects, and stores
    round its result to the element kind. If it has one parameter more than there are tensors and
    scalars, that is the number of the element in row-major order. The extents are those of the
    tensors, aligned and stretched; `extents` is for maps without tensors, and empty for others.
    """

    body: str
    tensors: list[Value]
    scalars: list[Value]
    extents: list[Value]
    tensor_type: TensorType

    def check(self) -> str | None:
        """Compare the shapes of the operands with the result's."""
        problem = check_words(self.extents, "extents")
        if problem is not None:
            return problem
        if not self.tensors:
            if len(self.extents) != self.tensor_type.rank:
                return f"{len(self.extents)} extents for {self.tensor_type.value}"
            return None
        if self.extents:
            return "the tensors say what the extents are"
        problem = check_broadcast(*self.tensors)
        if problem is not None:
            return problem
        found = broadcast_type(self.tensor_type.element, *self.tensors)
        if found is not self.tensor_type:
            return f"the operands make a {found.value}"
        return None
