"""Calls of the functions that are already written, directly, as methods and through addresses."""

from typing import TYPE_CHECKING

from mlrift.typesystem import ScalarType
from tests.fuzz.generator.declared import FLOATS, Function, Shape, Struct, Variable
from tests.fuzz.generator.frame import Frame
from tests.fuzz.generator.places import PlaceWriter

if TYPE_CHECKING:
    from tests.fuzz.generator.expressions import ExpressionWriter


class CallWriter:
    """Writes calls for one function; never of itself, so that everything ends."""

    def __init__(self, frame: Frame, expressions: "ExpressionWriter", places: PlaceWriter) -> None:
        self._frame = frame
        self._expressions = expressions
        self._places = places

    def word_call(self, depth: int) -> str | None:
        """Return a call that gives a word, or None."""
        if self._frame.happens(0.25):
            return self._indirect(depth)
        rows = [
            row
            for row in self._affordable()
            if row.results and isinstance(row.results[0], ScalarType)
            and row.results[0] not in FLOATS
        ]  # fmt: skip
        return self._one_of(rows, depth)

    def call_for(self, wanted: ScalarType | Struct, depth: int) -> str | None:
        """Return a call of a function with exactly that result, or None."""
        rows = [row for row in self._affordable() if row.results and row.results[0] is wanted]
        return self._one_of(rows, depth)

    def any_call(self, depth: int) -> str | None:
        """Return the call of any function, or None."""
        return self._one_of(self._affordable(), depth)

    def tuple_call(self, depth: int) -> tuple[str, Function] | None:
        """Return the call of a function with several results, or None."""
        rows = [row for row in self._affordable() if len(row.results) > 1]
        if not rows:
            return None
        function = self._frame.chance.choice(rows)
        text = self.call(function, depth)
        return (text, function) if text is not None else None

    def _affordable(self) -> list[Function]:
        return [row for row in self._frame.program.functions if self._frame.can_afford(row.cost)]

    def _one_of(self, rows: list[Function], depth: int) -> str | None:
        return self.call(self._frame.chance.choice(rows), depth) if rows and depth >= 0 else None

    def call(self, function: Function, depth: int) -> str | None:
        """Return a call of that function, or None when an argument is not to be had."""
        self._frame.spend(function.cost)
        arguments: list[str] = []
        for position, parameter in enumerate(function.parameters):
            if function.is_method and position == 0:
                assert isinstance(parameter.type, Struct)
                receiver = self._places.struct(parameter.type)
                if receiver is None:
                    return None
                arguments.append(receiver)
                continue
            given = self.argument(parameter, depth - 1)
            if given is None:
                return None
            arguments.append(given)
        if function.is_method and self._frame.happens(0.7):
            return f"{arguments[0]}.{function.name}({', '.join(arguments[1:])})"
        targs = "<u64>" if function.is_generic and self._frame.happens(0.5) else ""
        return f"{function.name}{targs}({', '.join(arguments)})"

    def argument(self, parameter: Variable, depth: int) -> str | None:
        """Return an argument for a parameter, or None."""
        if parameter.shape is Shape.SLICE:
            return self._slice(parameter)
        if parameter.shape is Shape.BYTES:
            regions = [
                row
                for row in self._frame.scope.of(Shape.BYTES)
                if row.count >= parameter.count and not self._frame.is_in_defer
            ]
            return self._frame.chance.choice(regions).name if regions else None
        return self._expressions.argument(parameter, depth)

    def _slice(self, parameter: Variable) -> str | None:
        chance = self._frame.chance
        shapes = (Shape.ARRAY, Shape.STRUCT_ARRAY, Shape.SLICE)
        visible = [row for shape in shapes for row in self._frame.scope.of(shape)]
        arrays = [row for row in visible if row.type is parameter.type]
        if not arrays or self._frame.is_in_defer:
            return None
        array = chance.choice(arrays)
        if array.shape is Shape.SLICE:
            return f"{array.name}, {array.name}.len"
        if array.count > 2 and self._frame.happens(0.3):
            skipped = chance.randrange(1, array.count)
            offset = skipped * array.type.size_bytes
            return f"{array.name} + {offset}, {array.count - skipped}"
        return f"{array.name}, {chance.randint(1, array.count)}"

    def _indirect(self, depth: int) -> str | None:
        rows = [
            row
            for row in self._frame.scope.of(Shape.CALLABLE)
            if row.function is not None and self._frame.can_afford(row.function.cost)
        ]
        if not rows:
            return None
        chosen = self._frame.chance.choice(rows)
        function = chosen.function
        assert function is not None
        self._frame.spend(function.cost)
        given = [self.argument(row, depth - 1) for row in function.parameters]
        if None in given:
            return None
        return f"call_ptr({', '.join([chosen.name, *(row or '' for row in given)])})"
