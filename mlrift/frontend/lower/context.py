"""The state of lowering: one `ModuleContext` per module, one `FunctionContext` per function.

Every local is a slot made in the entry block; storage ops (`memory.stack`) are placed there too,
so a loop never makes a frame grow.
"""

from __future__ import annotations

from enum import Enum, unique

from mlrift.frontend.lower.foreign import (
    foreign_signature,
    has_c_entry,
    is_entered_by_words,
)
from mlrift.frontend.lower.options import LowerOptions, LowerRole, RuntimeChecks
from mlrift.frontend.lower.rules import EXPRESSIONS, STATEMENTS
from mlrift.frontend.symbols import (
    assembly_symbol,
    c_entry_symbol,
    program_symbol,
    static_symbol,
    text_symbol,
)
from mlrift.ir.builder import Builder
from mlrift.ir.core import Block, BlockParameter, Function, Global, Linkage, Module, Value
from mlrift.ir.ops.arith import Add, Constant
from mlrift.ir.ops.compare import CompareInteger, IntegerPredicate
from mlrift.ir.ops.convert import TruthToWord
from mlrift.ir.ops.memory import GlobalAddress, Load, SlotNew, SlotSet, Stack
from mlrift.static_types import TYPE_CHECKING
from mlrift.typesystem import (
    I1,
    I64,
    VOID_MACHINE,
    TensorType,
    ValueType,
    VectorType,
    VecType,
    VoidType,
)
from mlrift.values import value

if TYPE_CHECKING:
    from mlrift.frontend import typed
    from mlrift.ir.assembly import Assembly
    from mlrift.ir.op import Op

STACK_ALIGN_BYTES = 16


@unique
class SlotStart(Enum):
    """What a slot holds at entry: with `defer`, a block may read locals never declared (Q38)."""

    UNSET = "unset"
    ZERO = "zero"


@value
class Callee:
    """What a call needs to know: the symbol and the machine types of the results."""

    symbol: str
    results: tuple[ValueType, ...]


@value
class Loop:
    """Where `break` and `continue` go."""

    break_to: Block
    continue_to: Block


class ModuleContext:
    """The module being made, its options and its string literals."""

    __slots__ = (
        "_blocks",
        "_callees",
        "_constants",
        "_statics",
        "_text_count",
        "c_entries",
        "module",
        "options",
        "slots",
    )

    def __init__(self, module: Module, options: LowerOptions) -> None:
        self.module = module
        self.options = options
        self._blocks: dict[Assembly, str] = {}
        self._callees: dict[typed.FunctionSymbol, Callee] = {}
        self._statics: dict[typed.StaticVariable, str] = {}
        self._constants: dict[bytes, str] = {}
        self._text_count = 0
        self.c_entries: dict[str, typed.FunctionSymbol] = {}
        self.slots: dict[str, str] = {}

    def callee(self, function: typed.FunctionSymbol) -> Callee:
        """Return how to call a function; an `extern` one is declared by its first use."""
        known = self._callees.get(function)
        if known is None:
            symbol = self.options.symbol_name(function.name)
            known = Callee(symbol, result_types(function))
            self._callees[function] = known
            if function.is_extern:
                parameters = [row.type.machine for row in function.parameters]
                declared = self.module.declare(symbol, parameters, known.results)
                declared.span = function.span
                if self.options.role is not LowerRole.LIBRARY:
                    declared.foreign = foreign_signature(function)
        return known

    def callee_of_c(self, function: typed.FunctionSymbol) -> str:
        """Return what C calls when it gets a function's address."""
        own = self.callee(function).symbol
        if is_entered_by_words(function):
            return own
        is_plain = function.result_count == 1  # else an entry of a library takes more
        if own == program_symbol(function.name) and has_c_entry(function) and is_plain:
            return function.name
        symbol = c_entry_symbol(own)
        self.c_entries[symbol] = function
        return symbol

    def static_name(self, variable: typed.StaticVariable) -> str:
        """Return the symbol of a static variable."""
        known = self._statics.get(variable)
        if known is None:
            known = variable.name
            if not variable.is_export:
                known = static_symbol(self.options.symbol_name(variable.name))
            self._statics[variable] = known
        return known

    def add_slot(self, symbol: str) -> None:
        """Reach a global through the slot in which a dynamic linker puts its address."""
        from mlrift.link.imports import SLOT_BYTES, SLOT_PREFIX  # noqa: PLC0415 - for libraries

        slot = self.slots[symbol] = SLOT_PREFIX + symbol
        made = Global(slot, SLOT_BYTES, SLOT_BYTES, linkage=Linkage.EXTERNAL)
        self.module.globals[slot] = made

    def add_text(self, data: bytes) -> str:
        """Add a writable string literal with its NUL: each one has its own storage (Q18)."""
        symbol = self._next_text_symbol()
        self.module.globals[symbol] = Global(symbol, len(data) + 1, 1, data)
        return symbol

    def add_constant(self, data: bytes) -> str:
        """Return the symbol of read-only bytes followed by a NUL; equal bytes are shared."""
        symbol = self._constants.get(data)
        if symbol is None:
            symbol = self._next_text_symbol()
            self._constants[data] = symbol
            self.module.globals[symbol] = Global(symbol, len(data) + 1, 1, data, is_constant=True)
        return symbol

    def add_assembly(self, assembly: Assembly) -> str:
        """Return the function that runs an assembly block; equal blocks share theirs."""
        symbol = self._blocks.get(assembly)
        if symbol is None:
            symbol = assembly_symbol(self.module.name, len(self._blocks) + 1)
            self._blocks[assembly] = symbol
            area = BlockParameter(I64, "area")
            self.module.functions[symbol] = Function(symbol, [area], (), assembly=assembly)
        return symbol

    def _next_text_symbol(self) -> str:
        self._text_count += 1
        return text_symbol(self.module.name, self._text_count)


def result_types(function: typed.FunctionSymbol) -> tuple[ValueType, ...]:
    """Return the machine types of a function's results: those after the first are words.

    Of a function that gives a vector all are of its type; tensors in a list are what they are.
    """
    if isinstance(function.result, VoidType):
        return ()
    if isinstance(function.result, VecType):
        return (function.result.machine,) * function.result_count
    if function.further:
        further = (row.machine if isinstance(row, TensorType) else I64 for row in function.further)
        return (function.result.machine, *further)
    return (function.result.machine, *(I64,) * (function.result_count - 1))


class FunctionContext:
    """The function being made: its builder, its slots and the loops around the current point."""

    __slots__ = (
        "_print_buffer",
        "_prologue",
        "_slots",
        "builder",
        "is_checked",
        "is_device_code",
        "kept",
        "loops",
        "module",
        "slot_names",
        "slot_start",
    )

    def __init__(self, module: ModuleContext, function: Function, slot_start: SlotStart) -> None:
        self.module = module
        self.builder = Builder(module.module, function)
        self.is_checked = module.options.checks is not RuntimeChecks.NONE
        self.is_device_code = False
        self.slot_start = slot_start
        self.loops: list[Loop] = []
        self.slot_names: dict[typed.LocalVariable, str] = {}
        self._slots: dict[typed.LocalVariable, SlotNew] = {}
        self._prologue: list[Op] = []
        self.kept: list[SlotNew] = []
        self._print_buffer: Stack | None = None

    # ------------------------------------------------------------ expressions

    def raw(self, node: typed.Expression) -> Value:
        """Emit an expression; a comparison stays an i1, a void call has no value."""
        return EXPRESSIONS[type(node)](self, node)

    def value(self, node: typed.Expression) -> Value:
        """Emit an expression and return its word or float."""
        made = EXPRESSIONS[type(node)](self, node)
        machine = made.type
        if machine is I1:
            return self.builder.emit(TruthToWord(made))
        if machine is VOID_MACHINE:
            return self.builder.word(0)
        return made

    def values(self, nodes: list[typed.Expression]) -> list[Value]:
        """Emit expressions from left to right."""
        return [self.value(node) for node in nodes]

    def condition(self, node: typed.Expression) -> Value:
        """Emit an expression and return an i1: whether it is not zero."""
        made = EXPRESSIONS[type(node)](self, node)
        if made.type is I1:
            return made
        if made.type is VOID_MACHINE:
            made = self.builder.word(0)
        return self.builder.emit(CompareInteger(IntegerPredicate.NE, made, self.builder.word(0)))

    def offset(self, base: Value, offset_bytes: int) -> Value:
        """Return `base + offset_bytes`, the base first."""
        if not offset_bytes:
            return base
        return self.builder.emit(Add(base, self.builder.word(offset_bytes)))

    def global_address(self, symbol: str) -> Value:
        """Return the address of a global."""
        slot = self.module.slots.get(symbol)
        if slot is None:
            return self.builder.emit(GlobalAddress(symbol))
        return self.builder.emit(Load(self.builder.emit(GlobalAddress(slot)), I64))

    # ------------------------------------------------------------- statements

    def place(self, block: Block) -> None:
        """Add a block to the function and go on there: blocks lie in the order of the source."""
        self.builder.function.blocks.append(block)
        self.builder.block = block

    def run(self, block: typed.Block) -> None:
        """Emit statements in order; those after a terminator go into a block nothing reaches."""
        builder = self.builder
        for node in block.statements:
            if builder.is_terminated:
                self.place(Block("dead"))
            builder.span = node.span
            STATEMENTS[type(node)](self, node)

    # ---------------------------------------------------------------- storage

    def slot(self, variable: typed.LocalVariable) -> SlotNew:
        """Return the slot of a local, made in the entry block."""
        known = self._slots.get(variable)
        if known is None:
            name = self.slot_names.get(variable, variable.name)
            known = SlotNew(name, variable.type.machine)
            known.span = variable.span
            self._slots[variable] = known
            self._prologue.append(known)
            if self.slot_start is SlotStart.ZERO and not variable.is_parameter:
                self._clear(known)
        return known

    def stack(self, size_bytes: int) -> Value:
        """Return storage in the frame: one address however often the current point is reached."""
        made = Stack(size_bytes, STACK_ALIGN_BYTES)
        made.span = self.builder.span
        self._prologue.append(made)
        return made

    def print_buffer(self, size_bytes: int) -> Value:
        """Return the frame's buffer for formatting a line, made large enough."""
        if self._print_buffer is None:
            self._print_buffer = Stack(size_bytes, STACK_ALIGN_BYTES)
            self._print_buffer.span = self.builder.span
            self._prologue.append(self._print_buffer)
        elif self._print_buffer.size_bytes < size_bytes:
            self._print_buffer.size_bytes = size_bytes
        return self._print_buffer

    def keep_tensors(self, variables: list[typed.LocalVariable]) -> None:
        """Have variables, which hold nothing until they are declared, live to the end."""
        for variable in variables:
            slot = self.slot(variable)
            self.kept.append(slot)
            if not variable.is_parameter and self.slot_start is SlotStart.UNSET:
                self._clear(slot)

    def finish(self) -> None:
        """Put what belongs to the entry block at its start."""
        self.builder.function.blocks[0].ops[0:0] = self._prologue

    def _clear(self, slot: SlotNew) -> None:
        if isinstance(slot.slot_type, TensorType):
            from mlrift.frontend.builtins.tensor import nothing  # noqa: PLC0415 - with tensors

            self._prologue += nothing(slot, slot.slot_type)
            return
        if isinstance(slot.slot_type, VectorType):
            from mlrift.frontend.builtins.vector import zero_of  # noqa: PLC0415 - with vectors

            nought: Op = zero_of(slot.slot_type)
            self._prologue += (nought, SlotSet(slot, nought))
            return
        zero = Constant(0 if slot.slot_type is I64 else 0.0, slot.slot_type)
        setting = SlotSet(slot, zero)
        zero.span = setting.span = self.builder.function.span
        self._prologue += (zero, setting)
