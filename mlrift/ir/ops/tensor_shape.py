"""Ops that arrange elements anew; those that can, share them with their operand."""

from mlrift.ir.core import Value
from mlrift.ir.op import Effect, Op, Trait, anything, op, same_as
from mlrift.ir.ops.tensor_types import (
    INTEGERS,
    MAX_RANK,
    check_axis,
    check_extents,
    check_tensors,
    check_words,
    shown,
    tensor_of,
)
from mlrift.typesystem import Extents, TensorType, ValueType, tensor


def _count(extents: Extents) -> int | None:
    count = 1
    for row in extents:
        if row is None:
            return None
        count *= row
    return count


@op("tensor.reshape", Effect.PURE, Trait.TRAPS, result=same_as("tensor_type"), operands=anything)
class Reshape(Op):
    """The same elements in row-major order with other extents; their product must be the same."""

    operand: Value
    extents: list[Value]
    tensor_type: TensorType

    def check(self) -> str | None:
        """Compare the numbers of elements where both are known."""
        problem = check_tensors(self.operand) or check_extents(self.tensor_type, self.extents)
        if problem is not None:
            return problem
        found = tensor_of(self.operand)
        if found.element is not self.tensor_type.element:
            return f"elements of {found.element.value} do not become others"
        before, after = _count(found.extents), _count(self.tensor_type.extents)
        if before is None or after is None or before == after:
            return None
        wanted = shown(self.tensor_type.extents)
        return f"{shown(found.extents)} has {before} elements, {wanted} has {after}"


def _permuted(made: Op) -> ValueType:
    assert isinstance(made, Permute)
    found = tensor_of(made.operand)
    axes = [axis for axis in made.axes if axis < found.rank]
    return tensor(found.element, tuple(found.extents[axis] for axis in axes))


@op("tensor.permute", Effect.PURE, result=_permuted, operands=anything)
class Permute(Op):
    """The axes in another order: axis i of the result is axis `axes[i]` of the operand."""

    operand: Value
    axes: tuple[int, ...]

    def check(self) -> str | None:
        """Refuse what is no permutation of the axes."""
        problem = check_tensors(self.operand)
        if problem is not None:
            return problem
        found = tensor_of(self.operand)
        if sorted(self.axes) != list(range(found.rank)):
            return f"{self.axes} is no order of the {found.rank} axes"
        return None


def _with_axis(made: Op) -> ValueType:
    assert isinstance(made, AddAxis)
    found = tensor_of(made.operand)
    return tensor(found.element, (*found.extents[: made.axis], 1, *found.extents[made.axis :]))


@op("tensor.add_axis", Effect.PURE, result=_with_axis, operands=anything)
class AddAxis(Op):
    """The tensor with a further axis of extent 1, number `axis` of the result."""

    operand: Value
    axis: int

    def check(self) -> str | None:
        """Refuse a place outside."""
        problem = check_tensors(self.operand)
        rank = tensor_of(self.operand).rank
        if problem is None and (self.axis > rank or rank == MAX_RANK):
            problem = f"no axis {self.axis} can be added to {tensor_of(self.operand).value}"
        return problem


def _without_axis(made: Op) -> ValueType:
    assert isinstance(made, DropAxis)
    found = tensor_of(made.operand)
    return tensor(found.element, found.extents[: made.axis] + found.extents[made.axis + 1 :])


@op("tensor.drop_axis", Effect.PURE, Trait.TRAPS, result=_without_axis, operands=anything)
class DropAxis(Op):
    """The tensor without an axis, whose extent must be 1."""

    operand: Value
    axis: int

    def check(self) -> str | None:
        """Refuse an axis that is not there or is longer."""
        problem = check_tensors(self.operand) or check_axis(self.operand, self.axis)
        if problem is not None:
            return problem
        found = tensor_of(self.operand)
        if found.extents[self.axis] not in (1, None):
            return f"axis {self.axis} of {found.value} is longer than 1"
        return None


@op("tensor.slice", Effect.PURE, Trait.TRAPS, result=same_as("tensor_type"), operands=anything)
class Slice(Op):
    """Elements `starts[a]`, `starts[a] + steps[a]` ... before `ends[a]` along every axis a.

    Steps are positive. 0 <= start <= end <= extent, or the program ends with a message.
    """

    operand: Value
    starts: list[Value]
    ends: list[Value]
    steps: list[Value]
    tensor_type: TensorType

    def check(self) -> str | None:
        """Compare the ranks."""
        problem = check_tensors(self.operand)
        if problem is not None:
            return problem
        found = tensor_of(self.operand)
        for rows in (self.starts, self.ends, self.steps):
            problem = problem or check_words(rows, "starts, ends, steps")
            if len(rows) != found.rank:
                return f"{len(rows)} words for {found.rank} axes"
        if found.rank != self.tensor_type.rank or found.element is not self.tensor_type.element:
            return f"no slice of {found.value} is a {self.tensor_type.value}"
        return problem


@op("tensor.insert", Effect.PURE, Trait.TRAPS, result=same_as("operand"), operands=anything)
class Insert(Op):
    """The tensor with `part` in the place of the slice from `starts` with `steps`.

    It uses `operand` up. The slice must be within; `part` stretches as in element-wise ops.
    """

    operand: Value
    part: Value
    starts: list[Value]
    ends: list[Value]
    steps: list[Value]

    def check(self) -> str | None:
        """Compare kinds and ranks."""
        problem = check_tensors(self.operand, self.part)
        if problem is not None:
            return problem
        found, part = tensor_of(self.operand), tensor_of(self.part)
        for rows in (self.starts, self.ends, self.steps):
            problem = problem or check_words(rows, "starts, ends, steps")
            if len(rows) != found.rank:
                return f"{len(rows)} words for {found.rank} axes"
        if part.rank > found.rank or part.element is not found.element:
            return f"{part.value} is no part of {found.value}"
        return problem


def _concatenated(made: Op) -> ValueType:
    assert isinstance(made, Concat)
    rows = [tensor_of(row).extents for row in made.parts]
    first = tensor_of(made.parts[0])
    if any(len(row) != first.rank for row in rows) or made.axis >= first.rank:
        return first
    extents: list[int | None] = []
    for axis in range(first.rank):
        known = [row[axis] for row in rows]
        if axis != made.axis:
            extents.append(next((row for row in known if row is not None), None))
        elif None in known:
            extents.append(None)
        else:
            extents.append(sum(row for row in known if row is not None))
    return tensor(first.element, tuple(extents))


@op("tensor.concat", Effect.PURE, Trait.TRAPS, result=_concatenated, operands=anything)
class Concat(Op):
    """Tensors one after the other along an axis; all other extents are equal."""

    parts: list[Value]
    axis: int

    def check(self) -> str | None:
        """Compare kinds, ranks and the other extents."""
        if not self.parts:
            return "nothing to put together"
        problem = check_tensors(*self.parts) or check_axis(self.parts[0], self.axis)
        if problem is not None:
            return problem
        first = tensor_of(self.parts[0])
        for part in map(tensor_of, self.parts[1:]):
            fits = part.element is first.element and part.rank == first.rank
            if fits:
                pairs = enumerate(zip(part.extents, first.extents, strict=True))
                fits = all(
                    axis == self.axis or one is None or two is None or one == two
                    for axis, (one, two) in pairs
                )
            if not fits:
                return f"{first.value} and {part.value} do not fit along axis {self.axis}"
        return None


def _gathered(made: Op) -> ValueType:
    assert isinstance(made, Gather)
    table = tensor_of(made.table)
    return tensor(table.element, tensor_of(made.indices).extents + table.extents[1:])


@op("tensor.gather", Effect.PURE, Trait.TRAPS, result=_gathered, operands=anything)
class Gather(Op):
    """Rows of a table by number: `table[indices]`, along its first axis."""

    table: Value
    indices: Value

    def check(self) -> str | None:
        """Refuse a table without rows and indices that are no whole numbers."""
        return _check_rows(self.table, self.indices)


@op("tensor.scatter_add", Effect.PURE, Trait.TRAPS, result=same_as("table"), operands=anything)
class ScatterAdd(Op):
    """The table with `values[i]` added to row `indices[i]`, in the order of i; uses it up."""

    table: Value
    indices: Value
    values: Value

    def check(self) -> str | None:
        """Compare the values with the rows."""
        problem = _check_rows(self.table, self.indices) or check_tensors(self.values)
        if problem is not None:
            return problem
        table, values = tensor_of(self.table), tensor_of(self.values)
        wanted = tensor_of(self.indices).extents + table.extents[1:]
        fits = values.element is table.element and values.rank == len(wanted)
        if fits:
            pairs = zip(values.extents, wanted, strict=True)
            fits = all(one is None or two is None or one == two for one, two in pairs)
        return None if fits else f"values are {values.value}, rows make {shown(wanted)}"


def _check_rows(table: Value, indices: Value) -> str | None:
    problem = check_tensors(table, indices) or check_axis(table, 0)
    if problem is not None:
        return problem
    kind = tensor_of(indices).element
    return None if kind in INTEGERS else f"indices are whole numbers, not {kind.value}"
