"""`match`: the scrutinee and the patterns of its arms."""

from collections.abc import Callable

from mlrift.diagnostics import catalog
from mlrift.frontend import ast, typed
from mlrift.frontend.ast import BinaryOperator
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.conversions import to_word
from mlrift.frontend.check.expressions import is_struct_variable
from mlrift.frontend.check.operators import is_signed_pair
from mlrift.frontend.typed import BinaryKind
from mlrift.typesystem import ERROR, StructType


class MatchChecker:
    """Handler of `match`; `check_block` checks the body of an arm."""

    def __init__(self, context: Context, check_block: Callable[[ast.Block], typed.Block]) -> None:
        self._context = context
        self._handlers = context.expressions
        self._check_block = check_block

    def match(self, node: ast.Match) -> typed.Statement:
        """Check a `match` statement."""
        scrutinee = self._handlers[type(node.scrutinee)](node.scrutinee)
        if scrutinee.type.is_float:
            diagnostic = catalog.FLOAT_SCRUTINEE.at(node.scrutinee.span, found=scrutinee.type.name)
            self._context.emit(diagnostic)
            scrutinee = typed.IntegerConstant(0, ERROR, scrutinee.span)
        arms = [
            typed.MatchArm(
                [self._pattern(pattern, scrutinee) for pattern in arm.patterns],
                self._check_block(arm.body),
            )
            for arm in node.arms
        ]
        return typed.Match(scrutinee, arms, node.span)

    def _pattern(self, node: ast.Pattern, scrutinee: typed.Expression) -> typed.Pattern:
        if type(node) is ast.WildcardPattern:
            return typed.AlwaysPattern()
        if type(node) is ast.RangePattern:
            return self._range(node, scrutinee)
        assert type(node) is ast.ValuePattern
        value = self._handlers[type(node.value)](node.value)
        found, wanted = value.type, scrutinee.type
        if type(found) is StructType and type(wanted) is StructType:
            if found is not wanted:
                self._context.emit(catalog.PATTERN_STRUCT_KIND.at(node.span))
            elif is_struct_variable(value) and is_struct_variable(scrutinee):
                return typed.StructPattern(value, wanted.size_bytes)
        self._reject_float(value, scrutinee)
        return typed.EqualPattern(to_word(value))

    def _range(self, node: ast.RangePattern, scrutinee: typed.Expression) -> typed.Pattern:
        start = self._handlers[type(node.start)](node.start)
        end = self._handlers[type(node.end)](node.end)
        for bound in (start, end):
            if type(bound.type) is StructType:
                self._context.emit(catalog.RANGE_BOUND_KIND.at(bound.span, found="struct"))
            elif bound.type.is_float:
                self._context.emit(catalog.RANGE_BOUND_KIND.at(bound.span, found="float"))
        starts_signed = is_signed_pair(scrutinee.type, start.type)
        ends_signed = is_signed_pair(scrutinee.type, end.type)
        if node.inclusive:
            end_comparison = BinaryKind.SLE if ends_signed else BinaryKind.ULE
        else:
            end_comparison = BinaryKind.SLT if ends_signed else BinaryKind.ULT
        return typed.RangePattern(
            to_word(start),
            to_word(end),
            BinaryKind.SLE if starts_signed else BinaryKind.ULE,
            end_comparison,
        )

    def _reject_float(self, value: typed.Expression, scrutinee: typed.Expression) -> None:
        if not value.type.is_float or scrutinee.type is ERROR:
            return
        diagnostic = catalog.MIXED_ARITHMETIC.at(
            value.span,
            operator=BinaryOperator.EQ.value,
            left=scrutinee.type.name,
            right=value.type.name,
        )
        self._context.emit(diagnostic)
