"""Is a module legal IR? Control flow, dominance, types, signatures; then each op's own check.

A module enters, the list of everything wrong with it leaves, and it is not changed. Nothing that
runs on verified IR has to check these things again.
"""

from collections.abc import Sequence

from mlrift.ir.analysis.dominance import Dominators
from mlrift.ir.assembly import Assembly
from mlrift.ir.core import Block, Function, Linkage, Module, Successor, Value
from mlrift.ir.op import Op
from mlrift.ir.ops.call import Call, FunctionAddress
from mlrift.ir.ops.control import Return
from mlrift.ir.ops.memory import GlobalAddress, SlotGet, SlotNew, SlotSet
from mlrift.ir.text import FunctionNames, format_op
from mlrift.typesystem import F32, F64, I1, I64, VOID_MACHINE, TensorType, ValueType, VectorType
from mlrift.values import value

_PASSED = (I64, F32, F64)
_VALUE_TYPES = (I64, F32, F64, I1)
_MAX_RESULTS = 3


@value
class VerifyError:
    """One violated rule; `line` is that of the op when the IR came from text."""

    function: str
    block: str
    op: str
    message: str
    line: int | None

    def __str__(self) -> str:
        place = " ".join(part for part in (self.function, self.block) if part)
        return f"{place}: {self.message}" + (f" in `{self.op}`" if self.op else "")


class InvalidIr(Exception):
    """A stage produced IR that breaks the rules: a bug in the compiler."""

    def __init__(self, stage: str, errors: list[VerifyError]) -> None:
        shown = "\n".join(f"  {error}" for error in errors[:20])
        super().__init__(f"invalid IR after {stage}:\n{shown}")
        self.stage = stage
        self.errors = errors


def check_module(module: Module, stage: str) -> None:
    """Raise InvalidIr, naming the stage that made the module, if it breaks a rule."""
    errors = verify_module(module)
    if errors:
        raise InvalidIr(stage, errors)


def verify_module(module: Module) -> list[VerifyError]:
    """Return every violation in a module."""
    errors: list[VerifyError] = []
    for name, row in module.globals.items():
        if row.name != name or len(row.data) > row.size_bytes or row.align <= 0:
            errors.append(VerifyError(f"@{name}", "", "", "malformed global", None))
    for name, function in module.functions.items():
        checker = _FunctionChecker(module, function)
        if function.name != name:
            checker.report(f"listed as @{name}")
        checker.run()
        errors += checker.errors
    return errors


class _FunctionChecker:
    """Checks one function; `errors` grows."""

    def __init__(self, module: Module, function: Function) -> None:
        self.module = module
        self.function = function
        self.errors: list[VerifyError] = []
        self.names: FunctionNames | None = None
        self.places: dict[Value, tuple[Block, int]] = {}
        self.blocks = set(function.blocks)
        self.block: Block | None = None
        self.op: Op | None = None

    def report(self, message: str) -> None:
        """Add an error at the current block and op."""
        if self.names is None:
            self.names = FunctionNames(self.function)
        block = self.names.block(self.block) if self.block is not None else ""
        made = self.op
        text = format_op(made, self.names) if made is not None else ""
        line = made.span.line if made is not None and made.span is not None else None
        self.errors.append(VerifyError(f"@{self.function.name}", block, text, message, line))

    def run(self) -> None:
        """Check everything; control flow first, as the rest walks it."""
        self._signature()
        if self.function.linkage is Linkage.EXTERNAL:
            if self.function.blocks:
                self.report("an external function has no blocks")
            return
        if self.function.assembly is not None:
            self._assembly(self.function.assembly)
            return
        if not self.function.blocks:
            self.report("a function needs a block")
            return
        for block in self.function.blocks:
            self._shape(block)
        if self.errors:
            return
        dominators = Dominators(self.function)
        for block in self.function.blocks:
            self.block = block
            for position, made in enumerate(block.ops):
                self.op = made
                self._check_op(made)
                self._check_uses(made, block, position, dominators)
        self.block = self.op = None

    def _signature(self) -> None:
        if len(self.function.results) > _MAX_RESULTS:
            self.report(f"more than {_MAX_RESULTS} results")
        types = [row.type for row in self.function.parameters] + list(self.function.results)
        for row in types:
            if row not in _PASSED and not isinstance(row, (TensorType, VectorType)):
                self.report(f"{row.value} is neither passed nor returned")
        blocks = self.function.blocks
        if blocks and blocks[0].parameters != self.function.parameters:
            self.report("the first block's parameters are not the function's")

    def _assembly(self, assembly: Assembly) -> None:
        function = self.function
        if function.blocks:
            self.report("a function with assembly has no blocks")
        if function.is_naked:
            if assembly.inputs or assembly.outputs:
                self.report("naked assembly has neither inputs nor outputs")
        elif [row.type for row in function.parameters] != [I64] or function.results:
            self.report("assembly that is not naked takes an address and gives nothing")
        for names in (assembly.inputs, assembly.outputs):
            if len(set(names)) != len(names):
                self.report("a register is named twice")

    def _shape(self, block: Block) -> None:
        """Record the block's values and check its ends."""
        self.block, self.op = block, None
        for parameter in block.parameters:
            self._record(parameter, block, -1)
            if parameter.type not in _VALUE_TYPES and not isinstance(
                parameter.type, (VectorType, TensorType)
            ):
                self.report(f"a parameter of type {parameter.type.value}")
        if not block.ops or not block.ops[-1].IS_TERMINATOR:
            self.report("the block has no terminator")
        for position, made in enumerate(block.ops):
            self.op = made
            self._record(made, block, position)
            if made.IS_TERMINATOR and position != len(block.ops) - 1:
                self.report("a terminator inside a block")
            for edge in made.successors():
                self._check_edge(edge)
        self.block = self.op = None

    def _record(self, value: Value, block: Block, position: int) -> None:
        if value in self.places:
            self.report("the same value stands in two places")
        self.places[value] = (block, position)

    def _check_edge(self, edge: Successor) -> None:
        target = edge.block
        if target not in self.blocks:
            self.report(f"an edge to the block `{target.name}`, which is not in the function")
        elif target is self.function.blocks[0]:
            self.report("an edge to the first block")
        found = [value.type for value in edge.arguments]
        if found != [row.type for row in target.parameters]:
            self.report(f"the edge does not match the parameters of `{target.name}`")

    def _check_op(self, made: Op) -> None:
        message = made.check_operands() or made.check()
        if message is not None:
            self.report(message)
            return
        rule = _RULES.get(type(made))
        if rule is not None:
            rule(self, made)

    def _check_uses(self, made: Op, block: Block, position: int, dominators: Dominators) -> None:
        for operand in made.operands():
            place = self.places.get(operand)
            if operand.type is VOID_MACHINE:
                self.report("uses an op that has no result")
            elif place is None:
                self.report("uses a value that is not in the function")
            elif dominators.is_reachable(block) and not self._is_before(
                place, (block, position), dominators
            ):
                self.report("uses a value before its definition")
            if isinstance(operand, SlotNew) and not isinstance(made, (SlotGet, SlotSet)):
                self.report(f"uses the slot `{operand.name}` as a value")

    def _is_before(
        self, definition: tuple[Block, int], use: tuple[Block, int], dominators: Dominators
    ) -> bool:
        if definition[0] is use[0]:
            return definition[1] < use[1]
        upper = definition[0]
        return dominators.is_reachable(upper) and dominators.dominates(upper, use[0])

    def check_call(self, made: Op) -> None:
        """Compare a call with the signature of what it calls."""
        assert isinstance(made, Call)
        callee = self.module.functions.get(made.callee)
        if callee is None:
            self.report(f"calls @{made.callee}, which is not in the module")
            return
        wanted = [row.type for row in callee.parameters]
        if [value.type for value in made.arguments] != wanted:
            self.report(f"@{made.callee} takes {_shown(wanted)}")
        if made.results != callee.results:
            self.report(f"@{made.callee} gives {_shown(list(callee.results))}")

    def check_return(self, made: Op) -> None:
        """Compare the values with the function's results."""
        assert isinstance(made, Return)
        if tuple(value.type for value in made.values) != self.function.results:
            self.report(f"the function gives {_shown(list(self.function.results))}")

    def check_symbol(self, made: Op) -> None:
        """Look a symbol up."""
        if isinstance(made, FunctionAddress) and made.callee not in self.module.functions:
            self.report(f"no function @{made.callee} in the module")
        if isinstance(made, GlobalAddress) and made.symbol not in self.module.globals:
            self.report(f"no global @{made.symbol} in the module")

    def check_slot(self, made: Op) -> None:
        """Keep slots in the entry block."""
        if self.block is not self.function.blocks[0]:
            self.report("a slot outside the first block")


_RULES = {
    Call: _FunctionChecker.check_call,
    Return: _FunctionChecker.check_return,
    FunctionAddress: _FunctionChecker.check_symbol,
    GlobalAddress: _FunctionChecker.check_symbol,
    SlotNew: _FunctionChecker.check_slot,
}


def _shown(types: Sequence[ValueType]) -> str:
    return f"({', '.join(row.value for row in types)})"
