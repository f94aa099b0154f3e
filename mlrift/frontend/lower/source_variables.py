"""What `-g` tells about a function's variables: names, types and where each is visible.

Enters: a checked function. Leaves: its `SourceFunction`, and the name of each variable's slot,
which is unique in the function. A variable is visible from the end of its declaration to the end
of the block (a `for` variable from its loop on), so a debugger shows no variable that has no value
yet, and of two with one name the right one.
"""

from mlrift.frontend import typed
from mlrift.ir.source_names import SourceFunction, SourceVariable, Visibility

# Every declaration opens a scope, up to this many in a block: scopes are nested in the DWARF.
_MOST_SCOPES_IN_A_BLOCK = 64

SlotNames = dict[typed.LocalVariable, str]


def describe_function(function: typed.FunctionSymbol) -> tuple[SourceFunction, SlotNames]:
    """Return what is known of a function and the names for its slots."""
    description = _Description(SourceFunction(function.name, function.result))
    for index, variable in enumerate(function.parameters):
        description.add(variable, index + 1, None)
    if function.body is not None:
        description.add_block(function.body)
    for block in function.end_defers:
        description.add_block(block)
    return description.function, description.slot_names


class _Description:
    """The variables found so far."""

    def __init__(self, function: SourceFunction) -> None:
        self.function = function
        self.slot_names: SlotNames = {}
        self.occurrences: dict[str, int] = {}

    def add(self, variable: typed.LocalVariable, argument: int, visible: Visibility | None) -> None:
        """Note a variable unless it is known: deferred blocks occur at every return."""
        if variable in self.slot_names:
            return
        earlier = self.occurrences.get(variable.name, 0)
        self.occurrences[variable.name] = earlier + 1
        name = f"{variable.name}.{earlier}" if earlier else variable.name
        self.slot_names[variable] = name
        self.function.variables[name] = SourceVariable(
            variable.name, variable.type, variable.span, argument, visible
        )

    def add_block(self, block: typed.Block) -> None:
        """Note the variables of a block and of the blocks in it."""
        scope = Visibility(block.span.start, block.span.end)
        count = 0
        for node in block.statements:
            declared = _declared_by(node)
            if declared and count < _MOST_SCOPES_IN_A_BLOCK:
                count += 1
                start = node.span.start if isinstance(node, typed.For) else node.span.end
                scope = Visibility(start, block.span.end)
            for variable in declared:
                self.add(variable, 0, scope)
            for inner in _blocks_of(node):
                self.add_block(inner)


def _declared_by(node: typed.Statement) -> list[typed.LocalVariable]:
    match node:
        case typed.DeclareScalar() | typed.DeclareArray() | typed.DeclareStruct() | typed.For():
            return [node.variable]
        case typed.DeclareTuple():
            return node.variables
    return []


def _blocks_of(node: typed.Statement) -> list[typed.Block]:
    match node:
        case typed.If():
            return [node.then] if node.otherwise is None else [node.then, node.otherwise]
        case typed.While() | typed.For():
            return [node.body]
        case typed.Match():
            return [arm.body for arm in node.arms]
        case typed.Return():
            return node.defers
    return []
