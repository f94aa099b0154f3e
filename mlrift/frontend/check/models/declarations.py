"""`dynamics` and `plasticity` items: what they say of structs, and the functions they stand for.

Enters: the items of a program, struct layouts being known. Leaves: `names.models`,
`names.plasticity`, and functions that are declared and checked like those of the program.
"""

from mlrift.diagnostics import catalog
from mlrift.frontend import ast, typed
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.models.dynamics import declare_block
from mlrift.frontend.check.models.intrinsics import declare_intrinsics
from mlrift.frontend.check.models.learning import RuleSet, declare_rules
from mlrift.frontend.check.models.structure import Column, StructModel
from mlrift.frontend.check.signatures import declare_function
from mlrift.static_types import TYPE_CHECKING
from mlrift.typesystem import DOUBLE, ArrayType, ScalarType, StructType, TensorType

if TYPE_CHECKING:
    from mlrift.frontend.check.declarations import Declarations


def declare_models(context: Context, items: "Declarations") -> None:
    """Declare all blocks; plasticity comes last because it sees the columns of all.

    Functions are declared after this, for their parameters may be populations.
    """
    functions: list[ast.Function] = []
    context.has_models = True
    own = (row.name for row in items.functions if not row.span.file.is_library)
    declare_intrinsics(context, frozenset(row.text for row in own))
    for block in items.dynamics:
        model = _model(context, block.struct)
        if model is None:
            continue
        name = block.name.text
        if name in model.blocks:
            diagnostic = catalog.BLOCK_TWICE.at(block.name.span, name=name)
            context.emit(diagnostic.label(model.blocks[name].span, "first declared here"))
            continue
        model.blocks[name], made = declare_block(context, model, block)
        functions += made
        for table, count in model.blocks[name].tables.items():
            static = typed.StaticVariable(table, ArrayType(DOUBLE, count), block.span)
            context.names.statics[table] = static
    for row in items.plasticity:
        functions += _declare_plasticity(context, row)
    for function in functions:
        declare_function(context, function)


def _model(context: Context, name: ast.Name) -> StructModel | None:
    """Return the model of a struct, made when it is first asked for; None after a report."""
    known = context.names.models.get(name.text)
    if known is not None:
        return known
    struct = context.names.types.get(name.text)
    if not isinstance(struct, StructType):
        suggestion = context.suggest(name.text, context.names.types)
        diagnostic = catalog.NOT_A_STRUCT.at(name.span, name=name.text, suggestion=suggestion)
        context.emit(diagnostic)
        return None
    made = StructModel(struct)
    for row in struct.fields.values():
        if isinstance(row.type, ScalarType):
            made.columns.append(Column(row.name, row.type, is_field=True))
        else:
            found = "a tensor" if isinstance(row.type, TensorType) else row.type.name
            diagnostic = catalog.NESTED_STATE.at(
                name.span, whose="a neuron", struct=name.text, field=row.name, found=found
            )
            context.emit(diagnostic)
    context.names.models[name.text] = made
    return made


def _declare_plasticity(context: Context, node: ast.Plasticity) -> list[ast.Function]:
    struct = context.names.types.get(node.struct.text)
    if not isinstance(struct, StructType):
        suggestion = context.suggest(node.struct.text, context.names.types)
        diagnostic = catalog.NOT_A_STRUCT.at(
            node.struct.span, name=node.struct.text, suggestion=suggestion
        )
        context.emit(diagnostic)
        return []
    sides = [
        _model(context, ast.Name(row.name, row.span)) for row in (node.pre_type, node.post_type)
    ]
    pre, post = sides
    if pre is None or post is None:
        return []
    rules = RuleSet(struct, pre, post, node.struct.span)
    for known in context.names.plasticity:
        if known.struct is struct and known.pre is pre and known.post is post:
            diagnostic = catalog.BLOCK_TWICE.at(node.struct.span, name=struct.name)
            context.emit(diagnostic.label(known.span, "first declared here"))
            return []
    context.names.plasticity.append(rules)
    return declare_rules(context, node, rules)
