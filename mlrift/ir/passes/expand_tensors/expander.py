"""One function without tensors: every op becomes calls of the runtime, tensors become words.

Rules are by op class, in `RULES`; each gets the op and gives the word or scalar that stands for its
result. Kernels that rules need are added to the module once for each shape of kernel.
"""

from collections.abc import Callable, Sequence

from mlrift.ir.analysis.control_flow import reverse_postorder
from mlrift.ir.core import Block, Function, Global, Module, Value
from mlrift.ir.op import Op
from mlrift.ir.ops.call import Call, CallResult
from mlrift.ir.ops.memory import GlobalAddress, SlotGet, SlotNew
from mlrift.ir.ops.tensor_release import Release
from mlrift.ir.passes.expand_tensors.emit import Emitter
from mlrift.static_types import Any
from mlrift.typesystem import I64, TensorType, ValueType

Rule = Callable[["Expander", Any], Value | None]


class Kernels:
    """What has been added to a module: kernels by what they are for, messages by their text."""

    __slots__ = ("made", "messages", "module")

    def __init__(self, module: Module) -> None:
        self.module = module
        self.made: dict[object, str] = {}
        self.messages: dict[str, str] = {}

    def symbol(self, key: object, stem: str, build: Callable[[str], None]) -> str:
        """Return the function for a key; `build(name)` adds it when it is new."""
        known = self.made.get(key)
        if known is None:
            known = self.made[key] = self.free_name(stem)
            build(known)
        return known

    def free_name(self, stem: str) -> str:
        """Return a name that no function has."""
        number = len(self.made)
        while f"{stem}.{number}" in self.module.functions:
            number += 1
        return f"{stem}.{number}"

    def message(self, text: str) -> str:
        """Return the symbol of a text that ends with NUL."""
        known = self.messages.get(text)
        if known is None:
            known = self.messages[text] = f"tensor.text.{len(self.messages)}"
            while known in self.module.globals:
                known += "_"
            self.messages[text] = known
            data = text.encode("utf-8", "surrogateescape") + b"\0"
            self.module.globals[known] = Global(known, len(data), 1, data, is_constant=True)
        return known


class Expander:
    """Expands the functions of a module one by one; `out` emits into the block at hand."""

    def __init__(self, kernels: Kernels, rules: dict[type[Op], Rule]) -> None:
        self.kernels = kernels
        self.module = kernels.module
        self.rules = rules
        self.out = Emitter.__new__(Emitter)
        self.types: dict[Value, TensorType] = {}
        self.words: dict[Value, Value] = {}
        self.op: Op | None = None
        self.ending: frozenset[Value] = frozenset()

    def run(self, function: Function) -> None:
        """Expand one function; its tensors become words."""
        self.types, self.words = {}, {}
        self._note_types(function)
        self.out = Emitter(self.module, function)
        for block in reverse_postorder(function):
            self._expand_block(block)
        for made in function.ops():
            made.replace_operands(self.words)

    def type_of(self, value: Value) -> TensorType:
        """Return the type that a value had as a tensor."""
        return self.types[value]

    def ends(self, value: Value) -> bool:
        """Whether a tensor is given back right after the op at hand."""
        return value in self.ending

    def word(self, value: Value) -> Value:
        """Return the descriptor of a tensor."""
        return self.words.get(value, value)

    def runtime(self, name: str, arguments: Sequence[Value], *results: ValueType) -> Value:
        """Emit a call of the runtime; it gives a word unless other results are named."""
        return self.out.call_external(name, arguments, results or (I64,))

    def effect(self, name: str, arguments: Sequence[Value]) -> None:
        """Emit a call of the runtime that gives nothing."""
        self.out.call_external(name, arguments, ())

    def message(self, operation: str) -> Value:
        """Emit the address of the text that a failure of the op at hand starts with."""
        span = self.op.span if self.op is not None else None
        place = ""
        if span is not None:
            line, column = span.file.line_and_column(span.start)
            place = f"{span.file.path}:{line}:{column}: "
        symbol = self.kernels.message(place + operation)
        return self.out.emit(GlobalAddress(symbol))

    def _note_types(self, function: Function) -> None:
        """Remember the types of tensors, and make words of parameters and results."""
        for block in function.blocks:
            for value in (*block.parameters, *block.ops):
                if isinstance(value.type, TensorType):
                    self.types[value] = value.type
            for parameter in block.parameters:
                if parameter in self.types:
                    parameter.type = I64
        function.results = plain_types(function.results)

    def _expand_block(self, block: Block) -> None:
        ops, block.ops = block.ops, []
        self.out.block = block
        for position, made in enumerate(ops):
            rule = self.rules.get(type(made))
            self.op = made
            self.ending = _released_after(ops, position)
            self.out.span = made.span
            if rule is not None:
                stand_in = rule(self, made)
                if stand_in is not None:
                    self.words[made] = stand_in
                continue
            self._make_plain(made)
            made.replace_operands(self.words)
            block.ops.append(made)

    def _make_plain(self, made: Op) -> None:
        """Give an op that only passes tensors on the types of words."""
        if isinstance(made, Call):
            made.results = plain_types(made.results)
        elif isinstance(made, CallResult):
            (made.result_type,) = plain_types((made.result_type,))
        elif isinstance(made, (SlotNew, SlotGet)):
            (made.slot_type,) = plain_types((made.slot_type,))
        if isinstance(made.type, TensorType):
            made.type = I64


def _released_after(ops: list[Op], position: int) -> frozenset[Value]:
    """Return the tensors of the releases that stand right after an op."""
    found: list[Value] = []
    for made in ops[position + 1 :]:
        if not isinstance(made, Release):
            break
        found.append(made.operand)
    return frozenset(found)


def plain_types(types: Sequence[ValueType]) -> tuple[ValueType, ...]:
    """Return types with a word in the place of every tensor."""
    return tuple(I64 if isinstance(row, TensorType) else row for row in types)
