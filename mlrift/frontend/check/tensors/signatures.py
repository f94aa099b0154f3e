"""Functions with tensors: names in shapes are bound by the call and checked wherever they stand.

`resolve` gives parameters and result their types once constants are known; `enter` returns what a
body begins with; `call` compares arguments with parameters and says what the result's shape is.
"""

from mlrift.diagnostics import catalog
from mlrift.frontend import ast, typed
from mlrift.frontend.builtins import tensor as ir
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.tensors.extents import ANY_EXTENT, ExtentReader, element_kind
from mlrift.frontend.check.tensors.nodes import (
    described,
    failed,
    mismatch,
    operation,
    read,
)
from mlrift.frontend.check.tensors.shapes import (
    MAX_RANK,
    Dimension,
    Shape,
    agree,
    merged,
    shape_of,
    shaped,
    shown_extent,
)
from mlrift.frontend.scopes import Binding, Signature
from mlrift.source import Span
from mlrift.typesystem import ERROR, U64, ErrorType, ScalarType, TensorType, Type
from mlrift.values import field, record


@record
class FunctionShapes:
    """What the shapes of a function mean.

    `first` says where a name gets its value: a parameter and an axis. `words` are extents that are
    scalar parameters, `late` those that are computed from names when the function begins.
    """

    signature: Signature
    first: dict[typed.LocalVariable, tuple[typed.LocalVariable, int]] = field(default_factory=dict)
    words: dict[typed.LocalVariable, typed.LocalVariable] = field(default_factory=dict)
    late: dict[typed.LocalVariable, ast.Expression] = field(default_factory=dict)
    names: dict[str, typed.LocalVariable] = field(default_factory=dict)


class SignatureChecker:
    """The shapes of all functions with tensors."""

    def __init__(self, context: Context, reader: ExtentReader) -> None:
        self._context = context
        self._reader = reader
        self.functions: dict[typed.FunctionSymbol, FunctionShapes] = {}
        self._bound: dict[typed.Call, dict[typed.LocalVariable, Dimension]] = {}

    # ------------------------------------------------------------------------ declarations

    def resolve(self, signature: Signature) -> None:
        """Give the parameters and the result of a function their types."""
        symbol, node = signature.symbol, signature.node
        shapes = self.functions[symbol] = FunctionShapes(signature)
        if type(node) is ast.Extern:
            self._refuse(node, "an extern function")
            return
        if symbol.is_naked:
            self._refuse(node, "a naked function")
            return
        by_name = {row.name: row for row in symbol.parameters}
        for row in node.parameters:
            if type(row.type) is not ast.TensorTypeName:
                continue
            if row.is_slice:
                self._refuse_at(row.type, "a slice")
                continue
            parameter = by_name[row.name.text]
            parameter.type = self._type(shapes, row.type, parameter)
        if type(node.result) is ast.TensorTypeName:
            symbol.result = self._type(shapes, node.result, None)
        further = node.further if type(node) is ast.Function else []
        for place, name in enumerate(further):
            if type(name) is ast.TensorTypeName:
                symbol.further[place] = self._type(shapes, name, None)

    def _refuse(self, node: ast.Function | ast.Extern, what: str) -> None:
        further = node.further if type(node) is ast.Function else []
        for row in (*(row.type for row in node.parameters), node.result, *further):
            if type(row) is ast.TensorTypeName:
                self._refuse_at(row, what)

    def _refuse_at(self, name: ast.TensorTypeName, what: str) -> None:
        diagnostic = catalog.NOT_WITH_TENSORS.at(name.span, what=what, found=f"`{name.span.text}`")
        self._context.emit(diagnostic)

    def _type(
        self,
        shapes: FunctionShapes,
        name: ast.TensorTypeName,
        parameter: typed.LocalVariable | None,
    ) -> TensorType | ErrorType:
        element = element_kind(self._context, name.element)
        shape: list[Dimension] = []
        for axis, node in enumerate(name.extents):
            extent = self._extent(shapes, node, parameter, axis)
            if isinstance(extent, ErrorType):
                return ERROR
            shape.append(extent)
        if len(shape) > MAX_RANK:
            diagnostic = catalog.TOO_MANY_AXES.at(name.span, most=MAX_RANK, found=len(shape))
            self._context.emit(diagnostic)
            return ERROR
        return ERROR if element is None else shaped(element, tuple(shape))

    def _extent(
        self,
        shapes: FunctionShapes,
        node: ast.Expression,
        parameter: typed.LocalVariable | None,
        axis: int,
    ) -> Dimension | ErrorType:
        if type(node) is ast.Identifier:
            if node.text == ANY_EXTENT:
                return None
            known = shapes.names.get(node.text)
            if known is not None:
                return known
        number = self._reader.known(node)
        if number is not None:
            return number
        if type(node) is not ast.Identifier:
            made = typed.LocalVariable(node.span.text, U64, node.span)
            shapes.late[made] = node
            return made
        name = node.text
        for row in shapes.signature.symbol.parameters:
            if row.name == name and isinstance(row.type, ScalarType) and not row.type.is_float:
                made = shapes.names[name] = typed.LocalVariable(name, U64, node.span)
                shapes.words[made] = row
                return made
        if parameter is None:
            suggestion = self._context.suggest(name, shapes.names)
            diagnostic = catalog.UNKNOWN_EXTENT.at(node.span, name=name, suggestion=suggestion)
            note = "an extent of a result is one of a parameter, a parameter, or `_` for any"
            self._context.emit(diagnostic.note(note))
            return ERROR
        made = typed.LocalVariable(name, U64, node.span, is_parameter=True, is_extent=True)
        shapes.names[name] = made
        shapes.first[made] = (parameter, axis)
        return made

    # ----------------------------------------------------------------------------- bodies

    def enter(self, signature: Signature) -> list[typed.Statement]:
        """Make the names of shapes visible; return what binds and compares them."""
        symbol = signature.symbol
        shapes = self.functions.get(symbol)
        if shapes is None:
            return []
        made: list[typed.Statement] = []
        for variable, (parameter, axis) in shapes.first.items():
            extent = operation(
                "dim", U64, [read(parameter, parameter.span)], variable.span, ir.extent(axis)
            )
            made.append(typed.DeclareScalar(variable, extent, variable.span))
            self._context.scopes.declare(Binding(variable, True, True))
        for variable, word in shapes.words.items():
            made.append(typed.DeclareScalar(variable, read(word, variable.span), variable.span))
        for variable, node in shapes.late.items():
            value = self._context.expressions[type(node)](node)
            if value.type.is_float:
                diagnostic = catalog.BAD_EXTENT.at(value.span, found=described(value.type))
                self._context.emit(diagnostic)
            made.append(typed.DeclareScalar(variable, value, variable.span))
        for parameter in symbol.parameters:
            if isinstance(parameter.type, TensorType):
                made += self._requirements(shapes, parameter, parameter.type)
        return made

    def _requirements(
        self, shapes: FunctionShapes, parameter: typed.LocalVariable, found: TensorType
    ) -> list[typed.Statement]:
        made: list[typed.Statement] = []
        span = parameter.span
        for axis, extent in enumerate(shape_of(found)):
            if not isinstance(extent, typed.LocalVariable):
                continue
            if shapes.first.get(extent) == (parameter, axis):
                continue
            arguments = [read(parameter, span), read(extent, span)]
            check = operation("require", U64, arguments, span, ir.require(axis))
            made.append(typed.Evaluate(check, span))
        return made

    # ------------------------------------------------------------------------------- calls

    def call(
        self, shapes: FunctionShapes, values: list[typed.Expression], span: Span
    ) -> typed.Expression:
        """Return the call of a function whose other arguments are converted already."""
        symbol = shapes.signature.symbol
        bound: dict[typed.LocalVariable, Dimension] = {}
        by_word = dict(zip(symbol.parameters, values, strict=True))
        for variable, word in shapes.words.items():
            bound[variable] = _extent_of(by_word[word])
        is_sound = True
        for position, parameter in enumerate(symbol.parameters):
            if isinstance(parameter.type, TensorType):
                made = self._argument(values[position], parameter, parameter.type, bound)
                is_sound = is_sound and made.type is not ERROR
                values[position] = made
        if not is_sound:
            return failed(span)
        result = symbol.result
        call = typed.Call(symbol, values, result, span)
        if symbol.result_count > 1:
            self._bound[call] = bound
        if not isinstance(result, TensorType):
            return call
        known = _known_result(result, bound)
        if known.extents == result.extents:
            call.type = known
            return call
        return operation("fit", known, [call], span, ir.fit([]))

    def results_of(self, call: typed.Call, results: list[Type]) -> list[Type]:
        """Return the results of a call with what is known of their shapes there."""
        bound = self._bound.get(call, {})
        return [
            _known_result(row, bound) if isinstance(row, TensorType) else row for row in results
        ]

    def _argument(
        self,
        value: typed.Expression,
        parameter: typed.LocalVariable,
        wanted: TensorType,
        bound: dict[typed.LocalVariable, Dimension],
    ) -> typed.Expression:
        found = value.type
        if found is ERROR:
            return value
        note = f"parameter `{parameter.name}` is `{wanted.name}`"
        if not isinstance(found, TensorType):
            diagnostic = catalog.EXPECTED_TENSOR.at(value.span, found=described(found))
            self._context.emit(diagnostic.label(parameter.span, note))
            return failed(value.span)
        shape, target = shape_of(found), shape_of(wanted)
        if found.element is not wanted.element or len(shape) != len(target):
            self._context.emit(mismatch(value, wanted).label(parameter.span, note))
            return failed(value.span)
        for axis, (one, other) in enumerate(zip(shape, target, strict=True)):
            if not self._bind(one, other, bound):
                self._report(value, parameter, axis, _substituted(target, bound))
                return failed(value.span)
        known = shaped(wanted.element, wanted.extents)
        if found.extents == known.extents:
            return value
        return operation("fit", known, [value], value.span, ir.fit([]))

    @staticmethod
    def _bind(
        found: Dimension, wanted: Dimension, bound: dict[typed.LocalVariable, Dimension]
    ) -> bool:
        if not isinstance(wanted, typed.LocalVariable):
            return agree(found, wanted) is not False
        before = bound.get(wanted)
        if agree(found, before) is False:
            return False
        bound[wanted] = merged(before, found) if wanted in bound else found
        return True

    def _report(
        self, value: typed.Expression, parameter: typed.LocalVariable, axis: int, wanted: Shape
    ) -> None:
        found, declared = value.type, parameter.type
        assert isinstance(found, TensorType)
        assert isinstance(declared, TensorType)
        name = shown_extent(shape_of(declared)[axis])
        diagnostic = catalog.SHAPE_MISMATCH.at(
            value.span,
            expected=described(shaped(declared.element, wanted)),
            found=described(found),
        )
        text = f"parameter `{parameter.name}` is `{declared.name}`"
        diagnostic = diagnostic.label(parameter.span, text)
        if wanted[axis] is not shape_of(declared)[axis]:
            diagnostic = diagnostic.note(
                f"`{name}` is {shown_extent(wanted[axis])} by the arguments before"
            )
        self._context.emit(diagnostic)


def _known_result(result: TensorType, bound: dict[typed.LocalVariable, Dimension]) -> TensorType:
    """Return the type of a result with the extents that the arguments of a call say."""
    shape = tuple(
        bound.get(row) if isinstance(row, typed.LocalVariable) else row for row in shape_of(result)
    )
    return shaped(result.element, shape)


def _substituted(shape: Shape, bound: dict[typed.LocalVariable, Dimension]) -> Shape:
    made: list[Dimension] = []
    for row in shape:
        known = bound.get(row) if isinstance(row, typed.LocalVariable) else None
        made.append(row if known is None else known)
    return tuple(made)


def _extent_of(value: typed.Expression) -> Dimension:
    if type(value) is typed.IntegerConstant:
        return value.value
    if type(value) is typed.LocalRead and value.variable.is_extent:
        return value.variable
    return None
