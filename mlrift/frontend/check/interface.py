"""What a program offers to C, when it becomes a library: declarations marked `@export`.

Enters: the checked declarations. Leaves: an `Interface`, in the order of the source, and findings
about what C cannot be offered. Structs that exported functions, statics or structs mention belong
to it whether they are marked or not.
"""

from collections.abc import Iterable

from mlrift.diagnostics import catalog
from mlrift.frontend import ast, typed
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.conversions import signed_value
from mlrift.frontend.check.declarations import Declarations
from mlrift.frontend.doc_comments import doc_comment, file_comment
from mlrift.frontend.scopes import Signature
from mlrift.interface.c_names import meaning_in_c
from mlrift.interface.model import (
    Constant,
    Enumeration,
    Field,
    Form,
    Function,
    Interface,
    Parameter,
    Struct,
    Variable,
    release_name,
)
from mlrift.source import Span
from mlrift.static_types import TYPE_CHECKING
from mlrift.typesystem import (
    U8,
    U64,
    ArrayType,
    ScalarType,
    SliceType,
    StructField,
    StructType,
    Tag,
    TensorType,
    Type,
    stored_bytes,
)

if TYPE_CHECKING:
    from mlrift.typesystem import ExtentName

EXPORT = "export"


def library_interface(
    context: Context, root: ast.SourceModule, items: Declarations, exported: Iterable[Signature]
) -> Interface:
    """Return the interface of a library with this root file and these exported functions."""
    return _Builder(context, root, items).build(list(exported))


def _is_exported(node: ast.Const | ast.Static | ast.Struct | ast.EnumDeclaration) -> bool:
    return any(row.name == EXPORT for row in node.annotations)


class _Builder:
    """Collects declarations and the C names they take."""

    def __init__(self, context: Context, root: ast.SourceModule, items: Declarations) -> None:
        self._context = context
        self._root = root
        self._items = items
        self._taken: dict[str, Span] = {}
        self._nodes = {node.name.text: node for node in items.structs}
        self._structs: dict[str, Struct] = {}

    def build(self, exported: list[Signature]) -> Interface:
        """Describe everything; report it when there is nothing to call."""
        statics = [node for node in self._items.statics if _is_exported(node)]
        if not exported and not statics:
            diagnostic = catalog.NOTHING_EXPORTED.at(None)
            self._context.emit(diagnostic.help("@export fn answer() -> u64 { return 42 }"))
        for node in self._items.structs:
            if _is_exported(node):
                self._use(self._context.names.types[node.name.text])
        functions = tuple(self._function(signature) for signature in exported)
        variables = tuple(self._variable(node) for node in statics)
        constants = [self._constant(row) for row in self._items.constants if _is_exported(row)]
        enums = [self._enumeration(row) for row in self._items.enums if _is_exported(row)]
        structs = tuple(self._structs.values())
        doc = file_comment(self._root.file)
        return Interface(functions, variables, tuple(constants), tuple(enums), structs, doc)

    def _take(self, name: str, span: Span) -> None:
        """Claim a name in C's one name space."""
        reason = meaning_in_c(name)
        if reason:
            self._context.emit(catalog.NOT_FOR_C.at(span, name=name, reason=reason))
        elif name in self._taken:
            diagnostic = catalog.EXPORTED_TWICE.at(span, name=name)
            self._context.emit(diagnostic.label(self._taken[name], "first exported here"))
        else:
            self._taken[name] = span

    def _function(self, signature: Signature) -> Function:
        symbol = signature.symbol
        self._take(symbol.name, symbol.span)
        if any(isinstance(row, TensorType) for row in (symbol.result, *symbol.further)):
            self._take(release_name(symbol.name), symbol.span)
        lengths = {row.slice_length for row in symbol.parameters if row.slice_length is not None}
        parameters = [
            self._parameter(row.name, row.type) for row in symbol.parameters if row not in lengths
        ]
        results: list[Parameter] = []
        if symbol.result.size_bytes:
            results.append(self._parameter("result", symbol.result))
            further = symbol.further or [U64] * (symbol.result_count - 1)
            results += [
                self._parameter(f"result{place}", row) for place, row in enumerate(further, 2)
            ]
        return Function(symbol.name, tuple(parameters), tuple(results), doc_comment(symbol.span))

    def _parameter(self, name: str, declared: Type) -> Parameter:
        match declared:
            case SliceType(element=element):
                return Parameter(name, self._use(element), Form.SLICE)
            case StructType():
                return Parameter(name, self._use(declared), Form.POINTER)
            case ScalarType():
                return Parameter(name, declared.name)
            case TensorType():
                shape = tuple(map(_extent, declared.shape))
                return Parameter(name, declared.element.value, Form.TENSOR, shape)
            case _:
                return Parameter(name, U64.name)

    def _variable(self, node: ast.Static) -> Variable:
        name = node.name
        static = self._context.names.statics[name.text]
        static.is_export = True
        self._take(name.text, name.span)
        if static.is_repointed:
            reason = "an assignment lets it mean another struct"
            self._context.emit(catalog.NOT_FOR_C.at(name.span, name=name.text, reason=reason))
        if isinstance(static.type, TensorType):
            reason = "it is a tensor, which only functions can give to C"
            self._context.emit(catalog.NOT_FOR_C.at(name.span, name=name.text, reason=reason))
            return Variable(name.text, U64.name)
        doc = doc_comment(name.span)
        if isinstance(static.type, ArrayType):
            return Variable(name.text, self._use(static.type.element), static.type.count, doc)
        return Variable(name.text, self._use(static.type), 0, doc)

    def _constant(self, node: ast.Const) -> Constant:
        name = node.name
        self._take(name.text, name.span)
        known = self._context.names.constants[name.text]
        declared = known.type if isinstance(known.type, ScalarType) else U64
        value: int | float = known.value
        if isinstance(known, typed.IntegerConstant) and declared.tag is Tag.SIGNED:
            value = signed_value(known.value)
        return Constant(name.text, declared.name, value, doc_comment(name.span))

    def _enumeration(self, node: ast.EnumDeclaration) -> Enumeration:
        name = node.name
        self._take(name.text, name.span)
        members = self._context.names.enums[name.text].members
        for member in node.members:
            self._take(f"{name.text}_{member.name.text}", member.name.span)
        return Enumeration(name.text, tuple(members.items()), doc_comment(name.span))

    def _use(self, declared: Type) -> str:
        """Return the name of a type, after adding a struct and those inside it."""
        if not isinstance(declared, StructType):
            return declared.name
        name = declared.name
        if name not in self._structs:
            span = self._nodes[name].name.span
            self._take(name, span)
            fields = self._fields(declared)
            size_bytes = declared.size_bytes
            self._structs[name] = Struct(name, size_bytes, tuple(fields), doc_comment(span))
        return name

    def _fields(self, struct: StructType) -> list[Field]:
        """Return the fields; gaps before tensors and behind the last field are fields, too."""
        made: list[Field] = []
        end = 0
        for row in struct.fields.values():
            made += _gap(len(made), end, row.offset)
            made.append(self._field(row))
            end = row.offset + stored_bytes(row.type)
        return made + _gap(len(made), end, struct.size_bytes)

    def _field(self, row: StructField) -> Field:
        if not isinstance(row.type, TensorType):
            return Field(row.name, self._use(row.type), row.offset)
        shape = tuple(extent or 0 for extent in row.type.extents)
        return Field(row.name, row.type.element.value, row.offset, shape)


def _gap(number: int, start: int, end: int) -> list[Field]:
    """Return what fills the bytes between two fields, if there are any."""
    return [Field(f"gap{number}_", U8.name, start, (end - start,))] if end > start else []


def _extent(extent: "int | ExtentName | None") -> int | str:
    """Return an extent as an interface has it; only names of parameters bind anything."""
    if isinstance(extent, int):
        return extent
    is_name = isinstance(extent, typed.LocalVariable) and extent.is_extent
    return extent.name if extent is not None and is_name else ""
