"""Variables that are tensors: declared, seen as memory, static, and assigned to.

A declaration or an assignment goes in, typed statements come out. Changing an element or a part
makes a new value of the whole variable; the program does it in place where nobody sees it.
"""

from mlrift.diagnostics import catalog
from mlrift.frontend import ast, typed
from mlrift.frontend.builtins import tensor as ir
from mlrift.frontend.builtins import tensor_memory as memory
from mlrift.frontend.builtins import tensor_parts as parts
from mlrift.frontend.check.context import Context, Wiring
from mlrift.frontend.check.conversions import to_word
from mlrift.frontend.check.tensors import elementwise
from mlrift.frontend.check.tensors.extents import ExtentReader, has_any_extent
from mlrift.frontend.check.tensors.fields import chain_type
from mlrift.frontend.check.tensors.nodes import (
    SCALARS,
    described,
    extent_values,
    failed,
    fitted,
    operation,
    read,
    scalar_value,
    single,
    zeros,
)
from mlrift.frontend.check.tensors.shapes import agree, broadcast, shape_of, shaped
from mlrift.frontend.check.tensors.subscripts import (
    Subscript,
    part_of,
    subscript,
    with_words,
)
from mlrift.frontend.check.tensors.values import ValueChecker
from mlrift.frontend.scopes import Binding
from mlrift.source import Span
from mlrift.typesystem import (
    ERROR,
    U64,
    ElementKind,
    TensorType,
)

_HALVES = (ElementKind.F16, ElementKind.BF16)


class VariableChecker:
    """Handlers of declarations of tensors and of assignments to them."""

    def __init__(
        self, context: Context, wire: Wiring, reader: ExtentReader, values: ValueChecker
    ) -> None:
        self._context = context
        self._wire = wire
        self._reader = reader
        self._values = values
        self._views: dict[typed.LocalVariable, typed.LocalVariable] = {}

    # ------------------------------------------------------------------------ declarations

    def declare(self, node: ast.Declare) -> typed.Statement:
        """Check `tensor T[...] name` and `tensor T[...] name = value`."""
        context, name = self._context, node.name
        assert type(node.type) is ast.TensorTypeName
        context.has_tensors = True
        declared = self._reader.local_type(node.type)
        if declared is ERROR:
            if node.value is not None:
                self._wire.calls.possibly_void(node.value)
            return self._bound(name, failed(node.span), node.span)
        assert isinstance(declared, TensorType)
        if node.value is not None:
            value = self._values.given(node.value, declared)
            return self._bound(name, value, node.span, declared)
        if has_any_extent(shape_of(declared)):
            diagnostic = catalog.UNKNOWN_EXTENT.at(node.type.span, name="_", suggestion="")
            context.emit(diagnostic.note("only the shape of a value can be left open"))
            return self._bound(name, failed(node.span), node.span)
        return self._bound(name, zeros(declared, node.span), node.span)

    def declare_given(
        self, type_name: ast.TensorTypeName, name: ast.Name, value: typed.Expression
    ) -> typed.Statement:
        """Declare a tensor that has a value already."""
        declared = self._reader.local_type(type_name)
        if isinstance(declared, TensorType):
            value = self._values.fitted(value, declared)
            return self._bound(name, value, name.span, declared)
        return self._bound(name, failed(name.span), name.span)

    def _bound(
        self,
        name: ast.Name,
        value: typed.Expression,
        span: Span,
        declared: TensorType | None = None,
    ) -> typed.Statement:
        """Declare a variable with the type of its value."""
        found = value.type
        if declared is not None and isinstance(found, TensorType):
            pairs = zip(shape_of(declared), shape_of(found), strict=True)
            shape = tuple(two if one is None else one for one, two in pairs)
            found = shaped(declared.element, shape)
        variable = typed.LocalVariable(name.text, found, name.span)
        is_exempt = name.text[0] == "_" or found is ERROR
        self._wire.locals.bind(Binding(variable, True, is_exempt))
        return typed.DeclareScalar(variable, value, span)

    def declare_view(self, node: ast.DeclareView) -> typed.Statement:
        """Check `tensor T[...] name at address`."""
        context, name = self._context, node.name
        if type(node.type) is not ast.TensorTypeName:
            diagnostic = catalog.EXPECTED_TENSOR.at(node.type.span, found=f"`{node.type.name}`")
            context.emit(diagnostic)
            return self._bound(name, failed(node.span), node.span)
        context.has_tensors = True
        declared = self._reader.local_type(node.type)
        address = to_word(context.expressions[type(node.address)](node.address))
        if declared is ERROR or address.type is ERROR:
            return self._bound(name, failed(node.span), node.span)
        assert isinstance(declared, TensorType)
        if has_any_extent(shape_of(declared)):
            diagnostic = catalog.UNKNOWN_EXTENT.at(node.type.span, name="_", suggestion="")
            context.emit(diagnostic.note("memory does not say how long it is"))
            return self._bound(name, failed(node.span), node.span)
        kept = typed.LocalVariable(f"{name.text}.data", U64, name.span)
        self._wire.assignments.prepend(typed.DeclareScalar(kept, address, node.span))
        view = tensor_of_memory(read(kept, node.span), declared, node.span)
        made = self._bound(name, view, node.span)
        assert type(made) is typed.DeclareScalar
        self._views[made.variable] = kept
        return made

    def address_of_view(self, variable: typed.LocalVariable) -> typed.LocalVariable | None:
        """Return the variable with the address of memory seen as a tensor, None for others."""
        return self._views.get(variable)

    # -------------------------------------------------------------------------- assignments

    def assign(self, node: ast.Assign) -> typed.Statement | None:
        """Check an assignment to a tensor or a part of it; None if the target is something else."""
        target = node.target
        while isinstance(target, ast.Index | ast.IndexAxes):
            target = target.base
        place: typed.LocalPlace | typed.StaticPlace | None = None
        if type(target) is ast.Member:
            place = self._field(target)
        elif type(target) is ast.Identifier:
            place = self._place(target)
        if place is None:
            return None
        if target is node.target:
            return self._assign_whole(node, place)
        if target is not node.target.base:  # type: ignore[union-attr]  # an index
            return self._assign_nested(node)
        return self._assign_part(node, place)

    def _place(self, root: ast.Identifier) -> typed.LocalPlace | typed.StaticPlace | None:
        binding = self._context.scopes.names.get(root.text)
        if binding is not None:
            variable = binding.variable
            if isinstance(variable.type, TensorType):
                return typed.LocalPlace(variable, variable.type, root.span)
            return None
        static = self._context.names.statics.get(root.text)
        if static is not None and isinstance(static.type, TensorType):
            return typed.StaticPlace(static, static.type, root.span)
        return None

    def _field(self, target: ast.Member) -> typed.LocalPlace | None:
        """Return a field that is a tensor as a variable that sees its memory."""
        if not self._context.has_tensor_fields:
            return None
        if type(chain_type(self._context, target)) is not TensorType:
            return None
        place, span = self._wire.access.place(target), target.span
        if type(place) is not typed.MemoryPlace or not isinstance(place.type, TensorType):
            return None
        address = typed.LocalVariable("<address>", U64, span)
        view = typed.LocalVariable("<field>", place.type, span)
        self._wire.assignments.prepend(typed.DeclareScalar(address, place.address, span))
        seen = tensor_of_memory(read(address, span), place.type, span)
        self._wire.assignments.prepend(typed.DeclareScalar(view, seen, span))
        self._views[view] = address
        return typed.LocalPlace(view, place.type, span)

    def _assign_nested(self, node: ast.Assign) -> typed.Statement:
        diagnostic = catalog.TENSOR_PART_NOT_ASSIGNED.at(node.target.span)
        self._context.emit(diagnostic.note("write all indices between one pair of brackets"))
        return typed.Evaluate(failed(node.span), node.span)

    def _current(self, place: typed.LocalPlace | typed.StaticPlace) -> typed.Expression:
        """Return the value of a place that is being changed."""
        if type(place) is typed.LocalPlace:
            return read(place.variable, place.span)
        assert type(place) is typed.StaticPlace
        return read_static(place.variable, place.span)

    def _used_up(self, place: typed.LocalPlace | typed.StaticPlace) -> typed.Expression:
        """Return the value of a place that gets a new one right after."""
        if type(place) is typed.LocalPlace:
            return read(place.variable, place.span)
        found = place.type
        assert isinstance(found, TensorType)
        address = typed.StaticAddress(place.variable, U64, place.span)  # type: ignore[arg-type]  # a static
        return operation("static", found, [address], place.span, memory.take_static(found.machine))

    def stored(
        self, place: typed.LocalPlace | typed.StaticPlace, value: typed.Expression, span: Span
    ) -> typed.Statement:
        """Return the statement that gives a variable a value of its type."""
        if value.type is ERROR:
            return typed.Evaluate(value, span)
        found = place.type
        assert isinstance(found, TensorType)
        if type(place) is typed.StaticPlace:
            address = typed.StaticAddress(place.variable, U64, span)
            lower = memory.write_static(found.machine)
            return typed.Evaluate(operation("static", U64, [value, address], span, lower), span)
        assert type(place) is typed.LocalPlace
        address_kept = self._views.get(place.variable)
        if address_kept is None:
            return typed.Assign(place, value, span)
        address_read = read(address_kept, span)
        written = operation("write", U64, [value, address_read], span, memory.write)
        self._wire.assignments.prepend(typed.Evaluate(written, span))
        return typed.Assign(place, tensor_of_memory(read(address_kept, span), found, span), span)

    def _assign_whole(
        self, node: ast.Assign, place: typed.LocalPlace | typed.StaticPlace
    ) -> typed.Statement:
        wanted = place.type
        assert isinstance(wanted, TensorType)
        if node.operator is None:
            value = self._values.given(node.value, wanted)
            return self.stored(place, value, node.span)
        self._note_read(place)
        operand = self._context.expressions[type(node.value)](node.value)
        site = elementwise.Site(
            self._context, f"{node.operator.value}=", node.target.span, node.span
        )
        value = elementwise.binary(site, node.operator, self._current(place), operand)
        if value.type is not ERROR:
            value = fitted(self._context, value, wanted)
        return self.stored(place, value, node.span)

    def _note_read(self, place: typed.LocalPlace | typed.StaticPlace) -> None:
        if type(place) is typed.LocalPlace:
            binding = self._context.scopes.names.get(place.variable.name)
            if binding is not None and binding.variable is place.variable:
                binding.is_read = True

    def _assign_part(
        self, node: ast.Assign, place: typed.LocalPlace | typed.StaticPlace
    ) -> typed.Statement:
        tensor = place.type
        assert isinstance(tensor, TensorType)
        target = node.target
        entries = target.entries if type(target) is ast.IndexAxes else [target.index]  # type: ignore[union-attr]  # Index
        value = self._wire.calls.possibly_void(node.value)
        value = self._wire.calls.reject_void(value, catalog.VOID_ASSIGNED)
        chosen = subscript(self._context, tensor, entries, target.span)
        if chosen is None or value.type is ERROR:
            return typed.Evaluate(failed(node.span), node.span)
        if chosen.rows is not None:
            return self._assign_rows(node, place, chosen, value)
        if node.operator is not None:
            self._note_read(place)
            chosen = with_words(chosen, [self._kept(row) for row in chosen.words])
            old = part_of(self._current(place), chosen, target.span)
            value = self._wire.expressions.binary(node.operator, old, value, target.span, node.span)
        if chosen.is_element:
            return self._assign_element(node, place, chosen, value)
        new = self._new_part(value, tensor, chosen)
        if new.type is ERROR:
            return typed.Evaluate(new, node.span)
        arguments = [new, *chosen.words, self._used_up(place)]
        whole = operation("insert", tensor, arguments, node.span, parts.insert(chosen.entries))
        return self.stored(place, whole, node.span)

    def _kept(self, value: typed.Expression) -> typed.Expression:
        """Return a value that is evaluated once, however often it is read."""
        if type(value) is typed.IntegerConstant or type(value) is typed.LocalRead:
            return value
        variable = typed.LocalVariable("<kept>", U64, value.span)
        self._wire.assignments.prepend(typed.DeclareScalar(variable, value, value.span))
        return read(variable, value.span)

    def _new_part(
        self, value: typed.Expression, tensor: TensorType, chosen: Subscript
    ) -> typed.Expression:
        found = value.type
        if not isinstance(found, TensorType):
            return single(self._context, value, tensor.element)
        wanted = shaped(tensor.element, chosen.shape)
        shape = shape_of(found)
        is_alike = found.element is tensor.element and len(shape) <= len(chosen.shape)
        aligned = chosen.shape[len(chosen.shape) - len(shape) :] if is_alike else ()
        for one, other in zip(shape, aligned, strict=False):
            is_alike = is_alike and (one == 1 or agree(one, other) is not False)
        if is_alike and broadcast(shape, chosen.shape) is not None:
            return value
        diagnostic = catalog.SHAPE_MISMATCH.at(
            value.span, expected=described(wanted), found=described(found)
        )
        self._context.emit(diagnostic)
        return failed(value.span)

    def _assign_element(
        self,
        node: ast.Assign,
        place: typed.LocalPlace | typed.StaticPlace,
        chosen: Subscript,
        value: typed.Expression,
    ) -> typed.Statement:
        tensor = place.type
        assert isinstance(tensor, TensorType)
        if isinstance(value.type, TensorType):
            diagnostic = catalog.SHAPE_MISMATCH.at(
                value.span,
                expected=f"`{SCALARS[tensor.element].name}`",
                found=described(value.type),
            )
            self._context.emit(diagnostic)
            return typed.Evaluate(failed(node.span), node.span)
        scalar = scalar_value(self._context, value, tensor.element)
        if scalar.type is ERROR:
            return typed.Evaluate(scalar, node.span)
        if (
            type(place) is typed.LocalPlace
            and place.variable in self._views
            and tensor.element not in _HALVES
        ):
            return self._store_to_memory(place, chosen, scalar, node.span)
        arguments = [scalar, *chosen.words, self._used_up(place)]
        whole = operation("store", tensor, arguments, node.span, ir.store)
        return self.stored(place, whole, node.span)

    def _store_to_memory(
        self,
        place: typed.LocalPlace,
        chosen: Subscript,
        value: typed.Expression,
        span: Span,
    ) -> typed.Statement:
        tensor = place.type
        assert isinstance(tensor, TensorType)
        one = shaped(tensor.element, (1,) * len(chosen.entries)).machine
        arguments = [read(place.variable, span), *chosen.words]
        lower = parts.element_address(chosen.entries, one)
        address = operation("address", U64, arguments, span, lower)
        stored = memory.write_element(SCALARS[tensor.element].memory)
        written = operation("write", U64, [value, address], span, stored)
        return typed.Evaluate(written, span)

    def _assign_rows(
        self,
        node: ast.Assign,
        place: typed.LocalPlace | typed.StaticPlace,
        chosen: Subscript,
        value: typed.Expression,
    ) -> typed.Statement:
        tensor = place.type
        assert isinstance(tensor, TensorType)
        assert chosen.rows is not None
        lower = _ROW_UPDATES.get(node.operator)
        if lower is None:
            written = "=" if node.operator is None else f"{node.operator.value}="
            diagnostic = catalog.NO_TENSOR_OPERATION.at(
                node.span, operation=f"`{written}`", element="rows by number"
            )
            self._context.emit(
                diagnostic.note("a row may be named twice: only += and -= are clear")
            )
            return typed.Evaluate(failed(node.span), node.span)
        wanted = shaped(tensor.element, chosen.shape)
        rows = chosen.rows
        if isinstance(value.type, TensorType):
            value = fitted(self._context, value, wanted)
        else:
            scalar = scalar_value(self._context, value, tensor.element)
            if scalar.type is not ERROR:
                arguments = [scalar, rows, self._current(place)]
                made = parts.row_values(wanted.machine)
                value = operation("fill", wanted, arguments, node.span, made)
            else:
                value = scalar
        if value.type is ERROR:
            return typed.Evaluate(value, node.span)
        arguments = [value, rows, self._used_up(place)]
        return self.stored(place, operation("rows", tensor, arguments, node.span, lower), node.span)


_ROW_UPDATES: "dict[ast.BinaryOperator | None, ir.Lowering]" = {
    ast.BinaryOperator.ADD: parts.scatter_add,
    ast.BinaryOperator.SUB: parts.scatter_subtract,
}


def tensor_of_memory(
    address: typed.Expression, declared: TensorType, span: Span
) -> typed.Expression:
    """Return memory seen as a tensor of a type whose extents are all known by number or name."""
    arguments = [address, *extent_values(shape_of(declared), span)]
    return operation("view", declared, arguments, span, ir.view(declared.machine))


def read_static(variable: typed.StaticVariable, span: Span) -> typed.Expression:
    """Return the value of a static tensor."""
    found = variable.type
    assert isinstance(found, TensorType)
    address = typed.StaticAddress(variable, U64, span)
    return operation("static", found, [address], span, memory.read_static(found.machine))
