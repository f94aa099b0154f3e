"""Expressions as closures: a node comes in, its static type and a function of the frame leave.

A frame is a list with a word or float per declared local. Values of struct, array and slice type
are addresses.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlrift.frontend import ast
from mlrift.frontend.ast import BinaryOperator as Op
from mlrift.frontend.ast import UnaryOperator
from mlrift.ir.interpret.memory import Memory
from mlrift.typesystem import (
    BOOL,
    CHAR,
    DOUBLE,
    S64,
    SINGLE,
    U8,
    U64,
    ArrayType,
    ScalarType,
    SliceType,
    StructType,
    Tag,
    Type,
)
from tests.fuzz.model import numbers
from tests.fuzz.model.builtins import PURE, Number, allocate, read_word
from tests.fuzz.model.numbers import MASK, signed, to_single
from tests.fuzz.model.operators import COMPARISONS, FLOATS, SIGNED, UNSIGNED

if TYPE_CHECKING:
    from tests.fuzz.model.program import Model

Frame = list[Any]
Run = Callable[[Frame], Any]
_RAW_PREFIXES = ("load", "vload", "atomic_", "call_ptr")


class UnmodelledError(Exception):
    """The program uses what the model does not know."""


@dataclass(frozen=True, slots=True)
class Typed:
    """An expression ready to run. Raw bits become a float by reinterpretation."""

    type: Type
    run: Run
    is_raw: bool = False
    is_variable: bool = False


@dataclass(slots=True)
class Local:
    """A declared local: its place in the frame, and that of the length if it is a slice."""

    type: Type
    slot: int
    length_slot: int = -1
    is_loop_variable: bool = False


@dataclass(slots=True)
class Scope:
    """The names of a function while it is translated, and the first values of its frame."""

    blocks: list[dict[str, Local]] = field(default_factory=lambda: [{}])
    initial: Frame = field(default_factory=list)

    def declare(self, name: str, declared: Type) -> Local:
        """Give a name a slot of its own."""
        self.initial.append(0.0 if declared.is_float else 0)
        slot = len(self.initial) - 1
        length = -1
        if isinstance(declared, SliceType):
            self.initial.append(0)
            length = slot + 1
        local = Local(declared, slot, length)
        self.blocks[-1][name] = local
        return local

    def declare_loop_variable(self, name: str, declared: Type) -> Local:
        """Give the variable of a `for` a slot, unless it is there already."""
        found = self.find(name)
        if found is not None and (not found.is_loop_variable or found.type is declared):
            return found
        made = self.declare(name, declared)
        made.is_loop_variable = True
        return made

    def find(self, name: str) -> Local | None:
        """Return what a name means in the innermost block that has it."""
        return next((block[name] for block in reversed(self.blocks) if name in block), None)


def word_of(value: Typed) -> Run:
    """Return a run that gives a value as a word: floats as their bits."""
    run = value.run
    if not value.type.is_float:
        return run
    size = value.type.size_bytes
    return lambda frame: numbers.bits_of(run(frame), size)


def coerce(value: Typed, target: Type) -> Run:
    """Return a run that gives what a destination of that type holds."""
    run, source = value.run, value.type
    if not target.is_float:
        return word_of(value)
    is_single = target.tag is Tag.F32
    if source.is_float:
        return (lambda frame: to_single(run(frame))) if is_single else run
    if value.is_raw:
        return lambda frame: numbers.from_bits(run(frame), target.size_bytes)
    if is_single:
        return lambda frame: numbers.int_to_single(run(frame))
    return lambda frame: float(signed(run(frame)))


def load(memory: Memory, kind: ScalarType, address: int) -> Number:
    """Read a scalar from typed memory."""
    word = read_word(memory, address, kind.size_bytes)
    return numbers.from_bits(word, kind.size_bytes) if kind.is_float else word


def store(memory: Memory, kind: ScalarType, address: int, value: Number) -> None:
    """Write a scalar to typed memory."""
    word = numbers.bits_of(value, kind.size_bytes) if kind.is_float else int(value) & MASK
    memory.write(address, word.to_bytes(8, "little")[: kind.size_bytes])


def in_frame(slot: int) -> Run:
    """Return a run that reads a local."""
    return lambda frame: frame[slot]


class ExpressionTranslator:
    """Translates the expressions of one function."""

    def __init__(self, model: "Model", scope: Scope) -> None:
        self._model = model
        self._memory = model.memory
        self._scope = scope
        self._handlers: dict[type, Callable[..., Typed]] = {
            ast.IntegerLiteral: lambda node: constant(U64, node.value),
            ast.FloatLiteral: lambda node: constant(
                SINGLE if node.is_single else DOUBLE, node.value
            ),
            ast.CharLiteral: lambda node: constant(CHAR, node.value),
            ast.BoolLiteral: lambda node: constant(BOOL, int(node.value)),
            ast.StringLiteral: lambda node: constant(U64, model.literal(node)),
            ast.SizeOf: lambda node: constant(U64, model.type_named(node.type.name).size_bytes),
            ast.FormatString: self._format_string,
            ast.Identifier: self._identifier,
            ast.Unary: self._unary,
            ast.Binary: self._binary,
            ast.Call: lambda node: self._call(node.function.text, node.arguments),
            ast.MethodCall: lambda node: self._call(
                node.method.text, [node.receiver, *node.arguments]
            ),
            ast.Member: self._member,
            ast.Index: self._index,
            ast.StructLiteral: self._struct_literal,
        }

    def translate(self, node: ast.Expression) -> Typed:
        """Return the closure of an expression."""
        return self._handlers[type(node)](node)

    # ------------------------------------------------------------------------------ names

    def _identifier(self, node: ast.Identifier) -> Typed:
        local = self._scope.find(node.text)
        if local is not None:
            return Typed(local.type, in_frame(local.slot), is_variable=True)
        return self._model.global_value(node.text)

    def _member(self, node: ast.Member) -> Typed:
        base, name = node.base, node.member.text
        if isinstance(base, ast.Identifier) and self._scope.find(base.text) is None:
            member = self._model.enums.get(base.text, {}).get(name)
            if member is not None:
                return constant(U64, member)
        if isinstance(base, ast.Identifier) and name == "len":
            local = self._scope.find(base.text)
            if local is not None and local.length_slot >= 0:
                return Typed(U64, in_frame(local.length_slot))
        return self._loaded(self.address(node))

    def _index(self, node: ast.Index) -> Typed:
        return self._loaded(self.address(node))

    def _loaded(self, place: Typed) -> Typed:
        kind, run, memory = place.type, place.run, self._memory
        if not isinstance(kind, ScalarType):
            return place
        return Typed(kind, lambda frame: load(memory, kind, run(frame)))

    def address(self, node: ast.Member | ast.Index) -> Typed:
        """Return the address of a field or element, typed as what is there."""
        base = self.translate(node.base)
        run = base.run
        if isinstance(node, ast.Member):
            if not isinstance(base.type, StructType):
                raise UnmodelledError(f"field {node.member.text} of another value")
            row = base.type.fields[node.member.text]
            offset = row.offset
            return Typed(row.type, lambda frame: run(frame) + offset & MASK)
        index = word_of(self.translate(node.index))
        is_array = isinstance(base.type, ArrayType | SliceType)
        element = base.type.element if isinstance(base.type, ArrayType | SliceType) else U8
        if not is_array and base.type.is_float:
            raise UnmodelledError("indexing a float")
        size = element.size_bytes

        def element_address(frame: Frame) -> int:
            start: int = run(frame)
            number: int = index(frame)
            return start + number * size & MASK

        return Typed(element, element_address)

    # -------------------------------------------------------------------------- operators

    def _unary(self, node: ast.Unary) -> Typed:
        operand = self.translate(node.operand)
        run, kind = operand.run, operand.type
        if node.operator is UnaryOperator.NOT:
            word = word_of(operand)
            return Typed(U64, lambda frame: int(word(frame) == 0))
        if kind.is_float:
            return Typed(kind, lambda frame: 0.0 - run(frame))
        result = S64 if kind.tag is Tag.SIGNED else U64
        if node.operator is UnaryOperator.NEGATE:
            return Typed(result, lambda frame: -run(frame) & MASK)
        return Typed(result, lambda frame: ~run(frame) & MASK)

    def _binary(self, node: ast.Binary) -> Typed:
        left, right = self.translate(node.left), self.translate(node.right)
        return self.combine(node.operator, left, right)

    def combine(self, operator: Op, left: Typed, right: Typed) -> Typed:
        """Return a binary operation; the left operand runs first."""
        if operator in (Op.AND, Op.OR):
            return _logical(operator, word_of(left), word_of(right))
        if isinstance(left.type, StructType) or isinstance(right.type, StructType):
            return self._struct_equality(operator, left, right)
        first, second = left.run, right.run
        if left.type.is_float or right.type.is_float:
            if not (left.type.is_float and right.type.is_float):
                raise UnmodelledError("an integer and a float")
            operation = FLOATS[operator]
            if operator in COMPARISONS:
                return Typed(U64, lambda frame: int(operation(first(frame), second(frame))))
            if left.type.tag is Tag.F32 and right.type.tag is Tag.F32:
                return Typed(
                    SINGLE, lambda frame: to_single(operation(first(frame), second(frame)))
                )
            return Typed(DOUBLE, lambda frame: operation(first(frame), second(frame)))
        is_signed = left.type.tag is Tag.SIGNED or right.type.tag is Tag.SIGNED
        apply = (SIGNED if is_signed else UNSIGNED)[operator]
        kind = _result(operator, left.type.tag, right.type.tag)
        return Typed(kind, lambda frame: apply(first(frame), second(frame)) & MASK)

    def _struct_equality(self, operator: Op, left: Typed, right: Typed) -> Typed:
        first, second, memory = left.run, right.run, self._memory
        wanted = operator is Op.EQ
        if operator not in (Op.EQ, Op.NE):
            raise UnmodelledError("an operator on structs")
        if isinstance(right.type, StructType) and left.is_variable and right.is_variable:
            size = left.type.size_bytes
            return Typed(
                U64,
                lambda frame: int(
                    (memory.read(first(frame), size) == memory.read(second(frame), size)) == wanted
                ),
            )
        return Typed(U64, lambda frame: int((first(frame) == second(frame)) == wanted))

    # ------------------------------------------------------------------------------ calls

    def _call(self, name: str, nodes: list[ast.Expression]) -> Typed:
        model = self._model
        if name in ("print", "println"):
            return self._print(nodes, "\n" if name == "println" else "")
        if name == "fn_addr":
            assert isinstance(nodes[0], ast.StringLiteral)
            return constant(U64, model.function_address(nodes[0].data.decode()))
        given = [self.translate(node) for node in nodes]
        is_raw = name.startswith(_RAW_PREFIXES)
        if name in PURE:
            kind, function = PURE[name]
            runs = [row.run for row in given]
            return Typed(kind, lambda frame: function(*[run(frame) for run in runs]))
        words = [word_of(row) for row in given]
        if name == "call_ptr":
            return Typed(
                U64, lambda frame: model.call_address(*[run(frame) for run in words]), is_raw
            )
        builtin = model.builtins.get(name)
        if builtin is not None:
            return Typed(U64, lambda frame: builtin(*[run(frame) for run in words]), is_raw)
        return self._user_call(name, given)

    def _user_call(self, name: str, given: list[Typed]) -> Typed:
        model = self._model
        function = model.functions.get(name)
        if function is None:
            raise UnmodelledError(f"function {name}")
        runs = self._arguments(function, given)
        result = model.result_type(function)
        return Typed(
            result,
            lambda frame: model.call(name, [run(frame) for run in runs])[0],
            is_raw=not result.is_float,
        )

    def _arguments(self, function: ast.Function, given: list[Typed]) -> list[Run]:
        types = self._model.parameter_types(function)
        return [
            self._argument(value, target, function.receiver is not None and position == 0)
            for position, (value, target) in enumerate(zip(given, types, strict=True))
        ]

    def _argument(self, value: Typed, target: Type, is_receiver: bool) -> Run:
        kind, run, memory = value.type, value.run, self._memory
        if isinstance(kind, StructType) and not is_receiver:
            size = kind.size_bytes
            return lambda frame: memory.place(memory.read(run(frame), size), size)
        return coerce(value, target)

    def tuple_call(self, node: ast.Expression) -> tuple[Type, Callable[[Frame], list[Number]]]:
        """Return the first result's type and a run that gives all results of a call."""
        if isinstance(node, ast.Call):
            name, nodes = node.function.text, node.arguments
        elif isinstance(node, ast.MethodCall):
            name, nodes = node.method.text, [node.receiver, *node.arguments]
        else:
            raise UnmodelledError("a tuple from something else than a call")
        model, function = self._model, self._model.functions[name]
        runs = self._arguments(function, [self.translate(row) for row in nodes])
        return model.result_type(function), lambda frame: model.call(
            name, [run(frame) for run in runs]
        )

    # ------------------------------------------------------------------------ text, structs

    def _pieces(self, parts: "list[bytes | ast.Expression]") -> list[Callable[[Frame], bytes]]:
        return [_fixed(part) if isinstance(part, bytes) else self._piece(part) for part in parts]

    def _piece(self, node: ast.Expression) -> Callable[[Frame], bytes]:
        if isinstance(node, ast.StringLiteral):
            return _fixed(node.data.partition(b"\0")[0])
        if isinstance(node, ast.FormatString):
            pieces = self._pieces(node.parts)
            return lambda frame: b"".join([run(frame) for run in pieces]).partition(b"\0")[0]
        value = self.translate(node)
        run, tag = value.run, value.type.tag
        if value.type.is_float:
            return lambda frame: numbers.float_text(run(frame)).encode()
        if tag is Tag.SIGNED:
            return lambda frame: str(signed(run(frame))).encode()
        if tag is Tag.BOOL:
            return lambda frame: b"true" if run(frame) else b"false"
        if tag is Tag.CHAR:
            return lambda frame: bytes([run(frame) & 0xFF])
        return lambda frame: str(run(frame)).encode()

    def _print(self, nodes: list[ast.Expression], end: str) -> Typed:
        pieces = self._pieces([*nodes])
        stdout, ending = self._model.stdout, end.encode()

        def run(frame: Frame) -> int:
            texts = [piece(frame) for piece in pieces]
            stdout.extend(b" ".join(texts) + ending)
            return 0

        return Typed(U64, run)

    def _format_string(self, node: ast.FormatString) -> Typed:
        pieces, memory = self._pieces(node.parts), self._memory

        def run(frame: Frame) -> int:
            text = b"".join([piece(frame) for piece in pieces])
            return memory.place(text, len(text) + 1)

        return Typed(U64, run)

    def _struct_literal(self, node: ast.StructLiteral) -> Typed:
        struct = self._model.type_named(node.type.name)
        assert isinstance(struct, StructType)
        declared = list(struct.fields.values())
        memory = self._memory
        rows: list[tuple[int, Type, Run]] = []
        for position, entry in enumerate(node.fields):
            row = struct.fields[entry.name.text] if entry.name else declared[position]
            rows.append((row.offset, row.type, coerce(self.translate(entry.value), row.type)))

        def run(frame: Frame) -> int:
            address = allocate(memory, struct.size_bytes)
            for offset, kind, value in rows:
                self.put(kind, address + offset, value(frame))
            return address

        return Typed(struct, run)

    def put(self, kind: Type, address: int, value: Number) -> None:
        """Store into memory: a scalar, or the bytes of a struct at another address."""
        if isinstance(kind, StructType):
            data = self._memory.read(int(value), kind.size_bytes)
            self._memory.write(address, data)
        else:
            assert isinstance(kind, ScalarType)
            store(self._memory, kind, address, value)


def constant(kind: Type, value: Number) -> Typed:
    """Return a value known now."""
    return Typed(kind, lambda frame: value)


def _fixed(text: bytes) -> Callable[[Frame], bytes]:
    return lambda frame: text


def _logical(operator: Op, left: Run, right: Run) -> Typed:
    if operator is Op.AND:
        return Typed(U64, lambda frame: right(frame) if left(frame) else 0)
    return Typed(U64, lambda frame: 1 if left(frame) else right(frame))


def _result(operator: Op, left: Tag, right: Tag) -> ScalarType:
    if operator in COMPARISONS:
        return U64
    if left is Tag.CHAR and operator in (Op.ADD, Op.SUB) and right in (Tag.UNSIGNED, Tag.SIGNED):
        return CHAR
    if left in (Tag.CHAR, Tag.BOOL):
        return U64
    return S64 if Tag.SIGNED in (left, right) else U64
