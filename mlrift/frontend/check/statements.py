"""Statements: blocks, conditions, loops, `defer` and `return`; the dispatch of all the others.

A handler returns one typed statement, or None when the statement leaves nothing to execute here
(`defer`). Handlers may put statements before theirs with `prepend`.
"""

from collections.abc import Callable

from mlrift.diagnostics import catalog
from mlrift.frontend import ast, typed
from mlrift.frontend.check.assembly import AssemblyChecker
from mlrift.frontend.check.assignments import AssignmentChecker
from mlrift.frontend.check.calls import CallChecker
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.conversions import coerce, to_word
from mlrift.frontend.check.flow import first_unreachable
from mlrift.frontend.check.literals import check_struct_kind
from mlrift.frontend.check.locals import MOST_UNLISTED, LocalChecker
from mlrift.frontend.check.patterns import MatchChecker
from mlrift.frontend.scopes import Binding, Signature
from mlrift.frontend.typed import BinaryKind
from mlrift.source import Span
from mlrift.typesystem import (
    ERROR,
    S64,
    U64,
    VOID,
    ScalarType,
    StructType,
    Tag,
    TensorType,
    Type,
    VecType,
)

StatementHandler = Callable[..., typed.Statement | None]


class _StatementHandlers(dict[type, StatementHandler]):
    """Handlers by node class; those of what only models have come when first needed."""

    __slots__ = ("context",)

    context: Context

    def __missing__(self, node: type) -> StatementHandler:
        self.update(self.context.extensions.statements)
        return self[node]


class StatementChecker:
    """Handlers of statements; `handlers` maps each node class to its own."""

    def __init__(
        self,
        context: Context,
        calls: CallChecker,
        locals_: LocalChecker,
        assignments: AssignmentChecker,
        assembly: AssemblyChecker,
    ) -> None:
        self._context = context
        self._expressions = context.expressions
        self._calls = calls
        self._locals = locals_
        self._matches = MatchChecker(context, self.block)
        self._signature: Signature
        self._loop_depth = 0
        self._is_in_defer = False
        self._defers: list[typed.Block] = []
        self._output: list[typed.Statement] = []
        self._siblings: list[ast.Statement] = []
        assignments.prepend = self.prepend
        self._handlers = _StatementHandlers()
        self._handlers.context = context
        self._handlers |= {
            ast.Declare: locals_.declare,
            ast.DeclareArray: locals_.declare_array,
            ast.DeclareTuple: locals_.declare_tuple,
            ast.Assign: assignments.assign,
            ast.ExpressionStatement: self._expression,
            ast.Return: self._return,
            ast.If: self._if,
            ast.While: self._while,
            ast.Loop: self._loop,
            ast.For: self._for,
            ast.Match: self._matches.match,
            ast.Break: self._break,
            ast.Continue: self._continue,
            ast.Defer: self._defer,
            ast.PointerLoad: assignments.pointer_load,
            ast.PointerStore: assignments.pointer_store,
            ast.Asm: assembly.asm,
        }

    def function_body(self, signature: Signature, body: ast.Block) -> None:
        """Check a body; the parameters are in the enclosing scope. Fills in the symbol."""
        self._signature = signature
        self._loop_depth = 0
        self._is_in_defer = False
        self._defers = []
        symbol = signature.symbol
        symbol.body = self.block(body)
        symbol.end_defers = self._defers[::-1]

    def prepend(self, statement: typed.Statement) -> None:
        """Add a statement before the one being checked."""
        self._output.append(statement)

    def block(self, node: ast.Block) -> typed.Block:
        """Check the statements of a block in a scope of their own."""
        self._locals.enter_block()
        outer, siblings = self._output, self._siblings
        output = self._output = []
        handlers = self._handlers
        statements = self._siblings = node.statements
        for statement in statements:
            result = handlers[type(statement)](statement)
            if result is not None:
                output.append(result)
        if len(statements) > 1:
            unreachable = first_unreachable(statements)
            if unreachable is not None:
                self._context.emit(catalog.UNREACHABLE_CODE.at(unreachable.span))
        self._output, self._siblings = outer, siblings
        self._locals.leave_block()
        return typed.Block(output, node.span)

    def _expression(self, node: ast.ExpressionStatement) -> typed.Statement | None:
        value = node.value
        if type(value) is ast.Identifier and self._declares_unknown_type(node, value):
            return None
        return typed.Evaluate(self._calls.possibly_void(node.value), node.span)

    def _declares_unknown_type(self, node: ast.ExpressionStatement, name: ast.Identifier) -> bool:
        """Report `Thing x` where Thing is no type, and declare x; False if it is something else."""
        context = self._context
        if context.is_value(name.text):
            return False
        from mlrift.frontend.check.missing_types import (  # noqa: PLC0415 - for mistakes only
            declared_after,
            unknown_type,
        )

        declared = declared_after(self._siblings, node)
        if declared is None:
            return False
        context.emit_name_error(name.text, unknown_type(context, name, declared.text))
        if not context.is_value(declared.text):
            variable = typed.LocalVariable(declared.text, ERROR, declared.span)
            self._locals.bind(Binding(variable, is_initialized=True, is_read=True))
        return True

    # --------------------------------------------------------------------------- conditions

    def _condition(self, node: ast.Expression) -> typed.Expression:
        value = self._expressions[type(node)](node)
        kind = value.type
        if kind.is_float:
            self._context.emit(catalog.CONDITION_IS_FLOAT.at(node.span))
            return to_word(value)
        if type(kind) is StructType:
            self._context.emit(catalog.CONDITION_IS_STRUCT.at(node.span))
        return value

    def _if(self, node: ast.If) -> typed.Statement:
        condition = self._condition(node.condition)
        then = self.block(node.then)
        otherwise = self.block(node.otherwise) if node.otherwise is not None else None
        return typed.If(condition, then, otherwise, node.span)

    # -------------------------------------------------------------------------------- loops

    def _while(self, node: ast.While) -> typed.Statement:
        condition = self._condition(node.condition)
        return typed.While(condition, self.loop_body(node.body), node.span)

    def _loop(self, node: ast.Loop) -> typed.Statement:
        always = typed.IntegerConstant(1, U64, node.span)
        return typed.While(always, self.loop_body(node.body), node.span)

    def loop_body(self, body: ast.Block) -> typed.Block:
        """Check the body of a loop."""
        self._loop_depth += 1
        block = self.block(body)
        self._loop_depth -= 1
        return block

    def _for(self, node: ast.For) -> typed.Statement:
        start = self._bound(node.start)
        variable = self._loop_variable(node.name, start.type)
        end = self._bound(node.end)
        is_signed = variable.type.tag is Tag.SIGNED or end.type.tag is Tag.SIGNED
        if node.inclusive:
            comparison = BinaryKind.SLE if is_signed else BinaryKind.ULE
        else:
            comparison = BinaryKind.SLT if is_signed else BinaryKind.ULT
        body = self.loop_body(node.body)
        return typed.For(variable, start, end, comparison, body, node.span)

    def _bound(self, node: ast.Expression) -> typed.Expression:
        value = self._expressions[type(node)](node)
        if value.type.is_float or type(value.type) is StructType:
            found = "float" if value.type.is_float else "struct"
            self._context.emit(catalog.RANGE_BOUND_KIND.at(node.span, found=found))
        return to_word(value)

    def _loop_variable(self, name: ast.Name, start: Type) -> typed.LocalVariable:
        """Return the variable of a `for`: a visible integer local of that name, else a new one.

        The variable stays visible after the loop (Q36). One left by an earlier `for` of the other
        signedness is replaced.
        """
        declared = S64 if start.tag is Tag.SIGNED else U64
        binding = self._context.scopes.names.get(name.text)
        if binding is not None:
            variable = binding.variable
            is_reusable = type(variable.type) is ScalarType and not variable.type.is_float
            if binding.is_loop_variable:
                is_reusable = variable.type is declared
            if is_reusable:
                binding.is_read = binding.is_initialized = True
                return variable
        variable = typed.LocalVariable(name.text, declared, name.span)
        self._locals.bind(Binding(variable, True, True, is_loop_variable=True))
        return variable

    def _break(self, node: ast.Break) -> typed.Statement | None:
        if self._may_leave_loop("break", node.span):
            return typed.Break(node.span)
        return None

    def _continue(self, node: ast.Continue) -> typed.Statement | None:
        if self._may_leave_loop("continue", node.span):
            return typed.Continue(node.span)
        return None

    def _may_leave_loop(self, word: str, span: Span) -> bool:
        if self._loop_depth > 0:
            return True
        if self._is_in_defer:
            self._context.emit(catalog.BREAK_OUT_OF_DEFER.at(span, word=word))
        elif word == "break":
            self._context.emit(catalog.BREAK_OUTSIDE_LOOP.at(span))
        else:
            self._context.emit(catalog.CONTINUE_OUTSIDE_LOOP.at(span))
        return False

    # ---------------------------------------------------------------------- leaving functions

    def at_end(self, block: typed.Block) -> None:
        """Run a block when the function ends, as a `defer` at this place does."""
        self._defers.append(block)

    def _defer(self, node: ast.Defer) -> None:
        position = len(self._defers)
        outer_depth, self._loop_depth = self._loop_depth, 0
        was_in_defer, self._is_in_defer = self._is_in_defer, True
        block = self.block(node.body)
        self._loop_depth, self._is_in_defer = outer_depth, was_in_defer
        self._defers.insert(position, block)

    def _return(self, node: ast.Return) -> typed.Statement:
        if self._is_in_defer:
            self._context.emit(catalog.RETURN_INSIDE_DEFER.at(node.span))
        symbol = self._signature.symbol
        if len(node.values) > MOST_UNLISTED and not symbol.further:
            self._context.emit(catalog.BAD_TUPLE_SIZE.at(node.span, count=len(node.values)))
        if symbol.result is VOID:
            self._returned_from_void(node)
            values: list[typed.Expression] = []
        else:
            values = self._returned_values(node)
        return typed.Return(values, self._defers[::-1], node.span)

    def _returned_from_void(self, node: ast.Return) -> None:
        for value_node in node.values:
            value = self._calls.possibly_void(value_node)
            self.prepend(typed.Evaluate(value, value_node.span))
            if value.type is VOID:
                self._calls.reject_void(value, catalog.VOID_RETURNED)
            else:
                name = self._signature.symbol.name
                diagnostic = catalog.VALUE_IN_VOID_FUNCTION.at(value_node.span, name=name)
                self._context.emit(diagnostic)

    def _returned_values(self, node: ast.Return) -> list[typed.Expression]:
        context, calls, symbol = self._context, self._calls, self._signature.symbol
        values: list[typed.Expression] = []
        if symbol.further:
            values = [calls.possibly_void(row) for row in node.values]
            values = [calls.reject_void(row, catalog.VOID_RETURNED) for row in values]
            return context.extensions.results.returned(symbol, values, node.span)
        for value_node in node.values:
            value = calls.reject_void(calls.possibly_void(value_node), catalog.VOID_RETURNED)
            if type(symbol.result) is VecType:
                values.append(context.extensions.vectors.returned(value, symbol.result))
                continue
            values.append(to_word(value) if values else self._first_value(value))
        if not values:
            context.emit(catalog.NO_VALUE_IN_FUNCTION.at(node.span, name=symbol.name))
            zero = typed.IntegerConstant(0, U64, node.span)
            values.append(coerce(zero, symbol.result))
        elif len(values) not in (1, symbol.result_count):
            diagnostic = catalog.WRONG_TUPLE_ARITY.at(
                node.span, expected=symbol.result_count, found=len(values)
            )
            note = "every tuple `return` of a function gives the same number"
            context.emit(diagnostic.note(note))
        while len(values) < symbol.result_count:
            values.append(typed.IntegerConstant(0, U64, node.span))
        return values

    def _first_value(self, value: typed.Expression) -> typed.Expression:
        result, found = self._signature.symbol.result, value.type
        if type(result) is TensorType:
            return self._context.extensions.tensors.returned(value, result)
        check_struct_kind(self._context, value, result, catalog.RETURN_STRUCT_KIND)
        if result.is_float and found.is_float and result is not found:
            diagnostic = catalog.RETURN_FLOAT_KIND.at(
                value.span, expected=result.name, found=found.name
            )
            self._context.emit(diagnostic)
        return coerce(value, result)
