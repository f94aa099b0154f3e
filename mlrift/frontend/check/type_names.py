"""Type names to types: keywords, structs, aliases, type parameters; what an unknown name means.

An unknown name is a word in parameters, results and fields (reference.md 3 and 10.1) and an error
everywhere else.
"""

from mlrift.diagnostics import catalog
from mlrift.diagnostics.model import DiagnosticKind
from mlrift.frontend import ast
from mlrift.frontend.check.context import Context
from mlrift.typesystem import ERROR, EVENTS, U64, CsrType, ScalarType, StructType, Type


def word_or_type(context: Context, name: ast.AnyTypeName, generics: frozenset[str]) -> Type:
    """Return the type of a parameter or result: type parameters and unknown names are words."""
    if type(name) is ast.TensorTypeName or type(name) is ast.VectorTypeName:
        return ERROR  # for now: see `Context.tensor_signatures` and `vector_signatures`
    if type(name) is not ast.TypeName:
        return model_type(context, name)
    if name.name in generics:
        return U64
    return context.names.types.get(name.name, U64)


def declared_type(context: Context, name: ast.AnyTypeName) -> Type:
    """Return the type of a declared variable; ERROR after reporting an unknown name."""
    if type(name) is not ast.TypeName:
        return model_type(context, name)
    return _known_type(context, name, catalog.UNKNOWN_TYPE)


def model_type(context: Context, name: ast.AnyTypeName) -> Type:
    """Return the type that `tensor`, `vec`, `csr` or `events` begin; ERROR after a report."""
    if type(name) is ast.VectorTypeName:
        context.has_vectors = True
        return context.extensions.vectors.type_of(name)
    if type(name) is ast.EventsTypeName:
        return EVENTS
    if type(name) is ast.CsrTypeName:
        element = _known_type(context, name.element, catalog.UNKNOWN_TYPE)
        if isinstance(element, ScalarType | StructType):
            return CsrType(element)
        return ERROR
    assert type(name) is ast.TensorTypeName
    context.has_tensors = True
    return context.extensions.tensors.constant_type(name)


def measured_type(context: Context, name: ast.TypeName) -> Type:
    """Return the type given to `sizeof`; ERROR after reporting an unknown name."""
    return _known_type(context, name, catalog.SIZEOF_UNKNOWN_TYPE)


def access_type(context: Context, name: ast.TypeName) -> ScalarType:
    """Return the scalar type of a memory access; U64 after reporting any other type."""
    known = _known_type(context, name, catalog.UNKNOWN_TYPE)
    if type(known) is ScalarType:
        return known
    if known is not ERROR:
        where = "in a pointer statement or a device register"
        diagnostic = catalog.UNSUPPORTED_FEATURE.at(
            name.span, what=f"struct type '{name.name}'", where=where
        )
        context.emit(diagnostic)
    return U64


def _known_type(context: Context, name: ast.TypeName, unknown: DiagnosticKind) -> Type:
    if context.function is not None and name.name in context.function.generics:
        return U64
    known = context.names.types.get(name.name)
    if known is not None:
        return known
    suggestion = context.suggest(name.name, context.names.types)
    context.emit(unknown.at(name.span, name=name.name, suggestion=suggestion))
    return ERROR
