"""Constants are computed and algebra is applied: see `mlrift/ir/rules` for the rewrites.

    %a = arith.constant 6 : i64              %a = arith.constant 6 : i64
    %b = arith.constant 7 : i64              %b = arith.constant 7 : i64
    %c = arith.mul %a, %b             =>     %c = arith.constant 42 : i64
    %d = arith.add %x, %zero                 (uses of %d use %x)
    control.branch %true, ^a, ^b             control.jump ^a

Divisions that trap stay. Floats are folded when the result is the same on every CPU, bit for bit:
never to a NaN. What is no longer used is left to `remove_dead_code`.
"""

from math import isnan

from mlrift.ir.analysis.control_flow import reverse_postorder
from mlrift.ir.core import Function, Value
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import Constant
from mlrift.ir.passes.declaration import EVERY_PROPERTY, Pass, Property, on_functions
from mlrift.ir.rules import RULES
from mlrift.source import Span


def fold(function: Function) -> None:
    """Simplify every op of a function, values before their uses."""
    replacements: dict[Value, Value] = {}
    for block in reverse_postorder(function):
        folder = _Folder()
        kept = folder.kept
        for made in block.ops:
            if type(made) is Constant:
                kept.append(made)
                continue
            if replacements:
                made.replace_operands(replacements)
            simpler = folder.simplify(made)
            if simpler is None:
                kept.append(made)
            elif made.IS_TERMINATOR:
                folder.end_with(simpler)
            else:
                replacements[made] = simpler
        block.ops = kept


PASS = Pass(
    "fold",
    on_functions(fold),
    needs=frozenset({Property.NO_DEAD_BLOCKS}),
    keeps=EVERY_PROPERTY - {Property.NO_DEAD_BLOCKS, Property.NO_DEAD_FUNCTIONS},
)


class _Folder:
    """Rewrites one block; `kept` are its ops so far."""

    __slots__ = ("kept", "span")

    def __init__(self) -> None:
        self.kept: list[Op] = []
        self.span: Span | None = None

    def simplify(self, made: Op) -> Value | None:
        """Return the simpler value of an op, or None when it stays."""
        self.span = made.span
        if made.IS_FOLDABLE:
            constant = _evaluate(made)
            if constant is not None:
                return self.make(constant)
        rule = RULES.get(type(made))
        return rule(made, self.make) if rule is not None else None

    def make(self, made: Op) -> Value:
        """Put a new op into the block, or what it comes down to."""
        made.span = self.span
        simpler = self.simplify(made) if type(made) is not Constant else None
        if simpler is None:
            self.kept.append(made)
            return made
        return simpler

    def end_with(self, terminator: Value) -> None:
        """Put a new terminator into the block, simplified in turn."""
        assert isinstance(terminator, Op)
        terminator.span = self.span
        simpler = self.simplify(terminator)
        if simpler is None:
            self.kept.append(terminator)
        else:
            self.end_with(simpler)


def _evaluate(made: Op) -> Constant | None:
    """Compute an op whose operands are all constants."""
    numbers: list[int | float] = []
    for value in made.operands():
        if type(value) is not Constant:
            return None
        numbers.append(value.value)
    result: int | float = made.evaluate(*numbers)  # type: ignore[attr-defined]  # IS_FOLDABLE
    if isinstance(result, float) and isnan(result):
        return None
    return Constant(result, made.type)
