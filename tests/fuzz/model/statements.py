"""Statements as closures; one that leaves its block returns a signal, all others None."""

from collections.abc import Callable
from enum import Enum, unique
from typing import TYPE_CHECKING

from mlrift.frontend import ast
from mlrift.frontend.ast import BinaryOperator as Op
from mlrift.typesystem import (
    S64,
    U64,
    ArrayType,
    ScalarType,
    StructType,
    Tag,
    Type,
)
from tests.fuzz.model import numbers
from tests.fuzz.model.builtins import Number, allocate
from tests.fuzz.model.expressions import (
    ExpressionTranslator,
    Frame,
    Run,
    Scope,
    Typed,
    UnmodelledError,
    coerce,
    load,
    store,
    word_of,
)
from tests.fuzz.model.operators import SIGNED, UNSIGNED

if TYPE_CHECKING:
    from tests.fuzz.model.program import Model


@unique
class Leave(Enum):
    """Why a block ends early; a `return` is the list of its values instead."""

    BREAK = "break"
    CONTINUE = "continue"


Signal = Leave | list[Number] | None
Step = Callable[[Frame], Signal]
_STACK_ARRAY_BYTES = 4096


class StatementTranslator:
    """Translates the statements of one function."""

    def __init__(self, model: "Model", scope: Scope, result: Type) -> None:
        self._model = model
        self._memory = model.memory
        self._scope = scope
        self._result = result
        self._expressions = ExpressionTranslator(model, scope)
        self.defers: list[Step] = []
        self._handlers: dict[type, Callable[..., Step | None]] = {
            ast.Declare: self._declare,
            ast.DeclareArray: self._declare_array,
            ast.DeclareTuple: self._declare_tuple,
            ast.Assign: self._assign,
            ast.ExpressionStatement: self._expression,
            ast.Return: self._return,
            ast.If: self._if,
            ast.While: lambda node: self._while(self._word(node.condition), node.body),
            ast.Loop: lambda node: self._while(lambda frame: 1, node.body),
            ast.For: self._for,
            ast.Match: self._match,
            ast.Break: lambda node: lambda frame: Leave.BREAK,
            ast.Continue: lambda node: lambda frame: Leave.CONTINUE,
            ast.Defer: self._defer,
            ast.PointerLoad: self._pointer_load,
            ast.PointerStore: self._pointer_store,
        }

    def block(self, node: ast.Block) -> Step:
        """Translate a block in a scope of its own."""
        self._scope.blocks.append({})
        translated = [self._handlers[type(row)](row) for row in node.statements]
        self._scope.blocks.pop()
        steps = [row for row in translated if row is not None]

        def run(frame: Frame) -> Signal:
            for step in steps:
                signal = step(frame)
                if signal is not None:
                    return signal
            return None

        return run

    def _word(self, node: ast.Expression) -> Run:
        return word_of(self._expressions.translate(node))

    # ----------------------------------------------------------------------- declarations

    def _declare(self, node: ast.Declare) -> Step:
        declared = self._model.type_named(node.type.name)
        value = self._expressions.translate(node.value) if node.value is not None else None
        run = coerce(value, declared) if value is not None else None
        slot = self._scope.declare(node.name.text, declared).slot
        memory = self._memory
        if isinstance(declared, StructType):
            size = declared.size_bytes

            def make(frame: Frame) -> None:
                data = memory.read(run(frame), size) if run is not None else b""
                address = allocate(memory, size)
                memory.write(address, data)
                frame[slot] = address

            return make
        zero = 0.0 if declared.is_float else 0
        return self._set(slot, run if run is not None else lambda frame: zero)

    @staticmethod
    def _set(slot: int, run: Run) -> Step:
        def step(frame: Frame) -> None:
            frame[slot] = run(frame)

        return step

    def _declare_array(self, node: ast.DeclareArray) -> Step:
        element = self._model.type_named(node.type.name)
        assert isinstance(element, ScalarType | StructType)
        array = ArrayType(element, self._model.array_count(node.size))
        slot = self._scope.declare(node.name.text, array).slot
        size, memory = array.size_bytes, self._memory
        stays = isinstance(element, ScalarType) and size <= _STACK_ARRAY_BYTES

        def step(frame: Frame) -> None:
            if not stays or not frame[slot]:
                frame[slot] = allocate(memory, size)
            memory.fill(frame[slot], 0, size)

        return step

    def _declare_tuple(self, node: ast.DeclareTuple) -> Step:
        first, call = self._expressions.tuple_call(node.value)
        targets: list[tuple[int, Callable[[Number], Number]]] = []
        for position, (type_name, name) in enumerate(node.names):
            declared = self._model.type_named(type_name.name)
            source = U64 if position else first
            slot = self._scope.declare(name.text, declared).slot
            targets.append((slot, _reinterpretation(source, declared)))

        def step(frame: Frame) -> None:
            values = call(frame)
            for position, (slot, convert) in enumerate(targets):
                frame[slot] = convert(values[position] if position < len(values) else 0)

        return step

    # ------------------------------------------------------------------------ assignments

    def _assign(self, node: ast.Assign) -> Step:
        value = self._expressions.translate(node.value)
        target = node.target
        if isinstance(target, ast.Identifier):
            return self._assign_name(target, node.operator, value)
        assert isinstance(target, ast.Member | ast.Index)
        place = self._expressions.address(target)
        if node.operator is not None:
            return self._update_memory(place, node.operator, value, isinstance(target, ast.Index))
        kind, address, run = place.type, place.run, coerce(value, place.type)
        put = self._expressions.put

        def value_first(frame: Frame) -> None:
            found = run(frame)
            put(kind, address(frame), found)

        def address_first(frame: Frame) -> None:
            where = address(frame)
            put(kind, where, run(frame))

        return value_first if isinstance(target, ast.Index) else address_first

    def _assign_name(self, target: ast.Identifier, operator: Op | None, value: Typed) -> Step:
        local = self._scope.find(target.text)
        old = self._expressions.translate(target)
        if operator is not None:
            value = self._expressions.combine(operator, old, value)
        run = coerce(value, old.type)
        if local is not None:
            return self._set(local.slot, run)
        statics, name = self._model.static_values, target.text
        if name not in statics:
            raise UnmodelledError(f"assignment to {name}")

        def step(frame: Frame) -> None:
            statics[name] = run(frame)

        return step

    def _update_memory(
        self, place: Typed, operator: Op, value: Typed, is_value_first: bool
    ) -> Step:
        """Combine in memory: the address once, the value before it for `a[i]`, else after."""
        kind, memory = place.type, self._memory
        assert isinstance(kind, ScalarType)
        box: list[Number] = [0, 0]
        old = Typed(kind, lambda frame: box[0])
        given = Typed(value.type, lambda frame: box[1])
        result = coerce(self._expressions.combine(operator, old, given), kind)

        def step(frame: Frame) -> None:
            if is_value_first:
                operand = value.run(frame)
                where = place.run(frame)
                before = load(memory, kind, where)
            else:
                where = place.run(frame)
                before = load(memory, kind, where)
                operand = value.run(frame)
            box[:] = before, operand
            store(memory, kind, where, result(frame))

        return step

    def _expression(self, node: ast.ExpressionStatement) -> Step:
        run = self._expressions.translate(node.value).run

        def step(frame: Frame) -> None:
            run(frame)

        return step

    def _pointer_load(self, node: ast.PointerLoad) -> Step:
        kind = self._model.type_named(node.type.name)
        assert isinstance(kind, ScalarType)
        address, memory = self._word(node.address), self._memory
        identifier = ast.Identifier(node.name.text, node.name.span)
        target = self._expressions.translate(identifier).type
        convert = _reinterpretation(kind, target)
        made = Typed(target, lambda frame: convert(load(memory, kind, address(frame))))
        return self._assign_name(identifier, None, made)

    def _pointer_store(self, node: ast.PointerStore) -> Step:
        kind = self._model.type_named(node.type.name)
        assert isinstance(kind, ScalarType)
        address = self._word(node.address)
        value = coerce(self._expressions.translate(node.value), kind)
        memory = self._memory

        def step(frame: Frame) -> None:
            where = address(frame)
            store(memory, kind, where, value(frame))

        return step

    # ------------------------------------------------------------------ branches and loops

    def _if(self, node: ast.If) -> Step:
        condition = self._word(node.condition)
        then = self.block(node.then)
        otherwise = self.block(node.otherwise) if node.otherwise is not None else None

        def step(frame: Frame) -> Signal:
            if condition(frame):
                return then(frame)
            return otherwise(frame) if otherwise is not None else None

        return step

    def _while(self, condition: Run, node: ast.Block) -> Step:
        body = self.block(node)

        def step(frame: Frame) -> Signal:
            while condition(frame):
                signal = body(frame)
                if signal is Leave.BREAK:
                    break
                if isinstance(signal, list):
                    return signal
            return None

        return step

    def _for(self, node: ast.For) -> Step:
        start = self._expressions.translate(node.start)
        kind = S64 if start.type.tag is Tag.SIGNED else U64
        local = self._scope.declare_loop_variable(node.name.text, kind)
        slot = local.slot
        end = self._expressions.translate(node.end)
        is_signed = Tag.SIGNED in (local.type.tag, end.type.tag)
        goes_on = (SIGNED if is_signed else UNSIGNED)[Op.LE if node.inclusive else Op.LT]
        body = self.block(node.body)

        def step(frame: Frame) -> Signal:
            frame[slot] = start.run(frame)
            while goes_on(frame[slot], end.run(frame)):
                signal = body(frame)
                if signal is Leave.BREAK:
                    break
                if isinstance(signal, list):
                    return signal
                frame[slot] = frame[slot] + 1 & numbers.MASK
            return None

        return step

    def _match(self, node: ast.Match) -> Step:
        scrutinee = self._expressions.translate(node.scrutinee)
        arms = [
            ([self._pattern(row, scrutinee) for row in arm.patterns], self.block(arm.body))
            for arm in node.arms
        ]

        def step(frame: Frame) -> Signal:
            value = scrutinee.run(frame)
            for patterns, body in arms:
                if any(hits(frame, value) for hits in patterns):
                    return body(frame)
            return None

        return step

    def _pattern(self, node: ast.Pattern, scrutinee: Typed) -> Callable[[Frame, int], bool]:
        if isinstance(node, ast.WildcardPattern):
            return lambda frame, value: True
        if isinstance(node, ast.ValuePattern):
            wanted = self._expressions.translate(node.value)
            box = [0]
            found = Typed(scrutinee.type, lambda frame: box[0], is_variable=scrutinee.is_variable)
            equal = self._expressions.combine(Op.EQ, found, wanted).run

            def matches(frame: Frame, value: int) -> bool:
                box[0] = value
                return bool(equal(frame))

            return matches
        start = self._expressions.translate(node.start)
        end = self._expressions.translate(node.end)
        below = _ordering(scrutinee, start)[Op.LE]
        above = _ordering(scrutinee, end)[Op.LE if node.inclusive else Op.LT]
        return lambda frame, value: bool(
            below(start.run(frame), value) and above(value, end.run(frame))
        )

    # -------------------------------------------------------------------- defer and return

    def _defer(self, node: ast.Defer) -> None:
        position = len(self.defers)
        self.defers.insert(position, self.block(node.body))

    def _return(self, node: ast.Return) -> Step:
        runs = [
            word_of(self._expressions.translate(row))
            if position
            else coerce(self._expressions.translate(row), self._result)
            for position, row in enumerate(node.values)
        ]
        defers = self.defers[::-1]

        def step(frame: Frame) -> Signal:
            values: list[Number] = [run(frame) for run in runs]
            for block in defers:
                block(frame)
            return values or [0]

        return step


def _ordering(left: Typed, right: Typed) -> dict[Op, Callable[[int, int], int]]:
    return SIGNED if Tag.SIGNED in (left.type.tag, right.type.tag) else UNSIGNED


def _reinterpretation(source: Type, target: Type) -> Callable[[Number], Number]:
    """Return the conversion of a loaded or returned value: floats numerically, else the bits."""
    if source.is_float and target.is_float:
        return numbers.to_single if target.tag is Tag.F32 else lambda value: value
    if source.is_float:
        return lambda value: numbers.bits_of(value, source.size_bytes)
    if target.is_float:
        return lambda value: numbers.from_bits(int(value), target.size_bytes)
    return lambda value: value
