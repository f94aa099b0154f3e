"""The ops of a block as statements of C++.

A value with one use in its own block becomes part of the expression that uses it. It is made before
that, in a variable, when something that it reads is about to change; any other value gets a
variable at once. What has an effect stands where it stood.
"""

from collections.abc import Callable

from mlrift.backends.hip import expressions
from mlrift.backends.hip.effects import STATEMENTS
from mlrift.backends.hip.names import (
    Names,
    UnsupportedInHip,
    bare,
    constant_text,
    function_name,
    type_name,
)
from mlrift.ir.core import Block, BlockParameter, Function, Module, Value
from mlrift.ir.op import Effect, Op
from mlrift.ir.ops.arith import Constant, Sdiv, Srem, Udiv, Urem
from mlrift.ir.ops.call import Call, CallResult
from mlrift.ir.ops.device import AssumeGroupSize
from mlrift.ir.ops.memory import SlotGet, SlotNew, SlotSet, Stack
from mlrift.values import value

MEMORY = "memory"
"""What loads read, beside the names of variables."""
_READERS = (Effect.PURE, Effect.READ)
_DIVISIONS = (Udiv, Sdiv, Urem, Srem)
_LONGEST = 160


@value
class _Pending:
    """An expression that waits for its user, and what it reads."""

    text: str
    reads: frozenset[str]


class Writer(expressions.Operands):
    """Writes the statements of one function, and collects the variables they need."""

    def __init__(
        self,
        module: Module,
        function: Function,
        helpers: set[str],
        shown_path: Callable[[str], str],
    ) -> None:
        self.module = module
        self._shown_path = shown_path
        self.helpers = helpers
        self.names = Names()
        self.variables: dict[str, str] = {}
        self.storage: list[str] = []
        self.lines: list[str] = []
        self._named: dict[Value, str] = {}
        self._pending: dict[Value, _Pending] = {}
        self._reads: set[str] = set()
        self._uses: dict[Value, int] = {}
        self._user_blocks: dict[Value, Block] = {}
        self._shown = ("", 0)
        self._count_uses(function)
        for row in function.parameters:
            self._named[row] = self.names.new(row.name or "argument")
        self._parameters_of_slots = self._find_parameters_of_slots(function)

    def __call__(self, operand: Value) -> str:
        """Return an operand as text; an expression that waited is used up."""
        if isinstance(operand, Constant):
            return constant_text(operand)
        waiting = self._pending.pop(operand, None)
        if waiting is None:
            return self.name_of(operand)
        self._reads |= waiting.reads
        return waiting.text

    def use(self, helper: str) -> None:
        """Say that a helper is needed."""
        self.helpers.add(helper)

    def name_of(self, operand: Value) -> str:
        """Return the variable of a value, which is made when it is new."""
        name = self._named.get(operand)
        if name is None:
            wanted = operand.name if isinstance(operand, BlockParameter | SlotNew) else "t"
            held = operand.slot_type if isinstance(operand, SlotNew) else operand.type
            self._named[operand] = name = self.names.new(wanted)
            self.variables[name] = type_name(held)
        return name

    def write_block(self, block: Block) -> None:
        """Add the statements of a block but for its terminator."""
        for position, made in enumerate(block.ops[:-1]):
            self._reads = set()
            self._write(made, block, block.ops[position + 1])

    def assign(self, pairs: list[tuple[BlockParameter, Value]]) -> None:
        """Give values to the parameters of a block, all at once."""
        texts = [(self.name_of(target), bare(self(source))) for target, source in pairs]
        changes = [row for row in texts if row[0] != row[1]]
        if len(changes) > 1:
            for (target, _), position in zip(list(changes), range(len(changes)), strict=True):
                held = self.names.new("t")
                self.variables[held] = self.variables[target]
                self.lines.append(f"{held} = {changes[position][1]};")
                changes[position] = (target, held)
        self.lines += [f"{target} = {text};" for target, text in changes]

    def _write(self, made: Op, block: Block, following: Op) -> None:
        if isinstance(made, Constant | SlotNew | AssumeGroupSize | CallResult):
            return
        if isinstance(made, SlotGet):
            name = self._variable(made.slot)
            self._keep(made, block, _Pending(name, frozenset((name,))))
        elif isinstance(made, SlotSet):
            self._set_variable(made)
        elif isinstance(made, Stack):
            self._make_storage(made)
        elif isinstance(made, Call):
            self._call(made)
        elif type(made) in STATEMENTS:
            self._emit(STATEMENTS[type(made)](made, self), made, MEMORY)
        else:
            self._evaluate(made, block, following)

    def _evaluate(self, made: Op, block: Block, following: Op) -> None:
        rule = expressions.RULES.get(type(made))
        if rule is None:
            raise UnsupportedInHip(f"`{made.MNEMONIC}`")
        text = rule(made, self)
        if made.EFFECT is Effect.READ:
            self._reads.add(MEMORY)
        if made.EFFECT in _READERS or isinstance(made, _DIVISIONS):
            self._keep(made, block, _Pending(text, frozenset(self._reads)))
        elif isinstance(following, SlotSet) and following.value is made and self._is_single(made):
            self._settle(MEMORY)
            self._pending[made] = _Pending(text, frozenset(self._reads))
        elif self._uses.get(made, 0):
            self._emit(f"{self.name_of(made)} = {bare(text)};", made, MEMORY)
        else:
            self._emit(f"{bare(text)};", made, MEMORY)

    def _keep(self, made: Op, block: Block, found: _Pending) -> None:
        """Let an expression wait for its only user, or give it a variable."""
        is_here = self._user_blocks.get(made) is block
        if self._is_single(made) and is_here and len(found.text) < _LONGEST:
            self._pending[made] = found
        elif self._uses.get(made, 0):
            self._emit(f"{self.name_of(made)} = {bare(found.text)};", made)

    def _is_single(self, made: Value) -> bool:
        return self._uses.get(made, 0) == 1

    def _variable(self, slot: Value) -> str:
        return self.name_of(self._parameters_of_slots.get(slot, slot))

    def _set_variable(self, made: SlotSet) -> None:
        name = self._variable(made.slot)
        text = bare(self(made.value))
        if text != name:
            self._emit(f"{name} = {text};", made, name)

    def _make_storage(self, made: Stack) -> None:
        name = self.names.new("frame")
        self.storage.append(f"__attribute__((aligned({made.align}))) u8 {name}[{made.size_bytes}];")
        self._named[made] = f"u64({name})"

    def _call(self, made: Call) -> None:
        arguments = [bare(self(row)) for row in made.arguments]
        for number, held in enumerate(made.results[1:], start=1):
            name = self.names.new("t")
            self.variables[name] = type_name(held)
            arguments.append(f"&{name}")
            for row in self._uses:
                if isinstance(row, CallResult) and row.call is made and row.index == number:
                    self._named[row] = name
        callee = self.module.functions[made.callee]
        text = f"{function_name(callee)}({', '.join(arguments)});"
        is_used = made.results and self._uses.get(made, 0)
        self._emit(f"{self.name_of(made)} = {text}" if is_used else text, made, MEMORY)

    def _emit(self, line: str, made: Op, changes: str = "") -> None:
        """Add a statement, after what has to read before it `changes` a variable or memory."""
        if changes:
            self._settle(changes)
        self.lines.append(line + self._place(made))

    def _settle(self, changed: str) -> None:
        """Give variables to the waiting expressions that read what changes now."""
        for made in [row for row, found in self._pending.items() if changed in found.reads]:
            text = bare(self._pending.pop(made).text)
            self.lines.append(f"{self.name_of(made)} = {text};")

    def _place(self, made: Op) -> str:
        """Return a comment with the line of the source when it is another one."""
        if made.span is None:
            return ""
        place = (made.span.file.path, made.span.line)
        if place == self._shown:
            return ""
        is_new_file = place[0] != self._shown[0]
        self._shown = place
        path = self._shown_path(place[0])
        return f"  // {path}:{place[1]}" if is_new_file else f"  // {place[1]}"

    def _count_uses(self, function: Function) -> None:
        for block in function.blocks:
            for made in block.ops:
                for operand in made.operands():
                    self._uses[operand] = self._uses.get(operand, 0) + 1
                    self._user_blocks[operand] = block

    def _find_parameters_of_slots(self, function: Function) -> dict[Value, Value]:
        """Return the variables that begin as a parameter which nothing else uses."""
        found: dict[Value, Value] = {}
        parameters = set(function.parameters)
        for made in function.entry.ops:
            if not isinstance(made, SlotSet) or made.slot in found:
                continue
            if made.value in parameters and self._is_single(made.value):
                found[made.slot] = made.value
        return found
