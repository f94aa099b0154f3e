"""Columns of populations that nobody reads are neither kept nor advanced.

    population.new %n, 1, (8, 8), @Cell          population.new %n, 1, (8, 0), @Cell
    dynamics.Cell: trace = trace * 0.99    =>    dynamics.Cell:
                   v = v + 0.1                                  v = v + 0.1

What reads a column: see `analysis/dead_state.py`. Steps do not look whether one without readers is
finite.
"""

from mlrift.ir.analysis.dead_state import (
    body_accesses,
    body_of,
    dead_columns,
    element_accesses,
    steps_by_kind,
)
from mlrift.ir.core import Function, Module, Value
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import Constant
from mlrift.ir.ops.dynamics import Step
from mlrift.ir.ops.memory import Load
from mlrift.ir.ops.population import FillColumn, NewPopulation
from mlrift.ir.passes.declaration import Pass
from mlrift.typesystem import F32, F64


def remove_dead_state(module: Module) -> None:
    """Take dead columns out of all steps, assignments and populations."""
    dead = dead_columns(module)
    if not dead:
        return
    for struct, steps in steps_by_kind(module).items():
        for made in steps if struct in dead else ():
            _take_out(body_of(module, made), made, dead[struct])
    for function in module.functions.values():
        _forget(function, dead)


PASS = Pass("remove_dead_state", remove_dead_state)


def _take_out(body: Function, made: Step, dead: frozenset[int]) -> None:
    """Remove the accesses of a body; a step that shares the body with another finds none left."""
    made.doubles = tuple(row for row in made.doubles if row not in dead)
    made.singles = tuple(row for row in made.singles if row not in dead)
    accesses = [row for row in body_accesses(body, made) if row.column in dead]
    stores = {row.op for row in accesses if row.is_write}
    loads = {row.op for row in accesses if not row.is_write}
    replacements: dict[Value, Value] = {}
    for block in body.blocks:
        kept = [op for op in block.ops if op not in stores]
        block.ops = [_constant_for(op, replacements) if op in loads else op for op in kept]
    for op in body.ops():
        op.replace_operands(replacements)


def _constant_for(made: Op, replacements: dict[Value, Value]) -> Op:
    """Return a zero in the place of a load that decides nothing."""
    assert isinstance(made, Load)
    is_float = made.memory_type in (F32, F64)
    zero = Constant(0.0 if is_float else 0, made.type)
    zero.span = made.span
    replacements[made] = zero
    return zero


def _forget(function: Function, dead: dict[str, frozenset[int]]) -> None:
    """Remove what gives dead columns a value, and their storage."""
    gone = {row.op for row in element_accesses(function) if row.column in dead.get(row.struct, ())}
    for block in function.blocks:
        for made in block.ops:
            if isinstance(made, NewPopulation):
                numbers = dead.get(made.struct, frozenset())
                made.widths = tuple(
                    0 if number in numbers else width for number, width in enumerate(made.widths)
                )
            elif isinstance(made, FillColumn) and made.column in dead.get(made.struct, ()):
                gone.add(made)
        block.ops = [made for made in block.ops if made not in gone]
