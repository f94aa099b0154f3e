"""A whole program: declarations, statics, and functions that are translated when first called."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from mlrift.frontend import ast
from mlrift.ir.interpret.memory import Memory, StackFill
from mlrift.typesystem import (
    SCALARS,
    U64,
    VOID,
    ArrayType,
    ScalarType,
    SliceType,
    StructField,
    StructType,
    Type,
)
from tests.fuzz.model import numbers
from tests.fuzz.model.builtins import Function as Builtin
from tests.fuzz.model.builtins import Number, memory_builtins
from tests.fuzz.model.expressions import (
    ExpressionTranslator,
    Frame,
    Scope,
    Typed,
    UnmodelledError,
    coerce,
    constant,
)
from tests.fuzz.model.operators import DivisionTrap
from tests.fuzz.model.statements import Signal, StatementTranslator

_FIRST_FUNCTION = 1 << 46
_STATUS_DIVISION = 136
_MEMORY_BYTES = 1 << 31


@dataclass(frozen=True, slots=True)
class ModelResult:
    """What a program should print, and how it should end."""

    stdout: bytes
    status: int


class _Exit(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True, slots=True)
class _Body:
    """A translated function: where arguments go, what a frame starts as, and the code."""

    initial: Frame
    run: Callable[[Frame], Signal]
    defers: list[Callable[[Frame], Signal]]


def run_model(program: ast.Program) -> ModelResult:
    """Run a program from `main` to its end."""
    model = Model(program)
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, 100_000))
    try:
        values = model.call("main", [])
        has_result = model.functions["main"].result is not None
        status = int(values[0]) & 0xFF if has_result else 0
    except _Exit as end:
        status = end.status
    except DivisionTrap:
        status = _STATUS_DIVISION
    finally:
        sys.setrecursionlimit(before)
    return ModelResult(bytes(model.stdout), status)


class Model:
    """The state of one run."""

    def __init__(self, program: ast.Program) -> None:
        self.memory = Memory(_MEMORY_BYTES, StackFill.ZERO)
        self.stdout = bytearray()
        self.builtins: dict[str, Builtin] = memory_builtins(self.memory)
        self.builtins["exit"] = self._exit
        self.builtins["print_str"] = lambda text: self._print_text(text, b"")
        self.builtins["println_str"] = lambda text: self._print_text(text, b"\n")
        self.functions: dict[str, ast.Function] = {}
        self.enums: dict[str, dict[str, int]] = {}
        self.static_values: dict[str, Number] = {}
        self._types: dict[str, Type] = dict(SCALARS)
        self._globals: dict[str, Typed] = {}
        self._literals: dict[int, int] = {}
        self._bodies: dict[str, _Body] = {}
        items = [item for module in program.modules for item in module.items]
        self._names = [item.name.text for item in items if isinstance(item, ast.Function)]
        for item in items:
            self._declare(item)

    # ----------------------------------------------------------------------- declarations

    def _declare(self, item: ast.Item) -> None:
        match item:
            case ast.Function():
                self.functions[item.name.text] = item
            case ast.Struct():
                self._types[item.name.text] = self._laid_out(item)
            case ast.Alias():
                self._types[item.name.text] = self.type_named(item.type.name)
            case ast.EnumDeclaration():
                self.enums[item.name.text] = _members(item)
            case ast.Const():
                declared = self.type_named(item.type.name)
                self._globals[item.name.text] = constant(declared, self._initial(item, declared))
            case ast.Static():
                self._declare_static(item)
            case _:
                raise UnmodelledError(type(item).__name__)

    def _laid_out(self, item: ast.Struct) -> StructType:
        struct = StructType(item.name.text)
        for row in item.fields:
            kind = self._types.get(row.type.name, U64)
            assert isinstance(kind, ScalarType | StructType)
            struct.fields[row.name.text] = StructField(row.name.text, kind, struct.size_bytes)
            struct.size_bytes += kind.size_bytes
        return struct

    def _initial(self, item: ast.Const | ast.Static, declared: Type) -> Number:
        if item.value is None:
            return 0.0 if declared.is_float else 0
        value = ExpressionTranslator(self, Scope()).translate(item.value)
        found: Number = coerce(value, declared)([])
        return found

    def _declare_static(self, item: ast.Static) -> None:
        name, declared = item.name.text, self.type_named(item.type.name)
        if item.size is not None:
            assert isinstance(declared, ScalarType | StructType)
            declared = ArrayType(declared, self.array_count(item.size))
        values = self.static_values
        if isinstance(declared, ScalarType):
            values[name] = self._initial(item, declared)
        else:
            values[name] = self.memory.place(b"", declared.size_bytes)
        self._globals[name] = Typed(declared, lambda frame: values[name], is_variable=True)

    def type_named(self, name: str) -> Type:
        """Return the type of a name."""
        found = self._types.get(name)
        if found is None:
            raise UnmodelledError(f"type {name}")
        return found

    def global_value(self, name: str) -> Typed:
        """Return a static or constant."""
        found = self._globals.get(name)
        if found is None:
            raise UnmodelledError(f"name {name}")
        return found

    def array_count(self, size: ast.IntegerLiteral | ast.Identifier) -> int:
        """Return the number of elements of a declared array."""
        return int(ExpressionTranslator(self, Scope()).translate(size).run([]))

    def literal(self, node: ast.StringLiteral) -> int:
        """Return the address of a literal: one a place in the program."""
        if id(node) not in self._literals:
            self._literals[id(node)] = self.memory.place(node.data, len(node.data) + 1)
        return self._literals[id(node)]

    # -------------------------------------------------------------------------- functions

    def parameter_types(self, function: ast.Function) -> list[Type]:
        """Return what a call passes, in order: a slice is its address and its length."""
        types: list[Type] = []
        for row in function.parameters:
            kind = self._types.get(row.type.name, U64)
            if row.is_slice:
                assert isinstance(kind, ScalarType | StructType)
                types += [SliceType(kind), U64]
            else:
                types.append(kind)
        return types

    def result_type(self, function: ast.Function) -> Type:
        """Return the type of a call."""
        return self._types.get(function.result.name, U64) if function.result else VOID

    def function_address(self, name: str) -> int:
        """Return what `fn_addr` gives."""
        return _FIRST_FUNCTION + self._names.index(name)

    def call(self, name: str, arguments: list[Number]) -> list[Number]:
        """Call a function; return its results, [0] if it has none."""
        body = self._bodies.get(name)
        if body is None:
            body = self._bodies[name] = self._translated(self.functions[name])
        frame = body.initial.copy()
        frame[: len(arguments)] = arguments
        signal = body.run(frame)
        if isinstance(signal, list):
            return signal
        for block in body.defers:
            block(frame)
        return [0]

    def call_address(self, address: int, *words: int) -> int:
        """Call a function through its address: words in, a word out."""
        function = self.functions[self._names[address - _FIRST_FUNCTION]]
        given = [
            numbers.from_bits(word, kind.size_bytes) if kind.is_float else word
            for word, kind in zip(words, self.parameter_types(function), strict=True)
        ]
        found = self.call(function.name.text, given)[0]
        kind = self.result_type(function)
        return numbers.bits_of(found, kind.size_bytes) if kind.is_float else int(found)

    def _translated(self, function: ast.Function) -> _Body:
        scope = Scope()
        for row in function.parameters:
            kind = self._types.get(row.type.name, U64)
            if row.is_slice:
                assert isinstance(kind, ScalarType | StructType)
                kind = SliceType(kind)
            scope.declare(row.name.text, kind)
        translator = StatementTranslator(self, scope, self.result_type(function))
        run = translator.block(function.body)
        return _Body(scope.initial, run, translator.defers[::-1])

    # ------------------------------------------------------------------------------ output

    def _print_text(self, address: int, end: bytes) -> int:
        self.stdout.extend(self.memory.text(address) + end)
        return 0

    def _exit(self, status: int) -> int:
        raise _Exit(status & 0xFF)


def _members(item: ast.EnumDeclaration) -> dict[str, int]:
    members: dict[str, int] = {}
    following = 0
    for row in item.members:
        value = row.value if row.value is not None else following
        members[row.name.text] = value
        following = value + 1 & numbers.MASK
    return members
