"""What is known of a struct whose arrays are populations: its columns, its blocks, its streams."""

from mlrift.source import Span
from mlrift.typesystem import ScalarType, StructType
from mlrift.values import field, record


@record
class Column:
    """One array of a population: a field of the struct, or a counter that belongs to a block."""

    name: str
    type: ScalarType
    is_field: bool


@record
class Block:
    """A `dynamics` block: the function of one neuron and what it gets.

    `columns` are those whose addresses are passed, by number. `stream` is negative when the block
    has no `spike`. `doubles` and `singles` are the variables that lines integrate, by type.
    `preparation` is the function that fills the static `tables` (their numbers of f64) before a
    step; "" when nothing is to be prepared. `has_units` says that its times carry units, so time
    steps must, too.
    """

    name: str
    function: str
    span: Span
    columns: tuple[int, ...] = ()
    stream: int = -1
    doubles: tuple[int, ...] = ()
    singles: tuple[int, ...] = ()
    has_units: bool = False
    preparation: str = ""
    tables: dict[str, int] = field(default_factory=dict)
    shortest: "tuple[float, Span] | None" = None


@record
class StructModel:
    """The columns, blocks and event streams of a struct, filled while items are declared."""

    struct: StructType
    columns: list[Column] = field(default_factory=list)
    blocks: dict[str, Block] = field(default_factory=dict)
    streams: int = 0

    def column(self, name: str) -> int | None:
        """Return the number of a column, None when there is none of the name."""
        for number, row in enumerate(self.columns):
            if row.name == name:
                return number
        return None

    def widths(self) -> tuple[int, ...]:
        """Return the bytes of an element of every column."""
        return tuple(row.type.size_bytes for row in self.columns)
