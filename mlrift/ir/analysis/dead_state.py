"""Columns of populations that nobody reads: a module with ops of models in, their numbers out.

A column lives when anything but a step reads it (an element, a tensor, a rule of plasticity, a
delivery, which adds to it), or when a step needs it to say who fires, for another column that
lives, or for a call. What a step reads only to write it again decides nothing.
"""

from collections.abc import Iterator

from mlrift.ir.analysis.live_values import live_values
from mlrift.ir.analysis.uses import users
from mlrift.ir.core import BlockParameter, Function, Module, Value
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import Add
from mlrift.ir.ops.call import FunctionAddress
from mlrift.ir.ops.dynamics import Step
from mlrift.ir.ops.memory import Load, SlotGet, SlotSet, Store
from mlrift.ir.ops.population import Column, NewPopulation
from mlrift.values import value

_FIXED_PARAMETERS = 2  # of a body: the neuron and the time step


@value
class Access:
    """An op that uses the address of an element of a column; a write stores there, nothing else."""

    op: Op
    struct: str
    column: int
    is_write: bool


def dead_columns(module: Module) -> dict[str, frozenset[int]]:
    """Return the columns without a reader by the kind of neuron; kinds without any are left out."""
    live: dict[str, set[int]] = {}
    counts: dict[str, int] = {}
    for function in module.functions.values():
        for made in function.ops():
            if isinstance(made, NewPopulation):
                counts[made.struct] = len(made.widths)
        for row in element_accesses(function):
            if not row.is_write:
                live.setdefault(row.struct, set()).add(row.column)
    steps = steps_by_kind(module)
    found = {}
    for struct, count in counts.items():
        read = live.get(struct, set())
        _add_what_steps_need(module, steps.get(struct, []), read)
        dead = frozenset(range(count)) - read
        if dead:
            found[struct] = dead
    return found


def dead_fields(module: Module) -> list[str]:
    """Return the names of dead columns, as `Cell.trace`; those that no step knows are left out."""
    names = set()
    dead = dead_columns(module)
    for struct, steps in steps_by_kind(module).items():
        for made in steps:
            parameters = body_of(module, made).parameters[_FIXED_PARAMETERS:]
            for column, row in zip(made.columns, parameters, strict=True):
                if column in dead.get(struct, ()):
                    names.add(f"{struct}.{row.name.partition(':')[0]}")
    return sorted(names)


def steps_by_kind(module: Module) -> dict[str, list[Step]]:
    """Return the steps of each kind of neuron."""
    found: dict[str, list[Step]] = {}
    for function in module.functions.values():
        for made in function.ops():
            if isinstance(made, Step):
                found.setdefault(made.struct, []).append(made)
    return found


def body_of(module: Module, made: Step) -> Function:
    """Return the function of one neuron."""
    assert isinstance(made.body, FunctionAddress)
    return module.functions[made.body.callee]


def element_accesses(function: Function) -> list[Access]:
    """Return what a function does with the columns whose addresses it asks for."""
    columns = [made for made in function.ops() if isinstance(made, Column)]
    used = users(function) if columns else {}
    return [
        Access(op, made.struct, made.column, is_write)
        for made in columns
        for op, is_write in _address_users(made, used)
    ]


def body_accesses(body: Function, made: Step) -> list[Access]:
    """Return what the function of one neuron does with the columns that it gets."""
    parameters = body.parameters[_FIXED_PARAMETERS:]
    bases: dict[Value, int] = dict(zip(parameters, made.columns, strict=True))
    bases.update(_slots_of(body, bases))
    used = users(body)
    return [
        Access(op, made.struct, column, is_write)
        for base, column in bases.items()
        for op, is_write in _address_users(base, used)
    ]


def _slots_of(body: Function, bases: dict[Value, int]) -> dict[Value, int]:
    """Return the reads of the slots that hold the address of a column and nothing else."""
    values: dict[Value, list[Value]] = {}
    for made in body.ops():
        if isinstance(made, SlotSet):
            values.setdefault(made.slot, []).append(made.value)
    found: dict[Value, int] = {}
    for made in body.ops():
        if isinstance(made, SlotGet):
            held = values.get(made.slot, [])
            if len(held) == 1 and held[0] in bases:
                found[made] = bases[held[0]]
    return found


def _address_users(base: Value, used: dict[Value, list[Op]]) -> Iterator[tuple[Op, bool]]:
    """Yield the ops that use an address or a sum that it is in, and whether they write there."""
    work = [base]
    while work:
        address = work.pop()
        for row in used.get(address, []):
            if isinstance(row, Add):
                work.append(row)
            elif not isinstance(row, SlotSet) or not isinstance(address, BlockParameter):
                yield row, isinstance(row, Store) and row.value is not address


def _add_what_steps_need(module: Module, steps: list[Step], live: set[int]) -> None:
    """Add the columns that steps read for those that live, until there are no more."""
    bodies = [(body_of(module, made), made) for made in steps]
    rows = [(body, body_accesses(body, made)) for body, made in bodies]
    for _, found in rows:
        live.update(row.column for row in found if not (row.is_write or isinstance(row.op, Load)))
    before = -1
    while before != len(live):
        before = len(live)
        for body, found in rows:
            ignored = {row.op for row in found if row.is_write and row.column not in live}
            needed = live_values(body, ignored)
            live.update(row.column for row in found if row.op in needed and not row.is_write)
