"""Struct layouts and aliases: named types in, entries of the type table out.

Fields follow each other without padding (reference.md 10.1). A field of unknown type is a word; so
is a field whose type is the very struct it is in, which then holds an address. Extents of tensors
may be constants, which are not known yet: `settle_fields` gives such fields their types.
"""

from mlrift.diagnostics import catalog
from mlrift.diagnostics.model import Diagnostic
from mlrift.frontend import ast
from mlrift.frontend.check.context import Context
from mlrift.typesystem import (
    ERROR,
    U64,
    ElementKind,
    MemberType,
    ScalarType,
    StructField,
    StructType,
    Type,
    tensor,
)


def lay_out_types(context: Context, structs: list[ast.Struct], aliases: list[ast.Alias]) -> None:
    """Enter all structs and aliases into the type table and lay the structs out."""
    _Layout(context, structs, aliases).run()


class _Layout:
    """Lays out structs depth first, so that a field's type has its size before it is used."""

    def __init__(
        self, context: Context, structs: list[ast.Struct], aliases: list[ast.Alias]
    ) -> None:
        self._context = context
        self._types = context.names.types
        self._structs: dict[str, ast.Struct] = {}
        self._aliases: dict[str, ast.Alias] = {}
        self._in_progress: set[str] = set()
        self._done: set[str] = set()
        for struct in structs:
            self._collect_struct(struct)
        for alias in aliases:
            self._collect_alias(alias)

    def _collect_struct(self, node: ast.Struct) -> None:
        name = node.name.text
        if name in self._structs:
            diagnostic = catalog.DUPLICATE_STRUCT.at(node.name.span, name=name)
            first = self._structs[name].name.span
            self._context.emit(diagnostic.label(first, "first declared here"))
            return
        self._structs[name] = node
        self._types[name] = StructType(name)

    def _collect_alias(self, node: ast.Alias) -> None:
        name = node.name.text
        if name in self._aliases or name in self._types:
            self._context.emit(catalog.DUPLICATE_ALIAS.at(node.name.span, name=name))
            return
        self._aliases[name] = node

    def run(self) -> None:
        """Resolve the aliases, then lay out every struct."""
        for name in self._aliases:
            self._resolve_alias(name)
        for name in self._structs:
            self._lay_out(name)

    def _resolve_alias(self, name: str) -> Type:
        """Return what an alias stands for, following chains of aliases."""
        chain: list[str] = []
        current = name
        while current not in self._types and current in self._aliases and current not in chain:
            chain.append(current)
            current = self._aliases[current].type.name
        target = self._types.get(current)
        if target is None:
            self._report_alias(self._aliases[chain[-1]], current in chain)
            target = ERROR
        for link in chain:
            self._types[link] = target
        return target

    def _report_alias(self, node: ast.Alias, is_cycle: bool) -> None:
        name = node.type
        if is_cycle:
            diagnostic = catalog.RECURSIVE_ALIAS.at(node.name.span, name=node.name.text)
        else:
            suggestion = self._context.suggest(name.name, self._types)
            diagnostic = catalog.UNKNOWN_TYPE.at(name.span, name=name.name, suggestion=suggestion)
        self._context.emit(diagnostic)

    def _lay_out(self, name: str) -> None:
        if name in self._done:
            return
        struct = self._types[name]
        assert type(struct) is StructType
        self._in_progress.add(name)
        offset = 0
        for field in self._structs[name].fields:
            field_name = field.name.text
            if type(field.type) is ast.VectorTypeName:
                self._context.emit(_not_a_field(field.type))
            field_type = self._field_type(field.type, struct)
            if field_name in struct.fields:
                diagnostic = catalog.DUPLICATE_FIELD.at(
                    field.name.span, field=field_name, name=name
                )
                self._context.emit(diagnostic)
                continue
            struct.fields[field_name] = StructField(field_name, field_type, offset)
            offset += field_type.size_bytes
        struct.size_bytes = offset
        self._in_progress.discard(name)
        self._done.add(name)

    def _field_type(self, name: ast.AnyTypeName, owner: StructType) -> MemberType:
        if type(name) is ast.TensorTypeName:
            self._context.has_tensors = self._context.has_tensor_fields = True
            return tensor(ElementKind.U8, (0,) * len(name.extents))  # until constants are known
        field_type = self._types.get(name.name, U64)
        if type(field_type) is ScalarType:
            return field_type
        if type(field_type) is not StructType or field_type is owner:
            return U64
        if field_type.name in self._in_progress:
            self._context.emit(catalog.RECURSIVE_STRUCT.at(name.span, name=field_type.name))
            return U64
        self._lay_out(field_type.name)
        return field_type


def _not_a_field(name: ast.VectorTypeName) -> Diagnostic:
    found = f"`{name.span.text}`"
    diagnostic = catalog.NOT_WITH_VECTORS.at(name.span, what="a struct", found=found)
    return diagnostic.note("a struct may have the address of the lanes: see `vec_load_f32`")
