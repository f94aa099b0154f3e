"""Signatures: function and extern declarations in, function symbols and callable names out."""

from mlrift.diagnostics import catalog
from mlrift.frontend import ast, typed
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.flow import widest_return
from mlrift.frontend.check.type_names import word_or_type
from mlrift.frontend.scopes import Callee, Signature, SpecialForm
from mlrift.source import Span
from mlrift.typesystem import (
    ERROR,
    U64,
    VOID,
    PopulationType,
    ScalarType,
    SliceType,
    StructType,
    Type,
)

_NO_GENERICS: frozenset[str] = frozenset()

SPECIAL_FORMS: dict[str, Callee] = {form.value: form for form in SpecialForm}


def declare_function(context: Context, node: ast.Function) -> None:
    """Add a function of the program; a builtin of its name stays what calls mean."""
    names = context.names
    name = node.name.text
    generics = frozenset(generic.text for generic in node.generics)
    symbol = _function_symbol(context, node, generics)
    is_method = node.receiver is not None
    signature = Signature(symbol, node, is_method=is_method, generics=generics)
    _note_late_types(context, signature)
    _check_generics(context, node)
    if name == "main" and node.parameters:
        diagnostic = catalog.MAIN_WITH_PARAMETERS.at(node.parameters[0].span)
        context.emit(diagnostic.help("static u64 cli_argc  static u64 cli_argv"))
    if name in names.functions:
        _report_twice(context, node.name, names.functions[name])
        names.duplicates.append(signature)
        return
    names.functions[name] = signature
    if name not in names.callees:
        names.callees[name] = signature
    elif not symbol.is_export:
        context.emit(catalog.BUILTIN_WINS.at(node.name.span, name=name))


def declare_extern(context: Context, node: ast.Extern) -> None:
    """Add an extern function; it beats a builtin of its name."""
    names = context.names
    name = node.name.text
    parameters = _parameters(context, node.parameters, _NO_GENERICS)
    result = word_or_type(context, node.result, _NO_GENERICS) if node.result is not None else VOID
    symbol = typed.FunctionSymbol(name, parameters, result, 1, node.name.span, is_extern=True)
    for annotation in node.annotations:
        if annotation.name == "dynamic":
            symbol.is_dynamic = True
            symbol.libraries += _libraries(context, annotation)
    signature = Signature(symbol, node)
    _note_late_types(context, signature)
    earlier = names.functions.get(name)
    if earlier is None:
        names.functions[name] = signature
        names.callees[name] = signature
    elif not (symbol.is_dynamic and earlier.symbol.is_dynamic):
        _report_twice(context, node.name, earlier)
    elif _shape(earlier.symbol) != _shape(symbol):
        diagnostic = catalog.EXTERN_REDEFINED.at(node.name.span, name=name)
        context.emit(diagnostic.label(earlier.symbol.span, "first declared here"))
    else:
        earlier.symbol.libraries += symbol.libraries


def _note_late_types(context: Context, signature: Signature) -> None:
    """Have the types of tensors and vectors worked out later, when their extents can be."""
    node = signature.node
    results = [node.result, *(node.further if type(node) is ast.Function else ())]
    types = {type(row) for row in (*(row.type for row in node.parameters), *results)}
    if ast.TensorTypeName in types:
        context.has_tensors = True
        context.tensor_signatures.append(signature)
    if ast.VectorTypeName in types:
        context.has_vectors = True
        context.vector_signatures.append(signature)


def _libraries(context: Context, annotation: ast.Annotation) -> tuple[str, ...]:
    """Return the file names of `@dynamic("NAME", ...)`; plain `@dynamic` has none."""
    if annotation.arguments is None:
        return ()
    names: list[str] = []
    for part in annotation.arguments.split(","):
        text = part.strip()
        if len(text) > 2 and text[0] == text[-1] == '"':
            names.append(text[1:-1])
        else:
            context.emit(catalog.BAD_LIBRARY.at(annotation.span, found=text or "nothing"))
    return tuple(names)


def _shape(symbol: typed.FunctionSymbol) -> tuple[Type, ...]:
    return (symbol.result, *(parameter.type for parameter in symbol.parameters))


def _report_twice(context: Context, name: ast.Name, earlier: Signature) -> None:
    diagnostic = catalog.FUNCTION_REDEFINED.at(name.span, name=name.text)
    diagnostic = diagnostic.label(earlier.symbol.span, "first declared here")
    if type(earlier.node) is ast.Function and earlier.node.receiver is not None:
        diagnostic = diagnostic.note("methods share one namespace, whatever their struct")
    context.emit(diagnostic)


def _function_symbol(
    context: Context, node: ast.Function, generics: frozenset[str]
) -> typed.FunctionSymbol:
    symbol = typed.FunctionSymbol(
        node.name.text,
        _parameters(context, node.parameters, generics),
        word_or_type(context, node.result, generics) if node.result is not None else VOID,
        widest_return(node.body) if node.result is not None else 1,
        node.name.span,
    )
    if node.further:
        symbol.further = [_listed_result(context, row, generics) for row in node.further]
        symbol.result_count = 1 + len(node.further)
    for annotation in node.annotations:
        match annotation.name:
            case "export":
                symbol.is_export = True
            case "naked":
                symbol.is_naked = True
            case "kernel":
                symbol.is_kernel = True
                context.has_kernels = True
            case "simd":
                symbol.is_simd = True
            case "inline":
                symbol.is_inline = True
            case "section":
                symbol.section = _section(context, annotation)
    return symbol


def _listed_result(context: Context, name: ast.AnyTypeName, generics: frozenset[str]) -> Type:
    """Return the type of a result behind the first: a word, a struct or a tensor."""
    if type(name) in (ast.TypeName, ast.TensorTypeName):
        return word_or_type(context, name, generics)
    context.emit(catalog.NOT_A_LISTED_RESULT.at(name.span, found=name.span.text))
    return ERROR


def _section(context: Context, annotation: ast.Annotation) -> str | None:
    text = (annotation.arguments or "").strip()
    if len(text) > 2 and text[0] == text[-1] == '"':
        return text[1:-1]
    context.emit(catalog.BAD_SECTION.at(annotation.span, found=text or "nothing"))
    return None


def _parameters(
    context: Context, nodes: list[ast.Parameter], generics: frozenset[str]
) -> list[typed.LocalVariable]:
    """Return the words and floats passed: a slice is its address, then its length."""
    parameters: list[typed.LocalVariable] = []
    first: dict[str, Span] = {}
    for node in nodes:
        name, span = node.name.text, node.name.span
        if name in first:
            diagnostic = catalog.VARIABLE_REDEFINED.at(span, name=name)
            context.emit(diagnostic.label(first[name], "first declared here"))
        first.setdefault(name, span)
        declared = word_or_type(context, node.type, generics)
        if not node.is_slice:
            parameters.append(typed.LocalVariable(name, declared, span, is_parameter=True))
            continue
        if isinstance(declared, StructType) and declared.name in context.names.models:
            population = PopulationType(declared)
            parameters.append(typed.LocalVariable(name, population, span, is_parameter=True))
            continue
        element = declared if isinstance(declared, ScalarType | StructType) else U64
        length = typed.LocalVariable(f"{name}.len", U64, span, is_parameter=True)
        slice_type = SliceType(element)
        parameters.append(typed.LocalVariable(name, slice_type, span, True, length))
        parameters.append(length)
    if context.has_models and any(type(row.type) is ast.CsrTypeName for row in nodes):
        from mlrift.frontend.check.models.parameters import (  # noqa: PLC0415 - in few programs
            connect_parameters,
        )

        connect_parameters(context, nodes, parameters)
    return parameters


def _check_generics(context: Context, node: ast.Function) -> None:
    seen: set[str] = set()
    for generic in node.generics:
        if generic.text in seen:
            diagnostic = catalog.DUPLICATE_GENERIC.at(generic.span, name=generic.text)
            context.emit(diagnostic)
        seen.add(generic.text)
