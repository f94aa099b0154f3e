"""What is known of shapes while a program is checked: numbers, names, or nothing.

Shapes of operands go in, the shape of a result or None comes out; nothing here reports. A name is a
variable that holds the extent when the program runs: two different names of parameters never fit,
any other doubt is left to the running program.
"""

from mlrift.frontend import typed
from mlrift.typesystem import ElementKind, TensorType

Dimension = int | typed.LocalVariable | None
Shape = tuple[Dimension, ...]
MAX_RANK = 8


def shaped(element: ElementKind, shape: Shape) -> TensorType:
    """Return the type of a tensor with a shape."""
    extents = tuple(row if isinstance(row, int) else None for row in shape)
    return TensorType(element, extents, shape)


def shape_of(tensor: TensorType) -> Shape:
    """Return what is known of a tensor's shape."""
    shape: Shape = tensor.shape or tensor.extents  # type: ignore[assignment]  # made by `shaped`
    return shape


def shown(shape: Shape) -> str:
    """Return a shape as messages show it."""
    return f"[{', '.join(map(shown_extent, shape))}]"


def shown_extent(extent: Dimension) -> str:
    """Return an extent as messages show it."""
    if extent is None:
        return "?"
    return str(extent) if isinstance(extent, int) else extent.name


def agree(one: Dimension, other: Dimension) -> bool | None:
    """Return whether two extents are equal; None if only the running program knows."""
    if one is None or other is None:
        return None
    if isinstance(one, int) and isinstance(other, int):
        return one == other
    if one is other:
        return True
    if isinstance(one, int) or isinstance(other, int):
        return None
    return False if one.is_extent and other.is_extent else None


def merged(one: Dimension, other: Dimension) -> Dimension:
    """Return the better known of two extents that are equal."""
    if isinstance(one, int) or other is None:
        return one
    return other if isinstance(other, int) or one is None else one


def broadcast(*shapes: Shape) -> Shape | None:
    """Return the shape of an element-wise result, None when the operands do not fit.

    Axes are aligned at the last one; an extent that is the constant 1 stretches.
    """
    rank = max(len(row) for row in shapes)
    made: list[Dimension] = []
    for axis in range(rank):
        found: Dimension = 1
        for shape in shapes:
            position = axis - (rank - len(shape))
            extent = shape[position] if position >= 0 else 1
            if extent == 1:
                continue
            if found == 1:
                found = extent
            elif agree(found, extent) is False:
                return None
            else:
                found = merged(found, extent)
        made.append(found)
    return tuple(made)


def product(left: Shape, right: Shape) -> Shape | None:
    """Return the shape of a matrix product, None when the operands do not fit."""
    if not left or not right:
        return None
    rows = left if len(left) > 1 else (1, *left)
    columns = right if len(right) > 1 else (*right, 1)
    batch = broadcast(rows[:-2], columns[:-2]) if len(rows) > 2 or len(columns) > 2 else ()
    if batch is None or agree(rows[-1], columns[-2]) is False:
        return None
    kept = rows[-2:-1] if len(left) > 1 else ()
    return (*batch, *kept, *(columns[-1:] if len(right) > 1 else ()))


def fits(found: Shape, wanted: Shape) -> bool:
    """Return whether a shape may be another one, axis by axis."""
    if len(found) != len(wanted):
        return False
    return all(agree(*pair) is not False for pair in zip(found, wanted, strict=True))


def count(shape: Shape) -> int | None:
    """Return the number of elements if all extents are numbers."""
    elements = 1
    for row in shape:
        if not isinstance(row, int):
            return None
        elements *= row
    return elements
