"""Readable and assignable places, and expressions that read memory by address."""

from collections.abc import Callable
from dataclasses import dataclass

from mlrift.typesystem import ScalarType
from tests.fuzz.generator.declared import Shape, Struct, Variable
from tests.fuzz.generator.frame import Frame

_LOADS = (
    ("load8", 1),
    ("load16", 2),
    ("load32", 4),
    ("load64", 8),
    ("vload8", 1),
    ("vload16", 2),
    ("vload32", 4),
    ("vload64", 8),
)
_TEXTS = ('"abc"', '"abd"', '""', '"a\\nb"', '"ab"', '"longer text"')


@dataclass(frozen=True, slots=True)
class Path:
    """A way from a variable to a scalar or struct; `{i}` in `text` stands for an index."""

    variable: Variable
    text: str
    type: ScalarType | Struct


class PlaceWriter:
    """Chooses places of one function; `word` writes what indices are made of."""

    def __init__(self, frame: Frame, word: Callable[[int], str]) -> None:
        self._frame = frame
        self._chance = frame.chance
        self._word = word

    def index(self, variable: Variable, depth: int = 1) -> str:
        """Return an index within an array or slice."""
        if variable.shape is Shape.SLICE:
            return f"(({self._word(depth)} & 0xFFFF) % {variable.name}.len)"
        count = variable.count
        loops = [row.name for row in self._frame.scope.of(Shape.SCALAR) if 0 < row.bound <= count]
        if loops and not self._frame.is_in_defer and self._frame.happens(0.5):
            return self._chance.choice(loops)
        if self._frame.happens(0.3):
            return str(self._chance.randrange(count))
        if count & (count - 1) == 0:
            return f"({self._word(depth)} & {count - 1})"
        return f"(({self._word(depth)} & 0xFFFF) % {count})"

    def scalar(
        self, wanted: frozenset[ScalarType], depth: int = 0
    ) -> tuple[str, ScalarType] | None:
        """Return a scalar that can be read, as text and type, or None."""
        paths = [row for row in self._paths() if row.type in wanted]
        return self._write(self._chance.choice(paths), depth) if paths else None

    def target(self, depth: int = 1) -> tuple[str, ScalarType] | None:
        """Return a scalar that can be assigned."""
        paths = [
            row
            for row in self._paths()
            if isinstance(row.type, ScalarType) and row.variable.is_writable
        ]
        return self._write(self._chance.choice(paths), depth) if paths else None

    def struct(self, struct: Struct) -> str | None:
        """Return a place that holds a struct."""
        paths = [row for row in self._paths() if row.type is struct]
        return self._write(self._chance.choice(paths), 0)[0] if paths else None

    def struct_target(self) -> tuple[str, Struct] | None:
        """Return a field or element that holds a struct (assigning copies)."""
        paths = [
            row
            for row in self._paths()
            if isinstance(row.type, Struct) and (row.text or row.variable.shape is not Shape.STRUCT)
        ]
        if not paths:
            return None
        path = self._chance.choice(paths)
        assert isinstance(path.type, Struct)
        return self._write(path, 1)[0], path.type

    def _write(self, path: Path, depth: int) -> tuple[str, ScalarType]:
        text = path.variable.name + path.text
        if "{i}" in text:
            text = text.replace("{i}", self.index(path.variable, depth))
        return text, path.type  # type: ignore[return-value]  # structs are asked for by struct()

    def _paths(self) -> list[Path]:
        paths: list[Path] = []
        for variable in self._frame.scope.visible():
            if self._frame.is_in_defer and not self._is_safe_in_defer(variable):
                continue
            paths += _paths_of(variable)
        return paths

    def _is_safe_in_defer(self, variable: Variable) -> bool:
        """Whether a name has storage even where its declaration did not run."""
        name = variable.name
        in_function = any(name in row for row in self._frame.scope.blocks[1:])
        return variable.shape is Shape.SCALAR or not in_function

    # --------------------------------------------------------------------- by address

    def load(self, depth: int) -> str | None:
        """Return a load from memory that has an address, or None."""
        found = self.address(8, depth)
        if found is None:
            return None
        if self._frame.happens(0.15):
            return f"atomic_load({self.aligned_address()})"
        return f"{self._chance.choice(_LOADS)[0]}({found})"

    def address(self, size: int, depth: int = 1) -> str | None:
        """Return an address with `size` bytes behind it, or None."""
        regions = self._regions(size)
        if not regions:
            return None
        region = self._chance.choice(regions)
        room = region.count - size
        if room == 0 or self._frame.happens(0.2):
            return region.name
        if self._frame.happens(0.4):
            return f"({region.name} + {self._chance.randrange(room + 1)})"
        mask = (1 << (room + 1).bit_length() - 1) - 1
        return f"({region.name} + ({self._word(depth)} & {mask}))"

    def aligned_address(self) -> str | None:
        """Return the address of a word that atomics may use, or None."""
        regions = self._regions(8)
        if not regions:
            return None
        region = self._chance.choice(regions)
        return f"({region.name} + {8 * self._chance.randrange(region.count // 8)})"

    def byte(self, depth: int) -> str | None:
        """Return a byte read by indexing an address, or None."""
        regions = self._regions(1)
        if not regions:
            return None
        region = self._chance.choice(regions)
        return f"{region.name}[{self.index(region, depth)}]"

    def text(self, depth: int) -> str | None:
        """Return a builtin on texts."""
        texts = [*_TEXTS, *(row.name for row in self._frame.scope.of(Shape.TEXT))]
        if self._frame.is_in_defer:
            texts = [*_TEXTS]
        if self._frame.happens(0.5):
            return f"str_len({self._chance.choice(texts)})"
        return f"str_eq({self._chance.choice(texts)}, {self._chance.choice(texts)})"

    def _regions(self, size: int) -> list[Variable]:
        if self._frame.is_in_defer:
            return []
        return [row for row in self._frame.scope.of(Shape.BYTES) if row.count >= size]

    def struct_equality(self) -> str | None:
        """Return a comparison of two struct variables by content, or None."""
        structs = [
            row
            for row in self._frame.scope.of(Shape.STRUCT)
            if isinstance(row.type, Struct) and row.type.is_comparable
        ]
        if not structs or self._frame.is_in_defer:
            return None
        left = self._chance.choice(structs)
        same = [row.name for row in structs if row.type is left.type]
        return f"({left.name} {self._chance.choice(('==', '!='))} {self._chance.choice(same)})"


def _paths_of(variable: Variable) -> list[Path]:
    kind = variable.type
    match variable.shape:
        case Shape.SCALAR:
            return [Path(variable, "", kind)]
        case Shape.ARRAY | Shape.SLICE if isinstance(kind, ScalarType):
            return [Path(variable, "[{i}]", kind)]
        case Shape.STRUCT | Shape.STRUCT_ARRAY | Shape.SLICE:
            assert isinstance(kind, Struct)
            start = "" if variable.shape is Shape.STRUCT else "[{i}]"
            paths = [Path(variable, start, kind)]
            paths += [Path(variable, f"{start}.{name}", row) for name, row in kind.inner()]
            return paths + [Path(variable, f"{start}.{name}", row) for name, row in kind.leaves()]
        case _:
            return []
