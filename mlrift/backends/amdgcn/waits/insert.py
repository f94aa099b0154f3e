"""Insert waits: before an instruction that reads or writes a register which a load may still write,
and where `Pseudo.DRAIN` and barriers ask for it.

    v1 = global_load_b32 v0, s[0:1]        v1 = global_load_b32 v0, s[0:1]
    v2 = global_load_b32 v0, s[2:3]   ->   v2 = global_load_b32 v0, s[2:3]
    v3 = v_add_f32 v1, 1.0                 s_waitcnt vmcnt(1)
                                           v3 = v_add_f32 v1, 1.0

A wait has the greatest count that is right on all paths. Stores need none, except where memory must
be in order; a register that a store reads may be overwritten at once (gpu.md 4.6).
"""

from mlrift.backends.amdgcn.allocation.units import named_writes, physical_accesses
from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.instruction import Unit
from mlrift.backends.amdgcn.mir import MachineFunction, MachineInstruction, Pseudo
from mlrift.backends.amdgcn.operations import OperationFacts, facts_of
from mlrift.backends.amdgcn.waits.counters import (
    WAIT_MODELS,
    Counter,
    Counts,
    Kind,
    WaitModel,
)
from mlrift.backends.amdgcn.waits.pending import Pending
from mlrift.values import record

_UNIT_KINDS = {Unit.LDS: Kind.LOCAL, Unit.SMEM: Kind.SCALAR, Unit.FLAT: Kind.FLAT}
_MEMORY = frozenset({Unit.GLOBAL, Unit.SCRATCH, Unit.BUFFER})
_EVERYTHING = ("load", "store", "lds")
_DRAINED = {
    "load": (Counter.LOAD, frozenset({Kind.VECTOR_LOAD, Kind.FLAT})),
    "store": (Counter.STORE, frozenset({Kind.VECTOR_STORE, Kind.FLAT})),
    "lds": (Counter.LOCAL, frozenset({Kind.LOCAL, Kind.FLAT})),
}


@record
class _Step:
    """What waits need of an instruction. `touched` are units that must not be pending; `issues` is
    the kind of memory operation it begins, with `targets`; `drains` names what must be complete
    before it, `drains_after` what is waited for right after it.
    """

    touched: list[int]
    issues: Kind | None
    targets: list[int]
    drains: tuple[str, ...]
    drains_after: tuple[str, ...]


State = dict[Counter, Pending]


def insert_waits(function: MachineFunction, generation: Generation) -> None:
    """Add the waits of a function with physical registers, remove its DRAINs."""
    model = WAIT_MODELS[generation]
    steps = [
        [_step(row, generation, model) for row in block.instructions] for block in function.blocks
    ]
    entries = _entry_states(function, steps, model)
    for block, rows, state in zip(function.blocks, steps, entries, strict=True):
        made: list[MachineInstruction] = []
        for instruction, step in zip(block.instructions, rows, strict=True):
            before, after = _advance(state, step, model)
            made += _placed(model.instructions(before), instruction)
            if instruction.operation is not Pseudo.DRAIN:
                made.append(instruction)
            made += _placed(model.instructions(after), instruction)
        block.instructions = made


def _placed(
    waits: list[MachineInstruction], instruction: MachineInstruction
) -> list[MachineInstruction]:
    for row in waits:
        row.span = instruction.span
    return waits


def _entry_states(
    function: MachineFunction, steps: list[list[_Step]], model: WaitModel
) -> list[State]:
    position = {block.number: index for index, block in enumerate(function.blocks)}
    entries: list[State] = [{row: Pending() for row in model.limits} for _ in function.blocks]
    waiting = list(range(len(function.blocks)))
    queued = set(waiting)
    waiting.reverse()
    while waiting:
        index = waiting.pop()
        queued.discard(index)
        state = {counter: row.copy() for counter, row in entries[index].items()}
        for step in steps[index]:
            _advance(state, step, model)
        for number in function.blocks[index].successors:
            target = position[number]
            changes = [entries[target][counter].join(row) for counter, row in state.items()]
            if any(changes) and target not in queued:
                queued.add(target)
                waiting.append(target)
    return entries


def _advance(state: State, step: _Step, model: WaitModel) -> tuple[Counts, Counts]:
    """Move a state over an instruction; return the waits before and after it."""
    before: Counts = {}
    for counter, pending in state.items():
        if pending.registers:
            found = [row for row in map(pending.count_for, step.touched) if row >= 0]
            if found:
                before[counter] = min(*found, model.limits[counter])
    _drain(state, step.drains, before)
    _wait(state, before)
    if step.issues is not None:
        for counter in model.counters_of(step.issues, writes_register=bool(step.targets)):
            state[counter].issue(step.issues, step.targets)
    after: Counts = {}
    _drain(state, step.drains_after, after)
    _wait(state, after)
    return before, after


def _wait(state: State, counts: Counts) -> None:
    for counter, count in counts.items():
        state[counter].wait(count)


def _drain(state: State, names: tuple[str, ...], counts: Counts) -> None:
    for name in names:
        counter, kinds = _DRAINED[name]
        if not kinds.isdisjoint(state[counter].kinds):
            counts[counter] = 0


def _step(made: MachineInstruction, generation: Generation, model: WaitModel) -> _Step:
    if made.operation is Pseudo.DRAIN:
        drains = tuple(name for name in _EVERYTHING if made.modifiers.get(name))
        return _Step([], None, [], drains, ())
    facts = facts_of(made.operation, generation)
    reads, writes = physical_accesses(made, facts)
    targets = named_writes(made)
    drains, drains_after = _ordering(facts, made, model)
    return _Step(reads + writes, _kind(facts, model, targets), targets, drains, drains_after)


def _kind(facts: OperationFacts, model: WaitModel, targets: list[int]) -> Kind | None:
    unit = facts.unit
    if unit is None:
        raise ValueError("pseudo operations are gone when waits are inserted")
    if unit in _MEMORY:
        return Kind.VECTOR_LOAD if targets else Kind.VECTOR_STORE
    if unit is Unit.CACHE and model.cache_operations_count:
        return Kind.VECTOR_LOAD if facts.invalidates else Kind.VECTOR_STORE
    if unit is Unit.MESSAGE and targets:
        return Kind.SCALAR
    return _UNIT_KINDS.get(unit)


def _ordering(
    facts: OperationFacts, made: MachineInstruction, model: WaitModel
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if facts.unit is Unit.CACHE:
        counts = model.cache_operations_count and not facts.invalidates
        return ("load", "store"), ("store",) if counts else ()
    if facts.unit is Unit.BARRIER and made.operation != "s_barrier_wait":
        return ("lds",), ()
    return (), ()
